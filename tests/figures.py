"""What the tests counted, printed after the run; `--figures FILE` also writes it down, `--full` counts in full."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the full count of every figure instead of a sample")
    parser.addoption("--figures", type=Path, help="write what was counted into this file")


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the full counts are asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Add to what was counted under a name; the sum over all tests is printed at the end."""

    def count(what: str, number: int = 1) -> None:
        record_property("figure", [what, number])

    return count


@pytest.fixture
def largest(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Note a measure under a name; the largest over all tests is printed at the end."""
    return lambda what, number: record_property("largest", [what, number])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counted: dict[str, int] = defaultdict(int)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "figure":
                        counted[value[0]] += value[1]
                    if name == "largest":
                        counted[value[0]] = max(counted[value[0]], value[1])
    if counted:
        terminalreporter.section("figures")
        for what, number in sorted(counted.items()):
            terminalreporter.write_line(f"{number:>8}  {what}")
    if config.getoption("--figures"):
        config.getoption("--figures").write_text(json.dumps(counted, indent=2, sort_keys=True))
