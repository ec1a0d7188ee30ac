"""Tasks on the web: the list nearby, the page of each as different people see it, and taking one back."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.domain.lifecycles import BOOKING, TASK
from marketplace.models import Bid, Photo, Task, User
from marketplace.web.tasks import step_of, whose_turn
from tests.factories import (
    make_bid,
    make_booking,
    make_done_booking,
    make_helper,
    make_operator,
    make_review,
    make_task,
    make_user,
)
from tests.page import Page

SignIn = Callable[..., Page]
TITLE = "Kein WLAN im Schlafzimmer"


def titles(page: Page) -> list[str]:
    return [link.text_content().strip() for link in page.all(".task-card h3 a")]


# ---- Open tasks nearby


def test_a_visitor_types_a_place_and_sees_open_tasks_nearest_first(client: Page, session: Session) -> None:
    make_task(session, title="Weit", place=("CH", "3612", "Steffisburg", "BE", 46.78, 7.63))
    make_task(session, title="Nah")
    make_task(session, title="Vergeben", state="booked")
    make_task(session, title="Anderswo", place=("CH", "8004", "Zürich", "ZH", 47.378, 8.527))
    client.get("/tasks?lang=en")
    assert not titles(client)
    client.get("/tasks?place=3011+Bern&radius=50")
    assert titles(client) == ["Nah", "Weit"]
    assert "Nearest first" in client.text
    client.get("/tasks?place=3011+Bern&radius=5")
    assert titles(client) == ["Nah"]


def test_a_helper_sees_own_place_and_skills_at_once(sign_in: SignIn, session: Session) -> None:
    make_task(session, title="Meins", code="wifi")
    make_task(session, title="Anderes", code="tv")
    page = sign_in(make_helper(session, skills=("wifi",)))
    assert titles(page.get("/tasks")) == ["Meins"]
    assert sorted(titles(page.get("/tasks?skill=all"))) == ["Anderes", "Meins"]
    assert titles(page.get("/tasks?skill=tv")) == ["Anderes"]


def test_an_ambiguous_place_is_a_choice_of_links(client: Page, session: Session) -> None:
    make_task(session, title="In Rüti", place=("CH", "8630", "Rüti ZH", "ZH", 47.2597, 8.8525))
    client.get("/tasks?place=R%C3%BCti&skill=wifi")
    assert "Several places are called like this. Which one do you mean?" in client.text
    links = [link.get("href") for link in client.all(".alert a")]
    assert len(links) > 2
    client.get(next(link for link in links if "8630" in link))
    assert titles(client) == ["In Rüti"]


@pytest.mark.parametrize("address", ["/tasks", "/helpers"])
def test_one_place_that_is_not_quite_called_so_is_asked_about_as_one(client: Page, address: str) -> None:
    client.get(f"{address}?place=Z%C3%BCrich+4")
    assert "Do you mean this place?" in client.text
    assert "Several places" not in client.text
    (link,) = client.all(".alert a")
    label = link.text_content()
    client.get(link.get("href"))
    assert not client.all(".alert")
    client.get(f"{address}?place={label}")
    assert label == "8001 Zürich (ZH)"
    assert not client.all(".alert"), "our own label is understood"


@pytest.mark.parametrize("address", ["/tasks", "/helpers"])
@pytest.mark.parametrize("typed", ["Tessin", "Uri", "Schweiz", "Kanton Bern", "Canton de Vaud", "Cantone Ticino"])
def test_a_whole_region_is_said_to_be_one(client: Page, address: str, typed: str) -> None:
    client.get(f"{address}?place={typed}")
    assert "This is the name of a whole region. Please type a postcode or a town in it." in client.text
    assert not client.all(".alert a")
    assert "We do not know this place" not in client.text


@pytest.mark.parametrize(
    "query", ["place=Entenhausen", "place=3011+Bern", "place=3011+Bern&skill=nonsense&radius=x&page=-3"]
)
def test_an_empty_list_says_why_and_what_to_do(client: Page, query: str) -> None:
    client.get(f"/tasks?{query}")
    assert client.all(".empty .button") or client.all(".alert-warn")


def test_the_list_has_pages(client: Page, session: Session) -> None:
    customer = make_user(session)
    for number in range(23):
        make_task(session, customer, title=f"Nummer {number}")
    client.get("/tasks?place=3011+Bern")
    assert len(titles(client)) == 20
    first = titles(client)
    client.get(client.all("a[rel=next]")[0].get("href"))
    assert len(titles(client)) == 3
    assert not set(first) & set(titles(client))


@pytest.mark.parametrize("as_helper", [False, True])
def test_a_page_of_the_list_takes_the_same_few_statements_for_one_and_for_twenty(
    client: Page, session: Session, as_helper: bool
) -> None:
    if as_helper:
        client.sign_in(make_helper(session))
    customer = make_user(session)
    make_task(session, customer)
    client.get("/tasks?place=3011+Bern")  # the session's own row is written by the first request
    one = _statements(client)
    for _ in range(19):
        make_task(session, customer)
    twenty = _statements(client)
    assert len(titles(client)) == 20
    ours = [sent for sent in twenty if re.search(r"FROM (tasks|skills|profiles|\()", sent)]
    assert len(one) == len(twenty), (one, twenty)
    assert len(ours) <= 4, ours


def _statements(page: Page) -> list[str]:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(db.engine, "before_cursor_execute", note)
    page.get("/tasks?place=3011+Bern")
    event.remove(db.engine, "before_cursor_execute", note)
    return [statement for statement in sent if not statement.startswith("BEGIN")]


def test_the_true_position_never_leaves(client: Page, sign_in: SignIn, session: Session) -> None:
    task = make_task(session, place=("CH", "3011", "Bern", "BE", 46.94777, 7.44333))
    make_bid(session, task)
    customer = sign_in(session.get_one(User, task.customer_id))
    pages = [
        client.get("/tasks?place=3011+Bern").response.text,
        client.get(f"/tasks/{task.public_id}").response.text,
        customer.get(f"/tasks/{task.public_id}").response.text,
        customer.get("/my-tasks").response.text,
    ]
    for body in pages:
        assert TITLE in body
        assert not re.search(r"46[.,]94\d|7[.,]44\d", body)


# ---- One task


def test_everybody_reads_an_open_task_without_contact_data(client: Page, session: Session) -> None:
    customer = make_user(session, "Clara Kundin", email="clara@example.org", phone="+41791234567")
    task = make_task(session, customer)
    client.get(f"/tasks/{task.public_id}")
    assert TITLE in client.text
    assert "3011 Bern" in client.text
    assert "Clara" in client.text
    for hidden in ("Kundin", "clara@", "79123", "1234567"):
        assert hidden not in client.response.text


@pytest.mark.parametrize("state", sorted(set(TASK.states) - {"open"}))
def test_a_task_that_is_not_open_is_read_by_those_it_concerns(
    client: Page, sign_in: SignIn, session: Session, state: str
) -> None:
    task = make_task(session, state=state, removed_reason="Werbung")
    bid = make_bid(session, task)
    bidder = session.get_one(User, bid.helper_id)
    readers = {
        "visitor": client,
        "other": sign_in(make_user(session)),
        "helper": sign_in(bidder),
        "customer": sign_in(session.get_one(User, task.customer_id)),
        "operator": sign_in(make_operator(session, "agent")),
    }
    seen = {name: TITLE in page.get(f"/tasks/{task.public_id}").text for name, page in readers.items()}
    assert seen == {"visitor": False, "other": False, "helper": state != "removed", "customer": True, "operator": True}
    assert ("Werbung" in readers["customer"].text) == (state == "removed")


def test_a_helper_is_told_what_can_be_done(client: Page, sign_in: SignIn, session: Session) -> None:
    task = make_task(session)
    address = f"/tasks/{task.public_id}"
    ways = {
        "visitor": client,
        "customer": sign_in(make_user(session)),
        "certified": sign_in(make_helper(session)),
        "other skill": sign_in(make_helper(session, skills=("tv",))),
    }
    main = {name: page.get(address).all("aside .button")[0].get("href") for name, page in ways.items()}
    assert main["visitor"].startswith("/login?next=/tasks/")
    assert main["certified"] == f"{address}/bids/new"
    assert main["customer"] == main["other skill"] != main["certified"]


def test_what_helpers_say_of_a_customer_is_for_helpers(client: Page, sign_in: SignIn, session: Session) -> None:
    task = make_task(session)
    customer = session.get_one(User, task.customer_id)
    for stars in (5, 4):
        make_review(session, make_done_booking(session, customer=customer), side="helper", stars=stars)
    hidden = make_done_booking(session, customer=customer)
    make_review(session, hidden, side="helper", stars=1, opens_at=clock.now() + timedelta(days=3))
    said = "(average 4.5, 2 reviews)"
    assert said in sign_in(make_helper(session)).get(f"/tasks/{task.public_id}").text
    for other in (client, sign_in(make_user(session)), sign_in(customer)):
        assert said not in other.get(f"/tasks/{task.public_id}").text


def test_a_helper_with_a_bid_is_led_to_it(sign_in: SignIn, session: Session) -> None:
    bid = make_bid(session, make_task(session))
    page = sign_in(session.get_one(User, bid.helper_id))
    page.get(f"/tasks/{session.get_one(Task, bid.task_id).public_id}")
    assert page.all("aside .button")[0].get("href") == f"/bids/{bid.public_id}"


def test_photos_are_for_whoever_may_read_the_task(client: Page, sign_in: SignIn, app: Flask, session: Session) -> None:
    task = make_task(session)
    photo = Photo(task_id=task.id, file_name="a.webp", width=9, height=9, created_at=clock.now())
    session.add(photo)
    session.commit()
    app.extensions["gateways"].photos.keep("a.webp", b"RIFF....WEBP")
    app.extensions["gateways"].photos.keep("small-a.webp", b"RIFF")
    address = f"/photos/{photo.public_id}"
    client.get(address).response.close()
    assert client.response.headers["Content-Security-Policy"] == "default-src 'none'"
    client.get(f"{address}?size=small").response.close()
    client.get(f"{address}?size=../../etc/passwd").response.close()
    task = session.get_one(Task, task.id)
    task.state = "removed"
    session.commit()
    client.get(address, 404)
    sign_in(make_user(session)).get(address, 404)
    sign_in(session.get_one(User, task.customer_id)).get(address).response.close()
    client.get("/photos/nothing", 404)


# ---- One's own


def test_a_customer_takes_a_task_back_and_its_bids_are_declined(sign_in: SignIn, session: Session) -> None:
    task = make_task(session)
    bid = make_bid(session, task)
    page = sign_in(session.get_one(User, task.customer_id))
    page.get(f"/tasks/{task.public_id}/cancellation?lang=en")
    assert "1 bid will be declined" in page.text
    page.submit().follow()
    assert session.get_one(Task, task.id).state == "cancelled"
    assert session.get_one(Bid, bid.id).state == "declined"
    page.post(f"/tasks/{task.public_id}/cancellation", status=409)
    page.get(f"/tasks/{task.public_id}/cancellation")
    assert not page.all("main form")


@pytest.mark.parametrize("page_name", ["confirmation", "cancellation"])
def test_the_pages_of_the_customer_are_nobody_elses(
    client: Page, sign_in: SignIn, session: Session, page_name: str
) -> None:
    task = make_task(session)
    address = f"/tasks/{task.public_id}/{page_name}"
    client.get(address, 302)
    sign_in(make_helper(session)).get(address, 404)
    sign_in(session.get_one(User, task.customer_id)).get(address)


def test_nobody_else_takes_a_task_back(client: Page, sign_in: SignIn, session: Session) -> None:
    task = make_task(session)
    client.post(f"/tasks/{task.public_id}/cancellation", status=302)
    sign_in(make_user(session)).post(f"/tasks/{task.public_id}/cancellation", status=404)
    assert session.get_one(Task, task.id).state == "open"


def test_my_tasks_say_whose_turn_it_is(sign_in: SignIn, session: Session) -> None:
    customer = make_user(session)
    page = sign_in(customer)
    page.get("/my-tasks?lang=en")
    assert page.all(".empty .button")
    make_bid(session, make_task(session, customer))
    make_task(session, customer, state="expired", title="Alt")
    page.get("/my-tasks")
    assert "Your turn: compare the bids" in page.text
    assert "Nobody was found in time" in page.text
    assert "1 bid" in page.text


def test_every_state_has_a_step_and_a_sentence(app: Flask) -> None:
    with app.test_request_context("/"):
        for state in TASK.states:
            for booking in (None, *BOOKING.states):
                assert 1 <= step_of(state, booking) <= 6
                assert whose_turn(state, 0, booking)


@pytest.mark.parametrize(
    ("state", "step", "turn"),
    [
        ("confirmed", "Booked", "Next: your helper comes at the agreed time."),
        ("started", "Under way", "Next: your helper is at work."),
        ("finished", "Done", "Your turn: look whether it works, then sign off."),
        ("unsolved", "Done", "Next: we look at it and decide about the money."),
        ("signed_off", None, "Signed off and paid."),
        ("closed", None, "All done."),
    ],
)
def test_a_task_says_how_far_its_visit_is(
    session: Session, sign_in: SignIn, state: str, step: str | None, turn: str
) -> None:
    booking = make_booking(session, state=state)
    task = session.get_one(Task, booking.task_id)
    page = sign_in(session.get_one(User, booking.customer_id)).get(f"/tasks/{task.public_id}")
    now = [one.cssselect(".step-name")[0].text_content() for one in page.all(".step-now")]
    assert now == ([step] if step else [])
    assert turn in page.text
    assert page.all(f"aside a[href='/bookings/{booking.public_id}']")
    page.get("/my-tasks")
    assert turn in page.text
    assert page.all(f"main a[href='/bookings/{booking.public_id}']")
    visitor = sign_in(make_user(session)).get(f"/tasks/{task.public_id}")
    assert "A helper was found." in visitor.text


def test_a_task_whose_money_was_given_back_stopped_there_and_can_be_posted_anew(
    session: Session, sign_in: SignIn
) -> None:
    booking = make_booking(session, state="unsolved")
    moderator = sign_in(make_operator(session))
    decided = {"in_favour_of": "customer", "reason": "Es geht nicht."}
    moderator.post(f"/operator/bookings/{booking.public_id}/settlement", decided)
    task = session.get_one(Task, booking.task_id)
    page = sign_in(session.get_one(User, booking.customer_id)).get(f"/tasks/{task.public_id}")
    assert "It was not solved, and you got your money back." in page.text
    assert page.all(".step-stopped")
    assert page.all("aside a[href^='/post']")
    assert "It was not solved, and you got your money back." in page.get("/my-tasks").text


def test_closed_tasks_are_found_in_the_operators_list(session: Session, sign_in: SignIn) -> None:
    make_booking(session, state="closed")
    page = sign_in(make_operator(session, "agent")).get("/operator/tasks?state=closed")
    assert [one.text_content().strip() for one in page.all("tbody .pill")] == ["Closed"]
    assert not page.get("/operator/tasks?state=done").all("tbody tr")


def test_no_random_search_breaks_the_list(client: Page) -> None:
    text = st.text(max_size=40) | st.sampled_from(["Bern", "3011", "mine", "all", "100", "999999999999", "\x00", "de"])
    names = st.sampled_from(["place", "radius", "skill", "page", "lang", "x"])

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.dictionaries(names, text, max_size=4))
    def search(query: dict[str, str]) -> None:
        assert client.client.get("/tasks", query_string=query).status_code < 500

    search()
