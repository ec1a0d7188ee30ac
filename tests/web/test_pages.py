"""The pages that belong to nobody."""

import gzip
from collections.abc import Callable

import pytest
from flask import Flask

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


def test_home_says_what_this_is_and_leads_to_the_first_task(client: Page) -> None:
    client.get("/")
    assert client.document.cssselect("main a.button")[0].text_content().strip() == "Post a task"


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
