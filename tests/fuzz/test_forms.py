"""Every form, filled in at random by whom it is meant for: whatever is sent, no answer is a failure of ours.

`make test` sends a sample, `make nightly` (`--full`) the full count; both print it.
"""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html
from sqlalchemy.orm import Session

from tests.cast import Cast, scene_of
from tests.permissions import Row, rows
from tests.web.test_permissions import Visit, address

SAMPLE, FULL = 400, 5_000

POSTED = {row.rule: row for row in rows() if row.method == "POST" and row.owner}
SEARCHED = {row.rule: row for row in rows() if row.method == "GET" and row.scene == "-" and row.owner}
FORMS = [*POSTED.values(), *SEARCHED.values()]
EACH, EACH_IN_FULL = -(-SAMPLE // len(POSTED)), -(-FULL // len(POSTED))

HOSTILE = [
    "",
    " ",
    "0",
    "-1",
    "1.5",
    "1e309",
    "NaN",
    "9" * 40,
    "9" * 5_000,  # more than int() reads
    "2147483648",
    "٣٤",
    "\x00",
    "\r\n\r\n",
    "a" * 12_000,
    "🦊" * 300,
    "\u202eabc\u200b",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "%s%n%(x)s{0}{{7*7}}",
    "../../etc/passwd",
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "25:99",
    "23:59",
    "null",
    "true",
    "zz",
    "javascript:alert(1)",
    "//example.org",
    "a@b",
    "a" * 300 + "@example.org",
    "+41 79 123 45 67",
    "8000 Zürich",
]
# Names that a view might read although no form of its page has them.
UNASKED = ["go_back", "switch_language", "change", "stay", "next", "id", "user_id", "state", "csrf", "method", "skill"]

typed = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60), st.integers(-(10**12), 10**12).map(str))
files = st.binary(max_size=200).map(lambda data: data if len(data) % 2 else b"\x89PNG\r\n\x1a\n" + data)


class Filled:
    """A form as it stands on its page: its fields, and what may be chosen in each."""

    def __init__(self, app: Flask, session: Session, row: Row) -> None:
        self.app, self.session, self.row = app, session, row
        self.visit: Visit
        self.meet()
        self.choices: dict[str, set[str]] = {name: set() for name in self.visit.scene.values}
        self.file_fields: set[str] = set()
        self._look()

    def meet(self) -> None:
        """A fresh thing and its person in a fresh browser."""
        cast = Cast(self.app, self.session)
        self.visit = Visit(cast, self.row, scene_of(self.row.scene, cast), str(self.row.owner))

    def _look(self) -> None:
        """Read the fields off the pages on which the form may stand: its address, the one above, the one for a new one."""
        here = address(self.row.rule, self.visit.scene.ids)
        for page in (here, f"{here}/new", here.rpartition("/")[0] or "/"):
            response = self.visit.page.ask("GET", page).response
            if response.mimetype == "text/html" and response.status_code == 200:
                for control in html.document_fromstring(response.get_data()).cssselect("main [name]"):
                    self._note(control)

    def _note(self, control: Any) -> None:
        name = control.get("name")
        if control.get("type") == "file":
            self.file_fields.add(name)
        elif name != "csrf_token":
            values = [option.get("value") or "" for option in control.cssselect("option")]
            self.choices.setdefault(name, set()).update(values or [control.get("value") or ""])

    def entries(self) -> st.SearchStrategy[dict[str, Any]]:
        """Anything for any of the fields, and for some that are none."""
        names = sorted({*self.choices, *UNASKED})
        fields = {
            name: st.one_of(st.none(), typed, self._sensible(name), st.lists(typed, max_size=3)) for name in names
        }
        uploads = {name: st.one_of(st.none(), files) for name in sorted(self.file_fields)}
        return st.fixed_dictionaries({"fields": st.fixed_dictionaries(fields), "files": st.fixed_dictionaries(uploads)})

    def _sensible(self, name: str) -> st.SearchStrategy[Any]:
        """What somebody might really choose or type there."""
        likely = [*sorted(self.choices.get(name, set())), self.visit.scene.values.get(name)]
        return st.sampled_from([value for value in likely if value is not None] or [""])

    def send(self, entries: dict[str, Any]) -> int:
        """Send it; a form that was accepted is met afresh."""
        data = {name: value for name, value in entries["fields"].items() if value is not None}
        here = address(self.row.rule, self.visit.scene.ids)
        if self.row.method == "GET":
            return self.visit.page.ask("GET", here, query_string=data).response.status_code
        uploads = {name: (io.BytesIO(content), "photo.jpg") for name, content in entries["files"].items() if content}
        sent = {**data, **uploads, "csrf_token": self.visit.page.csrf()}
        status = self.visit.page.ask("POST", here, data=sent, content_type="multipart/form-data").response.status_code
        if status == 303:
            self.meet()
        return status


@pytest.mark.parametrize("row", FORMS, ids=str)
def test_no_form_makes_us_fail(
    app: Flask, session: Session, row: Row, full: bool, figure: Callable[[str, int], None]
) -> None:
    least = (EACH_IN_FULL if full else EACH) if row.method == "POST" else 20 if full else 2
    form = Filled(app, session, row)
    answers: list[int] = []

    @settings(
        max_examples=least,
        deadline=None,
        database=None,
        derandomize=not full,
        suppress_health_check=list(HealthCheck),
    )
    @given(form.entries())
    def send(entries: dict[str, Any]) -> None:
        answers.append(form.send(entries))
        assert answers[-1] < 500, entries

    send()
    assert len(answers) >= least, f"only {len(answers)} of {least} were sent"
    figure("random form posts" if row.method == "POST" else "random searches", len(answers))


def test_every_form_of_the_address_map_is_filled_in(shared_app: Flask) -> None:
    posting = {rule.rule for rule in shared_app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    for_nobody = {row.rule for row in rows() if row.method == "POST" and not row.owner}
    assert posting - for_nobody == POSTED.keys()
    assert len(POSTED) * EACH >= SAMPLE
    assert len(POSTED) * EACH_IN_FULL >= FULL


def test_a_view_that_cannot_bear_what_it_is_sent_is_seen(app: Flask, session: Session) -> None:
    view = app.view_functions["notices.read"]
    app.view_functions["notices.read"] = _brittle
    try:
        form = Filled(app, session, POSTED["/notices/reading"])
        assert form.send({"fields": {"last": "a"}, "files": {}}) == 500
    finally:
        app.view_functions["notices.read"] = view


def _brittle() -> str:
    raise ValueError("not a number")
