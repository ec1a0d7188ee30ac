"""Several people act at the same instant, each over a connection of their own."""

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
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
