"""Certifications: applied for by helpers, decided by moderators with a reason, never twice."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import certifications
from marketplace.domain.errors import Invalid, NotAllowed, WrongState
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.models import Certification, JournalEntry, Notice
from marketplace.queries.certifications import certified_skill_ids, of_helper, skills_to_apply_for
from tests.factories import make_certification, make_helper, make_operator, make_user, skill

DECISIONS = {
    "grant": certifications.grant,
    "decline": certifications.decline,
    "suspend": certifications.suspend,
    "reinstate": certifications.reinstate,
}


def test_an_application_is_journalled_and_told_to_who_decides(session: Session) -> None:
    hans = make_helper(session, skills=())
    moderator, agent = make_operator(session), make_operator(session, "agent")
    made = certifications.apply(session, skill(session, "tv"), by=hans, note=" Mein Beruf. ")
    session.commit()
    assert (made.state, made.note, made.helper_id) == ("applied", "Mein Beruf.", hans.id)
    told = session.scalars(select(Notice)).all()
    assert [(one.user_id, one.kind) for one in told] == [(moderator.id, "certification_applied")]
    assert agent.id not in {one.user_id for one in told}
    assert session.scalars(select(JournalEntry.event)).all() == ["certification_applied"]


def test_without_a_profile_nobody_applies(session: Session) -> None:
    with pytest.raises(NotAllowed):
        certifications.apply(session, skill(session), by=make_user(session), note="")


@pytest.mark.parametrize("state", ["applied", "granted", "suspended"])
def test_while_one_stands_nobody_applies_again(session: Session, state: str) -> None:
    hans = make_helper(session, skills=())
    make_certification(session, hans, state=state)
    with pytest.raises(WrongState):
        certifications.apply(session, skill(session), by=hans, note="")
    session.commit()
    assert len(of_helper(session, hans.id)) == 1


@pytest.mark.parametrize("state", ["declined", "withdrawn"])
def test_after_a_no_a_helper_may_apply_again(session: Session, state: str) -> None:
    hans = make_helper(session, skills=())
    make_certification(session, hans, state=state)
    certifications.apply(session, skill(session), by=hans, note="Jetzt mit Kurs.")
    session.commit()
    assert [one.state for one in of_helper(session, hans.id)] == ["applied", state]


@pytest.mark.parametrize("before", CERTIFICATION.states)
@pytest.mark.parametrize("action", [*DECISIONS, "withdraw"])
def test_every_move_in_every_state(session: Session, before: str, action: str) -> None:
    hans, olga = make_helper(session, skills=()), make_operator(session)
    certification = make_certification(session, hans, state=before)
    verb: Callable[[], None] = (
        (lambda: certifications.withdraw(session, certification, by=hans))
        if action == "withdraw"
        else (lambda: DECISIONS[action](session, certification, by=olga, reason="Gespräch geführt."))
    )
    after = CERTIFICATION.moves[action].get(before)
    if after is None:
        with pytest.raises(WrongState):
            verb()
        assert certification.state == before
        return
    verb()
    session.commit()
    assert certification.state == after
    if action in DECISIONS:
        assert (certification.decided_by_id, certification.reason) == (olga.id, "Gespräch geführt.")
        event = f"certification_{after if action != 'reinstate' else 'reinstated'}"
        assert session.scalars(select(JournalEntry.event)).all() == [event]
        assert [(one.user_id, one.kind) for one in session.scalars(select(Notice))] == [(hans.id, event)]


@pytest.mark.parametrize("decision", DECISIONS.values())
def test_who_may_not_decide(session: Session, decision: Callable) -> None:
    hans = make_helper(session, skills=())
    certification = make_certification(session, hans, state="applied")
    for by in (hans, make_user(session), make_operator(session, "agent")):
        with pytest.raises(NotAllowed):
            decision(session, certification, by=by, reason="Weil.")
    assert certification.state == "applied"


def test_no_moderator_decides_about_themselves(session: Session) -> None:
    olga = make_helper(session, "Olga", skills=())
    olga.roles = make_operator(session).roles
    certification = make_certification(session, olga, state="applied")
    with pytest.raises(NotAllowed):
        certifications.grant(session, certification, by=olga, reason="Ich kenne mich.")


def test_a_decision_needs_a_reason(session: Session) -> None:
    certification = make_certification(session, make_helper(session, skills=()), state="applied")
    with pytest.raises(Invalid) as refused:
        certifications.grant(session, certification, by=make_operator(session), reason=" \n")
    assert refused.value.field == "reason"


def test_the_second_to_decide_learns_who_was_first(session: Session) -> None:
    certification = make_certification(session, make_helper(session, skills=()), state="applied")
    first, second = make_operator(session, name="Erste Moderatorin"), make_operator(session)
    certifications.grant(session, certification, by=first, reason="Zeugnis gesehen.")
    session.commit()
    with pytest.raises(WrongState) as refused:
        certifications.decline(session, certification, by=second, reason="Nein.")
    assert "Erste Moderatorin" in str(refused.value)
    session.rollback()
    assert session.get(Certification, certification.id).reason == "Zeugnis gesehen."


def test_only_the_helper_takes_an_application_back(session: Session) -> None:
    hans = make_helper(session, skills=())
    certification = make_certification(session, hans, state="applied")
    for by in (make_user(session), make_operator(session)):
        with pytest.raises(NotAllowed):
            certifications.withdraw(session, certification, by=by)


def test_only_what_is_granted_counts(session: Session) -> None:
    hans = make_helper(session, skills=("wifi",))
    make_certification(session, hans, "tv", state="suspended")
    make_certification(session, hans, "computer", state="applied")
    make_certification(session, hans, "smart_home", state="declined")
    assert certified_skill_ids(session, hans.id) == {skill(session, "wifi").id}
    open_codes = {one.code for one in skills_to_apply_for(session, of_helper(session, hans.id))}
    assert "smart_home" in open_codes
    assert not open_codes & {"wifi", "tv", "computer"}
