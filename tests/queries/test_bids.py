"""Reading bids: who is given one, and in how many statements."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.domain.bidding import ORDERS
from marketplace.domain.errors import NotFound
from marketplace.domain.lifecycles import BID
from marketplace.domain.policy import Policy
from marketplace.models import Task, User
from marketplace.queries import bids, messages
from tests.factories import make_bid, make_helper, make_task, make_user

POLICY = Policy()


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the block sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("order", ORDERS)
def test_the_bids_on_a_task_take_one_statement(order: str, session: Session) -> None:
    task = make_task(session)
    for number in range(6):
        make_bid(session, task, price_cents=5000 + number)
    task_id = task.id
    session.expunge_all()
    task = session.get_one(Task, task_id)
    with counted() as sent:
        found = bids.of_task(session, task, order=order, now=clock.now(), policy=POLICY)  # type: ignore[arg-type]
        assert [one.bid.helper.short_name for one in found] == ["Hans H."] * 6
        assert all(one.km is not None and one.profile is not None for one in found)
    assert len(sent) == 1


def test_only_bids_that_stand_are_compared(session: Session) -> None:
    task = make_task(session)
    made = {state: make_bid(session, task, state=state).id for state in BID.states}
    found = bids.of_task(session, task, order="price", now=clock.now(), policy=POLICY)
    assert {one.bid.id for one in found} == {made[state] for state in ("placed", "countered", "accepted")}


def test_a_remote_task_has_no_distance(session: Session) -> None:
    task = make_task(session, remote=True)
    make_bid(session, task)
    [one] = bids.of_task(session, task, order="fit", now=clock.now(), policy=POLICY)
    assert one.km is None


def test_a_bid_is_for_its_two_sides(session: Session) -> None:
    task, helper = make_task(session), make_helper(session)
    bid = make_bid(session, task, helper)
    customer = session.get_one(User, task.customer_id)
    for side in (helper, customer):
        page = bids.bid_page(session, bid.public_id, side)
        assert (page.bid.id, page.booking, page.bid.task.customer.short_name) == (bid.id, None, "Clara K.")
    with pytest.raises(NotFound):
        bids.bid_page(session, bid.public_id, make_user(session))
    with pytest.raises(NotFound):
        bids.bid_page(session, "nothing", helper)


def test_a_helpers_bids_begin_with_those_that_wait_for_the_helper(session: Session) -> None:
    helper = make_helper(session)
    for state in ("declined", "accepted", "placed", "countered"):
        make_bid(session, make_task(session), helper, state=state)
    helper_id = helper.id
    session.expunge_all()
    with counted() as sent:
        found = bids.mine(session, helper_id, limit=10)
        assert [bid.state for bid in found] == ["countered", "placed", "accepted", "declined"]
        assert {bid.task.skill.code for bid in found} == {"wifi"}
    assert len(sent) == 1


def test_the_terms_number_is_that_of_the_last_step(session: Session) -> None:
    bid = make_bid(session, make_task(session))
    assert bids.terms_number(session, bid) == 1


def test_askers_are_helpers_without_a_bid(session: Session) -> None:
    assert messages.askers(session, make_task(session).id) == []
