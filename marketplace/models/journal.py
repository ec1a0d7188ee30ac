"""The journal: who did what to which row, when. It holds ids and figures, never personal text, and is only ever added to."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base


class JournalEntry(Base):
    """One thing that happened, named in the past tense (`bid_accepted`)."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_subject", "subject_kind", "subject_id"),)

    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    subject_kind: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[int]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
