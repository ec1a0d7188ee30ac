"""A browser for tests that inspects every page: valid HTML, a title, one h1, labels, no duplicate ids, CSRF tokens."""

import time
from collections.abc import Callable
from contextvars import Context
from typing import Any
from urllib.parse import urlsplit

import html5lib
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from lxml import html
from lxml.html import HtmlElement
from werkzeug.test import TestResponse

from marketplace.db import db
from marketplace.models import User
from marketplace.web.languages import COOKIE

# What html5lib's strict reading complains about although the standard allows it.
TOLERATED: set[str] = set()


class Page:
    """One browser: it keeps cookies, opens addresses, fills in forms, and looks closely at what comes back.

    It reads English, the language that our sentences are written in; `language=""` takes the page as a newcomer gets it.
    """

    def __init__(self, app: Flask, language: str = "en") -> None:
        self.app = app
        self.client = app.test_client()
        if language:
            for name in (COOKIE, f"__Host-{COOKIE}"):  # over HTTPS the name is another
                self.client.set_cookie(name, language)
        self.response: TestResponse
        self.document: HtmlElement

    def sign_in(self, user: User) -> None:
        """Be this person from now on, as after signing in."""
        uniquifier = user.fs_uniquifier

        def signed_in() -> None:
            with self.client.session_transaction() as values:
                values.update({"_user_id": uniquifier, "_fresh": True, "fs_paa": time.time()})

        self._outside(signed_in)

    def get(self, address: str, status: int = 200, **options: Any) -> "Page":
        """Open an address; the status is checked, a page is inspected."""
        return self._take(self._outside(self.client.get, address, **options), status)

    def post(self, address: str, data: dict[str, Any] | None = None, status: int = 303, **options: Any) -> "Page":
        """Send a form with the CSRF token of this session."""
        sent = {"csrf_token": self.csrf(), **(data or {})}
        return self._take(self._outside(self.client.post, address, data=sent, **options), status)

    def ask(self, method: str, address: str, **options: Any) -> "Page":
        """Take whatever the answer is; the test looks at `response` itself."""
        self.response = self._outside(self.client.open, address, method=method, buffered=True, **options)
        db.session.rollback()  # what the test holds is read anew after a request
        return self

    def submit(self, data: dict[str, Any] | None = None, *, form: str | None = None, status: int = 303) -> "Page":
        """Send the page's form (with this id or action, else the only one in main) with `data` typed over it."""
        chosen = self._form(form)
        values = {**dict(chosen.form_values()), **(data or {})}
        address = chosen.get("action") or self.path
        return self._take(self._outside(self.client.post, address, data=values), status)

    def typed(self, form: str | None = None) -> dict[str, Any]:
        """What the page's form would send as it stands."""
        return dict(self._form(form).form_values())

    def follow(self, status: int = 200) -> "Page":
        """Go where the last answer leads."""
        return self.get(self.response.headers["Location"], status)

    @property
    def text(self) -> str:
        """What a person reads on the page, white space folded."""
        return " ".join(self.document.text_content().split())

    @property
    def path(self) -> str:
        """The address of the last answer without its host."""
        parts = urlsplit(self.response.request.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def location(self) -> str:
        """Where the last answer leads."""
        return str(self.response.headers.get("Location", ""))

    def all(self, css: str) -> list[HtmlElement]:
        """The elements that a CSS selector finds."""
        return list(self.document.cssselect(css))

    def csrf(self) -> str:
        """A CSRF token of this session."""

        def kept() -> str:
            with self.client.session_transaction() as values:
                return str(values.setdefault("csrf_token", "a" * 40))

        secret = self._outside(kept)
        return str(URLSafeTimedSerializer(self.app.secret_key, salt="wtf-csrf-token").dumps(secret))

    def _outside(self, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do something as from another process: what the test wrote is there, and nothing of the test's context is."""
        db.session.commit()
        return Context().run(work, *args, **options)

    def _form(self, form: str | None) -> HtmlElement:
        forms = [one for one in self.document.forms if (one.get("method") or "").lower() == "post"]
        if form is not None:
            forms = [one for one in forms if form in (one.get("id"), one.get("action"))]
        else:
            inside = [one for one in forms if any(parent.tag == "main" for parent in one.iterancestors())]
            forms = inside or forms
        assert len(forms) == 1, f"{len(forms)} forms to choose from on {self.path}"
        return forms[0]

    def _take(self, response: TestResponse, status: int) -> "Page":
        self.response = response
        db.session.rollback()  # what the test holds is read anew after a request
        body = response.get_data(as_text=True) if response.mimetype == "text/html" else ""
        assert response.status_code == status, f"{response.status_code} from {self.path}: {_main(body)}"
        if response.mimetype == "text/html" and body:
            self.document = html.document_fromstring(body)
            if status not in (301, 302, 303, 307, 308):
                inspect(body, self.document, self.path)
        return self


def _main(body: str) -> str:
    """What stands in the main part of a page, for the message of a failed test."""
    main = html.document_fromstring(body).find(".//main") if body else None
    return body[:1000] if main is None else " ".join(main.text_content().split())


def inspect(body: str, document: HtmlElement, path: str) -> None:
    """Fail on what no page of ours may have."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(body)
    problems = [code for _, code, _ in parser.errors if code not in TOLERATED]
    assert not problems, f"HTML of {path}: {problems[:5]}"
    assert document.get("lang"), f"no language on {path}"
    title = document.findtext(".//title") or ""
    assert title.strip(), f"no title on {path}"
    headings = document.cssselect("h1")
    assert len(headings) == 1, f"{len(headings)} h1 on {path}"
    ids = [element.get("id") for element in document.cssselect("[id]")]
    assert len(ids) == len(set(ids)), f"duplicate ids on {path}: {sorted({i for i in ids if ids.count(i) > 1})}"
    assert not document.cssselect("[style]"), f"inline style on {path}"
    assert not [script for script in document.cssselect("script") if not script.get("src")], f"inline script on {path}"
    for form in document.forms:
        if (form.get("method") or "get").lower() == "post":
            assert form.cssselect("input[name=csrf_token]"), f"a form without CSRF token on {path}"
    _inspect_labels(document, path)


def _inspect_labels(document: HtmlElement, path: str) -> None:
    """Every control that a person fills in says what it is for."""
    labelled = {label.get("for") for label in document.cssselect("label[for]")}
    for control in document.cssselect("input, select, textarea"):
        if control.tag == "input" and control.get("type") in ("hidden", "submit", "button"):
            continue
        named = (
            control.get("id") in labelled
            or control.get("aria-label")
            or control.get("aria-labelledby")
            or any(parent.tag == "label" for parent in control.iterancestors())
        )
        assert named, f"a control without a label on {path}: {html.tostring(control)[:120]!r}"
