"""Sessions: a copied cookie dies with its session; only who has something to keep gets one, at one statement each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask_security import hash_password
from lxml import html
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from marketplace import clock, create_app
from marketplace.actions import accounts
from marketplace.db import db
from marketplace.domain.policy import Policy
from marketplace.models import User, UserSession
from marketplace.web.sessions import device_name, hashed
from tests.factories import make_operator, make_user
from tests.page import Page

PASSWORD = "vier gelbe Enten schwimmen"
OTHER = "sieben rote Ziegel fallen"


@pytest.fixture
def anna(session: Session) -> User:
    return make_user(session, email="anna@example.org", password=hash_password(PASSWORD))


@pytest.fixture
def signed_in(client: Page, anna: User) -> Page:
    """A browser in which Anna has signed in by the form."""
    client.get("/login").submit({"email": "anna@example.org", "password": PASSWORD})
    return client


def cookie_of(page: Page) -> str:
    cookie = page.client.get_cookie("session")
    assert cookie is not None
    return str(cookie.value)


def thief_with(app: Flask, cookie: str) -> Page:
    """Another browser into which the cookie was copied."""
    page = Page(app)
    page.client.set_cookie("session", cookie)
    return page


def sessions(session: Session) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(UserSession)) or 0


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_a_copied_cookie_opens_the_account_while_signed_in(app: Flask, signed_in: Page) -> None:
    thief_with(app, cookie_of(signed_in)).get("/account")  # so the tests below can fail


def test_a_copied_cookie_is_dead_after_signing_out(app: Flask, signed_in: Page) -> None:
    cookie = cookie_of(signed_in)
    signed_in.post("/logout")
    thief_with(app, cookie).get("/account", 302)


def test_a_copied_cookie_is_dead_after_the_password_changed(app: Flask, signed_in: Page) -> None:
    cookie = cookie_of(signed_in)
    signed_in.get("/account/password").submit(
        {"password": PASSWORD, "new_password": OTHER, "new_password_confirm": OTHER}
    )
    signed_in.get("/account")
    thief_with(app, cookie).get("/account", 302)


def test_a_copied_cookie_is_dead_after_suspension(app: Flask, session: Session, anna: User, signed_in: Page) -> None:
    cookie = cookie_of(signed_in)
    accounts.suspend(session, anna, by=make_operator(session), reason="Grund")
    thief_with(app, cookie).get("/account", 302)
    assert session.scalar(select(func.count()).where(UserSession.user_id == anna.id)) == 0


def test_suspension_counts_even_while_the_session_row_stands(
    app: Flask, session: Session, anna: User, signed_in: Page
) -> None:
    anna.active = False
    signed_in.get("/account", 302)


def test_a_visitor_who_goes_on_writing_stays_the_same_visitor(client: Page) -> None:
    client.get("/post").submit({"skill": "wifi"}).follow()
    here, answers = client.path, {"q_where": "one_room", "q_lights": "steady"}
    token = client.all("input[name=csrf_token]")[0].get("value")
    for days in (6, 12, 18):
        with clock.moved_to(clock.now() + timedelta(days=days)):
            assert (
                client.ask("POST", here, data={"csrf_token": token, **answers}).response.status_code == 303
            )  # from the page that was opened on the first day
            [cookie] = [one for one in client.response.headers.getlist("Set-Cookie") if one.startswith("session=")]
            assert f"Max-Age={Policy().visitor_days * 86_400}" in cookie


def test_a_session_runs_out(signed_in: Page) -> None:
    with clock.moved_to(clock.now() + timedelta(days=29)):
        signed_in.get("/account")
    with clock.moved_to(clock.now() + timedelta(days=31)):
        signed_in.get("/account", 302)


def test_signing_in_gives_a_new_secret(app: Flask, client: Page, anna: User, session: Session) -> None:
    client.get("/login")
    before = cookie_of(client)
    client.submit({"email": "anna@example.org", "password": PASSWORD})
    assert cookie_of(client) != before
    assert sessions(session) == 1
    thief_with(app, before).get("/account", 302)


def test_a_form_token_from_before_signing_in_is_worth_nothing_afterwards(
    client: Page, anna: User, app: Flask, session: Session
) -> None:
    client.get("/login")
    before = client.document.cssselect("input[name=csrf_token]")[0].get("value")
    client.submit({"email": "anna@example.org", "password": PASSWORD})
    client.post("/logout", {"csrf_token": before}, 409)
    client.get("/account")
    client.post("/logout")


def test_a_cookie_that_somebody_made_up_opens_nothing(app: Flask, session: Session) -> None:
    visitor = thief_with(app, "made-up")
    visitor.get("/")
    assert visitor.client.get_cookie("session") is None
    assert sessions(session) == 0


def test_the_table_knows_only_the_hash(signed_in: Page, session: Session) -> None:
    row = session.scalars(select(UserSession)).one()
    assert row.token_hash == hashed(cookie_of(signed_in))
    assert cookie_of(signed_in) not in row.values


def test_a_visitor_who_only_reads_gets_no_cookie_and_no_row(client: Page, session: Session) -> None:
    client.get("/")
    assert "Set-Cookie" not in client.response.headers
    assert sessions(session) == 0


def test_what_a_visitor_began_survives_signing_in(client: Page, anna: User) -> None:
    client.get("/login")
    with client.client.session_transaction() as values:
        values["draft"] = "kept"
    client.submit({"email": "anna@example.org", "password": PASSWORD})
    with client.client.session_transaction() as values:
        assert values["draft"] == "kept"
    client.post("/logout")
    with client.client.session_transaction() as values:
        assert "draft" not in values, "the next person at this browser does not find it"


def test_session_person_and_roles_come_in_one_statement(
    app: Flask, session: Session, sign_in: Callable[[User], Page]
) -> None:
    page = sign_in(make_operator(session))
    page.get("/healthz")
    with statements() as seen:
        page.get("/healthz")
    [asked] = [statement for statement in seen if statement.startswith("SELECT")]
    assert all(table in asked for table in ("sessions", "users", "roles"))


def test_last_seen_is_written_every_five_minutes_at_most(session: Session, signed_in: Page) -> None:
    with statements() as seen:
        signed_in.get("/account")
    assert not [statement for statement in seen if not statement.startswith(("SELECT", "BEGIN", "PRAGMA"))]
    with clock.moved_to(clock.now() + timedelta(minutes=6)):
        signed_in.get("/account")
        session.rollback()
        assert clock.now() - session.scalars(select(UserSession)).one().seen_at < timedelta(seconds=30)


def test_a_session_that_was_ended_meanwhile_is_not_written_back(app: Flask, session: Session, signed_in: Page) -> None:
    with signed_in.client.session_transaction() as values:
        accounts.sweep(session)
        session.query(UserSession).delete()
        session.commit()
        values["late"] = "too late"
    assert sessions(session) == 0


def test_my_devices(app: Flask, session: Session, anna: User, signed_in: Page, sign_in: Callable[[User], Page]) -> None:
    phone, tablet = Page(app), sign_in(anna)
    phone.client.environ_base["HTTP_USER_AGENT"] = (
        "Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0"
    )
    phone.get("/login").submit({"email": "anna@example.org", "password": PASSWORD})
    signed_in.get("/account/devices")
    assert "Firefox – Android" in signed_in.text
    row = session.scalars(select(UserSession).where(UserSession.device != "")).one()
    signed_in.submit(form=f"/account/devices/{row.public_id}/removal")
    phone.get("/account", 302)
    tablet.get("/account")
    signed_in.get("/account/devices").submit(form="/account/other-devices/removal")
    tablet.get("/account", 302)
    signed_in.get("/account")


def test_nobody_ends_the_sessions_of_others(
    app: Flask, session: Session, signed_in: Page, sign_in: Callable[[User], Page]
) -> None:
    row = session.scalars(select(UserSession)).one()
    stranger = sign_in(make_user(session))
    stranger.post(f"/account/devices/{row.public_id}/removal", status=404)
    signed_in.get("/account")


def test_every_cookie_is_bound_to_the_host_under_https(app: Flask, tmp_path: Path, database_url: str) -> None:
    there = {"PUBLIC_URL": "https://hilfe.example.org", "DATABASE_URL": database_url, "VAR_FOLDER": str(tmp_path)}
    other = create_app({"ENVIRONMENT": "development", **there})
    visitor = other.test_client()
    visitor.get("/login?lang=fr", base_url=there["PUBLIC_URL"])
    page = html.document_fromstring(visitor.get("/post", base_url=there["PUBLIC_URL"]).text)
    begun = {"csrf_token": page.cssselect("input[name=csrf_token]")[0].get("value"), "skill": "wifi"}
    visitor.post("/post", base_url=there["PUBLIC_URL"], data=begun, headers={"Referer": there["PUBLIC_URL"]})
    cookies = {cookie.key: cookie for cookie in visitor._cookies.values()}
    assert set(cookies) == {"__Host-session", "__Host-language", "__Host-drafts"}
    for name, cookie in cookies.items():
        assert (cookie.secure, cookie.path, cookie.origin_only) == (True, "/", True), name
        assert cookie.http_only == (name != "__Host-language"), name
    assert 'lang="fr"' in visitor.get("/", base_url=there["PUBLIC_URL"]).text
    with other.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0",
            "Edge – Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Safari/604.1",
            "Safari – iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 Chrome/129.0 Mobile Safari/537.36",
            "Chrome – Android",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox – Mac"),
        ("curl/8.5", ""),
    ],
)
def test_device_names(agent: str, name: str) -> None:
    assert device_name(agent) == name
