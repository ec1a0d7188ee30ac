"""Reading notices, and the things that the ids in their facts stand for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.base import ExecutableOption

from marketplace.db import Base
from marketplace.models import Bid, Booking, Certification, Notice, Skill, Task, User

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True)
class Subjects:
    """What a notice is about; None where its facts do not say."""

    task: Task | None
    bid: Bid | None
    booking: Booking | None
    certification: Certification | None
    skill: Skill | None
    helper: User | None


def of_person(session: Session, user: User, *, limit: int, offset: int = 0) -> list[Notice]:
    """A person's notices, newest first."""
    mine = select(Notice).where(Notice.user_id == user.id).order_by(Notice.at.desc(), Notice.id.desc())
    return list(session.scalars(mine.limit(limit).offset(offset)))


def unread(session: Session, user_id: int) -> int:
    """How many notices this person has not read."""
    waiting = select(func.count()).where(Notice.user_id == user_id, Notice.read_at.is_(None))
    return session.scalar(waiting) or 0


def subjects(session: Session, many: Iterable[dict[str, Any]]) -> list[Subjects]:
    """What each of these facts is about; one statement per kind of thing, however many there are."""
    facts = list(many)
    bids = _by_id(session, Bid, {fact.get("bid_id") for fact in facts}, joinedload(Bid.helper))
    people = (joinedload(Booking.helper), joinedload(Booking.customer))
    bookings = _by_id(session, Booking, {fact.get("booking_id") for fact in facts}, *people)
    certifications = _by_id(session, Certification, {fact.get("certification_id") for fact in facts})
    task_ids = {fact.get("task_id") for fact in facts}
    task_ids |= {bid.task_id for bid in bids.values()} | {booking.task_id for booking in bookings.values()}
    tasks = _by_id(session, Task, task_ids)
    skills = _by_id(session, Skill, {fact.get("skill_id") for fact in facts})
    helpers = _by_id(session, User, {fact.get("helper_id") for fact in facts})

    def subject(fact: dict[str, Any]) -> Subjects:
        bid = bids.get(fact.get("bid_id", 0))
        booking = bookings.get(fact.get("booking_id", 0))
        task_id = fact.get("task_id") or (bid.task_id if bid else booking.task_id if booking else 0)
        certification = certifications.get(fact.get("certification_id", 0))
        skill, helper = skills.get(fact.get("skill_id", 0)), helpers.get(fact.get("helper_id", 0))
        return Subjects(tasks.get(task_id), bid, booking, certification, skill, helper)

    return [subject(fact) for fact in facts]


def _by_id(session: Session, model: type[Row], ids: set[int | None], *options: ExecutableOption) -> dict[int, Row]:
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted)).options(*options))}
