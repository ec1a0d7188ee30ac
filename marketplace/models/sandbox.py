"""The sandbox gateway's own books: play-money payment pages. Only `gateways/payments` knows this table."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base, one_of

OUTCOMES = ("open", "paid", "declined", "abandoned")


class SandboxCheckout(Base):
    """One payment page of the sandbox: what is asked for, where it leads back to, and how it ended."""

    __tablename__ = "sandbox_checkouts"
    __table_args__ = (one_of("outcome", OUTCOMES),)

    reference: Mapped[str] = mapped_column(String(80), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    amount_cents: Mapped[int]
    refunded_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    description: Mapped[str] = mapped_column(String(200))
    return_url: Mapped[str] = mapped_column(String(300))
    outcome: Mapped[str] = mapped_column(String(10), default="open")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SandboxRefund(Base):
    """One refund that the sandbox was asked for; the key makes a repeat harmless."""

    __tablename__ = "sandbox_refunds"

    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    reference: Mapped[str] = mapped_column(String(80), index=True)
    amount_cents: Mapped[int]
    at: Mapped[datetime]
