"""The pages that belong to nobody."""

from tests.page import Page


def test_monitors_get_an_answer(client: Page) -> None:
    assert client.get("/healthz").response.text == "ok"
    assert client.get("/readyz").response.text == "ready"


def test_home_says_what_this_is_and_leads_to_the_first_task(client: Page) -> None:
    client.get("/")
    assert client.document.cssselect("main a.button")[0].text_content().strip() == "Post a task"
