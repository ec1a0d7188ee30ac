"""The pages that belong to nobody."""

from tests.page import Page


def test_monitors_get_an_answer(client: Page) -> None:
    assert client.get("/healthz").response.text == "ok"
    assert client.get("/readyz").response.text == "ready"
