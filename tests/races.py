"""Several people act at the same instant, each over a connection of their own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from marketplace.db import db, transaction
from marketplace.domain.errors import DomainError

Deed = Callable[[Session], Any]


def at_once(app: Flask, *deeds: Deed) -> list[str]:
    """Do these at the same instant, each in a transaction; gives "done" or the name of the refusal for each."""
    gate, answers = threading.Barrier(len(deeds)), [""] * len(deeds)

    def do(number: int, deed: Deed) -> None:
        with app.app_context():
            gate.wait()
            try:
                with transaction() as session:
                    deed(session)
                answers[number] = "done"
            except DomainError as refusal:
                answers[number] = type(refusal).__name__
            finally:
                db.session.close()

    threads = [threading.Thread(target=do, args=(number, deed)) for number, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@contextmanager
def written_after(app: Flask, number: int, deed: Deed) -> Iterator[None]:
    """Somebody else does this over a connection of their own, as soon as so many statements of ours were answered."""
    mine, answered = threading.current_thread(), []

    def do() -> None:
        with app.app_context(), transaction() as rows:
            deed(rows)

    def count(*_: object) -> None:
        if threading.current_thread() is mine:
            answered.append(True)
            if len(answered) == number:
                other = threading.Thread(target=do)
                other.start()
                other.join()

    event.listen(db.engine, "after_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(db.engine, "after_cursor_execute", count)
