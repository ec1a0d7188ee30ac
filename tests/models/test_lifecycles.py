"""The lifecycles in the database: guarded moves in every state, and constraints that know no other state."""

import pytest
from sqlalchemy import inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import Base, db, move, transaction
from marketplace.domain.errors import WrongState
from marketplace.domain.lifecycles import LIFECYCLES, PAYMENT, Lifecycle
from marketplace.models import (
    Bid,
    Booking,
    Certification,
    Dispute,
    Payment,
    Payout,
    Refund,
    Reversal,
    Settlement,
    Task,
)
from tests.factories import make_bid, make_booking, make_certification, make_helper, make_task, payment_of

MODELS = (Certification, Task, Bid, Booking, Payment, Refund, Payout, Reversal, Dispute)
NOUNS = list(zip(LIFECYCLES, MODELS, strict=True))
each_noun = pytest.mark.parametrize(("lifecycle", "model"), NOUNS, ids=[model.__tablename__ for _, model in NOUNS])


def make(session: Session, model: type[Base]) -> Base:
    """A row of this noun."""
    if model is Certification:
        return make_certification(session, make_helper(session, skills=()))
    if model is Task:
        return make_task(session)
    if model is Bid:
        return make_bid(session, make_task(session))
    booking = make_booking(session)
    payment = payment_of(session, booking)
    if model in (Booking, Payment):
        return booking if model is Booking else payment
    return make_money(session, model, booking, payment)


def make_money(session: Session, model: type[Base], booking: Booking, payment: Payment) -> Base:
    """A row about money that is on its way."""
    now, whose = clock.now(), {"payment_id": payment.id, "currency": "CHF"}
    if model is Dispute:
        values = {"reference": "dp", "reason": "fraudulent", "cents": 1, "fee_cents": 0, "opened_at": now}
        return add(session, Dispute(**whose, **values))
    shares = {"reason": "sign_off", "refund_cents": 1, "helper_cents": 1, "fee_cents": 0, "at": now}
    settlement = add(session, Settlement(payment_id=payment.id, booking_id=booking.id, **shares))
    what = {"settlement_id": settlement.id, "cents": 1, "created_at": now}
    if model is Refund:
        return add(session, Refund(**whose, **what))
    payout = add(session, Payout(helper_id=booking.helper_id, **whose, **what))
    return payout if model is Payout else add(session, Reversal(payout_id=payout.id, **what))


def add(session: Session, row: Base) -> Base:
    session.add(row)
    session.commit()
    return row


@each_noun
def test_a_guarded_move_in_every_state(session: Session, lifecycle: Lifecycle, model: type[Base]) -> None:
    row_id = make(session, model).id
    tried = 0
    for state in lifecycle.states:
        for action, moves in lifecycle.moves.items():
            with transaction() as rows:
                rows.execute(update(model).where(model.id == row_id).values(state=state))
            if state in moves:
                with transaction() as rows:
                    assert move(rows, model, row_id, lifecycle, action) == moves[state]
            else:
                with pytest.raises(WrongState), transaction() as rows:
                    move(rows, model, row_id, lifecycle, action)
            assert session.scalar(select(model.state).where(model.id == row_id)) == moves.get(state, state)
            tried += 1
    assert tried == len(lifecycle.states) * len(lifecycle.moves)


@each_noun
def test_a_guarded_move_shows_in_the_row_that_is_held(
    session: Session, lifecycle: Lifecycle, model: type[Base]
) -> None:
    row = make(session, model)
    with transaction() as rows:
        rows.execute(update(model).where(model.id == row.id).values(state=lifecycle.begins))
        rows.refresh(row)
        action = next(action for action, moves in lifecycle.moves.items() if lifecycle.begins in moves)
        move(rows, model, row.id, lifecycle, action)
        assert row.state == lifecycle.moves[action][lifecycle.begins]


def test_what_a_move_writes_shows_before_and_after_it_is_read_again(session: Session) -> None:
    booking = make_booking(session, state="reserved")
    payment, at = payment_of(session, booking), clock.now()
    with transaction() as rows:
        rows.refresh(payment)
        move(rows, Payment, payment.id, PAYMENT, "fail", failure="lapsed", settled_at=at)
        assert "state" not in inspect(payment).unloaded
        assert (payment.state, payment.failure, payment.settled_at) == ("failed", "lapsed", at)
    assert "state" in inspect(payment).unloaded
    assert (payment.state, payment.failure, payment.settled_at) == ("failed", "lapsed", at)


@each_noun
def test_no_row_no_move(session: Session, lifecycle: Lifecycle, model: type[Base]) -> None:
    action = next(iter(lifecycle.moves))
    with pytest.raises(WrongState), transaction() as rows:
        move(rows, model, 999_999, lifecycle, action)


@each_noun
@pytest.mark.parametrize("word", ["", "sold", "Open", "open "])
def test_the_database_knows_no_other_state(
    session: Session, lifecycle: Lifecycle, model: type[Base], word: str
) -> None:
    row = make(session, model)
    with pytest.raises(IntegrityError, match=f"ck_{model.__tablename__}_state"), db.engine.begin() as connection:
        connection.execute(
            text(f"UPDATE {model.__tablename__} SET state = :word WHERE id = :id"), {"word": word, "id": row.id}
        )


@each_noun
def test_a_row_begins_where_its_lifecycle_does(lifecycle: Lifecycle, model: type[Base]) -> None:
    assert model.__table__.c.state.default.arg == lifecycle.begins
