"""The ledger is only ever added to, each fact once; and what happens at the same instant leaves no rappen behind."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from marketplace.actions import bookings, disputes, ledger, payments, payouts, refunds
from marketplace.db import transaction
from marketplace.domain.gateway import DisputeFact, RefundFact, TransferFact
from marketplace.domain.money import GATEWAY, held, owed
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Entry, Payment, Payout, Posting, Refund, User
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import (
    AT_ONCE,
    make_bid,
    make_booking,
    make_helper,
    make_operator,
    make_task,
    paid,
    payment_of,
    tomorrow_at,
)
from tests.money import accept, finish
from tests.races import Deed, at_once

POLICY = Policy()


def post(session: Session, *moves: ledger.Moved, key: str = "1") -> bool:
    booking = session.scalars(select(Booking.id).limit(1)).first()
    with transaction() as rows:
        return ledger.post(rows, "odd", key, *moves, currency="CHF", booking_id=booking)


def test_a_fact_stands_once(session: Session) -> None:
    assert post(session, ("a", "b", 5))
    assert not post(session, ("a", "b", 7))
    assert session.scalars(select(Entry.cents)).all() == [5]


def test_what_moves_nothing_is_no_fact(session: Session) -> None:
    assert not post(session)
    assert not post(session, ("a", "b", 0))
    assert post(session, ("a", "b", 0), ("b", "c", 1))
    assert session.execute(select(Entry.from_account, Entry.to_account, Entry.cents)).all() == [("b", "c", 1)]


def test_an_amount_below_zero_goes_the_other_way(session: Session) -> None:
    post(session, ("a", "b", -5))
    assert session.execute(select(Entry.from_account, Entry.to_account, Entry.cents)).all() == [("b", "a", 5)]


CHANGES: dict[str, Callable[[Session], object]] = {
    "an amount": lambda s: s.execute(update(Entry).values(cents=1)),
    "an account": lambda s: s.execute(update(Entry).values(to_account="elsewhere")),
    "a fact": lambda s: s.execute(update(Posting).values(kind="other")),
    "an entry gone": lambda s: s.execute(delete(Entry)),
    "a posting gone": lambda s: s.execute(delete(Posting)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_itself_refuses_to_change_the_ledger(session: Session, change: str) -> None:
    make_booking(session, state="signed_off")
    before = balances(session)
    with pytest.raises(DatabaseError, match="the ledger is only ever added to"), transaction() as rows:
        CHANGES[change](rows)
    assert balances(session) == before


# ---- At the same instant


def said(payment_id: int) -> Deed:
    def deed(rows: Session) -> None:
        payments.record(rows, paid(rows.get_one(Payment, payment_id), reference=f"page-{payment_id}"))

    return deed


def as_customer(verb: Callable[..., object], booking_id: int, **values: object) -> Deed:
    def deed(rows: Session) -> None:
        booking = rows.get_one(Booking, booking_id)
        verb(rows, booking, by=rows.get_one(User, booking.customer_id), **values)

    return deed


def test_one_payment_told_by_three_at_once_is_held_once(app: Flask, session: Session) -> None:
    for _ in range(5):
        payment = accept(session)
        with transaction() as rows:
            payments.note_checkout(rows, payment.id, f"page-{payment.id}")
        told, booking_id = said(payment.id), payment.booking_id
        session.commit()
        assert at_once(app, told, told, told) == ["done"] * 3
        session.expire_all()
        assert balances(session)[held(booking_id)] == 5_500
        assert ledger_faults(session) == []
        session.commit()


def test_paid_and_lapsed_at_once_is_one_of_both(app: Flask, session: Session) -> None:
    for _ in range(5):
        payment = accept(session)
        payment_id, booking_id = payment.id, payment.booking_id
        session.commit()
        lapse: Deed = lambda rows, booking_id=booking_id: payments.lapse(rows, rows.get_one(Booking, booking_id))  # noqa: E731
        answers = at_once(app, said(payment_id), lapse)
        session.expire_all()
        states = session.get_one(Payment, payment_id).state, session.get_one(Booking, booking_id).state
        assert (states, answers[0]) in ((("held", "confirmed"), "done"), (("refunded", "lapsed"), "done"))
        assert ledger_faults(session) == []
        session.commit()


def test_signed_off_by_the_customer_and_in_silence_at_once_pays_once(app: Flask, session: Session) -> None:
    for _ in range(5):
        booking_id = make_booking(session, state="finished").id
        session.commit()
        silence: Deed = lambda rows, booking_id=booking_id: payments.sign_off(  # noqa: E731
            rows, rows.get_one(Booking, booking_id), by=None
        )
        answers = at_once(app, as_customer(payments.sign_off, booking_id), silence)
        assert sorted(answers) == ["WrongState", "done"]
        session.expire_all()
        assert ledger_faults(session) == []
        session.commit()


def test_cancelled_and_begun_at_once_is_one_of_both(app: Flask, session: Session) -> None:
    for _ in range(5):
        booking = make_booking(session)
        booking_id, helper_id = booking.id, booking.helper_id
        session.commit()
        start: Deed = lambda rows, booking_id=booking_id, helper_id=helper_id: bookings.start(  # noqa: E731
            rows, rows.get_one(Booking, booking_id), by=rows.get_one(User, helper_id), policy=AT_ONCE
        )
        answers = at_once(app, as_customer(payments.call_off, booking_id, policy=POLICY), start)
        assert sorted(answers) == ["WrongState", "done"]
        session.expire_all()
        assert ledger_faults(session) == []
        session.commit()


def test_two_shares_of_a_helper_in_debt_at_once_lower_the_debt_once(app: Flask, session: Session) -> None:
    for number in range(5):
        helper = make_helper(session)
        payment = accept(
            session,
            make_bid(session, make_task(session), helper, price_cents=6_000),
            policy=Policy(cash_allowed=1, cash_fee_percent=50),
            in_cash=True,
        )
        in_cash = finish(session, session.get_one(Booking, payment.booking_id))
        with transaction() as rows:
            here = rows.get_one(Booking, in_cash.id)
            payments.sign_off(rows, here, by=rows.get_one(User, here.customer_id))
        ids = [
            make_booking(
                session,
                make_bid(session, make_task(session), helper, starts_at=tomorrow_at(hour)),
                state="finished",
            ).id
            for hour in (8, 12)
        ]
        helper_id = helper.id
        session.commit()
        assert at_once(app, *(as_customer(payments.sign_off, one) for one in ids)) == ["done", "done"]
        session.expire_all()
        sums = session.scalar(select(func.sum(Payout.cents)).where(Payout.helper_id == helper_id))
        assert sums == balances(session)[owed(helper_id)] == 2 * 4_950 - 3_000, number
        assert ledger_faults(session) == []
        session.commit()


def test_given_back_and_sent_at_once_leaves_nothing_behind(app: Flask, session: Session) -> None:
    """The worker sends the share while the operator gives a part of it back: it is lowered, or asked back."""
    for _ in range(5):
        booking = make_booking(session, state="signed_off")
        operator, payment_id = make_operator(session).id, payment_of(session, booking).id
        payout_id = session.scalars(select(Payout.id).where(Payout.payment_id == payment_id)).one()
        session.commit()

        def send(rows: Session, payout_id: int = payout_id) -> None:
            cents = payouts.take(rows, payout_id, destination="acct-1").cents
            payouts.record_sent(rows, payout_id, TransferFact(f"tr-{payout_id}", "", cents, 0, "CHF"))

        def give_back(rows: Session, payment_id: int = payment_id, operator: int = operator) -> None:
            values = {"refund_cents": 1_000, "from_helper_cents": 1_000, "reason": "Kulanz."}
            payments.refund(rows, rows.get_one(Payment, payment_id), by=rows.get_one(User, operator), **values)

        assert at_once(app, send, give_back) == ["done", "done"]
        session.expire_all()
        payout = session.get_one(Payout, payout_id)
        assert (payout.cents, payout.taken_back_cents) in ((3_950, 0), (4_950, 1_000))
        assert ledger_faults(session) == []
        session.commit()


def test_a_refund_told_and_a_dispute_opened_at_once(app: Flask, session: Session) -> None:
    for _ in range(5):
        booking = make_booking(session, state="cancelled")
        payment = payment_of(session, booking)
        refund_id = session.scalars(select(Refund.id).where(Refund.payment_id == payment.id)).one()
        told = DisputeFact(f"dp-{payment.id}", str(payment.intent), 5_500, 2_000, "CHF", "fraudulent", "lost", None)
        session.commit()

        def denied(rows: Session, refund_id: int = refund_id) -> None:
            refunds.deny(rows, refund_id, refunds.CHARGED_BACK, tried=1)

        def opened(rows: Session, told: DisputeFact = told) -> None:
            disputes.record(rows, told)

        def given(rows: Session, refund_id: int = refund_id) -> None:
            refunds.record(rows, refund_id, RefundFact(f"re-{refund_id}", "done", 5_500, "CHF"), tried=1)

        assert at_once(app, opened, denied, given) == ["done"] * 3
        session.expire_all()
        assert session.get_one(Refund, refund_id).state in ("dropped", "given")
        assert ledger_faults(session) == []
        session.commit()


def test_the_gateways_side_of_the_books_has_names(session: Session) -> None:
    """Whatever moves money at the gateway says by which of its things, so that both books can be compared."""
    make_booking(session, state="signed_off")
    nameless = (
        select(Posting.kind)
        .join(Entry, Entry.posting_id == Posting.id)
        .where(Posting.reference.is_(None), (Entry.from_account == GATEWAY) | (Entry.to_account == GATEWAY))
    )
    assert session.scalars(nameless).all() == []
