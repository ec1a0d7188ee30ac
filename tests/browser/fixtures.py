"""What browser tests need: Chromium, and a town whose server answers on a port of its own."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.town import Town
from tests.browser.world import settle
from tests.needs import lacking

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str | None:
    """Debian's Chromium, or the one that CHROMIUM names."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file. Without one they are skipped, with CI=true they fail.

    Not for the whole run: while Playwright is open its event loop holds this thread, and other tests need it.
    """
    path = chromium_path()
    if path is None:
        lacking("Chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The small world behind a real server."""
    town = Town(tmp_path_factory.mktemp("town"))
    town.open()  # first: the sandbox's messages are delivered to it
    settle(town)
    yield town
    town.close()
