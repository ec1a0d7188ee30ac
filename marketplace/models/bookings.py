"""Bookings: what a customer and a helper agreed, the steps of the visit, and the hours it takes from the calendar."""

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, in_states, one_of, state_of
from marketplace.domain.lifecycles import BOOKING, BOOKING_LIVE
from marketplace.models.accounts import User
from marketplace.models.bids import Bid
from marketplace.models.tasks import Task

LIVE = in_states(*BOOKING_LIVE)


class Booking(Base, Public):
    """One agreed visit. Address and phone are for its two sides only, and lie here so that they can be erased."""

    __tablename__ = "bookings"
    __table_args__ = (
        state_of(BOOKING),
        CheckConstraint("price_cents > 0 AND fee_cents >= 0 AND fee_cents <= price_cents", name="price"),
        one_of("cancelled_by", ("customer", "helper", "operator")),
        one_of("absent", ("customer", "helper")),
        # One live booking per task: while one is reserved, every further acceptance is refused.
        Index("uq_bookings_live", "task_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_bookings_customer", "customer_id", "starts_at"),
        Index("ix_bookings_helper", "helper_id", "starts_at"),
        Index("ix_bookings_state", "state", "starts_at"),
    )

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), index=True)
    bid_id: Mapped[int] = mapped_column(ForeignKey("bids.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(12), default=BOOKING.begins)
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    price_cents: Mapped[int]
    fee_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime]
    # The beginning first agreed: what cancelling costs is counted from the earlier one.
    promised_at: Mapped[datetime] = mapped_column(default=lambda row: row.get_current_parameters()["starts_at"])
    reserved_until: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    sign_off_due_at: Mapped[datetime | None]
    signed_off_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None] = mapped_column(String(10))
    address: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(20))
    unsolved_note: Mapped[str | None] = mapped_column(Text)  # the customer's words
    absent: Mapped[str | None] = mapped_column(String(10))  # the side that the other one reported as not there
    objection_until: Mapped[datetime | None]
    settled_reason: Mapped[str | None] = mapped_column(Text)  # the operator's words

    task: Mapped[Task] = relationship(lazy="raise")
    bid: Mapped[Bid] = relationship(lazy="raise")
    customer: Mapped[User] = relationship(foreign_keys=customer_id, lazy="raise")
    helper: Mapped[User] = relationship(foreign_keys=helper_id, lazy="raise")
    steps: Mapped[list["VisitStep"]] = relationship(lazy="raise", order_by="VisitStep.id")

    @property
    def ends_at(self) -> datetime:
        """When the visit is expected to end."""
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def earliest_at(self) -> datetime:
        """From when on cancelling is late: moving the visit does not make it cheaper."""
        return min(self.starts_at, self.promised_at)

    @property
    def helper_cents(self) -> int:
        """The helper's part of the price in cents."""
        return self.price_cents - self.fee_cents


class VisitStep(Base):
    """One step of a booking: what happened (the state reached), when, and by whom (nobody when the worker did it)."""

    __tablename__ = "visit_steps"

    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class TakenQuarter(Base):
    """A quarter of an hour that a booking takes from a helper's calendar."""

    __tablename__ = "taken_quarters"
    # A helper cannot be in two places: the second booking of a quarter fails here, whatever happens at once.
    __table_args__ = (UniqueConstraint("helper_id", "quarter_at", name="uq_taken_quarters_helper_quarter"),)

    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    quarter_at: Mapped[datetime]
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
