"""Becoming a helper: three pages, nothing lost, and the operator's answer."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.models import Certification, Profile, User, UsualHours
from tests.factories import make_certification, make_helper, make_user
from tests.page import Page

ABOUT = {
    "headline": "Ich bringe Ihr WLAN in jedes Zimmer",
    "about": "Seit zwanzig Jahren richte ich Netze ein.",
    "languages": ["de", "fr"],
    "place": "3011 Bern",
    "radius_km": "15",
}
SignIn = Callable[[User], Page]


@pytest.fixture
def sign_in(sign_in: SignIn) -> SignIn:
    """As ever, but in English, the language in which these tests read."""

    def signed_in(user: User) -> Page:
        page = sign_in(user)
        page.client.set_cookie("language", "en")
        return page

    return signed_in


def picture() -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (900, 600), "#7a2550").save(file, "JPEG")
    file.seek(0)
    return file


def test_a_person_becomes_a_helper_on_three_pages(session: Session, sign_in: SignIn, app: Flask) -> None:
    anna = make_user(session)
    page = sign_in(anna).get("/become-a-helper")
    assert "Step 1 of 3" in page.text
    page.post("/become-a-helper", ABOUT).follow()
    profile = session.scalars(select(Profile)).one()
    assert (profile.place_name, profile.languages, anna.is_helper) == ("Bern", ["de", "fr"], True)

    page.post("/become-a-helper/times", {"hours": ["0-morning", "5-late"], "photo": (picture(), "me.jpg")}).follow()
    assert {(one.weekday, one.from_minute) for one in session.scalars(select(UsualHours))} == {(0, 480), (5, 1260)}
    name = session.scalars(select(Profile.photo_name)).one()
    assert (app.config["PHOTO_FOLDER"] / name).exists()

    page.post("/become-a-helper/skills", {"skills": ["wifi", "tv"], "note-wifi": "Mein Beruf."}).follow()
    applied = session.scalars(select(Certification).order_by(Certification.id)).all()
    assert [(one.state, one.note) for one in applied] == [("applied", "Mein Beruf."), ("applied", "")]
    assert page.path == "/my-certifications"
    assert "Mein Beruf." in page.text


def test_wrong_answers_are_kept_and_pointed_out(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session)).get("/become-a-helper")
    page.post("/become-a-helper", {**ABOUT, "headline": "", "radius_km": "500"}, status=422)
    assert (page.document.findtext(".//title") or "").startswith("Error:")
    assert page.all("textarea[name=about]")[0].text.strip() == ABOUT["about"]
    assert {one.get("href") for one in page.all(".form-errors a")} == {"#headline", "#radius_km"}
    assert session.scalars(select(Profile)).all() == []


def test_several_places_of_one_name_are_a_choice(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session)).get("/become-a-helper")
    page.post("/become-a-helper", {**ABOUT, "place": "Rüti"}, status=422)
    keys = [one.get("value") for one in page.all("input[name=place_choice]")]
    assert len(keys) > 1
    page.post("/become-a-helper", {**ABOUT, "place": "Rüti", "place_choice": keys[1]}).follow()
    profile = session.scalars(select(Profile)).one()
    assert f"{profile.country}-{profile.postcode} {profile.place_name}" == keys[1]


def test_an_unknown_place_is_no_guess(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session)).get("/become-a-helper")
    for text in ("Nirgendwohausen", "99999", "<script>", "x" * 101):
        page.post("/become-a-helper", {**ABOUT, "place": text}, status=422)


def test_only_regions_that_are_switched_on(session: Session, sign_in: SignIn, app: Flask) -> None:
    page = sign_in(make_user(session)).get("/become-a-helper")
    app.config["REGIONS"] = "ZH,GE"
    try:
        page.post("/become-a-helper", ABOUT, status=422)
        assert page.all("#place-error")
        page.post("/become-a-helper", {**ABOUT, "place": "8004 Zürich"})
    finally:
        app.config["REGIONS"] = ""


def test_a_file_that_is_no_picture_is_refused_at_its_field(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_helper(session)).get("/become-a-helper/times")
    page.post("/become-a-helper/times", {"photo": (io.BytesIO(b"<svg onload=x>"), "me.jpg")}, status=422)
    assert page.all("#photo-error")
    assert session.scalars(select(Profile.photo_name)).one() is None


def test_at_least_one_skill_and_no_endless_note(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_helper(session, skills=())).get("/become-a-helper/skills")
    page.post("/become-a-helper/skills", {}, status=422)
    page.post("/become-a-helper/skills", {"skills": ["tv"], "note-tv": "x" * 1001}, status=422)
    page.post("/become-a-helper/skills", {"skills": ["no_such_skill"]}, status=422)
    assert session.scalars(select(Certification)).all() == []


def test_the_operators_reason_is_read_and_another_skill_is_offered(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session, skills=("wifi",))
    declined = make_certification(session, hans, "tv", state="declined")
    declined.reason = "Bitte zuerst den Kurs besuchen."
    session.commit()
    page = sign_in(hans).get("/my-certifications")
    assert "Bitte zuerst den Kurs besuchen." in page.text
    page.get("/become-a-helper/skills")
    offered = {one.get("value") for one in page.all("input[name=skills]")}
    assert "tv" in offered
    assert "wifi" not in offered


def test_an_application_is_taken_back_by_its_helper_only(session: Session, sign_in: SignIn) -> None:
    hans, other = make_helper(session, skills=()), make_helper(session, "Andere", skills=())
    waiting = make_certification(session, hans)
    address = f"/certifications/{waiting.public_id}/withdrawal"
    sign_in(other).post(address, status=404)
    mine = sign_in(hans)
    mine.post(address).follow()
    assert waiting.state == "withdrawn"
    mine.post(address, status=409)


def test_who_is_no_helper_yet_is_shown_the_way(session: Session, sign_in: SignIn) -> None:
    sign_in(make_user(session)).get("/my-certifications", status=403)


def test_all_skills_applied_for(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session, skills=tuple(code for code in ALL_CODES))
    page = sign_in(hans).get("/become-a-helper/skills")
    assert not page.all("input[name=skills]")


ALL_CODES = (
    "wifi", "tv", "phone_tablet", "computer", "printer_scanner", "mail_accounts", "smart_home", "security_backup",
    "something_else",
)  # fmt: skip
