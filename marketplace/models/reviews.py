"""Reviews: what each side of a booking says of the other."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, one_of
from marketplace.models.accounts import User
from marketplace.models.bookings import Booking


class Review(Base, Public):
    """Stars and words of one side about the other; nobody sees it before `opens_at` (both are in, or 14 days have passed)."""

    __tablename__ = "reviews"
    __table_args__ = (
        # One review per side of a booking.
        UniqueConstraint("booking_id", "side", name="uq_reviews_booking_side"),
        one_of("side", ("customer", "helper")),
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        CheckConstraint("knowledge IS NULL OR knowledge BETWEEN 1 AND 5", name="knowledge"),
        CheckConstraint("punctuality IS NULL OR punctuality BETWEEN 1 AND 5", name="punctuality"),
        CheckConstraint("friendliness IS NULL OR friendliness BETWEEN 1 AND 5", name="friendliness"),
        CheckConstraint("author_id <> about_id", name="not_oneself"),
        Index("ix_reviews_about", "about_id", "opens_at"),
    )

    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"))
    side: Mapped[str] = mapped_column(String(8))  # the author's
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    about_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    stars: Mapped[int]
    knowledge: Mapped[int | None]
    punctuality: Mapped[int | None]
    friendliness: Mapped[int | None]
    words: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    opens_at: Mapped[datetime]

    booking: Mapped[Booking] = relationship(lazy="raise")
    author: Mapped[User] = relationship(foreign_keys=author_id, lazy="raise")
    about: Mapped[User] = relationship(foreign_keys=about_id, lazy="raise")
