"""Limits: after so many forms an hour a visitor waits, and is told how long."""

import pytest
from flask import Flask
from flask_security import hash_password
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.orm import Session

from marketplace.domain.policy import Policy
from marketplace.web.limits import LIMITS, limit
from marketplace.web.security.edge import LIMITED
from tests.factories import make_user
from tests.page import Page


@pytest.fixture
def strict(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are on, and three forms an hour are enough."""
    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", True)
    monkeypatch.setitem(app.extensions, "limits", MovingWindowRateLimiter(storage_from_string("memory://")))
    monkeypatch.setitem(app.extensions, "policy", Policy(sign_ins_per_hour=3, posts_per_hour=3, guesses_max=100))


@pytest.mark.usefixtures("strict")
def test_too_many_forms_wait(app: Flask, session: Session) -> None:
    make_user(session, email="anna@example.org", password=hash_password("vier gelbe Enten"))
    visitor = Page(app)
    visitor.get("/login")
    for number in range(3):
        visitor.submit({"email": f"nobody{number}@example.org", "password": "falsch"}, status=422)
    visitor.submit({"email": "anna@example.org", "password": "vier gelbe Enten"}, status=429)
    assert 0 < int(visitor.response.headers["Retry-After"]) <= 3600
    visitor.get("/login")  # reading is free
    elsewhere = Page(app)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    elsewhere.get("/login").submit({"email": "anna@example.org", "password": "vier gelbe Enten"})


@pytest.mark.usefixtures("strict")
def test_nobody_fills_the_house_with_drafts_and_photos(app: Flask) -> None:
    visitor = Page(app)
    visitor.post("/post", {"skill": "wifi"})
    photos = visitor.location.replace("questions", "photos")
    for _ in range(2):
        visitor.post(photos)
    visitor.post(photos, status=429)
    visitor.post("/post", {"skill": "wifi"}, status=429)
    visitor.get(photos)  # what is there may still be looked at


def test_limits_can_be_turned_off(app: Flask) -> None:
    assert app.config["RATELIMIT_ENABLED"] is False
    visitor = Page(app)
    visitor.get("/reset")
    for number in range(Policy().recoveries_per_hour + 1):
        visitor.post("/reset", {"email": f"nobody{number}@example.org"})


def test_every_limit_has_its_number_and_its_forms(app: Flask) -> None:
    for what in LIMITS:
        assert getattr(Policy(), f"{what}_per_hour") > 0
    assert {view.limit for view in app.view_functions.values() if hasattr(view, "limit")} == set(LIMITS)
    with pytest.raises(KeyError):
        limit("breaths")


def test_every_form_of_flask_security_that_a_stranger_can_send_is_limited(app: Flask) -> None:
    posts = {
        rule.endpoint.partition(".")[2]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("security.") and "POST" in (rule.methods or ())
    }
    public = {name for name in posts if app.view_functions[f"security.{name}"].guard == "public"}  # type: ignore[attr-defined]
    harmless = {"logout", "confirm_email", "tf_select", "two_factor_setup"}
    assert public - set(LIMITED) == harmless
