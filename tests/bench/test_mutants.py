"""The mutation score: a sample takes the smallest file of money with its own tests, the full count all of them, nightly."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from tests.bench.mutants import FILES, SCORE_MIN, TESTS, mutants_of

MONEY = "marketplace/domain/money.py"


def test_what_is_changed_and_what_is_to_notice_are_there() -> None:
    assert [path for path in (*FILES, *TESTS) if not (ROOT / path).exists()] == []


def tried(folder: Path, *asked: str) -> tuple[int, dict[str, Any], str]:
    """Run the command; gives its exit, what it counted, and what it said."""
    told = folder / "mutants.json"
    command = [sys.executable, "-m", "tests.bench.mutants", *asked, "--json", str(told)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.returncode, json.loads(told.read_text()) if told.exists() else {}, ended.stdout + ended.stderr


def test_small_changes_are_noticed(tmp_path: Path, full: bool, figure: Callable[[str, int], None]) -> None:
    asked = () if full else (MONEY, "--tests", "tests/domain/test_money.py")
    ended, told, said = tried(tmp_path, *asked)
    assert ended == 0, said
    assert told["percent"] >= SCORE_MIN
    figure("small changes of the code of money tried", told["counted"])
    if full:
        figure("percent of them noticed by the tests", int(told["percent"]))


def test_tests_that_prove_little_miss_the_gate(tmp_path: Path) -> None:
    ended, told, said = tried(tmp_path, MONEY, "--tests", "tests/domain/test_hours.py")
    assert ended == 1, said
    assert told["percent"] < SCORE_MIN
    assert told["missed"]


@pytest.mark.parametrize("file", [MONEY, "marketplace/domain/fees.py"])
def test_every_change_is_another_code(file: str) -> None:
    codes = [mutant.code for mutant in mutants_of(file)]
    assert len({(code.co_code, code.co_consts, code.co_names) for code in codes}) > 0.9 * len(codes)
