"""People who use the pages, each in their own way: with a mouse, by keyboard alone, or with a program that knows forms.

They find things by their words only, in their own language, as people do: `…` in a text stands for anything.
"""

import re
from collections import defaultdict
from typing import Protocol

from flask import Flask
from lxml.html import HtmlElement
from playwright.sync_api import BrowserContext, Locator, expect

from marketplace.web.languages import catalogue
from tests.page import Page

expect.set_options(timeout=20_000)


class Visitor(Protocol):
    """What a person can do with a page."""

    language: str

    def open(self, path: str) -> None:
        """Type an address."""

    def press(self, text: str) -> None:
        """Press the button or follow the link that says this."""

    def type(self, label: str, text: str) -> None:
        """Fill a field in."""

    def choose(self, label: str) -> None:
        """Choose one of several."""

    def tick(self, label: str, number: int = 0) -> None:
        """Tick a box; of several that say the same, the one with this number."""

    def reads(self, text: str) -> None:
        """Fail unless the page says this."""

    def reads_not(self, text: str) -> None:
        """Fail when the page says this."""


def said(language: str, text: str) -> str:
    """One of our sentences as this language says it; every value to be filled in becomes `…`."""
    return re.sub(r"%\(\w+\)s", "…", str(catalogue(language).gettext(text)))


def pattern(language: str, text: str, *, whole: bool = True) -> re.Pattern[str]:
    """What matches this sentence on a page."""
    inner = ".*".join(r"\s+".join(map(re.escape, part.split())) for part in said(language, text).split("…"))
    inner = inner.replace("/", r"\/")  # as Playwright's selectors want it
    return re.compile(rf"^\s*{inner}\s*$" if whole else inner)


class WithMouse:
    """A person at a phone with Chromium, with JavaScript or without."""

    def __init__(self, window: BrowserContext, language: str) -> None:
        self.language = language
        self.page = window.new_page()
        self.main = self.page.locator("main")

    def open(self, path: str) -> None:
        self.page.goto(path)

    def press(self, text: str) -> None:
        wanted = pattern(self.language, text)
        buttons, links = (self.main.get_by_role(role, name=wanted) for role in ("button", "link"))
        with self.page.expect_navigation():
            self.leave_by(buttons.or_(links).first)

    def type(self, label: str, text: str) -> None:
        self.enter(self.main.get_by_label(self._begins(label)).first, text)

    def choose(self, label: str) -> None:
        self.mark(self.main.get_by_role("radio", name=self._begins(label)).first)

    def tick(self, label: str, number: int = 0) -> None:
        self.mark(self.main.get_by_role("checkbox", name=self._begins(label)).nth(number))

    def reads(self, text: str) -> None:
        expect(self.main).to_contain_text(pattern(self.language, text, whole=False))

    def reads_not(self, text: str) -> None:
        expect(self.main).not_to_contain_text(pattern(self.language, text, whole=False))

    def leave_by(self, control: Locator) -> None:
        control.click()

    def enter(self, control: Locator, text: str) -> None:
        control.fill(text)

    def mark(self, control: Locator) -> None:
        """Click the label: the box itself may be drawn by it."""
        control.locator("xpath=ancestor-or-self::label | self::*[@id]/following::label[@for]").first.click()
        expect(control).to_be_checked()

    def _begins(self, label: str) -> re.Pattern[str]:
        return re.compile(r"^\s*" + pattern(self.language, label, whole=False).pattern)


class ByKeyboard(WithMouse):
    """A person who cannot use a mouse: Tab, Space, Enter and the arrows only."""

    def leave_by(self, control: Locator) -> None:
        self._reach(control)
        self.page.keyboard.press("Enter")

    def enter(self, control: Locator, text: str) -> None:
        self._reach(control)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def mark(self, control: Locator) -> None:
        if control.get_attribute("type") == "checkbox":
            self._reach(control)
            self.page.keyboard.press("Space")
        else:
            self._reach_group(control)
            for _ in range(20):
                if control.is_checked():
                    break
                self.page.keyboard.press("ArrowDown" if self._is_focused(control) is False else "Space")
        expect(control).to_be_checked()

    def _reach(self, control: Locator) -> None:
        expect(control).to_be_visible()
        for _ in range(200):
            self.page.keyboard.press("Tab")
            if self._is_focused(control):
                shown = control.evaluate(
                    "e => getComputedStyle(e).outlineStyle !== 'none' || e.matches(':focus-visible')"
                )
                assert shown, "the focus cannot be seen"
                return
        raise AssertionError(f"Tab never reaches {control}")

    def _reach_group(self, control: Locator) -> None:
        """Tab enters a group of choices at the chosen one, or at its first."""
        group = control.get_attribute("name")
        for _ in range(200):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(
                "name => document.activeElement.type === 'radio' && document.activeElement.name === name", group
            ):
                return
        raise AssertionError(f"Tab never reaches {control}")

    def _is_focused(self, control: Locator) -> bool:
        return bool(control.evaluate("e => e === document.activeElement"))


class OverHttp:
    """A program that fills in forms and follows links, without a browser."""

    def __init__(self, app: Flask, language: str) -> None:
        self.language = language
        self.page = Page(app)
        self.page.client.set_cookie("language", language)

    def open(self, path: str) -> None:
        self.page.get(path, follow_redirects=True)

    def press(self, text: str) -> None:
        wanted = pattern(self.language, text)
        offered = self.page.all("main button:not([aria-hidden]), main a")
        control = self._one([one for one in offered if wanted.match(_text(one))], text)
        if control.tag == "a":
            self.open(control.get("href"))
        else:
            self._send(control)

    def type(self, label: str, text: str) -> None:
        control = self._labelled(label, "input, textarea")
        if control.tag == "textarea":
            control.value = text
        else:
            control.set("value", text)

    def choose(self, label: str) -> None:
        chosen = self._labelled(label, "input[type=radio]")
        for other in self.page.all("main input[type=radio]"):
            if other.get("name") == chosen.get("name"):
                other.attrib.pop("checked", None)
        chosen.set("checked", "checked")

    def tick(self, label: str, number: int = 0) -> None:
        self._labelled(label, "input[type=checkbox]", number).set("checked", "checked")

    def reads(self, text: str) -> None:
        assert pattern(self.language, text, whole=False).search(self._main()), (
            f"{text!r} is not in {self._main()[:2000]}"
        )

    def reads_not(self, text: str) -> None:
        assert not pattern(self.language, text, whole=False).search(self._main()), f"{text!r} is on {self.page.path}"

    def _main(self) -> str:
        [main] = self.page.all("main")
        return _text(main)

    def _send(self, button: HtmlElement) -> None:
        [form] = (
            self.page.all(f"form#{button.get('form')}") if button.get("form") else list(button.iterancestors("form"))
        )
        sent: dict[str, list[str]] = defaultdict(list)
        for name, value in form.form_values():
            sent[name].append(value)
        if button.get("name"):
            sent[button.get("name")].append(button.get("value", ""))
        address = form.get("action") or self.page.path
        self.page.post(address, sent, status=200, follow_redirects=True)

    def _labelled(self, label: str, css: str, number: int = 0) -> HtmlElement:
        """The control whose label begins with these words."""
        wanted = pattern(self.language, label, whole=False)
        controls = dict.fromkeys(self.page.all(", ".join(f"main {part}" for part in css.split(", "))))
        found = []
        for one in self.page.all("main label"):
            inside = one.cssselect(css) or [control for control in controls if control.get("id") == one.get("for", "-")]
            if inside and wanted.match(_text(one)):
                found.append(inside[0])
        return self._one(found[number:], label)

    def _one(self, found: list[HtmlElement], text: str) -> HtmlElement:
        assert found, f"nothing says {said(self.language, text)!r} on {self.page.path}: {self._main()[:1500]}"
        return found[0]


def _text(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())
