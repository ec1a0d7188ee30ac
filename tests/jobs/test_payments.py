"""Payments between transactions: the worker makes good a kill at any step, and nothing is lost or doubled."""

import sys
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import disputes, payments, refunds
from marketplace.db import transaction
from marketplace.domain.errors import NotAllowed, WrongState
from marketplace.domain.gateway import AccountFact, CheckoutFact, CheckoutRequest
from marketplace.gateways import Gateways
from marketplace.gateways.payments import GatewayDenied, GatewaySilent
from marketplace.gateways.payments.sandbox.cards import ALWAYS_ASKING_CARD, DECLINED_CARD, GOOD_CARD, SLOW_REFUND_CARD
from marketplace.gateways.payments.sandbox.switches import Fault
from marketplace.jobs.delivery import deliver_due
from marketplace.jobs.payments import (
    NotYet,
    bank_data_page,
    cancel_unpaid,
    charge_due,
    deliver_payout,
    deliver_refund,
    drop_extra,
    give_up,
    open_account,
    open_page,
    read_account,
    settle,
    settle_pending,
    watch_called_off,
)
from marketplace.jobs.payouts import remind_helpers
from marketplace.jobs.worker import round_of_work
from marketplace.models import (
    Booking,
    JournalEntry,
    Notice,
    OutboxItem,
    Payment,
    PayoutAccount,
    Refund,
    Reversal,
    SandboxMovement,
    SandboxObject,
    TakenQuarter,
    Task,
    User,
)
from marketplace.queries.ledger import ledger_faults
from marketplace.web.mails import words
from tests.factories import make_bid, make_helper, make_operator, make_task, make_user, tomorrow_at
from tests.money import (
    POLICY,
    accept,
    book,
    done,
    hand_over,
    later,
    onboard,
    page_of,
    pay,
    payment_by,
    payout_by,
    sandbox_of,
    sign_off,
    start,
    through,
)


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


@pytest.fixture(autouse=True)
def no_faults_left(doors: Gateways) -> Any:
    yield
    sandbox_of(doors).faults.waiting.clear()


def booking_of(session: Session, payment: Payment) -> Booking:
    return session.get_one(Booking, payment.booking_id)


def told_of_lapsing(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """Who is told that a reservation has lapsed, with the facts."""
    told = select(OutboxItem.user_id, OutboxItem.facts).where(OutboxItem.kind == "reservation_lapsed")
    return [(user_id, facts) for user_id, facts in session.execute(told)]


def told(session: Session, kind: str) -> list[int]:
    """Who is told this, each as often as it is told."""
    return sorted(session.scalars(select(Notice.user_id).where(Notice.kind == kind)))


class Counted:
    """The gateway, with a count of how often an account was read, and of the pages that it was asked to open and to close.

    What it says of closing is what the real one says, or that a page is `stuck`, or (None) nothing.
    """

    def __init__(self, real: Any, stuck: dict[str, str | None] | None = None) -> None:
        self.real, self.stuck, self.accounts_read = real, stuck or {}, 0
        self.opened: list[str] = []
        self.closed: list[str] = []

    def open_checkout(self, asked: CheckoutRequest) -> CheckoutFact:
        self.opened.append(asked.payment)
        return self.real.open_checkout(asked)

    def close_checkout(self, reference: str) -> CheckoutFact:
        self.closed.append(reference)
        if reference not in self.stuck:
            return self.real.close_checkout(reference)
        outcome: Any = self.stuck[reference]
        if outcome is None:
            raise GatewaySilent("no answer")
        return replace(self.real.read_checkout(reference), outcome=outcome)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def read_account(self, account: str) -> AccountFact:
        self.accounts_read += 1
        return self.real.read_account(account)


def things(session: Session, kind: str) -> list[SandboxObject]:
    return list(session.scalars(select(SandboxObject).where(SandboxObject.kind == kind).order_by(SandboxObject.id)))


def moved(session: Session, kind: str) -> list[int]:
    """What the gateway's own books say."""
    lines = select(SandboxMovement.amount_cents).where(SandboxMovement.kind == kind, SandboxMovement.account.is_(None))
    return list(session.scalars(lines.order_by(SandboxMovement.id)))


def call_off(session: Session, booking: Booking, by: str = "helper") -> None:
    booking_id, by_id = booking.id, booking.helper_id if by == "helper" else booking.customer_id
    with transaction() as rows:
        payments.call_off(rows, rows.get_one(Booking, booking_id), by=rows.get_one(User, by_id), policy=POLICY)


def test_the_whole_way(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    pay(payment, doors)
    settle(payment.id, doors)
    assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")
    assert payment.gateway_fee_cents == 190
    assert moved(session, "charge") == [5_500]
    assert ledger_faults(session) == []


# ---- Killed between the steps


def test_killed_before_the_gateway_was_called(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    with later(minutes=31):
        assert settle_pending(doors) == 1
    assert (payment.state, booking_of(session, payment).state) == ("failed", "lapsed")
    assert session.scalar(select(func.count(TakenQuarter.id))) == 0
    assert ledger_faults(session) == []


@pytest.mark.parametrize("days", [1, 3])
def test_a_reservation_lapses_although_nobody_worked_for_days(session: Session, doors: Gateways, days: int) -> None:
    opened, unopened = accept(session), accept(session)
    page_of(opened, doors)
    with later(days=days):
        assert settle_pending(doors) == 2
    for payment in (opened, unopened):
        assert (payment.state, booking_of(session, payment).state) == ("failed", "lapsed")


def test_killed_after_the_gateway_answered(session: Session, doors: Gateways) -> None:
    """The page is open and even paid, but our row does not know its reference."""
    payment = accept(session)
    sandbox_of(doors).faults.plan("checkout.sessions.create", "timeout_after")
    with pytest.raises(GatewaySilent):
        open_page(payment.id, doors)
    assert payment.checkout is None
    [page] = things(session, "checkout.session")
    sandbox_of(doors).pay(page.reference, GOOD_CARD)
    with later(minutes=31):
        assert settle_pending(doors) == 0
    assert (payment.checkout, payment.state) == (page.reference, "held")
    assert booking_of(session, payment).state == "confirmed"
    assert told_of_lapsing(session) == []
    assert ledger_faults(session) == []


def test_a_page_that_was_opened_unheard_is_closed_when_the_time_for_paying_is_over(
    session: Session, doors: Gateways
) -> None:
    payment = accept(session)
    sandbox_of(doors).faults.plan("checkout.sessions.create", "timeout_after")
    with pytest.raises(GatewaySilent):
        open_page(payment.id, doors)
    [page] = things(session, "checkout.session")
    with later(minutes=31):
        assert settle_pending(doors) == 1
        assert doors.payments.read_checkout(page.reference).outcome == "abandoned"
    assert len(things(session, "checkout.session")) == 1
    assert booking_of(session, payment).state == "lapsed"


def test_killed_before_coming_back(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)
    with later(minutes=2):
        assert settle_pending(doors) == 1
        assert settle_pending(doors) == 0
    assert payment.state == "held"
    assert ledger_faults(session) == []


def test_killed_inside_the_second_transaction(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)
    fact = doors.payments.read_checkout(str(payment.checkout))
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


def test_a_decline_leaves_the_page_open_and_another_card_pays_it(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    assert sandbox_of(doors).pay(reference, DECLINED_CARD).reason == "generic_decline"
    settle(payment.id, doors)
    assert (payment.state, payment.decline) == ("prepared", "generic_decline")
    with later(minutes=29):
        assert settle_pending(doors) == 0
    sandbox_of(doors).pay(reference, GOOD_CARD)
    settle(payment.id, doors)
    assert (payment.state, moved(session, "charge")) == ("held", [5_500])


def test_what_is_not_paid_in_time_lapses_and_cannot_be_paid_any_more(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    with later(minutes=31):
        assert settle_pending(doors) == 1
    sandbox_of(doors).pay(reference, GOOD_CARD)
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
    sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)
    assert not give_up(payment.booking_id, doors, by=session.get_one(User, payment.customer_id))
    assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")
    assert told_of_lapsing(session) == []


def test_paid_in_the_last_instant_wins_over_the_worker(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)
    with later(minutes=31):
        assert settle_pending(doors) == 0
    assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")
    assert told_of_lapsing(session) == []


def test_given_up_frees_the_task_at_once(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    assert give_up(payment.booking_id, doors, by=session.get_one(User, payment.customer_id))
    assert booking_of(session, payment).state == "lapsed"
    assert doors.payments.read_checkout(reference).outcome == "abandoned"
    assert told_of_lapsing(session) == [], "who gives it up sees it"


def test_nobody_else_closes_a_customers_page(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    reference = page_of(payment, doors)
    for stranger in (booking_of(session, payment).helper_id, make_user(session).id):
        with pytest.raises(NotAllowed):
            give_up(payment.booking_id, doors, by=session.get_one(User, stranger))
    assert doors.payments.read_checkout(reference).outcome == "open"


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


def move_mailbox(session: Session, payment: Payment) -> None:
    """From now on the payment's page is asked for in other words under the same key, and the gateway says no for good."""
    customer_id = payment.customer_id
    with transaction() as rows:
        rows.get_one(User, customer_id).email = f"moved-{customer_id}@example.org"


def opened_unheard(session: Session, payment: Payment, doors: Gateways) -> str:
    """The page is there, its answer was lost, and asking again is denied; gives the page's reference."""
    sandbox_of(doors).faults.plan("checkout.sessions.create", "timeout_after")
    with pytest.raises(GatewaySilent):
        open_page(payment.id, doors)
    move_mailbox(session, payment)
    with pytest.raises(GatewayDenied):
        open_page(payment.id, doors)
    assert payment.checkout is None
    return things(session, "checkout.session")[-1].reference


def test_a_page_that_is_denied_for_good_does_not_keep_its_reservation_alive(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    opened_unheard(session, payment, doors)
    with later(minutes=29):
        assert settle_pending(doors) == 0
    assert booking_of(session, payment).state == "reserved"
    with later(minutes=31):
        assert settle_pending(doors) == 1
        assert settle_pending(doors) == 0
    assert told_of_lapsing(session) != []
    assert (payment.state, payment.failure, booking_of(session, payment).state) == ("failed", "lapsed", "lapsed")
    assert session.get_one(Task, booking_of(session, payment).task_id).state == "open"
    assert ledger_faults(session) == []


def test_a_customer_gives_up_what_is_denied_for_good(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    opened_unheard(session, payment, doors)
    assert give_up(payment.booking_id, doors, by=session.get_one(User, payment.customer_id))
    assert (payment.state, booking_of(session, payment).state) == ("failed", "lapsed")


def test_what_is_paid_after_a_denied_page_lapsed_goes_back(app: Flask, session: Session, doors: Gateways) -> None:
    """Nobody has the address of such a page; should it be paid all the same, the message about it sends the money back."""
    payment = accept(session)
    reference = opened_unheard(session, payment, doors)
    give_up(payment.booking_id, doors)
    sandbox_of(doors).pay(reference, GOOD_CARD)
    sandbox_of(doors).deliver(through(app))
    hand_over(doors)
    assert (payment.state, booking_of(session, payment).state) == ("refunded", "lapsed")
    assert (moved(session, "charge"), moved(session, "refund")) == ([5_500], [-5_500])
    assert ledger_faults(session) == []


def test_a_page_that_is_known_and_cannot_be_closed_lapses_nothing(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    page_of(payment, doors)
    with transaction() as rows:
        rows.get_one(Payment, payment.id).checkout = "cs_of_somebody_else"
    with pytest.raises(GatewayDenied):
        give_up(payment.booking_id, doors)
    assert (payment.state, booking_of(session, payment).state) == ("prepared", "reserved")


def test_a_denied_page_is_not_asked_for_again_until_its_reservation_is_over(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    opened_unheard(session, payment, doors)
    asked = Counted(doors.payments)
    for minutes in range(2, 30, 3):
        with later(minutes=minutes):
            assert settle_pending(replace(doors, payments=asked)) == 0
    assert asked.opened == []
    with later(minutes=31):
        assert settle_pending(replace(doors, payments=asked)) == 1
    assert asked.opened == [payment.public_id]


@pytest.mark.parametrize("says", [None, "processing"])
def test_a_page_that_cannot_be_ended_is_asked_about_once_a_minute_and_holds_up_no_other(
    session: Session, doors: Gateways, says: str | None
) -> None:
    """The gateway is silent about it, or a bank takes its time."""
    stuck, other = accept(session), accept(session)
    page, fine = page_of(stuck, doors), page_of(other, doors)
    asked = Counted(doors.payments, {page: says})
    for seconds in (0, 1, 30, 59):
        with later(minutes=31, seconds=seconds):
            settle_pending(replace(doors, payments=asked))
    assert asked.closed == [page, fine]
    assert (booking_of(session, stuck).state, booking_of(session, other).state) == ("reserved", "lapsed")
    with later(minutes=33):
        settle_pending(replace(doors, payments=asked))
        assert asked.closed == [page, fine, page]
    with later(minutes=35):
        assert settle_pending(doors) == 1
    assert booking_of(session, stuck).state == "lapsed"


def test_each_reservation_that_is_over_has_its_turn(session: Session, doors: Gateways) -> None:
    """With more of them than one round takes, those that were asked about longest ago come first."""
    bookings = [accept(session).booking_id for _ in range(3)]

    def taken() -> list[int]:
        with transaction() as rows:
            return payments.take_over(rows, limit=2)

    with later(minutes=31):
        assert (taken(), taken(), taken()) == (bookings[:2], bookings[2:], [])
    with later(minutes=33):
        assert taken() == bookings[:2]
    with later(minutes=34.5):
        assert taken() == [bookings[2], bookings[0]]


# ---- More work on the spot


def with_extra(session: Session, doors: Gateways, cents: int = 2_000) -> tuple[Booking, Payment]:
    booking = start(session, book(session, doors))
    booking_id = booking.id
    with transaction() as rows:
        here = rows.get_one(Booking, booking_id)
        by = rows.get_one(User, here.helper_id)
        payments.ask_extra(rows, here, by=by, cents=cents, what="Zweiter Router", policy=POLICY)
    return booking, payment_by(session, booking, "extra")


@pytest.mark.parametrize("is_opened", [False, True])
def test_more_work_is_dropped_with_its_page(session: Session, doors: Gateways, is_opened: bool) -> None:
    booking, extra = with_extra(session, doors)
    reference = page_of(extra, doors) if is_opened else None
    with pytest.raises(NotAllowed):
        drop_extra(booking.id, doors, by=make_user(session))
    assert reference is None or doors.payments.read_checkout(reference).outcome == "open"
    assert drop_extra(booking.id, doors, by=session.get_one(User, booking.helper_id))
    assert extra.state == "failed"
    assert told(session, "extra_off") == [booking.customer_id], "who takes it back sees it"
    with pytest.raises(WrongState):
        drop_extra(booking.id, doors, by=session.get_one(User, booking.helper_id))
    assert ledger_faults(session) == []


def test_more_work_paid_in_the_last_instant_is_not_dropped(session: Session, doors: Gateways) -> None:
    booking, extra = with_extra(session, doors)
    sandbox_of(doors).pay(page_of(extra, doors), GOOD_CARD)
    assert not drop_extra(booking.id, doors, by=session.get_one(User, booking.customer_id))
    assert extra.state == "held"
    assert told(session, "extra_off") == []


def test_more_work_may_be_paid_days_after_it_was_asked_for(session: Session, doors: Gateways) -> None:
    _, extra = with_extra(session, doors)
    for hours in (0.1, 12, 25, 29):
        with later(hours=hours):
            assert settle_pending(doors) == 0
    assert (extra.state, extra.checkout) == ("prepared", None), "nobody opens a page that its customer did not ask for"
    with later(hours=30):
        pay(extra, doors)
    assert extra.state == "held"


def test_more_work_whose_page_ran_out_may_be_asked_for_again(session: Session, doors: Gateways) -> None:
    booking, extra = with_extra(session, doors)
    page_of(extra, doors)
    with later(hours=25):
        settle_pending(doors)
    assert (extra.state, extra.failure) == ("failed", "abandoned")
    assert booking.state == "started"
    assert told(session, "extra_off") == sorted([booking.customer_id, booking.helper_id])


def test_more_work_paid_after_the_sign_off_goes_back(session: Session, doors: Gateways) -> None:
    booking, extra = with_extra(session, doors)
    sandbox_of(doors).pay(page_of(extra, doors), GOOD_CARD)
    sign_off(session, booking)
    assert extra.state == "failed"
    settle(extra.id, doors)
    assert extra.state == "refunded"
    hand_over(doors)
    assert moved(session, "refund") == [-2_000]
    assert ledger_faults(session) == []


# ---- A card that is charged nearer to the visit


def far(session: Session, doors: Gateways, card: str = GOOD_CARD) -> Payment:
    """A visit in eighty days whose customer's card is saved."""
    at = tomorrow_at(9, days=80)
    payment = accept(session, make_bid(session, make_task(session, expires_at=at), starts_at=at, expires_at=at))
    pay(payment, doors, card)
    return payment


def test_a_saved_card_is_charged_a_month_before_the_visit(session: Session, doors: Gateways) -> None:
    payment = far(session, doors)
    assert (payment.state, booking_of(session, payment).state) == ("card_saved", "confirmed")
    assert charge_due(doors) == 0
    with later(days=60):
        assert charge_due(doors) == 1
        assert charge_due(doors) == 0
    assert (payment.state, moved(session, "charge")) == ("held", [5_500])
    assert ledger_faults(session) == []


def test_a_bank_that_asks_leads_to_a_page_and_the_page_to_the_money(session: Session, doors: Gateways) -> None:
    payment = far(session, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)
        assert (payment.state, payment.decline) == ("action_needed", "authentication_required")
        assert charge_due(doors) == cancel_unpaid(doors, policy=POLICY) == 0
        pay(payment, doors, ALWAYS_ASKING_CARD, confirms=True)
        assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")
    assert moved(session, "charge") == [5_500]
    assert ledger_faults(session) == []


def test_a_page_of_the_bank_that_ran_out_is_opened_anew(session: Session, doors: Gateways) -> None:
    payment = far(session, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)
        first = page_of(payment, doors)
    with later(days=62):
        settle(payment.id, doors)
        assert (payment.state, payment.checkout, payment.tries) == ("action_needed", None, 2)
        second = page_of(payment, doors)
        assert second != first
        sandbox_of(doors).pay(second, GOOD_CARD)
        settle(payment.id, doors)
    assert payment.state == "held"
    assert ledger_faults(session) == []


@pytest.mark.parametrize("is_opened", [False, True])
def test_what_was_not_mended_in_time_is_cancelled(session: Session, doors: Gateways, is_opened: bool) -> None:
    payment = far(session, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)
    with clock.moved_to(booking_of(session, payment).starts_at - timedelta(hours=71)):
        reference = page_of(payment, doors) if is_opened else None
        assert cancel_unpaid(doors, policy=POLICY) == 1
        assert cancel_unpaid(doors, policy=POLICY) == 0
    assert (payment.state, booking_of(session, payment).state) == ("failed", "cancelled")
    assert reference is None or doors.payments.read_checkout(reference).outcome == "abandoned"
    assert ledger_faults(session) == []


def test_paid_in_the_last_instant_wins_over_being_cancelled(session: Session, doors: Gateways) -> None:
    payment = far(session, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)
    with clock.moved_to(booking_of(session, payment).starts_at - timedelta(hours=71)):
        sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)
        assert cancel_unpaid(doors, policy=POLICY) == 0
    assert (payment.state, booking_of(session, payment).state) == ("held", "confirmed")


def test_the_worker_opens_no_page_for_a_bank_that_asks(session: Session, doors: Gateways) -> None:
    payment = far(session, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)
    for days in (61, 63, 70):
        with later(days=days):
            assert settle_pending(doors) == 0
    assert (payment.state, payment.checkout, payment.tries) == ("action_needed", None, 1)


@pytest.mark.parametrize("says", [None, "processing"])
def test_an_unpaid_visit_whose_page_cannot_be_ended_is_asked_about_once_a_minute(
    session: Session, doors: Gateways, says: str | None
) -> None:
    stuck, other = (far(session, doors, ALWAYS_ASKING_CARD) for _ in range(2))
    with later(days=60):
        charge_due(doors)
    at = booking_of(session, stuck).starts_at - timedelta(hours=71)
    with clock.moved_to(at):
        page, fine = page_of(stuck, doors), page_of(other, doors)
    asked = Counted(doors.payments, {page: says})
    for seconds in (0, 1, 30, 59):
        with clock.moved_to(at + timedelta(seconds=seconds)):
            assert cancel_unpaid(replace(doors, payments=asked), policy=POLICY) == (not seconds)
    assert asked.closed == [page, fine]
    assert (booking_of(session, stuck).state, booking_of(session, other).state) == ("confirmed", "cancelled")
    with clock.moved_to(at + timedelta(seconds=61)):
        assert cancel_unpaid(doors, policy=POLICY) == 1
    assert booking_of(session, stuck).state == "cancelled"


def test_what_is_looked_at_each_minute_is_cancelled_all_the_same(session: Session, doors: Gateways) -> None:
    """A round of the worker reads pages and ends them: the one does not keep it from the other."""
    payment = far(session, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)
    at = booking_of(session, payment).starts_at - timedelta(days=3)
    with clock.moved_to(at - timedelta(minutes=1)):
        page_of(payment, doors)
    for seconds in (-30, 0, 31):
        with clock.moved_to(at + timedelta(seconds=seconds)):
            round_of_work(doors, lambda kind, reader, facts: (kind, ""), policy=POLICY)
    assert booking_of(session, payment).state == "cancelled"


def test_a_card_that_cannot_be_charged_at_all_asks_its_customer(session: Session, doors: Gateways) -> None:
    payment = far(session, doors)
    with transaction() as rows:
        rows.get_one(Payment, payment.id).card_method = "pm_gone"
    with later(days=60):
        charge_due(doors)
    assert (payment.state, payment.decline) == ("action_needed", "resource_missing")


@pytest.mark.parametrize("hours", [1, 30])
def test_a_charge_whose_answer_was_lost_is_made_once(session: Session, doors: Gateways, hours: int) -> None:
    """An hour later the key is known, a day later it is forgotten: then the charge is looked for."""
    payment = far(session, doors)
    sandbox_of(doors).faults.plan("payment_intents.create", "timeout_after")
    with later(days=60):
        charge_due(doors)
        assert payment.state == "card_saved"
    with later(days=60, hours=hours + 0.1):
        charge_due(doors)
    assert (payment.state, moved(session, "charge")) == ("held", [5_500])
    assert ledger_faults(session) == []


# ---- Called off while it might just be paid


def test_a_charge_made_unheard_before_the_visit_was_called_off_goes_back(session: Session, doors: Gateways) -> None:
    """The charge succeeded, its answer was lost, then the visit was cancelled; the message about it is lost too."""
    payment = far(session, doors)
    with later(days=60):
        sandbox_of(doors).faults.plan("payment_intents.create", "timeout_after")
        charge_due(doors)
        assert payment.state == "card_saved"
        call_off(session, booking_of(session, payment), "customer")
        assert (payment.state, payment.failure) == ("failed", "called_off")
    for hours in (0, 2, 4):
        with later(days=60, hours=hours, minutes=1):
            watch_called_off(doors)
            hand_over(doors)
    assert (payment.state, payment.watch_at) == ("refunded", None)
    assert (moved(session, "charge"), moved(session, "refund")) == ([5_500], [-5_500])
    assert ledger_faults(session) == []


def test_a_charge_that_never_reached_the_gateway_is_looked_for_until_it_cannot_come(
    session: Session, doors: Gateways
) -> None:
    payment = far(session, doors)
    with later(days=60):
        sandbox_of(doors).faults.plan("payment_intents.create", "reset", 3)
        charge_due(doors)
        sandbox_of(doors).faults.waiting.clear()
        call_off(session, booking_of(session, payment), "customer")
        assert watch_called_off(doors) == 0
    with later(days=60, minutes=30):
        assert watch_called_off(doors) == 0
    with later(days=60, minutes=61):
        assert watch_called_off(doors) == 1
    with later(days=61):
        assert watch_called_off(doors) == 0
    assert (payment.state, payment.watch_at, moved(session, "charge")) == ("failed", None, [])


def test_a_card_that_was_never_charged_is_not_looked_for(session: Session, doors: Gateways) -> None:
    payment = far(session, doors)
    call_off(session, booking_of(session, payment), "customer")
    assert (payment.state, payment.watch_at) == ("failed", None)


@pytest.mark.parametrize("is_paid", [False, True])
def test_a_page_that_was_open_when_the_visit_ended_is_closed_or_its_money_goes_back(
    session: Session, doors: Gateways, is_paid: bool
) -> None:
    booking, extra = with_extra(session, doors)
    reference = page_of(extra, doors)
    if is_paid:
        sandbox_of(doors).pay(reference, GOOD_CARD)
    sign_off(session, booking)
    assert extra.state == "failed"
    with later(hours=1):
        sandbox_of(doors).faults.plan("*", "reset", 10)
        assert watch_called_off(doors) == 0  # nobody knows
        sandbox_of(doors).faults.waiting.clear()
    with later(hours=2.1):
        assert watch_called_off(doors) == 1
        hand_over(doors)
    assert extra.state == ("refunded" if is_paid else "failed")
    assert doors.payments.read_checkout(reference).outcome == ("paid" if is_paid else "abandoned")
    assert moved(session, "refund") == ([-2_000] if is_paid else [])
    assert ledger_faults(session) == []


# ---- A gateway that does not answer


LOST: tuple[Fault, ...] = ("reset", "timeout_after", "rate_limited", "server_error", "server_error_after")


@pytest.mark.parametrize("fault", LOST)
def test_the_page_opens_in_the_end_although_the_gateway_did_not_answer(
    session: Session, doors: Gateways, fault: Fault
) -> None:
    payment = accept(session)
    sandbox_of(doors).faults.plan("checkout.sessions.create", fault)
    with suppress(GatewaySilent):
        open_page(payment.id, doors)
    assert booking_of(session, payment).state == "reserved"
    pay(payment, doors)
    assert (payment.state, moved(session, "charge")) == ("held", [5_500])


def test_a_silent_gateway_stops_no_other_payment_and_lapses_nothing(session: Session, doors: Gateways) -> None:
    one, other = accept(session), accept(session)
    page_of(one, doors)
    sandbox_of(doors).pay(page_of(other, doors), GOOD_CARD)
    with later(minutes=31):
        sandbox_of(doors).faults.plan("*", "reset", 10)
        settle_pending(doors)
        assert booking_of(session, one).state == "reserved"  # it might be paid: nobody knows
        sandbox_of(doors).faults.waiting.clear()
    with later(minutes=33):
        settle_pending(doors)
    assert (booking_of(session, one).state, booking_of(session, other).state) == ("lapsed", "confirmed")
    assert ledger_faults(session) == []


@pytest.mark.parametrize("fault", LOST)
def test_a_refund_is_given_once_however_often_it_is_delivered(session: Session, doors: Gateways, fault: Fault) -> None:
    call_off(session, book(session, doors))
    facts = session.scalars(select(OutboxItem.facts).where(OutboxItem.channel == "refund")).one()
    sandbox_of(doors).faults.plan("refunds.create", fault)
    with suppress(GatewaySilent):
        deliver_refund(facts, doors)
    for _ in range(3):
        deliver_refund(facts, doors)
    assert session.scalars(select(Refund.state)).one() == "given"
    assert moved(session, "refund") == [-5_500]
    assert ledger_faults(session) == []


def test_a_refund_whose_answer_was_lost_is_found_again_after_the_key_is_forgotten(
    session: Session, doors: Gateways
) -> None:
    call_off(session, book(session, doors))
    sandbox_of(doors).faults.plan("refunds.create", "timeout_after")
    hand_over(doors)
    assert session.scalars(select(Refund.state)).one() == "asked"
    with later(days=2):
        hand_over(doors)
    assert session.scalars(select(Refund.state)).one() == "given"
    assert moved(session, "refund") == [-5_500]


def test_a_slow_refund_has_left_and_is_watched_until_it_arrives(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    pay(payment, doors, SLOW_REFUND_CARD)
    call_off(session, booking_of(session, payment))
    hand_over(doors)
    refund = session.scalars(select(Refund)).one()
    item = session.scalars(select(OutboxItem).where(OutboxItem.channel == "refund")).one()
    assert (refund.state, item.delivered_at) == ("given", None)
    assert ledger_faults(session) == []
    sandbox_of(doors).finish_refund(str(refund.reference), done=False)
    with later(hours=2):
        hand_over(doors)
    assert refund.state == "failed"
    assert moved(session, "refund") == [-5_500]
    assert ledger_faults(session) == []
    with transaction() as rows:
        by = make_operator(rows)
        refunds.ask_again(rows, rows.get_one(Refund, refund.id), by=by)
    with later(hours=2):
        hand_over(doors)
    assert (refund.state, refund.tries, moved(session, "refund")) == ("given", 2, [-5_500, -5_500])
    assert ledger_faults(session) == []


# ---- Paying helpers


def test_a_payout_waits_for_the_account_and_leaves_once_it_is_ready(session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    hand_over(doors)
    payout = payout_by(session, booking)
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()
    assert (payout.state, item.given_up_at) == ("waiting", None)
    assert item.due_at > clock.now() + timedelta(days=6)  # until the account is ready there is nothing to ask
    reference = onboard(session, booking.helper_id, doors, ready=False)
    sandbox_of(doors).onboard(reference, complete=False)
    read_account(booking.helper_id, doors)
    with later(hours=2):
        hand_over(doors)
        assert payout.state == "waiting"
        sandbox_of(doors).onboard(reference)
        read_account(booking.helper_id, doors)
        hand_over(doors)
    assert (payout.state, moved(session, "transfer")) == ("sent", [-4_950])
    assert things(session, "transfer")[0].data["source_transaction"] == payment_by(session, booking).charge
    assert ledger_faults(session) == []


def onboarded_unheard(session: Session, doors: Gateways) -> tuple[Booking, str]:
    """A share waits, and its helper's account has become ready without our hearing of it."""
    booking = done(session, doors)
    reference = onboard(session, booking.helper_id, doors, ready=False)
    sandbox_of(doors).onboard(reference)
    return booking, reference


def test_a_payout_leaves_although_the_message_that_its_account_is_ready_was_lost(
    session: Session, doors: Gateways
) -> None:
    booking, _ = onboarded_unheard(session, doors)
    hand_over(doors)
    assert (payout_by(session, booking).state, moved(session, "transfer")) == ("sent", [-4_950])
    assert ledger_faults(session) == []


def test_an_account_that_cannot_be_read_now_is_read_again_within_minutes(session: Session, doors: Gateways) -> None:
    booking, _ = onboarded_unheard(session, doors)
    sandbox_of(doors).faults.plan("accounts.retrieve", "reset", 3)  # the library asks three times by itself
    hand_over(doors)
    assert payout_by(session, booking).state == "waiting"
    sandbox_of(doors).faults.waiting.clear()
    with later(minutes=2):
        hand_over(doors)
    assert payout_by(session, booking).state == "sent"


def test_an_account_that_is_not_ready_is_read_once_for_each_attempt(session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    onboard(session, booking.helper_id, doors, ready=False)
    asked = Counted(doors.payments)
    hand_over(replace(doors, payments=asked))
    assert asked.accounts_read == 1
    payout = payout_by(session, booking)
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()
    assert (payout.state, item.attempts, item.due_at > clock.now() + timedelta(days=6)) == ("waiting", 1, True)


def test_an_account_that_is_gone_unheard_is_found_out(session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    reference = onboard(session, booking.helper_id, doors)
    sandbox_of(doors).disconnect(reference)
    read_account(booking.helper_id, doors)
    assert not session.scalars(select(PayoutAccount.is_ready)).one()
    hand_over(doors)
    assert payout_by(session, booking).state == "waiting"


def test_an_account_that_becomes_ready_in_the_very_instant_of_giving_up_is_not_slept_through(
    app: Flask, session: Session, doors: Gateways
) -> None:
    """The worker has read that no money can reach the helper, and has not written it down yet; now the message comes."""
    booking = done(session, doors)
    helper_id = booking.helper_id
    reference, told = onboard(session, helper_id, doors, ready=False), []

    def tell(_: Session) -> None:
        if isinstance(sys.exception(), NotYet) and not told:
            told.append(True)
            elsewhere = threading.Thread(target=become_ready)
            elsewhere.start()
            elsewhere.join()

    def become_ready() -> None:
        with app.app_context():
            sandbox_of(doors).onboard(reference)
            read_account(helper_id, doors)

    session.commit()
    event.listen(session, "after_rollback", tell)
    try:
        deliver_due(doors, lambda kind, reader, facts: (kind, ""), limit=1, channels=("payout",))
    finally:
        event.remove(session, "after_rollback", tell)
    assert told
    payout = payout_by(session, booking)
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()
    assert (item.attempts, item.leased_until, item.due_at <= clock.now()) == (1, None, True)
    hand_over(doors)
    assert (payout.state, moved(session, "transfer")) == ("sent", [-4_950])
    assert ledger_faults(session) == []


@pytest.mark.parametrize("fault", LOST)
def test_a_payout_leaves_once_however_the_gateway_answers(session: Session, doors: Gateways, fault: Fault) -> None:
    booking = done(session, doors)
    onboard(session, booking.helper_id, doors)
    sandbox_of(doors).faults.plan("transfers.create", fault)
    for hours in (0, 2, 4):
        with later(hours=hours):
            hand_over(doors)
    assert payout_by(session, booking).state == "sent"
    assert moved(session, "transfer") == [-4_950]
    assert ledger_faults(session) == []


@pytest.mark.parametrize("meanwhile", ["restricted", "disputed", "a day"])
def test_a_payout_that_left_unheard_is_found_whatever_happened_since(
    session: Session, doors: Gateways, meanwhile: str
) -> None:
    booking = done(session, doors)
    account = onboard(session, booking.helper_id, doors)
    sandbox_of(doors).faults.plan("transfers.create", "timeout_after")
    hand_over(doors)
    payout = payout_by(session, booking)
    assert payout.state == "sending"
    match meanwhile:
        case "restricted":
            sandbox_of(doors).restrict(account)
            read_account(booking.helper_id, doors)
        case "disputed":
            dispute(session, booking, doors)
    with later(hours=30 if meanwhile == "a day" else 1):
        hand_over(doors)
    assert (payout.state, moved(session, "transfer")) == ("sent", [-4_950])
    assert ledger_faults(session) == []


def dispute(session: Session, booking: Booking, doors: Gateways) -> str:
    """A customer's bank takes the visit's money back, and we hear of it."""
    charge = str(payment_by(session, booking).charge)
    session.rollback()
    reference = sandbox_of(doors).open_dispute(charge)
    record_dispute(reference, doors)
    return reference


def record_dispute(reference: str, doors: Gateways) -> None:
    fact = doors.payments.read_dispute(reference)
    with transaction() as rows:
        disputes.record(rows, fact)


def test_a_payout_waits_while_a_bank_disputes_its_money(session: Session, doors: Gateways) -> None:
    booking, _ = done(session, doors), done(session, doors)  # the other one's money pays the bank's cost
    onboard(session, booking.helper_id, doors)
    reference = dispute(session, booking, doors)
    hand_over(doors)
    assert payout_by(session, booking).state == "waiting"
    sandbox_of(doors).close_dispute(reference, won=True)
    record_dispute(reference, doors)
    hand_over(doors)
    assert payout_by(session, booking).state == "sent"
    assert ledger_faults(session) == []


def test_a_payout_above_what_is_there_waits_and_is_tried_again(session: Session, doors: Gateways) -> None:
    """Credit of the customer is part of the price, so the share is more than the charge and comes out of the balance."""
    customer, operator = make_user(session), make_operator(session)
    with transaction() as rows:
        payments.give_credit(
            rows,
            rows.get_one(User, customer.id),
            by=rows.get_one(User, operator.id),
            cents=4_000,
            reason="Kulanz.",
            policy=POLICY,
        )
    bid = make_bid(session, make_task(session, customer))
    booking = sign_off(session, book(session, doors, bid))
    onboard(session, booking.helper_id, doors)
    hand_over(doors)
    payout = payout_by(session, booking)
    assert (payout.state, payout.waits_for, payout.tries) == ("waiting", "balance_insufficient", 2)
    done(session, doors, price_cents=20_000)
    with later(hours=2):
        hand_over(doors)
    assert (payout.state, payout.waits_for) == ("sent", None)
    assert things(session, "transfer")[0].data["source_transaction"] is None
    assert ledger_faults(session) == []


def give_back(session: Session, booking: Booking, cents: int) -> None:
    operator, payment_id = make_operator(session).id, payment_by(session, booking).id
    with transaction() as rows:
        payments.refund(
            rows,
            rows.get_one(Payment, payment_id),
            by=rows.get_one(User, operator),
            refund_cents=cents,
            from_helper_cents=cents,
            reason="Kulanz.",
        )


@pytest.mark.parametrize("fault", [None, *LOST])
def test_what_was_sent_is_taken_back_once(session: Session, doors: Gateways, fault: Fault | None) -> None:
    booking = done(session, doors)
    onboard(session, booking.helper_id, doors)
    hand_over(doors)
    give_back(session, booking, 1_000)
    if fault:
        sandbox_of(doors).faults.plan("transfers.reversals.create", fault)
    for hours in (0, 2, 26):
        with later(hours=hours):
            hand_over(doors)
    assert session.scalars(select(Reversal.state)).one() == "taken_back"
    assert (moved(session, "transfer_refund"), moved(session, "refund")) == ([1_000], [-1_000])
    assert ledger_faults(session) == []


def test_what_a_helper_has_spent_stays_a_debt_and_the_next_payout_pays_it(session: Session, doors: Gateways) -> None:
    helper = make_helper(session)
    booking = done(session, doors, helper=helper)
    account = onboard(session, helper.id, doors)
    hand_over(doors)
    sandbox_of(doors).pay_out(4_950, account=account)
    give_back(session, booking, 1_000)
    hand_over(doors)
    reversal = session.scalars(select(Reversal)).one()
    assert (reversal.state, reversal.failure) == ("failed", "balance_insufficient")
    assert moved(session, "refund") == [-1_000]  # the customer gets it all the same
    assert ledger_faults(session) == []
    following = make_bid(session, make_task(session), helper, starts_at=tomorrow_at(9))
    sign_off(session, book(session, doors, following))
    hand_over(doors)
    assert moved(session, "transfer") == [-4_950, -3_950]
    assert ledger_faults(session) == []


def test_a_reversal_waits_until_its_payout_has_left(session: Session, doors: Gateways) -> None:
    booking, _ = done(session, doors), done(session, doors)  # the other one's money pays the refund meanwhile
    onboard(session, booking.helper_id, doors)
    sandbox_of(doors).faults.plan("transfers.create", "reset")
    hand_over(doors)
    give_back(session, booking, 1_000)
    with later(hours=2):
        hand_over(doors)
    with later(hours=4):
        hand_over(doors)
    assert (moved(session, "transfer"), moved(session, "transfer_refund")) == ([-4_950], [1_000])
    assert ledger_faults(session) == []


def test_a_dropped_payout_is_not_sent(session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    give_back(session, booking, 4_950)
    onboard(session, booking.helper_id, doors)
    deliver_payout({"id": payout_by(session, booking).id}, doors)
    hand_over(doors)
    assert (payout_by(session, booking).state, moved(session, "transfer")) == ("dropped", [])


# ---- Accounts


@pytest.mark.parametrize("fault", [None, *LOST])
def test_an_account_is_opened_once(session: Session, doors: Gateways, fault: Fault | None) -> None:
    helper = make_helper(session)
    if fault:
        sandbox_of(doors).faults.plan("accounts.create", fault)
    with suppress(GatewaySilent):
        open_account(helper, doors, country="CH")
    first = open_account(session.get_one(User, helper.id), doors, country="CH")
    assert open_account(session.get_one(User, helper.id), doors, country="CH") == first
    assert session.scalars(select(PayoutAccount.reference)).all() == [first]


def test_an_account_is_read_anew(session: Session, doors: Gateways) -> None:
    helper = make_helper(session)
    read_account(helper.id, doors)  # nobody has opened one yet
    reference = open_account(helper, doors, country="CH")
    sandbox_of(doors).onboard(reference)
    assert not session.scalars(select(PayoutAccount.is_ready)).one()
    read_account(helper.id, doors)
    assert session.scalars(select(PayoutAccount.is_ready)).one()


def opened(session: Session, helper_id: int, doors: Gateways) -> str:
    return open_account(session.get_one(User, helper_id), doors, country="CH")


@pytest.mark.parametrize("fault", [None, *LOST])
def test_an_account_that_is_gone_gives_way_to_a_new_one(session: Session, doors: Gateways, fault: Fault | None) -> None:
    """The money waits meanwhile, the helper is reminded, and the reminder leads to an account that it can reach."""
    booking = done(session, doors)
    helper_id = booking.helper_id
    first = onboard(session, helper_id, doors)
    sandbox_of(doors).disconnect(first)
    hand_over(doors)  # denied; only that tells us, since the message was lost
    account = session.scalars(select(PayoutAccount)).one()
    assert (payout_by(session, booking).state, account.is_ready, account.has_begun) == ("waiting", False, False)
    with later(hours=2):
        assert remind_helpers(policy=POLICY) == 1
        if fault:
            sandbox_of(doors).faults.plan("accounts.create", fault)
        with suppress(GatewaySilent):
            opened(session, helper_id, doors)
        second = opened(session, helper_id, doors)
        assert opened(session, helper_id, doors) == second != first
        hand_over(doors)
        assert payout_by(session, booking).state == "waiting"
        onboard(session, helper_id, doors)
        hand_over(doors)
    assert (payout_by(session, booking).state, moved(session, "transfer")) == ("sent", [-4_950])
    assert (account.reference, account.number, account.gone_at) == (second, 2, None)
    # An answer that was lost under its key for good leaves an empty account behind, which nobody uses.
    assert len(things(session, "account")) == (3 if fault == "server_error_after" else 2)
    told = select(JournalEntry.facts).where(JournalEntry.event == "payout_account_opened").order_by(JournalEntry.id)
    assert list(session.scalars(told))[-1] == {"number": 2, "instead_of": first}
    assert ledger_faults(session) == []


def test_an_account_is_gone_as_often_as_it_is(session: Session, doors: Gateways) -> None:
    helper_id = make_helper(session).id
    seen = []
    for _ in range(3):
        seen.append(onboard(session, helper_id, doors))
        sandbox_of(doors).disconnect(seen[-1])
        read_account(helper_id, doors)
    assert len(set(seen)) == 3
    assert session.scalars(select(PayoutAccount.number)).one() == 3


def test_a_payout_that_left_for_an_account_that_is_gone_is_not_sent_again_to_the_next(
    session: Session, doors: Gateways
) -> None:
    booking = done(session, doors)
    first = onboard(session, booking.helper_id, doors)
    sandbox_of(doors).faults.plan("transfers.create", "timeout_after")
    hand_over(doors)
    payout = payout_by(session, booking)
    assert (payout.state, payout.destination) == ("sending", first)
    sandbox_of(doors).disconnect(first)
    read_account(booking.helper_id, doors)
    assert onboard(session, booking.helper_id, doors) != first
    with later(hours=1):
        hand_over(doors)
    assert (payout.state, payout.tries, moved(session, "transfer")) == ("sent", 1, [-4_950])
    assert ledger_faults(session) == []


def test_a_payout_that_did_not_leave_for_an_account_that_is_gone_leaves_for_the_next(
    session: Session, doors: Gateways
) -> None:
    booking = done(session, doors)
    first = onboard(session, booking.helper_id, doors)
    sandbox_of(doors).faults.plan("transfers.create", "reset", 3)
    hand_over(doors)
    sandbox_of(doors).faults.waiting.clear()
    payout = payout_by(session, booking)
    assert payout.state == "sending"
    sandbox_of(doors).disconnect(first)
    read_account(booking.helper_id, doors)
    second = onboard(session, booking.helper_id, doors)
    for hours in (1, 3):
        with later(hours=hours):
            hand_over(doors)
    assert (payout.state, payout.tries, payout.destination) == ("sent", 2, second)
    assert moved(session, "transfer") == [-4_950]
    assert ledger_faults(session) == []


def test_the_way_to_the_bank_data_finds_out_that_an_account_is_gone(session: Session, doors: Gateways) -> None:
    helper_id = make_helper(session).id
    first = onboard(session, helper_id, doors, ready=False)
    sandbox_of(doors).disconnect(first)
    leads = {"return_url": "https://example.org/back", "refresh_url": "https://example.org/again"}
    assert bank_data_page(session.get_one(User, helper_id), doors, country="CH", **leads)
    assert session.scalars(select(PayoutAccount.reference)).one() != first
    assert len(things(session, "account")) == 2


def test_helpers_are_reminded_of_the_money_that_waits(session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    with later(hours=2):
        assert (remind_helpers(policy=POLICY), remind_helpers(policy=POLICY)) == (1, 0)
    told = session.scalars(select(Notice.user_id).where(Notice.kind == "payout_waiting")).all()
    assert told == [booking.helper_id]
