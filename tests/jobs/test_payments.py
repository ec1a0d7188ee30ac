"""Payments between transactions: the worker makes good a kill at any step, and nothing is lost or doubled."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import transaction
from marketplace.domain.money import PaymentFact
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments import CheckoutRequest, GatewayRefused
from marketplace.gateways.sandbox import DECLINED_CARD, GOOD_CARD
from marketplace.jobs.payments import deliver_refund, give_up, open_page, settle, settle_pending
from marketplace.models import (
    Bid,
    Booking,
    GatewayEvent,
    OutboxItem,
    Payment,
    SandboxCheckout,
    SandboxRefund,
    TakenQuarter,
    Task,
    User,
)
from marketplace.queries.payments import ledger_faults
from marketplace.web.mails import words
from tests.factories import make_bid, make_task

POLICY = Policy()


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


def accept(session: Session) -> Payment:
    """The first transaction."""
    bid = make_bid(session, make_task(session))
    customer = session.get_one(Task, bid.task_id).customer_id
    with transaction() as rows:
        payments.accept_bid(
            rows,
            rows.get_one(Bid, bid.id),
            by=rows.get_one(User, customer),
            address="Rosenweg 3",
            phone="+41791234567",
            terms=1,
            policy=POLICY,
        )
    return session.scalars(select(Payment).order_by(Payment.id.desc()).limit(1)).one()


def page_of(payment: Payment, doors: Gateways) -> str:
    """The call between, and what is written right after it; gives the page's reference."""
    address = open_page(payment.id, doors.payments, description="Hilfreich", return_url="/back")
    return address.rpartition("/")[2]


def booking_of(session: Session, payment: Payment) -> Booking:
    return session.get_one(Booking, payment.booking_id)


def told_of_lapsing(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """Who is told that a reservation has lapsed, with the facts."""
    told = select(OutboxItem.user_id, OutboxItem.facts).where(OutboxItem.kind == "reservation_lapsed")
    return [(user_id, facts) for user_id, facts in session.execute(told)]


def later(**ahead: int) -> AbstractContextManager[None]:
    return clock.moved_to(clock.now() + timedelta(**ahead))


def test_the_whole_way(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    doors.payments.pay(reference, GOOD_CARD)
    settle(payment.id, doors.payments)
    settle(payment.id, doors.payments)
    assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")
    assert session.scalar(select(func.count(GatewayEvent.id))) == 1
    assert ledger_faults(session) == []


# ---- Killed between the steps


def test_killed_before_the_gateway_was_called(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    with later(minutes=2):
        assert settle_pending(doors) == 0
    assert booking_of(session, payment).state == "reserved"  # the customer may still go on
    with later(minutes=31):
        assert settle_pending(doors) == 1
    assert (payment.state, payment.failure, booking_of(session, payment).state) == ("failed", "lapsed", "lapsed")
    assert session.scalar(select(func.count(TakenQuarter.id))) == 0
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("card", "ended"), [(GOOD_CARD, ("held", "confirmed")), (DECLINED_CARD, ("failed", "reserved"))]
)
def test_killed_after_the_gateway_answered(
    session: Session, doors: Gateways, card: str, ended: tuple[str, str]
) -> None:
    """The page is open and even paid, but our row does not know its reference."""
    payment = accept(session)
    asked = CheckoutRequest(f"payment-{payment.id}", payment.amount_cents, payment.currency, "", "/back")
    reference = doors.payments.open_checkout(asked).reference
    assert payment.checkout is None
    doors.payments.pay(reference, card)
    with later(minutes=2):
        assert settle_pending(doors) == 1
    assert payment.checkout == reference
    assert (payment.state, booking_of(session, payment).state) == ended
    assert ledger_faults(session) == []


def test_killed_before_coming_back(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    doors.payments.pay(page_of(payment, doors), GOOD_CARD)
    with later(minutes=2):
        assert settle_pending(doors) == 1
        assert settle_pending(doors) == 0
    assert payment.state == "held"
    assert ledger_faults(session) == []


def test_killed_inside_the_second_transaction(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    doors.payments.pay(page_of(payment, doors), GOOD_CARD)
    fact = PaymentFact(**asdict(doors.payments.read_checkout(str(payment.checkout))))
    with suppress(KeyboardInterrupt), transaction() as rows:
        assert payments.record(rows, fact).state == "held"
        raise KeyboardInterrupt
    assert (payment.state, booking_of(session, payment).state) == ("prepared", "reserved")
    with later(minutes=2):
        settle_pending(doors)
    assert payment.state == "held"
    assert ledger_faults(session) == []


def test_killed_between_closing_the_page_and_lapsing(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    doors.payments.close_checkout(page_of(payment, doors))
    with later(minutes=31):
        settle_pending(doors)
    assert (payment.state, booking_of(session, payment).state) == ("failed", "lapsed")


# ---- Lapsing


def test_what_is_not_paid_in_time_lapses_and_cannot_be_paid_any_more(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    with later(minutes=29):
        assert settle_pending(doors) == 0
    with later(minutes=31):
        assert settle_pending(doors) == 1
    assert doors.payments.pay(reference, GOOD_CARD)
    assert doors.payments.read_checkout(reference).outcome == "abandoned"
    assert booking_of(session, payment).state == "lapsed"
    assert session.get_one(Task, booking_of(session, payment).task_id).state == "open"
    [(told, facts)] = told_of_lapsing(session)
    assert told == payment.customer_id
    reader = session.get_one(User, told)
    reader.language = "en"
    assert "Nothing was charged, and the time is free again." in words("reservation_lapsed", reader, facts)[1]


def test_paid_in_the_last_instant_wins_over_giving_up(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    doors.payments.pay(page_of(payment, doors), GOOD_CARD)
    assert not give_up(payment.booking_id, doors.payments, by=session.get_one(User, payment.customer_id))
    assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")


def test_given_up_frees_the_task_at_once(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    assert give_up(payment.booking_id, doors.payments, by=session.get_one(User, payment.customer_id))
    assert booking_of(session, payment).state == "lapsed"
    assert doors.payments.read_checkout(reference).outcome == "abandoned"
    assert told_of_lapsing(session) == [], "who gives it up sees it"


def test_the_worker_asks_about_a_page_once_a_minute(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    page_of(payment, doors)
    asked = []
    for seconds in range(0, 181, 10):
        with later(seconds=seconds):
            settle_pending(doors)
            session.expire_all()
            asked.append(payment.asked_at)
    assert len(set(asked)) in (3, 4)  # none at first, then once a minute


# ---- A gateway that does not answer


class Silent:
    """A gateway that does not answer the calls named; with `after`, they take effect before the answer is lost."""

    def __init__(self, gateway: Any, *silent: str, after: bool = False) -> None:
        self.gateway, self.silent, self.after = gateway, silent, after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.gateway, name)
        return self._refusing(call) if name in self.silent else call

    def _refusing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*args: Any, **values: Any) -> None:
            if self.after:
                call(*args, **values)
            raise GatewayRefused("no answer")

        return refuse


@pytest.mark.parametrize("after", [False, True])
def test_the_page_opens_in_the_end_although_the_gateway_did_not_answer(
    session: Session, doors: Gateways, after: bool
) -> None:
    payment = accept(session)
    silent = replace(doors, payments=Silent(doors.payments, "open_checkout", after=after))
    with pytest.raises(GatewayRefused):
        page_of(payment, silent)
    assert booking_of(session, payment).state == "reserved"
    doors.payments.pay(page_of(payment, doors), GOOD_CARD)
    settle(payment.id, doors.payments)
    assert payment.state == "held"
    assert session.scalar(select(func.count(SandboxCheckout.id))) == 1


def test_a_silent_gateway_stops_no_other_payment_and_lapses_nothing(session: Session, doors: Gateways) -> None:
    one, other = accept(session), accept(session)
    page_of(one, doors)
    doors.payments.pay(page_of(other, doors), GOOD_CARD)
    with later(minutes=31):
        settle_pending(replace(doors, payments=Silent(doors.payments, "read_checkout", "close_checkout")))
        assert booking_of(session, one).state == "reserved"  # it might be paid: nobody knows
    with later(minutes=33):
        settle_pending(doors)
    assert (booking_of(session, one).state, booking_of(session, other).state) == ("lapsed", "confirmed")
    assert ledger_faults(session) == []


@pytest.mark.parametrize("after", [False, True])
def test_a_refund_is_given_once_however_often_it_is_delivered(session: Session, doors: Gateways, after: bool) -> None:
    payment = accept(session)
    doors.payments.pay(page_of(payment, doors), GOOD_CARD)
    settle(payment.id, doors.payments)
    with transaction() as rows:
        here = rows.get_one(Booking, payment.booking_id)
        payments.call_off(rows, here, by=rows.get_one(User, here.helper_id), policy=POLICY)
    facts = session.scalars(select(OutboxItem.facts).where(OutboxItem.channel == "refund")).one()
    with pytest.raises(GatewayRefused):
        deliver_refund(facts, replace(doors, payments=Silent(doors.payments, "refund", after=after)))
    for _ in range(3):
        deliver_refund(facts, doors)
    assert session.scalars(select(SandboxRefund.amount_cents)).all() == [5500]
    assert session.scalar(select(SandboxCheckout.refunded_cents)) == 5500


def test_a_refund_of_a_payment_that_never_had_a_page_is_refused(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    with pytest.raises(GatewayRefused):
        deliver_refund({"payment_id": payment.id, "cents": 1, "key": "x"}, doors)
