"""A small honest sample of the race; the full count runs nightly."""

from collections.abc import Callable

import pytest

from tests.bench.accept_race import race
from tests.needs import demand_postgres


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    chosen = str(request.config.getoption("--engine"))
    if chosen == "postgres":
        demand_postgres()
    return chosen


def test_exactly_one_acceptance_wins(engine: str, full: bool, figure: Callable[[str, int], None]) -> None:
    rounds, clients = (200, 32) if full else (5, 16)
    score = race(engine, rounds=rounds, clients=clients)
    assert score.faults == []
    assert score.rounds == rounds == score.answers["accepted"] == score.answers["paid, the last page answered 200"]
    assert score.answers["refused with a kind page"] == rounds * (clients - 1)
    figure(f"rounds of {clients} clients accepting bids of one task at once, exactly one won ({engine})", rounds)


def test_without_the_guard_the_race_is_lost(engine: str) -> None:
    score = race(engine, rounds=2, clients=8, guarded=False)
    assert any("were let through" in fault for fault in score.faults)
