"""Reading disputes: what a booking tells about a payment that a customer's bank wants back, and no more than that."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.db import by_public_id
from marketplace.domain.errors import NotAllowed, WrongState
from marketplace.domain.gateway import Evidence
from marketplace.domain.lifecycles import BOOKING, DISPUTE
from marketplace.domain.spreadsheets import amount
from marketplace.models import Booking, Dispute, Message, Payment, User, VisitStep
from marketplace.permissions import may_move_money
from marketplace.queries.bookings import booking_page

LANGUAGE = "en"  # what the gateway and the banks behind it read
EVIDENCE_MAX = 20_000  # signs of one text that the gateway takes


@dataclass(frozen=True)
class Case:
    """A dispute with its payment and booking, and what we would hand in."""

    dispute: Dispute
    payment: Payment
    booking: Booking
    evidence: Evidence


def dispute_page(session: Session, public_id: str, *, note: str = "") -> Case:
    """A dispute with the evidence that its booking gives; raises NotFound."""
    dispute = by_public_id(session, Dispute, public_id, joinedload(Dispute.payment))
    payment = dispute.payment
    named = session.scalar(select(Booking.public_id).where(Booking.id == payment.booking_id))
    booking = booking_page(session, str(named))
    return Case(dispute, payment, booking, _evidence(session, payment, booking, note))


def evidence_of(session: Session, public_id: str, *, by: User, note: str) -> Case:
    """The same for whoever is about to hand it in. Raises NotFound, NotAllowed, WrongState when it is too late."""
    case = dispute_page(session, public_id, note=note)
    if not may_move_money(by, case.booking):
        raise NotAllowed()
    if case.dispute.state not in DISPUTE.befores("answer"):
        raise WrongState()
    return case


def _evidence(session: Session, payment: Payment, booking: Booking, note: str) -> Evidence:
    """Who, what, when, on which terms, and each step with its moment. No address, no phone number, no words of messages."""
    messages = session.scalar(
        select(func.count())
        .select_from(Message)
        .where(Message.task_id == booking.task_id, Message.helper_id == booking.helper_id)
    )
    price = f"{payment.currency} {amount(payment.amount_cents)}"
    steps = [f"{step.at:%Y-%m-%d %H:%M} UTC: {_words(step, booking)}" for step in booking.steps]
    return Evidence(
        customer_name=booking.customer.name,
        customer_email=booking.customer.email,
        service=f"Help at home with technology ({booking.task.skill.name(LANGUAGE)}): {booking.task.title}",
        served_on=f"{booking.starts_at:%Y-%m-%d}",
        terms=(
            f"The customer accepted a bid of {price}, all included, for a visit of {booking.minutes} minutes. "
            "The money is held and reaches the helper after the customer's sign-off or after a time of silence in which "
            "the customer may report that it is not solved."
        ),
        activity="\n".join([*steps, f"Messages between customer and helper: {messages or 0}", *filter(None, [note])])[
            :EVIDENCE_MAX
        ],
    )


def _words(step: VisitStep, booking: Booking) -> str:
    """A step, and where it matters who took it."""
    if step.state == BOOKING.unsolved and step.by_id is None:
        return "nobody reported how the visit ended"
    said = STEPS.get(step.state, step.state)
    if step.state != BOOKING.signed_off:
        return said
    return (
        f"{said} by the customer" if step.by_id == booking.customer_id else f"{said} after a time without an objection"
    )


STEPS = {
    BOOKING.reserved: "the customer accepted the bid",
    BOOKING.confirmed: "paid and confirmed",
    BOOKING.on_the_way: "the helper set out",
    BOOKING.started: "the visit began",
    BOOKING.finished: "the helper reported that it is done",
    BOOKING.signed_off: "signed off",
    BOOKING.closed: "closed",
    BOOKING.unsolved: "the customer reported that it is not solved",
    BOOKING.cancelled: "cancelled",
    BOOKING.no_show: "one side was reported as not there",
    BOOKING.not_solvable: "the helper said that it cannot be solved",
}
