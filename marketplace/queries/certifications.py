"""Reading certifications: which skills a helper holds, and how their applications stand."""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, contains_eager

from marketplace.domain.lifecycles import CERTIFICATION, CERTIFICATION_LIVE
from marketplace.models import Certification, Skill

_GRANTED = select(Certification.skill_id).where(
    Certification.helper_id == bindparam("helper_id"), Certification.state == CERTIFICATION.granted
)
_OF_HELPER = (
    select(Certification)
    .join(Certification.skill)
    .options(contains_eager(Certification.skill))
    .where(Certification.helper_id == bindparam("helper_id"))
    .order_by(Certification.applied_at.desc(), Certification.id.desc())
)
_SKILLS = select(Skill).order_by(Skill.position, Skill.id)


def certified_skill_ids(session: Session, helper_id: int) -> set[int]:
    """The skills for which this helper's certification is in force now."""
    return set(session.scalars(_GRANTED, {"helper_id": helper_id}))


def of_helper(session: Session, helper_id: int) -> list[Certification]:
    """Every application of a helper with its skill, newest first."""
    return list(session.scalars(_OF_HELPER, {"helper_id": helper_id}))


def skills_to_apply_for(session: Session, applications: list[Certification]) -> list[Skill]:
    """The skills for which no application or certification of these stands, in the order in which people see them."""
    standing = {one.skill_id for one in applications if one.state in CERTIFICATION_LIVE}
    return [skill for skill in session.scalars(_SKILLS) if skill.id not in standing]
