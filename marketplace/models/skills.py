"""Skills: the fields of help, with the questions that a task of that field is asked."""

from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base


class Skill(Base):
    """A field of help; its words stand in it in every language, so that an operator may add one without a release."""

    __tablename__ = "skills"

    code: Mapped[str] = mapped_column(String(30), unique=True)
    position: Mapped[int]
    icon: Mapped[str] = mapped_column(String(30))
    names: Mapped[dict[str, str]] = mapped_column(JSON)
    blurbs: Mapped[dict[str, str]] = mapped_column(JSON)
    examples: Mapped[dict[str, list[str]]] = mapped_column(JSON)
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    usual_minutes: Mapped[int]
    usual_low_cents: Mapped[int]
    usual_high_cents: Mapped[int]

    def name(self, language: str) -> str:
        """The skill's name in a language (German where it has none)."""
        return self.names.get(language) or self.names["de"]
