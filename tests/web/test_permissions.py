"""Every route, every method, every kind of person: the table of `tests/permissions.py`, tried cell by cell.

Each refused cell is tried on a thing that its owner then reaches in the same test; a refusal changes no row and shows
nothing of the thing. No address that is only opened changes a row, and nothing is written without a token of one's own
session.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from marketplace.db import Base, db, transaction
from marketplace.models import Task
from marketplace.models.accounts import ROLES
from marketplace.web.access import public
from tests.cast import PASSWORD, PEOPLE, Cast, Scene, scene_of
from tests.page import Page
from tests.permissions import Row, is_served, rows

ROWS = rows()
SIGNED = "/webhooks/"  # messages of the gateway bear its signature instead of a token of ours
WRITING = [row for row in ROWS if row.method == "POST" and not row.rule.startswith(SIGNED)]
each_row = pytest.mark.parametrize("row", ROWS, ids=str)

# Kept about browsers, not about the business: when a session was seen, how often a password was guessed.
NOT_BUSINESS = ("sessions", "guesses")
# These are opened from outside and book what happened there; a second time they change nothing.
WRITE_WHEN_OPENED = (
    "/payments/<public_id>/return",
    "/payouts/account/return",
    "/confirm/<token>",
    "/account/mail/<token>",
)
# There is only one second step of signing in, so nobody is asked to choose one; the webhooks serve the gateway alone.
NOBODY_IS_SERVED = ("/login/method", "/webhooks/stripe/connect", "/webhooks/stripe/platform")
# Made of a person's own words or of nothing: there is no row whose id could be somebody else's.
NO_ROW_BEHIND = ("token", "digest", "filename")

Figure = Callable[[str, int], None]


class Visit:
    """One person asking for one row's address in a scene."""

    def __init__(self, cast: Cast, row: Row, scene: Scene, person: str) -> None:
        self.row, self.scene, self.person = row, scene, person
        self.page: Page = cast.browser(person)
        if person == "anonymous" and scene.signed_in_halfway:
            self.page.post("/login", {"email": scene.signed_in_halfway.email, "password": PASSWORD})
        self.own_words = [] if person == "anonymous" else [getattr(cast, person).name, getattr(cast, person).email]

    def ask(self, ids: dict[str, str] | None = None, *, csrf: str | None = None) -> str:
        """The answer in the words of the table."""
        data = None
        if self.row.method == "POST":
            data = {"csrf_token": self.page.csrf() if csrf is None else csrf, **self.scene.values}
        page = self.page.ask(self.row.method, address(self.row.rule, ids or self.scene.ids), data=data)
        if page.response.status_code in (302, 303) and re.match(r"(http://localhost)?/login(\?|$)", page.location):
            return "in"
        return str(page.response.status_code)

    def shown(self) -> list[str]:
        """What the answer shows of the words that are not this person's business."""
        body = self.page.response.get_data(as_text=True)
        return [word for word in self.scene.secrets if word not in self.own_words and word in body]


def address(rule: str, ids: dict[str, str]) -> str:
    """The address of a rule with these values."""
    return re.sub(r"<(?:[a-z]+(?:\(.*?\))?:)?(\w+)>", lambda found: ids[found[1]], rule)


def rows_of_business() -> dict[str, list[Any]]:
    """All rows of all tables, as another connection sees them."""
    with db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.exec_driver_sql(f"SELECT {_columns(table)} FROM {name}")))
            for name, table in Base.metadata.tables.items()
            if name not in NOT_BUSINESS
        }


def _columns(table: Table) -> str:
    """The columns that matter; when something was looked at is nobody's business."""
    matter = (one.name for one in table.columns if (table.name, one.name) != ("payout_accounts", "read_at"))
    return ", ".join(f'"{name}"' for name in matter)


def changed(before: dict[str, list[Any]]) -> list[str]:
    """The tables that are not as they were."""
    after = rows_of_business()
    return [name for name in before if before[name] != after[name]]


def matches(got: str, declared: str) -> bool:
    """Whether an answer is the declared one; leading to the sign-in page is a redirect where one is declared."""
    return got == declared or (declared == "gone" and got == "200") or (declared in ("302", "303") and got == "in")


# ---- The table is whole


def test_every_route_and_method_has_a_row_and_every_row_a_route(shared_app: Flask, figure: Figure) -> None:
    routes = {
        (method, rule.rule)
        for rule in shared_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    declared = {(row.method, row.rule) for row in ROWS}
    assert routes - declared == set(), "routes without a row in tests/permissions.py"
    assert declared - routes == set(), "rows without a route"
    assert all(set(row.answers) == set(PEOPLE) for row in ROWS)
    assert len({str(row) for row in ROWS}) == len(ROWS)
    figure("routes x methods declared in the table of permissions", len(declared))


def test_a_row_with_a_missing_answer_is_noticed() -> None:
    with pytest.raises(ValueError):
        rows("GET /tasks - 200 200 200")


@each_row
def test_the_row_agrees_with_the_guard(shared_app: Flask, row: Row) -> None:
    for person in _shut_out(_guard(shared_app, row)):
        assert row.answers[person] == ("in" if person == "anonymous" else "403"), person


@each_row
def test_a_refusal_does_not_tell_a_stranger_that_there_is_something(shared_app: Flask, row: Row) -> None:
    assert _told(row, _guard(shared_app, row)) == []


def test_a_refusal_that_tells_is_seen() -> None:
    [row] = rows("GET /bids/<public_id> bid in 200 403 200 403 404 404 404")
    assert _told(row, "signed_in") == ["other_customer", "other_helper"]
    assert _told(row, "helper_only") == ["other_helper"]


def _told(row: Row, guard: str) -> list[str]:
    """The strangers whom the guard lets in and who are refused otherwise than where there is nothing."""
    strangers = [person for person in ("other_customer", "other_helper") if person not in _shut_out(guard)]
    return [person for person in strangers if "<" in row.rule and row.answers[person] == "403"]


def _guard(app: Flask, row: Row) -> str:
    asked = (row.rule, row.method)
    [endpoint] = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if asked in {(rule.rule, method) for method in rule.methods or ()}
    }
    return str(getattr(app.view_functions[endpoint], "guard", "public"))


def _shut_out(guard: str) -> set[str]:
    """Whom a guard leaves outside, whatever the thing."""
    role = guard.removeprefix("operator_only:")
    return {
        "public": set(),
        "signed_in": {"anonymous"},
        "helper_only": set(PEOPLE) - {"helper", "other_helper"},
    }.get(guard) or {person for person in PEOPLE if role in ROLES and person not in ("admin", *_at_least(role))}


def _at_least(role: str) -> tuple[str, ...]:
    return ROLES[ROLES.index(role) :]


# ---- Every cell


@each_row
def test_everybody_gets_the_declared_answer(app: Flask, session: Session, row: Row, figure: Figure) -> None:
    refused = [person for person, answer in row.answers.items() if not is_served(answer)]
    cast = Cast(app, session)
    scene = scene_of(row.scene, cast)
    for person in refused:
        _is_refused(Visit(cast, row, scene, person))
    if row.owner is None:
        assert row.rule in NOBODY_IS_SERVED
    served = [person for person in row.answers if person not in refused]
    for person in served:
        if person != row.owner:  # for whom lies there what the others were refused
            cast = Cast(app, session)
            scene = scene_of(row.scene, cast)
        _is_served(Visit(cast, row, scene, person))
    figure("cells of the table of permissions tried", len(row.answers))


def _is_refused(visit: Visit) -> None:
    before = rows_of_business()
    got, declared = visit.ask(), visit.row.answers[visit.person]
    assert matches(got, declared), f"{visit.person} got {got}, not {declared}"
    assert changed(before) == [], f"{visit.person} was refused and yet wrote"
    assert visit.shown() == [], f"{visit.person} was refused and yet read"


def _is_served(visit: Visit) -> None:
    before = rows_of_business()
    got, declared = visit.ask(), visit.row.answers[visit.person]
    assert matches(got, declared), f"{visit.person} got {got}, not {declared}"
    if visit.row.method == "GET" and visit.row.rule not in WRITE_WHEN_OPENED:
        assert changed(before) == [], f"{visit.person} only opened the page"


@pytest.mark.parametrize("row", [row for row in ROWS if row.rule in WRITE_WHEN_OPENED], ids=str)
def test_opening_it_twice_is_opening_it_once(app: Flask, session: Session, row: Row) -> None:
    cast = Cast(app, session)
    visit = Visit(cast, row, scene_of(row.scene, cast), str(row.owner))
    visit.ask()
    before = rows_of_business()
    visit.ask()
    assert changed(before) == []


# ---- Ids that lead nowhere


WITH_AN_ID = [row for row in ROWS if "<" in row.rule and not any(f"{name}>" in row.rule for name in NO_ROW_BEHIND)]


@pytest.mark.parametrize("row", WITH_AN_ID, ids=str)
def test_an_id_of_nothing_leads_nowhere(app: Flask, session: Session, row: Row, figure: Figure) -> None:
    cast = Cast(app, session)
    scene = scene_of(row.scene, cast)
    visit = Visit(cast, row, scene, str(row.owner))
    before = rows_of_business()
    for name in scene.ids.keys() - {"step"}:
        if f"{name}>" in row.rule:
            for nothing in ("zzzzzzzzzzzz", "1", "%00", "' or 1=1", scene.ids[name].upper() + "0"):
                assert visit.ask({**scene.ids, name: nothing}) == "404"
                figure("addresses with a made-up id refused", 1)
    assert changed(before) == []


# ---- Writing needs a token of one's own session


@pytest.mark.parametrize("row", WRITING, ids=str)
def test_nothing_is_written_without_a_token_of_this_session(
    app: Flask, session: Session, row: Row, figure: Figure
) -> None:
    cast = Cast(app, session)
    visit = Visit(cast, row, scene_of(row.scene, cast), row.owner or "customer")
    somebody_elses = _foreign_token(app)
    before = rows_of_business()
    for token in ("", "made-up", somebody_elses):
        assert visit.ask(csrf=token) == "409"
        figure("forms without a token of their session refused", 1)
    assert changed(before) == []


def _foreign_token(app: Flask) -> str:
    """A token that is good in another browser."""
    page = Page(app)
    page.get("/login")
    return str(page.document.cssselect("input[name=csrf_token]")[0].get("value"))


def test_no_route_is_exempt_from_tokens_but_those_of_the_gateway(app: Flask) -> None:
    protection = app.extensions["csrf"]
    assert protection._exempt_views == set()
    assert {blueprint.name for blueprint in protection._exempt_blueprints} == {"webhooks"}
    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("webhooks.")}
    assert all(rule.startswith(SIGNED) for rule in rules)


# ---- A guard taken out is missed


@pytest.fixture
def instead(app: Flask) -> Iterator[Callable[[str, Callable[..., Any]], None]]:
    """Put another view in the place of one, until the test ends."""
    before = dict(app.view_functions)
    yield app.view_functions.__setitem__
    app.view_functions.update(before)


def _row(method: str, rule: str) -> Row:
    return next(row for row in ROWS if (row.method, row.rule) == (method, rule))


def test_a_guard_taken_out_is_missed(app: Flask, session: Session, instead: Callable[..., None]) -> None:
    row = _row("GET", "/operator/people/<public_id>")
    cast = Cast(app, session)
    scene = scene_of(row.scene, cast)
    _is_refused(Visit(cast, row, scene, "helper"))
    instead("operator.person", public(app.view_functions["operator.person"].__wrapped__))
    with pytest.raises(AssertionError, match="helper got 200, not 403"):
        _is_refused(Visit(cast, row, scene, "helper"))


def test_a_refusal_that_tells_or_writes_is_seen(app: Flask, session: Session, instead: Callable[..., None]) -> None:
    row = _row("GET", "/tasks/<public_id>/confirmation")
    cast = Cast(app, session)
    scene = scene_of(row.scene, cast)
    instead("tasks.confirmation", lambda public_id: (f"Not you: {scene.secrets[0]}", 404))
    with pytest.raises(AssertionError, match="and yet read"):
        _is_refused(Visit(cast, row, scene, "other_customer"))

    def writes(public_id: str) -> tuple[str, int]:
        with transaction() as rows:
            rows.execute(update(Task).values(title="Changed"))
        return "Not you", 404

    instead("tasks.confirmation", writes)
    with pytest.raises(AssertionError, match="and yet wrote"):
        _is_refused(Visit(cast, row, scene, "other_customer"))


def test_a_page_that_writes_when_it_is_opened_is_seen(
    app: Flask, session: Session, instead: Callable[..., None]
) -> None:
    row = _row("GET", "/tasks/<public_id>")
    cast = Cast(app, session)
    visit = Visit(cast, row, scene_of(row.scene, cast), "helper")

    def counts(public_id: str) -> str:
        with transaction() as rows:
            rows.execute(update(Task).values(budget_cents=1))
        return "seen once more"

    instead("tasks.show", counts)
    with pytest.raises(AssertionError, match="helper only opened the page"):
        _is_served(visit)
