"""The operator's room: who may come in, what is shown, and what each decision does once and only once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from re import findall

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

import marketplace
from marketplace import clock
from marketplace.domain.lifecycles import LIFECYCLES
from marketplace.models import FeeRule, JournalEntry, Notice, User
from marketplace.queries.ledger import ledger_faults
from marketplace.web.operator.events import EVENTS, FACTS
from tests.cast import Cast, scene_of
from tests.factories import make_bid, make_booking, make_certification, make_helper, make_operator, make_task, make_user
from tests.page import Page
from tests.permissions import Row, rows
from tests.web.test_permissions import address as address_of
from tests.web.test_permissions import changed, rows_of_business

SignIn = Callable[[User], Page]


@pytest.fixture
def sign_in(sign_in: SignIn) -> SignIn:
    """As ever, but in English, the language in which these tests read."""

    def signed_in(user: User) -> Page:
        page = sign_in(user)
        page.client.set_cookie("language", "en")
        return page

    return signed_in


ROOMS = ("", "/certifications", "/tasks", "/people", "/bookings", "/journal")


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_operators_people_come_in(session: Session, client: Page, sign_in: SignIn, room: str) -> None:
    client.get(f"/operator{room}", status=302)
    sign_in(make_user(session)).get(f"/operator{room}", status=403)
    sign_in(make_helper(session)).get(f"/operator{room}", status=403)
    for role in ("agent", "moderator", "admin"):
        sign_in(make_operator(session, role)).get(f"/operator{room}")


def test_today_counts_and_leads_to_the_lists(session: Session, sign_in: SignIn) -> None:
    make_bid(session, make_task(session))
    make_task(session, title="Niemand will mich")
    waiting = make_certification(session, make_helper(session, "Warte Lang", skills=()))
    waiting.applied_at = clock.now() - timedelta(days=3)
    session.commit()
    page = sign_in(make_operator(session, "agent")).get("/operator")
    figures = {
        one.cssselect(".stat-text")[0].text_content(): one.cssselect(".stat-figure")[0] for one in page.all(".stat")
    }
    counted = {words.strip(): figure.text_content().strip() for words, figure in figures.items()}
    assert counted["application waits"] == "1"
    assert counted["open task without a bid"] == "1"
    assert counted["open tasks"] == "2"
    assert counted["bid placed"] == "1"
    links = [one.get("href") for one in page.all(".stat-text a")]
    assert len(links) == len(figures) == 9
    for link in links:
        page.get(link)
    page.get(next(link for link in links if "without_bid" in link))
    assert "Niemand will mich" in page.text
    assert "Kein WLAN im Schlafzimmer" not in page.text


def test_the_queue_shows_who_has_waited_longest_first(session: Session, sign_in: SignIn) -> None:
    for name, days in (("Zweite", 2), ("Erste", 5), ("Dritte", 1)):
        one = make_certification(session, make_helper(session, name, skills=()))
        one.applied_at = clock.now() - timedelta(days=days)
    session.commit()
    page = sign_in(make_operator(session)).get("/operator/certifications")
    assert [one.text_content() for one in page.all("tbody th")] == ["Erste", "Zweite", "Dritte"]


def test_a_moderator_decides_with_a_reason_and_everybody_reads_it(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session, skills=())
    waiting = make_certification(session, hans)
    olga = make_operator(session)
    page = sign_in(olga).get(f"/operator/certifications/{waiting.public_id}")
    assert "Das mache ich oft." in page.text
    decision = f"/operator/certifications/{waiting.public_id}/decision"
    page.post(decision, {"verdict": "grant", "reason": "  "}, status=422)
    page.post(decision, {"verdict": "bless", "reason": "Ja"}, status=422)
    page.post(decision, {"verdict": "grant", "reason": "Zeugnis gesehen."}).follow()
    assert "The helper is told" in page.text
    assert waiting.state == "granted"
    assert sign_in(hans).get("/my-certifications").text.count("Zeugnis gesehen.") == 1
    page.get(f"/operator/certifications/{waiting.public_id}")
    assert olga.name in page.text
    page.post(decision, {"verdict": "suspend", "reason": "Beschwerde wird geprüft."}).follow()
    page.post(decision, {"verdict": "reinstate", "reason": "War unbegründet."}).follow()
    assert waiting.state == "granted"
    events = session.scalars(select(JournalEntry.event).order_by(JournalEntry.id)).all()
    assert events == ["certification_granted", "certification_suspended", "certification_reinstated"]


def test_the_second_to_decide_reads_who_was_first(session: Session, sign_in: SignIn) -> None:
    waiting = make_certification(session, make_helper(session, skills=()))
    address = f"/operator/certifications/{waiting.public_id}/decision"
    sign_in(make_operator(session, name="Erste Moderatorin")).post(address, {"verdict": "grant", "reason": "Ja."})
    second = sign_in(make_operator(session)).post(address, {"verdict": "decline", "reason": "Nein."}, status=409)
    assert "Erste Moderatorin" in second.text
    assert (waiting.state, waiting.reason) == ("granted", "Ja.")


def test_agents_look_and_do_not_decide(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session, skills=())
    waiting, task = make_certification(session, hans), make_task(session)
    agent = sign_in(make_operator(session, "agent"))
    agent.get(f"/operator/certifications/{waiting.public_id}")
    assert not agent.all("main textarea")
    agent.get(f"/operator/people/{hans.public_id}")
    assert not agent.all("main textarea")
    agent.get(f"/operator/tasks/{task.public_id}")
    assert not agent.all("main textarea")
    for address in (
        f"/operator/certifications/{waiting.public_id}/decision",
        f"/operator/people/{hans.public_id}/suspension",
        f"/operator/people/{hans.public_id}/restoration",
        f"/operator/tasks/{task.public_id}/removal",
    ):
        agent.post(address, {"verdict": "grant", "reason": "Ja."}, status=403)
    assert (waiting.state, hans.suspended_at, task.state) == ("applied", None, "open")


def test_a_task_is_found_and_taken_down_once(session: Session, sign_in: SignIn) -> None:
    customer = make_user(session, "Clara")
    task = make_task(session, customer, title="Verkaufe Rasenmäher")
    page = sign_in(make_operator(session)).get(f"/operator/tasks?search={task.public_id}")
    assert len(page.all("tbody tr")) == 1
    page.get("/operator/tasks?search=rasenM%C3%A4her")
    assert len(page.all("tbody tr")) == 1
    page.get("/operator/tasks?search=%25")
    assert not page.all("tbody tr")
    page.get("/operator/tasks?state=done")
    assert not page.all("tbody tr")
    page.get(f"/operator/tasks/{task.public_id}")
    page.post(f"/operator/tasks/{task.public_id}/removal", {"reason": ""}, status=422)
    page.post(f"/operator/tasks/{task.public_id}/removal", {"reason": "Das ist ein Inserat."}).follow()
    assert task.state == "removed"
    assert "Das ist ein Inserat." in page.text
    page.post(f"/operator/tasks/{task.public_id}/removal", {"reason": "Nochmals."}, status=409)
    told = session.execute(select(Notice.user_id, Notice.kind)).all()
    assert (customer.id, "task_removed") in [tuple(one) for one in told]


def test_a_person_is_found_suspended_and_restored(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session, "Hans Helfer")
    page = sign_in(make_operator(session)).get("/operator/people?search=helfer")
    assert len(page.all("tbody tr")) == 1
    page.get(f"/operator/people?search={hans.email}")
    assert len(page.all("tbody tr")) == 1
    page.get(f"/operator/people/{hans.public_id}")
    assert hans.email in page.text
    page.post(f"/operator/people/{hans.public_id}/suspension", {"reason": "Nicht erschienen."}).follow()
    assert hans.suspended_at
    assert "Nicht erschienen." in page.text
    page.get("/operator/people?kind=suspended")
    assert len(page.all("tbody tr")) == 1
    page.post(f"/operator/people/{hans.public_id}/suspension", {"reason": "Nochmals."}, status=409)
    page.get(f"/operator/people/{hans.public_id}").submit({"reason": " "}, status=422)
    assert hans.suspended_at
    assert "Please give a reason." in page.text
    page.submit({"reason": "Er war im Spital."}).follow()
    assert hans.suspended_at is None
    assert "Er war im Spital." in page.text
    page.post(f"/operator/people/{hans.public_id}/restoration", {"reason": "Nochmals."}, status=409)
    told = sign_in(hans).get("/notices")
    told.get(told.all(".notice a")[0].get("href"))
    assert "Er war im Spital." in told.text


# Posts of the operator that decide about nobody, and why no person is told of a reason.
NO_DECISIONS = {
    "/operator/disputes/<public_id>/answer": "hands in to the bank what the booking tells; the bank decides",
    "/operator/fees": "a rule for bids to come; its reason stands in the rule (see the next test)",
    "/operator/fees/ending": "ends a rule whose reason stands in it; bids placed under it keep it",
    "/operator/money/adoption": "books what the payment service has already done by itself",
    "/operator/money/comparison": "reads and compares the books; it moves nothing",
    "/operator/money/debts/<public_id>/payment": "writes down money that has reached our bank account",
    "/operator/money/retries": "hands over once more what was decided, with its reason, before",
}
POSTS = [row for row in rows() if row.method == "POST" and row.rule.startswith("/operator/")]
DECISIONS = [row for row in POSTS if row.rule not in NO_DECISIONS]


def test_what_is_declared_as_no_decision_exists() -> None:
    assert {row.rule for row in POSTS} >= set(NO_DECISIONS)


@pytest.mark.parametrize("row", [row for row in POSTS if row.rule in NO_DECISIONS], ids=str)
def test_what_is_no_decision_tells_nobody_and_is_in_the_journal(app: Flask, session: Session, row: Row) -> None:
    cast = Cast(app, session)
    scene = scene_of(row.scene, cast)
    page, before = cast.browser("admin"), rows_of_business()
    known = set(session.scalars(select(Notice.id)))
    page.post(address_of(row.rule, scene.ids), scene.values, status=303)
    session.rollback()
    fresh = session.scalars(select(Notice.kind).where(Notice.id.not_in(known))).all()
    assert set(fresh) <= {"books_differ"}  # which is for the admins: the comparison found something
    done = set(changed(before))
    assert "journal" in done or row.rule == "/operator/money/comparison"  # which has a row of its own


def test_a_rule_about_fees_keeps_its_reason(app: Flask, session: Session) -> None:
    cast = Cast(app, session)
    scene = scene_of("new_fee", cast)
    page, before = cast.browser("admin"), rows_of_business()
    for reason in ("", "  ", "\n"):
        page.post("/operator/fees", {**scene.values, "reason": reason}, status=422)
        assert "Please give a reason." in page.text
    assert changed(before) == []
    page.post("/operator/fees", scene.values).follow()
    assert session.scalars(select(FeeRule.reason)).all() == [scene.values["reason"]]
    assert scene.values["reason"] in page.text


@pytest.mark.parametrize("row", DECISIONS, ids=str)
def test_no_decision_of_the_operator_goes_without_a_reason(app: Flask, session: Session, row: Row) -> None:
    cast = Cast(app, session)
    scene = scene_of(row.scene, cast)
    page, before = cast.browser("admin"), rows_of_business()
    for reason in ("", "  ", "\n"):
        page.post(address_of(row.rule, scene.ids), {**scene.values, "reason": reason}, status=422)
        assert "Please give a reason." in page.text
    assert changed(before) == []
    page.post(address_of(row.rule, scene.ids), scene.values)
    assert {"journal", "notices", "outbox"} <= set(changed(before))


def test_only_an_admin_suspends_the_operators_people(session: Session, sign_in: SignIn) -> None:
    agent, admin = make_operator(session, "agent", name="Agent"), make_operator(session, "admin", name="Admin")
    address = f"/operator/people/{agent.public_id}/suspension"
    sign_in(make_operator(session)).post(address, {"reason": "Weil."}, status=403)
    sign_in(admin).post(f"/operator/people/{admin.public_id}/suspension", {"reason": "Ich."}, status=403)
    sign_in(admin).post(address, {"reason": "Weil."})
    assert agent.suspended_at


def test_a_booking_shows_its_sides_but_not_their_address(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session, address="Geheimgasse 7", phone="+41790000000")
    page = sign_in(make_operator(session, "agent")).get("/operator/bookings")
    assert len(page.all("tbody tr")) == 1
    page.get(f"/operator/bookings/{booking.public_id}")
    assert "Hans Helfer" in page.text
    assert "Geheimgasse" not in page.response.text
    assert "790000000" not in page.response.text
    page.get("/operator/bookings?which=unsolved")
    assert not page.all("tbody tr")
    assert not page.get(f"/operator/bookings/{booking.public_id}").all("main textarea")


@pytest.mark.parametrize(
    ("side", "money"), [("customer", "Back to the customer, asked of the gateway"), ("helper", "For the helper")]
)
def test_an_unsolved_visit_is_settled_once(session: Session, sign_in: SignIn, side: str, money: str) -> None:
    booking = make_booking(session, state="unsolved")
    address = f"/operator/bookings/{booking.public_id}"
    sign_in(make_operator(session, "agent")).post(
        f"{address}/settlement", {"in_favour_of": side, "reason": "Ja."}, status=403
    )
    page = sign_in(make_operator(session)).get("/operator/bookings?which=unsolved")
    assert len(page.all("tbody tr")) == 1
    page.get(address)
    assert "Das WLAN geht noch nicht." in page.text
    page.post(f"{address}/settlement", {"reason": "Beide gehört."}, status=422)
    page.post(f"{address}/settlement", {"in_favour_of": "nobody", "reason": "Ja."}, status=422)
    page.post(f"{address}/settlement", {"in_favour_of": side, "reason": " "}, status=422)
    page.post(f"{address}/settlement", {"in_favour_of": side, "reason": "Beide gehört."}).follow()
    assert money in page.text
    assert "Beide gehört." in page.text
    page.post(f"{address}/settlement", {"in_favour_of": side, "reason": "Nochmals."}, status=409)
    assert ledger_faults(session) == []


def test_the_journal_is_narrowed_by_person_subject_and_event(session: Session, sign_in: SignIn) -> None:
    hans = make_helper(session, skills=())
    one, two = make_certification(session, hans, "wifi"), make_certification(session, hans, "tv")
    olga = make_operator(session)
    page = sign_in(olga)
    page.post(f"/operator/certifications/{one.public_id}/decision", {"verdict": "grant", "reason": "Ja."})
    page.post(f"/operator/certifications/{two.public_id}/decision", {"verdict": "decline", "reason": "Nein."})
    page.get("/operator/journal")
    assert len(page.all("tbody tr")) == 2
    assert "Certification declined" in page.all("tbody tr")[0].text_content()
    for query, expected in (
        (f"person={olga.email.upper()}", 2),
        (f"person={olga.public_id}", 2),
        (f"person={hans.public_id}", 0),
        ("person=nobody", 0),
        (f"subject={one.public_id}", 1),
        ("subject=nothing", 0),
        ("event=certification_granted", 1),
        ("event=no_such_event", 2),
        (f"person={olga.public_id}&subject={two.public_id}&event=certification_granted", 0),
        ("day=today", 2),
        ("page=2", 0),
    ):
        page.get(f"/operator/journal?{query}")
        assert len(page.all("tbody tr")) == expected, query


def test_every_event_that_is_written_has_words() -> None:
    """An event without words would stand in the journal as a bare name."""
    sources = "".join(file.read_text() for file in Path(marketplace.__file__).parent.rglob("*.py"))
    calls = findall(r"(?:journal\.record|\b_step|_note_step|_journal|_factor)\(([^\n]*)", sources)
    written = {word for call in calls for word in findall(r'"([a-z_]+)"', call.partition("facts=")[0])}
    moves = {move for lifecycle in LIFECYCLES for move in lifecycle.moves}
    events = {word for word in written - moves if "_" in word}
    assert len(events) > 40
    assert events <= set(EVENTS), events - set(EVENTS)


def test_every_fact_that_is_written_has_words() -> None:
    """A fact without words would stand in the journal as an English name."""
    sources = "".join(file.read_text() for file in (Path(marketplace.__file__).parent / "actions").glob("*.py"))
    written = {
        name for facts in findall(r"record\([^\n]*facts=\{([^}]*)\}", sources) for name in findall(r'"(\w+)":', facts)
    }
    assert len(written) > 12
    assert written <= set(FACTS), written - set(FACTS)
