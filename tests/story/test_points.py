"""What people notice: the acceptance points of the pages, tried in Chromium on a phone unless it says otherwise."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from marketplace.db import db
from marketplace.models import Bid, Skill, Task
from tests.browser import checks
from tests.browser.checks import Look
from tests.browser.town import Town
from tests.factories import make_task
from tests.story.visitors import said

pytestmark = pytest.mark.xdist_group("story")

ENGLISH = Look("en")


@pytest.fixture
def enter(town: Town, browser: Browser):
    """Opens a window for a person: `enter("anna", "/my-tasks")`."""
    windows = []

    def entered(person: str | None, path: str, look: Look = ENGLISH, **options) -> Page:
        windows.append(checks.window(browser, town.url, look, town.cookies(person), **options))
        page = windows[-1].new_page()
        page.goto(path)
        return page

    yield entered
    for window in windows:
        window.close()


def press(page: Page, text: str) -> None:
    wanted = page.locator("main").get_by_role("button", name=text, exact=True)
    with page.expect_navigation():
        wanted.or_(page.locator("main").get_by_role("link", name=text, exact=True)).first.click()


def begin_draft(page: Page) -> None:
    """From the first question to the customer's own words."""
    page.locator("main label").filter(has_text="Wi-Fi").first.click()
    press(page, "Continue")
    press(page, "Continue")


# ---- Finding one's way


def test_the_first_screen_says_what_it_is_and_what_it_costs(town, browser):
    window = browser.new_context(base_url=town.url, viewport={"width": 390, "height": 844}, locale="en-GB")
    page = window.new_page()
    page.goto("/")
    hero = page.locator(".hero")
    expect(hero).to_be_in_viewport()
    expect(hero).to_contain_text(re.compile(r"CHF\s\d+\.00 to CHF\s\d+\.00"))
    assert hero.locator(".button-primary").all_inner_texts() == ["Post a task"]
    expect(hero.locator(".button-primary")).to_be_in_viewport(ratio=1)
    assert window.cookies() == []  # so there is nothing to ask for
    window.close()


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/my-tasks", "You have not posted a task yet"),
        ("/bookings", "No bookings yet"),
        ("/notices", None),
        ("/tasks?place=6490+Andermatt&radius=5", "No open task around here"),
        ("/helpers?place=6490+Andermatt&radius=5", None),
    ],
)
def test_an_empty_list_says_why_and_what_to_do(enter, path, title):
    empty = enter("nora", path).locator(".empty")
    expect(empty).to_be_visible()
    if title:
        expect(empty).to_contain_text(title)
    assert len(empty.locator("p").inner_text()) > 20


@pytest.mark.parametrize("language", ["de", "fr", "it", "en"])
def test_a_page_that_is_not_there_says_so_in_ones_language_and_leads_on(enter, language):
    page = enter(None, "/nowhere", Look(language))
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("main a").count() >= 1


def test_switching_the_language_keeps_the_page_and_what_was_typed(enter):
    page = enter(None, "/post")
    begin_draft(page)
    page.get_by_label(re.compile("In one short sentence")).fill("No Wi-Fi upstairs")
    before = page.url
    with page.expect_navigation():
        page.locator("footer").get_by_role("button", name="Français").click()
    assert page.locator("html").get_attribute("lang") == "fr"
    assert page.url.split("?")[0] == before.split("?")[0]
    expect(page.locator("#title")).to_have_value("No Wi-Fi upstairs")
    offered = page.locator("link[rel=alternate]").evaluate_all("all => all.map(one => one.hreflang)")
    assert sorted(offered) == ["de", "en", "fr", "it"]


# ---- Posting


def test_a_task_is_at_most_six_questions_each_a_page_of_its_own(enter):
    page = enter(None, "/post")
    assert page.locator("main .tile").count() <= 9  # eight and "something else"
    main = page.locator("main")
    answers = [  # the second is "I don't know", the fourth is no photo
        [main.locator("label").filter(has_text="Wi-Fi").first],
        [],
        [main.locator("#title"), main.locator("#description")],
        [],
        [main.locator("label").filter(has_text="I am flexible")],
        [main.locator("#place"), main.locator("label").filter(has_text="A helper comes to me")],
    ]
    inputs, typed = 0, "input:not([type=hidden],[type=radio],[type=checkbox]), textarea, select"
    for number, asked in enumerate(answers, 1):
        assert page.locator("h1").count() == 1
        expect(main).to_contain_text(f"Step {number} of 6")
        assert main.locator(".button-primary").all_inner_texts() == ["Continue"]
        back = page.get_by_role("button", name="Back", exact=True).or_(
            page.get_by_role("link", name="Back", exact=True)
        )
        expect(back).to_be_visible()
        inputs += main.locator("form").locator(typed).count()
        for one in asked:
            one.fill("3011 Bern") if one.get_attribute("id") else one.click()
        press(page, "Continue")
    assert page.locator("h1").inner_text() == "Check your answers"
    assert inputs <= 10


def test_every_guided_question_can_be_answered_with_i_do_not_know(town):
    def unanswerable() -> list[str]:
        questions = [(skill.code, one) for skill in db.session.scalars(select(Skill)) for one in skill.questions]
        assert len(questions) > 10
        return [code for code, one in questions if "unknown" not in {choice["code"] for choice in one["choices"]}]

    assert town.inside(unanswerable) == []


def test_photos_lose_their_place_and_can_be_removed(enter, town):
    page = enter(None, "/post")
    begin_draft(page)
    page.goto(page.url.rsplit("/", 1)[0] + "/photos")
    expect(page.locator("main")).to_contain_text("We remove the place and all other hidden data")
    page.locator("input[type=file]").set_input_files(
        {"name": "router.jpg", "mimeType": "image/jpeg", "buffer": located_photo()}
    )
    press(page, "Add the chosen photos")
    shown = page.locator(".photos img")
    expect(shown).to_have_count(1)
    for address in (shown.get_attribute("src"), page.locator(".photos a").get_attribute("href")):
        kept = Image.open(io.BytesIO(page.request.get(address).body()))
        assert dict(kept.getexif()) == {}
        assert kept.width >= 100
    press(page, "Remove")
    expect(page.locator(".photos img")).to_have_count(0)


def located_photo() -> bytes:
    """A picture that says where it was taken."""
    picture, out = Image.effect_noise((640, 480), 60).convert("RGB"), io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (46.0, 56.0, 53.0), 3: "E", 4: (7.0, 26.0, 49.0)})
    picture.save(out, "JPEG", exif=exif)
    assert Image.open(io.BytesIO(out.getvalue())).getexif().get_ifd(0x8825)
    return out.getvalue()


def test_the_place_page_asks_for_no_address_and_helps_with_the_price(enter):
    page = enter(None, "/post")
    begin_draft(page)
    page.goto(page.url.rsplit("/", 1)[0] + "/place")
    expect(page.locator("main")).to_contain_text(re.compile(r"mostly costs CHF\s[\d.]+ to CHF\s[\d.]+"))
    assert page.get_by_label(re.compile("street", re.IGNORECASE)).count() == 0
    expect(page.get_by_label(re.compile("What may it cost"))).to_have_value("")


def test_changing_an_answer_comes_back_to_the_check_page(enter, town):
    page = enter("stranger", town.address("drafts.check", {"public_id": "draft/full"}))
    with page.expect_navigation():
        page.locator("main").get_by_role("link", name=re.compile("^Change")).nth(3).click()
    press(page, "Continue")
    expect(page.locator("h1")).to_have_text("Check your answers")


def test_wrong_input_keeps_what_was_typed_and_leads_to_the_field(enter):
    page = enter(None, "/post")
    begin_draft(page)
    page.get_by_label(re.compile("In one short sentence")).fill("Only a title")
    press(page, "Continue")
    assert page.title().startswith("Error:")
    expect(page.locator("#title")).to_have_value("Only a title")
    page.locator("main").get_by_role("link", name="Please describe in your own words what is happening.").click()
    expect(page.locator("#description")).to_be_focused()


# ---- Twice is once


def test_publishing_twice_publishes_once(enter, town):
    page = enter("anna", town.address("drafts.check", {"public_id": "draft/annas"}))
    before = town.inside(count_tasks)
    press(page, "Publish task")
    expect(page.locator("h1")).to_have_text("Your task is online")
    page.reload()
    page.go_back()
    page.goto(town.address("drafts.check", {"public_id": "draft/annas"}))
    expect(page.locator("h1")).to_have_text("Im Keller kein Empfang")  # led to the task that it became
    assert town.inside(count_tasks) == before + 1


def count_tasks() -> int:
    return db.session.scalar(select(func.count(Task.id))) or 0


def test_bidding_twice_bids_once_and_shows_the_bid(enter, town):
    task = town.inside(lambda: make_task(db.session, title="Der Drucker streikt").public_id)
    page = enter("lea", f"/tasks/{task}/bids/new")
    page.get_by_label("Your total price").fill("70")
    page.get_by_label("What is included?").fill("Alles")
    press(page, "Continue and see what you get")
    with page.expect_navigation():
        page.get_by_role("button", name="Send the bid").dblclick()
    page.goto(f"/tasks/{task}/bids/new")
    expect(page.locator("h1")).to_have_text("Your bid")
    count = select(func.count(Bid.id)).join(Bid.task).where(Task.public_id == task)
    assert town.inside(lambda: db.session.scalar(count)) == 1


# ---- Choosing


def test_every_bid_says_the_same_facts_in_the_same_order_and_why_it_stands_there(enter, town):
    page = enter("anna", town.address("bids.index", {"public_id": "task/open"}))
    expect(page.locator("main")).to_contain_text(
        "First the bids that fit best: price, rating, badge and time together."
    )
    expect(page.locator("main")).to_contain_text("Why this order?")
    bids = page.locator("main .bid:visible")
    assert bids.count() == 3
    icons = "all => all.map(one => one.querySelector('use')?.getAttribute('href').split('#')[1])"
    signs = [bids.nth(number).locator(".facts > li").evaluate_all(icons) for number in range(3)]
    assert {len(one) for one in signs} == {5}  # and the price in the head
    assert all("Included:" in one and "Stands until" in one for one in bids.all_inner_texts())
    assert {(one[0], one[3], one[4]) for one in signs} == {("calendar", "map-pin", "clock")}
    sizes = bids.first.locator("*").evaluate_all("all => all.map(one => parseFloat(getComputedStyle(one).fontSize))")
    price = bids.first.locator(".price").evaluate(
        "one => Math.max(...[one, ...one.querySelectorAll('*')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert price == max(sizes)


def test_bids_stand_side_by_side_in_a_table_on_a_wide_screen(enter, town):
    page = enter("anna", town.address("bids.index", {"public_id": "task/open"}), Look("en", width=1280))
    table = page.locator("main table")
    expect(table).to_be_visible()
    assert table.locator("tbody th[scope=row]").all_inner_texts() == [
        "Total price", "Earliest time", "Badge", "Rating", "Distance", "Reply time", "Included", "Stands until"
    ]  # fmt: skip
    assert table.locator("thead th[scope=col]").count() == 3


def test_the_price_stays_the_same_to_the_payment_page_in_three_clicks(enter, town):
    page = enter("anna", town.address("bids.show", {"public_id": "bid/lea"}))
    price = page.locator(".price").first.inner_text().splitlines()[0]
    assert re.search(r"CHF\s62\.00", price)
    press(page, "Accept")
    main = page.locator("main")
    expect(main).to_contain_text(re.compile(r"We hold it; Lea \w\. has not got it yet\."))
    expect(main).to_contain_text("After the visit you sign off with one tap")
    expect(main).to_contain_text("Cancelling costs nothing until")
    expect(main.locator(".price").first).to_contain_text(re.compile(r"CHF\s62\.00"))


# ---- The visit


@pytest.mark.parametrize(
    ("state", "turn"),
    [
        ("confirmed", "Next: Hans H. comes at the agreed time."),
        ("started", "Next: Hans H. is at work"),
        ("finished", "Your turn: does it work? Then sign off."),
    ],
)
def test_the_status_line_has_five_steps_and_names_who_is_next(enter, town, state, turn):
    page = enter("anna", town.address("bookings.show", {"public_id": f"booking/{state}"}))
    assert page.locator(".steps li").count() == 5
    assert page.locator(".steps [aria-current=step]").count() == 1
    expect(page.locator(".steps-turn")).to_contain_text(turn)


@pytest.mark.parametrize("person", ["anna", "hans"])
def test_both_sides_read_when_silence_signs_off(enter, town, person):
    page = enter(person, town.address("bookings.show", {"public_id": "booking/finished"}))
    expect(page.locator("main")).to_contain_text(re.compile(r"counts as signed off on \w+, \d+\.? \w+, \d\d:\d\d"))


def test_stars_are_given_with_the_arrow_keys(enter, town):
    page = enter("anna", town.address("reviews.new", {"public_id": "booking/signed_off"}))
    first = page.locator("input[name=stars]").first
    first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("input[name=stars][value='3']")).to_be_checked()


def test_the_badge_says_how_it_is_earned_and_what_is_missing(enter):
    main = enter("hans", "/my-badge").locator("main")
    expect(main).to_contain_text("4.2 of 4.3 stars")
    expect(main).to_contain_text("The mark comes by itself as soon as every condition is met")
    missing, met = main.locator("progress").count(), main.locator(".met li").count()
    assert missing >= 1
    assert missing + met == 6


def test_a_helper_finds_fitting_tasks_on_the_first_screen(enter):
    page = enter("hans", "/account/start")
    expect(page.locator("h1")).to_have_text(said("en", "Tasks nearby"))
    expect(page.locator(".task-card, .card").first).to_be_visible()
