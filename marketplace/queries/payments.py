"""Reading payments: the page before paying, and how a booking's payments stand."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace import clock
from marketplace.domain.errors import N_, NotAllowed, NotFound, PaymentUnderWay, WrongState
from marketplace.domain.lifecycles import BID, BOOKING_LIVE, PAYMENT, PAYMENT_UNDER_WAY, TASK
from marketplace.models import Bid, Booking, Payment, Refund, Settlement, Task, User
from marketplace.permissions import may_answer_bid, may_see_bid
from marketplace.queries.bids import terms_number


@dataclass(frozen=True)
class Acceptable:
    """A bid that its customer may accept now, with the number of the terms that they are shown."""

    bid: Bid
    terms: int


def acceptable(session: Session, bid_id: str, user: User) -> Acceptable:
    """The bid with this public id, for the page before paying.

    Raises NotFound for anybody but its two sides, NotAllowed for its helper, WrongState when it cannot be accepted (any
    more), PaymentUnderWay.
    """
    bid = session.scalar(
        select(Bid)
        .where(Bid.public_id == bid_id)
        .options(joinedload(Bid.task).joinedload(Task.skill), joinedload(Bid.helper))
    )
    if bid is None or not may_see_bid(user, bid, bid.task):
        raise NotFound()
    if not may_answer_bid(user, bid, bid.task):
        raise NotAllowed(N_("Only the customer who posted the task may accept a bid."))
    reserved = session.scalar(
        select(Booking.public_id).where(Booking.task_id == bid.task_id, Booking.state.in_(BOOKING_LIVE))
    )
    if reserved is not None and bid.task.state in TASK.befores("reserve"):
        raise PaymentUnderWay(reserved)
    if bid.task.state not in TASK.befores("reserve"):
        raise WrongState(N_("This task is no longer open, so its bids cannot be accepted any more."))
    if bid.state not in BID.befores("reserve"):
        raise WrongState(N_("This bid cannot be accepted any more. Please look at your bids again."))
    if bid.helper.suspended_at:
        raise WrongState(N_("This helper may not come at present. Please choose another bid."))
    if min(bid.expires_at, bid.starts_at) <= clock.now():
        raise WrongState(N_("This bid has run out. Please ask the helper for a new time."))
    return Acceptable(bid, terms_number(session, bid))


def payment_of(session: Session, public_id: str, user: User) -> Payment:
    """The customer's own payment with its booking; raises NotFound for anybody else."""
    payment = session.scalar(
        select(Payment)
        .where(Payment.public_id == public_id, Payment.customer_id == user.id)
        .options(joinedload(Payment.booking))
    )
    if payment is None:
        raise NotFound()
    return payment


def latest_of(session: Session, booking_id: int) -> Payment | None:
    """The newest payment of a booking."""
    newest = select(Payment).where(Payment.booking_id == booking_id).order_by(Payment.id.desc())
    return session.scalar(newest.limit(1))


def all_of(session: Session, booking_id: int) -> list[Payment]:
    """Every payment of a booking, oldest first: for the visit, and for more work agreed on the spot."""
    return list(session.scalars(select(Payment).where(Payment.booking_id == booking_id).order_by(Payment.id)))


def refunds_of(session: Session, booking_id: int) -> list[Refund]:
    """The refunds of a booking, oldest first."""
    here = select(Refund).join(Payment, Payment.id == Refund.payment_id).where(Payment.booking_id == booking_id)
    return list(session.scalars(here.order_by(Refund.id)))


def decisions_of(session: Session, booking_id: int) -> list[str]:
    """The operator's words about this booking's money, oldest first, each once."""
    said = select(Settlement.note).where(Settlement.booking_id == booking_id, Settlement.note.is_not(None))
    return list(dict.fromkeys(str(note) for note in session.scalars(said.order_by(Settlement.id))))


def prepared_of(session: Session, booking_id: int) -> int | None:
    """The id of the booking's payment that is under way, if there is one."""
    return session.scalar(
        select(Payment.id).where(Payment.booking_id == booking_id, Payment.state.in_(PAYMENT_UNDER_WAY))
    )


def extra_of(session: Session, booking_id: int) -> int | None:
    """The id of more work of this booking that is not paid yet, if there is any."""
    unpaid = Payment.booking_id == booking_id, Payment.kind == "extra", Payment.state.in_(PAYMENT_UNDER_WAY)
    return session.scalar(select(Payment.id).where(*unpaid))


def is_under_way(session: Session, payment_id: int) -> bool:
    """Whether this payment may still be paid."""
    prepared = select(Payment.id).where(Payment.id == payment_id, Payment.state.in_(PAYMENT_UNDER_WAY))
    return session.scalar(prepared) is not None


def is_held(session: Session, payment_id: int) -> bool:
    """Whether this payment's money is held, or sure to come."""
    sure = (PAYMENT.held, PAYMENT.card_saved)
    paid = select(Payment.id).where(Payment.id == payment_id, Payment.state.in_(sure))
    return session.scalar(paid) is not None


def held_of(session: Session, booking_id: int) -> list[Payment]:
    """The payments of a booking whose money is held, the visit's first."""
    rows = select(Payment).where(Payment.booking_id == booking_id, Payment.state.in_(PAYMENT.befores("release")))
    return list(session.scalars(rows.order_by(Payment.id)))
