"""How sample people come: they open an account, and some become helpers."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from marketplace import clock
from marketplace.actions import accounts, certifications, profiles
from marketplace.db import transaction
from marketplace.demo.world import Helper, Life, World
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.domain.places import Place
from marketplace.models import Certification, Skill, User

HOURS = {"morning": (480, 720), "afternoon": (780, 1020), "evening": (1080, 1320)}


def open_account(world: World, name: str, language: str, *, email: str | None = None) -> int:
    """A person with a confirmed account; gives their id."""
    with transaction() as session:
        person = accounts.open_account(
            session,
            email=email or f"{name.partition(' ')[0].lower()}.{world.number()}@example.org",
            name=name,
            language=language,
            password_hash=world.password_hash,
        )
        phone = f"+4179{world.random.randint(1000000, 9999999)}"
        accounts.change_person(session, by=person, name=name, phone=phone, language=language)
        session.flush()
        return person.id


def become_helper(
    world: World,
    user_id: int,
    language: str,
    place: Place,
    *,
    card: dict[str, Any],
    decided: str | None = CERTIFICATION.granted,
    keen: bool = False,
) -> Life:
    """Write a profile, apply for skills, and hear from the operator (`decided` None: still waiting).

    A `keen` helper knows more, comes from farther, bids more often and for less, and works better than the others.
    """
    random = world.random
    radius = random.choice((15, 20, 25) if keen else (8, 12, 15, 20, 25))
    others = [code for code in world.skills if code not in card["skills"]]
    codes = card["skills"] + random.sample(others, 3 if keen else 0)
    spoken = [language, *(other for other in ("en", "fr", "de", "it") if other != language and world.chance(0.3))]
    with transaction() as session:
        person = session.get_one(User, user_id)
        profiles.save(
            session,
            by=person,
            headline=card["headline"],
            about=card["about"],
            languages=spoken,
            place=place,
            radius_km=radius,
            hours=_usual_hours(world),
        )
        note = world.applications.draw(language=language)["text"]
        wanted = session.scalars(select(Skill).where(Skill.code.in_(codes)).order_by(Skill.id)).all()
        applied = [(skill.code, certifications.apply(session, skill, by=person, note=note).id) for skill in wanted]
    yield world.after(8, 40) if decided else datetime.max.replace(tzinfo=clock.now().tzinfo)
    granted = set()
    for position, (code, certification_id) in enumerate(applied):
        with transaction() as session:
            certification = session.get_one(Certification, certification_id)
            operator = session.get_one(User, world.operators["moderator"])
            if decided == CERTIFICATION.declined and position == 0:
                reason = world.refusals.draw(language=language)["text"]
                certifications.decline(session, certification, by=operator, reason=reason)
            else:
                reason = world.grants.draw(language=language)["text"]
                certifications.grant(session, certification, by=operator, reason=reason)
                granted.add(code)
        yield clock.now() + timedelta(minutes=random.randint(2, 9))
    zeal = 100 if keen else random.choice((1, 1, 3))
    quality = random.choice((0.97, 0.99)) if keen else random.choice((0.5, 0.75, 0.9, 0.97))
    cheapness = random.uniform(0.85, 1.0) if keen else random.uniform(0.95, 1.25)
    world.helpers.append(Helper(user_id, language, place, radius, frozenset(granted), quality, cheapness, zeal))


def _usual_hours(world: World) -> list[tuple[int, int, int]]:
    """Evenings mostly, a weekend day perhaps."""
    hours = [(day, *HOURS["evening"]) for day in range(5) if world.chance(0.7)]
    hours += [(5, *HOURS[part]) for part in ("morning", "afternoon") if world.chance(0.6)]
    return hours or [(2, *HOURS["evening"])]
