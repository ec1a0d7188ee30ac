"""Reading reviews: what is open about a person, and what a person has yet to write."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from marketplace.domain.lifecycles import BOOKING_DONE
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Review

OPEN_ABOUT = (
    select(Review)
    .where(
        Review.about_id == bindparam("about_id"),
        Review.side.in_(bindparam("said_by", expanding=True)),
        Review.opens_at <= bindparam("at"),
    )
    .options(joinedload(Review.author))
    .order_by(Review.opens_at.desc(), Review.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)


def about(
    session: Session, user_id: int, *, said_by: Collection[str], at: datetime, limit: int = 20, offset: int = 0
) -> list[Review]:
    """The reviews about this person by these sides that are open at `at`, newest first, with their authors.

    What customers say of a helper is public; what helpers say of a customer is not.
    """
    values = {"about_id": user_id, "said_by": list(said_by), "at": at, "limit": limit, "offset": offset}
    return list(session.scalars(OPEN_ABOUT, values))


def of_booking(session: Session, booking: Booking) -> dict[str, Review]:
    """Both sides' reviews of a booking by the author's side, hidden ones too: for its two sides' own page only."""
    found = session.scalars(select(Review).where(Review.booking_id == booking.id))
    return {review.side: review for review in found}


def due(session: Session, user_id: int, *, at: datetime, policy: Policy) -> list[Booking]:
    """The bookings that this person may still review, oldest first."""
    mine = aliased(Review)
    since = at - timedelta(days=policy.review_days)
    written = and_(mine.booking_id == Booking.id, mine.author_id == user_id)
    return list(
        session.scalars(
            select(Booking)
            .outerjoin(mine, written)
            .where(
                or_(Booking.customer_id == user_id, Booking.helper_id == user_id),
                Booking.state.in_(BOOKING_DONE),
                Booking.signed_off_at > since,
                mine.id.is_(None),
            )
            .options(joinedload(Booking.task), joinedload(Booking.helper), joinedload(Booking.customer))
            .order_by(Booking.signed_off_at)
        )
    )
