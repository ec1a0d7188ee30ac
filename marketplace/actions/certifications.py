"""Certifying: a helper applies for a skill, and the operator decides with a reason that the helper reads."""

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, outbox
from marketplace.db import move
from marketplace.domain.errors import N_, Invalid, NotAllowed, WrongState
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.models import Certification, Role, Skill, User
from marketplace.models.accounts import ROLES
from marketplace.permissions import may_apply, may_decide_certification, may_withdraw_certification

DECIDING_ROLES = ROLES[ROLES.index("moderator") :]
EVENTS = {
    "grant": "certification_granted",
    "decline": "certification_declined",
    "suspend": "certification_suspended",
    "reinstate": "certification_reinstated",
}

# Asked before every bid and every message, so it is built once.
_IN_FORCE = select(Certification.skill_id).where(
    Certification.helper_id == bindparam("helper_id"), Certification.state == CERTIFICATION.granted
)


def apply(session: Session, skill: Skill, *, by: User, note: str) -> Certification:
    """Apply for a skill; raises NotAllowed without a profile, WrongState while an application or grant stands."""
    if not may_apply(by):
        raise NotAllowed(N_("Please write your helper's profile first."))
    certification = Certification(
        helper_id=by.id, skill_id=skill.id, state=CERTIFICATION.begins, note=note.strip(), applied_at=clock.now()
    )
    try:
        with session.begin_nested():
            session.add(certification)
    except IntegrityError:  # uq_certifications_live: one live certification per helper and skill
        raise WrongState(N_("You have applied for this skill already.")) from None
    journal.record(session, "certification_applied", certification, by=by, facts={"skill_id": skill.id})
    for user_id in _who_decides(session):
        outbox.tell(session, user_id, "certification_applied", certification_id=certification.id, skill_id=skill.id)
    return certification


def withdraw(session: Session, certification: Certification, *, by: User) -> None:
    """Take an application back; only its helper may, and only while nobody has decided (else WrongState)."""
    if not may_withdraw_certification(by, certification):
        raise NotAllowed(N_("This application belongs to somebody else."))
    move(session, Certification, certification.id, CERTIFICATION, "withdraw")
    journal.record(session, "certification_withdrawn", certification, by=by)


def grant(session: Session, certification: Certification, *, by: User, reason: str) -> None:
    """Certify the helper for the skill."""
    _decide(session, certification, "grant", by=by, reason=reason)


def decline(session: Session, certification: Certification, *, by: User, reason: str) -> None:
    """Say no to an application; the helper reads the reason and may apply again."""
    _decide(session, certification, "decline", by=by, reason=reason)


def suspend(session: Session, certification: Certification, *, by: User, reason: str) -> None:
    """Put a certification out of force; the helper cannot bid for this skill until it is reinstated."""
    _decide(session, certification, "suspend", by=by, reason=reason)


def reinstate(session: Session, certification: Certification, *, by: User, reason: str) -> None:
    """Put a suspended certification back in force."""
    _decide(session, certification, "reinstate", by=by, reason=reason)


def skill_ids_in_force(session: Session, helper: User) -> set[int]:
    """The skills for which this helper's certification is in force, read inside the writing transaction."""
    return set(session.scalars(_IN_FORCE, {"helper_id": helper.id}))


def _decide(session: Session, certification: Certification, action: str, *, by: User, reason: str) -> None:
    """One decision, with reason, journal and notice; of two at once the second learns who was first."""
    if not may_decide_certification(by, certification):
        raise NotAllowed(N_("Only the operator's moderators may decide this, and nobody about themselves."))
    if not reason.strip():
        raise Invalid("reason", N_("Please give a reason. The helper will read it."))
    try:
        move(
            session, Certification, certification.id, CERTIFICATION, action,
            decided_at=clock.now(), decided_by_id=by.id, reason=reason.strip(),
        )  # fmt: skip
    except WrongState:
        raise _already_decided(session, certification) from None
    facts = {"certification_id": certification.id, "skill_id": certification.skill_id}
    journal.record(session, EVENTS[action], certification, by=by, facts={"skill_id": certification.skill_id})
    outbox.tell(session, certification.helper_id, EVENTS[action], **facts)


def _already_decided(session: Session, certification: Certification) -> WrongState:
    """The refusal that names whoever decided before."""
    session.refresh(certification)
    if certification.state == CERTIFICATION.withdrawn:
        return WrongState(N_("The helper has taken this application back."))
    decider = session.get(User, certification.decided_by_id) if certification.decided_by_id else None
    if decider is None:
        return WrongState()
    return WrongState(N_("This was decided already, by %(name)s."), name=decider.name)


def _who_decides(session: Session) -> list[int]:
    """The operator's people who decide about certifications."""
    deciding = select(User.id).join(User.roles).where(Role.name.in_(DECIDING_ROLES), User.suspended_at.is_(None))
    return list(session.scalars(deciding.distinct()))
