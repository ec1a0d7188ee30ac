"""What time alone brings about: nothing a second too early, everything at its hour, each thing once."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.policy import Policy
from marketplace.jobs.deadlines import work_off
from marketplace.models import Bid, JournalEntry, Notice, Payment, Task, User
from marketplace.queries.payments import ledger_faults
from tests.factories import make_bid, make_booking, make_task

POLICY = Policy()
SECOND = timedelta(seconds=1)


@pytest.fixture
def work(app: Flask, session: Session) -> Callable[[], dict[str, int]]:
    """One round of the worker; what there was nothing of is left out."""

    def round_of_work() -> dict[str, int]:
        session.rollback()
        done = work_off(app.extensions["gateways"].photos, policy=POLICY)
        session.rollback()
        return {what: count for what, count in done.items() if count}

    return round_of_work


def at(moment: datetime) -> AbstractContextManager[None]:
    return clock.moved_to(moment)


def test_a_booking_and_its_task_close_when_the_time_for_reviews_is_over(
    session: Session, work: Callable[[], dict[str, int]]
) -> None:
    booking = make_booking(session, state="signed_off")
    task = session.get_one(Task, booking.task_id)
    assert booking.signed_off_at is not None
    over = booking.signed_off_at + timedelta(days=POLICY.review_days)
    told = session.scalar(select(func.count(Notice.id)))
    with at(over - SECOND):
        assert work() == {}
    assert (booking.state, task.state) == ("signed_off", "done")
    with at(over + SECOND):
        assert work() == {"bookings_closed": 1}
        assert (booking.state, task.state) == ("closed", "closed")
        assert work() == {}  # and only once
    closings = select(JournalEntry.event, JournalEntry.actor_id).where(JournalEntry.event.endswith("_closed"))
    assert sorted(map(tuple, session.execute(closings))) == [("booking_closed", None), ("task_closed", None)]
    assert session.scalar(select(func.count(Notice.id))) == told  # nobody need do anything
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", sorted(set(BOOKING.states) - {"signed_off"}))
def test_nothing_else_is_closed_by_time(session: Session, work: Callable[[], dict[str, int]], state: str) -> None:
    booking = make_booking(session, state=state)
    task = session.get_one(Task, booking.task_id)
    before = task.state
    with at(clock.now() + timedelta(days=POLICY.review_days, hours=1)):
        assert "bookings_closed" not in work()
    if state == "finished":  # silence has signed off, and only now both may review
        assert (booking.state, task.state) == ("signed_off", "done")
    elif before == "open":  # a task of which the time itself is up
        assert booking.state == state
    else:
        assert (booking.state, task.state) == (state, before)


def test_one_that_cannot_be_closed_stops_no_other(session: Session, work: Callable[[], dict[str, int]]) -> None:
    stuck, fine = make_booking(session, state="signed_off"), make_booking(session, state="signed_off")
    session.execute(update(Task).where(Task.id == stuck.task_id).values(state="cancelled"))
    session.commit()
    with at(clock.now() + timedelta(days=POLICY.review_days, hours=1)):
        assert work() == {"bookings_closed": 1}
    assert (stuck.state, fine.state) == ("signed_off", "closed")


def test_silence_signs_off_a_finished_visit_and_pays_its_helper(
    session: Session, work: Callable[[], dict[str, int]]
) -> None:
    booking = make_booking(session, state="finished")
    assert booking.sign_off_due_at is not None
    with at(booking.sign_off_due_at - SECOND):
        assert work() == {}
    with at(booking.sign_off_due_at + SECOND):
        assert work() == {"bookings_signed_off": 1}
    assert booking.state == "signed_off"
    assert session.scalars(select(Payment.state)).one() == "released"
    assert ledger_faults(session) == []


def test_a_bid_and_a_task_run_out_at_their_hour(session: Session, work: Callable[[], dict[str, int]]) -> None:
    bid = make_bid(session, make_task(session))
    task = session.get_one(Task, bid.task_id)
    with at(bid.expires_at - SECOND):
        assert work() == {}
    with at(bid.expires_at + SECOND):
        assert work() == {"bids_expired": 1}
    assert (bid.state, task.state) == ("expired", "open")
    with at(task.expires_at + SECOND):
        assert work() == {"tasks_expired": 1}
        assert work() == {}
    assert task.state == "expired"
    told = session.execute(select(User.id, Notice.kind).join(Notice, Notice.user_id == User.id)).all()
    assert sorted(map(tuple, told)) == sorted([(bid.helper_id, "bid_expired"), (task.customer_id, "task_expired")])


def test_a_task_that_is_just_being_paid_for_does_not_run_out(
    session: Session, work: Callable[[], dict[str, int]]
) -> None:
    booking = make_booking(session, state="reserved")
    task = session.get_one(Task, booking.task_id)
    with at(task.expires_at + SECOND):
        assert "tasks_expired" not in work()
    assert task.state == "open"
    assert session.get_one(Bid, booking.bid_id).state == "placed"  # what is being paid for does not run out either
    assert booking.state == "reserved"
