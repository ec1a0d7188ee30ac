"""Helpers' profiles on the web: who sees what, the search nearby, and changing one's own."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.models import Profile, Standing, User
from tests.factories import make_certification, make_helper, make_operator, make_user
from tests.page import Page

SignIn = Callable[[User], Page]


@pytest.fixture
def sign_in(sign_in: SignIn) -> SignIn:
    """As ever, but in English, the language in which these tests read."""

    def signed_in(user: User) -> Page:
        page = sign_in(user)
        page.client.set_cookie("language", "en")
        return page

    return signed_in


FIELDS = {
    "headline": "Neu",
    "about": "Ich erkläre gern.",
    "languages": ["it"],
    "place": "6900 Lugano",
    "radius_km": "30",
    "hours": ["6-evening"],
}


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the block sends."""
    sent: list[str] = []

    def note(_c, _cursor, statement, *_rest) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def profile_of(session: Session, helper: User) -> Profile:
    return session.scalars(select(Profile).where(Profile.user_id == helper.id)).one()


def test_a_profile_shows_short_name_place_and_skills_but_no_position(session: Session, client: Page) -> None:
    hans = make_helper(session, "Hans Peter Muster", skills=("wifi", "tv"))
    session.add(
        Standing(
            helper_id=hans.id, certified=True, reviews=5, average_hundredths=480, cautious_hundredths=431, signed_off=7,
            customers=5, completed=9, agreed=10, reply_minutes=45, is_friend=True, friend_since=clock.now(),
            rule_version=1, computed_at=clock.now(),
        )
    )  # fmt: skip
    session.commit()
    page = client.get(f"/helpers/{profile_of(session, hans).public_id}")
    body = page.response.text
    assert "Hans M." in page.text
    assert "Peter" not in page.text
    assert "46.948" not in body
    assert "3011" not in body
    assert "4.3 (average 4.8, 5 reviews)" in page.text  # in the head
    assert "cautious rating; average 4.8 from 5 reviews" in page.text
    assert "4.3 (average 4.8, 5 reviews)" in client.get("/helpers?place=3011+Bern").text
    page.get(f"/helpers/{profile_of(session, hans).public_id}")
    assert "90 %" in page.text
    assert page.all(".badge-friend")
    assert len(page.all(".skill-list li")) == 2


def test_before_the_first_certification_only_the_helper_and_the_operator_see_it(
    session: Session, client: Page, sign_in: SignIn
) -> None:
    hans = make_helper(session, skills=())
    make_certification(session, hans, state="applied")
    address = f"/helpers/{profile_of(session, hans).public_id}"
    client.get(address, status=404)
    sign_in(make_user(session)).get(address, status=404)
    sign_in(hans).get(address)
    sign_in(make_operator(session, "agent")).get(address)


def test_a_suspended_helper_is_gone_for_others(session: Session, client: Page, sign_in: SignIn) -> None:
    hans = make_helper(session, suspended_at=clock.now())
    address = f"/helpers/{profile_of(session, hans).public_id}"
    client.get(address, status=404)
    sign_in(make_operator(session)).get(address)


def test_the_search_shows_who_comes_and_says_why_in_this_order(session: Session, client: Page) -> None:
    make_helper(session, "Hans Muster")
    page = client.get("/helpers?place=3011+Bern")
    assert len(page.all(".helper-card")) == 1
    assert "Hans M." in page.text
    page.get("/helpers?place=3011+Bern&order=best")
    assert len(page.all(".helper-card")) == 1
    page.get("/helpers?place=3011+Bern&friends=y")
    assert not page.all(".helper-card")
    page.get("/helpers?place=3011+Bern&skill=tv")
    assert not page.all(".helper-card")
    page.get("/helpers?place=8001+Z%C3%BCrich")
    assert not page.all(".helper-card")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "place=",
        "place=Nirgendwo",
        "place=%01%1b",
        "place=3011+Bern&radius=abc&order=x&skill=zzz&page=-3&friends=maybe",
        "place=3011+Bern&page=99999999999999999999",
        "place=3011&endpoint=x&_external=1&_scheme=ftp",
        "place=3011+Bern&radius=99999",
    ],
)
def test_no_search_breaks(client: Page, query: str) -> None:
    client.get(f"/helpers?{query}")


def test_an_ambiguous_place_is_a_choice_that_keeps_the_search(client: Page) -> None:
    page = client.get("/helpers?place=R%C3%BCti&skill=tv")
    links = [one.get("href") for one in page.all("main li a") if "place=" in one.get("href", "")]
    assert len(links) > 1
    assert all("skill=tv" in one for one in links)
    page.get(links[0])
    assert not [one for one in page.all("main li a") if "place=" in one.get("href", "")]


def test_the_search_takes_at_most_four_statements(session: Session, client: Page) -> None:
    for number in range(25):
        make_helper(session, f"Helfer {number}", skills=("wifi", "tv"))
    client.get("/helpers?place=3011+Bern")
    with counted() as sent:
        page = client.get("/helpers?place=3011+Bern&skill=wifi")
    assert len(page.all(".helper-card")) == 20
    assert len(sent) <= 4, sent
    with counted() as sent:
        client.get("/helpers?place=3011+Bern&order=best&page=2")
    assert len(client.all(".helper-card")) == 5
    assert client.all("a[rel=prev]")[0].get("href") == "/helpers?place=3011+Bern&order=best&page=1"
    assert len(sent) <= 4, sent


def test_the_helper_changes_everything_on_one_page(session: Session, sign_in: SignIn, app: Flask) -> None:
    hans = make_helper(session)
    page = sign_in(hans).get("/my-profile")
    file = io.BytesIO()
    Image.new("RGB", (600, 800), "#2a7f62").save(file, "PNG")
    file.seek(0)
    page.post("/my-profile", {**FIELDS, "photo": (file, "ich.png")}).follow()
    profile = profile_of(session, hans)
    assert (profile.headline, profile.place_name, profile.radius_km) == ("Neu", "Lugano", 30)
    first = profile.photo_name
    answer = page.get(f"/helpers/{profile.public_id}/photo", buffered=True).response
    assert answer.mimetype == "image/webp"
    page.get("/my-profile")
    assert {one.get("value") for one in page.all("input[name=hours][checked]")} == {"6-evening"}
    page.post("/my-profile", {**FIELDS, "remove_photo": "y"}).follow()
    assert profile_of(session, hans).photo_name is None
    assert not (app.config["PHOTO_FOLDER"] / first).exists()
    page.get(f"/helpers/{profile.public_id}/photo", status=404)


def test_a_wrong_profile_is_not_saved(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session)
    page = sign_in(hans).get("/my-profile")
    page.post("/my-profile", {**FIELDS, "place": "Nirgendwo", "languages": []}, status=422)
    assert len(page.all(".form-errors li")) == 2
    assert profile_of(session, hans).headline != "Neu"


@pytest.mark.parametrize("tampered", [{"languages": ["xx"]}, {"hours": ["7-night"]}])
def test_a_choice_that_was_not_offered_is_refused_in_the_readers_language(
    session: Session, sign_in: SignIn, tampered: dict[str, list[str]]
) -> None:
    page = sign_in(make_helper(session))
    page.client.set_cookie("language", "de")
    page.post("/my-profile", {**FIELDS, **tampered}, 422)
    assert "Bitte wählen Sie eine der Möglichkeiten." in page.text
    assert "not a valid choice" not in page.text


def test_customers_have_no_profile_to_change(session: Session, sign_in: SignIn) -> None:
    sign_in(make_user(session)).get("/my-profile", status=403)


@pytest.mark.parametrize("address", ["/helpers/a%00b", "/helpers?place=%00", "/helpers?place=3011&skill=%00"])
def test_a_nul_sign_is_refused_before_the_database_meets_it(client: Page, address: str) -> None:
    client.get(address, status=404 if "?" not in address else 422)


def test_a_helper_reaches_profile_certifications_and_badge_from_menu_and_account(
    session: Session, sign_in: Callable[[User], Page]
) -> None:
    helper = sign_in(make_helper(session)).get("/account")
    for way in ("/my-profile", "/my-certifications", "/my-badge"):
        assert helper.all(f"main a[href='{way}']")
    for way in ("/my-profile", "/my-badge"):
        assert helper.all(f"#account-menu a[href='{way}']")
    customer = sign_in(make_user(session)).get("/account")
    assert not customer.all("a[href='/my-badge'], a[href='/my-profile']")


def test_a_profile_leads_a_visitor_to_the_next_step(client: Page, session: Session) -> None:
    hans = make_helper(session)
    profile = session.scalars(select(Profile).where(Profile.user_id == hans.id)).one()
    client.get(f"/helpers/{profile.public_id}")
    assert client.all("main a.button-primary[href='/post']")
