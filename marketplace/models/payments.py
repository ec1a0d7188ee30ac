"""Payments and the ledger: what was paid, how it is shared out, what is on its way to whom, and the proof of it all."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Connection,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, in_states, one_of, state_of
from marketplace.domain.lifecycles import DISPUTE, PAYMENT, PAYOUT, REFUND, REVERSAL
from marketplace.models.accounts import User
from marketplace.models.bookings import Booking

LIVE_VISIT = text("kind = 'visit' AND state IN ('prepared', 'card_saved', 'action_needed', 'held', 'cash')")
UNPAID = in_states(PAYMENT.prepared, PAYMENT.action_needed)
KINDS = ("visit", "extra")
METHODS = ("gateway", "cash")
FAILURES = ("declined", "abandoned", "lapsed", "called_off")
SETTLED_FOR = ("sign_off", "cancellation", "no_show", "not_solvable", "decision", "too_late", "dispute")


class Payment(Base, Public):
    """What a customer pays for one booking (`visit`), or for more work agreed on the spot (`extra`).

    `checkout` is the gateway's name for its page, `intent` and `charge` for the money. Of the amount, `credit_cents` come from the
    customer's credit and the rest from the card.
    """

    __tablename__ = "payments"
    __table_args__ = (
        state_of(PAYMENT),
        one_of("kind", KINDS),
        one_of("method", METHODS),
        one_of("failure", FAILURES),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("credit_cents >= 0 AND credit_cents <= amount_cents", name="credit"),
        CheckConstraint("refunded_cents >= 0 AND refunded_cents <= amount_cents", name="refunded"),
        CheckConstraint("fee_cents >= 0 AND fee_cents <= amount_cents", name="fee"),
        # One payment under way per booking: nobody is charged twice.
        Index("uq_payments_unpaid", "booking_id", unique=True, postgresql_where=UNPAID, sqlite_where=UNPAID),
        # One payment for the visit itself that is held or will be charged.
        Index(
            "uq_payments_live",
            "booking_id",
            unique=True,
            postgresql_where=LIVE_VISIT,
            sqlite_where=LIVE_VISIT,
        ),
        Index("ix_payments_state", "state", "created_at"),
        Index("ix_payments_charge", "state", "charge_at"),
        Index("ix_payments_watch_at", "watch_at"),
    )

    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10), default="visit")
    method: Mapped[str] = mapped_column(String(10), default="gateway")
    state: Mapped[str] = mapped_column(String(16), default=PAYMENT.begins)
    amount_cents: Mapped[int]
    credit_cents: Mapped[int] = mapped_column(default=0)
    fee_cents: Mapped[int]  # the platform's part when all of it is released
    refunded_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    what: Mapped[str | None] = mapped_column(String(200))  # the extra work, in the helper's words
    checkout: Mapped[str | None] = mapped_column(String(120), unique=True)
    intent: Mapped[str | None] = mapped_column(String(80), unique=True)
    charge: Mapped[str | None] = mapped_column(String(80), unique=True)
    gateway_fee_cents: Mapped[int] = mapped_column(default=0)
    card_customer: Mapped[str | None] = mapped_column(String(80))  # a card saved for a charge nearer to the visit
    card_method: Mapped[str | None] = mapped_column(String(80))
    charge_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=1)  # part of the key of its page
    failure: Mapped[str | None] = mapped_column(String(10))  # why a failed payment failed
    decline: Mapped[str | None] = mapped_column(String(60))  # the bank's word for the last decline
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # when the worker last asked the gateway how it stands
    watch_at: Mapped[datetime | None]  # called off while it might just be paid: when the worker looks at it next
    settled_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship(lazy="raise")
    customer: Mapped[User] = relationship(lazy="raise")

    @property
    def card_cents(self) -> int:
        """What the gateway is asked for."""
        return self.amount_cents - self.credit_cents


class Settlement(Base, Public):
    """One decision about a payment's money: so much to customer, helper and platform.

    The three parts leave what is held for the booking. A part below zero comes back from helper or platform, for a refund after the
    money was released; all parts of all settlements of a payment together are never more than was paid.
    """

    __tablename__ = "settlements"
    __table_args__ = (
        one_of("reason", SETTLED_FOR),
        CheckConstraint("refund_cents >= 0", name="refund"),
        CheckConstraint("refund_cents + helper_cents + fee_cents >= 0", name="sum"),
    )

    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    reason: Mapped[str] = mapped_column(String(16))
    refund_cents: Mapped[int]
    helper_cents: Mapped[int]
    fee_cents: Mapped[int]
    note: Mapped[str | None] = mapped_column(Text)  # the operator's words
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]

    payment: Mapped[Payment] = relationship(lazy="raise")


class Refund(Base, Public):
    """Money on its way back to a customer's card; the id makes the gateway's key."""

    __tablename__ = "refunds"
    __table_args__ = (state_of(REFUND), CheckConstraint("cents > 0", name="cents"), Index("ix_refunds_state", "state"))

    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10), default=REFUND.begins)
    cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    tries: Mapped[int] = mapped_column(
        default=1
    )  # part of the key: counted up only when the last try was surely not done
    reference: Mapped[str | None] = mapped_column(String(80), unique=True)
    failure: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    given_at: Mapped[datetime | None]

    payment: Mapped[Payment] = relationship(lazy="raise")


class Payout(Base, Public):
    """A transfer of a helper's share; it waits while the helper has given no bank data or the money is not there yet."""

    __tablename__ = "payouts"
    __table_args__ = (
        state_of(PAYOUT),
        CheckConstraint("cents >= 0 AND taken_back_cents >= 0 AND taken_back_cents <= cents", name="cents"),
        Index("ix_payouts_helper", "helper_id", "state"),
        Index("ix_payouts_state", "state", "created_at"),
    )

    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10), default=PAYOUT.begins)
    cents: Mapped[int]
    taken_back_cents: Mapped[int] = mapped_column(default=0)  # asked back after it was sent
    currency: Mapped[str] = mapped_column(String(3))
    tries: Mapped[int] = mapped_column(default=1)
    destination: Mapped[str | None] = mapped_column(String(80))  # the account that this try is sent to
    reference: Mapped[str | None] = mapped_column(String(80), unique=True)
    waits_for: Mapped[str | None] = mapped_column(String(80))  # the gateway's word for what is missing
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    payment: Mapped[Payment] = relationship(lazy="raise")
    helper: Mapped[User] = relationship(lazy="raise")


class Reversal(Base, Public):
    """A part of a sent payout that is to come back; what does not come back stays a debt of the helper."""

    __tablename__ = "reversals"
    __table_args__ = (
        state_of(REVERSAL),
        CheckConstraint("cents > 0", name="cents"),
        Index("ix_reversals_state", "state"),
    )

    payout_id: Mapped[int] = mapped_column(ForeignKey("payouts.id"), index=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"), index=True)
    state: Mapped[str] = mapped_column(String(12), default=REVERSAL.begins)
    cents: Mapped[int]
    reference: Mapped[str | None] = mapped_column(String(80), unique=True)
    failure: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]

    payout: Mapped[Payout] = relationship(lazy="raise")


class PayoutAccount(Base):
    """A helper's account at the gateway; whether money can reach it is what the gateway last said.

    One that was taken away from us gives way to the next one, in the same row: the journal knows which ones there were.
    """

    __tablename__ = "payout_accounts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    number: Mapped[int] = mapped_column(default=1)  # which one of this helper's accounts it is
    is_ready: Mapped[bool] = mapped_column(default=False)
    has_begun: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]  # taken away from us

    user: Mapped[User] = relationship(lazy="raise")


class Credit(Base, Public):
    """Goodwill of the operator: credit that its customer may use on the next booking."""

    __tablename__ = "credits"
    __table_args__ = (CheckConstraint("cents > 0", name="cents"),)

    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("bookings.id"), index=True)
    cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]


class Dispute(Base, Public):
    """A customer's bank asks for the money of a payment back."""

    __tablename__ = "disputes"
    __table_args__ = (
        state_of(DISPUTE),
        CheckConstraint("cents > 0", name="cents"),
        Index("ix_disputes_state", "state", "due_at"),
    )

    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[str] = mapped_column(String(10), default=DISPUTE.begins)
    reason: Mapped[str] = mapped_column(String(60))
    cents: Mapped[int]
    fee_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    due_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]  # when the bank took the money; nothing while it only inquires
    ended_at: Mapped[datetime | None]

    payment: Mapped[Payment] = relationship(lazy="raise")


class Posting(Base):
    """One business fact in the ledger, once: `kind` and `key` name it (`payment_held`, the payment's id)."""

    __tablename__ = "postings"
    __table_args__ = (UniqueConstraint("kind", "key", name="uq_postings_fact"),)

    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(80))
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("bookings.id"), index=True)
    reference: Mapped[str | None] = mapped_column(String(80), index=True)  # the gateway's name for what it is about
    at: Mapped[datetime] = mapped_column(index=True)

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
    """A message of the gateway that took effect; its id is the key of the row, so a repeat has none."""

    __tablename__ = "gateway_events"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # type: ignore[assignment]
    kind: Mapped[str] = mapped_column(String(60))
    reference: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
    worked_at: Mapped[datetime] = mapped_column(index=True)


class Reconciliation(Base):
    """One comparison of the ledger with the gateway's own books."""

    __tablename__ = "reconciliations"

    at: Mapped[datetime] = mapped_column(index=True)
    movements: Mapped[int]  # lines of the gateway's books that were read
    matched: Mapped[int]
    gateway_cents: Mapped[int]  # what the gateway says that it keeps for us
    ledger_cents: Mapped[int]  # what the ledger says of it
    owed_cents: Mapped[int]  # what we hold and owe; never more than the gateway keeps
    differences: Mapped[list[dict[str, str | int]]] = mapped_column(JSON)
    currency: Mapped[str] = mapped_column(String(3))


# What is posted stays as it is: the database itself refuses to change or remove a line of the ledger.
APPEND_ONLY = (Posting.__tablename__, Entry.__tablename__)
FORBID_ON_POSTGRES = """
CREATE OR REPLACE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is only ever added to'; END $$
"""


def forbidding_change(table: str, dialect: str) -> list[str]:
    """The statements that make a table append-only on this engine."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
            for verb in ("update", "delete")
        ]
    guard = f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    return [FORBID_ON_POSTGRES, guard]


@event.listens_for(Base.metadata, "after_create")
def _forbid_change(target: MetaData, connection: Connection, tables: list[Table] | None = None, **_: Any) -> None:
    """Tables made from the models get the same guard as those made by the migrations."""
    for table in tables or ():
        if table.name in APPEND_ONLY:
            for statement in forbidding_change(table.name, connection.dialect.name):
                connection.exec_driver_sql(statement)
