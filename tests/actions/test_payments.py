"""Payments: what the gateway says takes effect once, in any order, and every rappen is accounted for."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, payments
from marketplace.db import transaction
from marketplace.domain.errors import EffectChanged, Invalid, NotAllowed, NotFound, WrongState
from marketplace.domain.gateway import Charge, ChargeFact, CheckoutFact, SavedCard
from marketplace.domain.lifecycles import PAYMENT
from marketplace.domain.money import FEES, GATEWAY, REFUNDS, REVENUE, held, owed
from marketplace.domain.policy import Policy
from marketplace.models import (
    Bid,
    Booking,
    Entry,
    Notice,
    Payment,
    Payout,
    Refund,
    Settlement,
    TakenQuarter,
    Task,
    User,
)
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import (
    AT_ONCE,
    make_bid,
    make_booking,
    make_helper,
    make_operator,
    make_task,
    make_user,
    paid,
    payment_of,
    tomorrow_at,
)
from tests.money import accept, later, payment_by

POLICY = Policy()
FEE = 30  # what the gateway keeps of each payment in `factories.paid`


def said(payment: Payment, outcome: str, **values: object) -> CheckoutFact:
    """What the gateway says of this payment's page."""
    charge = paid(payment).charge if outcome == "paid" else None
    card = SavedCard("cus", "pm") if outcome == "card_saved" else None
    return paid(payment, **{"outcome": outcome, "charge": charge, "card": card, **values})


def record(fact: CheckoutFact) -> None:
    with transaction() as session:
        payments.record(session, fact)


def act(verb: Callable[..., object], booking: Booking, by: int | None = None, **values: Any) -> None:
    """Let a verb act on a booking, as this person."""
    booking_id = booking.id
    with transaction() as rows:
        who = {} if by is None else {"by": rows.get_one(User, by)}
        verb(rows, rows.get_one(Booking, booking_id), **who, **values)


def note(payment: Payment, reference: str) -> None:
    payment_id = payment.id
    with transaction() as rows:
        payments.note_checkout(rows, payment_id, reference)


def entries(session: Session) -> list[tuple[str, str, int]]:
    rows = session.execute(select(Entry.from_account, Entry.to_account, Entry.cents).order_by(Entry.id))
    return [tuple(row) for row in rows]


def notices(session: Session, kind: str) -> list[int]:
    return sorted(session.scalars(select(Notice.user_id).where(Notice.kind == kind)))


def count(session: Session, what: Any, *where: Any) -> int:
    return session.scalar(select(func.count()).select_from(what).where(*where)) or 0


# ---- What the gateway says


def test_a_paid_page_confirms_everything_at_once(session: Session) -> None:
    task = make_task(session)
    bid, sibling = make_bid(session, task), make_bid(session, task)
    booking = make_booking(session, bid, state="reserved")
    record(paid(payment_of(session, booking)))
    assert (booking.state, task.state, bid.state, sibling.state) == ("confirmed", "booked", "accepted", "declined")
    payment = payment_of(session, booking)
    assert (payment.state, payment.intent, payment.charge) == ("held", f"pi-{payment.id}", f"ch-{payment.id}")
    assert entries(session) == [(GATEWAY, held(booking.id), 5500), (FEES, GATEWAY, FEE)]
    told = session.execute(select(Notice.kind, Notice.user_id).order_by(Notice.kind)).all()
    assert [tuple(row) for row in told] == [
        ("bid_declined", sibling.helper_id),
        ("booking_confirmed", task.customer_id),
        ("booking_won", bid.helper_id),
    ]
    assert booking.promised_at == booking.starts_at
    assert booking.confirmed_at is not None
    assert ledger_faults(session) == []


@pytest.mark.parametrize("repeats", [2, 5])
def test_the_same_fact_takes_effect_once(session: Session, repeats: int) -> None:
    booking = make_booking(session, state="reserved")
    fact = paid(payment_of(session, booking))
    for _ in range(repeats):
        record(fact)
    assert len(entries(session)) == 2
    assert len(notices(session, "booking_won")) == 1
    assert ledger_faults(session) == []


@pytest.mark.parametrize("order", list(itertools.permutations(["open", "declined", "abandoned", "paid"])))
def test_facts_in_any_order_end_alike(session: Session, order: tuple[str, ...]) -> None:
    """A page that was paid in the end is paid, or its money goes back: never lost, never twice."""
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    for outcome in order:
        record(said(payment, outcome))
        record(said(payment, outcome))
    failed_first = order.index("paid") > min(order.index("declined"), order.index("abandoned"))
    assert payment.state == ("refunded" if failed_first else "held")
    assert booking.state == ("lapsed" if failed_first else "confirmed")
    assert count(session, Refund) == (1 if failed_first else 0)
    assert ledger_faults(session) == []


def test_a_decline_on_an_open_page_is_told_and_ends_nothing(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    record(said(payment, "open", reason="insufficient_funds"))
    assert (payment.state, payment.decline, booking.state) == ("prepared", "insufficient_funds", "reserved")
    record(said(payment, "processing"))
    assert (payment.state, payment.decline) == ("prepared", "insufficient_funds")
    record(paid(payment))
    assert payment.state == "held"


def test_a_declined_card_keeps_the_reservation_for_another_try(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    first = payment_of(session, booking)
    record(said(first, "declined", reason="generic_decline"))
    assert (booking.state, first.state, first.failure, first.decline) == (
        *("reserved", "failed", "declined"),
        "generic_decline",
    )
    assert notices(session, "payment_failed") == [booking.customer_id]
    act(payments.resume, booking, booking.customer_id, policy=POLICY)
    second = payment_of(session, booking)
    assert second.id != first.id
    note(second, "another-page")
    record(paid(second))
    assert (booking.state, second.state, first.state) == ("confirmed", "held", "failed")
    assert ledger_faults(session) == []


def test_an_old_page_paid_while_its_customer_tries_again_goes_back_and_takes_nothing_away(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    first = payment_of(session, booking)
    record(said(first, "declined"))
    act(payments.resume, booking, booking.customer_id, policy=POLICY)
    second = payment_of(session, booking)
    note(second, "another-page")
    record(paid(first))
    assert (first.state, second.state, booking.state) == ("refunded", "prepared", "reserved")
    assert ledger_faults(session) == []
    record(paid(second))
    assert (first.state, second.state, booking.state) == ("refunded", "held", "confirmed")
    assert balances(session)[held(booking.id)] == balances(session)[REFUNDS] == 5500
    assert ledger_faults(session) == []


def test_going_on_gives_the_same_payment_while_it_is_under_way(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    for _ in range(3):
        act(payments.resume, booking, booking.customer_id, policy=POLICY)
    assert count(session, Payment) == 1


def test_going_on_ends_with_the_reservation_and_is_for_its_customer(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(NotAllowed):
        act(payments.resume, booking, booking.helper_id, policy=POLICY)
    with clock.moved_to(booking.reserved_until), pytest.raises(WrongState):
        act(payments.resume, booking, booking.customer_id, policy=POLICY)
    record(paid(payment_of(session, booking)))
    with pytest.raises(WrongState):
        act(payments.resume, booking, booking.customer_id, policy=POLICY)


@pytest.mark.parametrize(
    "wrong", [{"amount_cents": 5499}, {"amount_cents": 0}, {"amount_cents": 55000}, {"currency": "EUR"}]
)
def test_another_amount_books_nothing(session: Session, wrong: dict[str, object]) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(WrongState):
        record(said(payment_of(session, booking), "paid", **wrong))
    assert entries(session) == []
    assert booking.state == "reserved"


def test_an_unknown_page_is_not_ours(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(NotFound):
        record(replace(said(payment_of(session, booking), "paid"), reference="nobody-knows", payment="nobody"))


@pytest.mark.parametrize("outcome", ["paid", "abandoned"])
def test_a_page_that_a_crash_kept_from_our_row_is_found_by_the_payments_name(session: Session, outcome: str) -> None:
    payment = accept(session)
    record(said(payment, outcome, reference="cs_after_a_crash"))
    assert payment.state == ("held" if outcome == "paid" else "failed")
    assert payment.checkout == ("cs_after_a_crash" if outcome == "paid" else None)
    assert ledger_faults(session) == []


@pytest.mark.parametrize("meanwhile", ["lapsed", "task gone", "bid gone"])
def test_what_is_paid_too_late_goes_back_by_itself(session: Session, meanwhile: str) -> None:
    booking = make_booking(session, state="reserved")
    payment, task = payment_of(session, booking), session.get_one(Task, booking.task_id)
    with transaction() as rows:
        match meanwhile:
            case "lapsed":
                payments.record(rows, said(payment, "abandoned"))
                payments.lapse(rows, rows.get_one(Booking, booking.id))
            case "task gone":
                rows.get_one(Task, task.id).state = "removed"
            case "bid gone":
                rows.get_one(Bid, booking.bid_id).state = "withdrawn"
    state_of_task = task.state
    record(paid(payment))
    record(paid(payment))
    assert (payment.state, payment.refunded_cents, booking.state) == ("refunded", 5500, "lapsed")
    assert task.state == state_of_task
    account = held(booking.id)
    assert entries(session) == [(GATEWAY, account, 5500), (FEES, GATEWAY, FEE), (account, REFUNDS, 5500)]
    refund = session.scalars(select(Refund)).one()
    assert (refund.payment_id, refund.cents, refund.state) == (payment.id, 5500, "asked")
    assert session.scalars(select(Settlement.reason)).one() == "too_late"
    assert notices(session, "payment_returned") == [booking.customer_id]
    assert count(session, TakenQuarter) == 0
    assert ledger_faults(session) == []


def test_a_reservation_whose_page_may_still_be_paid_does_not_lapse(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(WrongState):
        act(payments.lapse, booking)
    assert (booking.state, payment_of(session, booking).state) == ("reserved", "prepared")


def test_paying_in_the_last_instant_counts_while_the_hours_are_still_kept(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with clock.moved_to(booking.reserved_until + timedelta(minutes=5)):
        record(paid(payment_of(session, booking)))
    assert booking.state == "confirmed"


def test_a_page_is_noted_once_and_only_while_it_can_be_paid(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    note(payment, str(payment.checkout))
    with pytest.raises(WrongState):
        note(payment, "another")
    record(paid(payment))
    with pytest.raises(WrongState):
        note(payment, str(payment.checkout))


# ---- Whatever is said, in every state


OUTCOMES = ("open", "processing", "paid", "card_saved", "declined", "abandoned")
CHANGES = {
    ("prepared", "paid"): "held",
    ("prepared", "card_saved"): "card_saved",
    ("prepared", "declined"): "failed",
    ("prepared", "abandoned"): "failed",
    ("card_saved", "paid"): "held",
    ("action_needed", "paid"): "held",
    ("failed", "paid"): "refunded",
}


@pytest.mark.parametrize("state", PAYMENT.states)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_in_every_state_of_a_payment(session: Session, state: str, outcome: str) -> None:
    """Nothing that a gateway may say unbalances the books, whatever state the payment is in."""
    payment = in_state(session, state)
    record(said(payment, outcome))
    assert payment.state == CHANGES.get((state, outcome), state)
    assert ledger_faults(session) == []


def test_a_second_charge_for_one_payment_goes_back(session: Session) -> None:
    """Another page of the same payment was paid too: no customer pays twice for one visit."""
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    record(paid(payment))
    twice = said(payment, "paid", reference="other", charge=Charge("pi-other", "ch-other", 5500, "CHF", FEE))
    for _ in range(3):
        record(twice)
    second = payment_of(session, booking)
    assert (payment.state, booking.state) == ("held", "confirmed")
    assert (second.state, second.charge, second.refunded_cents) == ("refunded", "ch-other", 5500)
    assert session.scalars(select(Refund.payment_id)).all() == [second.id]
    assert balances(session)[held(booking.id)] == 5500
    assert ledger_faults(session) == []


def in_state(session: Session, state: str) -> Payment:
    """A payment that came to this state by the verbs."""
    ways = {
        "prepared": "reserved",
        "held": "confirmed",
        "released": "signed_off",
        "refunded": "cancelled",
        "failed": "lapsed",
    }
    if state in ways:
        return payment_of(session, make_booking(session, state=ways[state]))
    if state == "cash":
        return accept(session, policy=Policy(cash_allowed=1), in_cash=True)
    if state == "partly_refunded":
        bid = make_bid(session, make_task(session), starts_at=clock.now() + timedelta(hours=3))
        booking = make_booking(session, bid)
        with later(minutes=6):
            act(payments.call_off, booking, booking.customer_id, policy=POLICY)
        return payment_of(session, booking)
    payment = with_card(session)
    if state == "action_needed":
        say_of_charge(payment, ChargeFact("action_needed", reason="authentication_required"))
        note(payment, "page-of-the-bank")
    return payment


# ---- A card that is charged nearer to the visit


def far_bid(session: Session, days: int = 80) -> Bid:
    """A bid for a visit so far ahead that its money could not be held until then."""
    at = tomorrow_at(9, days=days)
    return make_bid(session, make_task(session, expires_at=at), starts_at=at, expires_at=at)


def with_card(session: Session) -> Payment:
    """A payment whose card is saved."""
    payment = accept(session, far_bid(session))
    note(payment, f"page-{payment.id}")
    record(said(payment, "card_saved"))
    return payment


def say_of_charge(payment: Payment, fact: ChargeFact) -> None:
    payment_id = payment.id
    with transaction() as rows:
        payments.record_charge(rows, payment_id, fact)


def charged(payment: Payment) -> ChargeFact:
    return ChargeFact("paid", paid(payment).charge)


@pytest.mark.parametrize(("days", "saves"), [(71, False), (73, True)])
def test_a_visit_that_lies_too_far_ahead_is_not_paid_yet(session: Session, days: int, saves: bool) -> None:
    """What is held must be signed off, or be silent for three days, within 75 days."""
    payment = accept(session, far_bid(session, days))
    booking = session.get_one(Booking, payment.booking_id)
    assert payment.charge_at == (booking.starts_at - timedelta(days=30) if saves else None)


def test_a_saved_card_agrees_on_the_visit_and_moves_no_money(session: Session) -> None:
    payment = with_card(session)
    booking = session.get_one(Booking, payment.booking_id)
    assert (payment.state, booking.state, payment.checkout) == ("card_saved", "confirmed", None)
    assert (payment.card_customer, payment.card_method) == ("cus", "pm")
    assert entries(session) == []
    assert notices(session, "booking_won") == [booking.helper_id]
    assert ledger_faults(session) == []


def test_a_card_saved_for_a_visit_that_is_gone_is_never_charged(session: Session) -> None:
    payment = accept(session, far_bid(session))
    booking = session.get_one(Booking, payment.booking_id)
    note(payment, "page")
    with transaction() as rows:
        rows.get_one(Bid, booking.bid_id).state = "withdrawn"
    record(said(payment, "card_saved"))
    assert (payment.state, payment.failure, booking.state) == ("failed", "lapsed", "lapsed")
    assert payment.card_method is None
    assert notices(session, "reservation_lapsed") == [payment.customer_id]
    assert count(session, TakenQuarter) == 0
    assert ledger_faults(session) == []


def test_a_charge_is_due_once_an_hour_from_its_day_on(session: Session) -> None:
    payment = with_card(session)

    def due() -> list[int]:
        with transaction() as rows:
            return payments.take_charges_due(rows)

    assert due() == []
    with clock.moved_to(payment.charge_at):  # type: ignore[arg-type]
        assert due() == [payment.id]
        first_asked = payment.asked_at
        assert due() == []
        with later(minutes=61):
            assert due() == [payment.id]
            assert payment.asked_at == first_asked


def test_the_charge_holds_the_money_once(session: Session) -> None:
    payment = with_card(session)
    for _ in range(2):
        say_of_charge(payment, charged(payment))
    say_of_charge(payment, ChargeFact("declined", reason="expired_card"))
    assert payment.state == "held"
    assert balances(session)[held(payment.booking_id)] == 5500
    assert ledger_faults(session) == []


@pytest.mark.parametrize("outcome", ["declined", "action_needed"])
def test_a_charge_that_fails_asks_its_customer_who_pays_on_a_page(session: Session, outcome: str) -> None:
    payment = with_card(session)
    say_of_charge(payment, ChargeFact("processing"))
    assert payment.state == "card_saved"
    for _ in range(2):
        say_of_charge(payment, ChargeFact(outcome, reason="authentication_required"))  # type: ignore[arg-type]
    assert (payment.state, payment.decline) == ("action_needed", "authentication_required")
    assert notices(session, "payment_asked") == [payment.customer_id]
    booking = session.get_one(Booking, payment.booking_id)
    assert booking.state == "confirmed"
    act(payments.resume, booking, booking.customer_id, policy=POLICY)
    note(payment, "page-1")
    record(paid(payment))
    assert (payment.state, booking.state) == ("held", "confirmed")
    assert len(notices(session, "booking_won")) == 1
    assert ledger_faults(session) == []


def test_each_page_of_a_charge_that_failed_has_a_number_of_its_own(session: Session) -> None:
    payment = in_state(session, "action_needed")
    first = said(payment, "abandoned")
    record(first)
    assert (payment.state, payment.checkout, payment.tries) == ("action_needed", None, 2)
    record(first)  # told once more while the second page is being opened
    assert payment.tries == 2
    note(payment, "second-page")
    record(first)
    assert (payment.checkout, payment.tries) == ("second-page", 2)
    assert ledger_faults(session) == []


def test_nobody_sets_out_for_a_visit_that_may_never_be_paid(session: Session) -> None:
    payment = with_card(session)
    booking = session.get_one(Booking, payment.booking_id)
    for verb in (bookings.set_out, bookings.start):
        with pytest.raises(WrongState):
            act(verb, booking, booking.helper_id, policy=AT_ONCE)
    say_of_charge(payment, charged(payment))
    act(bookings.start, booking, booking.helper_id, policy=AT_ONCE)
    assert booking.state == "started"


def test_a_visit_whose_charge_was_not_mended_in_time_is_cancelled(session: Session) -> None:
    payment = with_card(session)
    booking = session.get_one(Booking, payment.booking_id)
    with pytest.raises(WrongState):  # its card was never tried
        act(payments.cancel_unpaid, booking)
    say_of_charge(payment, ChargeFact("declined", reason="expired_card"))
    note(payment, "page")
    with pytest.raises(WrongState):  # somebody may be paying
        act(payments.cancel_unpaid, booking)
    record(said(payment, "abandoned"))
    act(payments.cancel_unpaid, booking)
    task = session.get_one(Task, booking.task_id)
    assert (booking.state, booking.cancelled_by, task.state) == ("cancelled", "customer", "cancelled")
    assert (payment.state, payment.failure) == ("failed", "lapsed")
    assert notices(session, "booking_cancelled") == sorted([booking.customer_id, booking.helper_id])
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", ["card_saved", "action_needed"])
def test_cancelling_before_the_charge_costs_nothing_and_a_charge_under_way_goes_back(
    session: Session, state: str
) -> None:
    payment = in_state(session, state)
    booking = session.get_one(Booking, payment.booking_id)
    with clock.moved_to(booking.starts_at - timedelta(hours=2)):
        act(payments.call_off, booking, booking.customer_id, policy=POLICY, agreed_refund_cents=0)
    assert (payment.state, payment.failure, booking.state) == ("failed", "called_off", "cancelled")
    assert entries(session) == []
    assert ledger_faults(session) == []
    say_of_charge(payment, charged(payment))
    assert (payment.state, payment.refunded_cents) == ("refunded", 5500)
    assert booking.state == "cancelled"
    assert ledger_faults(session) == []


def test_a_helper_who_never_came_to_a_visit_that_was_never_paid(session: Session) -> None:
    """Reported, objected to and decided although no money was ever there."""
    payment = in_state(session, "action_needed")
    booking, operator = session.get_one(Booking, payment.booking_id), make_operator(session).id
    with clock.moved_to(booking.starts_at + timedelta(hours=1)):
        act(bookings.report_no_show, booking, booking.customer_id, policy=POLICY)
        act(bookings.object_to_no_show, booking, booking.helper_id, note="Ich war da.")
        act(payments.settle, booking, operator, refund_cents=0, helper_cents=0, reason="Nichts bezahlt.")
    assert (booking.state, payment.state) == ("cancelled", "failed")
    assert ledger_faults(session) == []


# ---- More work on the spot


def with_extra(session: Session, cents: int = 2_000, state: str = "started") -> tuple[Booking, Payment]:
    """A visit under way, with more work that its customer has not paid yet."""
    booking = make_booking(session, state=state)
    act(payments.ask_extra, booking, booking.helper_id, cents=cents, what="Zweiter Router", policy=POLICY)
    return booking, payment_by(session, booking, "extra")


def test_more_work_is_a_payment_of_its_own(session: Session) -> None:
    booking, extra = with_extra(session)
    assert (extra.state, extra.amount_cents, extra.fee_cents, extra.what) == ("prepared", 2_000, 200, "Zweiter Router")
    assert notices(session, "extra_asked") == [booking.customer_id]
    assert ledger_faults(session) == []
    act(payments.resume, booking, booking.customer_id, policy=POLICY)
    note(extra, "page")
    record(paid(extra))
    record(paid(extra))
    assert (extra.state, booking.state) == ("held", "started")
    assert balances(session)[held(booking.id)] == 7_500
    assert notices(session, "extra_paid") == [booking.helper_id]
    act(bookings.finish, booking, booking.helper_id, policy=POLICY)
    act(payments.sign_off, booking, booking.customer_id)
    assert [payment.state for payment in session.scalars(select(Payment))] == ["released", "released"]
    assert balances(session)[owed(booking.helper_id)] == 4_950 + 1_800
    assert [payout.cents for payout in session.scalars(select(Payout).order_by(Payout.id))] == [4_950, 1_800]
    assert ledger_faults(session) == []


@pytest.mark.parametrize("ending", ["declined", "abandoned"])
def test_more_work_that_could_not_be_paid_may_be_proposed_again(session: Session, ending: str) -> None:
    booking, extra = with_extra(session)
    with pytest.raises(WrongState):
        act(payments.ask_extra, booking, booking.helper_id, cents=700, what="Noch mehr", policy=POLICY)
    note(extra, "page")
    record(said(extra, ending))
    record(said(extra, ending))
    assert extra.state == "failed"
    told = {"declined": [booking.helper_id], "abandoned": sorted([booking.customer_id, booking.helper_id])}
    assert notices(session, "extra_off") == told[ending], "a decline is told to the customer in words of its own"
    act(payments.ask_extra, booking, booking.helper_id, cents=700, what="Noch mehr", policy=POLICY)
    assert payment_by(session, booking, "extra").amount_cents == 700
    assert ledger_faults(session) == []


@pytest.mark.parametrize("by", ["customer", "helper"])
def test_either_side_drops_more_work_that_is_not_paid(session: Session, by: str) -> None:
    booking, extra = with_extra(session)
    who = booking.customer_id if by == "customer" else booking.helper_id
    with pytest.raises(NotAllowed):
        act(payments.drop_extra, booking, make_user(session).id)
    act(payments.drop_extra, booking, who)
    assert (extra.state, extra.failure) == ("failed", "called_off")
    other = booking.helper_id if by == "customer" else booking.customer_id
    assert notices(session, "extra_off") == [other], "who drops it sees it"
    with pytest.raises(WrongState):
        act(payments.drop_extra, booking, who)
    assert ledger_faults(session) == []


def test_more_work_is_not_dropped_while_its_page_may_be_paid(session: Session) -> None:
    booking, extra = with_extra(session)
    note(extra, "page")
    with pytest.raises(WrongState):
        act(payments.drop_extra, booking, booking.customer_id)


def test_more_work_unpaid_at_the_sign_off_is_called_off_and_goes_back_when_it_is_paid_after_it(
    session: Session,
) -> None:
    booking, extra = with_extra(session, state="finished")
    note(extra, "page")
    act(payments.sign_off, booking, booking.customer_id)
    assert (extra.state, extra.failure, booking.state) == ("failed", "called_off", "signed_off")
    assert notices(session, "extra_off") == sorted([booking.customer_id, booking.helper_id])
    assert ledger_faults(session) == []
    record(paid(extra))
    assert (extra.state, extra.refunded_cents, booking.state) == ("refunded", 2_000, "signed_off")
    assert session.scalars(select(Refund.cents)).all() == [2_000]
    assert balances(session)[owed(booking.helper_id)] == 4_950
    assert ledger_faults(session) == []


def test_more_work_that_is_paid_goes_back_whole_when_the_visit_is_given_up(session: Session) -> None:
    booking, extra = with_extra(session)
    note(extra, "page")
    record(paid(extra))
    act(payments.give_up, booking, booking.helper_id, note="Defekt.", policy=AT_ONCE)
    assert (extra.state, payment_by(session, booking).state) == ("refunded", "partly_refunded")
    assert balances(session)[owed(booking.helper_id)] == 2_000
    assert balances(session)[REFUNDS] == 3_500 + 2_000
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", ["confirmed", "on_the_way", "signed_off", "unsolved", "cancelled", "reserved"])
def test_more_work_is_agreed_on_at_the_visit_only(session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    with pytest.raises(WrongState):
        act(payments.ask_extra, booking, booking.helper_id, cents=2_000, what="Mehr", policy=POLICY)


@pytest.mark.parametrize(
    "values", [{"cents": 499}, {"cents": 0}, {"cents": -500}, {"cents": 100_001}, {"what": "  "}], ids=str
)
def test_more_work_has_a_price_and_words(session: Session, values: dict[str, Any]) -> None:
    booking = make_booking(session, state="started")
    with pytest.raises(Invalid):
        act(
            payments.ask_extra,
            booking,
            booking.helper_id,
            **{"cents": 2_000, "what": "Mehr", "policy": POLICY, **values},
        )
    with pytest.raises(NotAllowed):
        act(payments.ask_extra, booking, booking.customer_id, cents=2_000, what="Mehr", policy=POLICY)
    assert count(session, Payment) == 1


# ---- Cash


def in_cash(session: Session, percent: int = 0, *, finished: bool = True) -> Booking:
    """A visit that is paid on the spot."""
    payment = accept(session, policy=Policy(cash_allowed=1, cash_fee_percent=percent), in_cash=True)
    booking = session.get_one(Booking, payment.booking_id)
    act(bookings.start, booking, booking.helper_id, policy=AT_ONCE)
    if finished:
        act(bookings.finish, booking, booking.helper_id, policy=POLICY)
    return booking


def test_cash_must_be_allowed(session: Session) -> None:
    with pytest.raises(NotAllowed):
        accept(session, in_cash=True)
    assert count(session, Booking) == 0


def test_cash_is_agreed_at_once_and_recorded_at_the_sign_off(session: Session) -> None:
    booking = in_cash(session)
    payment = payment_of(session, booking)
    assert (payment.state, payment.method, payment.fee_cents, booking.fee_cents) == ("cash", "cash", 0, 0)
    assert entries(session) == []
    assert ledger_faults(session) == []
    act(payments.sign_off, booking, booking.customer_id)
    assert (payment.state, booking.state) == ("released", "signed_off")
    assert balances(session) == {"cash": 0, held(booking.id): 0, owed(booking.helper_id): 0}
    assert facts_of(session, "visit_signed_off", "cash_cents", "helper_cents") == [(5_500, 0)]
    assert (count(session, Payout), count(session, Refund)) == (0, 0)
    assert ledger_faults(session) == []


def test_the_fee_on_cash_is_a_debt_that_the_next_payout_is_lowered_by(session: Session) -> None:
    booking = in_cash(session, 7)
    payment = payment_of(session, booking)
    assert payment.fee_cents == booking.fee_cents == 385
    act(payments.sign_off, booking, booking.customer_id)
    assert balances(session)[owed(booking.helper_id)] == -385
    assert ledger_faults(session) == []
    helper = session.get_one(User, booking.helper_id)
    following = make_bid(session, make_task(session), helper, starts_at=tomorrow_at(9))
    make_booking(session, following, state="signed_off")
    assert session.scalars(select(Payout.cents)).all() == [4_950 - 385]
    assert ledger_faults(session) == []
    last = make_bid(session, make_task(session), helper, starts_at=tomorrow_at(14))
    make_booking(session, last, state="signed_off")
    assert session.scalars(select(Payout.cents).order_by(Payout.id)).all() == [4_950 - 385, 4_950]


def test_a_debt_may_take_a_whole_payout(session: Session) -> None:
    booking = in_cash(session, 50)
    act(payments.sign_off, booking, booking.customer_id)
    helper = session.get_one(User, booking.helper_id)
    for hour, cents in ((9, 2_000), (14, 2_000)):
        bid = make_bid(session, make_task(session), helper, price_cents=cents, starts_at=tomorrow_at(hour))
        make_booking(session, bid, state="signed_off")
    assert session.scalars(select(Payout.cents)).all() == [3_600 - 2_750]
    assert ledger_faults(session) == []


@pytest.mark.parametrize("ending", ["cancelled", "given up", "nobody there"])
def test_cash_that_was_never_paid_costs_nobody_anything(session: Session, ending: str) -> None:
    payment = accept(session, policy=Policy(cash_allowed=1, cash_fee_percent=10), in_cash=True)
    booking = session.get_one(Booking, payment.booking_id)
    with clock.moved_to(booking.starts_at + timedelta(hours=1)):
        match ending:
            case "cancelled":
                act(payments.call_off, booking, booking.customer_id, policy=POLICY, agreed_refund_cents=0)
            case "given up":
                act(bookings.start, booking, booking.helper_id, policy=AT_ONCE)
                act(payments.give_up, booking, booking.helper_id, note="Defekt.", policy=AT_ONCE)
            case "nobody there":
                act(bookings.set_out, booking, booking.helper_id, policy=POLICY)
                act(bookings.report_no_show, booking, booking.helper_id, policy=POLICY)
                act(payments.settle_no_show, booking, policy=POLICY)
    assert (payment.state, payment.failure) == ("failed", "called_off")
    assert entries(session) == []
    assert ledger_faults(session) == []


def test_giving_up_a_visit_in_cash_calls_more_work_off_too(session: Session) -> None:
    booking = in_cash(session, finished=False)
    act(payments.ask_extra, booking, booking.helper_id, cents=2_000, what="Mehr", policy=POLICY)
    act(payments.give_up, booking, booking.helper_id, note="Defekt.", policy=AT_ONCE)
    assert [payment.state for payment in session.scalars(select(Payment))] == ["failed", "failed"]
    assert ledger_faults(session) == []


def test_the_operator_decides_about_a_visit_in_cash(session: Session) -> None:
    operator = make_operator(session).id
    for refund, helper, states in ((5_500, 0, ("cancelled", "failed")), (0, 5_500, ("signed_off", "released"))):
        booking = in_cash(session, 10)
        act(bookings.report_unsolved, booking, booking.customer_id, note="Geht nicht.")
        with pytest.raises(Invalid):  # what lies in a helper's pocket cannot be shared here
            act(payments.settle, booking, operator, refund_cents=2_000, helper_cents=0, reason="Darum.")
        act(payments.settle, booking, operator, refund_cents=refund, helper_cents=helper, reason="Darum.")
        assert (booking.state, payment_of(session, booking).state) == states
        assert ledger_faults(session) == []


def test_more_work_at_the_gateway_goes_back_while_the_cash_stays(session: Session) -> None:
    operator, booking = make_operator(session).id, in_cash(session, 10, finished=False)
    act(payments.ask_extra, booking, booking.helper_id, cents=2_000, what="Mehr", policy=POLICY)
    extra = payment_by(session, booking, "extra")
    note(extra, "page")
    record(paid(extra))
    act(bookings.finish, booking, booking.helper_id, policy=POLICY)
    act(bookings.report_unsolved, booking, booking.customer_id, note="Geht nicht.")
    act(payments.settle, booking, operator, refund_cents=2_000, helper_cents=4_950, reason="Darum.")
    assert (extra.state, payment_by(session, booking).state) == ("refunded", "released")
    assert balances(session)[owed(booking.helper_id)] == -550
    assert ledger_faults(session) == []


# ---- The end of a visit


def test_a_sign_off_pays_the_helper_and_the_platform(session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    assert payment_of(session, booking).state == "released"
    assert session.get_one(Task, booking.task_id).state == "done"
    assert balances(session) == {
        GATEWAY: 5500 - FEE,
        FEES: FEE,
        held(booking.id): 0,
        owed(booking.helper_id): 4950,
        REVENUE: 550,
    }
    payout = session.scalars(select(Payout)).one()
    assert (payout.helper_id, payout.cents, payout.state) == (booking.helper_id, 4950, "waiting")
    assert ledger_faults(session) == []


def test_silence_signs_off(session: Session) -> None:
    booking = make_booking(session, state="finished")
    act(lambda rows, here: payments.sign_off(rows, here, by=None), booking)
    assert (booking.state, payment_of(session, booking).state) == ("signed_off", "released")
    assert facts_of(session, "silence_signed_off", "cash_cents") == [(0,)]
    assert facts_of(session, "visit_signed_off", "cash_cents", "helper_cents") == [(0, 4_950)]
    assert session.scalars(select(Settlement.by_id)).one() is None


def test_cash_and_what_comes_from_us_are_told_apart(session: Session) -> None:
    booking = in_cash(session, finished=False)
    extra_paid(session, booking, 2_000)
    act(bookings.finish, booking, booking.helper_id, policy=POLICY)
    act(lambda rows, here: payments.sign_off(rows, here, by=None), booking)
    assert facts_of(session, "silence_signed_off", "cash_cents") == [(5_500,)]
    assert facts_of(session, "visit_signed_off", "cash_cents", "helper_cents") == [(5_500, 1_800)]


def test_only_the_customer_signs_off(session: Session) -> None:
    booking = make_booking(session, state="finished")
    with pytest.raises(NotAllowed):
        act(payments.sign_off, booking, booking.helper_id)


def test_what_no_neighbour_can_solve_costs_the_call_out_fee(session: Session) -> None:
    booking = make_booking(session, state="not_solvable")
    payment = payment_of(session, booking)
    assert (payment.state, payment.refunded_cents) == ("partly_refunded", 3_500)
    assert session.get_one(Task, booking.task_id).state == "closed"
    assert balances(session)[owed(booking.helper_id)] == 2_000
    assert balances(session).get(REVENUE, 0) == 0
    assert session.scalars(select(Settlement.reason)).one() == "not_solvable"
    assert notices(session, "visit_given_up") == sorted([booking.customer_id, booking.helper_id])
    assert count(session, TakenQuarter) == 0
    assert ledger_faults(session) == []


def facts_of(session: Session, kind: str, *which: str) -> list[tuple[int, ...]]:
    """The figures that a kind of notice tells, once for each who is told."""
    told = session.scalars(select(Notice.facts).where(Notice.kind == kind).order_by(Notice.id))
    return [tuple(facts[one] for one in which) for facts in told]


def extra_paid(session: Session, booking: Booking, cents: int) -> Payment:
    """More work that its customer has paid."""
    act(payments.ask_extra, booking, booking.helper_id, cents=cents, what="Mehr", policy=POLICY)
    extra = payment_by(session, booking, "extra")
    note(extra, f"page-{extra.id}")
    record(paid(extra))
    return extra


@pytest.mark.parametrize(("cents", "is_cash"), [(4_000, False), (4_000, True), (1_000, True)])
def test_giving_up_tells_what_really_goes_to_whom_with_more_work_paid(
    session: Session, cents: int, is_cash: bool
) -> None:
    booking = in_cash(session, finished=False) if is_cash else make_booking(session, state="started")
    extra = extra_paid(session, booking, cents)
    shown = payments.effect_if_given_up(session, booking, policy=POLICY)
    act(payments.give_up, booking, booking.helper_id, note="Defekt.", policy=AT_ONCE)
    expected = (cents, 0) if is_cash else (3_500 + cents, 2_000)
    assert (shown.refund_cents, shown.helper_cents) == expected
    assert facts_of(session, "visit_given_up", "refund_cents", "helper_cents") == [expected] * 2
    assert (extra.state, sum(session.scalars(select(Refund.cents)))) == ("refunded", expected[0])
    assert balances(session).get(owed(booking.helper_id), 0) == expected[1]
    assert ledger_faults(session) == []


def test_a_price_below_the_call_out_fee_is_kept_whole(session: Session) -> None:
    bid = make_bid(session, make_task(session), price_cents=1_500)
    booking = make_booking(session, bid, state="not_solvable")
    assert (payment_of(session, booking).state, balances(session)[owed(booking.helper_id)]) == ("released", 1_500)
    assert count(session, Refund) == 0
    assert ledger_faults(session) == []


# ---- Nobody there


def test_a_customer_who_was_not_there_pays_an_hour(session: Session) -> None:
    bid = make_bid(session, make_task(session), price_cents=10_000, minutes=120)
    booking = make_booking(session, bid, state="no_show")
    assert ledger_faults(session) == []
    act(payments.settle_no_show, booking, policy=POLICY)
    task = session.get_one(Task, booking.task_id)
    assert (booking.state, booking.cancelled_by, booking.absent) == ("cancelled", "customer", "customer")
    assert task.state == "cancelled"
    shares = session.execute(select(Settlement.refund_cents, Settlement.helper_cents, Settlement.fee_cents)).one()
    assert tuple(shares) == (5_000, 4_500, 500)
    assert session.scalars(select(Settlement.reason)).one() == "no_show"
    assert ledger_faults(session) == []


def test_a_helper_who_was_not_there_gets_nothing_and_the_task_is_open_again(session: Session) -> None:
    booking = make_booking(session)
    with clock.moved_to(booking.starts_at + timedelta(minutes=15)):
        act(bookings.report_no_show, booking, booking.customer_id, policy=POLICY)
    act(payments.settle_no_show, booking, policy=POLICY)
    assert (booking.state, booking.cancelled_by, booking.absent) == ("cancelled", "helper", "helper")
    assert session.get_one(Task, booking.task_id).state == "open"
    assert payment_of(session, booking).state == "refunded"
    assert ledger_faults(session) == []


def test_whoever_objects_leaves_it_to_the_operator(session: Session) -> None:
    booking = make_booking(session, state="no_show")
    with pytest.raises(NotAllowed):
        act(bookings.object_to_no_show, booking, booking.helper_id, note="Ich war da.")
    act(bookings.object_to_no_show, booking, booking.customer_id, note="Ich war da.")
    assert booking.state == "unsolved"
    with pytest.raises(WrongState):
        act(payments.settle_no_show, booking, policy=POLICY)
    operator = make_operator(session).id
    act(payments.settle, booking, operator, refund_cents=4_000, helper_cents=1_400, reason="Beide hatten recht.")
    assert (booking.state, payment_of(session, booking).state) == ("signed_off", "partly_refunded")
    assert balances(session)[owed(booking.helper_id)] == 1_400
    assert ledger_faults(session) == []


def test_nobody_is_reported_too_early_or_by_a_helper_who_never_set_out(session: Session) -> None:
    booking = make_booking(session)
    with clock.moved_to(booking.starts_at + timedelta(minutes=14)), pytest.raises(WrongState):
        act(bookings.report_no_show, booking, booking.customer_id, policy=POLICY)
    with clock.moved_to(booking.starts_at + timedelta(hours=1)):
        with pytest.raises(WrongState):
            act(bookings.report_no_show, booking, booking.helper_id, policy=POLICY)
        with pytest.raises(NotAllowed):
            act(bookings.report_no_show, booking, make_operator(session).id, policy=POLICY)


# ---- The operator decides


@pytest.mark.parametrize(
    ("refund", "helper", "state", "booking_state"),
    [
        (5_500, 0, "refunded", "cancelled"),
        (0, 4_950, "released", "signed_off"),
        (0, 5_500, "released", "signed_off"),
        (0, 0, "released", "signed_off"),
        (1, 0, "partly_refunded", "signed_off"),
        (2_750, 2_475, "partly_refunded", "signed_off"),
        (5_499, 1, "partly_refunded", "signed_off"),
    ],
)
def test_the_operator_settles_in_any_ratio(
    session: Session, refund: int, helper: int, state: str, booking_state: str
) -> None:
    booking, operator = make_booking(session, state="unsolved"), make_operator(session).id
    with pytest.raises(Invalid):
        act(payments.settle, booking, operator, refund_cents=refund, helper_cents=helper, reason="  ")
    act(payments.settle, booking, operator, refund_cents=refund, helper_cents=helper, reason="Darum.")
    payment = payment_of(session, booking)
    assert (booking.state, payment.state, booking.settled_reason) == (booking_state, state, "Darum.")
    assert booking.cancelled_by == ("operator" if booking_state == "cancelled" else None)
    assert session.get_one(Task, booking.task_id).state == ("closed" if booking_state == "cancelled" else "done")
    books = balances(session)
    assert (books.get(REFUNDS, 0), books.get(owed(booking.helper_id), 0)) == (refund, helper)
    assert books.get(REVENUE, 0) == 5_500 - refund - helper
    assert books[held(booking.id)] == 0
    assert notices(session, "visit_settled") == sorted([booking.customer_id, booking.helper_id])
    assert ledger_faults(session) == []
    with pytest.raises(WrongState):
        act(payments.settle, booking, operator, refund_cents=refund, helper_cents=helper, reason="Noch einmal.")


@pytest.mark.parametrize(("refund", "helper"), [(5_501, 0), (5_000, 501), (-1, 0), (0, -1), (-100, 5_600)])
def test_no_more_is_shared_out_than_was_paid(session: Session, refund: int, helper: int) -> None:
    booking, operator = make_booking(session, state="unsolved"), make_operator(session).id
    with pytest.raises(Invalid):
        act(payments.settle, booking, operator, refund_cents=refund, helper_cents=helper, reason="Darum.")
    assert booking.state == "unsolved"
    assert ledger_faults(session) == []


def test_a_decision_counts_for_more_work_too(session: Session) -> None:
    booking, extra = with_extra(session)
    note(extra, "page")
    record(paid(extra))
    act(bookings.finish, booking, booking.helper_id, policy=POLICY)
    act(payments.ask_extra, booking, booking.helper_id, cents=900, what="Und noch mehr", policy=POLICY)
    act(bookings.report_unsolved, booking, booking.customer_id, note="Geht nicht.")
    operator = make_operator(session).id
    with pytest.raises(Invalid):
        act(payments.settle, booking, operator, refund_cents=7_501, helper_cents=0, reason="Darum.")
    act(payments.settle, booking, operator, refund_cents=6_000, helper_cents=1_000, reason="Darum.")
    visit, more, unpaid = session.scalars(select(Payment).order_by(Payment.id)).all()
    assert (visit.state, more.state, unpaid.state) == ("refunded", "partly_refunded", "failed")
    assert (visit.refunded_cents, more.refunded_cents) == (5_500, 500)
    books = balances(session)
    assert (books[REFUNDS], books[owed(booking.helper_id)], books[REVENUE]) == (6_000, 1_000, 500)
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", ["card_saved", "action_needed"])
def test_a_forgotten_visit_that_was_never_paid_is_cancelled(session: Session, state: str) -> None:
    """Nobody could set out for it; what is paid after all goes back by itself."""
    payment = in_state(session, state)
    booking = session.get_one(Booking, payment.booking_id)
    with clock.moved_to(booking.ends_at + timedelta(hours=23)), pytest.raises(WrongState):
        act(payments.refer, booking, policy=POLICY)
    with clock.moved_to(booking.ends_at + timedelta(hours=24)):
        act(payments.refer, booking, policy=POLICY)
        assert (booking.state, payment.state, payment.failure) == ("cancelled", "failed", "lapsed")
        assert session.get_one(Task, booking.task_id).state == "cancelled"
        assert notices(session, "booking_cancelled") == sorted([booking.customer_id, booking.helper_id])
        assert notices(session, "visit_referred") == []
        assert (entries(session), ledger_faults(session)) == ([], [])
        say_of_charge(payment, charged(payment))
    assert (booking.state, payment.state, payment.refunded_cents) == ("cancelled", "refunded", 5500)
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("refund", "helper", "states"),
    [(5_500, 0, ("cancelled", "failed")), (0, 5_500, ("signed_off", "released"))],
    ids=["not paid", "paid on the spot"],
)
def test_a_forgotten_visit_in_cash_is_decided_by_the_operator(
    session: Session, refund: int, helper: int, states: tuple[str, str]
) -> None:
    operator, booking = make_operator(session).id, in_cash(session, 10, finished=False)
    with clock.moved_to(booking.ends_at + timedelta(hours=24)):
        act(payments.refer, booking, policy=POLICY)
        assert (booking.state, payment_of(session, booking).state) == ("unsolved", "cash")
        act(payments.settle, booking, operator, refund_cents=refund, helper_cents=helper, reason="Darum.")
    assert (booking.state, payment_of(session, booking).state) == states
    assert ledger_faults(session) == []


def test_more_work_of_a_forgotten_visit_is_decided_about_too(session: Session) -> None:
    operator, (booking, extra) = make_operator(session).id, with_extra(session)
    note(extra, "page")
    with clock.moved_to(booking.ends_at + timedelta(hours=24)):
        act(payments.refer, booking, policy=POLICY)
        record(paid(extra))  # too late
        assert (extra.state, extra.refunded_cents) == ("refunded", 2_000)
        act(payments.settle, booking, operator, refund_cents=0, helper_cents=4_950, reason="Darum.")
    assert balances(session)[owed(booking.helper_id)] == 4_950
    assert ledger_faults(session) == []


def test_the_customer_may_still_sign_a_forgotten_visit_off(session: Session) -> None:
    booking = make_booking(session, state="started")
    with clock.moved_to(booking.ends_at + timedelta(hours=25)):
        act(payments.refer, booking, policy=POLICY)
        act(payments.sign_off, booking, booking.customer_id)
    assert payment_of(session, booking).state == "released"
    assert ledger_faults(session) == []


def test_only_a_moderator_decides_and_never_about_a_visit_of_their_own(session: Session) -> None:
    moderator = make_operator(session)
    booking = make_booking(session, make_bid(session, make_task(session, moderator)), state="unsolved")
    values = {"refund_cents": 5_500, "helper_cents": 0, "reason": "Ich."}
    for person in (moderator.id, make_operator(session, "agent").id, booking.helper_id):
        with pytest.raises(NotAllowed):
            act(payments.settle, booking, person, **values)
    assert booking.state == "unsolved"


# ---- Cancelling


def call_off(booking: Booking, by_id: int, **values: Any) -> None:
    act(payments.call_off, booking, by_id, policy=POLICY, **values)


@pytest.mark.parametrize(("hours", "refund"), [(25, 5500), (24, 5500), (23, 2750), (0, 2750)])
def test_the_customer_cancels(session: Session, hours: int, refund: int) -> None:
    booking = make_booking(session)
    with clock.moved_to(booking.starts_at - timedelta(hours=hours, seconds=1)):
        call_off(booking, booking.customer_id)
    task, payment = session.get_one(Task, booking.task_id), payment_of(session, booking)
    assert (booking.state, booking.cancelled_by, task.state) == ("cancelled", "customer", "cancelled")
    assert payment.state == ("refunded" if refund == 5500 else "partly_refunded")
    assert payment.refunded_cents == refund
    kept = 5500 - refund
    assert balances(session).get(owed(booking.helper_id), 0) == kept - kept // 10
    assert balances(session)[REFUNDS] == refund
    assert session.scalars(select(Refund.cents)).one() == refund
    assert session.scalars(select(Payout.cents)).all() == ([kept - kept // 10] if kept else [])
    assert count(session, TakenQuarter) == 0
    told = session.scalars(select(Notice.facts).where(Notice.kind == "booking_cancelled")).all()
    assert [facts["refund_cents"] for facts in told] == [refund, refund]
    assert ledger_faults(session) == []


@pytest.mark.parametrize(("minutes", "refund"), [(-1, 2750), (0, 0), (30, 0)])
def test_cancelling_after_the_agreed_start_costs_as_much_as_not_being_there(
    session: Session, minutes: int, refund: int
) -> None:
    booking = make_booking(session)  # an hour of it is the whole price
    with clock.moved_to(booking.starts_at + timedelta(minutes=minutes)):
        call_off(booking, booking.customer_id, agreed_refund_cents=refund)
    assert payment_of(session, booking).refunded_cents == refund
    assert ledger_faults(session) == []


def test_within_five_minutes_of_booking_cancelling_is_free_however_near_the_visit_is(session: Session) -> None:
    for minutes, refund in ((4, 5500), (6, 2750)):
        bid = make_bid(session, make_task(session), starts_at=clock.now() + timedelta(hours=3))
        booking = make_booking(session, bid)
        with later(minutes=minutes):
            call_off(booking, booking.customer_id)
        assert payment_of(session, booking).refunded_cents == refund
    assert ledger_faults(session) == []


def test_moving_the_visit_dodges_nothing(session: Session) -> None:
    """Whoever moved the visit from tomorrow to next month pays for tomorrow; moved nearer, the nearer beginning counts."""
    booking = make_booking(session)
    first, later_on = booking.starts_at, booking.starts_at + timedelta(days=30)
    with transaction() as rows:
        rows.get_one(Booking, booking.id).starts_at = later_on
    with clock.moved_to(first - timedelta(hours=3)):
        with pytest.raises(EffectChanged):
            call_off(booking, booking.customer_id, agreed_refund_cents=5500)
        call_off(booking, booking.customer_id, agreed_refund_cents=2750)
    nearer = make_booking(session)
    with transaction() as rows:
        rows.get_one(Booking, nearer.id).starts_at = clock.now() + timedelta(hours=5)
    with later(minutes=10):
        call_off(nearer, nearer.customer_id, agreed_refund_cents=2750)
    assert ledger_faults(session) == []


def test_the_helper_cancels_and_the_task_is_open_again(session: Session) -> None:
    booking = make_booking(session, state="on_the_way")
    with clock.moved_to(booking.starts_at - timedelta(minutes=5)):
        call_off(booking, booking.helper_id)
    task, bid = session.get_one(Task, booking.task_id), session.get_one(Bid, booking.bid_id)
    assert (booking.cancelled_by, task.state, bid.state) == ("helper", "open", "withdrawn")
    assert payment_of(session, booking).refunded_cents == 5500
    other = make_booking(session, make_bid(session, task))
    assert other.state == "confirmed"
    assert ledger_faults(session) == []


def test_cancelling_costs_what_was_shown_or_nothing_happens(session: Session) -> None:
    booking = make_booking(session)
    with clock.moved_to(booking.starts_at - timedelta(hours=23)):
        with pytest.raises(EffectChanged):
            call_off(booking, booking.customer_id, agreed_refund_cents=5500)
        assert booking.state == "confirmed"
        call_off(booking, booking.customer_id, agreed_refund_cents=2750)
    assert booking.state == "cancelled"


@pytest.mark.parametrize("who", ["operator", "stranger"])
def test_nobody_else_cancels(session: Session, who: str) -> None:
    booking = make_booking(session)
    person = make_operator(session, "admin") if who == "operator" else make_user(session)
    with pytest.raises(NotAllowed):
        call_off(booking, person.id)


def test_a_fee_that_changed_since_the_bid_changes_no_promise(session: Session) -> None:
    bid = make_bid(session, make_task(session), fee_percent=20, starts_at=clock.now() + timedelta(hours=5))
    booking = make_booking(session, bid)
    assert booking.fee_cents == 1100
    with later(minutes=6):
        call_off(booking, booking.customer_id)
    books = balances(session)
    assert (books[REFUNDS], books[owed(booking.helper_id)], books[REVENUE]) == (2750, 2200, 550)
    assert ledger_faults(session) == []


# ---- To the rappen


ENDINGS = ("confirmed", "signed_off", "cancelled", "not_solvable", "no_show", "unsolved", "late")


def test_prices_are_shared_to_the_rappen(session: Session, full: bool, figure: Callable[[str, int], None]) -> None:
    """What the customer pays is what helper, platform and refund get together, and the books say the same."""
    chance = random.Random(2026)
    customer, at, operator = make_user(session), tomorrow_at(6), make_operator(session).id
    helpers = [make_helper(session) for _ in range(4)]
    paid_in = refunded = 0
    for number in range(500 if full else 50):
        price, least = chance.randint(POLICY.price_min_cents, POLICY.price_max_cents), chance.randint(0, 900)
        bid = make_bid(
            session,
            make_task(session, customer),
            helpers[number % 4],
            price_cents=price,
            fee_percent=chance.randint(0, 30),
            fee_min_cents=least,
            fee_max_cents=chance.choice([None, least + chance.randint(0, 9_000)]),
            minutes=15,
            starts_at=at + timedelta(minutes=15 * number),
            expires_at=at + timedelta(days=30),
        )
        ending = chance.choice(ENDINGS)
        booking = make_booking(session, bid, state="confirmed" if ending == "late" else ending)
        if ending == "late":
            with clock.moved_to(booking.starts_at - timedelta(hours=1)):
                call_off(booking, booking.customer_id)
        elif ending == "no_show":
            act(payments.settle_no_show, booking, policy=POLICY)
        elif ending == "unsolved":
            refund = chance.randint(0, price)
            act(
                payments.settle,
                booking,
                operator,
                refund_cents=refund,
                helper_cents=chance.randint(0, price - refund),
                reason="Gewürfelt.",
            )
        payment = payment_of(session, booking)
        assert payment.amount_cents == price == booking.fee_cents + booking.helper_cents
        shared = payments.shared(session, payment)
        if ending != "confirmed":
            assert shared.refund_cents + shared.helper_cents + shared.fee_cents == price
        assert min(shared.refund_cents, shared.helper_cents, shared.fee_cents) >= 0
        paid_in += price
        refunded += payment.refunded_cents
    books = balances(session)
    assert books.pop(FEES) == FEE * (number + 1)
    assert books.pop(GATEWAY) == paid_in - FEE * (number + 1)
    assert books[REFUNDS] == refunded
    assert sum(books.values()) == paid_in
    assert ledger_faults(session) == []
    figure("random prices shared to the rappen", number + 1)
