"""What a suspension means for others: nobody pays a suspended helper, nobody bids on a suspended customer's task."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import accounts, certifications
from marketplace.db import transaction
from marketplace.models import Bid, Booking, Certification, Slot, Task, User
from tests.factories import make_bid, make_helper, make_operator, make_task
from tests.page import Page

SignIn = Callable[[User], Page]
REACH = {"address": "Rosenweg 3", "phone": "079 123 45 67", "terms": "1"}


@pytest.fixture
def bid(session: Session) -> Bid:
    return make_bid(session, make_task(session))


@pytest.fixture
def customer(session: Session, bid: Bid) -> User:
    return session.get_one(User, session.get_one(Task, bid.task_id).customer_id)


def suspend(session: Session, person: User) -> None:
    moderator = make_operator(session)
    with transaction() as rows:
        accounts.suspend(rows, rows.get_one(User, person.id), by=moderator, reason="Wir prüfen etwas.")


def test_the_bid_of_a_suspended_helper_is_no_longer_shown(
    session: Session, sign_in: SignIn, bid: Bid, customer: User
) -> None:
    page, task = sign_in(customer), session.get_one(Task, bid.task_id).public_id
    assert "Hans H." in page.get(f"/tasks/{task}/bids").text
    assert "1 bid so far" in page.get(f"/tasks/{task}").text
    suspend(session, session.get_one(User, bid.helper_id))
    assert "No bids yet" in page.get(f"/tasks/{task}/bids").text
    assert "No bids yet" in page.get(f"/tasks/{task}").text
    found = page.get("/tasks?place=3011+Bern&radius=5").all(".task-card")
    assert ["No bids yet" in one.text_content() for one in found] == [True]


def test_nobody_pays_a_suspended_helper(session: Session, sign_in: SignIn, bid: Bid, customer: User) -> None:
    page = sign_in(customer)
    page.get(f"/bids/{bid.public_id}/acceptance")
    suspend(session, session.get_one(User, bid.helper_id))
    page.get(f"/bids/{bid.public_id}/acceptance", 409)
    page.post(f"/bids/{bid.public_id}/acceptance", REACH, 409)
    assert "Please choose another bid." in page.text
    assert session.scalar(select(func.count(Booking.id))) == 0


def test_nobody_pays_a_helper_whose_certification_is_out_of_force(
    session: Session, sign_in: SignIn, bid: Bid, customer: User
) -> None:
    certification = session.scalars(select(Certification)).one()
    with transaction() as rows:
        certifications.suspend(rows, certification, by=make_operator(rows), reason="Wir prüfen etwas.")
    page = sign_in(customer)
    page.post(f"/bids/{bid.public_id}/acceptance", REACH, 409)
    assert "Please choose another bid." in page.text
    assert session.scalar(select(func.count(Booking.id))) == 0


def test_the_task_of_a_suspended_customer_is_neither_shown_nor_bid_on(
    session: Session, sign_in: SignIn, bid: Bid, customer: User
) -> None:
    task, other = session.get_one(Task, bid.task_id).public_id, make_task(session, title="Der Drucker streikt")
    helper = sign_in(make_helper(session, "Heidi Helferin"))
    assert "Kein WLAN im Schlafzimmer" in helper.get("/tasks?place=3011+Bern&radius=5").text
    suspend(session, customer)
    assert "Kein WLAN im Schlafzimmer" not in helper.get("/tasks?place=3011+Bern&radius=5").text
    assert other.title in helper.text
    assert "It was taken down." in helper.get(f"/tasks/{task}").text
    slot = session.scalars(select(Slot.starts_at).join(Task).where(Task.public_id == task)).one()
    terms = {"price": "60", "minutes": "60", "included": "Alles", "when": slot.isoformat(), "valid_days": "7"}
    helper.post(f"/tasks/{task}/bids", {**terms, "checked": "yes"}, 409)
    assert "This task takes no bids any more." in helper.text
    helper.post(f"/tasks/{other.public_id}/bids", {**terms, "checked": "yes"})
