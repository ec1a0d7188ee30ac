"""Counts every figure in full, one command after the other, and writes them into docs/figures.md.

Prints a table of date, count, figure and command; ends with 1 when any gate was missed.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "figures.md"
BEGIN, END = "<!-- nightly: begin -->", "<!-- nightly: end -->"

RUNS = {
    "first-start": "tests/bench/test_first_start.py --full",
    "lighthouse": "tests/bench/test_lighthouse.py --full",
    "permissions": "tests/web/test_permissions.py -n 2",
    "permissions-postgres": "tests/web/test_permissions.py --full -n 2 --engine postgres",
    "lifecycles": "tests/actions/test_lifecycles.py tests/actions/test_payment_states.py -n 2",
    "lifecycles-postgres": "tests/actions/test_lifecycles.py tests/actions/test_payment_states.py -n 2 --engine postgres",
    "race-sqlite": "tests/bench/test_accept_race.py --full --engine sqlite",
    "race-postgres": "tests/bench/test_accept_race.py --full --engine postgres",
    "fuzz": "tests/fuzz --full -n 2",
    "fuzz-postgres": "tests/fuzz --full -n 2 --engine postgres",
    "stories": "tests/story --full",
    "stories-postgres": "tests/story/test_story_http.py --full --engine postgres",
    "demo": "tests/demo --full",
    "demo-postgres": "tests/demo --full --engine postgres",
    "prices": "tests/actions/test_payments.py tests/web/test_payments.py --full",
    "pages": "tests/browser --full -n 2 --dist loadgroup",
}


@dataclass(frozen=True)
class Outcome:
    """How one command ended and what it counted."""

    command: str
    held: bool
    counted: dict[str, int]
    seconds: float


def main() -> int:
    """Run what was asked for (everything, unless named), print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="run", help=f"some of {', '.join(RUNS)}")
    asked = parser.parse_args().runs or list(RUNS)
    if unknown := set(asked) - RUNS.keys():
        parser.error(f"there is no {', '.join(unknown)}")
    outcomes = [run(f"python -m pytest -q {RUNS[name]}") for name in asked]
    rows = [row for outcome in outcomes for row in table_rows(outcome, datetime.now(UTC).date().isoformat())]
    print("\n".join(rows))
    FIGURES.write_text(with_table(FIGURES.read_text(), rows))
    missed = [outcome.command for outcome in outcomes if not outcome.held]
    for command in missed:
        print(f"MISSED: {command}", file=sys.stderr)
    return 1 if missed else 0


def run(command: str) -> Outcome:
    """One command, with what it counted; it holds when it ends well and has counted something."""
    print(f"\n$ {command}", flush=True)
    begun = monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        arguments = [sys.executable, *command.split()[1:], "--figures", str(figures)]
        ended = subprocess.run(arguments, cwd=ROOT, check=False)
        counted = json.loads(figures.read_text()) if figures.exists() else {}
    return Outcome(command, ended.returncode == 0 and bool(counted), counted, monotonic() - begun)


def table_rows(outcome: Outcome, day: str) -> list[str]:
    """The lines of the table for one command; a missed gate has a line even when nothing was counted."""
    result = "held" if outcome.held else "**missed**"
    counted = outcome.counted or {"nothing was counted": 0}
    return [
        f"| {day} | {number:,} | {what} | {result} | `{outcome.command}` ({outcome.seconds / 60:.0f} min) |"
        for what, number in sorted(counted.items())
    ]


def with_table(text: str, rows: list[str]) -> str:
    """The document with these rows between its marks, in the place of what the same commands counted before."""
    head = ["| Date | Count | Figure | Gate | Command |", "|---|---:|---|---|---|"]
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    counted = {_command(row) for row in rows}
    kept = [row for row in table.splitlines() if _command(row) and _command(row) not in counted]
    order = [f"python -m pytest -q {arguments}" for arguments in RUNS.values()]
    known = [row for row in kept + rows if _command(row) in order]
    known.sort(key=lambda row: order.index(_command(row)))
    return before + "\n".join([BEGIN, "", *head, *known, "", END]) + after


def _command(row: str) -> str:
    """The command that a line of the table names; nothing for any other line."""
    found = re.search(r"`(python [^`]+)` \(\d+ min\) \|$", row)
    return found[1] if found else ""


if __name__ == "__main__":
    sys.exit(main())
