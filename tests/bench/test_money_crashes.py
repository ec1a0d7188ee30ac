"""A process may die before and after every commit and every call of the gateway: the end is the same.

The full count dies at every place of every story; a sample dies once in each of a few.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.bench.guards import Guard, tried_without
from tests.bench.money_crashes import crashed, undisturbed
from tests.bench.money_stories import STORIES

# The gateway knows a repeat by its key.
KEY = Guard(
    "marketplace/jobs/payments.py",
    '            key=f"payout-{name}",\n',
    '            key=f"payout-{name}-{clock.now()}",\n',
)
# A sample dies where the gateway has moved money and we have not heard of it.
PERILOUS = ("after charge", "after transfer", "after reverse", "after refund", "after open_checkout")
SAMPLE = ("signed_off", "no_show", "far_ahead", "bank_asks", "slow_refund")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "story" in metafunc.fixturenames:
        metafunc.parametrize("story", list(STORIES) if metafunc.config.getoption("--full") else SAMPLE)


def test_dying_anywhere_changes_nothing(
    app: Flask, start_anew: Callable[[], None], story: str, full: bool, figure: Callable[[str, int], None]
) -> None:
    end, places = undisturbed(app, story)
    assert end.faults == []
    perilous = next(place for place in PERILOUS if place in places)
    chosen = range(1, len(places) + 1) if full else [places.index(perilous) + 1]
    faults = {}
    for number in chosen:
        start_anew()
        found = crashed(app, story, number, places[number - 1]).faults_against(end)
        if found:
            faults[f"{number}: {places[number - 1]}"] = found
    assert faults == {}
    figure("places of money's stories at which the process died, the end was the same", len(chosen))


def test_without_keys_dying_after_a_call_is_noticed(tmp_path: Path, full: bool) -> None:
    if not full:
        pytest.skip("a copy of the code without the guard is tried with --full")
    said = tried_without(KEY, tmp_path, "tests/bench/test_money_crashes.py", "-k", "anywhere and no_show")
    assert "after transfer" in said
    assert "not_in_ledger" in said
