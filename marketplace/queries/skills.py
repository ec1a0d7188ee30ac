"""Reading the skills."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.models import Skill


def all_skills(session: Session) -> list[Skill]:
    """Every skill in the order in which they are shown."""
    return list(session.scalars(select(Skill).order_by(Skill.position)))
