"""A small honest sample of the kills; the full count runs nightly."""

from collections.abc import Callable

import pytest

from tests.bench.money_kills import run
from tests.needs import demand_postgres


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    chosen = str(request.config.getoption("--engine"))
    if chosen == "postgres":
        demand_postgres()
    return chosen


def test_kills_lose_and_double_nothing(engine: str, full: bool, figure: Callable[[str, int], None]) -> None:
    kills, operations = (200, 2_000) if full else (4, 60)
    score = run(engine, kills=kills, operations=operations, in_a_hurry=not full)
    assert score.faults == []
    assert score.kills.total() >= kills
    assert score.operations.total() >= operations
    figure(f"kill -9 of web and worker, nothing lost, doubled or stuck ({engine})", score.kills.total())
    figure(f"of them inside an operation ({engine})", score.inside.total())
    figure(f"money operations over HTTP while they were killed ({engine})", score.operations.total())


def test_what_never_comes_free_again_is_noticed(engine: str, full: bool) -> None:
    if not full:
        pytest.skip("a copy of the code without the guard is tried with --full")
    score = run(engine, kills=4, operations=60, parts=("worker",), guarded=False, in_a_hurry=True)
    assert any("stuck" in fault for fault in score.faults)
