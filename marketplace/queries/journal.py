"""Reading the journal: newest first, narrowed to a person, a subject or an event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, literal, or_, select, union_all
from sqlalchemy.orm import Session

from marketplace.models import Bid, Booking, Certification, Dispute, JournalEntry, Payment, Profile, Review, Task, User

# What has a page or a reference of its own; the journal names every subject by its table.
SUBJECTS = {
    model.__tablename__: model for model in (User, Profile, Certification, Task, Bid, Booking, Payment, Dispute, Review)
}

Subject = tuple[str, int]  # the table's name and the row's id


@dataclass(frozen=True)
class Line:
    """One line of the journal with the name of who did it and the public id of what it is about."""

    entry: JournalEntry
    actor_name: str | None
    actor_public_id: str | None
    subject_public_id: str | None


def lines(
    session: Session,
    *,
    person_id: int | None = None,
    subject: Subject | None = None,
    event: str | None = None,
    since: datetime | None = None,
    limit: int = 20,
    offset: int = 0,
) -> list[Line]:
    """The journal, newest first. `person_id` gives what this person did and what was done to their account."""
    chosen = (
        select(JournalEntry, User.name, User.public_id)
        .outerjoin(User, User.id == JournalEntry.actor_id)
        .order_by(JournalEntry.id.desc())
        .limit(limit)
        .offset(offset)
    )
    if person_id is not None:
        about_them = and_(JournalEntry.subject_kind == User.__tablename__, JournalEntry.subject_id == person_id)
        chosen = chosen.where(or_(JournalEntry.actor_id == person_id, about_them))
    if subject is not None:
        chosen = chosen.where(JournalEntry.subject_kind == subject[0], JournalEntry.subject_id == subject[1])
    if event is not None:
        chosen = chosen.where(JournalEntry.event == event)
    if since is not None:
        chosen = chosen.where(JournalEntry.at >= since)
    rows = session.execute(chosen).all()
    public_ids = _public_ids(session, {(entry.subject_kind, entry.subject_id) for entry, *_ in rows})
    return [
        Line(entry, name, public_id, public_ids.get((entry.subject_kind, entry.subject_id)))
        for entry, name, public_id in rows
    ]


def subject_called(session: Session, public_id: str) -> Subject | None:
    """The row that carries this public id, whatever it is; None when there is none."""
    parts = [
        select(literal(kind).label("kind"), model.id.label("id")).where(model.public_id == public_id)
        for kind, model in SUBJECTS.items()
    ]
    row = session.execute(union_all(*parts)).first()
    return (row.kind, row.id) if row else None


def _public_ids(session: Session, subjects: set[Subject]) -> dict[Subject, str]:
    """The public ids of these rows, found in one statement."""
    parts: list[Select[Any]] = []
    for kind, model in SUBJECTS.items():
        ids = [row_id for its_kind, row_id in subjects if its_kind == kind]
        if ids:
            parts.append(select(literal(kind).label("kind"), model.id, model.public_id).where(model.id.in_(ids)))
    if not parts:
        return {}
    return {(kind, row_id): public_id for kind, row_id, public_id in session.execute(union_all(*parts))}
