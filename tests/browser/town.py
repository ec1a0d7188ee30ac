"""A town for browser tests: the real server on a database of its own, and the same application here to look inside."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

from flask import Flask
from flask_security import hash_password

from config import ROOT
from marketplace import clock, create_app
from marketplace.db import Base, db
from marketplace.jobs import worker
from marketplace.models import Role, User
from marketplace.models.accounts import ROLES
from marketplace.web.mails import words
from tests.browser.broken import breaking
from tests.factories import AT_ONCE, install_skills, make_user
from tests.page import Page

Answer = TypeVar("Answer")

PASSWORD = "eine-lange-Strasse-7"
# Tests sign in and post more often in a minute than people do in an hour.
UNHURRIED = {
    name.upper() + "_PER_HOUR": "100000"
    for name in ("sign_ins", "registrations", "recoveries", "posts", "messages", "bids")
}


class Town:
    """The server's address, its people and things by name, and the worker's rounds on demand.

    The server runs as the demo does; `forward` moves its clock, and ours while the worker does its rounds.
    """

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.things: dict[str, str] = {}  # "booking/started": its public id
        self.people: dict[str, int] = {}
        self._cookies: dict[str, dict[str, str]] = {}
        self._ahead = timedelta()
        self._thread = ThreadPoolExecutor(1)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.settings = {
            **UNHURRIED,
            "EARLY_MINUTES": str(AT_ONCE.early_minutes),
            "VAR_FOLDER": str(folder),
            "DATABASE_URL": database_url or f"sqlite:///{folder / 'town.sqlite'}",
            "PUBLIC_URL": self.url,
        }
        self.app: Flask = breaking(create_app({**self.settings, "ENVIRONMENT": "test"}, RATELIMIT_ENABLED=False))
        self.password_hash = self.inside(self._build)

    def _build(self) -> str:
        """Make the tables and the rows of reference; gives the hash of the town's password."""
        Base.metadata.create_all(db.engine)
        db.session.add_all(Role(name=name) for name in ROLES)
        install_skills(db.session)
        db.session.commit()
        return hash_password(PASSWORD)

    def open(self) -> None:
        """Start the server; returns when it answers."""
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "tests.browser.server:application",
            "--bind",
            f"fd://{self._socket.fileno()}",
        ]
        self.log = (self.folder / "server.log").open("w")
        self._server = subprocess.Popen(
            [*command, "--workers", "1", "--threads", "8", "--log-level", "warning"],
            cwd=ROOT,
            env={**os.environ, **self.settings, "ENVIRONMENT": "demo"},
            pass_fds=[self._socket.fileno()],
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        with urlopen(f"{self.url}/healthz", timeout=60) as answer:
            assert answer.status == 200

    def close(self) -> None:
        """Stop the server."""
        self._server.terminate()
        self._server.wait(timeout=30)
        self._thread.shutdown()
        self._socket.close()
        self.log.close()

    def inside(self, do: Callable[[], Answer]) -> Answer:
        """The answer of `do`, done in the application at the server's time; in a thread, as Playwright has a loop."""

        def done() -> Answer:
            with self.app.app_context(), clock.moved_to(datetime.now(UTC) + self._ahead):
                return do()

        return self._thread.submit(done).result()

    def work(self) -> None:
        """Let the worker do all that is due: mails, deadlines, standings."""
        policy, gateways = self.app.extensions["policy"], self.app.extensions["gateways"]
        self.inside(lambda: worker.until_idle(gateways, words, policy=policy))

    def forward(self, by: timedelta) -> None:
        """Move the server's clock ahead and work off what is due then."""
        self._ahead = clock.forward(self.app.config["CLOCK_FILE"], by)
        self.work()

    def settle_in(self, name: str, user: User) -> User:
        """Give a person a name for tests and the password of the town. The person lives in the open session."""
        user.password = self.password_hash
        user.email = f"{name}@example.org"
        db.session.commit()
        self.people[name] = user.id
        return user

    def newcomer(self, name: str, full_name: str) -> User:
        """A customer who has done nothing yet."""
        return self.settle_in(name, make_user(db.session, full_name))

    def cookies(self, name: str | None) -> dict[str, str]:
        """The cookies of a person who has given the password at the login page; of a stranger, who has begun drafts."""
        if name is None:
            return {}
        if name not in self._cookies:
            self._cookies[name] = {"session": self.inside(lambda: self._sign_in(name))}
        return self._cookies[name]

    def _sign_in(self, name: str) -> str:
        """The secret of a session that was opened at the login page."""
        page = Page(self.app)
        page.get("/login").submit({"email": f"{name}@example.org", "password": PASSWORD})
        cookie = page.client.get_cookie("session")
        assert cookie is not None
        return cookie.value

    def give_cookie(self, name: str, cookie: str, value: str) -> None:
        """Somebody without an account keeps a secret in the browser."""
        self._cookies[name] = {cookie: value}

    def address(self, endpoint: str, values: dict[str, str]) -> str:
        """The path of a page; values that name a thing stand for its public id."""
        known = {name: self.things.get(value, value) for name, value in values.items()}
        return self.app.url_map.bind("").build(endpoint, known)

    def complaints(self) -> str:
        """The end of what the server logged."""
        self.log.flush()
        return (self.folder / "server.log").read_text()[-3000:]
