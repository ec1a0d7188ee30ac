"""Reading for the operator's room: the figures of the day, and the lists and pages behind them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.db import by_public_id
from marketplace.domain.errors import NotFound
from marketplace.domain.lifecycles import (
    BOOKING,
    BOOKING_HOLDING,
    BOOKING_UNDER_WAY,
    CERTIFICATION,
    DISPUTE,
    PAYMENT,
    TASK,
)
from marketplace.models import Bid, Booking, Certification, Dispute, Payment, Profile, Task, User


@dataclass(frozen=True)
class Figures:
    """The operator's day in figures; money in cents of the operator's currency."""

    open_tasks: int
    tasks_without_bid: int
    bids_today: int
    visits_today: int
    visits_under_way: int
    waiting_certifications: int
    oldest_application_at: datetime | None
    new_people: int
    held_cents: int
    unsolved_visits: int
    disputes_to_answer: int
    next_answer_due_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """One page of a list, and how many rows there are in all."""

    rows: list[Any]
    total: int


@dataclass(frozen=True)
class PersonPage:
    """Everything the operator sees of one person."""

    person: User
    profile: Profile | None
    certifications: list[Certification]
    tasks: list[Task]
    bids: list[Bid]
    bookings: list[Booking]


def figures(session: Session, *, since: datetime, until: datetime) -> Figures:
    """The figures of the day from `since` to `until`, in one statement."""
    waiting = select(func.min(Certification.applied_at)).where(Certification.state == CERTIFICATION.applied)
    held = select(func.coalesce(func.sum(Payment.amount_cents), 0)).where(Payment.state == PAYMENT.held)
    row = session.execute(
        select(
            _count(Task, Task.state == TASK.open),
            _count(Task, Task.state == TASK.open, ~_has_bid()),
            _count(Bid, Bid.created_at >= since, Bid.created_at < until),
            _count(Booking, Booking.starts_at >= since, Booking.starts_at < until, Booking.state.in_(BOOKING_HOLDING)),
            _count(Booking, Booking.state.in_(BOOKING_UNDER_WAY)),
            _count(Certification, Certification.state == CERTIFICATION.applied),
            waiting.scalar_subquery(),
            _count(User, User.created_at >= since, User.created_at < until),
            held.scalar_subquery(),
            _count(Booking, Booking.state == BOOKING.unsolved),
            _count(Dispute, Dispute.state == DISPUTE.begins),
            select(func.min(Dispute.due_at)).where(Dispute.state == DISPUTE.begins).scalar_subquery(),
        )
    ).one()
    return Figures(*row)


def certification_queue(session: Session, state: str, *, limit: int, offset: int = 0) -> Listed:
    """Certifications in a state: those waiting with the oldest first, those decided with the latest first."""
    chosen = select(Certification).where(Certification.state == state)
    waiting = state == CERTIFICATION.applied
    order = (Certification.applied_at, Certification.id) if waiting else (Certification.decided_at.desc(),)
    with_people = (joinedload(Certification.helper).raiseload(User.roles), joinedload(Certification.skill))
    return _page(session, chosen, order, with_people, limit=limit, offset=offset)


def certification_page(session: Session, public_id: str) -> tuple[Certification, list[Certification], Profile | None]:
    """One certification with people and skill, the helper's others, and the helper's profile; raises NotFound."""
    one = by_public_id(
        session, Certification, public_id,
        joinedload(Certification.helper), joinedload(Certification.skill), joinedload(Certification.decided_by),
    )  # fmt: skip
    others = session.scalars(
        select(Certification)
        .where(Certification.helper_id == one.helper_id, Certification.id != one.id)
        .options(joinedload(Certification.skill))
        .order_by(Certification.applied_at.desc())
    )
    return one, list(others), _profile_of(session, one.helper_id)


def tasks(
    session: Session, *, state: str | None, search: str, without_bid: bool, limit: int, offset: int = 0
) -> Listed:
    """Tasks, newest first: in a state, without a bid, or with this reference or these words in the title."""
    chosen = select(Task)
    if state:
        chosen = chosen.where(Task.state == state)
    if without_bid:
        chosen = chosen.where(~_has_bid())
    if search:
        chosen = chosen.where(or_(Task.public_id == search.lower(), _holds(Task.title, search)))
    with_people = (joinedload(Task.customer).raiseload(User.roles), joinedload(Task.skill))
    return _page(session, chosen, (Task.id.desc(),), with_people, limit=limit, offset=offset)


def task_page(session: Session, public_id: str) -> tuple[Task, list[Bid]]:
    """One task with its customer and skill, and its bids with their helpers; raises NotFound."""
    task = by_public_id(session, Task, public_id, joinedload(Task.customer), joinedload(Task.skill))
    bids = select(Bid).where(Bid.task_id == task.id).options(joinedload(Bid.helper)).order_by(Bid.id)
    return task, list(session.scalars(bids))


def people(
    session: Session, *, kind: str | None, search: str, since: datetime | None, limit: int, offset: int = 0
) -> Listed:
    """People, newest first: helpers, suspended ones or the operator's own, found by name, mail address or reference."""
    chosen = select(User)
    if kind == "helpers":
        chosen = chosen.where(User.is_helper)
    elif kind == "suspended":
        chosen = chosen.where(User.suspended_at.is_not(None))
    elif kind == "operators":
        chosen = chosen.where(User.roles.any())
    if since is not None:
        chosen = chosen.where(User.created_at >= since)
    if search:
        named = or_(_holds(User.name, search), _holds(User.email, search))
        chosen = chosen.where(or_(User.public_id == search.lower(), named))
    return _page(session, chosen, (User.id.desc(),), (selectinload(User.roles),), limit=limit, offset=offset)


def person_page(session: Session, public_id: str, *, limit: int = 20) -> PersonPage:
    """One person with profile and certifications, and their latest tasks, bids and bookings; raises NotFound."""
    person = session.scalar(select(User).where(User.public_id == public_id).options(selectinload(User.roles)))
    if person is None:
        raise NotFound()
    certifications = (
        select(Certification)
        .where(Certification.helper_id == person.id)
        .options(joinedload(Certification.skill))
        .order_by(Certification.applied_at.desc())
    )
    posted = select(Task).where(Task.customer_id == person.id).options(joinedload(Task.skill)).order_by(Task.id.desc())
    placed = select(Bid).where(Bid.helper_id == person.id).options(joinedload(Bid.task)).order_by(Bid.id.desc())
    return PersonPage(
        person,
        _profile_of(session, person.id),
        list(session.scalars(certifications)),
        list(session.scalars(posted.limit(limit))),
        list(session.scalars(placed.limit(limit))),
        list(session.scalars(_bookings_of(person.id).limit(limit))),
    )


def bookings(
    session: Session,
    *,
    states: tuple[str, ...] | None,
    search: str,
    span: tuple[datetime, datetime] | None,
    limit: int,
    offset: int = 0,
) -> Listed:
    """Bookings by the time of the visit, latest first: in these states, within a span, or with this reference."""
    chosen = select(Booking)
    if states:
        chosen = chosen.where(Booking.state.in_(states))
    if span:
        chosen = chosen.where(Booking.starts_at >= span[0], Booking.starts_at < span[1])
    if search:
        chosen = chosen.where(Booking.public_id == search.lower())
    return _page(
        session, chosen, (Booking.starts_at.desc(), Booking.id.desc()), _BOTH_SIDES, limit=limit, offset=offset
    )


_BOTH_SIDES = (
    joinedload(Booking.task),
    joinedload(Booking.customer).raiseload(User.roles),
    joinedload(Booking.helper).raiseload(User.roles),
)


def _bookings_of(person_id: int) -> Select[tuple[Booking]]:
    """The bookings in which this person is a side, latest first."""
    either = or_(Booking.customer_id == person_id, Booking.helper_id == person_id)
    return select(Booking).where(either).options(*_BOTH_SIDES).order_by(Booking.starts_at.desc())


def _profile_of(session: Session, user_id: int) -> Profile | None:
    return session.scalar(select(Profile).where(Profile.user_id == user_id).options(selectinload(Profile.hours)))


def _count(model: Any, *conditions: Any) -> Any:
    return select(func.count()).select_from(model).where(*conditions).scalar_subquery()


def _has_bid() -> Any:
    return exists().where(Bid.task_id == Task.id)


def _holds(column: Any, words: str) -> Any:
    """Whether a column holds these words, whatever their case; signs of patterns in them mean themselves."""
    return func.lower(column).contains(words.lower(), autoescape=True)


def _page(session: Session, chosen: Select[Any], order: Any, options: Any, *, limit: int, offset: int) -> Listed:
    """One page of a list and the count of all of it."""
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    rows = session.scalars(chosen.order_by(*order).options(*options).limit(limit).offset(offset))
    return Listed(list(rows), total)
