"""The outbox: what must leave the house, written in the transaction that decided it, and the notices people read here."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base, one_of

CHANNELS = ("mail", "refund", "payout", "reversal")


class OutboxItem(Base):
    """One delivery: a mail to a person, or money that the gateway is to move. The worker leases and delivers it."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("channel", CHANNELS),
        # The worker's only question: what is due and not yet delivered?
        Index(
            "ix_outbox_due",
            "due_at",
            postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL"),
            sqlite_where=text("delivered_at IS NULL AND given_up_at IS NULL"),
        ),
    )

    channel: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # A mail that Flask-Security wrote (its links hold tokens): kept only until it is delivered, then emptied.
    address: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[str | None] = mapped_column(Text)
    # Two rows for one fact cannot be: the key names the fact.
    key: Mapped[str | None] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(300))


class Notice(Base):
    """A line on a person's notices page; its words are made from the kind and the ids when it is read."""

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_user_at", "user_id", "at"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
