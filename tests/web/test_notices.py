"""The notices page: what happened that concerns me, newest first, until I have read it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import outbox
from marketplace.db import db, transaction
from marketplace.domain.notices import NOTICES
from marketplace.domain.policy import Policy
from marketplace.models import Notice, Task, User
from tests.factories import make_bid, make_booking, make_certification, make_helper, make_task, make_user
from tests.page import Page

SignIn = Callable[[User], Page]


@pytest.fixture
def anna(session: Session) -> User:
    return make_user(session, language="en")


@pytest.fixture
def task(session: Session, anna: User) -> Task:
    return make_task(session, anna, title="Drucker druckt nicht")


def tell(reader: User, kind: str = "task_published", times: int = 1, **facts: int) -> None:
    """Tell somebody something so many times, a minute apart."""
    for minute in range(times):
        with clock.moved_to(clock.now() + timedelta(minutes=minute)), transaction() as session:
            outbox.tell(session, reader.id, kind, **facts)


def unread(session: Session, person: User) -> int:
    waiting = select(Notice.id).where(Notice.user_id == person.id, Notice.read_at.is_(None))
    return len(session.scalars(waiting).all())


def test_what_happened_stands_there_newest_first_and_leads_on(
    session: Session, sign_in: SignIn, anna: User, task: Task
) -> None:
    bid = make_bid(session, task, make_helper(session, "Lea Licht"))
    tell(anna, "task_published", task_id=task.id)
    with clock.moved_to(clock.now() + timedelta(hours=1)):
        tell(anna, "bid_placed", task_id=task.id, bid_id=bid.id)
        page = sign_in(anna).get("/notices")
    links = [link.get("href") for link in page.all("main .notice a")]
    assert links == [f"/bids/{bid.public_id}", f"/tasks/{task.public_id}"]
    assert "Drucker druckt nicht" in page.text
    for link in links:
        page.get(link)


def test_new_ones_are_counted_marked_in_words_and_read_together(
    session: Session, sign_in: SignIn, anna: User, task: Task
) -> None:
    tell(anna, times=3, task_id=task.id)
    page = sign_in(anna).get("/notices")
    assert len(page.all(".notice-new")) == 3
    assert page.all("a[href='/notices'] .count")[0].text_content() == "3"
    assert "3 new notices" in page.text
    page.submit(form="/notices/reading").follow()
    assert len(page.all(".notice")) == 3
    assert not page.all(".notice-new")
    assert not page.all("form[action='/notices/reading']")
    assert not page.all("a[href='/notices'] .count")


def test_what_comes_while_the_page_lies_open_stays_new(
    session: Session, sign_in: SignIn, anna: User, task: Task
) -> None:
    tell(anna, task_id=task.id)
    page = sign_in(anna).get("/notices")
    tell(anna, "task_expired", task_id=task.id)
    page.submit(form="/notices/reading").follow()
    assert [one.text_content().startswith("New") for one in page.all(".notice .soft")] == [True, False]


def test_nobody_reads_for_somebody_else(session: Session, sign_in: SignIn, anna: User, task: Task) -> None:
    tell(anna, task_id=task.id)
    other = sign_in(make_user(session, "Otto Anders")).get("/notices")
    assert "Drucker druckt nicht" not in other.text
    assert "Nothing yet" in other.text
    other.post("/notices/reading", {"last": str(session.scalars(select(Notice.id)).one())})
    assert unread(session, anna) == 1


@pytest.mark.parametrize("typed", ["", "abc", "-1", "0"])
def test_a_made_up_last_notice_marks_nothing(
    session: Session, sign_in: SignIn, anna: User, task: Task, typed: str
) -> None:
    tell(anna, task_id=task.id)
    sign_in(anna).post("/notices/reading", {"last": typed}).follow()
    assert unread(session, anna) == 1


def test_a_number_beyond_every_notice_marks_all(session: Session, sign_in: SignIn, anna: User, task: Task) -> None:
    tell(anna, times=2, task_id=task.id)
    sign_in(anna).post("/notices/reading", {"last": str(10**30)}).follow()
    assert unread(session, anna) == 0


def test_a_long_list_is_leafed_through(session: Session, sign_in: SignIn, anna: User, task: Task) -> None:
    size = Policy().page_size
    tell(anna, times=size + 3, task_id=task.id)
    page = sign_in(anna).get("/notices")
    assert len(page.all(".notice")) == size
    assert not page.all("a[rel=prev]")
    page.get(page.all("a[rel=next]")[0].get("href"))
    assert len(page.all(".notice")) == 3
    assert not page.all("a[rel=next]")
    assert not page.all("form[action='/notices/reading']")  # it would leave out the newer ones
    page.get(page.all("a[rel=prev]")[0].get("href")).submit(form="/notices/reading")
    assert unread(session, anna) == 0


@pytest.mark.parametrize("page", ["0", "-3", "two", "9" * 30])
def test_nonsense_for_a_page_is_no_fault(sign_in: SignIn, anna: User, task: Task, page: str) -> None:
    tell(anna, task_id=task.id)
    shown = sign_in(anna).get(f"/notices?page={page}")
    assert len(shown.all(".notice")) == (0 if page.startswith("9") else 1)


def test_an_empty_list_says_what_will_stand_there(sign_in: SignIn, anna: User) -> None:
    page = sign_in(anna).get("/notices")
    assert "Here you see what happens with your tasks, bids and bookings." in page.text
    assert page.all("main a[href='/post']")
    assert not page.all("form[action='/notices/reading']")


def test_it_speaks_the_readers_language(app: Flask, session: Session, anna: User, task: Task) -> None:
    tell(anna, task_id=task.id)
    said = set()
    for language in ("de", "fr", "it", "en"):
        page = Page(app, language)
        page.sign_in(anna)
        said.add(page.get("/notices").all(".notice p")[0].text_content())
    assert len(said) == 4


def test_a_list_of_any_length_takes_the_same_statements(
    session: Session, sign_in: SignIn, anna: User, task: Task
) -> None:
    page, counts = sign_in(anna), []
    for name in ("Lea Licht", "Paul Platine"):
        bid = make_bid(session, task, make_helper(session, name))
        tell(anna, "bid_placed", times=3, task_id=task.id, bid_id=bid.id)
        statements: list[str] = []
        listen = lambda *args, seen=statements: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        page.get("/notices")
        event.remove(db.engine, "before_cursor_execute", listen)
        counts.append(len([one for one in statements if one.startswith("SELECT")]))
    assert counts[0] == counts[1]
    assert len(page.all(".notice")) == 6


def test_every_kind_of_notice_has_a_line_and_leads_somewhere(
    session: Session, sign_in: SignIn, anna: User, task: Task
) -> None:
    booking = make_booking(session, make_bid(session, task))
    ids = {"task_id": task.id, "bid_id": booking.bid_id, "booking_id": booking.id, "helper_id": booking.helper_id}
    certification = make_certification(session, session.get_one(User, booking.helper_id), "tv")
    ids |= {"skill_id": task.skill_id, "certification_id": certification.id}
    ids |= {"count": 2, "cents": 4950, "refund_cents": 1000, "helper_cents": 3950, "from_helper_cents": 500}
    session.execute(delete(Notice))
    session.commit()
    for kind in NOTICES:
        tell(anna, kind, **ids)
    page, seen = sign_in(anna), 0
    for number in range(1, 2 + len(NOTICES) // 20):
        for line in page.get(f"/notices?page={number}").all(".notice"):
            assert line.cssselect("p")[0].text_content().strip()
            assert line.cssselect("a[href^='/']")
            seen += 1
    assert seen == len(NOTICES)
