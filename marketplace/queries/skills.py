"""Reading the skills."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.models import Skill

_ALL = select(Skill).order_by(Skill.position)


def all_skills(session: Session) -> list[Skill]:
    """Every skill in the order in which they are shown."""
    return list(session.scalars(_ALL))


def skill_by_code(session: Session, code: str) -> Skill | None:
    """The skill with this code, or none."""
    return session.scalar(select(Skill).where(Skill.code == code))
