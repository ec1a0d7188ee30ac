"""The pages that belong to nobody."""

import gzip
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from marketplace.queries.skills import all_skills
from marketplace.web.filters import money
from tests.page import Page


def test_monitors_get_an_answer(client: Page) -> None:
    assert client.get("/healthz").response.text == "ok"
    assert client.get("/readyz").response.text == "ready"


@pytest.mark.parametrize(
    "nowhere", ["postgresql+psycopg://nobody@127.0.0.1:9/none", "sqlite:////nowhere/at/all.sqlite"]
)
def test_monitors_are_told_when_the_database_is_gone(started_in: Callable[..., Flask], nowhere: str) -> None:
    app = started_in("test", DATABASE_URL=nowhere)
    with app.app_context():
        answer = app.test_client().get("/readyz")
        assert (answer.status_code, answer.text) == (503, "the database does not answer")
        assert app.test_client().get("/healthz").status_code == 200


def test_home_has_one_main_button_and_it_leads_to_the_first_task(client: Page) -> None:
    client.get("/")
    (button,) = client.all("main .button-primary")
    assert button == client.all("main .button")[0]
    assert button.text_content().strip() == "Post a task"
    assert client.get(button.get("href")).all("main input[name=skill]")


def test_home_says_what_this_is_and_what_it_costs(client: Page, session: Session) -> None:
    low = min(skill.usual_low_cents for skill in all_skills(session))
    high = max(skill.usual_high_cents for skill in all_skills(session))
    assert low < high
    client.get("/")
    (lead,) = client.all("main .hero .lead")
    assert "A checked helper from your neighbourhood comes to you" in lead.text_content()
    assert f"a price you know before, mostly {money(low)} to {money(high)}." in lead.text_content()
    (hint,) = client.all("main .hero .hint")
    assert hint.text_content() == "Free and without an account. You pay only when you accept a bid."


def test_home_looks_for_helpers_and_for_tasks_near_a_place(client: Page) -> None:
    client.get("/")
    (place,) = client.all("main input[name=place]")
    (form,) = (parent for parent in place.iterancestors("form"))
    assert place.get("required") is not None
    assert form.get("method") == "get"
    ways = {one.text_content().strip(): one.get("formaction") or form.get("action") for one in form.iter("button")}
    assert ways == {"Find helpers": "/helpers", "Find tasks": "/tasks"}
    for address in ways.values():
        (asked,) = client.get(address, query_string={"place": "3011 Bern"}).all("main input[name=place]")
        assert asked.get("value") == "3011 Bern"


def test_files_are_versioned_compressed_and_kept_for_ever(client: Page) -> None:
    client.get("/helpers")
    script = next(one.get("src") for one in client.all("script") if "htmx" in one.get("src"))
    answer = client.client.get(script, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert gzip.decompress(answer.data) == client.client.get(script, buffered=True).data
    assert len(answer.data) < 20_000


def test_no_page_repeats_what_a_visitor_claims_as_our_host(
    app: Flask, client: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://hilfe.example.org")
    client.client.environ_base["HTTP_HOST"] = "evil.example"
    client.get("/terms")
    assert "evil.example" not in client.response.text
    assert client.all("link[rel=alternate]")[0].get("href") == "https://hilfe.example.org/terms?lang=de"
