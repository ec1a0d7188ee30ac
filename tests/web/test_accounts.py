"""Accounts as people meet them: register, confirm, sign in, recover, change, second step; nobody learns who has one."""

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask_security import hash_password
from flask_security.proxies import _security
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock, create_app
from marketplace.actions import accounts
from marketplace.jobs.delivery import deliver_due
from marketplace.models import JournalEntry, OutboxItem, User, UserSession, WebAuthn
from marketplace.web.mails import words
from tests.factories import make_operator, make_user
from tests.page import Page

PASSWORD = "vier gelbe Enten schwimmen"
OTHER = "sieben rote Ziegel fallen"


@pytest.fixture(autouse=True)
def in_english(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The house speaks English here, so that these tests read like its sources."""
    monkeypatch.setitem(app.config, "DEFAULT_LANGUAGE", "en")


@pytest.fixture
def anna(session: Session) -> User:
    return make_user(session, "Anna Muster", email="anna@example.org", language="en", password=hash_password(PASSWORD))


def enter(page: Page, email: str = "anna@example.org", password: str = PASSWORD, status: int = 303) -> Page:
    return page.get("/login").submit({"email": email, "password": password}, status=status)


def mails(app: Flask, client: Page, to: str) -> "list[Mail]":
    """The mails that one address got, delivered as the worker does it, read on the development page."""
    deliver_due(app.extensions["gateways"], words, limit=100)
    client.get(f"/development/mails?to={to}")
    return [
        Mail(card.text_content(), [a.get("href") for a in card.cssselect("a")]) for card in client.all("section.card")
    ]


class Mail(NamedTuple):
    text: str
    links: list[str]


def link(mail: Mail) -> str:
    [found] = mail.links
    assert found.startswith("http://localhost/")
    return found.removeprefix("http://localhost")


def events(session: Session) -> list[str]:
    return list(session.scalars(select(JournalEntry.event).order_by(JournalEntry.id)))


def test_register_confirm_sign_in(app: Flask, client: Page, session: Session) -> None:
    client.get("/register?next=/account/devices")
    client.submit({"name": "Berta Neu", "email": "Berta@Example.org", "password": PASSWORD})
    assert "berta@example.org" in client.follow().text.lower()
    enter(client, "berta@example.org", status=422)
    assert "confirm your mail address first" in client.text

    [mail] = mails(app, client, "berta@example.org")
    assert "Please confirm your mail address" in mail.text
    confirmation = link(mail)
    client.get(confirmation, 302)
    assert session.scalars(select(User)).one().confirmed_at is not None
    client.get(confirmation, 302)  # again without effect
    assert events(session) == ["account_registered", "account_confirmed"]

    enter(client, "BERTA@example.org")
    assert client.location == "/account/start"
    client.follow(302)
    assert client.location == "/account/devices", "where she wanted to go before she had an account"
    assert client.follow().all("h1")
    assert events(session)[-1] == "signed_in"


def test_the_language_of_the_page_becomes_that_of_the_person(client: Page, session: Session) -> None:
    client.get("/register?lang=fr")
    client.submit({"name": "Claire", "email": "claire@example.org", "password": PASSWORD})
    assert session.scalars(select(User)).one().language == "fr"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("kurz", "at least 12 characters"),
        ("qwerty123456", "Many people use this password"),
        ("Password2024!", "Many people use this password"),
        ("passwordpassword", "Many people use this password"),
        ("aaaaaaaaaaaab", "Many people use this password"),
        ("1234567890123", "Many people use this password"),
        ("hausmuster-und-mehr", "contains your name"),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(client: Page, password: str, why: str, session: Session) -> None:
    client.get("/register")
    client.submit({"name": "Anna Muster", "email": "anna@example.org", "password": password}, status=422)
    assert why in client.text
    assert client.document.findtext(".//title").strip().startswith(("Error", "Fehler"))  # type: ignore[union-attr]
    assert client.all("input[name=email]")[0].get("value") == "anna@example.org", "what was typed is kept"
    assert session.scalar(select(func.count()).select_from(User)) == 0


@pytest.mark.parametrize("name", ["anna@example.org", "Anna 079 123 45 67"])
def test_a_name_is_no_way_to_reach_somebody(client: Page, session: Session, name: str) -> None:
    client.get("/register")
    client.submit({"name": name, "email": "anna@example.org", "password": PASSWORD}, status=422)
    assert "Please enter your name." in client.text
    assert session.scalar(select(func.count()).select_from(User)) == 0


def bare(page: Page) -> str:
    """The page without what differs in every answer: tokens."""
    return re.sub(r'name="csrf_token"[^>]*value="[^"]*"', "", page.response.text)


def test_registering_says_the_same_for_a_known_address(app: Flask, client: Page, anna: User, session: Session) -> None:
    answers = []
    for address in ("anna@example.org", "anne@example.org"):
        visitor = Page(app)
        visitor.get("/register").submit({"name": "Jemand", "email": address, "password": PASSWORD})
        answers.append((visitor.location, bare(visitor.follow()).replace(address, "")))
    assert answers[0] == answers[1]
    assert "You have an account already" in mails(app, client, "anna@example.org")[0].text
    assert "Please confirm" in mails(app, client, "anne@example.org")[0].text
    assert session.scalar(select(func.count()).select_from(User)) == 2


@pytest.mark.parametrize("page", ["/login", "/reset", "/confirm"])
def test_no_page_tells_whether_there_is_an_account(app: Flask, session: Session, anna: User, page: str) -> None:
    make_user(session, email="urs@example.org", confirmed_at=None)
    make_user(session, email="sven@example.org", active=False, suspended_at=clock.now(), suspended_reason="Streit")
    answers = []
    for address in ("anna@example.org", "anne@example.org", "urs@example.org", "sven@example.org"):
        visitor = Page(app)
        visitor.get(page)
        visitor.submit({"email": address, "password": OTHER}, status=422 if page == "/login" else 303)
        if page != "/login":
            visitor.follow()
        answers.append(bare(visitor).replace(address, ""))
    assert answers == answers[:1] * 4


@pytest.mark.parametrize("page", ["/reset", "/confirm", "/register"])
@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "Please enter your mail address."),
        ("   ", "Please enter your mail address."),
        ("anna", "This is not a mail address."),
        ("anna@", "This is not a mail address."),
        ("anna@example", "This is not a mail address."),
        ("@example.org", "This is not a mail address."),
        ("anna muster@example.org", "This is not a mail address."),
        ("anna@example..org", "This is not a mail address."),
        ("anna@example.org, beat@example.org", "This is not a mail address."),
    ],
)
def test_what_is_no_mail_address_is_said_and_kept(
    client: Page, session: Session, page: str, typed: str, why: str
) -> None:
    client.get(page).submit({"email": typed, "name": "Anna", "password": PASSWORD}, status=422)
    assert client.document.findtext(".//title").startswith("Error:")  # type: ignore[union-attr]
    [field] = client.all("input[name=email]")
    assert field.get("value") == typed
    assert field.get("aria-invalid") == "true"
    assert why in client.all(f"#{field.get('aria-describedby').split()[-1]}")[0].text_content()
    assert "on its way" not in client.get(page).text
    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 0


@pytest.mark.parametrize("page", ["/reset", "/confirm", "/login"])
def test_empty_forms_use_up_nobodys_attempts(app: Flask, page: str) -> None:
    for _ in range(12):
        Page(app).get(page).submit({"email": ""}, status=422)


@pytest.mark.parametrize(("page", "most"), [("/reset", 5), ("/confirm", 5)])
def test_unknown_addresses_are_counted_as_known_ones_are(app: Flask, anna: User, page: str, most: int) -> None:
    for address in ("anna@example.org", "anne@example.org"):
        for _ in range(most):
            Page(app).get(page).submit({"email": address})
        Page(app).get(page).submit({"email": address}, status=429)


def test_recover(app: Flask, client: Page, anna: User, session: Session, sign_in: Any) -> None:
    at_home = sign_in(anna)
    client.get("/reset").submit({"email": "anna@example.org"})
    [mail] = mails(app, client, "anna@example.org")
    recovery = link(mail)
    client.get(recovery).submit({"password": OTHER, "password_confirm": PASSWORD}, status=422)
    assert "not the same" in client.text
    client.submit({"password": OTHER, "password_confirm": OTHER})
    assert client.location == "/login"
    at_home.get("/account", 302)  # signed out everywhere
    client.get(recovery, 302)  # the link works once
    enter(client, status=422)
    enter(client, password=OTHER)
    assert "Your password was changed" in mails(app, client, "anna@example.org")[0].text
    assert "password_changed" in events(session)


def test_recovering_before_confirming_sends_the_confirmation_again(app: Flask, client: Page, session: Session) -> None:
    make_user(session, email="anna@example.org", language="en", password=hash_password(PASSWORD), confirmed_at=None)
    client.get("/reset").submit({"email": "anna@example.org"})
    [mail] = mails(app, client, "anna@example.org")
    assert link(mail).startswith("/confirm/")


def test_links_in_mails_ignore_the_host_header(
    app: Flask, client: Page, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "http://localhost")
    visitor = Page(app)
    visitor.client.environ_base["HTTP_HOST"] = "evil.example"
    visitor.post("/reset", {"email": "anna@example.org"})
    [mail] = mails(app, client, "anna@example.org")
    assert "evil.example" not in mail.text
    assert link(mail).startswith("/reset/")


def test_change_password(client: Page, anna: User, session: Session, sign_in: Any) -> None:
    elsewhere = sign_in(anna)
    enter(client)
    client.get("/account/password")
    wrong = {"password": OTHER, "new_password": OTHER, "new_password_confirm": OTHER}
    client.submit(wrong, status=422)
    assert "password is not right" in client.text
    client.submit({"password": PASSWORD, "new_password": OTHER, "new_password_confirm": OTHER})
    assert "signed out on all other devices" in client.follow().text, "here she stays signed in"
    elsewhere.get("/account", 302)
    assert events(session) == ["signed_in", "password_changed"]


def test_change_mail(app: Flask, client: Page, anna: User, session: Session) -> None:
    enter(client)
    client.get("/account/mail").submit({"email": "anna.neu@example.org"})
    [mail] = mails(app, Page(app), "anna.neu@example.org")
    Page(app).get(link(mail), 302)
    session.refresh(anna)
    assert anna.email == "anna.neu@example.org"
    assert "anna.neu@example.org" in mails(app, Page(app), "anna@example.org")[0].text, "the old mailbox is told"


def test_change_mail_tells_nothing_about_others(app: Flask, client: Page, anna: User, session: Session) -> None:
    make_user(session, email="berta@example.org")
    enter(client)
    client.get("/account/mail").submit({"email": "berta@example.org"})
    assert "We have sent a mail" in client.follow().text
    assert mails(app, Page(app), "berta@example.org") == []


def test_specially_protected_pages_ask_again(app: Flask, client: Page, anna: User) -> None:
    enter(client)
    with client.client.session_transaction() as values:
        values["fs_paa"] -= 7200
    client.get("/account/mail", 302)
    client.follow()
    client.submit({"password": OTHER}, status=422)
    client.submit({"password": PASSWORD})
    assert client.location == "/account/mail"
    client.follow()


def code_for(secret: str, *, step: int = 0) -> str:
    """What the authenticator app shows, `step` half minutes from now."""
    totp = _security.totp_factory._totp.from_source(secret)
    return totp.generate(time.time() + 30 * step).token


def set_up_codes(page: Page, session: Session, anna: User) -> str:
    page.get("/account/two-factor").submit({"setup": "authenticator"}, status=200)
    assert page.all("main img")[0].get("src", "").startswith("data:image/svg+xml")
    with page.client.session_transaction() as values:
        secret = str(values["tf_totp_secret"])
    page.submit({"code": "000000"}, status=303)
    page.get("/account/two-factor").submit({"setup": "authenticator"}, status=200)
    with page.client.session_transaction() as values:
        secret = str(values["tf_totp_secret"])
    page.submit({"code": code_for(secret, step=-1)})
    session.refresh(anna)
    assert anna.tf_totp_secret == secret
    return secret


def test_two_steps(app: Flask, client: Page, anna: User, session: Session) -> None:
    enter(client)
    secret = set_up_codes(client, session, anna)
    assert "How you sign in was changed" in mails(app, Page(app), "anna@example.org")[0].text
    client.get("/account/recovery-codes").submit(status=200, form="/account/recovery-codes")
    codes = [item.text_content().strip() for item in client.all("main ul code")]
    assert len(codes) == 8
    client.get("/account").post("/logout")

    enter(client)
    assert client.location.startswith("/login/code")
    client.get("/account", 302)  # the password alone opens nothing
    client.get("/login/code").submit({"code": "123 456"}, status=422, form="/login/code")
    code = code_for(secret)
    client.submit({"code": f"{code[:3]} {code[3:]}"}, form="/login/code")
    client.get("/account")

    over_the_shoulder = Page(app)
    enter(over_the_shoulder)
    over_the_shoulder.get("/login/code").submit({"code": code}, status=422, form="/login/code")

    lost_phone = Page(app)
    enter(lost_phone)
    lost_phone.post("/login/help", {"help_setup": "recovery_code"})
    lost_phone.follow().submit({"code": "nonsense"}, status=422)
    lost_phone.submit({"code": codes[0]})
    lost_phone.get("/account")
    again = Page(app)
    enter(again)
    again.get("/login/recovery-code").submit({"code": codes[0]}, status=422)

    lost_phone.get("/account/two-factor").submit({"setup": "disable"})
    enter(Page(app))
    assert {"two_factor_set_up", "two_factor_ended"} <= set(events(session))


def test_asking_the_operator_for_help(app: Flask, client: Page, anna: User, session: Session) -> None:
    enter(client)
    set_up_codes(client, session, anna)
    lost_phone = Page(app)
    enter(lost_phone)
    lost_phone.post("/login/help", {"help_setup": "help"}, status=200)
    assert "We have told the operator" in lost_phone.text
    assert "anna@example.org" in mails(app, Page(app), app.config["OPERATOR_MAIL"])[0].text


def test_codes_are_guessed_ten_times_at_most(app: Flask, client: Page, anna: User, session: Session) -> None:
    enter(client)
    secret = set_up_codes(client, session, anna)
    thief = Page(app)
    enter(thief)
    thief.get("/login/code")
    for _ in range(9):  # one wrong code came with setting up
        thief.submit({"code": "000001"}, status=422, form="/login/code")
    thief.submit({"code": code_for(secret)}, status=429, form="/login/code")
    assert int(thief.response.headers["Retry-After"]) > 0
    thief.get("/account", 302)


def test_operators_need_two_steps_everywhere_but_among_sample_people(app: Flask, tmp_path: Path) -> None:
    assert app.config["SECURITY_OPERATORS_NEED_TWO_FACTOR"] is False
    secrets = dict.fromkeys(("SECRET_KEY", "SECURITY_PASSWORD_SALT"), "x" * 32)
    secrets |= {
        "STRIPE_SECRET_KEY": "sk_test_nobody",
        "STRIPE_WEBHOOK_SECRET": "whsec_a",
        "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_b",
    }
    real = {"PUBLIC_URL": "https://example.org", "MAIL_SERVER": "localhost", "DATABASE_URL": "sqlite://", **secrets}
    for environment in ("development", "production"):
        other = create_app({"ENVIRONMENT": environment, "VAR_FOLDER": str(tmp_path), **real})
        assert other.config["SECURITY_OPERATORS_NEED_TWO_FACTOR"] is True


def test_operators_need_two_steps_where_the_settings_say_so(
    app: Flask, client: Page, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = make_operator(session, email="olga@example.org", password=hash_password(PASSWORD))
    make_user(session, email="anna@example.org", language="en", password=hash_password(PASSWORD))
    monkeypatch.setitem(app.config, "SECURITY_OPERATORS_NEED_TWO_FACTOR", True)
    enter(client, "olga@example.org")
    assert client.location == "/account/two-factor"
    client.get("/account", 302)  # not before the second step is set up
    client.get("/account/two-factor").submit({"setup": "disable"}, status=422)
    client.get("/account/two-factor").submit({"setup": "authenticator"}, status=200)
    with client.client.session_transaction() as values:
        secret = str(values["tf_totp_secret"])
    client.submit({"code": code_for(secret)})
    session.refresh(olga)
    assert olga.tf_primary_method == "authenticator"
    client.get("/account/two-factor")
    assert "password alone" not in client.text.replace("A stolen password alone opens nothing", "")
    enter(Page(app))


def test_a_suspended_person_reads_the_reason_after_the_right_password_only(
    app: Flask, client: Page, anna: User, session: Session
) -> None:
    olga = make_operator(session)
    accounts.suspend(session, anna, by=olga, reason="Mehrmals nicht erschienen.")
    enter(client, password=OTHER, status=422)
    assert "Mehrmals" not in client.text
    enter(client, status=403)
    assert "Mehrmals nicht erschienen." in client.text
    client.get("/account", 302)


def test_sign_in_leads_only_within_this_site(client: Page, anna: User) -> None:
    client.get("/login?next=https://evil.example/")
    client.submit({"email": "anna@example.org", "password": PASSWORD}, status=422)
    client.get("/login?next=/account/devices").submit({"email": "anna@example.org", "password": PASSWORD})
    assert client.location == "/account/devices"


def test_forms_need_their_token(app: Flask, anna: User) -> None:
    answer = Page(app)._outside(
        Page(app).client.post, "/login", data={"email": "anna@example.org", "password": PASSWORD}
    )
    assert answer.status_code == 409
    answer = Page(app)._outside(Page(app).client.post, "/account/other-devices/removal")
    assert answer.status_code == 409


def test_only_forms_are_read(app: Flask, client: Page, anna: User) -> None:
    token = {"X-CSRFToken": client.get("/login").csrf()}
    client._take(client._outside(client.client.post, "/login", json=[1, 2], headers=token), 415)
    client.get("/login", headers={"Accept": "application/json"})
    assert client.response.mimetype == "text/html"


def test_edit_account(client: Page, anna: User, session: Session) -> None:
    enter(client)
    client.get("/account/edit").submit({"name": " ", "phone": "12"}, status=422)
    assert "not a phone number" in client.text
    client.submit({"name": "Anna Meier", "phone": "079 123 45 67", "language": "it"})
    session.refresh(anna)
    assert (anna.name, anna.phone, anna.language) == ("Anna Meier", "+41791234567", "it")
    client.follow()
    assert client.document.get("lang") == "it"
    assert "+41 79 123 45 67" in client.text


def test_passkeys_are_named_and_removed(client: Page, anna: User, session: Session) -> None:
    enter(client)
    client.get("/account/passkeys").submit({"name": "Mein Telefon"}, status=200)
    options = client.all("form[data-passkey=create]")[0].get("data-options") or ""
    assert '"residentKey": "required"' in options
    assert "authenticatorAttachment" not in options, "the phone itself will do"
    session.add(
        WebAuthn(
            user_id=anna.id,
            credential_id=b"1",
            public_key=b"2",
            name="Alt",
            usage="first",
            backup_state=False,
            device_type="single_device",
            lastuse_datetime=clock.now().replace(tzinfo=None),
        )
    )
    session.commit()
    client.get("/account/passkeys").submit(form="/account/passkeys/removal")
    assert session.scalar(select(func.count()).select_from(WebAuthn)) == 0
    assert "passkey_removed" in events(session)


def test_passkey_sign_in_asks_the_device_without_naming_anybody(client: Page, anna: User) -> None:
    client.get("/login/passkey").submit(status=200)
    options = client.all("form[data-passkey=get]")[0].get("data-options") or ""
    assert '"allowCredentials": []' in options or "allowCredentials" not in options
    client.submit({"credential": "{}"})
    client.follow()
    client.get("/account", 302)


def test_signing_out_leaves_nothing_behind(client: Page, anna: User, session: Session) -> None:
    enter(client)
    client.get("/account").post("/logout")
    assert session.scalar(select(func.count()).select_from(UserSession)) == 0
    assert client.client.get_cookie("session") is None
    client.get("/account", 302)


def test_links_run_out(app: Flask, client: Page, anna: User) -> None:
    client.get("/reset/nonsense", 302)
    assert "no longer valid" in client.follow().text
    client.get("/confirm/nonsense", 302)
    assert "no longer valid" in client.follow().text
    client.get("/account/mail/nonsense", 302)


def test_guessing_ends_after_ten_passwords_for_known_and_unknown_alike(
    app: Flask, client: Page, anna: User, session: Session
) -> None:
    for address in ("anna@example.org", "anne@example.org"):
        visitor = Page(app)
        visitor.get("/login")
        for number in range(10):
            visitor.submit({"email": address, "password": f"{OTHER}{number}"}, status=422)
        visitor.submit({"email": address.upper(), "password": PASSWORD}, status=429)
        assert 0 < int(visitor.response.headers["Retry-After"]) <= 900
    assert "signed_in" not in events(session)
    with clock.moved_to(clock.now() + timedelta(minutes=16)):
        enter(client)


def test_signing_in_rightly_is_never_too_often(app: Flask, anna: User) -> None:
    for _ in range(12):
        enter(Page(app))


def test_nobody_floods_a_mailbox(app: Flask, client: Page, anna: User) -> None:
    for _ in range(5):
        client.get("/reset").submit({"email": "anna@example.org"})
    client.get("/reset").submit({"email": "anna@example.org"}, status=429)
    assert len(mails(app, client, "anna@example.org")) == 5
