"""How long a newcomer waits. The fresh clone comes with `--full`; without, a marketplace that has people already is started."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from tests.bench.first_start import (
    AGAIN_MAX,
    MARK,
    Start,
    environment,
    faults_of,
    free_port,
    marked,
    measure,
    page,
    started,
)

pytestmark = pytest.mark.xdist_group("first start")

FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
# While other tests run beside this one, its processor time is counted, against that of merely reading the code on the same machine:
# three programs read it (starter, web, worker), and what they do besides takes less than once more.
READINGS_MAX = 5.0


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A demo with one person in it, so that nothing is filled."""
    environ = environment({MARK: str(tmp_path), "VAR_FOLDER": str(tmp_path / "var"), "ENVIRONMENT": "demo"})
    somebody = [*FLASK, "operator", "somebody@example.org", "Somebody", "--password", "eine-lange-Strasse-7"]
    subprocess.run(somebody, cwd=ROOT, env=environ, check=True, capture_output=True)
    return environ


def test_a_fresh_clone(full: bool, figure: Callable[[str, int], None]) -> None:
    if not full:
        pytest.skip("a fresh clone is installed and filled with --full")
    score = measure()
    assert score.faults == []
    assert len(faults_of(score.first, "the first start", score.first.seconds / 2)) == 1  # so slow a one is said
    figure("seconds from `make run` in a fresh clone until it answered", math.ceil(score.first.seconds))
    figure("tenths of a second until the second `make run` answered", math.ceil(10 * score.again.seconds))
    figure("seconds of processor time for installing and filling", math.ceil(score.first.cpu_seconds))


def test_a_later_start_is_quick_and_ends_as_a_whole(
    environ: dict[str, str], figure: Callable[[str, int], None]
) -> None:
    port = free_port()
    with started([*FLASK, "serve"], ROOT, environ, port) as start:
        assert "<h1" in page(port, "/")
    assert "PLAY MONEY" in start.said
    assert f"http://localhost:{port}" in start.said
    noted = Path(environ["VAR_FOLDER"]) / "address"
    assert noted.read_text() == f"http://localhost:{port}"
    assert faults_of(start, "a later start", math.inf) == []
    assert start.cpu_seconds <= READINGS_MAX * reading_seconds(environ)
    figure("starts that left nothing behind after Ctrl-C")


def reading_seconds(environ: dict[str, str]) -> float:
    """The processor time that it takes to read the application's code."""
    counted = "import time, wsgi; print(time.process_time())"
    told = subprocess.run([sys.executable, "-c", counted], cwd=ROOT, env=environ, check=True, capture_output=True)
    return float(told.stdout)


def test_a_taken_port_is_said_at_once(environ: dict[str, str]) -> None:
    port = free_port()
    with started([*FLASK, "serve"], ROOT, environ, port):
        said = refusal({**environ, "PORT": str(port)})
    assert f"Port {port} is taken" in said
    assert f"PORT={port + 1} make run" in said


def test_a_database_that_does_not_answer_is_said_in_a_sentence(environ: dict[str, str]) -> None:
    nowhere = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    assert "The database does not answer" in refusal({**environ, "DATABASE_URL": nowhere, "PORT": str(free_port())})


def refusal(environ: dict[str, str]) -> str:
    """What `flask serve` says when it cannot: one line, and no traceback."""
    tried = subprocess.run([*FLASK, "serve"], check=False, cwd=ROOT, env=environ, capture_output=True, timeout=120)
    said = tried.stderr.decode()
    assert tried.returncode == 1
    assert "Traceback" not in said
    return said


def test_when_the_starter_is_killed_its_programs_end_too(environ: dict[str, str]) -> None:
    with started([*FLASK, "serve"], ROOT, environ, free_port()) as start:
        assert len(list(marked(environ[MARK]))) > 2
        os.kill(start.pid, signal.SIGKILL)
    assert start.left_over == ()


def test_what_is_too_slow_or_stays_is_a_fault() -> None:
    good = Start(seconds=4.9, end_seconds=1.0)
    assert faults_of(good, "it", AGAIN_MAX) == []
    assert len(faults_of(Start(seconds=5.1, end_seconds=1.0), "it", AGAIN_MAX)) == 1
    assert len(faults_of(Start(seconds=4.9, end_seconds=61.0, left_over=(1,)), "it", AGAIN_MAX)) == 2
