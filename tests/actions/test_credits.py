"""Credit that the operator gives: it pays a part or all of the next booking, once, and comes back when that is cancelled."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import transaction
from marketplace.domain.errors import Invalid, NotAllowed
from marketplace.domain.money import GATEWAY, GOODWILL, REFUNDS, credit, held, owed
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Credit, Notice, Payment, Payout, User
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import make_bid, make_helper, make_operator, make_task, make_user, paid, tomorrow_at
from tests.money import accept, later, sign_off
from tests.races import Deed, at_once, written_after

POLICY = Policy()


def give(session: Session, customer: User, cents: int, by: User | None = None, **values: Any) -> None:
    customer_id, by_id = customer.id, (by or make_operator(session)).id
    with transaction() as rows:
        given = {"cents": cents, "reason": "Das tut uns leid.", "policy": POLICY, **values}
        payments.give_credit(rows, rows.get_one(User, customer_id), by=rows.get_one(User, by_id), **given)


def bid_for(session: Session, customer: User, **values: Any) -> Bid:
    return make_bid(session, make_task(session, customer), **values)


def pay(session: Session, payment: Payment) -> None:
    payment_id = payment.id
    with transaction() as rows:
        here = rows.get_one(Payment, payment_id)
        here.checkout = f"page-{payment_id}"
        rows.flush()
        payments.record(rows, paid(here))


def cancel(payment: Payment) -> None:
    booking_id = payment.booking_id
    with transaction() as rows:
        booking = rows.get_one(Booking, booking_id)
        payments.call_off(rows, booking, by=rows.get_one(User, booking.customer_id), policy=POLICY)


def free(session: Session, customer: User) -> int:
    return payments.free_credit(session, customer.id)


# ---- Giving


def test_a_credit_is_given_once_and_told(session: Session) -> None:
    customer = make_user(session)
    give(session, customer, 1_500)
    assert session.scalars(select(Credit.cents)).all() == [1_500]
    assert balances(session) == {GOODWILL: 1_500, credit(customer.id): 1_500}
    assert session.scalars(select(Notice.kind).where(Notice.user_id == customer.id)).all() == ["credit_given"]
    assert free(session, customer) == 1_500
    assert ledger_faults(session) == []


@pytest.mark.parametrize("cents", [0, -1, 10_001])
def test_a_credit_has_its_bounds(session: Session, cents: int) -> None:
    with pytest.raises(Invalid):
        give(session, make_user(session), cents)
    assert session.scalar(select(func.count(Credit.id))) == 0


def test_a_credit_needs_a_reason_and_a_moderator_other_than_its_owner(session: Session) -> None:
    moderator = make_operator(session)
    with pytest.raises(Invalid):
        give(session, make_user(session), 100, reason="  ")
    for by, to in ((moderator, moderator), (make_operator(session, "agent"), make_user(session))):
        with pytest.raises(NotAllowed):
            give(session, to, 100, by)


# ---- Using


def test_a_credit_pays_a_part_and_the_card_the_rest(session: Session) -> None:
    customer = make_user(session)
    give(session, customer, 1_500)
    payment = accept(session, bid_for(session, customer))
    assert (payment.amount_cents, payment.credit_cents, payment.card_cents) == (5_500, 1_500, 4_000)
    assert (free(session, customer), balances(session)[credit(customer.id)]) == (0, 1_500)  # set aside
    pay(session, payment)
    books = balances(session)
    assert (books[held(payment.booking_id)], books[credit(customer.id)], books[GATEWAY]) == (5_500, 0, 3_970)
    assert ledger_faults(session) == []
    booking = sign_off(session, session.get_one(Booking, payment.booking_id))
    assert session.scalars(select(Payout.cents)).one() == 4_950
    assert balances(session)[owed(booking.helper_id)] == 4_950
    assert ledger_faults(session) == []


@pytest.mark.parametrize("cents", [5_500, 9_000])
def test_a_credit_pays_all_and_no_page_is_needed(session: Session, cents: int) -> None:
    customer = make_user(session)
    give(session, customer, cents)
    payment = accept(session, bid_for(session, customer))
    booking = session.get_one(Booking, payment.booking_id)
    assert (payment.state, payment.card_cents, booking.state) == ("held", 0, "confirmed")
    assert free(session, customer) == cents - 5_500
    assert balances(session).get(GATEWAY, 0) == 0
    assert ledger_faults(session) == []
    sign_off(session, booking)
    assert ledger_faults(session) == []


@pytest.mark.parametrize(("cents", "used"), [(5_499, 5_450), (5_451, 5_450), (5_450, 5_450), (5_449, 5_449)])
def test_a_credit_leaves_the_card_what_it_can_pay(session: Session, cents: int, used: int) -> None:
    customer = make_user(session)
    give(session, customer, cents)
    assert accept(session, bid_for(session, customer)).credit_cents == used


def test_a_credit_is_no_cash(session: Session) -> None:
    customer = make_user(session)
    give(session, customer, 5_500)
    payment = accept(session, bid_for(session, customer), policy=Policy(cash_allowed=1), in_cash=True)
    assert (payment.credit_cents, payment.state, free(session, customer)) == (0, "cash", 5_500)


def test_a_credit_is_free_again_when_the_page_is_left(session: Session) -> None:
    customer = make_user(session)
    give(session, customer, 1_500)
    payment = accept(session, bid_for(session, customer))
    with transaction() as rows:
        payments.lapse(rows, rows.get_one(Booking, payment.booking_id))
    assert (payment.state, free(session, customer)) == ("failed", 1_500)
    assert accept(session, bid_for(session, customer)).credit_cents == 1_500
    assert ledger_faults(session) == []


def test_a_credit_comes_back_as_credit_when_the_visit_is_cancelled(session: Session) -> None:
    customer = make_user(session)
    give(session, customer, 5_500)
    payment = accept(session, bid_for(session, customer))
    cancel(payment)
    assert (payment.state, free(session, customer), balances(session).get(REFUNDS, 0)) == ("refunded", 5_500, 0)
    assert ledger_faults(session) == []
    again = accept(session, bid_for(session, customer))
    assert again.credit_cents == 5_500


@pytest.mark.parametrize(("cents", "to_card", "to_credit"), [(1_500, 2_750, 0), (4_000, 1_500, 1_250)])
def test_of_a_part_that_comes_back_the_card_gets_its_share_first(
    session: Session, cents: int, to_card: int, to_credit: int
) -> None:
    customer = make_user(session)
    give(session, customer, cents)
    payment = accept(session, bid_for(session, customer, starts_at=clock.now() + timedelta(hours=3)))
    pay(session, payment)
    with later(minutes=6):
        cancel(payment)
    books = balances(session)
    assert (books[REFUNDS], books[credit(customer.id)]) == (to_card, to_credit)
    assert ledger_faults(session) == []


def test_a_credit_is_spent_once_by_two_acceptances_at_once(app: Flask, session: Session) -> None:
    for _ in range(5):
        customer, helpers = make_user(session), [make_helper(session), make_helper(session)]
        give(session, customer, 5_500)
        bid_ids = [bid_for(session, customer, helper=helper, starts_at=tomorrow_at(19)).id for helper in helpers]
        customer_id = customer.id
        session.commit()

        def accepting(bid_id: int, customer_id: int = customer_id) -> Deed:
            def deed(rows: Session) -> None:
                values = {"address": "Rosenweg 3", "phone": "+41791234567", "terms": 1, "policy": POLICY}
                payments.accept_bid(rows, rows.get_one(Bid, bid_id), by=rows.get_one(User, customer_id), **values)

            return deed

        assert at_once(app, *(accepting(bid_id) for bid_id in bid_ids)) == ["done", "done"]
        session.expire_all()
        used = select(Payment.credit_cents).where(Payment.customer_id == customer_id)
        assert sorted(session.scalars(used)) == [0, 5_500]
        assert balances(session)[credit(customer_id)] == 0
        assert ledger_faults(session) == []
        session.commit()


@pytest.mark.parametrize("number", [1, 2])
def test_credit_is_not_free_in_the_instant_in_which_it_is_spent(app: Flask, session: Session, number: int) -> None:
    customer = make_user(session)
    give(session, customer, 4_000)
    payment = accept(session, bid_for(session, customer))
    payment_id, customer_id = payment.id, customer.id
    assert payment.credit_cents == 4_000

    def spend(rows: Session) -> None:
        payments.record(rows, paid(rows.get_one(Payment, payment_id), reference="page-1"))

    session.rollback()
    with written_after(app, number, spend):
        assert payments.free_credit(session, customer_id) == 0
    session.rollback()
    assert session.get_one(Payment, payment_id).state == "held" or number > 1
    assert ledger_faults(session) == []
