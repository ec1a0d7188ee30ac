"""Profiles: what a helper shows, where they help and at which usual hours."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public
from marketplace.models.accounts import User


class Profile(Base, Public):
    """A helper's profile."""

    __tablename__ = "profiles"
    __table_args__ = (
        CheckConstraint("radius_km BETWEEN 1 AND 100", name="radius"),
        # Nearby search decides id, distance and reach inside this index.
        Index("ix_profiles_nearby", "lat", "lon", "radius_km", "user_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    headline: Mapped[str] = mapped_column(String(90))
    about: Mapped[str] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(JSON)
    country: Mapped[str] = mapped_column(String(2))
    postcode: Mapped[str] = mapped_column(String(10))
    place_name: Mapped[str] = mapped_column(String(80))
    region: Mapped[str] = mapped_column(String(40))
    lat: Mapped[float]
    lon: Mapped[float]
    radius_km: Mapped[int]
    photo_name: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="raise")
    hours: Mapped[list["UsualHours"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by="UsualHours.weekday, UsualHours.from_minute"
    )


class UsualHours(Base):
    """A weekly span in which a helper usually has time; minutes count from midnight, local time."""

    __tablename__ = "usual_hours"
    __table_args__ = (
        UniqueConstraint("profile_id", "weekday", "from_minute"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("0 <= from_minute AND from_minute < to_minute AND to_minute <= 1440", name="span"),
    )

    profile_id: Mapped[int] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"))
    weekday: Mapped[int]  # Monday is 0
    from_minute: Mapped[int]
    to_minute: Mapped[int]
