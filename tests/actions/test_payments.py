"""Payments and the ledger: what the gateway says takes effect once, in any order, and every rappen is accounted for."""

import itertools
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import transaction
from marketplace.domain.errors import EffectChanged, Invalid, NotAllowed, NotFound, WrongState
from marketplace.domain.gateway import CheckoutFact
from marketplace.domain.lifecycles import PAYMENT
from marketplace.domain.money import GATEWAY, REVENUE, held, owed
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Entry, GatewayEvent, Notice, OutboxItem, Payment, TakenQuarter, Task, User
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import (
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

POLICY = Policy()


def said(payment: Payment, outcome: str, **values: object) -> CheckoutFact:
    """What the gateway says of this payment's page."""
    charge = paid(payment).charge if outcome == "paid" else None
    return paid(payment, **{"outcome": outcome, "charge": charge, **values})


def record(fact: CheckoutFact) -> None:
    with transaction() as session:
        payments.record(session, fact)


def entries(session: Session) -> list[tuple[str, str, int]]:
    rows = session.execute(select(Entry.from_account, Entry.to_account, Entry.cents).order_by(Entry.id))
    return [tuple(row) for row in rows]


# ---- What the gateway says


def test_a_paid_page_confirms_everything_at_once(session: Session) -> None:
    task = make_task(session)
    bid, sibling = make_bid(session, task), make_bid(session, task)
    booking = make_booking(session, bid, state="reserved")
    record(paid(payment_of(session, booking)))
    assert (booking.state, task.state, bid.state, sibling.state) == ("confirmed", "booked", "accepted", "declined")
    assert payment_of(session, booking).state == "held"
    assert entries(session) == [(GATEWAY, held(booking.id), 5500)]
    told = session.execute(select(Notice.kind, Notice.user_id).order_by(Notice.kind)).all()
    assert [tuple(row) for row in told] == [
        ("bid_declined", sibling.helper_id),
        ("booking_confirmed", task.customer_id),
        ("booking_won", bid.helper_id),
    ]
    assert ledger_faults(session) == []


@pytest.mark.parametrize("repeats", [2, 5])
def test_the_same_event_takes_effect_once(session: Session, repeats: int) -> None:
    booking = make_booking(session, state="reserved")
    fact = paid(payment_of(session, booking))
    for _ in range(repeats):
        record(fact)
    assert len(entries(session)) == 1
    assert session.scalar(select(func.count(GatewayEvent.id))) == 1
    assert session.scalar(select(func.count(Notice.id)).where(Notice.kind == "booking_won")) == 1


def test_a_page_paid_in_two_events_is_held_once(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    record(said(payment, "paid", event_id="one"))
    record(said(payment, "paid", event_id="two"))
    assert (payment.state, len(entries(session))) == ("held", 1)
    assert ledger_faults(session) == []


@pytest.mark.parametrize("order", list(itertools.permutations(["open", "declined", "abandoned", "paid"])))
def test_events_in_any_order_end_alike(session: Session, order: tuple[str, ...]) -> None:
    """A page that was paid in the end is paid, or its money goes back: never lost, never twice."""
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    for outcome in order:
        record(said(payment, outcome))
        record(said(payment, outcome))
    failed_first = order.index("paid") > min(order.index("declined"), order.index("abandoned"))
    assert payment.state == ("refunded" if failed_first else "held")
    assert booking.state == ("lapsed" if failed_first else "confirmed")
    refunds = session.scalar(select(func.count(OutboxItem.id)).where(OutboxItem.channel == "refund"))
    assert refunds == (1 if failed_first else 0)
    assert ledger_faults(session) == []


def test_a_declined_card_keeps_the_reservation_for_another_try(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    first = payment_of(session, booking)
    record(said(first, "declined"))
    assert (booking.state, first.state, first.failure) == ("reserved", "failed", "declined")
    assert session.scalars(select(Notice.kind)).all() == ["payment_failed"]
    with transaction() as rows:
        payments.resume(rows, rows.get_one(Booking, booking.id), by=rows.get_one(User, booking.customer_id))
    second = payment_of(session, booking)
    assert second.id != first.id
    with transaction() as rows:
        payments.note_checkout(rows, second.id, "another-page")
    session.refresh(second)
    record(paid(second))
    assert (booking.state, second.state, first.state) == ("confirmed", "held", "failed")
    assert ledger_faults(session) == []


def test_going_on_gives_the_same_payment_while_it_is_under_way(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    for _ in range(3):
        with transaction() as rows:
            payments.resume(rows, rows.get_one(Booking, booking.id), by=rows.get_one(User, booking.customer_id))
    assert session.scalar(select(func.count(Payment.id))) == 1


def test_going_on_ends_with_the_reservation_and_is_for_its_customer(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(NotAllowed), transaction() as rows:
        payments.resume(rows, rows.get_one(Booking, booking.id), by=rows.get_one(User, booking.helper_id))
    with clock.moved_to(booking.reserved_until), pytest.raises(WrongState), transaction() as rows:
        payments.resume(rows, rows.get_one(Booking, booking.id), by=rows.get_one(User, booking.customer_id))


@pytest.mark.parametrize(
    "wrong", [{"amount_cents": 5499}, {"amount_cents": 0}, {"amount_cents": 55000}, {"currency": "EUR"}]
)
def test_another_amount_books_nothing(session: Session, wrong: dict[str, object]) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(WrongState):
        record(said(payment_of(session, booking), "paid", **wrong))
    assert entries(session) == []
    assert booking.state == "reserved"
    assert session.scalar(select(func.count(GatewayEvent.id))) == 0


def test_an_unknown_page_is_not_ours(session: Session) -> None:
    with pytest.raises(NotFound):
        record(PaymentFact("e", "nobody-knows", "paid", 1, "CHF"))


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
    assert entries(session) == [(GATEWAY, held(booking.id), 5500), (held(booking.id), GATEWAY, 5500)]
    refund = session.scalars(select(OutboxItem).where(OutboxItem.channel == "refund")).one()
    assert refund.facts == {"payment_id": payment.id, "cents": 5500, "key": f"refund-{payment.id}"}
    assert (
        session.scalars(select(Notice.kind).where(Notice.user_id == booking.customer_id))
        .all()
        .count("payment_returned")
        == 1
    )
    assert session.scalar(select(func.count(TakenQuarter.id))) == 0
    assert ledger_faults(session) == []


def test_a_reservation_whose_page_may_still_be_paid_does_not_lapse(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with pytest.raises(WrongState), transaction() as rows:
        payments.lapse(rows, rows.get_one(Booking, booking.id))
    assert (booking.state, payment_of(session, booking).state) == ("reserved", "prepared")


def test_paying_in_the_last_instant_counts_while_the_hours_are_still_kept(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    with clock.moved_to(booking.reserved_until + timedelta(minutes=5)):
        record(paid(payment_of(session, booking)))
    assert booking.state == "confirmed"


def test_a_page_is_noted_once_and_only_while_it_can_be_paid(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    payment = payment_of(session, booking)
    with transaction() as rows:
        payments.note_checkout(rows, payment.id, str(payment.checkout))
    with pytest.raises(WrongState), transaction() as rows:
        payments.note_checkout(rows, payment.id, "another")
    record(paid(payment))
    with pytest.raises(WrongState), transaction() as rows:
        payments.note_checkout(rows, payment.id, str(payment.checkout))


@pytest.mark.parametrize("state", PAYMENT.states)
@pytest.mark.parametrize("outcome", ["open", "paid", "declined", "abandoned"])
def test_every_outcome_in_every_state_of_a_payment(session: Session, state: str, outcome: str) -> None:
    """Nothing that a gateway may say unbalances the books, whatever state the payment is in."""
    payment = _payment_in(session, state)
    fact = said(payment, outcome, event_id="fresh")
    record(fact)
    changes = {
        ("prepared", "paid"): "held",
        ("prepared", "declined"): "failed",
        ("prepared", "abandoned"): "failed",
        ("failed", "paid"): "refunded",
    }
    assert payment.state == changes.get((state, outcome), state)
    assert ledger_faults(session) == []


def _payment_in(session: Session, state: str) -> Payment:
    ways = {
        "prepared": "reserved",
        "held": "confirmed",
        "released": "signed_off",
        "refunded": "cancelled",
        "failed": "lapsed",
    }
    if state in ways:
        return payment_of(session, make_booking(session, state=ways[state]))
    late = make_bid(session, make_task(session), starts_at=clock.now() + timedelta(hours=3))
    return payment_of(session, make_booking(session, late, state="cancelled"))


# ---- The end of a visit


def test_a_sign_off_pays_the_helper_and_the_platform(session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    assert payment_of(session, booking).state == "released"
    assert session.get_one(Task, booking.task_id).state == "done"
    assert balances(session) == {GATEWAY: 5500, held(booking.id): 0, owed(booking.helper_id): 4950, REVENUE: 550}
    assert ledger_faults(session) == []


@pytest.mark.parametrize("winner", ["customer", "helper"])
def test_the_operator_settles_an_unsolved_visit(session: Session, winner: str) -> None:
    booking = make_booking(session, state="unsolved")
    assert balances(session)[held(booking.id)] == 5500
    operator = make_operator(session).id
    with pytest.raises(Invalid), transaction() as rows:
        payments.settle(
            rows, rows.get_one(Booking, booking.id), by=rows.get_one(User, operator), in_favour_of=winner, reason="  "
        )
    with transaction() as rows:
        payments.settle(
            rows,
            rows.get_one(Booking, booking.id),
            by=rows.get_one(User, operator),
            in_favour_of=winner,
            reason="Darum.",
        )
    won = winner == "customer"
    assert booking.state == ("cancelled" if won else "signed_off")
    assert booking.settled_reason == "Darum."
    assert booking.cancelled_by == ("operator" if won else None)
    assert session.get_one(Task, booking.task_id).state == ("closed" if won else "done")
    assert balances(session)[GATEWAY] == (0 if won else 5500)
    told = session.scalars(select(Notice.user_id).where(Notice.kind == "visit_settled")).all()
    assert sorted(told) == sorted([booking.customer_id, booking.helper_id])
    assert ledger_faults(session) == []


def test_a_moderator_does_not_settle_a_visit_of_their_own(session: Session) -> None:
    operator = make_operator(session)
    bid = make_bid(session, make_task(session, operator))
    booking = make_booking(session, bid, state="unsolved")
    with pytest.raises(NotAllowed), transaction() as rows:
        payments.settle(
            rows,
            rows.get_one(Booking, booking.id),
            by=rows.get_one(User, operator.id),
            in_favour_of="customer",
            reason="Ich.",
        )


# ---- Cancelling


def call_off(booking: Booking, by_id: int, **values: object) -> None:
    with transaction() as rows:
        here, by = rows.get_one(Booking, booking.id), rows.get_one(User, by_id)
        payments.call_off(rows, here, by=by, policy=POLICY, **values)  # type: ignore[arg-type]


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
    assert balances(session)[GATEWAY] == kept
    assert session.scalars(select(OutboxItem.facts).where(OutboxItem.channel == "refund")).one()["cents"] == refund
    assert session.scalar(select(func.count(TakenQuarter.id))) == 0
    told = session.scalars(select(Notice.facts).where(Notice.kind == "booking_cancelled")).all()
    assert [facts["refund_cents"] for facts in told] == [refund, refund]
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
    call_off(booking, booking.customer_id)
    assert balances(session) == {GATEWAY: 2750, held(booking.id): 0, owed(booking.helper_id): 2200, REVENUE: 550}
    assert ledger_faults(session) == []


# ---- To the rappen


def test_prices_are_shared_to_the_rappen(session: Session, full: bool, figure: Callable[[str, int], None]) -> None:
    """What the customer pays is what helper, platform and refund get together, and the books say the same."""
    chance = random.Random(2026)
    customer, at = make_user(session), tomorrow_at(6)
    helpers = [make_helper(session) for _ in range(4)]
    paid_in = kept = 0
    for number in range(500 if full else 50):
        price = chance.randint(POLICY.price_min_cents, POLICY.price_max_cents)
        bid = make_bid(
            session,
            make_task(session, customer),
            helpers[number % 4],
            price_cents=price,
            fee_percent=chance.randint(0, 30),
            minutes=15,
            starts_at=at + timedelta(minutes=15 * number),
            expires_at=at + timedelta(days=30),
        )
        state = chance.choice(["confirmed", "signed_off", "cancelled"])
        booking = make_booking(session, bid, state=state)
        payment = payment_of(session, booking)
        assert payment.amount_cents == price == booking.fee_cents + booking.helper_cents
        paid_in += price
        kept += price - payment.refunded_cents
    balance = balances(session)
    assert balance.pop(GATEWAY) == kept == sum(balance.values())
    assert session.scalar(select(func.sum(Payment.amount_cents))) == paid_in
    assert ledger_faults(session) == []
    figure("random prices shared to the rappen", number + 1)
