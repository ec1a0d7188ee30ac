"""What the documents draw, name and command is what there is."""

import re
import runpy
from dataclasses import fields, replace
from pathlib import Path

import pytest
from flask import Flask

from config import NUMBERS, ROOT, TEXTS
from marketplace.demo import builder, parts
from marketplace.domain.lifecycles import BID, LIFECYCLES
from marketplace.domain.policy import Policy
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD

tool = runpy.run_path(str(ROOT / "tools" / "draw_lifecycles.py"))


def test_the_drawn_lifecycles_are_those_of_the_table():
    text = tool["DOCUMENT"].read_text(encoding="utf-8")
    assert tool["put_into"](text) == text, "run: make docs"


def test_every_move_is_an_arrow():
    drawn = tool["drawn"]()
    arrows = {line.strip() for line in drawn.splitlines() if "-->" in line}
    named = [arrow for arrow in arrows if "[*]" not in arrow]
    moves = {(before, after) for noun in LIFECYCLES for move in noun.moves.values() for before, after in move.items()}
    assert {tuple(arrow.split(":")[0].split(" --> ")) for arrow in named} == moves


def test_an_old_drawing_is_noticed():
    text = tool["DOCUMENT"].read_text(encoding="utf-8")
    old = text.replace(tool["diagram"](BID), tool["diagram"](replace(BID, moves={"accept": {"placed": "accepted"}})))
    assert tool["put_into"](old) == text != old


def test_a_lost_mark_is_noticed():
    with pytest.raises(ValueError):
        tool["put_into"]("# Architecture\n")


# ---- Commands, files and settings that a document names

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
SETTING = re.compile(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`")
OF_TESTS = {"TEST_POSTGRES_URL"}  # read by the tests only


def command_faults(text: str, app: Flask) -> list[str]:
    """Commands that there are not."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = "\n".join(CODE.findall(text))
    faults = [f"make {name}" for name in re.findall(r"\bmake ([a-z-]+)", code) if name not in targets]
    for name, inner in re.findall(r"\bflask ([a-z]+)(?: ([a-z]+))?", code):
        command = app.cli.commands.get(name)
        if command is None or inner not in {"", *getattr(command, "commands", {inner: command})}:
            faults.append(f"flask {name} {inner}".strip())
    return faults


def link_faults(path: Path, text: str) -> list[str]:
    """Files that a document leads to and that are not there."""
    return [target for target in LINK.findall(text) if not (path.parent / target).exists()]


def absent_tests(text: str) -> list[str]:
    """Tests that are not there: by their path, or by the name of their file."""
    code = "\n".join(CODE.findall(text))
    paths = set(re.findall(r"\btests/[\w/.-]*", code))
    names = set(re.findall(r"(?<![\w/])test_\w+\.py", code)) - {
        path.name for path in (ROOT / "tests").rglob("test_*.py")
    }
    return sorted({path for path in paths if not (ROOT / path).exists()} | names)


def setting_faults(text: str) -> list[str]:
    """Settings that nothing reads."""
    source = (ROOT / "config.py").read_text(encoding="utf-8")
    known = {*TEXTS, *NUMBERS, *(number.name.upper() for number in fields(Policy)), *re.findall(r'"([A-Z_]+)"', source)}
    return sorted(set(SETTING.findall(text)) - known - OF_TESTS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_what_there_is(shared_app: Flask, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    faults = command_faults(text, shared_app) + link_faults(path, text) + setting_faults(text) + absent_tests(text)
    assert faults == []


def test_what_there_is_not_is_noticed(shared_app: Flask) -> None:
    text = "`make all`, `make run`, `flask ledger sing`, `flask dance`, `flask work`, [x](docs/x.md), `NOBODY_READS=1`"
    assert command_faults(text, shared_app) == ["make all", "flask ledger sing", "flask dance"]
    assert link_faults(ROOT / "README.md", text) == ["docs/x.md"]
    assert setting_faults(text) == ["NOBODY_READS"]
    named = "`tests/house/`, `pytest tests/x/test_y.py -q`, `test_z.py`, `test_documents.py`, tests/of/prose.py"
    assert absent_tests(named) == ["test_z.py", "tests/x/test_y.py"]


def test_the_readme_lets_its_reader_in() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert builder.PASSWORD in text
    assert GOOD_CARD in text.replace(" ", "")
    named = set(re.findall(r"(\w+)@(?:example\.org)?", text))
    assert {account.email.partition("@")[0] for account in parts.ACCOUNTS} <= named
