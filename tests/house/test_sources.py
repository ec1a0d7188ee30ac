"""House rules of the Python code: each gives the places where it is broken, and is shown one that it must see."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from config import ROOT
from marketplace import models
from marketplace.domain import lifecycles
from marketplace.domain.policy import Policy

MARKETPLACE = sorted((ROOT / "marketplace").rglob("*.py"))
EVERYWHERE = [*MARKETPLACE, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "tools").rglob("*.py"))]

STATES = frozenset(state for lifecycle in lifecycles.LIFECYCLES for state in lifecycle.states)
# Words of states that mean something else where they stand, and what.
OUTCOME, FAILURE, LINE = "how a payment page ended", "why a payment failed", "a line of a booking's money"
SAID, REASON, METHOD = "what the gateway says", "why money was shared out", "how a payment is paid"
HOMONYMS = {
    "marketplace/actions/badges.py": {"signed_off": "a figure of the journal"},
    "marketplace/actions/payments.py": {
        "card_saved": "what the gateway says, or an event of the journal",
        "cash": METHOD,
        "declined": FAILURE,
        "lapsed": FAILURE,
        "no_show": REASON,
        "not_solvable": REASON,
    },
    "marketplace/actions/refunds.py": {"failed": FAILURE},
    "marketplace/domain/badges.py": {"signed_off": "a condition of the badge"},
    "marketplace/domain/gateway.py": {
        "action_needed": SAID,
        "answered": SAID,
        "card_saved": SAID,
        "declined": SAID,
        "done": SAID,
        "failed": SAID,
        "lost": SAID,
        "open": SAID,
        "won": SAID,
    },
    "marketplace/domain/money.py": {"cash": METHOD},
    "marketplace/gateways/payments/sandbox/charges.py": {"failed": SAID, "refunded": SAID},
    "marketplace/gateways/payments/sandbox/checkout_sessions.py": {"expired": SAID, "open": SAID},
    "marketplace/gateways/payments/sandbox/desk.py": {"failed": SAID},
    "marketplace/gateways/payments/sandbox/disputes.py": {"lost": SAID, "won": SAID},
    "marketplace/gateways/payments/sandbox/payer.py": {"open": SAID},
    "marketplace/gateways/payments/sandbox/refunds.py": {"failed": SAID},
    "marketplace/gateways/payments/stripe_door.py": {"open": SAID},
    "marketplace/gateways/payments/stripe_facts.py": {
        "action_needed": SAID,
        "answered": SAID,
        "card_saved": SAID,
        "declined": SAID,
        "done": SAID,
        "expired": SAID,
        "failed": SAID,
        "lost": SAID,
        "open": SAID,
        "won": SAID,
    },
    "marketplace/gateways/payments/stripe_payers.py": {"action_needed": SAID, "declined": SAID, "open": SAID},
    "marketplace/jobs/payments.py": {"declined": SAID},
    "marketplace/models/payments.py": {
        "cash": METHOD,
        "declined": FAILURE,
        "lapsed": FAILURE,
        "no_show": REASON,
        "not_solvable": REASON,
        "refunded": "a constraint's name",
    },
    "marketplace/queries/bookkeeping.py": {
        "held": LINE,
        "sent": "a column of an export",
        "waiting": "a column of an export",
    },
    "marketplace/queries/disputes.py": {"cancelled": "what is told a bank", "closed": "what is told a bank"},
    "marketplace/queries/ledger.py": {"cash": METHOD, "held": LINE, "refunded": LINE},
    "marketplace/queries/money.py": {"held": LINE, "sent": "a column of an export", "waiting": "a column of an export"},
    "marketplace/queries/money_lists.py": {"held": LINE},
    "marketplace/queries/operator.py": {"suspended": "people who are shut out"},
    "marketplace/queries/papers.py": {"cash": METHOD},
    "marketplace/web/booking_words.py": {"held": LINE, "refunded": LINE},
    "marketplace/web/bookings.py": {"asked": "extra work that waits for an answer"},
    "marketplace/web/operator/bookings.py": {"held": LINE, "no_show": REASON, "not_solvable": REASON, "refunded": LINE},
    "marketplace/web/operator/events.py": {
        "card_saved": "what the gateway says, or an event of the journal",
        "declined": FAILURE,
        "lapsed": FAILURE,
        "signed_off": "a figure",
    },
    "marketplace/web/operator/goodwill.py": {"cash": METHOD},
    "marketplace/web/operator/money.py": {"held": LINE},
    "marketplace/web/operator/money_words.py": {"declined": FAILURE, "failed": FAILURE, "held": LINE},
    "marketplace/web/operator/people.py": {"suspended": "people who are shut out"},
    "marketplace/web/paper_words.py": {"cash": METHOD, "held": LINE, "refunded": LINE},
    "marketplace/web/payments.py": {"cash": METHOD},
    "marketplace/web/webhooks.py": {"done": "an answer to the gateway"},
}
ROOMS_WE_DO_NOT_HAVE = {"utils", "util", "helpers", "common", "misc", "core", "lib", "shared"}
# Words that the glossary does not use. `jobs/` are background jobs; a vendored file comes from outside.
NOT_USED = re.compile(r"(?:^|_)(job|offer|gig|order|provider|seller|vendor|ticket|escrow|admin_panel)s?(?=_|$)")
USED_OTHERWISE = {"order", "orders", "ordered", "order_by"}  # the order of a list; nobody orders anything here
# A lazy vendor, imported where it is first needed: the file and the reason.
SLOW_VENDORS: dict[str, str] = {}

Faults = Iterator[str]


def source(path: Path) -> tuple[str, ast.Module]:
    """A file and its syntax tree."""
    text = path.read_text(encoding="utf-8")
    return text, ast.parse(text)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---- The rules


def imports_inside(tree: ast.Module) -> Faults:
    """Imports that are not at the top."""
    for inner in ast.walk(tree):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.Try):
            for node in ast.walk(inner):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield f"line {node.lineno}: an import that is not at the top"


def type_checking(tree: ast.Module) -> Faults:
    """Imports that only the type checker sees: a sign of a ring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.alias) and "TYPE_CHECKING" in (
            getattr(node, "id", ""),
            getattr(node, "name", ""),
        ):
            yield f"line {node.lineno}: TYPE_CHECKING"


def missing_docstrings(tree: ast.Module) -> Faults:
    """Modules, classes and public functions that do not say what they are."""
    if not ast.get_docstring(tree):
        yield "the module has no docstring"
    for node in ast.walk(tree):
        is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if is_public and not ast.get_docstring(node) and not _is_inner(tree, node):
            yield f"line {node.lineno}: {node.name} has no docstring"


def _is_inner(tree: ast.Module, node: ast.AST) -> bool:
    """Whether it stands inside a function."""
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one is not node]
    return any(node in ast.walk(one) for one in functions)


def unused_words(tree: ast.Module) -> Faults:
    """Names that use a word which the glossary does not know."""
    for node in ast.walk(tree):
        name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "arg", None)
        if isinstance(name, str) and name not in USED_OTHERWISE:
            found = NOT_USED.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())
            if found and found[1] not in USED_OTHERWISE:
                yield f"line {getattr(node, 'lineno', 0)}: the name {name}"


def states_spelled_out(tree: ast.Module) -> Faults:
    """A state written as a string where it is set, compared or asked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _is_state(node.left) and _names_states(node.comparators):
            yield f"line {node.lineno}: a state is compared with a string"
        elif (
            isinstance(node, ast.Assign)
            and any(_is_state(target) for target in node.targets)
            and _names_states([node.value])
        ):
            yield f"line {node.lineno}: a state is set to a string"
        elif isinstance(node, ast.keyword) and node.arg == "state" and _names_states([node.value]):
            yield f"line {node.value.lineno}: a state is given as a string"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _asks_for_states(node):
            yield f"line {node.lineno}: states are listed as strings"


def _asks_for_states(node: ast.Call) -> bool:
    function = node.func
    assert isinstance(function, ast.Attribute)
    return function.attr in ("in_", "not_in") and _is_state(function.value) and _names_states(node.args)


def _is_state(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "state") or (
        isinstance(node, ast.Name) and node.id == "state"
    )


def _names_states(nodes: list[ast.expr]) -> bool:
    strings = (one.value for node in nodes for one in ast.walk(node) if isinstance(one, ast.Constant))
    return any(value in STATES for value in strings)


def words_of_states(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that is the name of a state, wherever it stands, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in STATES:
            yield node.lineno, node.value


def network_inside_transactions(tree: ast.Module) -> Faults:
    """A gateway called between the beginning of a writing transaction and its commit."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any("transaction(" in ast.unparse(item.context_expr) for item in node.items):
            for inner in ast.walk(ast.Module(node.body, [])):
                if isinstance(inner, ast.Call) and re.search(
                    r"\b(gateways?\b|door\.|post\.|geocoder\.)", ast.unparse(inner.func)
                ):
                    yield f"line {inner.lineno}: {ast.unparse(inner.func)} is called inside transaction()"


def naive_moments(tree: ast.Module) -> Faults:
    """Another reader of the time than the clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and re.fullmatch(
            r"(datetime|date|time|dt)(\.datetime)?\.(now|utcnow|today|time)", ast.unparse(node.func)
        ):
            yield f"line {node.lineno}: {ast.unparse(node.func)} is not the clock"


WRITING = {
    "add_all",
    "bulk_save_objects",
    "insert",
    "insert_into",
    "merge",
    "setattr",
    "text",
    "update",
}  # of whoever it is asked
SESSION = re.compile(r"(^|\.)(session|rows|s)$")  # a set may be added to, too


def rows_by_hand(tree: ast.Module) -> Faults:
    """A row that comes about, changes or goes without an action: for the demo, whose people do what anybody can."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            asked, _, verb = ast.unparse(node.func).rpartition(".")
            is_of_session = verb in ("add", "delete") and (not asked or SESSION.search(asked))
            if verb in WRITING or verb in models.__all__ or is_of_session:
                yield f"line {node.lineno}: {ast.unparse(node.func)} writes a row, which is for an action"
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            if ast.unparse(node.value) != "self":
                yield f"line {node.lineno}: {ast.unparse(node)} is changed by hand, which is for an action"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            for name in {one.name for one in node.names} & (WRITING | {"delete"}):
                yield f"line {node.lineno}: {name} is imported, which is for an action"


def unfinished(text: str) -> Faults:
    """What somebody meant to do later."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"line {number}: {line.strip()}"


# ---- Kept everywhere

CLOCKS = {
    "marketplace/clock.py",  # the clock itself
    "marketplace/gateways/mail.py",  # a mail bears the post's date, not the demo's
}


@pytest.mark.parametrize("path", MARKETPLACE, ids=name_of)
def test_a_file_keeps_the_rules(path: Path) -> None:
    text, tree = source(path)
    faults = [*type_checking(tree), *missing_docstrings(tree), *unused_words(tree), *network_inside_transactions(tree)]
    if name_of(path) not in SLOW_VENDORS:
        faults += imports_inside(tree)
    if path.name != "lifecycles.py":
        faults += states_spelled_out(tree)
    if name_of(path) not in CLOCKS:
        faults += naive_moments(tree)
    assert faults + list(unfinished(text)) == []


@pytest.mark.parametrize("path", [path for path in MARKETPLACE if path.parent.name == "demo"], ids=name_of)
def test_every_row_of_the_demo_comes_about_by_an_action(path: Path) -> None:
    assert list(rows_by_hand(source(path)[1])) == []


def test_no_state_is_spelled_out_but_on_the_page_of_the_lifecycles(figure: Callable[[str, int], None]) -> None:
    """Not even in a list or a table; what only looks like a state is declared, and is still there."""
    found = {name_of(path): list(words_of_states(source(path)[1])) for path in MARKETPLACE}
    on_the_page = found.pop("marketplace/domain/lifecycles.py")
    assert {word for _, word in on_the_page} == STATES
    faults = [
        f"{name}, line {line}: {word!r} is a state: use its lifecycle's name for it"
        for name, words in found.items()
        for line, word in words
        if word not in HOMONYMS.get(name, {})
    ]
    assert faults == []
    there = {name: {word for _, word in words} for name, words in found.items() if words}
    assert there == {name: set(words) for name, words in HOMONYMS.items()}
    figure(
        "words of states read in the code, on the lifecycles' page or declared",
        sum(map(len, found.values())) + len(on_the_page),
    )


@pytest.mark.parametrize("path", [path for path in EVERYWHERE if path.resolve() != Path(__file__)], ids=name_of)
def test_nothing_is_left_for_later_and_every_module_says_what_it_is(path: Path) -> None:
    text, tree = source(path)
    assert list(unfinished(text)) == []
    assert path.name == "__init__.py" or ast.get_docstring(tree), "no docstring"


def test_there_is_no_room_for_what_belongs_nowhere() -> None:
    rooms = {part for path in EVERYWHERE for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
    assert rooms & ROOMS_WE_DO_NOT_HAVE == set()


def test_no_number_of_the_business_stands_outside_the_policy() -> None:
    """The published figures (fee, hours, days) are told apart by their values and the words beside them."""
    assert [fault for path in MARKETPLACE if path.name != "policy.py" for fault in business_numbers(path)] == []


def test_every_number_of_the_policy_is_read() -> None:
    """What an operator may change and nothing reads would be a promise that nobody keeps."""
    texts = [path.read_text(encoding="utf-8") for path in MARKETPLACE if name_of(path) != POLICY]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.*")]
    assert unread_numbers(texts) == set()


POLICY = "marketplace/domain/policy.py"


def unread_numbers(texts: Iterable[str]) -> set[str]:
    """The numbers of the policy that no text reads: by name, through one of its properties, or by the end of its name."""
    read, ends = set[str](), tuple[str, ...]()
    for text in texts:
        read |= set(re.findall(r"(?i)\bpolicy(?:\(\))?\.(\w+)", text))
        ends += tuple(re.findall(r'getattr\(policy\(\), f"\{\w+\}(\w+)"\)', text))
    for node in ast.walk(source(ROOT / POLICY)[1]):
        if isinstance(node, ast.FunctionDef) and node.name in read:
            read |= set(re.findall(r"\bself\.(\w+)", ast.unparse(node)))
    return (
        {number.name for number in fields(Policy)}
        - read
        - {one.name for one in fields(Policy) if one.name.endswith(ends)}
    )


BUSINESS = re.compile(
    r"\b(fee|price_m|free_cancellation|late_cancellation|sign_off_hours|review_days|draft_days|friend_|reservation)\w*$"
)


def business_numbers(path: Path) -> Faults:
    """A number given to a name that belongs to the policy."""
    _, tree = source(path)
    for node in ast.walk(tree):
        given: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.Assign):
            given = [(ast.unparse(target).rpartition(".")[2].lower(), node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign):
            given = [(ast.unparse(node.target).rpartition(".")[2].lower(), node.value)]
        elif isinstance(node, ast.keyword) and node.arg:
            given = [(node.arg.lower(), node.value)]
        for name, value in given:
            number = (
                isinstance(value, ast.Constant) and isinstance(value.value, int) and not isinstance(value.value, bool)
            )
            if number and value.value and BUSINESS.match(name):
                yield f"{name_of(path)}: {name} = {value.value}"


# ---- Each rule sees what is planted

PLANTED = [
    (imports_inside, "def verb():\n    import json\n"),
    (imports_inside, "try:\n    import json\nexcept ImportError:\n    json = None\n"),
    (type_checking, "from typing import TYPE_CHECKING\n"),
    (missing_docstrings, "x = 1\n"),
    (missing_docstrings, '"""A module."""\ndef verb():\n    pass\n'),
    (missing_docstrings, '"""A module."""\nclass Thing:\n    """A thing."""\n    def verb(self):\n        pass\n'),
    (unused_words, "def make_offer(): pass\n"),
    (unused_words, "class JobOffer: pass\n"),
    (unused_words, "escrow_cents = 1\n"),
    (unused_words, "def pay(provider): pass\n"),
    (states_spelled_out, "if bid.state == 'accepted': pass\n"),
    (states_spelled_out, "bid.state = 'accepted'\n"),
    (states_spelled_out, "select(Bid).where(Bid.state.in_(('placed', 'countered')))\n"),
    (states_spelled_out, "Booking(state='confirmed')\n"),
    (states_spelled_out, "waits = task.state in ('open', 'booked')\n"),
    (words_of_states, "WHICH = {'x': ('unsolved',)}\n"),
    (words_of_states, "STEP = {'on_the_way': 3}\n"),
    (words_of_states, "def come(decided='granted'): pass\n"),
    (words_of_states, "f'{states[\"held\"]}'\n"),
    (network_inside_transactions, "with transaction() as session:\n    gateways().payments.refund(1)\n"),
    (rows_by_hand, "session.add(person)\n"),
    (rows_by_hand, "db.session.add(person)\n"),
    (rows_by_hand, "on_booking(1, lambda s, b: s.delete(b))\n"),
    (rows_by_hand, "session.add_all([one, other])\n"),
    (rows_by_hand, "session.execute(insert(User), people)\n"),
    (rows_by_hand, "session.execute(update(Task).values(title='x'))\n"),
    (rows_by_hand, "session.execute(delete(Task))\n"),
    (rows_by_hand, "from sqlalchemy import delete as gone\n"),
    (rows_by_hand, "person = User(name='Anna')\n"),
    (rows_by_hand, "task = models.Task(title='x')\n"),
    (rows_by_hand, "person.phone = '+41790000000'\n"),
    (rows_by_hand, "bid.price_cents += 100\n"),
    (rows_by_hand, "setattr(bid, 'price_cents', 100)\n"),
    (naive_moments, "at = datetime.now(UTC)\n"),
    (naive_moments, "day = date.today()\n"),
]


@pytest.mark.parametrize(("rule", "code"), PLANTED, ids=lambda value: getattr(value, "__name__", "")[:30])
def test_a_broken_rule_is_seen(rule, code) -> None:
    assert list(rule(ast.parse(code)))


def test_other_broken_rules_are_seen() -> None:
    assert list(unfinished("x = 1  # TODO: more\n"))
    planted = ROOT / "marketplace" / "domain" / "policy.py"
    assert list(business_numbers(planted))
    read = "days = policy.review_days + policy().hold_days\nuntil = now + policy.reservation\nfee_percent = 3\n"
    unread = unread_numbers([read, 'most = getattr(policy(), f"{what}_per_hour")\n'])
    assert unread >= {"fee_percent", "draft_days"}
    assert unread.isdisjoint({"review_days", "hold_days", "reservation_minutes", "posts_per_hour"})


def test_a_kept_rule_is_not_mistaken() -> None:
    kept = ast.parse('"""A module."""\nqueries.order_by(Bid.id)\nbid.state = BID.begins\nif role == "accepted": pass\n')
    for rule in (imports_inside, type_checking, missing_docstrings, unused_words, states_spelled_out, naive_moments):
        assert list(rule(kept)) == []
    lived = "granted.add(code)\nself.pile = []\nsession.scalars(select(User))\nbids.place(session, task, by=helper)\n"
    assert list(rows_by_hand(ast.parse(lived))) == []
    assert (
        list(words_of_states(ast.parse("words = ['Held', 'held safely', 'heldenhaft']\nstep = {BID.placed: 1}\n")))
        == []
    )
