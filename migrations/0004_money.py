"""money: what is decided about it, what moves because of that, and the sandbox of Stripe's API.

Everything that was paid until now was play money of the old sandbox. Its pages and refunds become objects and movements of the new
one, so that they can be refunded and paid out there, and both books agree from the first night on.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = ()
depends_on = None

LETTERS = "23456789abcdefghjkmnpqrstvwxyz"
BOOKING_STATES = {
    "before": (
        *("reserved", "confirmed", "lapsed", "on_the_way", "started", "finished"),
        *("signed_off", "unsolved", "cancelled", "closed"),
    ),
    "after": (
        *("reserved", "confirmed", "lapsed", "on_the_way", "started", "finished", "signed_off", "unsolved"),
        *("not_solvable", "cancelled", "no_show", "closed"),
    ),
}
BOOKING_LIVE = {
    "before": ("reserved", "confirmed", "on_the_way", "started", "finished", "unsolved"),
    "after": ("reserved", "confirmed", "on_the_way", "started", "finished", "unsolved", "no_show"),
}
PAYMENT_STATES = {
    "before": ("prepared", "held", "failed", "released", "refunded", "partly_refunded"),
    "after": (
        *("prepared", "held", "card_saved", "action_needed", "cash", "failed", "refunded", "released"),
        "partly_refunded",
    ),
}
PAYMENT_LIVE = {
    "before": "state IN ('prepared', 'held')",
    "after": "kind = 'visit' AND state IN ('prepared', 'card_saved', 'action_needed', 'held', 'cash')",
}
FAILURES = {"before": ("declined", "abandoned", "lapsed"), "after": ("declined", "abandoned", "lapsed", "called_off")}
CHANNELS = {"before": ("mail", "refund"), "after": ("mail", "refund", "payout", "reversal")}
UNPAID = "state IN ('prepared', 'action_needed')"


def upgrade() -> None:
    with _rebuilding():
        _make_tables()
        _widen_bids()
        _widen_bookings()
        _widen_payments()
        _set_words("outbox", "channel", CHANNELS["after"])
        op.add_column("postings", sa.Column("reference", sa.String(length=80), nullable=True))
        op.create_index(op.f("ix_postings_at"), "postings", ["at"], unique=False)
        op.create_index(op.f("ix_postings_reference"), "postings", ["reference"], unique=False)
        _carry_events_over()
        _carry_money_over()
        op.drop_table("sandbox_checkouts")
        op.drop_index(op.f("ix_sandbox_refunds_reference"), table_name="sandbox_refunds")
        op.drop_table("sandbox_refunds")
        _guard_ledger()


def downgrade() -> None:
    """What the old tables can hold is carried back; more work on the spot, cash, credit and disputes are lost."""
    with _rebuilding():
        _unguard_ledger()
        _make_old_sandbox()
        _carry_money_back()
        for table in ("reversals", "payouts", "refunds", "settlements", "disputes", "credits"):
            op.drop_table(table)
        _forget_payments()
        _carry_events_back()
        op.drop_index(op.f("ix_postings_reference"), table_name="postings")
        op.drop_index(op.f("ix_postings_at"), table_name="postings")
        op.drop_column("postings", "reference")
        _set_words("outbox", "channel", CHANNELS["before"])
        _narrow_payments()
        _narrow_bookings()
        _narrow_bids()
        op.drop_table("payout_accounts")
        op.drop_table("fee_rules")
        for table in ("objects", "movements", "keys", "events"):
            op.drop_table(f"sandbox_{table}")
        op.drop_table("reconciliations")


@contextmanager
def _rebuilding() -> Iterator[None]:
    """SQLite changes a table by making it anew; meanwhile foreign keys must not look, or rows that point to it would go with it."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.detach()  # closed afterwards, so that nobody goes on without foreign keys
    for statement in ("COMMIT", "PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"):
        connection.exec_driver_sql(statement)
    yield
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"rows that point nowhere: {broken[:5]}")


# ---- Tables


def _make_tables() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("movements", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("gateway_cents", sa.Integer(), nullable=False),
        sa.Column("ledger_cents", sa.Integer(), nullable=False),
        sa.Column("owed_cents", sa.Integer(), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
    )
    op.create_index(op.f("ix_reconciliations_at"), "reconciliations", ["at"], unique=False)
    op.create_table(
        "sandbox_events",
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("endpoint", sa.String(length=10), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_events")),
        sa.UniqueConstraint("reference", name=op.f("uq_sandbox_events_reference")),
    )
    op.create_index("ix_sandbox_events_delivered_at_due_at", "sandbox_events", ["delivered_at", "due_at"], unique=False)
    op.create_table(
        "sandbox_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_keys")),
        sa.UniqueConstraint("key", name=op.f("uq_sandbox_keys_key")),
    )
    op.create_table(
        "sandbox_movements",
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("account", sa.String(length=80), nullable=True),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("fee_cents", sa.Integer(), nullable=False),
        sa.Column("net_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_movements")),
        sa.UniqueConstraint("reference", name=op.f("uq_sandbox_movements_reference")),
    )
    op.create_index("ix_sandbox_movements_account_currency", "sandbox_movements", ["account", "currency"], unique=False)
    op.create_index(op.f("ix_sandbox_movements_source"), "sandbox_movements", ["source"], unique=False)
    op.create_table(
        "sandbox_objects",
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("parent", sa.String(length=80), nullable=True),
        sa.Column("bundle", sa.String(length=255), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("hidden", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_objects")),
        sa.UniqueConstraint("reference", name=op.f("uq_sandbox_objects_reference")),
    )
    op.create_index("ix_sandbox_objects_kind_bundle", "sandbox_objects", ["kind", "bundle"], unique=False)
    op.create_index("ix_sandbox_objects_kind_due_at", "sandbox_objects", ["kind", "due_at"], unique=False)
    op.create_index("ix_sandbox_objects_kind_parent", "sandbox_objects", ["kind", "parent"], unique=False)
    op.create_table(
        "fee_rules",
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("min_cents", sa.Integer(), nullable=False),
        sa.Column("max_cents", sa.Integer(), nullable=True),
        sa.Column("skill_id", sa.Integer(), nullable=True),
        sa.Column("friends_only", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "min_cents >= 0 AND (max_cents IS NULL OR max_cents >= min_cents)", name=op.f("ck_fee_rules_bounds")
        ),
        sa.CheckConstraint("percent BETWEEN 0 AND 50", name=op.f("ck_fee_rules_percent")),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_fee_rules_time")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_fee_rules_by_id")),
        sa.ForeignKeyConstraint(["skill_id"], ["skills.id"], name=op.f("fk_fee_rules_skill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_rules")),
    )
    op.create_table(
        "payout_accounts",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("has_begun", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payout_accounts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_accounts")),
        sa.UniqueConstraint("reference", name=op.f("uq_payout_accounts_reference")),
        sa.UniqueConstraint("user_id", name=op.f("uq_payout_accounts_user_id")),
    )
    op.create_table(
        "credits",
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.Integer(), nullable=True),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("cents > 0", name=op.f("ck_credits_cents")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_credits_booking_id")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_credits_by_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["users.id"], name=op.f("fk_credits_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits")),
        sa.UniqueConstraint("public_id", name=op.f("uq_credits_public_id")),
    )
    op.create_index(op.f("ix_credits_booking_id"), "credits", ["booking_id"], unique=False)
    op.create_index(op.f("ix_credits_customer_id"), "credits", ["customer_id"], unique=False)
    op.create_table(
        "disputes",
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("fee_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('open', 'answered', 'won', 'lost')", name=op.f("ck_disputes_state")),
        sa.CheckConstraint("cents > 0", name=op.f("ck_disputes_cents")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("public_id", name=op.f("uq_disputes_public_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_disputes_reference")),
    )
    op.create_index(op.f("ix_disputes_payment_id"), "disputes", ["payment_id"], unique=False)
    op.create_index("ix_disputes_state", "disputes", ["state", "due_at"], unique=False)
    op.create_table(
        "settlements",
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("refund_cents", sa.Integer(), nullable=False),
        sa.Column("helper_cents", sa.Integer(), nullable=False),
        sa.Column("fee_cents", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "reason IN ('sign_off', 'cancellation', 'no_show', 'not_solvable', 'decision', 'too_late', 'dispute')",
            name=op.f("ck_settlements_reason"),
        ),
        sa.CheckConstraint("refund_cents + helper_cents + fee_cents >= 0", name=op.f("ck_settlements_sum")),
        sa.CheckConstraint("refund_cents >= 0", name=op.f("ck_settlements_refund")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_settlements_booking_id")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_settlements_by_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_settlements_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
        sa.UniqueConstraint("public_id", name=op.f("uq_settlements_public_id")),
    )
    op.create_index(op.f("ix_settlements_booking_id"), "settlements", ["booking_id"], unique=False)
    op.create_index(op.f("ix_settlements_payment_id"), "settlements", ["payment_id"], unique=False)
    op.create_table(
        "payouts",
        sa.Column("helper_id", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("taken_back_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("destination", sa.String(length=80), nullable=True),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("waits_for", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'dropped', 'sending', 'sent')", name=op.f("ck_payouts_state")),
        sa.CheckConstraint(
            "cents >= 0 AND taken_back_cents >= 0 AND taken_back_cents <= cents", name=op.f("ck_payouts_cents")
        ),
        sa.ForeignKeyConstraint(["helper_id"], ["users.id"], name=op.f("fk_payouts_helper_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payouts_payment_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlements.id"], name=op.f("fk_payouts_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("public_id", name=op.f("uq_payouts_public_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_payouts_reference")),
        sa.UniqueConstraint("settlement_id", name=op.f("uq_payouts_settlement_id")),
    )
    op.create_index("ix_payouts_helper", "payouts", ["helper_id", "state"], unique=False)
    op.create_index(op.f("ix_payouts_payment_id"), "payouts", ["payment_id"], unique=False)
    op.create_index("ix_payouts_state", "payouts", ["state", "created_at"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("failure", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'given', 'failed', 'dropped')", name=op.f("ck_refunds_state")),
        sa.CheckConstraint("cents > 0", name=op.f("ck_refunds_cents")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlements.id"], name=op.f("fk_refunds_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("public_id", name=op.f("uq_refunds_public_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_refunds_reference")),
        sa.UniqueConstraint("settlement_id", name=op.f("uq_refunds_settlement_id")),
    )
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_index("ix_refunds_state", "refunds", ["state"], unique=False)
    op.create_table(
        "reversals",
        sa.Column("payout_id", sa.Integer(), nullable=False),
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("failure", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'taken_back', 'failed')", name=op.f("ck_reversals_state")),
        sa.CheckConstraint("cents > 0", name=op.f("ck_reversals_cents")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_reversals_payout_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlements.id"], name=op.f("fk_reversals_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reversals")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reversals_public_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_reversals_reference")),
    )
    op.create_index(op.f("ix_reversals_payout_id"), "reversals", ["payout_id"], unique=False)
    op.create_index(op.f("ix_reversals_settlement_id"), "reversals", ["settlement_id"], unique=False)
    op.create_index("ix_reversals_state", "reversals", ["state"], unique=False)


def _widen_bids() -> None:
    with op.batch_alter_table("bids") as batch:
        batch.add_column(sa.Column("fee_min_cents", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("fee_max_cents", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("fee_rule_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("fee_as_friend", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.create_foreign_key(op.f("fk_bids_fee_rule_id"), "fee_rules", ["fee_rule_id"], ["id"])
    with op.batch_alter_table("bids") as batch:
        batch.alter_column("fee_min_cents", server_default=None)
        batch.alter_column("fee_as_friend", server_default=None)


def _narrow_bids() -> None:
    with op.batch_alter_table("bids") as batch:
        batch.drop_constraint(op.f("fk_bids_fee_rule_id"), type_="foreignkey")
        for column in ("fee_as_friend", "fee_rule_id", "fee_max_cents", "fee_min_cents"):
            batch.drop_column(column)


def _widen_bookings() -> None:
    op.drop_index("uq_bookings_live", table_name="bookings")
    with op.batch_alter_table("bookings") as batch:
        batch.add_column(sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("absent", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("objection_until", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE bookings SET promised_at = starts_at")
    op.execute(
        "UPDATE bookings SET confirmed_at = (SELECT min(at) FROM visit_steps "
        "WHERE visit_steps.booking_id = bookings.id AND visit_steps.state = 'confirmed')"
    )
    with op.batch_alter_table("bookings") as batch:
        batch.alter_column("promised_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        batch.create_check_constraint(op.f("ck_bookings_absent"), _one_of("absent", ("customer", "helper")))
    _set_words("bookings", "state", BOOKING_STATES["after"])
    _index_live("bookings", ["task_id"], f"state IN ({_listed(BOOKING_LIVE['after'])})")


def _narrow_bookings() -> None:
    """Who was reported as not there is for the operator to decide; what nobody could solve is over."""
    op.execute("UPDATE bookings SET state = 'unsolved' WHERE state = 'no_show'")
    op.execute("UPDATE bookings SET state = 'cancelled', cancelled_by = 'helper' WHERE state = 'not_solvable'")
    op.execute("UPDATE visit_steps SET state = 'cancelled' WHERE state IN ('no_show', 'not_solvable')")
    op.drop_index("uq_bookings_live", table_name="bookings")
    with op.batch_alter_table("bookings") as batch:
        batch.drop_constraint(op.f("ck_bookings_absent"), type_="check")
        for column in ("objection_until", "absent", "confirmed_at", "promised_at"):
            batch.drop_column(column)
    _set_words("bookings", "state", BOOKING_STATES["before"])
    _index_live("bookings", ["task_id"], f"state IN ({_listed(BOOKING_LIVE['before'])})")


def _widen_payments() -> None:
    op.drop_index("uq_payments_live", table_name="payments")
    with op.batch_alter_table("payments") as batch:
        for name, size, default in (("kind", 10, "visit"), ("method", 10, "gateway")):
            batch.add_column(sa.Column(name, sa.String(length=size), nullable=False, server_default=default))
        for name, default in (("credit_cents", "0"), ("fee_cents", "0"), ("gateway_fee_cents", "0"), ("tries", "1")):
            batch.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default=default))
        for name, size in (
            *(("what", 200), ("intent", 80), ("charge", 80), ("card_customer", 80), ("card_method", 80)),
            ("decline", 60),
        ):
            batch.add_column(sa.Column(name, sa.String(length=size), nullable=True))
        batch.add_column(sa.Column("charge_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("watch_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE payments SET fee_cents = (SELECT fee_cents FROM bookings WHERE bookings.id = payments.booking_id)"
    )
    with op.batch_alter_table("payments") as batch:
        for column in ("kind", "method", "credit_cents", "fee_cents", "gateway_fee_cents", "tries"):
            batch.alter_column(column, server_default=None)
        batch.alter_column("checkout", existing_type=sa.String(length=80), type_=sa.String(length=120))
        batch.create_unique_constraint(op.f("uq_payments_intent"), ["intent"])
        batch.create_unique_constraint(op.f("uq_payments_charge"), ["charge"])
        batch.create_check_constraint(op.f("ck_payments_kind"), _one_of("kind", ("visit", "extra")))
        batch.create_check_constraint(op.f("ck_payments_method"), _one_of("method", ("gateway", "cash")))
        batch.create_check_constraint(op.f("ck_payments_credit"), "credit_cents >= 0 AND credit_cents <= amount_cents")
        batch.create_check_constraint(op.f("ck_payments_fee"), "fee_cents >= 0 AND fee_cents <= amount_cents")
    _set_words("payments", "state", PAYMENT_STATES["after"])
    _set_words("payments", "failure", FAILURES["after"])
    op.create_index("ix_payments_charge", "payments", ["state", "charge_at"], unique=False)
    op.create_index("ix_payments_watch_at", "payments", ["watch_at"], unique=False)
    _index_live("payments", ["booking_id"], PAYMENT_LIVE["after"])
    _index_live("payments", ["booking_id"], UNPAID, name="uq_payments_unpaid")


def _narrow_payments() -> None:
    for index in ("uq_payments_live", "uq_payments_unpaid", "ix_payments_charge", "ix_payments_watch_at"):
        op.drop_index(index, table_name="payments")
    with op.batch_alter_table("payments") as batch:
        for name in ("uq_payments_intent", "uq_payments_charge"):
            batch.drop_constraint(op.f(name), type_="unique")
        for name in ("ck_payments_kind", "ck_payments_method", "ck_payments_credit", "ck_payments_fee"):
            batch.drop_constraint(op.f(name), type_="check")
        batch.alter_column("checkout", existing_type=sa.String(length=120), type_=sa.String(length=80))
        for column in (
            *("kind", "method", "credit_cents", "fee_cents", "gateway_fee_cents", "tries", "what", "intent", "charge"),
            *("card_customer", "card_method", "decline", "charge_at", "watch_at"),
        ):
            batch.drop_column(column)
    _set_words("payments", "state", PAYMENT_STATES["before"])
    _set_words("payments", "failure", FAILURES["before"])
    _index_live("payments", ["booking_id"], PAYMENT_LIVE["before"])


def _set_words(table: str, column: str, words: tuple[str, ...]) -> None:
    """The words that a column may hold from now on."""
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(op.f(f"ck_{table}_{column}"), type_="check")
        batch.create_check_constraint(op.f(f"ck_{table}_{column}"), _one_of(column, words))


def _index_live(table: str, columns: list[str], condition: str, *, name: str | None = None) -> None:
    where = {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}
    op.create_index(name or f"uq_{table}_live", table, columns, unique=True, **where)


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({_listed(words)})"


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# ---- The ledger is only ever added to


def _guard_ledger() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in ("postings", "entries"):
            for verb in ("update", "delete"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
                )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is only ever added to'; END $$"
    )
    for table in ("postings", "entries"):
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION forbid_change()"
        )


def _unguard_ledger() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in ("postings", "entries"):
            for verb in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{verb}")
        return
    for table in ("postings", "entries"):
        op.execute(f"DROP TRIGGER {table}_no_change ON {table}")
    op.execute("DROP FUNCTION forbid_change()")


# ---- Rows, there


def _carry_events_over() -> None:
    """Events take their own name as their key."""
    _table.cache_clear()
    events, payments = _table("gateway_events"), _table("payments")
    rows = op.get_bind().execute(
        sa.select(events.c.event_id, events.c.kind, events.c.at, payments.c.checkout)
        .outerjoin(payments, payments.c.id == events.c.payment_id)
        .order_by(events.c.id)
    )
    carried = [
        {"id": row.event_id, "kind": row.kind, "reference": row.checkout or "", "at": row.at, "worked_at": row.at}
        for row in rows
    ]
    op.drop_table("gateway_events")
    made = op.create_table(
        "gateway_events",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_events")),
    )
    op.create_index(op.f("ix_gateway_events_worked_at"), "gateway_events", ["worked_at"], unique=False)
    if carried:
        op.bulk_insert(made, carried)


def _carry_money_over() -> None:
    """Each payment gets its charge in the sandbox, its decision, and what follows from it: a refund, a payout."""
    _table.cache_clear()
    connection, payments, bookings = op.get_bind(), _table("payments"), _table("bookings")
    outbox = _table("outbox")
    connection.execute(
        sa.update(outbox).where(outbox.c.channel == "refund").values(key=sa.literal("old-") + outbox.c.key)
    )
    # A page that is not paid is opened anew in the new sandbox.
    connection.execute(sa.update(payments).where(payments.c.state == "prepared").values(checkout=None))
    rows = connection.execute(
        sa.select(payments, bookings.c.helper_id, bookings.c.state.label("booking_state"))
        .add_columns(bookings.c.settled_reason, bookings.c.cancelled_by)
        .join(bookings, bookings.c.id == payments.c.booking_id)
        .where(payments.c.state.not_in(("prepared", "failed")))
        .order_by(payments.c.id)
    ).all()
    for payment in rows:
        charge = _charge(payment)
        connection.execute(sa.update(payments).where(payments.c.id == payment.id).values(**charge))
        postings = _table("postings")
        held = (postings.c.kind == "payment_held") & (postings.c.key == str(payment.id))
        connection.execute(sa.update(postings).where(held).values(reference=charge["charge"]))
        if payment.state != "held":
            _settle(payment, charge)


def _charge(payment: Any) -> dict[str, str]:
    """What was paid on a page of the old sandbox, as the new one keeps it; gives the names of intent and charge."""
    intent, charge = f"pi_{_word(24)}", f"ch_{_word(24)}"
    group, currency, cents = f"booking_{payment.booking_id}", payment.currency.lower(), payment.amount_cents
    at = payment.settled_at or payment.created_at
    line = _move("charge", charge, cents, currency, at)
    page = payment.checkout or f"cs_test_{_word(24)}"
    told = {"livemode": False, "metadata": {"payment": payment.public_id}, "currency": currency}
    _keep(
        "checkout.session",
        page,
        {
            **told,
            "amount_total": cents,
            "cancel_url": "",
            "client_reference_id": payment.public_id,
            "customer": None,
            "expires_at": _stamp(at),
            "mode": "payment",
            "payment_intent": intent,
            "payment_method_types": ["card"],
            "payment_status": "paid",
            "setup_intent": None,
            "status": "complete",
            "success_url": "",
            "url": None,
        },
        at,
        hidden={"name": "", "intent": {}, "setup": {}},
    )
    _keep(
        "payment_intent",
        intent,
        {
            **told,
            "amount": cents,
            "amount_received": cents,
            "last_payment_error": None,
            "latest_charge": charge,
            "status": "succeeded",
            "transfer_group": group,
        },
        at,
        bundle=group,
    )
    _keep(
        "charge",
        charge,
        {
            **told,
            "amount": cents,
            "amount_captured": cents,
            "amount_refunded": 0,
            "balance_transaction": line,
            "captured": True,
            "disputed": False,
            "paid": True,
            "payment_intent": intent,
            "refunded": False,
            "status": "succeeded",
            "transfer_group": group,
        },
        at,
        parent=intent,
        bundle=group,
        hidden={"number": None},
    )
    return {"intent": intent, "charge": charge, "checkout": page}


def _settle(payment: Any, charge: dict[str, str]) -> None:
    """The decision that the old posting says, and what the gateway has done or is to do about it."""
    connection, postings, entries = op.get_bind(), _table("postings"), _table("entries")
    of_payment = postings.c.key == str(payment.id), postings.c.kind.in_(("payment_released", "payment_refunded"))
    posting = connection.execute(sa.select(postings.c.id).where(*of_payment)).scalar_one()
    moved: dict[str, int] = {"gateway": 0, "owed": 0, "revenue": 0}
    for account, cents in connection.execute(
        sa.select(entries.c.to_account, entries.c.cents).where(entries.c.posting_id == posting)
    ):
        moved[account.partition(":")[0]] += cents
    at = payment.settled_at or payment.created_at
    settlement = _add(
        "settlements",
        payment_id=payment.id,
        booking_id=payment.booking_id,
        reason=_reason(payment),
        refund_cents=moved["gateway"],
        helper_cents=moved["owed"],
        fee_cents=moved["revenue"],
        note=payment.settled_reason,
        at=at,
    )
    connection.execute(sa.update(postings).where(postings.c.id == posting).values(kind="settled", key=str(settlement)))
    back = (entries.c.posting_id == posting) & (entries.c.to_account == "gateway")
    connection.execute(sa.update(entries).where(back).values(to_account="refunds"))
    if moved["gateway"]:
        _refund(payment, charge, settlement, moved["gateway"], at)
    if moved["owed"]:
        payout = _add(
            "payouts",
            helper_id=payment.helper_id,
            payment_id=payment.id,
            settlement_id=settlement,
            state="waiting",
            cents=moved["owed"],
            taken_back_cents=0,
            currency=payment.currency,
            tries=1,
            created_at=at,
        )
        asked = {"channel": "payout", "kind": "payout", "facts": {"id": payout}, "key": f"payout-{payout}"}
        connection.execute(sa.insert(_table("outbox")).values(**asked, created_at=at, due_at=at, attempts=0))


def _reason(payment: Any) -> str:
    if payment.settled_reason is not None:
        return "decision"
    if payment.state == "released":
        return "sign_off"
    return "too_late" if payment.cancelled_by is None else "cancellation"


def _refund(payment: Any, charge: dict[str, str], settlement: int, cents: int, at: datetime) -> None:
    """A refund of the outbox, given when it was delivered."""
    connection, outbox = op.get_bind(), _table("outbox")
    item = connection.execute(sa.select(outbox).where(outbox.c.key == f"old-refund-{payment.id}")).first()
    given_at = item.delivered_at if item else None
    refund = _add(
        "refunds",
        payment_id=payment.id,
        settlement_id=settlement,
        state="asked" if given_at is None else "given",
        cents=cents,
        currency=payment.currency,
        tries=1,
        reference=f"re_{_word(24)}" if given_at else None,
        created_at=at,
        given_at=given_at,
    )
    asked = {"channel": "refund", "kind": "refund", "facts": {"id": refund}, "key": f"refund-{refund}"}
    if item is None:
        connection.execute(sa.insert(outbox).values(**asked, created_at=at, due_at=at, attempts=0))
    else:
        connection.execute(sa.update(outbox).where(outbox.c.id == item.id).values(**asked))
    if given_at is not None:
        _give(payment, charge, refund, cents, given_at)


def _give(payment: Any, charge: dict[str, str], refund: int, cents: int, at: datetime) -> None:
    """What the old sandbox has given back, in the books of the new one and in ours."""
    connection, refunds, objects = op.get_bind(), _table("refunds"), _table("sandbox_objects")
    reference = connection.execute(sa.select(refunds.c.reference).where(refunds.c.id == refund)).scalar_one()
    currency = payment.currency.lower()
    line = _move("refund", reference, -cents, currency, at)
    _keep(
        "refund",
        reference,
        {
            "amount": cents,
            "balance_transaction": line,
            "charge": charge["charge"],
            "currency": currency,
            "metadata": {"refund": f"{refund}:1", "key": f"refund-{refund}:1"},
            "payment_intent": charge["intent"],
            "reason": "requested_by_customer",
            "status": "succeeded",
        },
        at,
        parent=charge["intent"],
    )
    is_charge = objects.c.reference == charge["charge"]
    shown = connection.execute(sa.select(objects.c.data).where(is_charge)).scalar_one()
    shown = {**shown, "amount_refunded": cents, "refunded": cents == payment.amount_cents}
    connection.execute(sa.update(objects).where(is_charge).values(data=shown))
    fact = {"kind": "refund_given", "key": f"{refund}:1", "booking_id": payment.booking_id, "reference": reference}
    entry = {"posting_id": _add("postings", **fact, at=at), "from_account": "refunds", "to_account": "gateway"}
    connection.execute(sa.insert(_table("entries")).values(**entry, cents=cents, currency=payment.currency))


def _move(kind: str, source: str, cents: int, currency: str, at: datetime) -> str:
    """A line of the sandbox's books; gives its name."""
    reference = f"txn_{_word(24)}"
    line = {"reference": reference, "kind": kind, "category": kind, "source": source, "currency": currency}
    sums = {"amount_cents": cents, "fee_cents": 0, "net_cents": cents}
    op.get_bind().execute(sa.insert(_table("sandbox_movements")).values(**line, **sums, available_at=at, created_at=at))
    return reference


def _keep(
    kind: str,
    reference: str,
    data: dict[str, Any],
    at: datetime,
    *,
    parent: str | None = None,
    bundle: str | None = None,
    hidden: dict[str, Any] | None = None,
) -> None:
    """An object of the sandbox."""
    shown = {"id": reference, "object": kind, "created": _stamp(at), **data}
    row = {"reference": reference, "kind": kind, "parent": parent, "bundle": bundle, "created_at": at}
    op.get_bind().execute(sa.insert(_table("sandbox_objects")).values(**row, data=shown, hidden=hidden or {}))


# ---- Rows, back


def _make_old_sandbox() -> None:
    op.create_table(
        "sandbox_checkouts",
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("refunded_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("return_url", sa.String(length=300), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('open', 'paid', 'declined', 'abandoned')", name=op.f("ck_sandbox_checkouts_outcome")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_checkouts")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_sandbox_checkouts_idempotency_key")),
        sa.UniqueConstraint("reference", name=op.f("uq_sandbox_checkouts_reference")),
    )
    op.create_table(
        "sandbox_refunds",
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_refunds")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_sandbox_refunds_idempotency_key")),
    )
    op.create_index(op.f("ix_sandbox_refunds_reference"), "sandbox_refunds", ["reference"], unique=False)


def _carry_money_back() -> None:
    """One payment a booking, one posting at its end, one refund: what came after that is left out."""
    _table.cache_clear()
    connection, payments, postings = op.get_bind(), _table("payments"), _table("postings")
    outbox, settlements, refunds = _table("outbox"), _table("settlements"), _table("refunds")
    connection.execute(sa.delete(outbox).where(outbox.c.channel.in_(("payout", "reversal"))))
    connection.execute(
        sa.update(outbox).where(outbox.c.channel == "refund").values(key=sa.literal("new-") + outbox.c.key)
    )
    kept = connection.execute(sa.select(payments).where(payments.c.kind == "visit").order_by(payments.c.id)).all()
    first = {row.payment_id: row for row in _newest_first(settlements)}
    given_back = {row.payment_id: row for row in _newest_first(refunds)}
    for payment in kept:
        settlement = first.get(payment.id)
        if settlement is not None:
            key = {"kind": "payment_refunded" if payment.refunded_cents else "payment_released", "key": str(payment.id)}
            mine = (postings.c.kind == "settled") & (postings.c.key == str(settlement.id))
            connection.execute(sa.update(postings).where(mine).values(**key))
        if payment.checkout is not None and payment.method == "gateway":
            _make_old_page(payment, given_back.get(payment.id))
    _forget_postings(kept)
    connection.execute(sa.delete(outbox).where(outbox.c.key.like("new-%")))


def _forget_payments() -> None:
    connection, payments = op.get_bind(), _table("payments")
    connection.execute(sa.delete(payments).where(payments.c.kind != "visit"))
    later = payments.c.state.in_(("card_saved", "action_needed", "cash"))
    lapsed = {"state": "failed", "failure": "lapsed"}
    connection.execute(sa.update(payments).where(later).values(**lapsed))
    connection.execute(sa.update(payments).where(payments.c.failure == "called_off").values(failure="lapsed"))


def _newest_first(table: sa.Table) -> Any:
    """All rows, so that of several with one key the oldest comes last, and stays."""
    return op.get_bind().execute(sa.select(table).order_by(table.c.id.desc()))


def _make_old_page(payment: Any, refund: Any) -> None:
    connection, outbox = op.get_bind(), _table("outbox")
    is_paid = payment.charge is not None
    page = {"reference": payment.checkout[:80], "idempotency_key": f"payment-{payment.id}", "description": ""}
    sums = {"amount_cents": payment.amount_cents, "refunded_cents": 0, "currency": payment.currency}
    when = {"created_at": payment.created_at, "ended_at": payment.settled_at if is_paid else None}
    made = {**page, **sums, **when, "return_url": "", "outcome": "paid" if is_paid else "open"}
    if refund is not None:
        key = f"refund-{payment.id}"
        facts = {"payment_id": payment.id, "cents": refund.cents, "key": key}
        mine = outbox.c.key == f"new-refund-{refund.id}"
        connection.execute(sa.update(outbox).where(mine).values(facts=facts, key=key))
        if refund.given_at is not None:
            made["refunded_cents"] = refund.cents
            given = {"idempotency_key": key, "reference": page["reference"], "amount_cents": refund.cents}
            connection.execute(sa.insert(_table("sandbox_refunds")).values(**given, at=refund.given_at))
    connection.execute(sa.insert(_table("sandbox_checkouts")).values(**made))


def _forget_postings(kept: Any) -> None:
    """Refunds left the old ledger when they were decided; facts that it does not know go."""
    connection, postings, entries = op.get_bind(), _table("postings"), _table("entries")
    known = ("payment_held", "payment_released", "payment_refunded")
    mine = {str(payment.id) for payment in kept if payment.method == "gateway"}
    facts = connection.execute(sa.select(postings.c.id, postings.c.kind, postings.c.key)).all()
    gone = [row.id for row in facts if row.kind not in known or row.key not in mine]
    for number in range(0, len(gone), 500):
        some = gone[number : number + 500]
        connection.execute(sa.delete(entries).where(entries.c.posting_id.in_(some)))
        connection.execute(sa.delete(postings).where(postings.c.id.in_(some)))
    connection.execute(sa.update(entries).where(entries.c.to_account == "refunds").values(to_account="gateway"))


def _carry_events_back() -> None:
    """Events are numbered again."""
    _table.cache_clear()
    events, payments = _table("gateway_events"), _table("payments")
    rows = op.get_bind().execute(
        sa.select(events.c.id, events.c.kind, events.c.at, payments.c.id.label("payment_id"))
        .outerjoin(payments, payments.c.checkout == events.c.reference)
        .order_by(events.c.at, events.c.id)
    )
    carried = [{"event_id": row.id, "kind": row.kind[:40], "payment_id": row.payment_id, "at": row.at} for row in rows]
    op.drop_table("gateway_events")
    made = op.create_table(
        "gateway_events",
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_gateway_events_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_events")),
        sa.UniqueConstraint("event_id", name="uq_gateway_events_event"),
    )
    op.create_index(op.f("ix_gateway_events_payment_id"), "gateway_events", ["payment_id"], unique=False)
    if carried:
        op.bulk_insert(made, carried)


# ---- Small things


@cache
def _table(name: str) -> sa.Table:
    """A table as it was in the database when it was first asked for, since the cache was cleared."""
    return sa.Table(name, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)


def _add(table: str, **values: Any) -> int:
    """A new row; gives its id."""
    goal = _table(table)
    if "public_id" in goal.c:
        values["public_id"] = "".join(secrets.choice(LETTERS) for _ in range(10))
    return int(op.get_bind().execute(sa.insert(goal).values(**values)).inserted_primary_key[0])


def _stamp(at: datetime) -> int:
    """A moment as the sandbox's API writes it; SQLite gives it without its zone, which is UTC."""
    return int(at.replace(tzinfo=UTC).timestamp() if at.tzinfo is None else at.timestamp())


def _word(length: int) -> str:
    return secrets.token_hex(length // 2)
