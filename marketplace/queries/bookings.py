"""Reading bookings: a person's own, one booking's page, and what the calendar says."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.domain.errors import NotFound
from marketplace.domain.lifecycles import BOOKING, BOOKING_LIVE, BOOKING_UNPAID
from marketplace.models import Booking, Task, User
from marketplace.permissions import side_of

PAGE = (
    select(Booking)
    .where(Booking.public_id == bindparam("public_id"))
    .options(
        joinedload(Booking.task).joinedload(Task.skill),
        joinedload(Booking.bid),
        joinedload(Booking.customer),
        joinedload(Booking.helper),
        selectinload(Booking.steps),
    )
)
MINE = (
    select(Booking)
    .where(
        or_(
            Booking.customer_id == bindparam("user_id"),
            and_(Booking.helper_id == bindparam("user_id"), Booking.state.not_in(BOOKING_UNPAID)),
        ),
        Booking.state != BOOKING.lapsed,
    )
    .options(joinedload(Booking.task), joinedload(Booking.customer), joinedload(Booking.helper))
    .order_by(Booking.starts_at, Booking.id)
)


@dataclass(frozen=True)
class Mine:
    """A person's bookings: what is still to come (soonest first) and what is over (latest first)."""

    coming: list[Booking]
    over: list[Booking]


def booking_page(session: Session, public_id: str) -> Booking:
    """A booking with its task, skill, bid, people and steps; raises NotFound."""
    booking = session.scalar(PAGE, {"public_id": public_id})
    if booking is None:
        raise NotFound()
    return booking


def own_booking(session: Session, public_id: str, user: User) -> Booking:
    """The same for one of its two sides; raises NotFound for anybody else.

    The helper hears of a booking only once the money is held.
    """
    booking = booking_page(session, public_id)
    side = side_of(user, booking)
    if side is None or (side == "helper" and booking.state in BOOKING_UNPAID):
        raise NotFound()
    return booking


def mine(session: Session, user_id: int) -> Mine:
    """This person's bookings as customer and as helper."""
    found = session.scalars(MINE, {"user_id": user_id}).all()
    coming = [booking for booking in found if booking.state in BOOKING_LIVE]
    over = [booking for booking in reversed(found) if booking.state not in BOOKING_LIVE]
    return Mine(coming, over)
