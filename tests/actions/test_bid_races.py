"""Two people act on one bid at the same instant, each over a connection of their own."""

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import bids, bookings
from marketplace.domain.policy import Policy
from marketplace.models import Bid, BidStep, Booking, Task, User
from marketplace.queries.bids import terms_number
from tests.factories import make_bid, make_helper, make_task, tomorrow_at
from tests.races import Deed, at_once

POLICY = Policy()
ROUNDS = 8


def revise(bid_id: int, price_cents: int) -> Deed:
    def deed(session: Session) -> None:
        bid = session.get_one(Bid, bid_id)
        bids.revise(
            session,
            bid,
            by=session.get_one(User, bid.helper_id),
            price_cents=price_cents,
            minutes=60,
            included="Anfahrt",
            starts_at=tomorrow_at(19),
            message="",
            policy=POLICY,
        )

    return deed


def accept(bid_id: int, terms: int) -> Deed:
    def deed(session: Session) -> None:
        bid = session.get_one(Bid, bid_id)
        customer = session.get_one(User, session.get_one(Task, bid.task_id).customer_id)
        values = {"address": "Bahnhofstrasse 1", "phone": "+41791234567", "terms": terms, "policy": POLICY}
        bookings.reserve(session, bid, by=customer, **values)

    return deed


def test_an_acceptance_never_meets_other_terms_than_the_customer_saw(app: Flask, session: Session) -> None:
    outcomes = set()
    for _ in range(ROUNDS):
        bid = make_bid(session, make_task(session))
        terms, bid_id = terms_number(session, bid), bid.id
        session.commit()
        outcomes.add(tuple(at_once(app, revise(bid_id, 9900), accept(bid_id, terms))))
        session.expire_all()
        booking = session.scalar(select(Booking).where(Booking.bid_id == bid_id))
        if booking is None:
            assert session.get_one(Bid, bid_id).price_cents == 9900
        else:
            assert booking.price_cents == session.get_one(Bid, bid_id).price_cents == 5500
    assert outcomes <= {("done", "WrongState"), ("WrongState", "done")}


def test_steps_are_numbered_without_gaps_or_doubles(app: Flask, session: Session) -> None:
    bid = make_bid(session, make_task(session))
    bid_id = bid.id
    session.commit()
    answers = at_once(app, *(revise(bid_id, 5000 + 100 * n) for n in range(4)))
    numbers = session.scalars(select(BidStep.number).where(BidStep.bid_id == bid_id).order_by(BidStep.number)).all()
    assert answers == ["done"] * 4
    assert numbers == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("most", [1, 3])
def test_places_on_a_task_are_counted_exactly(most: int, app: Flask, session: Session) -> None:
    task = make_task(session)
    task_id, helpers = task.id, [make_helper(session).id for _ in range(5)]
    session.commit()

    def place(helper_id: int) -> Deed:
        def deed(inner: Session) -> None:
            bids.place(
                inner,
                inner.get_one(Task, task_id),
                by=inner.get_one(User, helper_id),
                price_cents=6000,
                minutes=60,
                included="Anfahrt",
                starts_at=tomorrow_at(19),
                message="",
                policy=Policy(bids_per_task_max=most),
            )

        return deed

    answers = at_once(app, *(place(helper_id) for helper_id in helpers))
    assert sorted(answers) == ["WrongState"] * (5 - most) + ["done"] * most
    assert session.scalar(select(func.count()).select_from(Bid)) == most


def test_one_helper_in_two_windows_places_one_bid(app: Flask, session: Session) -> None:
    task, helper = make_task(session), make_helper(session)
    task_id, helper_id = task.id, helper.id
    session.commit()

    def place(inner: Session) -> None:
        values = {"price_cents": 6000, "minutes": 60, "included": "Anfahrt", "starts_at": tomorrow_at(19)}
        bids.place(
            inner,
            inner.get_one(Task, task_id),
            by=inner.get_one(User, helper_id),
            message="",
            policy=POLICY,
            **values,
        )

    assert sorted(at_once(app, place, place)) == ["WrongState", "done"]
