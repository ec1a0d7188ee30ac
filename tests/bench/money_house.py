"""The house as it runs: a web server and a worker as processes of their own, which can be killed and are started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Literal
from urllib.error import URLError
from urllib.request import urlopen

Part = Literal["web", "worker"]
PATIENCE = 120.0


class House:
    """Both processes on one address; the socket is ours, so that who knocks meanwhile waits instead of being sent away."""

    def __init__(self, code: Path, environ: Mapping[str, str], listening: socket.socket) -> None:
        self.code, self.listening = code, listening
        self.port = int(listening.getsockname()[1])
        address = f"http://127.0.0.1:{self.port}"
        self.environ = {**os.environ, **environ, "ENVIRONMENT": "demo", "PUBLIC_URL": address}
        self.processes: dict[Part, subprocess.Popen[bytes]] = {}

    def start(self, part: Part) -> None:
        """Start one of the two, as the leader of a group that is killed together."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "work"]
        if part == "web":
            bind = f"fd://{self.listening.fileno()}"
            command = [sys.executable, "-m", "gunicorn", "wsgi:application", "--bind", bind]
            command += ["--workers", "2", "--threads", "4", "--preload", "--log-level", "error"]
        self.processes[part] = subprocess.Popen(
            command,
            cwd=self.code,
            env=self.environ,
            pass_fds=[self.listening.fileno()],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, part: Part) -> None:
        """kill -9, for the process and what it has started."""
        process = self.processes[part]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_for_web(self) -> None:
        """Until the web server answers."""
        until = monotonic() + PATIENCE
        while monotonic() < until:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=PATIENCE) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                sleep(0.05)
        raise TimeoutError("the web server does not answer")

    @property
    def dead(self) -> list[Part]:
        """What has ended by itself."""
        return [part for part, process in self.processes.items() if process.poll() is not None]


@contextmanager
def running(code: Path, environ: Mapping[str, str], port: int = 0) -> Iterator[House]:
    """A house with both processes, which end with the block."""
    with socket.create_server(("127.0.0.1", port), backlog=256) as listening:
        house = House(code, environ, listening)
        try:
            house.start("web")
            house.start("worker")
            house.wait_for_web()
            yield house
        finally:
            for part in list(house.processes):
                if house.processes[part].poll() is None:
                    house.kill(part)
