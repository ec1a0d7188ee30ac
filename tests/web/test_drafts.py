"""Posting a task: the whole way without an account, and everything that must not get lost on it."""

import io

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.models import Draft, Photo, Slot, Task
from tests.factories import make_user
from tests.page import Page

TITLE = "Kein WLAN im Schlafzimmer"


def jpeg(width: int = 400, height: int = 300) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG")
    file.seek(0)
    return file


def begin(page: Page, skill: str = "wifi") -> str:
    """Begin a draft; gives its address without the step."""
    page.get("/post").submit({"skill": skill})
    page.follow()
    return page.path.rsplit("/", 1)[0]


def answer_all(page: Page, **words: str) -> str:
    """Answer all six questions; gives the draft's address."""
    address = begin(page)
    page.submit({"q_where": "one_room", "q_lights": "steady"}).follow()
    page.submit({"title": TITLE, "description": "Seit gestern geht nichts mehr.", **words}).follow()
    assert page.path == f"{address}/photos"
    page.submit({"photos": (jpeg(), "a.jpg")}).follow()
    chosen = page.all("input[name=slots]")[2].get("value")
    page.submit({"slots": chosen}).follow()
    page.submit({"place": "3011 Bern", "remote": "home", "budget": "60"}).follow()
    assert page.path == f"{address}/check"
    return address


def test_a_stranger_posts_a_task_and_signs_in_only_to_publish(client: Page, session: Session) -> None:
    address = answer_all(client)
    for expected in (TITLE, "Nur in einem Zimmer", "3011 Bern", "60.00", "CHF"):
        assert expected in client.text, client.text
    client.submit(form=f"{address}/publication").follow()
    assert client.path == f"{address}/account"
    assert "security.login" in str(client.all("main a")[-1].get("href")) or "login" in str(
        client.all("main a")[-1].get("href")
    )

    client.sign_in(make_user(session, "Clara Kundin"))
    client.get(f"{address}/check").submit(form=f"{address}/publication").follow()
    task = session.scalars(select(Task)).one()
    assert task.public_id in client.text
    assert (task.title, task.answers["where"], task.answers["since"]) == (TITLE, "one_room", "unknown")
    assert (task.postcode, task.budget_cents, task.remote, task.language) == ("3011", 6000, False, "de")
    assert session.scalar(select(func.count()).select_from(Slot)) == 1
    assert session.scalars(select(Photo)).one().task_id == task.id


def test_a_second_click_on_publish_leads_to_the_same_task(client: Page, session: Session) -> None:
    client.sign_in(make_user(session))
    address = answer_all(client)
    first = client.post(f"{address}/publication").location
    assert client.post(f"{address}/publication").location == first
    assert session.scalar(select(func.count()).select_from(Task)) == 1
    client.get(f"{address}/check", 303)
    assert client.location.startswith("/tasks/")
    client.post(f"{address}/words", {"title": "x", "description": "y"}, 409)
