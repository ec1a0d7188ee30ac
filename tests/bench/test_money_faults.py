"""Whatever call of the gateway fails, and however: nobody is charged, paid or given back twice, and all ends well.

The full count lets every call of every story meet each of the five faults; a sample takes one call each of a few, each
with another fault.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from marketplace.gateways.payments.sandbox.switches import FAULTS
from tests.bench.guards import Guard, tried_without
from tests.bench.money_faults import calls_of, failed
from tests.bench.money_stories import STORIES

# A payout that was made and not heard of is known to the gateway by its key.
SAME_KEY = Guard(
    "marketplace/jobs/payments.py",
    '            key=f"payout-{name}",\n',
    '            key=f"payout-{name}-{clock.now()}",\n',
)
# A sample fails where money moves.
MOVING = ("payment_intents.create", "transfers.create", "transfers.reversals.create", "refunds.create")
SAMPLE = {
    "signed_off": "timeout_after",
    "late_cancellation": "rate_limited",
    "far_ahead": "server_error",
    "in_cash": "server_error_after",
    "all_credit": "timeout_after",
    "unsolved": "reset",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "story" in metafunc.fixturenames:
        metafunc.parametrize("story", list(STORIES) if metafunc.config.getoption("--full") else list(SAMPLE))


def test_a_call_that_fails_changes_nothing(
    app: Flask, start_anew: Callable[[], None], story: str, full: bool, figure: Callable[[str, int], None]
) -> None:
    end, calls = calls_of(app, story)
    assert end.faults == []
    moving = [number for number, call in enumerate(calls, 1) if call in MOVING] or [1]
    chosen = [(number, fault) for number in range(1, len(calls) + 1) for fault in FAULTS]
    if not full:
        chosen = [(moving[-1], SAMPLE[story])]
    faults = {}
    for number, fault in chosen:
        start_anew()
        found = failed(app, story, number, calls[number - 1], fault).faults_against(end)
        if found:
            faults[f"{number}: {calls[number - 1]} {fault}"] = found
    assert faults == {}
    figure(
        "calls of the gateway that failed (5 faults each), nothing was charged, paid or given back twice", len(chosen)
    )


def test_with_another_key_each_time_a_fault_is_noticed(tmp_path: Path, full: bool) -> None:
    if not full:
        pytest.skip("a copy of the code without the guard is tried with --full")
    asked = "fails_changes_nothing and all_credit"
    said = tried_without(SAME_KEY, tmp_path, "tests/bench/test_money_faults.py", "-k", asked)
    assert "not_in_ledger" in said
