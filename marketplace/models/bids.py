"""Bids: a helper's price and time for a task, and every step of the negotiation."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, in_states, one_of, state_of
from marketplace.domain.fees import Fee
from marketplace.domain.lifecycles import BID, BID_LIVE
from marketplace.models.accounts import User
from marketplace.models.tasks import Task

LIVE = in_states(*BID_LIVE, BID.accepted)
ACCEPTED = in_states(BID.accepted)


class FeeRule(Base):
    """A fee that holds for a time: for one skill or all, for Friends or everybody. A rule is ended, never changed."""

    __tablename__ = "fee_rules"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 50", name="percent"),
        CheckConstraint("min_cents >= 0 AND (max_cents IS NULL OR max_cents >= min_cents)", name="bounds"),
        CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="time"),
    )

    percent: Mapped[int]
    min_cents: Mapped[int] = mapped_column(default=0)
    max_cents: Mapped[int | None]
    skill_id: Mapped[int | None] = mapped_column(ForeignKey("skills.id"))
    friends_only: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Bid(Base, Public):
    """What stands on the table now: the helper's terms, or the customer's counter to them (state countered).

    The price is all-in; the fee (and the rule that it came from) is fixed when the bid is placed, so
    that a later change of the fee changes no promise.
    """

    __tablename__ = "bids"
    __table_args__ = (
        state_of(BID),
        CheckConstraint("price_cents > 0", name="price"),
        CheckConstraint("minutes BETWEEN 15 AND 480", name="minutes"),
        # One live bid per helper and task: a second one would be a second promise.
        Index("uq_bids_live", "task_id", "helper_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        # One accepted bid per task, whatever happens at the same instant.
        Index("uq_bids_accepted", "task_id", unique=True, postgresql_where=ACCEPTED, sqlite_where=ACCEPTED),
        Index("ix_bids_task", "task_id", "state"),
        Index("ix_bids_helper", "helper_id", "state"),
        Index("ix_bids_expiry", "state", "expires_at"),
    )

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(12), default=BID.begins)
    price_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    fee_percent: Mapped[int]
    fee_min_cents: Mapped[int] = mapped_column(default=0)
    fee_max_cents: Mapped[int | None]
    fee_rule_id: Mapped[int | None] = mapped_column(ForeignKey("fee_rules.id"))  # none: the percentage of the policy
    fee_as_friend: Mapped[bool] = mapped_column(default=False)  # whether its helper was a Friend when it was placed
    minutes: Mapped[int]
    included: Mapped[str] = mapped_column(String(300))
    starts_at: Mapped[datetime]  # the proposed slot
    message: Mapped[str] = mapped_column(Text, default="")
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    task: Mapped[Task] = relationship(lazy="raise")
    helper: Mapped[User] = relationship(lazy="raise")
    steps: Mapped[list["BidStep"]] = relationship(lazy="raise", order_by="BidStep.number")

    @property
    def fee(self) -> Fee:
        """The platform's fee on this bid."""
        return Fee(self.fee_percent, self.fee_min_cents, self.fee_max_cents)


class BidStep(Base):
    """One step of the negotiation, kept for ever: who proposed what."""

    __tablename__ = "bid_steps"
    __table_args__ = (UniqueConstraint("bid_id", "number"), one_of("side", ("helper", "customer")))

    bid_id: Mapped[int] = mapped_column(ForeignKey("bids.id", ondelete="CASCADE"))
    number: Mapped[int]
    side: Mapped[str] = mapped_column(String(8))
    price_cents: Mapped[int]
    minutes: Mapped[int]
    included: Mapped[str] = mapped_column(String(300))
    starts_at: Mapped[datetime]
    message: Mapped[str] = mapped_column(Text, default="")
    expires_at: Mapped[datetime]
    at: Mapped[datetime]
