"""The page of kept mails: there for who develops or tries the demo, and nowhere else."""

from collections.abc import Callable

import pytest
from flask import Flask, current_app
from sqlalchemy.orm import Session

from marketplace.gateways.mail import KeptPost, Mail
from marketplace.models import User
from tests.factories import make_operator
from tests.page import Page

SignIn = Callable[[User], Page]
StartedIn = Callable[[str], Flask]
LINK = "http://localhost/reset/geheim"


@pytest.fixture
def kept(app: Flask) -> None:
    """Two mails lie in the folder."""
    post = current_app.extensions["gateways"].post
    post.deliver(Mail("anna@example.org", "Ein neues Passwort", f"Hier geht es weiter: {LINK}\n", "outbox-1"))
    post.deliver(Mail("beat@example.org", "Willkommen", "Schön, dass Sie da sind.\n", "outbox-2"))


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("environment", ["demo", "development", "test"])
def test_kept_mails_can_be_read_where_no_mail_is_sent(started_in: StartedIn, environment: str) -> None:
    page = Page(started_in(environment)).get("/development/mails")
    assert "Ein neues Passwort" in page.text
    assert page.all(f"a[href='{LINK}']")
    assert "Willkommen" in page.text
    page.get("/development/mails?to=ANNA")
    assert "Willkommen" not in page.text
    assert page.get("/mail-sent").all("main a[href='/development/mails']")


@pytest.mark.usefixtures("kept")
def test_a_production_has_no_such_page_for_anybody(session: Session, started_in: StartedIn) -> None:
    production = started_in("production")
    Page(production).get("/development/mails", 404)
    admin = Page(production)
    admin.sign_in(make_operator(session, "admin"))
    assert "Ein neues Passwort" not in admin.get("/development/mails", 404).text
    assert not admin.get("/mail-sent").all("main a[href='/development/mails']")


@pytest.mark.usefixtures("kept")
def test_not_even_a_production_that_keeps_its_mails_shows_them(started_in: StartedIn) -> None:
    """Two things stand before the page: the environment, and what becomes of the mails."""
    production = started_in("production")
    doors = production.extensions["gateways"]
    object.__setattr__(doors, "post", KeptPost(production.config["MAIL_FOLDER"], production.config))
    Page(production).get("/development/mails", 404)
