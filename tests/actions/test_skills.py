"""The shipped skills are installed once, however often that is asked for."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import skills
from marketplace.models import Skill


def test_installing_again_adds_nothing_and_brings_words_up_to_date(session: Session) -> None:
    before = session.scalar(select(func.count()).select_from(Skill))
    wifi = session.scalars(select(Skill).where(Skill.code == "wifi")).one()
    right, wifi.names = wifi.names, {"de": "Falsch"}
    session.flush()
    skills.install(session)
    session.flush()
    assert session.scalar(select(func.count()).select_from(Skill)) == before
    assert wifi.names == right
    session.rollback()


def test_a_skill_of_the_operators_own_stays(session: Session) -> None:
    wifi = session.scalars(select(Skill).where(Skill.code == "wifi")).one()
    session.delete(wifi)
    own = Skill(
        code="garden_robot", position=99, icon="wrench", names={"de": "Mähroboter"}, blurbs={}, examples={},
        questions=[], usual_minutes=60, usual_low_cents=4000, usual_high_cents=8000,
    )  # fmt: skip
    session.add(own)
    session.flush()
    installed = skills.install(session)
    session.flush()
    codes = set(session.scalars(select(Skill.code)))
    assert {"garden_robot", "wifi"} <= codes
    assert "garden_robot" not in {one.code for one in installed}
    session.rollback()
