"""Payments between our transactions: opening the gateway's pages, reading how they ended, lapsing, refunds.

Write, call, write: whatever instant a process is killed at, running these again brings the same end.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import structlog
from sqlalchemy import select

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import db, transaction
from marketplace.domain.errors import WrongState
from marketplace.domain.money import PaymentFact
from marketplace.gateways import Gateways
from marketplace.gateways.payments import CheckoutFact, CheckoutRequest, GatewayRefused, PaymentGateway
from marketplace.models import Booking, Payment, User
from marketplace.queries.bookings import reservations_over
from marketplace.queries.payments import is_held, is_under_way, prepared_of

log = structlog.get_logger()


def open_page(payment_id: int, gateway: PaymentGateway, *, description: str, return_url: str) -> str:
    """Open the payment page of a prepared payment and give its address; a second call gives the same page.

    Raises GatewayRefused, and WrongState when the payment is over already.
    """
    amount, currency = db.session.execute(
        select(Payment.amount_cents, Payment.currency).where(Payment.id == payment_id)
    ).one()
    db.session.rollback()  # nothing stays open while we talk to the outside
    request = CheckoutRequest(_key(payment_id), amount, currency, description, return_url)
    checkout = gateway.open_checkout(request)
    with transaction() as session:
        payments.note_checkout(session, payment_id, checkout.reference)
    return checkout.url


def settle(payment_id: int, gateway: PaymentGateway, *, close: bool = False) -> None:
    """Book how a payment's page stands at the gateway; `close` ends one that is still open. Raises GatewayRefused."""
    reference = db.session.scalar(select(Payment.checkout).where(Payment.id == payment_id))
    db.session.rollback()
    if reference is None:
        reference = _found_again(payment_id, gateway)
    if reference is None:
        return
    fact = gateway.close_checkout(reference) if close else gateway.read_checkout(reference)
    with transaction() as session:
        payments.record(session, _as_ours(fact))


def give_up(booking_id: int, gateway: PaymentGateway, *, by: User | None = None) -> bool:
    """End a reservation; False when it was paid in the last instant, which confirms it instead.

    Raises GatewayRefused, NotAllowed, WrongState.
    """
    payment_id = prepared_of(db.session, booking_id)
    if payment_id is not None:
        settle(payment_id, gateway, close=True)
        if is_held(db.session, payment_id):
            return False
    with transaction() as session:
        payments.lapse(session, session.get_one(Booking, booking_id), by=by)
    return True


def settle_pending(gateways: Gateways) -> int:
    """Settle pages whose customer never came back, lapse what was not paid in time; gives how many came to an end."""
    with transaction() as session:
        due = payments.take_due(session)
    ended = sum(_ends(payment_id, gateways.payments) for payment_id in due)
    for booking_id in reservations_over(db.session, clock.now()):
        with _refusals_logged(booking_id=booking_id):
            ended += give_up(booking_id, gateways.payments)
    return ended


def deliver_refund(facts: Mapping[str, Any], gateways: Gateways) -> None:
    """Hand a refund of the outbox to the gateway, under the row's key; raises GatewayRefused."""
    reference = db.session.scalar(select(Payment.checkout).where(Payment.id == facts["payment_id"]))
    db.session.rollback()
    if reference is None:
        raise GatewayRefused("this payment never had a page")
    gateways.payments.refund(reference, facts["cents"], key=facts["key"])


def _ends(payment_id: int, gateway: PaymentGateway) -> bool:
    """Settle one payment; says whether its page has ended."""
    with _refusals_logged(payment_id=payment_id):
        settle(payment_id, gateway)
    return not is_under_way(db.session, payment_id)


def _found_again(payment_id: int, gateway: PaymentGateway) -> str | None:
    """The page that was opened just before a crash, so that our row never heard of it."""
    reference = gateway.find_checkout(_key(payment_id))
    if reference is not None:
        with transaction() as session:
            payments.note_checkout(session, payment_id, reference)
    return reference


def _key(payment_id: int) -> str:
    """The idempotency key of a payment's page: made from our row, so that every try asks for the same page."""
    return f"payment-{payment_id}"


def _as_ours(fact: CheckoutFact) -> PaymentFact:
    """What the gateway says, in the words of our own floors: actions know no gateway."""
    return PaymentFact(**asdict(fact))


@contextmanager
def _refusals_logged(**ids: int) -> Iterator[None]:
    """One payment that cannot be settled now stops no other; the next round tries again."""
    try:
        yield
    except (GatewayRefused, WrongState) as refusal:
        log.warning("payment_not_settled", why=str(refusal), **ids)
