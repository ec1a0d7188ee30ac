"""Payments and the ledger: what was paid, what is held, and who is owed what."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, in_states, one_of, state_of
from marketplace.domain.lifecycles import PAYMENT
from marketplace.models.accounts import User
from marketplace.models.bookings import Booking

LIVE = in_states(PAYMENT.prepared, PAYMENT.held)
FAILURES = ("declined", "abandoned", "lapsed")


class Payment(Base, Public):
    """The customer's payment for one booking; `checkout` is the gateway's reference to its payment page."""

    __tablename__ = "payments"
    __table_args__ = (
        state_of(PAYMENT),
        one_of("failure", FAILURES),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("refunded_cents >= 0 AND refunded_cents <= amount_cents", name="refunded"),
        # One payment under way per booking: nobody is charged twice.
        Index("uq_payments_live", "booking_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_payments_state", "state", "created_at"),
    )

    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), default=PAYMENT.begins)
    amount_cents: Mapped[int]
    refunded_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    checkout: Mapped[str | None] = mapped_column(String(80), unique=True)
    failure: Mapped[str | None] = mapped_column(String(10))  # why a failed payment failed
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # when the worker last asked the gateway how the page stands
    settled_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship(lazy="raise")
    customer: Mapped[User] = relationship(lazy="raise")


class Posting(Base):
    """One business fact in the ledger, once: `kind` and `key` name it (`payment_held`, the payment's id)."""

    __tablename__ = "postings"
    __table_args__ = (UniqueConstraint("kind", "key", name="uq_postings_fact"),)

    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(80))
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("bookings.id"), index=True)
    at: Mapped[datetime]

    entries: Mapped[list["Entry"]] = relationship(lazy="raise", order_by="Entry.id")


class Entry(Base):
    """One line of a posting: an amount that leaves one account and reaches another, so every posting sums to zero by its shape."""

    __tablename__ = "entries"
    __table_args__ = (
        CheckConstraint("cents > 0", name="cents"),
        CheckConstraint("from_account <> to_account", name="accounts"),
        Index("ix_entries_from", "from_account"),
        Index("ix_entries_to", "to_account"),
    )

    posting_id: Mapped[int] = mapped_column(ForeignKey("postings.id"), index=True)
    from_account: Mapped[str] = mapped_column(String(40))
    to_account: Mapped[str] = mapped_column(String(40))
    cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))


class GatewayEvent(Base):
    """An event of the payment gateway that was acted on; its id can be stored once, so a repeat has no effect."""

    __tablename__ = "gateway_events"
    __table_args__ = (UniqueConstraint("event_id", name="uq_gateway_events_event"),)

    event_id: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(40))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"), index=True)
    at: Mapped[datetime]
