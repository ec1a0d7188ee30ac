"""Where the sandbox keeps its books: in our database, in transactions of its own. It refuses to exist in production."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketplace.db import db
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.switches import Switches, read_switches

ADVISORY_LOCK = 7_314_207  # any number that nobody else locks by


class SandboxForbidden(RuntimeError):
    """Play money was wanted where the money is real."""


class Store:
    """Opens the sandbox's books, for one at a time."""

    def __init__(self, settings: Mapping[str, Any], switches: Switches | None = None) -> None:
        if settings["ENVIRONMENT"] == "production":
            raise SandboxForbidden("the sandbox of play money does not run in production")
        self.switches = switches or read_switches(settings["SANDBOX_SWITCHES"])
        self.chance = Random()

    @contextmanager
    def books(self) -> Iterator[Books]:
        """The sandbox's own transaction, on a connection of its own: what it keeps does not hang on ours."""
        if _is_writing(db.session):
            raise RuntimeError("a gateway is called between transactions, never inside one")
        engine = db.engine.execution_options(sqlite_begin="IMMEDIATE")
        with Session(engine, expire_on_commit=False) as session, session.begin():
            if engine.dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
            yield Books(session, self.switches, self.chance)


def _is_writing(session: Session) -> bool:
    """Whether one of our writing transactions is open here."""
    return session.in_transaction() and session.connection().get_execution_options().get("sqlite_begin") == "IMMEDIATE"
