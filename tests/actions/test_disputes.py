"""Disputes: a bank takes money back, we answer, it decides; each step is booked once, in whatever order it is told."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import disputes
from marketplace.db import transaction
from marketplace.domain.errors import NotFound
from marketplace.domain.gateway import DisputeFact
from marketplace.domain.money import DISPUTES, FEES, GATEWAY, LOSSES, held
from marketplace.models import Booking, Dispute, Notice, OutboxItem, Payment, Payout
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import make_booking, make_operator, payment_of

COST = 2_000


def fact(payment: Payment, outcome: str = "open", **values: Any) -> DisputeFact:
    told = {
        "reference": "dp-1",
        "intent": str(payment.intent),
        "amount_cents": 5_500,
        "fee_cents": COST,
        "currency": "CHF",
        "reason": "fraudulent",
        "outcome": outcome,
        "due_at": clock.now() + timedelta(days=9),
    }
    return DisputeFact(**{**told, **values})


def say(told: DisputeFact) -> None:
    with transaction() as rows:
        disputes.record(rows, told)


def of(session: Session, state: str = "signed_off") -> Payment:
    return payment_of(session, make_booking(session, state=state))


def test_an_opened_dispute_is_booked_once_and_the_operator_told(session: Session) -> None:
    moderator, admin = make_operator(session).id, make_operator(session, "admin").id
    make_operator(session, "agent")
    payment = of(session)
    for _ in range(3):
        say(fact(payment))
    dispute = session.scalars(select(Dispute)).one()
    assert (dispute.state, dispute.cents, dispute.fee_cents, dispute.reason) == ("open", 5_500, COST, "fraudulent")
    assert dispute.due_at is not None
    books = balances(session)
    assert (books[DISPUTES], books[FEES], books[GATEWAY]) == (5_500, COST + 30, -COST - 30)
    told = session.scalars(select(Notice.user_id).where(Notice.kind == "dispute_opened")).all()
    assert sorted(told) == sorted([moderator, admin])
    assert ledger_faults(session) == []


def test_an_inquiry_takes_nothing_until_it_becomes_a_dispute(session: Session) -> None:
    make_operator(session)
    payment = of(session)
    before = balances(session)
    for outcome in ("open", "answered", "won"):
        say(fact(payment, outcome, is_inquiry=True, fee_cents=0))
        dispute = session.scalars(select(Dispute).execution_options(populate_existing=True)).one()
        assert (dispute.state, dispute.taken_at, balances(session)) == (outcome, None, before)
        assert ledger_faults(session) == []
    for outcome, books in (("open", (5_500, COST)), ("won", (0, COST))):
        say(fact(payment, outcome))
        session.refresh(dispute)
        assert (dispute.state, dispute.ended_at is None) == (outcome, outcome == "open")
        assert (balances(session)[DISPUTES], balances(session)[FEES] - before[FEES]) == books
        assert ledger_faults(session) == []
    assert dispute.taken_at
    told = session.scalar(select(func.count()).select_from(Notice).where(Notice.kind == "dispute_opened"))
    assert told == 1


@pytest.mark.parametrize(
    ("ending", "sums"),
    [("won", {DISPUTES: 0, LOSSES: 0, GATEWAY: 3_470}), ("lost", {DISPUTES: 0, LOSSES: 5_500, GATEWAY: -2_030})],
)
@pytest.mark.parametrize("state", ["confirmed", "signed_off", "cancelled"])
def test_the_end_of_a_dispute(session: Session, state: str, ending: str, sums: dict[str, int]) -> None:
    payment = of(session, state)
    for outcome in ("open", "answered", ending, ending):
        say(fact(payment, outcome))
        assert ledger_faults(session) == []
    dispute = session.scalars(select(Dispute)).one()
    assert (dispute.state, dispute.ended_at is not None) == (ending, True)
    books = balances(session)
    assert {account: books.get(account, 0) for account in sums} == sums


@pytest.mark.parametrize("order", list(itertools.permutations(["open", "answered", "won"])))
def test_told_in_any_order_it_ends_alike(session: Session, order: tuple[str, ...]) -> None:
    payment = of(session)
    for outcome in order:
        say(fact(payment, outcome))
        say(fact(payment, outcome))
    assert session.scalars(select(Dispute.state)).all() == ["won"]
    assert balances(session)[DISPUTES] == 0
    assert ledger_faults(session) == []


def test_what_was_decided_stays_decided(session: Session) -> None:
    payment = of(session)
    for outcome in ("lost", "won", "answered", "open"):
        say(fact(payment, outcome))
    assert session.scalars(select(Dispute.state)).one() == "lost"
    assert ledger_faults(session) == []


def test_money_that_is_none_of_ours_is_not_found(session: Session) -> None:
    payment = of(session)
    with pytest.raises(NotFound):
        say(fact(payment, intent="pi-of-somebody"))
    assert session.scalar(select(func.count(Dispute.id))) == 0


def test_a_dispute_touches_neither_the_visit_nor_what_is_held(session: Session) -> None:
    payment = of(session, "confirmed")
    say(fact(payment))
    booking = session.get_one(Booking, payment.booking_id)
    assert (booking.state, payment.state, balances(session)[held(booking.id)]) == ("confirmed", "held", 5_500)


@pytest.mark.parametrize(("ending", "hurries"), [("answered", False), ("won", True), ("lost", True)])
def test_what_waited_for_the_bank_goes_on_when_it_has_decided(session: Session, ending: str, hurries: bool) -> None:
    payment = of(session)
    payout = session.scalars(select(Payout)).one()
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()
    say(fact(payment))
    with transaction() as rows:
        rows.get_one(OutboxItem, item.id).due_at = clock.now() + timedelta(hours=1)
    say(fact(payment, ending))
    session.refresh(item)
    assert (item.due_at <= clock.now()) is hurries


def test_two_disputes_of_one_payment_are_told_apart(session: Session) -> None:
    payment = of(session)
    say(fact(payment, amount_cents=2_000))
    say(fact(payment, "won", reference="dp-2", amount_cents=3_000))
    assert sorted(session.execute(select(Dispute.reference, Dispute.state)).all()) == [
        ("dp-1", "open"),
        ("dp-2", "won"),
    ]
    assert balances(session)[DISPUTES] == 2_000
    assert ledger_faults(session) == []
