"""Reviewing the other side of a booking, blind until both are in or the window has closed."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, journal, outbox
from marketplace.domain.errors import N_, Invalid, NotAllowed, WrongState
from marketplace.domain.lifecycles import BOOKING_DONE
from marketplace.domain.masking import masked
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Review, User
from marketplace.permissions import side_of


def write(
    session: Session,
    booking: Booking,
    *,
    by: User,
    stars: int,
    words: str,
    policy: Policy,
    knowledge: int | None = None,
    punctuality: int | None = None,
    friendliness: int | None = None,
) -> Review:
    """Say how it was, once per side, within the window after the sign-off. Stars are 1 to 5.

    Both reviews open together when the second comes in, else when the window closes (Airtasker's and Couchers' rule).
    Raises NotAllowed, WrongState, Invalid.
    """
    side = side_of(by, booking)
    if side is None:
        raise NotAllowed(N_("Only the two sides of a booking may review it."))
    closes_at = closing(booking, policy=policy)
    if clock.now() >= closes_at:
        raise WrongState(N_("The time for reviewing this booking is over."))
    if not 1 <= stars <= 5:
        raise Invalid("stars", N_("Please choose one to five stars."))
    if len(words) > policy.text_max:
        raise Invalid("words", N_("Please use at most %(max)s characters."), max=policy.text_max)
    about_id = booking.helper_id if side == "customer" else booking.customer_id
    review = Review(
        booking_id=booking.id,
        side=side,
        author_id=by.id,
        about_id=about_id,
        stars=stars,
        knowledge=knowledge if side == "customer" else None,
        punctuality=punctuality,
        friendliness=friendliness,
        words=masked(words.strip()),  # everybody reads it
        at=clock.now(),
        opens_at=closes_at,
    )
    session.add(review)
    try:
        session.flush()
    except IntegrityError as twice:
        raise WrongState(N_("You have already reviewed this booking.")) from twice
    journal.record(session, "review_written", review, by=by, facts={"booking_id": booking.id, "stars": stars})
    _open_when_both_are_in(session, booking)
    return review


def close(session: Session, booking: Booking) -> None:
    """The time for reviews is over: the booking is closed, and whoever one side alone has reviewed is told.

    Raises WrongState unless the booking is signed off.
    """
    bookings.close(session, booking)
    written = session.scalars(select(Review).where(Review.booking_id == booking.id)).all()
    if len(written) == 1:
        outbox.tell(session, written[0].about_id, "review_opened", booking_id=booking.id, review_id=written[0].id)


def closing(booking: Booking, *, policy: Policy) -> datetime:
    """When the window for reviews of a booking closes; raises WrongState before it has opened."""
    if booking.state not in BOOKING_DONE or booking.signed_off_at is None:
        raise WrongState(N_("You can review a booking once it is signed off."))
    return booking.signed_off_at + timedelta(days=policy.review_days)


def _open_when_both_are_in(session: Session, booking: Booking) -> None:
    """Open both reviews at once and tell both people."""
    # The booking's row is locked first: of two sides who write at the same instant, the second sees the first.
    session.execute(update(Booking).where(Booking.id == booking.id).values(id=booking.id))
    both = session.scalars(select(Review).where(Review.booking_id == booking.id)).all()
    if len(both) < 2:
        return
    for review in both:
        review.opens_at = clock.now()
        outbox.tell(session, review.about_id, "review_received", booking_id=booking.id, review_id=review.id)
