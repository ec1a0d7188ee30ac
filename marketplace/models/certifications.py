"""Certifications: the operator's grants to helpers, skill by skill."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, in_states, state_of
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.models.accounts import User
from marketplace.models.skills import Skill

LIVE = in_states(CERTIFICATION.applied, CERTIFICATION.granted, CERTIFICATION.suspended)


class Certification(Base, Public):
    """A helper's application for a skill and what the operator decided."""

    __tablename__ = "certifications"
    __table_args__ = (
        state_of(CERTIFICATION),
        # One live certification per helper and skill: two would let one be suspended while the other still counts.
        Index("uq_certifications_live", "helper_id", "skill_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_certifications_queue", "state", "applied_at"),
        # Nearby search asks for each profile whether a certification is in force, and finds the answer in this index.
        Index("ix_certifications_in_force", "helper_id", "state", "skill_id"),
    )

    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skills.id"), index=True)
    state: Mapped[str] = mapped_column(String(12), default=CERTIFICATION.begins)
    note: Mapped[str] = mapped_column(Text, default="")  # the helper's own words: why I can do this
    applied_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(Text)
    expires_on: Mapped[date | None]

    helper: Mapped[User] = relationship(foreign_keys=helper_id, lazy="raise")
    decided_by: Mapped[User | None] = relationship(foreign_keys=decided_by_id, lazy="raise")
    skill: Mapped[Skill] = relationship(lazy="raise")
