"""House rules of the templates: each parses, pages have a layout and a title, parts are used, nothing is inline."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.extract import extract_from_dir
from flask import Flask
from jinja2 import DictLoader, Environment, TemplateSyntaxError, nodes

from config import ROOT
from marketplace.domain.lifecycles import LIFECYCLES
from marketplace.web import assets, states

TEMPLATES = ROOT / "templates"
STYLES = ROOT / "static" / "css" / "components"
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
ROOMS = ("layouts", "components", "errors", "security", "emails")  # these are named after something else than a view
# Pages that another view than the one of their name shows, and which.
SHOWN_BY = {
    "accounts/suspended": "security.login",
    "bids/check": "bids.create",
    "bookings/extra_check": "bookings.ask_extra",
    "drafts/photos": "drafts.show",
    "drafts/place": "drafts.show",
    "drafts/questions": "drafts.show",
    "drafts/skill": "drafts.show",
    "drafts/times": "drafts.show",
    "drafts/words": "drafts.show",
    "design/index": "pages.design",
    "pages/text": "pages.imprint",
    "payments/refused": "payments.create",
    "payments/under_way": "payments.create",
    "payouts/refused": "payouts.give_bank_data",
    "sandbox/bank": "sandbox.end",
    "tasks/gone": "tasks.show",
}
# Styles of things that a page is made of without a macro of their own.
STYLES_WITHOUT_MACRO = {"operator", "profile", "swatch", "task"}

STATES = {state for lifecycle in LIFECYCLES for state in lifecycle.states}
# Words of states that mean something else where they stand, and what.
HOMONYMS = {
    "badges/way.html": {"signed_off": "a condition of the badge"},
    "bookings/money.html": {"cash": "how a payment is paid"},
    "bookings/notes.html": {"lapsed": "why a payment failed"},
    "components/steps.html": {"done": "a step that lies behind"},
    "operator/booking_money.html": {"cash": "how a payment is paid"},
    "operator/money.html": {"cash": "an account of the ledger", "held": "an account of the ledger"},
    "payments/new.html": {"cash": "how a payment is paid"},
}

# Words that the glossary does not use. (The order of a list is an order; nobody orders anything.)
NOT_USED = re.compile(
    r"\b(jobs?|gigs?|providers?|sellers?|vendors?|tickets?|escrow|admin panel|an offer|the offer|your offer|offers)\b",
    re.I,
)


# A number of the business in a sentence: it comes from the policy or the settings, never from the sentence itself.
NUMBER = re.compile(
    r"\b(\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|thirty)\s+"
    r"(minutes?|hours?|days?|weeks?|months?|characters|percent|%%|km|metres|francs)\b|\bCHF\s*\d|\bhalf an hour\b",
    re.I,
)
AMOUNT = re.compile(r"\b\d+\s*\|\s*(?:money|stars|distance|duration)")


def read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


class House:
    """The templates and what they say of each other."""

    def __init__(self, env: Environment, sources: dict[str, str]) -> None:
        self.sources = sources
        self.trees: dict[str, nodes.Template] = {}
        self.broken: list[str] = []
        for name, text in sources.items():
            try:
                self.trees[name] = env.parse(text)
            except TemplateSyntaxError as wrong:
                self.broken.append(f"{name}, line {wrong.lineno}: {wrong.message}")

    def parent(self, name: str) -> str | None:
        """What a template extends."""
        extends = next(self.trees[name].find_all(nodes.Extends), None)
        return extends.template.as_const() if extends else None

    def line_of(self, name: str) -> list[str]:
        """A template and all that it stands on."""
        line = [name]
        while parent := self.parent(line[-1]):
            line.append(parent)
        return line

    def is_page(self, name: str) -> bool:
        return not name.startswith(ROOMS) and self.parent(name) is not None

    def names_in(self, name: str) -> set[str]:
        """The names that a template uses, with those of its parts: a part sees what was imported around it."""
        tree = self.trees[name]
        named = {node.name for node in tree.find_all(nodes.Name)}
        for part in tree.find_all(nodes.Include):
            if isinstance(part.template, nodes.Const):
                named |= self.names_in(part.template.value)
        return named

    def macros(self) -> dict[str, nodes.Macro]:
        """The macros of the components by name."""
        components = [tree for name, tree in self.trees.items() if name.startswith("components/")]
        return {macro.name: macro for tree in components for macro in tree.find_all(nodes.Macro)}

    def used(self) -> set[str]:
        """Every template that another one extends, includes or imports from."""
        kinds = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
        references = [node.template for tree in self.trees.values() for node in tree.find_all(kinds)]
        inner = [constant for reference in references for constant in reference.find_all(nodes.Const)]
        return {one.value for one in (*references, *inner) if isinstance(one, nodes.Const)}


def page_faults(house: House) -> list[str]:
    """Pages without a layout or without a title of their own."""
    faults = []
    for name in filter(house.is_page, house.trees):
        line = house.line_of(name)
        if not line[-1].startswith("layouts/"):
            faults.append(f"{name} stands on no layout")
        titled = [one for one in line if not one.startswith("layouts/") and "block title" in house.sources[one]]
        if not titled and not any(f'"{name}"' in text for other, text in house.sources.items() if other != name):
            faults.append(f"{name} has no title")
    return faults


def inline_faults(name: str, text: str) -> list[str]:
    """Styles and scripts that stand in a page."""
    faults = re.findall(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"'{]|javascript:", text, re.I)
    faults += [script for script in re.findall(r"<script\b[^>]*>", text) if "src=" not in script]
    return [f"{name}: {fault.strip()}" for fault in faults]


def amounts(name: str, text: str) -> list[str]:
    """Sums of money that stand in a page instead of the policy; the design page makes some up."""
    return [] if name.startswith("design/") else re.findall(r"\b\d+\s*\|\s*money\b", text)


def unused_imports(house: House, name: str) -> list[str]:
    """Macros that are imported and never used, neither here nor in a part that stands here."""
    imports = house.trees[name].find_all(nodes.FromImport)
    imported = {alias if isinstance(alias, str) else alias[1] for node in imports for alias in node.names}
    return [f"{name} does not use {macro}" for macro in sorted(imported - house.names_in(name))]


def component_faults(house: House) -> list[str]:
    """Files of components without a macro of their name."""
    faults = []
    for name, tree in house.trees.items():
        if name.startswith("components/"):
            macros = {macro.name for macro in tree.find_all(nodes.Macro)}
            stem = Path(name).stem
            if not any(stem in macro for macro in macros) and stem not in MANY:
                faults.append(f"{name} has {sorted(macros)}")
    return faults


MANY = {"form"}  # the parts of forms: fields, errors and what belongs to them


def macros_not_shown(house: House) -> list[str]:
    """Macros of components that the design page does not draw, neither itself nor through its frame or other components."""
    macros = {name: {node.name for node in macro.find_all(nodes.Name)} for name, macro in house.macros().items()}
    reached: set[str] = set()
    waiting = {
        node.name
        for name, tree in house.trees.items()
        if name.startswith(("design/", "layouts/base"))
        for node in tree.find_all(nodes.Name)
    }
    while waiting := (waiting & macros.keys()) - reached:
        reached |= waiting
        waiting = set().union(*(macros[name] for name in waiting))
    return sorted(macros.keys() - reached)


class State(NamedTuple):
    """A macro with a parameter that was passed to it, and the word that was passed when it chooses the look."""

    macro: str
    parameter: str
    word: str = ""


LOOKS = {"look", "size", "tone", "type", "width"}  # parameters whose words choose how a part looks
CALL_BLOCK = "caller"
# What pages pass to a part and the design page does not, and why.
STATES_NOT_ON_DESIGN = {
    State("button", "action"): "where a button sends its form is not to be seen",
    State("tile_radios", "heading"): "makes the question the heading of the page, which has one already",
}


def states_passed(house: House, names: Iterable[str]) -> set[State]:
    """Every state in which these templates draw the macros of the components."""
    macros = house.macros()
    passed: set[State] = set()
    for name in names:
        tree = house.trees[name]
        pairs = [pair for one in tree.find_all(nodes.FromImport) for pair in one.names if isinstance(pair, tuple)]
        called = {alias: macro for macro, alias in pairs}
        with_block = {id(block.call) for block in tree.find_all(nodes.CallBlock)}
        for call in [call for call in tree.find_all(nodes.Call) if isinstance(call.node, nodes.Name)]:
            if macro := macros.get(called.get(call.node.name, call.node.name)):
                passed |= states_of(macro, call)
                passed |= {State(macro.name, CALL_BLOCK)} if id(call) in with_block else set()
    return passed


def states_of(macro: nodes.Macro, call: nodes.Call) -> set[State]:
    """What one call passes; a look that it does not pass is the one that the macro takes by itself."""
    names = [argument.name for argument in macro.args]
    given = dict(zip(names, call.args, strict=False)) | {keyword.key: keyword.value for keyword in call.kwargs}
    defaults = dict(zip(reversed(names), reversed(macro.defaults), strict=False))
    looks = {name: value for name, value in {**defaults, **given}.items() if name in LOOKS}
    return {State(macro.name, name) for name in given} | {
        State(macro.name, name, word) for name, value in looks.items() for word in words_of(value)
    }


def words_of(value: nodes.Expr) -> set[str]:
    """The words that an expression may come to, as far as they are written in it: both of `"good" if x else "bad"`."""
    if isinstance(value, nodes.CondExpr):
        return words_of(value.expr1) | (words_of(value.expr2) if value.expr2 else set())
    if isinstance(value, nodes.Or | nodes.And):
        return words_of(value.left) | words_of(value.right)
    return {value.value} if isinstance(value, nodes.Const) and isinstance(value.value, str) else set()


def states_drawn(house: House) -> set[State]:
    """The states on the design page, and in the frame that it stands in like every page."""
    return states_passed(house, [name for name in house.trees if name.startswith(("design/", "layouts/base"))])


def states_not_drawn(house: House) -> set[State]:
    """The states in which pages draw a part and the design page does not. What parts draw inside is seen with them."""
    pages = [name for name in house.trees if not name.startswith(("design/", "components/"))]
    return states_passed(house, pages) - states_drawn(house)


# The parts whose classes end in the word that chooses the look: "alert-bad", "button-danger".
STYLED = {
    "alert": "tone",
    "avatar": "size",
    "button": "look",
    "card": "tone",
    "confirm": "tone",
    "event": "tone",
    "pill": "tone",
    "stat": "tone",
}
# Classes of the same form that are something else.
PIECES = {
    *("button-small", "button-wide", "card-title", "card-turn", "confirm-back"),
    *("event-mark", "event-next", "event-text", "stat-figure", "stat-text"),
}


def states_styled(sheet: str) -> set[State]:
    """The looks that the style sheet knows."""
    classes = re.findall(rf"\.(({'|'.join(STYLED)})-([a-z]+))\b", sheet)
    return {State(macro, STYLED[macro], word) for whole, macro, word in classes if whole not in PIECES}


def nameless(house: House, endpoints: Iterable[str]) -> list[str]:
    """Pages that are called after no view."""
    known = set(endpoints)
    faults = []
    for name in filter(house.is_page, house.trees):
        stem = name.removesuffix(".html")
        shown_by = SHOWN_BY.get(stem, stem.replace("/", "."))
        if shown_by not in known and name not in house.used():
            faults.append(f"{name} is named after no view")
    return faults


def numbers_spelt(messages: Iterable[str]) -> list[str]:
    """Sentences that say a number of the business themselves."""
    return [message for message in messages if NUMBER.search(message)]


def sentences() -> dict[str, set[str]]:
    """Every sentence for people, with the files in which it stands."""
    found = extract_from_dir(
        str(ROOT),
        [("marketplace/**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")],
        options_map={"templates/**": {"extensions": "jinja2.ext.i18n"}},
        keywords={"_": None, "_l": None, "N_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)},
        directory_filter=lambda folder: Path(folder).name not in ("node_modules", ".venv", ".git", "static", "tests"),
    )
    files: dict[str, set[str]] = {}
    for file, _, message, _, _ in found:
        for text in [message] if isinstance(message, str) else message:
            files.setdefault(text, set()).add(file)
    return files


def words_not_used(messages: Iterable[str]) -> list[str]:
    """Sentences with a word that the glossary does not use."""
    return [message for message in messages if NOT_USED.search(message)]


def words_of_states(house: House) -> dict[str, set[str]]:
    """For each template the strings in it that are the name of a state."""
    found = {
        name: {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)} & STATES
        for name, tree in house.trees.items()
    }
    return {name: words for name, words in found.items() if words}


def names_of_states(house: House) -> list[tuple[str, str, str]]:
    """Every `TASK.open` in the templates: the template, the lifecycle and the name asked of it."""
    return [
        (name, node.node.name, node.attr)
        for name, tree in house.trees.items()
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name.isupper() and node.node.name in states.NAMES
    ]


def unknown_states(house: House) -> list[str]:
    """Names that their lifecycle does not know: Jinja would take them for nothing."""
    return [
        f"{name}: {noun} has no {state}"
        for name, noun, state in names_of_states(house)
        if state not in getattr(states.NAMES[noun], "states", ())
    ]


@pytest.fixture(scope="module")
def house(shared_app: Flask) -> House:
    """All templates as they are."""
    return House(shared_app.jinja_env, {name: read(name) for name in NAMES})


@pytest.fixture
def built(shared_app: Flask) -> Callable[..., House]:
    """A house of planted templates."""

    def of(**sources: str) -> House:
        named = {name.replace("__", "/") + ".html": text for name, text in sources.items()}
        env = shared_app.jinja_env.overlay(loader=DictLoader(named))
        return House(env, named)

    return of


# ---- As it is


def test_every_template_parses(house: House) -> None:
    assert house.broken == []
    assert len(house.trees) > 100


def test_every_page_stands_on_a_layout_and_has_a_title(house: House) -> None:
    assert page_faults(house) == []


def test_nothing_is_written_inline(house: House) -> None:
    assert [fault for name, text in house.sources.items() for fault in inline_faults(name, text)] == []


def test_no_sum_of_money_stands_in_a_page(house: House) -> None:
    assert [amount for name, text in house.sources.items() for amount in amounts(name, text)] == []
    assert amounts("pages/home.html", "{{ 3000|money }} {{ price | money }}") == ["3000|money"]


def test_no_macro_is_imported_in_vain(house: House) -> None:
    assert [fault for name in house.trees for fault in unused_imports(house, name)] == []


def test_a_component_is_called_like_its_macro_and_its_style_like_it(house: House) -> None:
    assert component_faults(house) == []
    components = {Path(name).stem for name in house.trees if name.startswith("components/")}
    assert {path.stem for path in STYLES.glob("*.css")} - components - STYLES_WITHOUT_MACRO == set()


def test_the_design_page_draws_every_part(house: House) -> None:
    assert macros_not_shown(house) == []


def test_the_design_page_draws_every_part_in_every_state(house: House, figure: Callable[[str, int], None]) -> None:
    assert states_not_drawn(house) == STATES_NOT_ON_DESIGN.keys()
    figure("states of parts drawn on the design page", len(states_drawn(house)))


def test_the_design_page_draws_every_look_that_the_style_sheet_knows(house: House) -> None:
    sheet, _ = assets.join_styles(ROOT / "static")
    styled = states_styled(sheet.decode())
    assert {State("alert", "tone", "bad"), State("button", "look", "danger"), State("pill", "tone", "info")} <= styled
    assert {state.macro for state in styled} == STYLED.keys()
    assert styled - states_drawn(house) == set()
    assert STYLED.keys() <= house.macros().keys()
    assert all(f".{piece}" in sheet.decode() for piece in PIECES)


def test_htmx_is_loaded_by_the_pages_that_use_it_and_by_no_others(house: House) -> None:
    loading = {name for name, text in house.sources.items() if '{% include "layouts/htmx.html" %}' in text}
    calling = {name for name, text in house.sources.items() if re.search(r"call live_search\(", text)}
    using = {"design/index.html" if name.startswith("design/") else name for name in calling}  # its rooms stand in it
    assert loading == using
    assert loading
    spelled_out = {name for name, text in house.sources.items() if re.search(r"\b(data-)?hx-\w", text)}
    assert spelled_out == {"components/search.html"}


def test_every_page_is_named_after_its_view(shared_app: Flask, house: House) -> None:
    assert nameless(house, shared_app.view_functions) == []
    assert set(SHOWN_BY.values()) <= set(shared_app.view_functions)
    assert {f"{name}.html" for name in SHOWN_BY} <= house.trees.keys()


def test_every_template_is_used(house: House) -> None:
    python = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "marketplace").rglob("*.py"))
    used = house.used()
    unused = [
        name
        for name in house.trees
        if name not in used and f'"{name}"' not in python and not name.startswith(("errors/", "security/", "drafts/"))
    ]
    assert unused == []


def test_sentences_use_the_words_of_the_glossary() -> None:
    messages = sentences()
    assert len(messages) > 500
    assert words_not_used(messages) == []


def test_no_state_is_spelled_out(house: House, figure: Callable[[str, int], None]) -> None:
    assert words_of_states(house) == {name: set(words) for name, words in HOMONYMS.items()}
    assert unknown_states(house) == []
    figure("states named by their lifecycle in the templates", len(names_of_states(house)))


def test_no_sentence_says_a_number_of_the_business_itself() -> None:
    """The design page shows made-up people and figures, and says so."""
    of_pages = [text for text, files in sentences().items() if any("design" not in file for file in files)]
    assert len(of_pages) > 500
    assert numbers_spelt(of_pages) == []


def test_no_page_writes_an_amount_itself(house: House) -> None:
    written = {name: AMOUNT.findall(text) for name, text in house.sources.items() if not name.startswith("design/")}
    assert {name: found for name, found in written.items() if found} == {}
    assert AMOUNT.findall("low=3000|money, 430 | stars, price.cents|money, bids|length") == [
        "3000|money",
        "430 | stars",
    ]


# ---- And each rule sees what is planted


def test_a_state_that_is_spelled_out_or_unknown_is_seen(built: Callable[..., House]) -> None:
    house = built(
        tasks__a='{% if task.state == "open" %}{% endif %}{{ status("booking", "signed_off") }}',
        tasks__b='{% if task.state in ("booked", TASK.done) %}{% endif %}',
        tasks__c="{% if task.state == TASK.opne or bid.state == TASK.placed %}{% endif %}",
        tasks__d='{% if task.state == TASK.open %}{{ _("Open") }} <p class="open">{% endif %}',
    )
    assert words_of_states(house) == {"tasks/a.html": {"open", "signed_off"}, "tasks/b.html": {"booked"}}
    assert unknown_states(house) == ["tasks/c.html: TASK has no opne", "tasks/c.html: TASK has no placed"]


def test_broken_pages_are_seen(built: Callable[..., House]) -> None:
    house = built(
        tasks__show="<h1>No layout</h1>",
        tasks__odd='{% extends "tasks/base.html" %}{% block title %}x{% endblock %}',
        tasks__base="<html></html>",
        tasks__bare='{% extends "layouts/base.html" %}',
        layouts__base="{% block title %}{% endblock %}",
        tasks__broken="{% if %}",
    )
    assert [fault.partition(",")[0] for fault in house.broken] == ["tasks/broken.html"]
    assert page_faults(house) == ["tasks/odd.html stands on no layout", "tasks/bare.html has no title"]
    assert nameless(house, {"tasks.show", "tasks.bare"}) == ["tasks/odd.html is named after no view"]


@pytest.mark.parametrize(
    "planted",
    [
        '<p style="color:red">',
        "<style>p{}</style>",
        '<a onclick="x()">',
        "<script>x()</script>",
        '<a href="javascript:x">',
    ],
)
def test_inline_code_is_seen(planted: str) -> None:
    assert inline_faults("page", planted)
    assert inline_faults("page", '<link rel="stylesheet"><script src="x"></script><p class="style">on="1"') == []


def test_a_macro_imported_in_vain_is_seen(built: Callable[..., House]) -> None:
    house = built(
        tasks__show='{% from "components/a.html" import used, vain, odd as other %}{{ used() }}{{ odd }}',
        components__a="{% macro b() %}{% endmacro %}",
    )
    assert unused_imports(house, "tasks/show.html") == [
        "tasks/show.html does not use other",
        "tasks/show.html does not use vain",
    ]
    assert component_faults(house) == ["components/a.html has ['b']"]


def test_a_part_missing_on_the_design_page_is_seen(built: Callable[..., House]) -> None:
    house = built(
        layouts__base="{{ menu() }}",
        design__lists='{% from "components/a.html" import shown %}{{ shown() }}',
        components__a="{% macro shown() %}{{ inner() }}{% endmacro %}{% macro hidden() %}{% endmacro %}",
        components__b="{% macro inner() %}{% endmacro %}{% macro menu() %}{% endmacro %}",
    )
    assert macros_not_shown(house) == ["hidden"]


def test_a_state_missing_on_the_design_page_is_seen(built: Callable[..., House]) -> None:
    house = built(
        components__a="{% macro part(text, look='plain', size=None) %}{% endmacro %}{% macro other(note=None) %}{% endmacro %}",
        design__a='{{ part("a") }}{{ part("b", size=None) }}{{ other() }}',
        layouts__base='{{ other(note="drawn in the frame") }}',
        tasks__a='{{ part("a", look="plain") }}{{ part("b", "loud", size="big" if it else "small") }}',
        tasks__b='{% from "components/a.html" import other as drawn %}{% call drawn(1) %}{% endcall %}{{ drawn(extra=1) }}',
    )
    assert states_not_drawn(house) == {
        State("part", "look"),
        State("part", "look", "loud"),
        State("part", "size", "big"),
        State("part", "size", "small"),
        State("other", CALL_BLOCK),
        State("other", "extra"),
    }


@pytest.mark.parametrize(
    "lost",
    [
        State("alert", "tone", "bad"),
        State("button", "look", "danger"),
        State("card", "tone", "honey"),
        State("pill", "tone", "info"),
    ],
    ids=lambda lost: f"{lost.word} {lost.macro}",
)
def test_a_look_taken_off_the_design_page_is_seen(shared_app: Flask, house: House, lost: State) -> None:
    call = re.compile(rf'(\b{lost.macro}\((?:(?![{{}}]).)*)"{lost.word}"')
    without = {
        name: call.sub(r"\1none", text) if name.startswith("design/") else text for name, text in house.sources.items()
    }
    poorer = House(shared_app.jinja_env, without)
    sheet, _ = assets.join_styles(ROOT / "static")
    assert poorer.broken == []
    assert states_styled(sheet.decode()) - states_drawn(poorer) == {lost}


def test_words_outside_the_glossary_are_seen() -> None:
    assert words_not_used(["Post a task", "Find a job", "Your offer", "Held in escrow", "The order of the list"]) == [
        "Find a job",
        "Your offer",
        "Held in escrow",
    ]


def test_numbers_of_the_business_are_seen() -> None:
    assert numbers_spelt(
        ["After %(days)s days", "at most 14 days", "after three days", "From CHF 30.00", "two people"]
    ) == [
        "at most 14 days",
        "after three days",
        "From CHF 30.00",
    ]
