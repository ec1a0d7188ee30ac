"""Tasks: what customers need done, their photos, the times that suit, and drafts not yet published."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, state_of
from marketplace.domain.lifecycles import TASK
from marketplace.models.accounts import User
from marketplace.models.skills import Skill


class Draft(Base, Public):
    """A task being written, perhaps before its customer has an account; it lives for 7 days.

    `token_hash` belongs to the cookie of the browser it was begun in; `answers` holds what was typed, page by page.
    """

    __tablename__ = "drafts"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    published_task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    photos: Mapped[list["Photo"]] = relationship(lazy="raise", order_by="Photo.id")


class Task(Base, Public):
    """What a customer needs done.

    `lat`/`lon` are the postcode's position; only the blurred `shown_lat`/`shown_lon` leave the house.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        state_of(TASK),
        CheckConstraint("budget_cents IS NULL OR budget_cents > 0", name="budget"),
        # Nearby search decides id, distance and age inside these two indexes (anchors: covering index, widening radius).
        Index("ix_tasks_nearby_skill", "state", "skill_id", "lat", "lon", "id"),
        Index("ix_tasks_nearby", "state", "lat", "lon", "id"),
        Index("ix_tasks_customer", "customer_id", "created_at"),
        Index("ix_tasks_expiry", "state", "expires_at"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skills.id"))
    state: Mapped[str] = mapped_column(String(12), default=TASK.begins)
    language: Mapped[str] = mapped_column(String(2))
    title: Mapped[str] = mapped_column(String(90))
    description: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(String(120), default="")
    tried: Mapped[str] = mapped_column(Text, default="")
    answers: Mapped[dict[str, str]] = mapped_column(
        JSON, default=dict
    )  # question code: choice code of the skill's guide
    remote: Mapped[bool] = mapped_column(default=False)
    country: Mapped[str] = mapped_column(String(2))
    postcode: Mapped[str] = mapped_column(String(10))
    place_name: Mapped[str] = mapped_column(String(80))
    region: Mapped[str] = mapped_column(String(40))
    lat: Mapped[float]
    lon: Mapped[float]
    shown_lat: Mapped[float]
    shown_lon: Mapped[float]
    budget_cents: Mapped[int | None]
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    removed_reason: Mapped[str | None] = mapped_column(Text)  # why the operator took it down, for its customer to read

    customer: Mapped[User] = relationship(lazy="raise")
    skill: Mapped[Skill] = relationship(lazy="raise")
    slots: Mapped[list["Slot"]] = relationship(lazy="raise", cascade="all, delete-orphan", order_by="Slot.starts_at")
    photos: Mapped[list["Photo"]] = relationship(lazy="raise", order_by="Photo.id")


class Slot(Base):
    """A time that suits the customer."""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("task_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="span"),
    )

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Photo(Base, Public):
    """A re-encoded picture, of a draft first and of its task after publishing; the file lies in the photo storage."""

    __tablename__ = "photos"

    draft_id: Mapped[int | None] = mapped_column(ForeignKey("drafts.id", ondelete="SET NULL"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    file_name: Mapped[str] = mapped_column(String(80), unique=True)
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime]
