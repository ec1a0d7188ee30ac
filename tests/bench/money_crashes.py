"""Where a process may die while money moves: before and after each commit that writes something, and each call of the gateway.

The places are found by living a story once and noting each that is passed; then the story is lived again for each of them, and
dies there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, SessionTransaction

from marketplace.db import db
from marketplace.gateways import Gateways
from tests.bench.money_stories import End, lived
from tests.bench.money_town import Crash

WRITING = ("INSERT", "UPDATE", "DELETE")


class Wire:
    """Notes each place that is passed, and ends the process at one of them."""

    def __init__(self, trips_at: int | None = None) -> None:
        self.passed: list[str] = []
        self.trips_at = trips_at
        self.calls = 0
        self.wrote = self.is_written = self.is_stretched = False

    def step(self, place: str) -> None:
        """Pass a place; the one that was chosen is the last."""
        if not self.is_stretched:
            return
        self.passed.append(place)
        if len(self.passed) == self.trips_at:
            raise Crash(place)

    @contextmanager
    def stretched(self) -> Iterator[None]:
        """Notice every commit of ours, as long as the block lasts."""
        listeners: tuple[tuple[Any, str, Callable[..., None]], ...] = (
            (Engine, "after_cursor_execute", self._after_statement),
            (Session, "before_commit", self._before_commit),
            (Session, "after_commit", self._after_commit),
            (Session, "after_transaction_end", self._after_end),
        )
        for listener in listeners:
            event.listen(*listener)
        self.is_stretched = True
        try:
            yield
        finally:
            self.is_stretched = False
            for listener in listeners:
                event.remove(*listener)

    def watched(self, doors: Gateways) -> Gateways:
        """The same doors, with a wire before and behind the one to the gateway."""
        return replace(doors, payments=WiredGateway(doors.payments, self))  # type: ignore[arg-type]

    def _after_statement(self, connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if not self.calls and statement.lstrip().upper().startswith(WRITING) and cursor.rowcount:
            self.wrote = True

    def _before_commit(self, session: Session) -> None:
        if self._is_ours(session):
            self.wrote = self.wrote or bool(session.new or session.dirty or session.deleted)
            if self.wrote:
                self.step("before a commit")

    def _after_commit(self, session: Session) -> None:
        self.is_written = self._is_ours(session) and self.wrote

    def _after_end(self, session: Session, transaction: SessionTransaction) -> None:
        """Only here may a listener raise after a commit and leave the session fit for a rollback."""
        if self.calls or session is not db.session or transaction.parent is not None:
            return
        is_written, self.is_written, self.wrote = self.is_written, False, False
        if is_written:
            self.step("after a commit")

    def _is_ours(self, session: Session) -> bool:
        """Not the sandbox's own: that one dies with the call."""
        return not self.calls and session is db.session and not session.in_nested_transaction()


class WiredGateway:
    """The gateway behind a wire."""

    def __init__(self, gateway: Any, wire: Wire) -> None:
        self.gateway, self.wire = gateway, wire

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.gateway, name)
        return call if name == "notice" else self._wired(name, call)  # a signature is checked here, nobody is called

    def _wired(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **values: Any) -> Any:
            self.wire.step(f"before {name}")
            self.wire.calls += 1
            try:
                answer = call(*args, **values)
                answer = list(answer) if name == "movements" else answer
            finally:
                self.wire.calls -= 1
            self.wire.step(f"after {name}")
            return answer

        return called


def undisturbed(app: Flask, story: str) -> tuple[End, list[str]]:
    """The story as it goes by itself, and every place that it passes."""
    wire = Wire()
    end = lived(app, story, doors=wire.watched(app.extensions["gateways"]), around=wire.stretched())
    return end, wire.passed


def crashed(app: Flask, story: str, at: int, place: str) -> End:
    """The story in which a process dies at the place with this number, which must be the same place."""
    wire = Wire(at)
    end = lived(app, story, doors=wire.watched(app.extensions["gateways"]), around=wire.stretched())
    if (end.town.crashes, wire.passed[at - 1]) != (1, place):
        end.faults.append(f"it died {end.town.crashes} times, {wire.passed[at - 1]}")
    return end
