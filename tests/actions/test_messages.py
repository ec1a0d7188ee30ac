"""The verbs of messages: who writes to whom, and what the other side reads."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import messages
from marketplace.domain.errors import Invalid, NotAllowed
from marketplace.domain.lifecycles import BOOKING, BOOKING_AGREED
from marketplace.domain.policy import Policy
from marketplace.models import JournalEntry, Message, Notice, Task, User
from tests.actions.test_bids import reserved
from tests.factories import make_bid, make_helper, make_task, make_user

POLICY = Policy()
BODY = "Rufen Sie an: 079 123 45 67"


@pytest.fixture
def task(session: Session) -> Task:
    return make_task(session)


@pytest.fixture
def helper(session: Session) -> User:
    return make_helper(session)


@pytest.fixture
def customer(session: Session, task: Task) -> User:
    return session.get_one(User, task.customer_id)


def send(session: Session, task: Task, helper: User, by: User, body: str = BODY) -> Message:
    return messages.send(session, task, helper.id, by=by, body=body, policy=POLICY)


def test_a_message_is_masked_kept_and_told(session: Session, task: Task, helper: User, customer: User) -> None:
    bid = make_bid(session, task, helper)
    message = send(session, task, helper, customer)
    assert (message.body, message.shown) == (BODY, "Rufen Sie an: •••")
    notice = session.scalars(select(Notice)).one()
    assert (notice.user_id, notice.kind) == (helper.id, "message_received")
    assert notice.facts == {"task_id": task.id, "bid_id": bid.id}
    entry = session.scalars(select(JournalEntry).where(JournalEntry.event == "message_sent")).one()
    assert entry.facts == {"task_id": task.id, "masked": True}


@pytest.mark.parametrize("state", BOOKING.states)
def test_it_is_shown_as_written_once_there_is_a_booking(
    state: str, session: Session, task: Task, helper: User, customer: User
) -> None:
    reserved(session, make_bid(session, task, helper, state="accepted"), task, state)
    message = send(session, task, helper, customer)
    assert (message.shown == BODY) == (state in BOOKING_AGREED)


def test_a_booking_with_somebody_else_opens_nothing(session: Session, task: Task, helper: User, customer: User) -> None:
    reserved(session, make_bid(session, task, make_helper(session), state="accepted"), task, "confirmed")
    make_bid(session, task, helper, state="declined")
    assert send(session, task, helper, customer).shown != BODY


def test_a_certified_helper_asks_first_and_is_answered(
    session: Session, task: Task, helper: User, customer: User
) -> None:
    with pytest.raises(NotAllowed):
        send(session, task, helper, customer)  # they have nothing to do with each other yet
    send(session, task, helper, helper)
    send(session, task, helper, customer)
    kinds = session.execute(select(Notice.user_id, Notice.facts).order_by(Notice.id)).all()
    assert [tuple(kind) for kind in kinds] == [
        (customer.id, {"task_id": task.id, "helper_id": helper.id}),
        (helper.id, {"task_id": task.id, "helper_id": helper.id}),
    ]


def test_nobody_else_writes(session: Session, task: Task, helper: User, customer: User) -> None:
    make_bid(session, task, helper)
    stranger, uncertified = make_user(session), make_helper(session, skills=("tv",))
    for by, to in ((stranger, helper), (uncertified, helper), (uncertified, uncertified), (helper, stranger)):
        with pytest.raises(NotAllowed):
            send(session, task, to, by)
    customer.is_helper = True
    with pytest.raises(NotAllowed):
        send(session, task, customer, customer)


@pytest.mark.parametrize("state", ["booked", "done", "closed", "expired", "cancelled"])
def test_a_task_that_is_over_is_for_those_who_knew_each_other(state: str, session: Session, helper: User) -> None:
    task = make_task(session, state=state)
    with pytest.raises(NotAllowed):
        send(session, task, helper, helper)
    make_bid(session, task, helper, state="declined")
    send(session, task, helper, helper)


def test_nobody_writes_about_a_task_taken_down(session: Session, helper: User) -> None:
    task = make_task(session, state="removed")
    make_bid(session, task, helper, state="declined")
    with pytest.raises(NotAllowed):
        send(session, task, helper, helper)


@pytest.mark.parametrize("body", ["", "   \n", "x" * 4001])
def test_empty_and_overlong_texts_are_refused(body: str, session: Session, task: Task, helper: User) -> None:
    with pytest.raises(Invalid):
        send(session, task, helper, helper, body)
