"""Installing the skills that the house ships with."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.models import Skill

FILE = Path(__file__).parents[1] / "data" / "skills.json"


def install(session: Session) -> list[Skill]:
    """Add the shipped skills that are missing and bring the others up to date; running it again changes nothing.

    A skill that an operator added stays, since tasks may point to it.
    """
    known = {skill.code: skill for skill in session.scalars(select(Skill))}
    installed = []
    for row in json.loads(FILE.read_text(encoding="utf-8")):
        skill = known.get(row["code"]) or Skill(code=row["code"])
        for name, value in _columns(row).items():
            setattr(skill, name, value)
        session.add(skill)
        installed.append(skill)
    return installed


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of one skill as the file describes it."""
    price = row["usual_price_cents"]
    kept = ("position", "icon", "names", "blurbs", "examples", "questions", "usual_minutes")
    return {name: row[name] for name in kept} | {"usual_low_cents": price["low"], "usual_high_cents": price["high"]}
