"""The floors: the contracts of pyproject.toml hold, and each of them would be missed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

LINT = Path(sys.executable).parent / "lint-imports"
PLANTED = [
    ("marketplace/domain/money.py", "from marketplace.actions import outbox"),
    ("marketplace/queries/tasks.py", "from marketplace.actions import tasks"),
    ("marketplace/actions/journal.py", "from marketplace.actions import outbox, tasks"),
    ("marketplace/models/journal.py", "from marketplace.models.bids import Bid"),
    ("marketplace/actions/tasks.py", "from flask import request"),
    ("marketplace/domain/places.py", "import sqlalchemy"),
    ("marketplace/web/tasks.py", "from sqlalchemy import select"),
    ("marketplace/jobs/payments.py", "import geopy"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the linter says of the code in this folder."""
    paths = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([LINT, "--no-cache"], cwd=folder, env=paths, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code to break."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(
        ROOT / "marketplace", folder / "marketplace", ignore=shutil.ignore_patterns("*.gz", "*.pyc", "*.json")
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_floor_imports_only_lower_ones(copy: Path) -> None:
    said = lint(copy)
    assert said.returncode == 0, said.stdout
    assert " 0 broken" in said.stdout


@pytest.mark.parametrize(("file", "line"), PLANTED, ids=lambda value: value.rpartition("/")[2])
def test_an_import_upwards_is_seen(copy: Path, file: str, line: str) -> None:
    path = copy / file
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{before}\n{line}\n", encoding="utf-8")
        assert lint(copy).returncode == 1
    finally:
        path.write_text(before, encoding="utf-8")
