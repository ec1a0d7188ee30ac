"""What people do with money in tests: accept and pay, open an account, let the worker hand over, and plant faults in the books."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, payments
from marketplace.db import db, transaction
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs.delivery import MONEY, deliver_due
from marketplace.jobs.payments import open_account, open_page, read_account, settle
from marketplace.models import Bid, Booking, Payment, Payout, Task, User
from tests.factories import AT_ONCE, make_bid, make_helper, make_task

POLICY = Policy()


def accept(session: Session, bid: Bid | None = None, *, policy: Policy = POLICY, **values: Any) -> Payment:
    """A customer accepts a bid: the first transaction; gives the payment."""
    bid = bid or make_bid(session, make_task(session))
    bid_id, customer = bid.id, session.get_one(Task, bid.task_id).customer_id
    with transaction() as rows:
        made = payments.accept_bid(
            rows,
            rows.get_one(Bid, bid_id),
            by=rows.get_one(User, customer),
            address="Rosenweg 3",
            phone="+41791234567",
            terms=1,
            policy=policy,
            **values,
        )
        rows.flush()
        payment_id = made.id
    return session.get_one(Payment, payment_id)


def page_of(payment: Payment, doors: Gateways) -> str:
    """The call between, and what is written right after it; gives the page's reference."""
    return open_page(payment.id, doors).rpartition("/")[2]


def pay(payment: Payment, doors: Gateways, method: str = GOOD_CARD, **values: Any) -> None:
    """Pay on the page and come back."""
    payment_id = payment.id
    sandbox_of(doors).pay(page_of(payment, doors), method, **values)
    settle(payment_id, doors)


def book(session: Session, doors: Gateways, bid: Bid | None = None, **values: Any) -> Booking:
    """A visit that is accepted and paid at the gateway."""
    payment = accept(session, bid, **values)
    booking_id = payment.booking_id
    if payment.state == "prepared":
        pay(payment, doors)
    return session.get_one(Booking, booking_id)


def start(session: Session, booking: Booking) -> Booking:
    """The helper begins."""
    booking_id = booking.id
    with transaction() as rows:
        here = rows.get_one(Booking, booking_id)
        bookings.start(rows, here, by=rows.get_one(User, here.helper_id), policy=AT_ONCE)
    return session.get_one(Booking, booking_id)


def finish(session: Session, booking: Booking) -> Booking:
    """The helper begins, if that was not so yet, and is done."""
    if booking.state in BOOKING.befores("start"):
        start(session, booking)
    booking_id = booking.id
    with transaction() as rows:
        here = rows.get_one(Booking, booking_id)
        bookings.finish(rows, here, by=rows.get_one(User, here.helper_id), policy=POLICY)
    return session.get_one(Booking, booking_id)


def sign_off(session: Session, booking: Booking) -> Booking:
    """Bring a paid visit to its end, from wherever it stands."""
    if booking.state in (*BOOKING.befores("start"), *BOOKING.befores("finish")):
        finish(session, booking)
    booking_id = booking.id
    with transaction() as rows:
        here = rows.get_one(Booking, booking_id)
        payments.sign_off(rows, here, by=rows.get_one(User, here.customer_id))
    return session.get_one(Booking, booking_id)


def done(session: Session, doors: Gateways, *, helper: User | None = None, price_cents: int = 5500) -> Booking:
    """A visit that was paid at the gateway and signed off."""
    bid = make_bid(session, make_task(session), helper or make_helper(session), price_cents=price_cents)
    booking = book(session, doors, bid)
    return sign_off(session, booking)


def onboard(session: Session, helper_id: int, doors: Gateways, *, ready: bool = True) -> str:
    """A helper opens an account at the gateway and gives what it asks for; gives the account's reference."""
    reference = open_account(session.get_one(User, helper_id), doors, country="CH")
    if ready:
        sandbox_of(doors).onboard(reference)
        read_account(helper_id, doors)
    return reference


def hand_over(doors: Gateways, *, rounds: int = 20) -> int:
    """Let the worker hand over the money of the outbox until nothing more is due; gives how much was handed over."""
    handed = 0
    for _ in range(rounds):
        round_ = deliver_due(doors, lambda kind, reader, facts: (kind, ""), limit=100, channels=tuple(MONEY))
        handed += round_.delivered
        if not round_.delivered + round_.not_delivered:
            break
    return handed


def through(app: Flask) -> Callable[[str, bytes, Any], int]:
    """The way of the sandbox's events to our webhook, without a network."""
    client = app.test_client()

    def send(path: str, body: bytes, headers: Any) -> int:
        answer = client.post(path, data=body, headers=dict(headers))
        db.session.rollback()
        return int(answer.status_code)

    return send


def sandbox_of(doors: Gateways) -> Sandbox:
    """The sandbox behind the doors."""
    assert doors.sandbox is not None
    return doors.sandbox


def payment_by(session: Session, booking: Booking, kind: str = "visit") -> Payment:
    """The newest payment of a booking for the visit, or for more work."""
    found = select(Payment).where(Payment.booking_id == booking.id, Payment.kind == kind)
    return session.scalars(found.order_by(Payment.id.desc()).limit(1)).one()


def payout_by(session: Session, booking: Booking) -> Payout:
    """The payout of a booking."""
    found = select(Payout).join(Payment, Payment.id == Payout.payment_id).where(Payment.booking_id == booking.id)
    return session.scalars(found).one()


def later(**ahead: float) -> AbstractContextManager[None]:
    """So much later."""
    return clock.moved_to(clock.now() + timedelta(**ahead))


@contextmanager
def unguarded(session: Session) -> Iterator[None]:
    """A ledger that can be changed: what nobody but a thief with the database's password may do. Rolled back in the end."""
    if session.get_bind().dialect.name == "sqlite":
        for table in ("postings", "entries"):
            for verb in ("update", "delete"):
                session.connection().exec_driver_sql(f"DROP TRIGGER {table}_no_{verb}")
    else:
        session.connection().exec_driver_sql("SET LOCAL session_replication_role = replica")
    try:
        yield
    finally:
        session.rollback()
