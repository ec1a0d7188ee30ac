"""Several pieces of work of which none stops the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from marketplace.db import db

Done = TypeVar("Done")


def each_by_itself(works: Iterable[Callable[[], Done]]) -> list[Done]:
    """Do one after the other; what failed is raised together (ExceptionGroup) once all have had their turn."""
    done: list[Done] = []
    problems: list[Exception] = []
    for work in works:
        try:
            done.append(work())
        except Exception as problem:
            db.session.rollback()
            problems.append(problem)
    if problems:
        raise ExceptionGroup(f"{len(problems)} pieces of work failed", problems)
    return done
