"""Reading the derived standing of helpers, and the rows of record that it is made from."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any, Literal

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from marketplace.domain.badges import Record
from marketplace.domain.lifecycles import BOOKING, BOOKING_DONE, CERTIFICATION
from marketplace.domain.policy import Policy
from marketplace.domain.ratings import Rating, WeightedStars, rate, weight_of_repeat, weight_of_reviewer
from marketplace.models import Bid, Booking, Certification, Review, Standing, Task, User

Role = Literal["customer", "helper"]
OTHER: dict[Role, Role] = {"customer": "helper", "helper": "customer"}  # who says something of somebody in this role


def standing(session: Session, helper_id: int) -> Standing | None:
    """A helper's standing as the worker last made it; None before the first time."""
    return session.scalar(select(Standing).where(Standing.helper_id == helper_id))


def standings(session: Session, helper_ids: Iterable[int]) -> dict[int, Standing]:
    """The standings of several helpers by their id."""
    found = session.scalars(select(Standing).where(Standing.helper_id.in_(list(helper_ids))))
    return {one.helper_id: one for one in found}


def record_of(session: Session, helper_id: int, *, at: datetime, policy: Policy) -> tuple[Record, Rating]:
    """What counts of a helper at `at`, made from the rows of record alone: the same whenever it is made again."""
    signed_off, customers, let_down, certified = session.execute(_RECORD, {"helper_id": helper_id}).one()
    rating = rating_of(session, helper_id, "helper", at=at, policy=policy)
    record = Record(
        certified=bool(certified),
        signed_off=signed_off,
        customers=customers,
        cautious_hundredths=rating.cautious_hundredths,
        completed=signed_off,
        agreed=signed_off + let_down,
        open_safety_case=False,  # cases come with the noun `cases`; until then nobody can open one
    )
    return record, rating


def rating_of(session: Session, user_id: int, role: Role, *, at: datetime, policy: Policy) -> Rating:
    """The rating that the reviews open at `at` make of a person in this role, as helper or as customer.

    Each is weighted by its author's standing in the other role and by how often the author came before.
    """
    asked = {"about_id": user_id, "said_by": OTHER[role], "said_of_them": role, "at": at}
    earlier: dict[int, int] = {}
    weighted = []
    for author_id, stars, suspended_at, others_say in session.execute(_OPEN_REVIEWS, asked):
        standing_of_author = weight_of_reviewer(
            None if others_say is None else float(others_say),
            suspended=suspended_at is not None,
            fair_stars=policy.fair_stars,
        )
        weighted.append(WeightedStars(stars, standing_of_author * weight_of_repeat(earlier.get(author_id, 0))))
        earlier[author_id] = earlier.get(author_id, 0) + 1
    return rate(weighted)


def reply_minutes(session: Session, helper_id: int) -> int | None:
    """The median time in minutes from a task's publishing to this helper's bid, over the last 50 bids; None without bids."""
    rows = session.execute(_LAST_REPLIES, {"helper_id": helper_id})
    waits = [max(0, int((bid_at - task_at).total_seconds() // 60)) for task_at, bid_at in rows]
    return int(median(waits)) if waits else None


def _of_helper(counted: Any, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many bookings of the helper fulfil these conditions, or what else is counted of them."""
    return select(counted).where(Booking.helper_id == bindparam("helper_id"), *conditions).scalar_subquery()


_DONE = Booking.state.in_(BOOKING_DONE)
_RECORD = select(
    _of_helper(func.count(), _DONE),
    _of_helper(func.count(Booking.customer_id.distinct()), _DONE),
    _of_helper(func.count(), Booking.state == BOOKING.cancelled, Booking.cancelled_by == "helper"),
    select(Certification.id)
    .where(Certification.helper_id == bindparam("helper_id"), Certification.state == CERTIFICATION.granted)
    .exists(),
)
_OfAuthor = aliased(Review)  # what others than the one reviewed say of a review's author
_OPEN_REVIEWS = (
    select(
        Review.author_id,
        Review.stars,
        User.suspended_at,
        select(func.avg(_OfAuthor.stars))
        .where(
            _OfAuthor.about_id == Review.author_id,
            _OfAuthor.author_id != Review.about_id,
            _OfAuthor.side == bindparam("said_of_them"),
            _OfAuthor.opens_at <= bindparam("at"),
        )
        .scalar_subquery(),
    )
    .join(User, User.id == Review.author_id)
    .where(
        Review.about_id == bindparam("about_id"),
        Review.side == bindparam("said_by"),
        Review.opens_at <= bindparam("at"),
    )
    .order_by(Review.at, Review.id)
)
_LAST_REPLIES = (
    select(Task.created_at, Bid.created_at)
    .join(Task, Task.id == Bid.task_id)
    .where(Bid.helper_id == bindparam("helper_id"))
    .order_by(Bid.id.desc())
    .limit(50)
)
