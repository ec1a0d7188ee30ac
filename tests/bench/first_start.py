"""What a newcomer waits for: `make run` in a fresh clone until it answers, Ctrl-C, and the second start.

    python -m tests.bench.first_start

Clones what is committed here, lets `make run` install, migrate, fill and serve there, and asks /readyz all the time. It fails
when the first start takes longer than 90 seconds, a later one longer than 5, when anything outlives Ctrl-C, or when a filling
that was killed half-way leaves half a marketplace behind.
"""

import math
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

from config import ROOT

FIRST_MAX, AGAIN_MAX, END_MAX = 90.0, 5.0, 10.0  # seconds
MARK = "HILFREICH_FIRST_START"  # in the environment of whatever we start, so that it is found again
OURS = (
    "VAR_FOLDER",
    "DATABASE_URL",
    "PUBLIC_URL",
    "ENVIRONMENT",
    "PORT",
    "HOST",
    "WORKERS",
    "VIRTUAL_ENV",
    "FLASK_APP",
)
MAKE_RUN = ("make", "run")


@dataclass
class Start:
    """One start: how long until it answered, what it said, and how it ended."""

    pid: int = 0
    seconds: float = math.inf
    said: str = ""
    end_seconds: float = math.inf  # until nothing of it was left
    cpu_seconds: float = math.inf
    left_over: tuple[int, ...] = ()


@dataclass
class Score:
    """All that was measured, and what was not as it must be."""

    first: Start
    again: Start
    after_kill: Start
    faults: list[str]


def measure() -> Score:
    """Clone, start, start again, kill a filling, start once more."""
    with tempfile.TemporaryDirectory(prefix="first-start-") as name:
        clone = Path(name) / "hilfreich"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        port, environ = free_port(), environment({MARK: name})
        with started(MAKE_RUN, clone, environ, port) as first:
            tasks = page(port, "/tasks?place=3011+Bern&radius=50").count('class="card task-card')
        with started(MAKE_RUN, clone, environ, port) as again:
            page(port, "/")
        shutil.rmtree(clone / "var")
        _kill_a_filling(clone, environ, port)
        with started(MAKE_RUN, clone, environ, port) as after_kill:
            page(port, "/")
        faults = [
            *faults_of(first, "the first start", FIRST_MAX),
            *faults_of(again, "the second start", AGAIN_MAX),
            *faults_of(after_kill, "the start after a killed filling", FIRST_MAX),
            *([] if tasks else ["there was no open task near Bern"]),
            *([] if _is_whole(clone) else ["a killed filling left half a marketplace"]),
        ]
        return Score(first, again, after_kill, faults)


def faults_of(start: Start, name: str, most: float) -> list[str]:
    """What was wrong with one start."""
    faults = []
    if start.seconds > most:
        faults.append(f"{name} took {start.seconds:.1f} s, more than {most:.0f}; it said:\n{start.said[-2000:]}")
    if start.end_seconds > END_MAX:
        faults.append(f"{name} took {start.end_seconds:.1f} s to end, more than {END_MAX:.0f}")
    if start.left_over:
        faults.append(f"{name} left processes behind: {start.left_over}")
    return faults


@contextmanager
def started(command: Sequence[str], folder: Path, environ: dict[str, str], port: int) -> Iterator[Start]:
    """Start the marketplace, wait until it answers, and end it as Ctrl-C in a terminal does."""
    start, before = Start(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as said:
        begun = monotonic()
        program = _run(command, folder, {**environ, "PORT": str(port)}, said)
        start.pid = program.pid
        if answers(port, program):
            start.seconds = monotonic() - begun
        try:
            yield start
        finally:
            _end(program, start, environ[MARK])
            said.seek(0)
            start.said = said.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    start.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def answers(port: int, program: subprocess.Popen[str], *, patience: float = 300.0) -> bool:
    """Ask /readyz until it answers 200; False when the program ends before."""
    begun, pause = monotonic(), Event()
    while monotonic() - begun < patience and program.poll() is None:
        with suppress(OSError, URLError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=patience) as answer:
            return bool(answer.status == 200)
        pause.wait(0.05)
    return False


def page(port: int, path: str) -> str:
    """A page as a visitor gets it."""
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return str(answer.read().decode())


def environment(more: dict[str, str]) -> dict[str, str]:
    """Our environment as a newcomer's: without what we or make have set for ourselves."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("MAKE")}
    return {**kept, **more}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def marked(mark: str) -> Iterator[int]:
    """The processes that bear our mark and still live."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def _run(command: Sequence[str], folder: Path, environ: dict[str, str], said: IO[str]) -> subprocess.Popen[str]:
    where: dict[str, Any] = {"cwd": folder, "env": environ, "stdout": said, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, start_new_session=True, **where)


def _end(program: subprocess.Popen[str], start: Start, mark: str) -> None:
    """Press Ctrl-C, and note how long it takes until nothing is left; what stays is killed after a minute."""
    begun, pause = monotonic(), Event()
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGINT)
    while (program.poll() is None or any(marked(mark))) and monotonic() - begun < 60:
        pause.wait(0.05)
    start.left_over = tuple(marked(mark))
    if not start.left_over:
        start.end_seconds = monotonic() - begun
    for pid in start.left_over:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    program.wait(timeout=10)


def _kill_a_filling(clone: Path, environ: dict[str, str], port: int) -> None:
    """Begin to fill, and kill everything when some people are there."""
    with tempfile.TemporaryFile("w+") as said:
        program = _run(MAKE_RUN, clone, {**environ, "PORT": str(port)}, said)
        pause = Event()
        while program.poll() is None and _people(clone) < 50:
            pause.wait(0.1)
        os.killpg(program.pid, signal.SIGKILL)
        program.wait(timeout=30)
        while any(marked(environ[MARK])):
            pause.wait(0.1)


def _people(clone: Path) -> int:
    """How many people are in the clone's database by now."""
    return int(_asked(clone, "SELECT count(*) FROM users") or 0)


def _is_whole(clone: Path) -> bool:
    """Whether the filling came to its end: 400 tasks, and the admin, who comes last."""
    admins = "SELECT count(*) FROM users WHERE email = 'admin@example.org'"
    return _asked(clone, "SELECT count(*) FROM tasks") == 400 and _asked(clone, admins) == 1


def _asked(clone: Path, question: str) -> int | None:
    """A number from the clone's database; None while there is none."""
    file = clone / "var" / "hilfreich.sqlite"
    with suppress(sqlite3.OperationalError), sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return int(connection.execute(question).fetchone()[0])
    return None


def main() -> int:
    """Measure, print what was measured, and say whether the gates hold."""
    score = measure()
    for name in ("first", "again", "after_kill"):
        start = getattr(score, name)
        print(f"{name:>10}: {start.seconds:6.1f} s until it answered, {start.end_seconds:5.1f} s to end, ", end="")
        print(f"{start.cpu_seconds:6.1f} s of processor time")
    for fault in score.faults:
        print(fault, file=sys.stderr)
    return 1 if score.faults else 0


if __name__ == "__main__":
    sys.exit(main())
