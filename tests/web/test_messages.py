"""The pages of messages: a conversation for its two sides only, masked until a booking."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.models import Message, Notice, Task, User
from tests.factories import make_bid, make_helper, make_task, make_user
from tests.page import Page
from tests.web.test_bids import booked

SignIn = Callable[[User], Page]
NUMBER = "079 123 45 67"


@pytest.fixture
def task(session: Session) -> Task:
    return make_task(session, make_user(session, "Clara Kundin", language="en"))


@pytest.fixture
def helper(session: Session) -> User:
    return make_helper(session, language="en")


@pytest.fixture
def customer(session: Session, task: Task) -> User:
    return session.get_one(User, task.customer_id)


def address(task: Task, helper: User) -> str:
    return f"/tasks/{task.public_id}/messages/{helper.public_id}"


def test_a_question_before_the_bid_is_answered_on_its_own_page(
    session: Session, task: Task, helper: User, customer: User, sign_in: SignIn
) -> None:
    asking = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    assert asking.all(f"a[href='{address(task, helper)}']")
    asking.get(address(task, helper)).submit({"body": "Haben Sie Glasfaser?"}).follow()
    answering = sign_in(customer).get("/notices")
    assert answering.all(f"a[href='{address(task, helper)}']")
    assert answering.get(f"/tasks/{task.public_id}/bids").all(f"a[href='{address(task, helper)}']")
    answering.get(address(task, helper))
    assert "Haben Sie Glasfaser?" in answering.text
    assert "Hans H." in answering.text
    assert "Hans Helfer" not in answering.text
    answering.submit({"body": "Ja, seit einem Jahr."})
    assert "Ja, seit einem Jahr." in asking.get(address(task, helper)).text


def test_contact_data_stay_hidden_until_there_is_a_booking_and_the_writer_hears_it(
    session: Session, task: Task, helper: User, customer: User, sign_in: SignIn
) -> None:
    bid = make_bid(session, task, helper, state="accepted")
    writing = sign_in(customer).get(f"/bids/{bid.public_id}")
    writing.submit({"body": f"Rufen Sie an: {NUMBER}"}, form=address(task, helper)).follow()
    assert "stay hidden until you have a booking" in writing.text
    assert NUMBER in writing.text  # one's own words
    reading = sign_in(helper)
    assert NUMBER not in reading.get(f"/bids/{bid.public_id}").text
    assert NUMBER not in reading.get(address(task, helper)).text
    booked(session, bid, task)
    assert NUMBER in reading.get(f"/bids/{bid.public_id}").text
    writing.get(f"/bids/{bid.public_id}").submit({"body": NUMBER}, form=address(task, helper)).follow()
    assert "stay hidden" not in writing.text
    assert session.scalars(select(Message.shown).order_by(Message.id.desc())).first() == NUMBER


def test_an_empty_message_is_refused_with_the_page_kept(
    session: Session, task: Task, helper: User, sign_in: SignIn
) -> None:
    page = sign_in(helper).get(address(task, helper)).submit({"body": "  "}, status=422)
    assert page.document.findtext(".//title").startswith("Error:")
    page.submit({"body": "x" * 4001}, status=422)
    assert "x" * 4001 in page.text
    assert session.scalars(select(Message)).all() == []


def test_only_the_two_sides_read_and_write(
    session: Session, task: Task, helper: User, customer: User, sign_in: SignIn
) -> None:
    sign_in(customer).get(address(task, helper), 404)  # nothing has begun yet
    make_bid(session, task, helper)
    for stranger in (make_user(session), make_helper(session, "Hella Helferin")):
        sign_in(stranger).get(address(task, helper), 404)
        sign_in(stranger).post(address(task, helper), {"body": "Hallo"}, 404)
    sign_in(customer).get(address(task, helper))
    sign_in(customer).get(address(task, customer), 404)
    sign_in(customer).get(f"/tasks/{task.public_id}/messages/nobody", 404)
    sign_in(customer).get(f"/tasks/nothing/messages/{helper.public_id}", 404)
    assert session.scalars(select(Notice)).all() == []


def test_who_is_not_certified_is_told_why_before_writing(session: Session, task: Task, sign_in: SignIn) -> None:
    other = make_helper(session, skills=("tv",), language="en")
    page = sign_in(other).get(address(task, other), 403)
    assert "certification" in page.text
