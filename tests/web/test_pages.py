"""The pages that belong to nobody."""

import gzip

from tests.page import Page


def test_monitors_get_an_answer(client: Page) -> None:
    assert client.get("/healthz").response.text == "ok"
    assert client.get("/readyz").response.text == "ready"


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
