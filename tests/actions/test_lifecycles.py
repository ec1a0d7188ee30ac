"""Every verb in every state of its noun: it does what its lifecycle says, or it is refused and changes nothing."""

import ast
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Update, bindparam, update
from sqlalchemy.orm import Session

from config import ROOT
from marketplace import clock
from marketplace.actions import bids, bookings, certifications, payments, tasks
from marketplace.db import Base, move, transaction
from marketplace.domain.errors import WrongState
from marketplace.domain.lifecycles import BID, BOOKING, CERTIFICATION, LIFECYCLES, TASK, Lifecycle
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Certification, JournalEntry, Task, User
from tests.factories import (
    make_bid,
    make_booking,
    make_certification,
    make_helper,
    make_operator,
    make_task,
    payment_of,
    tomorrow_at,
)

POLICY = Policy()
TERMS: dict[str, Any] = {"price_cents": 6_200, "starts_at": tomorrow_at(18, days=3), "message": "Passt das?"}
BID_TERMS: dict[str, Any] = {**TERMS, "minutes": 60, "included": "Anfahrt", "valid_days": 7}


@dataclass
class People:
    """Who may do it."""

    customer: User
    helper: User
    moderator: User


Verb = Callable[[Session, Any, People], Any]


def lapse(session: Session, booking: Booking) -> None:
    """The reservation ends before its page was opened."""
    payment_of(session, booking).checkout = None
    payments.lapse(session, booking)


def moderator_says(verb: Callable[..., Any]) -> Verb:
    return lambda session, row, people: verb(session, row, by=people.moderator, reason="Darum.")


def by_customer(verb: Callable[..., Any], **more: Any) -> Verb:
    return lambda session, row, people: verb(session, row, by=people.customer, **more)


def by_helper(verb: Callable[..., Any], **more: Any) -> Verb:
    return lambda session, row, people: verb(session, row, by=people.helper, **more)


def by_nobody(verb: Callable[..., Any], **more: Any) -> Verb:
    return lambda session, row, people: verb(session, row, **more)


def at_the_visit(verb: Verb, *, hours: int = 1) -> Verb:
    """A verb so long after the agreed beginning."""

    def late(session: Session, row: Any, people: People) -> None:
        with clock.moved_to(row.starts_at + timedelta(hours=hours)):
            verb(session, row, people)

    return late


VERBS: dict[tuple[str, str], tuple[Lifecycle, Verb]] = {
    ("certification", "grant"): (CERTIFICATION, moderator_says(certifications.grant)),
    ("certification", "decline"): (CERTIFICATION, moderator_says(certifications.decline)),
    ("certification", "suspend"): (CERTIFICATION, moderator_says(certifications.suspend)),
    ("certification", "reinstate"): (CERTIFICATION, moderator_says(certifications.reinstate)),
    ("certification", "withdraw"): (CERTIFICATION, by_helper(certifications.withdraw)),
    ("task", "book"): (TASK, by_nobody(tasks.mark_booked)),
    ("task", "reopen"): (TASK, by_nobody(tasks.reopen)),
    ("task", "finish"): (TASK, by_nobody(tasks.mark_done)),
    ("task", "close"): (TASK, by_nobody(tasks.close)),
    ("task", "remove"): (TASK, moderator_says(tasks.remove)),
    ("task", "expire"): (TASK, by_nobody(tasks.expire)),
    ("bid", "counter"): (BID, by_customer(bids.counter, policy=POLICY, **TERMS)),
    ("bid", "revise"): (BID, by_helper(bids.revise, policy=POLICY, **BID_TERMS)),
    ("bid", "agree"): (BID, by_helper(bids.agree)),
    ("bid", "accept"): (BID, by_nobody(bids.mark_accepted)),
    ("bid", "decline"): (BID, by_customer(bids.decline)),
    ("bid", "withdraw"): (BID, by_helper(bids.withdraw)),
    ("bid", "expire"): (BID, by_nobody(bids.expire)),
    ("bid", "fall_through"): (BID, by_nobody(bids.fall_through)),
    ("booking", "confirm"): (BOOKING, by_nobody(bookings.confirm)),
    ("booking", "lapse"): (BOOKING, lambda session, row, people: lapse(session, row)),
    ("booking", "set_out"): (BOOKING, at_the_visit(by_helper(bookings.set_out, policy=POLICY))),
    ("booking", "start"): (BOOKING, at_the_visit(by_helper(bookings.start, policy=POLICY))),
    ("booking", "finish"): (BOOKING, by_helper(bookings.finish, policy=POLICY)),
    ("booking", "report_unsolved"): (BOOKING, at_the_visit(by_customer(bookings.report_unsolved, note="Geht nicht."))),
    ("booking", "refer"): (BOOKING, at_the_visit(by_nobody(payments.refer, policy=POLICY), hours=25)),
    ("booking", "sign_off"): (BOOKING, by_customer(payments.sign_off)),
    ("booking", "sign_off_in_silence"): (BOOKING, by_nobody(payments.sign_off, by=None)),
    ("booking", "cancel"): (BOOKING, by_customer(payments.call_off, policy=POLICY)),
    ("booking", "give_up"): (BOOKING, at_the_visit(by_helper(payments.give_up, note="Defekt.", policy=POLICY))),
    ("booking", "report_no_show"): (BOOKING, at_the_visit(by_customer(bookings.report_no_show, policy=POLICY))),
    ("booking", "object"): (BOOKING, by_customer(bookings.object_to_no_show, note="Ich war da.")),
    ("booking", "settle_no_show"): (BOOKING, by_nobody(payments.settle_no_show, policy=POLICY)),
    ("booking", "give_back"): (
        BOOKING,
        lambda session, row, people: payments.settle(
            session, row, by=people.moderator, refund_cents=row.price_cents, helper_cents=0, reason="Darum."
        ),
    ),
    ("booking", "close"): (BOOKING, by_nobody(bookings.close)),
}
# A task of the customer is only cancelled while nobody is booked; with money held it is a booking that is called off.
# What the gateway says of money is safe to hear again, so it is no refusal: tests/actions/test_{payments,refunds,payouts,disputes}.
MONEY = {"payment", "refund", "payout", "reversal", "dispute"}
NOT_ALONE = {("task", "cancel"), ("task", "reserve"), ("bid", "reserve"), ("booking", "settle")}
MODELS: dict[str, type[Base]] = {"certification": Certification, "task": Task, "bid": Bid, "booking": Booking}


def row_in(session: Session, noun: str, state: str) -> Base:
    """A row of this noun in this state; a booking comes there by its own verbs, with its money."""
    if noun == "booking":
        return make_booking(session, state=state)
    row: Any
    if noun == "certification":
        row = make_certification(session, make_helper(session, skills=()))
    else:
        row = make_task(session) if noun == "task" else make_bid(session, make_task(session))
    session.execute(update(MODELS[noun]).where(MODELS[noun].id == row.id).values(state=state))
    session.commit()
    return row


def people_of(session: Session, row: Any) -> People:
    """The two sides of a row, and a moderator who has nothing to do with it."""
    task = row if isinstance(row, Task) else session.get(Task, getattr(row, "task_id", 0))
    helper_id = getattr(row, "helper_id", None)
    customer = session.get_one(User, task.customer_id) if task else make_helper(session)
    helper = session.get_one(User, helper_id) if helper_id else customer
    return People(customer, helper, make_operator(session))


@pytest.mark.parametrize(("noun", "action"), VERBS, ids=[f"{noun}-{action}" for noun, action in VERBS])
def test_a_verb_does_in_every_state_what_its_lifecycle_says_or_nothing(
    session: Session, noun: str, action: str, figure: Callable[[str, int], None]
) -> None:
    lifecycle, _ = VERBS[noun, action]
    for state in lifecycle.states:
        try_in(session, noun, action, state)
    figure("states x verbs of the lifecycles tried", len(lifecycle.states))


def try_in(session: Session, noun: str, action: str, state: str) -> None:
    """The verb on a row in this state: it makes the lifecycle's move, or it is refused and changes nothing."""
    lifecycle, verb = VERBS[noun, action]
    row_id = row_in(session, noun, state).id
    people = people_of(session, session.get_one(MODELS[noun], row_id))
    lines = session.query(JournalEntry).count()
    after = lifecycle.moves[action].get(state)
    refused = pytest.raises(WrongState) if after is None else nullcontext()
    with clock.moved_to(clock.now() + timedelta(minutes=1)), refused, transaction() as rows:
        verb(rows, rows.get_one(MODELS[noun], row_id), people)
    session.expire_all()
    changed: Any = session.get_one(MODELS[noun], row_id)
    assert changed.state == (after or state), state
    assert (session.query(JournalEntry).count() > lines) == (after is not None), state


@pytest.mark.parametrize(
    ("noun", "action", "state"), [("booking", "finish", "signed_off"), ("bid", "withdraw", "expired")]
)
def test_a_verb_whose_guard_is_taken_out_is_seen(
    session: Session, monkeypatch: pytest.MonkeyPatch, noun: str, action: str, state: str
) -> None:
    try_in(session, noun, action, state)
    monkeypatch.setitem(move.__globals__, "_guarded_update", without_guard)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        try_in(session, noun, action, state)


def without_guard(model: type[Any], befores: tuple[str, ...], after: str, names: tuple[str, ...]) -> Update:
    """The statement of a move that asks for no state before it."""
    values = {name: bindparam(f"new_{name}") for name in names}
    return update(model).where(model.id == bindparam("row_id")).values(state=after, **values)


def test_every_action_of_every_lifecycle_is_a_verb_that_is_tried() -> None:
    tried = {
        (lifecycle.noun, action)
        for lifecycle in LIFECYCLES
        for action in lifecycle.moves
        if lifecycle.noun not in MONEY
    }
    assert tried == VERBS.keys() | NOT_ALONE


def test_every_action_of_every_lifecycle_is_made_by_somebody() -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "marketplace" / "actions").glob("*.py")]
    said = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {action for lifecycle in LIFECYCLES for action in lifecycle.moves} <= said
