"""Running web and worker side by side: the door they share, and one end for all of them."""

import ctypes
import errno
import fcntl
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

PATIENCE = 20  # seconds in which a program that is asked to end has to do so
PR_SET_PDEATHSIG = 1  # of prctl(2)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """The open door: who knocks early waits, and a second marketplace learns at once that the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family)
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            raise click.ClickException(f"cannot listen on {host}, port {port}: {problem.strerror}") from problem
        sentence = f"Port {port} is taken, perhaps by another `make run`. Take another one: PORT={port + 1} make run"
        raise click.ClickException(sentence) from problem
    with door:
        yield door


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time migrates and fills; the next one waits until it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "filling.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_together(*commands: list[str], environment: dict[str, str], door: socket.socket) -> None:
    """Run programs side by side; when one ends or we are asked to stop, all of them stop.

    Each has a session of its own, so that Ctrl-C reaches only us and every program is asked once: a web server that hears
    it twice may hang in its own goodbye.
    """
    programs = [
        subprocess.Popen(  # noqa: S603
            command,
            env=environment,
            pass_fds=[door.fileno()],
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509  nothing else runs here
        )
        for command in commands
    ]
    asked: list[object] = []

    def stop(*signals: object) -> None:
        asked.extend(signals)
        for program in programs:
            program.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    while not asked and all(program.poll() is None for program in programs):
        with suppress(subprocess.TimeoutExpired):
            programs[0].wait(timeout=0.5)
    if not asked:
        stop()
    for program in programs:
        try:
            program.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()
    if not asked:
        raise click.ClickException("Web or worker has ended by itself; what it said stands above.")


def _end_with_parent() -> None:
    """Have Linux ask the program to end when we are killed; elsewhere it lives on."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
