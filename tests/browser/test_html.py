"""The HTML of every page, looked at by html-validate (the standard's rules) as the server sends it."""

import json
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from config import LANGUAGES, ROOT
from tests.browser.pages import VISITS, Visit
from tests.browser.town import Town
from tests.needs import node_package

pytestmark = pytest.mark.xdist_group("pages")
VALIDATOR = ROOT / "node_modules" / ".bin" / "html-validate"


def test_html_validate(town: Town, tmp_path: Path, figure, full: bool) -> None:
    languages = LANGUAGES if full else LANGUAGES[:1]
    seen = [visit for visit in VISITS if not visit.send]
    for language in languages:
        for number, visit in enumerate(seen):
            (tmp_path / f"{language}-{number:03}-{visit}.html".replace("/", "_")).write_text(
                fetch(town, visit, language)
            )
    assert messages(tmp_path) == []
    figure("pages without a message of html-validate", len(seen) * len(languages))


def fetch(town: Town, visit: Visit, language: str) -> str:
    """The page as the server sends it to this person."""
    cookies = {"language": language, **town.cookies(visit.person)}
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    try:
        with urlopen(Request(town.url + town.address(visit.endpoint, visit.values), headers=headers)) as answer:
            return answer.read().decode()
    except HTTPError as refusal:
        return refusal.read().decode()


def messages(folder: Path) -> list[str]:
    """What html-validate has to say about the files in a folder."""
    command = [
        str(node_package(VALIDATOR)),
        "--config",
        str(ROOT / ".htmlvalidate.json"),
        "--formatter",
        "json",
        f"{folder}/*.html",
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert told.stdout, told.stderr
    return sorted(
        f"{Path(file['filePath']).stem}:{one['line']} {one['ruleId']}: {one['message']}"
        for file in json.loads(told.stdout)
        for one in file["messages"]
    )
