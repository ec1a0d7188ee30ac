"""When the time for reviews is over, the booking and its task close: not a second too early, once, and nothing else."""

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
from marketplace.models import JournalEntry, Notice, Task
from marketplace.queries.ledger import ledger_faults
from tests.factories import make_booking

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
    elif state == "no_show":  # nobody objected in time
        assert (booking.state, task.state) == ("cancelled", "cancelled")
    elif state in BOOKING.befores("refer"):  # nobody said how it ended, so the operator decides
        assert (booking.state, task.state) == ("unsolved", before)
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
