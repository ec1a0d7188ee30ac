"""A copy of the code in which one guard is taken out, to see that a figure notices."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from config import ROOT

LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True)
class Guard:
    """A line of the code that keeps something from going wrong, and what stands there without it."""

    file: str
    line: str
    without: str = ""


def copy_without(guard: Guard, folder: Path) -> Path:
    """The code without this guard."""
    copy = folder / "code"
    shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
    file = copy / guard.file
    source = file.read_text()
    if source.count(guard.line) != 1:
        raise RuntimeError(f"the guard is no longer the line {guard.line!r} of {guard.file}")
    file.write_text(source.replace(guard.line, guard.without))
    return copy


def tried_without(guard: Guard, folder: Path, *asked: str) -> str:
    """What pytest says of these tests without the guard; the tests must fail, not break."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *asked]
    ended = subprocess.run(
        command, cwd=copy_without(guard, folder), capture_output=True, text=True, check=False, timeout=300
    )
    if ended.returncode != 1:
        raise AssertionError(f"pytest ended with {ended.returncode}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return ended.stdout
