"""The sandbox gateway's own books: its objects, its money, its keys, its events. Only `gateways/payments` knows these tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base


class SandboxObject(Base):
    """One object of the sandbox (an intent, a refund, a transfer ...) as its API shows it."""

    __tablename__ = "sandbox_objects"
    __table_args__ = (
        Index("ix_sandbox_objects_kind_parent", "kind", "parent"),
        Index("ix_sandbox_objects_kind_bundle", "kind", "bundle"),
        Index("ix_sandbox_objects_kind_due_at", "kind", "due_at"),
    )

    reference: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    parent: Mapped[str | None] = mapped_column(String(80))  # the object that it belongs to
    bundle: Mapped[str | None] = mapped_column(String(255))  # what names the money of one booking
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    hidden: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # what only the sandbox knows: a card's number, a link's addresses
    due_at: Mapped[datetime | None]  # when something happens to it by itself
    created_at: Mapped[datetime]


class SandboxMovement(Base):
    """One line of the sandbox's books: what changed a balance, ours or (with `account`) a helper's."""

    __tablename__ = "sandbox_movements"
    __table_args__ = (Index("ix_sandbox_movements_account_currency", "account", "currency"),)

    reference: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    category: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(80), index=True)
    account: Mapped[str | None] = mapped_column(String(80))
    amount_cents: Mapped[int]
    fee_cents: Mapped[int]
    net_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    available_at: Mapped[datetime]
    created_at: Mapped[datetime]


class SandboxKey(Base):
    """An idempotency key: what was asked with it, and what was answered."""

    __tablename__ = "sandbox_keys"

    key: Mapped[str] = mapped_column(String(255), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class SandboxEvent(Base):
    """Something that happened in the sandbox, and its way to our webhook."""

    __tablename__ = "sandbox_events"
    __table_args__ = (Index("ix_sandbox_events_delivered_at_due_at", "delivered_at", "due_at"),)

    reference: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(60))
    endpoint: Mapped[str] = mapped_column(String(10))
    body: Mapped[str] = mapped_column(Text)  # byte for byte the same at each delivery
    copies: Mapped[int]  # how often it is still to be delivered
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
