"""Writing the journal."""

from typing import Any

from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import Base, insert_into
from marketplace.models import JournalEntry, User

# Written straight into the table: every verb writes lines, and none holds one.
_LINE = insert_into(JournalEntry)


def record(
    session: Session, event: str, subject: Base, *, by: User | None, facts: dict[str, Any] | None = None
) -> None:
    """Add one line: what happened (past tense) to which row, by whom (nobody when the worker did it).

    `facts` holds ids and figures only, never what a person typed.
    """
    if subject.id is None:
        session.flush()
    session.execute(
        _LINE,
        {
            "at": clock.now(),
            "actor_id": by.id if by else None,
            "event": event,
            "subject_kind": subject.__tablename__,
            "subject_id": subject.id,
            "facts": facts or {},
        },
    )
