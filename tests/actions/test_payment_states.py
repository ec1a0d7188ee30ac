"""Every verb of payments in every situation of a booking and its payment: it does what the table says, or changes nothing.

A situation is the state of the booking and of its newest payment. What a verb is not meant for raises WrongState; what
the gateway says may come at any time, late or twice, so it raises nothing, and takes effect only where the table says.
"""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import Base, db, move, transaction
from marketplace.domain.errors import WrongState
from marketplace.domain.lifecycles import BOOKING, PAYMENT
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Payment, Task, User
from marketplace.queries.payments import ledger_faults
from tests.actions.test_lifecycles import without_guard
from tests.factories import make_bid, make_booking, make_operator, make_task, paid, payment_of

POLICY = Policy()
SOON = timedelta(hours=3)  # so near that cancelling costs something

Situation = tuple[str, str]  # the state of the booking, and of its newest payment


@dataclass
class Story:
    """A booking with all that belongs to it, read anew in the transaction of a verb."""

    bid: Bid
    booking: Booking
    payment: Payment
    customer: User
    helper: User
    moderator: User


# ---- The situations and how one comes there


def _reserved_after_a_refused_card(session: Session) -> Booking:
    booking = make_booking(session, state="reserved")
    _say(payment_of(session, booking), "declined")
    return booking


def _paid_too_late(session: Session) -> Booking:
    booking = make_booking(session, state="lapsed")
    _say(payment_of(session, booking), "paid")
    return booking


def _cancelled_late(session: Session) -> Booking:
    soon = make_bid(session, make_task(session), starts_at=clock.now() + SOON)
    return make_booking(session, soon, state="cancelled")


def _say(payment: Payment, outcome: str) -> None:
    with transaction() as session:
        payments.record(session, _fact(payment, outcome))


def _fact(payment: Payment, outcome: Any, event: str = "") -> Any:
    return replace(paid(payment), outcome=outcome, event_id=f"{payment.checkout}-{outcome}{event}")


SITUATIONS: dict[Situation, Callable[[Session], Booking]] = {
    ("reserved", "prepared"): lambda session: make_booking(session, state="reserved"),
    ("reserved", "failed"): _reserved_after_a_refused_card,
    ("lapsed", "failed"): lambda session: make_booking(session, state="lapsed"),
    ("lapsed", "refunded"): _paid_too_late,
    ("confirmed", "held"): lambda session: make_booking(session, state="confirmed"),
    ("on_the_way", "held"): lambda session: make_booking(session, state="on_the_way"),
    ("started", "held"): lambda session: make_booking(session, state="started"),
    ("finished", "held"): lambda session: make_booking(session, state="finished"),
    ("unsolved", "held"): lambda session: make_booking(session, state="unsolved"),
    ("signed_off", "released"): lambda session: make_booking(session, state="signed_off"),
    ("closed", "released"): lambda session: make_booking(session, state="closed"),
    ("cancelled", "refunded"): lambda session: make_booking(session, state="cancelled"),
    ("cancelled", "partly_refunded"): _cancelled_late,
}


# ---- The verbs


def accept(session: Session, story: Story) -> None:
    """Accept the same bid again."""
    values = {"address": "Rosenweg 3", "phone": "+41791234567", "terms": 1, "policy": POLICY}
    payments.accept_bid(session, story.bid, by=story.customer, **values)


def resume(session: Session, story: Story) -> None:
    payments.resume(session, story.booking, by=story.customer)


def note_page(session: Session, story: Story) -> None:
    payments.note_checkout(session, story.payment.id, str(story.payment.checkout))


def take_due(session: Session, story: Story) -> None:
    """The worker asks about this payment only while it is under way."""
    asked = payments.take_due(session)
    assert (story.payment.id in asked) == (story.payment.state == "prepared")


def says(outcome: str) -> Callable[[Session, Story], None]:
    """The gateway says so, in an event that it has not sent before."""

    def record(session: Session, story: Story) -> None:
        payments.record(session, _fact(story.payment, outcome, "-again"))

    return record


def says_paid_for_a_task_that_is_gone(session: Session, story: Story) -> None:
    session.execute(update(Task).where(Task.id == story.booking.task_id).values(state="removed"))
    says("paid")(session, story)


def lapse(session: Session, story: Story) -> None:
    payments.lapse(session, story.booking)


def lapse_unopened(session: Session, story: Story) -> None:
    """The same for a payment whose page was never opened."""
    story.payment.checkout = None
    payments.lapse(session, story.booking, by=story.customer)


def sign_off(session: Session, story: Story) -> None:
    payments.sign_off(session, story.booking, by=story.customer)


def sign_off_in_silence(session: Session, story: Story) -> None:
    payments.sign_off(session, story.booking, by=None)


def call_off(session: Session, story: Story) -> None:
    payments.call_off(session, story.booking, by=story.customer, policy=POLICY)


def call_off_late(session: Session, story: Story) -> None:
    with clock.moved_to(story.booking.starts_at - SOON):
        call_off(session, story)


def call_off_by_the_helper(session: Session, story: Story) -> None:
    payments.call_off(session, story.booking, by=story.helper, policy=POLICY)


def settle_for(side: Any) -> Callable[[Session, Story], None]:
    """The operator decides."""

    def settle(session: Session, story: Story) -> None:
        payments.settle(session, story.booking, by=story.moderator, in_favour_of=side, reason="Beide gehört.")

    return settle


AGAIN = ("reserved", "prepared")
CALLED_OFF = {("confirmed", "held"): ("cancelled", "refunded"), ("on_the_way", "held"): ("cancelled", "refunded")}
CALLED_OFF_LATE = dict.fromkeys(CALLED_OFF, ("cancelled", "partly_refunded"))
RELEASED = ("signed_off", "released")

# Verb: where it does something, and what comes of it.
TABLE: dict[str, tuple[Callable[[Session, Story], None], dict[Situation, Situation]]] = {
    "accept_bid": (accept, {("lapsed", "failed"): AGAIN, ("lapsed", "refunded"): AGAIN}),
    "resume": (resume, {("reserved", "prepared"): AGAIN, ("reserved", "failed"): AGAIN}),
    "note_checkout": (note_page, {("reserved", "prepared"): AGAIN}),
    "lapse": (lapse, {("reserved", "failed"): ("lapsed", "failed")}),
    "lapse, page never opened": (
        lapse_unopened,
        {("reserved", "prepared"): ("lapsed", "failed"), ("reserved", "failed"): ("lapsed", "failed")},
    ),
    "sign_off": (sign_off, {("finished", "held"): RELEASED, ("unsolved", "held"): RELEASED}),
    "sign_off, in silence": (sign_off_in_silence, {("finished", "held"): RELEASED}),
    "call_off": (call_off, CALLED_OFF),
    "call_off, late": (call_off_late, CALLED_OFF_LATE),
    "call_off, by the helper": (call_off_by_the_helper, CALLED_OFF),
    "settle, for the customer": (settle_for("customer"), {("unsolved", "held"): ("cancelled", "refunded")}),
    "settle, for the helper": (settle_for("helper"), {("unsolved", "held"): RELEASED}),
}
# What may come at any time: beside its effect it raises nothing.
AT_ANY_TIME: dict[str, tuple[Callable[[Session, Story], None], dict[Situation, Situation]]] = {
    "record, open": (says("open"), {}),
    "record, paid": (
        says("paid"),
        {
            ("reserved", "prepared"): ("confirmed", "held"),
            ("reserved", "failed"): ("lapsed", "refunded"),
            ("lapsed", "failed"): ("lapsed", "refunded"),
        },
    ),
    "record, paid for a task that is gone": (
        says_paid_for_a_task_that_is_gone,
        {
            ("reserved", "prepared"): ("lapsed", "refunded"),
            ("reserved", "failed"): ("lapsed", "refunded"),
            ("lapsed", "failed"): ("lapsed", "refunded"),
        },
    ),
    "record, declined": (says("declined"), {("reserved", "prepared"): ("reserved", "failed")}),
    "record, abandoned": (says("abandoned"), {("reserved", "prepared"): ("reserved", "failed")}),
    "take_due": (take_due, {}),
}
# What these write where they have no effect: that the gateway has said it, that it was asked, and what the test itself sets.
NOTED = {
    "record, paid": {"gateway_events"},
    "record, paid for a task that is gone": {"gateway_events", "tasks"},
    "record, declined": {"gateway_events"},
    "record, abandoned": {"gateway_events"},
    "take_due": {"payments"},
}
READING = {"effect_now"}  # no verb: it only says what cancelling would cost


# ---- Each verb in each situation


@pytest.mark.parametrize("name", TABLE | AT_ANY_TIME)
def test_a_verb_does_in_every_situation_what_the_table_says_or_nothing(
    session: Session, name: str, figure: Callable[[str, int], None]
) -> None:
    _, effects = (TABLE | AT_ANY_TIME)[name]
    assert effects.keys() <= SITUATIONS.keys()
    moderator = make_operator(session).id
    for situation in SITUATIONS:
        _try_in(session, name, situation, moderator)
    figure("situations x verbs of payments tried", len(SITUATIONS))


def _try_in(session: Session, name: str, situation: Situation, moderator: int) -> None:
    """The verb in this situation: it has the effect that the table says, or it is refused and changes nothing."""
    verb, effects = (TABLE | AT_ANY_TIME)[name]
    booking = SITUATIONS[situation](session)
    task_id = booking.task_id
    assert _situation(task_id) == situation
    before = _everything()
    meant = situation in effects or name in AT_ANY_TIME
    with (
        clock.moved_to(clock.now() + timedelta(minutes=2)),
        nullcontext() if meant else pytest.raises(WrongState),
        transaction() as rows,
    ):
        verb(rows, _story(rows, booking.id, moderator))
    assert _situation(task_id) == effects.get(situation, situation), situation
    if situation not in effects:
        assert _changed(before) <= (NOTED.get(name, set()) if meant else set()), situation
    assert ledger_faults(db.session) == [], situation


def test_money_that_moves_without_its_guard_is_seen(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    moderator, held = make_operator(session).id, ("confirmed", "held")
    _try_in(session, "sign_off", held, moderator)
    monkeypatch.setitem(move.__globals__, "_guarded_update", without_guard)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        _try_in(session, "sign_off", held, moderator)


def test_every_state_of_a_booking_and_of_a_payment_is_a_situation() -> None:
    assert {booking for booking, _ in SITUATIONS} == set(BOOKING.states)
    assert {payment for _, payment in SITUATIONS} == set(PAYMENT.states)


def test_every_verb_of_payments_is_tried() -> None:
    verbs = {
        name
        for name, function in inspect.getmembers(payments, inspect.isfunction)
        if function.__module__ == payments.__name__ and not name.startswith("_")
    }
    assert {name.partition(",")[0] for name in TABLE | AT_ANY_TIME} == verbs - READING


def test_every_move_of_a_payment_is_made_by_a_verb_and_no_other() -> None:
    made = {
        (before[1], after[1])
        for name, (_, effects) in (TABLE | AT_ANY_TIME).items()
        for before, after in effects.items()
        if after != AGAIN  # that is a new payment beside the old one
    }
    drawn = {(before, after) for move in PAYMENT.moves.values() for before, after in move.items()}
    stayed = {(state, state) for state in PAYMENT.states}
    assert made - stayed == drawn


def _story(rows: Session, booking_id: int, moderator_id: int) -> Story:
    booking = rows.get_one(Booking, booking_id)
    people = (rows.get_one(User, person) for person in (booking.customer_id, booking.helper_id, moderator_id))
    customer, helper, moderator = people
    return Story(rows.get_one(Bid, booking.bid_id), booking, payment_of(rows, booking), customer, helper, moderator)


def _situation(task_id: int) -> Situation:
    """The states of the task's newest booking and of its newest payment."""
    db.session.rollback()
    newest = select(Booking.id, Booking.state).where(Booking.task_id == task_id).order_by(Booking.id.desc()).limit(1)
    booking_id, state = db.session.execute(newest).one()
    of_it = select(Payment.state).where(Payment.booking_id == booking_id).order_by(Payment.id.desc()).limit(1)
    return state, db.session.scalars(of_it).one()


def _everything() -> dict[str, list[str]]:
    """All rows of all tables."""
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}")))
            for name in Base.metadata.tables
        }


def _changed(before: dict[str, list[str]]) -> set[str]:
    """The tables that are not as they were."""
    after = _everything()
    return {name for name in before if before[name] != after[name]}
