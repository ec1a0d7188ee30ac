"""Badges: the standing of each helper, derived from the rows of record and rebuilt by the worker at any time."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base
from marketplace.models.accounts import User


class Standing(Base):
    """A helper's derived figures: rating, bookings, completion, reply time and whether they are a Friend now."""

    __tablename__ = "standings"
    __table_args__ = (Index("ix_standings_rating", "is_friend", "cautious_hundredths"),)

    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    certified: Mapped[bool] = mapped_column(default=False)
    reviews: Mapped[int] = mapped_column(default=0)
    average_hundredths: Mapped[int] = mapped_column(default=0)
    cautious_hundredths: Mapped[int] = mapped_column(default=0)
    signed_off: Mapped[int] = mapped_column(default=0)
    customers: Mapped[int] = mapped_column(default=0)
    completed: Mapped[int] = mapped_column(default=0)
    agreed: Mapped[int] = mapped_column(default=0)
    reply_minutes: Mapped[int | None]  # the median from the task's publishing to the helper's bid
    is_friend: Mapped[bool] = mapped_column(default=False)
    friend_since: Mapped[datetime | None]
    rule_version: Mapped[int]
    computed_at: Mapped[datetime]

    helper: Mapped[User] = relationship(lazy="raise")
