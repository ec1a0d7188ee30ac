"""Posting a task: the whole way without an account, and everything that must not get lost on it."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from marketplace import clock
from marketplace.db import db
from marketplace.domain import posting
from marketplace.domain.errors import Invalid
from marketplace.domain.policy import Policy
from marketplace.models import Draft, Photo, Slot, Task
from marketplace.queries.tasks import draft_page
from marketplace.web.drafts import take_photos
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
    for expected in (TITLE, "In one room only", "3011 Bern", "60.00", "CHF"):
        assert expected in client.text, client.text
    client.submit(form=f"{address}/publication").follow()
    assert client.path == f"{address}/account"
    ways = [link.get("href") for link in client.all("main .button")]
    assert [way.partition("?")[0] for way in ways] == ["/register", "/login"]
    assert all(way.endswith(f"next={address}/check") for way in ways), ways

    client.sign_in(make_user(session, "Clara Kundin"))
    client.get(f"{address}/check").submit(form=f"{address}/publication").follow()
    task = session.scalars(select(Task)).one()
    assert task.public_id.upper() in client.text
    assert (task.title, task.answers["where"], task.answers["since"]) == (TITLE, "one_room", "unknown")
    assert (task.postcode, task.budget_cents, task.remote, task.language) == ("3011", 6000, False, "en")
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


def test_the_language_switch_keeps_what_was_typed_without_checking_it(client: Page) -> None:
    address = begin(client)
    client.get(f"{address}/words").submit({"title": "", "description": "Halb getippt", "switch_language": "fr"})
    assert client.location == f"{address}/words?lang=fr"
    client.follow()
    assert client.document.get("lang") == "fr"
    assert client.all("#description")[0].text.strip() == "Halb getippt"
    assert not client.all(".form-errors")
    client.get(f"{address}/check")
    assert "Halb getippt" not in client.text, "what was not accepted is no answer yet"


@pytest.mark.parametrize("step", ["questions", "words", "times", "place", "skill"])
def test_going_back_keeps_what_was_typed(client: Page, step: str) -> None:
    typed = {
        "questions": {"q_where": "everywhere"},
        "words": {"title": "Nur ein Titel"},
        "times": {"flexible": "y"},
        "place": {"place": "xxxx", "budget": "nicht viel"},
        "skill": {"skill": "tv"},
    }[step]
    address = begin(client)
    client.get(f"{address}/{step}").submit({**typed, "go_back": "1"})
    assert not client.location.endswith(step)
    client.get(f"{address}/{step}")
    kept = dict(client.all("#step-form")[0].form_values())
    assert typed.items() <= kept.items()


def test_wrong_input_is_kept_and_named(client: Page) -> None:
    address = begin(client)
    client.get(f"{address}/words?lang=en").submit({"title": "x" * 200, "description": " ", "device": "Box"}, status=422)
    assert client.document.findtext(".//title").startswith("Error:")
    assert [link.get("href") for link in client.all(".form-errors a")] == ["#title", "#description"]
    assert client.all("#device")[0].get("value") == "Box"
    client.get(f"{address}/times").submit({}, status=422)
    assert client.all(".form-errors a")[0].get("href") == "#slots"
    assert client.all("#slots")


@pytest.mark.parametrize("where", ["", "Entenhausen", "99999", "8058 8058", "<script>", "🐘", "x" * 500])
def test_an_unknown_place_gives_a_sentence(client: Page, where: str) -> None:
    address = begin(client)
    client.get(f"{address}/place").submit({"place": where, "remote": "home"}, status=422)
    assert len(client.all(".form-errors a")) == 1


def test_an_ambiguous_place_gives_a_choice_that_is_taken(client: Page) -> None:
    address = begin(client)
    client.get(f"{address}/place").submit({"place": "Rüti", "remote": "remote"}, status=422)
    assert "Several places are called so. Please choose one." in client.text
    assert "Which place do you mean?" in client.text
    choices = [radio.get("value") for radio in client.all("input[name=place_choice]")]
    assert len(choices) > 2
    client.submit({"place": "Rüti", "place_choice": "CH-9999 Nirgendwo"}, status=422)
    client.submit({"place": "Rüti", "place_choice": choices[1]}).follow()
    assert choices[1].removeprefix("CH-") in client.text


def test_a_place_that_is_not_quite_called_so_is_asked_about_as_one(client: Page) -> None:
    address = begin(client)
    client.get(f"{address}/place").submit({"place": "Basel-Stadt", "remote": "home"}, status=422)
    assert "Do you mean this place?" in client.text
    assert "Please choose the place below, or type another one." in client.text
    assert "Several places" not in client.text
    assert "Which place do you mean?" not in client.text
    (radio,) = client.all("input[name=place_choice]")
    assert radio.get("checked") is None
    client.submit({"place": "Basel-Stadt", "place_choice": radio.get("value")}).follow()
    assert "4051 Basel" in client.text


@pytest.mark.parametrize("typed", ["Tessin", "Wallis", "Kanton Zürich"])
def test_a_whole_region_is_said_to_be_one(client: Page, typed: str) -> None:
    address = begin(client)
    client.get(f"{address}/place").submit({"place": typed, "remote": "home"}, status=422)
    assert "This is the name of a whole region. Please type a postcode or a town in it." in client.text
    assert not client.all("input[name=place_choice]")


def test_a_region_that_is_not_switched_on_is_said_so(client: Page, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "REGIONS", "ZH, LI")
    address = begin(client)
    client.get(f"{address}/place").submit({"place": "3011 Bern", "remote": "home"}, status=422)
    assert "3011 Bern (BE)" in client.all(".form-errors")[0].text_content()
    client.submit({"place": "8004 Zürich", "remote": "home"})
    client.get(f"{address}/place").submit({"place": "9490 Vaduz", "remote": "home"})


@pytest.mark.parametrize("budget", ["viel", "5", "1000000", "-60"])
def test_a_budget_that_cannot_be_is_refused(client: Page, budget: str) -> None:
    address = begin(client)
    client.get(f"{address}/place").submit({"place": "3011 Bern", "remote": "home", "budget": budget}, status=422)
    assert client.all("#budget")[0].get("value") == budget
    if budget in ("5", "1000000"):
        assert "from CHF 10.00 to CHF 1’000.00" in client.text


def test_nobody_else_sees_a_draft(client: Page, app: Flask, session: Session) -> None:
    address = answer_all(client)
    photo = session.scalars(select(Photo.public_id)).one()
    client.get(f"/photos/{photo}").response.close()
    stranger, member = Page(app), Page(app)
    member.sign_in(make_user(session))
    for other in (stranger, member):
        for page in ("check", "words", "account", "photos"):
            other.get(f"{address}/{page}", 404)
        other.post(f"{address}/words", {"title": "Meins", "description": "Meins"}, 404)
        other.post(f"{address}/publication", status=404)
        other.post(f"{address}/photos", status=404)
        other.post(f"{address}/photos/{photo}/removal", status=404)
        other.get(f"/photos/{photo}", 404)
    assert session.scalars(select(Draft)).one().answers["words"]["title"] == TITLE


def test_a_draft_of_a_signed_in_person_stays_theirs_on_a_shared_computer(
    client: Page, app: Flask, session: Session
) -> None:
    person = make_user(session)
    client.sign_in(person)
    address = answer_all(client)
    client.post("/logout")
    client.get(f"{address}/check", 404)
    client.sign_in(make_user(session))
    client.get(f"{address}/check", 404)
    elsewhere = Page(app)
    elsewhere.sign_in(person)
    elsewhere.get("/my-tasks")
    assert TITLE in elsewhere.text
    elsewhere.get(f"{address}/check")


def test_a_draft_is_offered_again_for_seven_days(client: Page) -> None:
    address = answer_all(client)
    with clock.moved_to(clock.now() + timedelta(days=6)):
        client.get("/post")
        assert TITLE in client.text
        client.get(f"{address}/check")
    with clock.moved_to(clock.now() + timedelta(days=8)):
        client.get("/post")
        assert TITLE not in client.text
        client.get(f"{address}/check", 404)


def test_a_browser_keeps_several_drafts_and_no_empty_ones(client: Page, session: Session) -> None:
    first = answer_all(client)
    second = begin(client, "tv")
    assert first != second
    third = begin(client, "computer")
    assert third == second, "nothing but the kind of help was answered: it is the same draft"
    client.get(f"{first}/check")
    client.get(f"{second}/questions")
    assert session.scalar(select(func.count()).select_from(Draft)) == 2


def test_change_links_come_back_to_the_check_page(client: Page) -> None:
    address = answer_all(client)
    for link in [one.get("href") for one in client.all(".summary-change a")]:
        client.get(link)
        assert client.all("h1")
    client.get(f"{address}/words?back=check").submit({"title": "Neuer Titel", "description": "Neu"}).follow()
    assert client.path == f"{address}/check"
    assert "Neuer Titel" in client.text
    client.get(f"{address}/words?back=check").submit({"go_back": "1"}).follow()
    assert client.path == f"{address}/check"


def test_another_kind_of_help_asks_its_own_questions(client: Page, session: Session) -> None:
    address = answer_all(client)
    client.get(f"{address}/skill?back=check").submit({"skill": "tv"}).follow()
    assert client.path == f"{address}/questions?back=check"
    assert client.all("input[name=q_trouble]")
    client.submit({"q_trouble": "no_sound", "q_where": "one_room"}).follow()
    assert client.path == f"{address}/check"
    assert session.scalars(select(Draft)).one().answers["questions"]["trouble"] == "no_sound"
    assert "where" not in session.scalars(select(Draft)).one().answers["questions"]


def test_contact_data_in_public_text_are_pointed_out_but_not_refused(client: Page, session: Session) -> None:
    address = answer_all(client, description="Rufen Sie mich an: 079 123 45 67, anna@example.org")
    warning = client.all(".alert-warn")[0].text_content()
    assert "079 123 45 67" in warning
    assert "anna@example.org" in warning
    client.sign_in(make_user(session))
    client.post(f"{address}/publication")
    assert session.scalars(select(Task)).one().state == "open"


def test_publishing_without_an_answer_leads_to_its_question(client: Page, session: Session) -> None:
    client.sign_in(make_user(session))
    address = begin(client)
    client.get(f"{address}/check")
    assert len(client.all(".alert-warn li")) == 3
    client.post(f"{address}/publication")
    assert client.location == f"{address}/words?back=check"


def test_photos_are_added_shown_removed_and_counted(client: Page, session: Session, folder: Path) -> None:
    address = begin(client)
    client.get(f"{address}/photos").submit(
        {"photos": [(jpeg(), "a.jpg"), (jpeg(), "../../b.jpg")], "stay": "1"}
    ).follow()
    assert client.path == f"{address}/photos"
    assert len(client.all(".photos img")) == 2
    assert len(list((folder / "photos").glob("*.webp"))) == 4
    answer = client.client.get(client.all(".photos img")[0].get("src"))
    answer.close()
    assert answer.mimetype == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer.headers["Cache-Control"]
    client.get(f"{address}/photos").post(client.all(".photos form")[0].get("action"))
    assert session.scalar(select(func.count()).select_from(Photo)) == 1
    assert len(list((folder / "photos").glob("*.webp"))) == 2
    client.post(f"{address}/photos", {"photos": [(jpeg(), f"{n}.jpg") for n in range(6)]}, 422)
    assert session.scalar(select(func.count()).select_from(Photo)) == 5, "those that fit are kept"


def test_a_file_that_is_no_photo_is_named_and_the_good_ones_stay(client: Page, session: Session) -> None:
    address = begin(client)
    bad = (io.BytesIO(b"<svg onload=alert(1)>"), "<b>evil.svg")
    client.post(f"{address}/photos", {"photos": [(jpeg(), "a.jpg"), bad]}, 422)
    assert "<b>evil.svg" in client.all(".form-errors")[0].text_content()
    assert session.scalar(select(func.count()).select_from(Photo)) == 1


class Meanwhile(io.BytesIO):
    """A photo; while it is read, another window adds as many as there may be."""

    def __init__(self, draft_id: int) -> None:
        super().__init__(jpeg().read())
        self.draft_id = draft_id

    def read(self, size: int | None = -1) -> bytes:
        with Session(db.engine) as other:
            names = (f"{number}.webp" for number in range(Policy().photos_max))
            more = {"draft_id": self.draft_id, "width": 1, "height": 1, "created_at": clock.now()}
            other.add_all(Photo(file_name=name, **more) for name in names)
            other.commit()
        return super().read(size)


def test_a_photo_that_comes_too_late_leaves_no_file_behind(client: Page, session: Session, folder: Path) -> None:
    begin(client)
    public_id = session.scalars(select(Draft.public_id)).one()
    late = FileStorage(Meanwhile(session.scalars(select(Draft.id)).one()), "late.jpg")
    session.rollback()
    with client.app.test_request_context(), pytest.raises(Invalid):
        take_photos(draft_page(session, public_id), [late])
    assert list((folder / "photos").glob("*.webp")) == []


def test_leaving_the_photo_page_keeps_the_chosen_photos(client: Page, session: Session) -> None:
    address = begin(client)
    client.post(f"{address}/photos", {"photos": (jpeg(), "a.jpg"), "switch_language": "it"})
    assert client.location == f"{address}/photos?lang=it"
    client.post(f"{address}/photos", {"photos": (jpeg(), "b.jpg"), "go_back": "1"})
    assert client.location == f"{address}/words"
    assert session.scalar(select(func.count()).select_from(Photo)) == 2


def test_the_drafts_cookie_is_closed_to_scripts_and_lives_seven_days(client: Page, session: Session) -> None:
    client.get("/post").submit({"skill": "wifi"})
    cookie = next(one for one in client.response.headers.getlist("Set-Cookie") if one.startswith("drafts="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=604800" in cookie
    secret = cookie.split("=", 1)[1].split(";")[0]
    assert secret not in session.scalars(select(Draft)).one().token_hash


def test_whoever_goes_on_writing_keeps_the_draft_and_its_cookie(client: Page) -> None:
    address = begin(client)
    with clock.moved_to(clock.now() + timedelta(days=6)):
        client.submit({"q_where": "one_room", "q_lights": "steady"})
        cookie = next(one for one in client.response.headers.getlist("Set-Cookie") if one.startswith("drafts="))
        assert "Max-Age=604800" in cookie
    with clock.moved_to(clock.now() + timedelta(days=12)):
        assert "In one room only" in client.get(f"{address}/check").text


def test_a_sixth_draft_drops_the_oldest_and_a_refused_answer_changes_no_cookie(client: Page) -> None:
    addresses = []
    for number in range(6):
        addresses.append(begin(client))
        client.submit({"q_where": "one_room", "q_lights": "steady"}).follow()
        client.submit({"title": f"{TITLE} {number}", "description": "Seit gestern."})
    client.get(f"{addresses[1]}/check")
    client.get(f"{addresses[0]}/check", 404)
    client.get("/post").submit({}, status=422)
    assert not any(one.startswith("drafts=") for one in client.response.headers.getlist("Set-Cookie"))


def test_each_question_page_has_one_question_and_one_primary_button(client: Page) -> None:
    address = answer_all(client)
    for number, step in enumerate(posting.STEPS, 1):
        client.get(f"{address}/{step}?lang=en")
        assert f"Step {number} of 6" in client.text
        assert len(client.all("main .button-primary")) == 1
        carries_files = client.all("#step-form")[0].get("enctype") == "multipart/form-data"
        assert carries_files == (step == "photos")
        assert client.all("main .back button")


words = st.text(max_size=60) | st.sampled_from(
    ["wifi", "unknown", "home", "8004", "\x00", "1e9", "2026-11-24T16:00:00+00:00"]
)
names = st.sampled_from(
    [
        "skill",
        "title",
        "description",
        "device",
        "tried",
        "flexible",
        "slots",
        "place",
        "place_choice",
        "remote",
        "budget",
        "q_where",
        "stay",
        "go_back",
        "switch_language",
        "back",
        "photos",
        "csrf_token",
    ]
)


def test_no_random_form_breaks_a_page(client: Page, app: Flask) -> None:
    address = begin(client)
    app.config["WTF_CSRF_ENABLED"] = False

    @settings(max_examples=60, deadline=None, database=None)
    @given(step=st.sampled_from(posting.STEPS), form=st.dictionaries(names, st.lists(words, max_size=3), max_size=6))
    def send(step: str, form: dict[str, list[str]]) -> None:
        for method, target in (
            ("post", f"{address}/{step}"),
            ("get", f"{address}/{step}"),
            ("get", f"{address}/check"),
        ):
            answer = getattr(client.client, method)(target, data=form if method == "post" else None)
            assert answer.status_code < 500, (method, target, form)

    try:
        send()
    finally:
        app.config["WTF_CSRF_ENABLED"] = True
