"""32 clients accept different bids of one task at the same instant, over HTTP, against real server processes.

    python -m tests.bench.accept_race --engine sqlite --rounds 200 --clients 32

Each round must end with exactly one confirmed booking and exactly the ledger entries that the model says; everybody
else gets a kind page. `--without-guard` races against a copy of the code whose guard is taken out: that must be found
out (exit 1).
"""

import argparse
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import urlencode
from urllib.request import urlopen

from flask_security import hash_password
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config import ROOT
from marketplace import create_app
from marketplace.db import Base, db
from marketplace.domain.money import FEES, GATEWAY, held
from marketplace.gateways.payments.sandbox.cards import COSTS, GOOD_CARD
from marketplace.models import Bid, Booking, Entry, Notice, Payment, Posting, Role, Task
from marketplace.models.accounts import ROLES
from marketplace.queries.ledger import ledger_faults
from tests.factories import install_skills, make_bid, make_helper, make_task, make_user, tomorrow_at
from tests.needs import postgres_database

PASSWORD = "eine-lange-Strasse-7"
WORKERS, THREADS = 2, 16
# The guard: the line that lets one acceptance through, and the database's second line behind it.
GUARD = ("marketplace/actions/bookings.py", "    _claim(session, task)\n")
SECOND_LINE = ("uq_bookings_live", "uq_bids_accepted")
KIND_PAGES = ("A payment is already under way", "Something has changed in the meantime")


@dataclass
class Score:
    """What was counted, and what was not as it must be."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    rounds: int = 0
    seconds: float = 0.0

    def demand(self, holds: bool, fault: str) -> None:
        """Note a fault unless this holds."""
        if not holds:
            self.faults.append(f"round {self.rounds}: {fault}")


class Browser:
    """One client with its own connection, cookies and sign-in."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, values: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, body and where the answer leads."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = urlencode(values) if values is not None else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        page = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, page, answer.headers.get("Location", "")

    def open(self, path: str) -> str:
        """A page, and its CSRF token kept for the next form."""
        status, page, _ = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{status} from {path}")
        self.token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]  # type: ignore[index]
        return page

    def send(self, path: str, values: dict[str, str]) -> tuple[int, str, str]:
        """A form with its token."""
        return self.ask("POST", path, {"csrf_token": self.token, **values})

    def sign_in(self, email: str) -> None:
        """Give mail address and password at the login page."""
        self.open("/login")
        status, _, _ = self.send("/login", {"email": email, "password": PASSWORD})
        if status not in (302, 303):
            raise RuntimeError(f"signing in answered {status}")

    def accept_and_pay(self, bid: str, start: threading.Barrier, answers: Counter[str]) -> None:
        """Open the page before paying, wait for the others, accept; who wins pays to the end."""
        self.connection.close()  # a fresh one each round: an idle one may have been closed by the server
        page = self.open(f"/bids/{bid}/acceptance")
        terms = re.search(r'name="terms"[^>]*value="(\d+)"', page)[1]  # type: ignore[index]
        start.wait()
        reach = {"address": "Rosenweg 3", "phone": "079 123 45 67", "terms": terms}
        status, page, way = self.send(f"/bids/{bid}/acceptance", reach)
        if status == 409:
            kind = any(title in page for title in KIND_PAGES)
            answers["refused with a kind page" if kind else "refused without a kind page"] += 1
        elif status == 303:
            answers["accepted"] += 1
            answers[f"paid, the last page answered {self._pay(way)}"] += 1
        else:
            answers[f"answered {status}"] += 1

    def _pay(self, checkout: str) -> int:
        """The sandbox's page, the way back and the booking; gives the last status."""
        self.open(checkout)
        _, _, way = self.send(f"{checkout}/ending", {"card": GOOD_CARD})
        _, _, way = self.ask("GET", way)
        return self.ask("GET", way)[0]


def race(engine: str, *, rounds: int, clients: int, guarded: bool = True) -> Score:
    """Run the rounds on a fresh database of this engine; gives the score."""
    with tempfile.TemporaryDirectory() as folder, _database(engine, Path(folder)) as url:
        environ = {"VAR_FOLDER": folder, "DATABASE_URL": url, "SIGN_INS_PER_HOUR": "1000000", "DEFAULT_LANGUAGE": "en"}
        app = create_app({**environ, "ENVIRONMENT": "test"})
        with app.app_context():
            email, tasks = _fill(rounds, clients)
            if not guarded:
                _drop_second_line()
            db.engine.dispose()
            code = ROOT if guarded else _copy_without_guard(Path(folder))
            try:
                with _servers(code, environ) as port:
                    return _rounds(port, email, tasks, clients)
            finally:
                db.session.close()
                db.engine.dispose()


def _rounds(port: int, email: str, tasks: list[tuple[int, list[str]]], clients: int) -> Score:
    browsers = [Browser(port) for _ in range(clients)]
    for browser in browsers:
        browser.sign_in(email)
    score, began = Score(), monotonic()
    for task_id, bids in tasks:
        score.rounds += 1
        _one_round(browsers, bids, score)
        _check(task_id, clients, score)
        db.session.rollback()
    score.seconds = monotonic() - began
    for browser in browsers:
        browser.connection.close()
    return score


def _one_round(browsers: list[Browser], bids: list[str], score: Score) -> None:
    """Everybody at once."""
    start, answers, broken = threading.Barrier(len(browsers)), Counter[str](), []

    def run(browser: Browser, bid: str) -> None:
        try:
            browser.accept_and_pay(bid, start, answers)
        except Exception as problem:
            broken.append(repr(problem))
            start.abort()

    threads = [threading.Thread(target=run, args=pair) for pair in zip(browsers, bids, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    score.demand(not broken, f"clients broke: {broken[:3]}")
    score.demand(answers["accepted"] == 1, f"{answers['accepted']} were let through to pay")
    score.demand(answers["refused with a kind page"] == len(browsers) - 1, f"the losers got {dict(answers)}")
    score.answers += answers


def _check(task_id: int, clients: int, score: Score) -> None:
    """One winner, whole books, everybody told once."""
    session = db.session
    of_task = select(Booking).where(Booking.task_id == task_id)
    bookings = session.scalars(of_task).all()
    score.demand([one.state for one in bookings] == ["confirmed"], f"bookings {[one.state for one in bookings]}")
    bids = Counter(session.scalars(select(Bid.state).where(Bid.task_id == task_id)))
    score.demand(bids == {"accepted": 1, "declined": clients - 1}, f"bids {dict(bids)}")
    score.demand(session.scalar(select(Task.state).where(Task.id == task_id)) == "booked", "the task is not booked")
    ids = [one.id for one in bookings]
    moved = session.execute(
        select(Entry.from_account, Entry.to_account, Entry.cents)
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Posting.booking_id.in_(ids))
        .order_by(Entry.id)
    ).all()
    cost = COSTS["card"]  # what the sandbox keeps of a payment
    wanted = [
        line
        for one in bookings[:1]
        for line in ((GATEWAY, held(one.id), one.price_cents), (FEES, GATEWAY, cost.of(one.price_cents)))
    ]
    score.demand([tuple(row) for row in moved] == wanted, f"{len(moved)} ledger entries")
    paid = session.scalars(select(Payment.state).where(Payment.booking_id.in_(ids))).all()
    score.demand(paid == ["held"], f"payments {paid}")
    told = Counter(kind for kind, facts in _notices() if facts.get("task_id") == task_id)
    score.demand(told == {"booking_confirmed": 1, "booking_won": 1, "bid_declined": clients - 1}, f"told {dict(told)}")
    faults = ledger_faults(session)
    score.demand(not faults, f"the ledger: {faults[:3]}")


def _notices() -> list[tuple[str, dict[str, int]]]:
    return [tuple(row) for row in db.session.execute(select(Notice.kind, Notice.facts))]  # type: ignore[misc]


def _fill(rounds: int, clients: int) -> tuple[str, list[tuple[int, list[str]]]]:
    """A customer, helpers, and for each round a task with a bid from each helper: all in one transaction."""
    Base.metadata.create_all(db.engine)
    with db.engine.begin() as connection, Session(connection, join_transaction_mode="create_savepoint") as session:
        session.add_all(Role(name=name) for name in ROLES)
        install_skills(session)
        customer = make_user(session, "Clara Kundin", language="en", password=hash_password(PASSWORD))
        helpers = [make_helper(session, f"Hans Helfer{number}") for number in range(clients)]
        tasks = []
        for number in range(rounds):
            task, at = make_task(session, customer), tomorrow_at(0) + timedelta(hours=number)
            terms = {"starts_at": at, "minutes": 45, "expires_at": at}
            tasks.append((task.id, [make_bid(session, task, helper, **terms).public_id for helper in helpers]))
        return customer.email, tasks


def _drop_second_line() -> None:
    """Take away the database's own guard."""
    with db.engine.begin() as connection:
        for index in SECOND_LINE:
            connection.execute(text(f"DROP INDEX {index}"))


def _copy_without_guard(folder: Path) -> Path:
    """A copy of the code in which the guard's line is taken out."""
    copy = folder / "code"
    kept = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "__pycache__", "tests", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=kept)
    file, line = copy / GUARD[0], GUARD[1]
    source = file.read_text()
    if source.count(line) != 1:
        raise RuntimeError(f"the guard is no longer the line {line!r} of {GUARD[0]}")
    file.write_text(source.replace(line, ""))
    return copy


@contextmanager
def _database(engine: str, folder: Path) -> Iterator[str]:
    """The address of an empty database, removed afterwards."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'race.sqlite'}"
        return
    with postgres_database("race") as url:
        yield url


@contextmanager
def _servers(code: Path, environ: dict[str, str]) -> Iterator[int]:
    """Server processes that run this code; gives their port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "wsgi:application", "--bind", f"fd://{listening.fileno()}"]
        how = ["--workers", str(WORKERS), "--threads", str(THREADS), "--log-level", "error", "--keep-alive", "75"]
        server = subprocess.Popen(
            [*command, *how],
            cwd=code,
            env={**os.environ, **environ, "ENVIRONMENT": "development"},
            pass_fds=[listening.fileno()],
        )
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=120) as answer:
                assert answer.status == 200
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def main() -> int:
    """Race, print what was counted, and say whether the gate holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--without-guard", action="store_true", help="race against a copy whose guard is taken out")
    asked = parser.parse_args()
    score = race(asked.engine, rounds=asked.rounds, clients=asked.clients, guarded=not asked.without_guard)
    print(f"{asked.engine}: {score.rounds} rounds of {asked.clients} clients in {score.seconds:.0f} s")
    for answer, count in score.answers.most_common():
        print(f"{count:>8}  {answer}")
    print(f"{len(score.faults):>8}  faults")
    for fault in score.faults[:20]:
        print(f"          {fault}")
    return 1 if score.faults else 0


if __name__ == "__main__":
    sys.exit(main())
