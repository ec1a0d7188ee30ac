"""The HTML of every page, looked at by html-validate (the standard's rules) as the server sends it."""

import json
import subprocess
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from lxml import html

from config import LANGUAGES, ROOT
from tests.browser.pages import TRIES, VISITS, Visit
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
    """The page as the server sends it to this person; with something typed, the one that they come to by sending it."""
    cookies = {"language": language, **town.cookies(visit.person)}
    address = town.url + town.address(visit.endpoint, visit.values)
    status, body = opened(address, cookies)
    assert status == visit.opens_with
    for _ in range(TRIES if visit.typed else 0):
        token = html.document_fromstring(body).cssselect("input[name=csrf_token]")[0].get("value")
        status, answer = opened(address, cookies, {"csrf_token": token, **visit.typed})
        if status == visit.status:
            return answer
    assert status == visit.status
    return body


def opened(address: str, cookies: dict[str, str], sent: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of an answer, to a form if something is `sent`; `cookies` keeps what is to be kept."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    request = Request(address, urlencode(sent).encode() if sent else None, headers)
    try:
        answer = urlopen(request)
    except HTTPError as refusal:
        answer = refusal
    with answer:
        for line in answer.headers.get_all("Set-Cookie") or ():
            cookies |= {name: kept.value for name, kept in SimpleCookie(line).items()}
        return answer.status, answer.read().decode()


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
