"""Rows for tests: plain functions with defaults. What they make is what the actions would have made."""

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

from flask_security import naive_utcnow
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import ROOT
from marketplace import clock
from marketplace.ids import public_id
from marketplace.models import Bid, BidStep, Certification, Profile, Role, Skill, Slot, Task, User

_numbers = itertools.count(1)
BERN = ("CH", "3011", "Bern", "BE", 46.948, 7.447)


def install_skills(session: Session) -> None:
    """The skills that the house ships with."""
    file = ROOT / "marketplace" / "data" / "skills.json"
    for number, row in enumerate(json.loads(file.read_text())):
        price = row["usual_price_cents"]
        session.add(
            Skill(
                code=row["code"],
                position=row.get("position", number),
                icon=row["icon"],
                names=row["names"],
                blurbs=row["blurbs"],
                examples=row["examples"],
                questions=row["questions"],
                usual_minutes=row["usual_minutes"],
                usual_low_cents=price["low"],
                usual_high_cents=price["high"],
            )
        )


def skill(session: Session, code: str = "wifi") -> Skill:
    return session.scalars(select(Skill).where(Skill.code == code)).one()


def make_user(session: Session, name: str = "Anna Muster", **values: Any) -> User:
    """A customer with a confirmed account."""
    number = next(_numbers)
    user = User(
        **{
            "name": name,
            "email": f"person{number}@example.org",
            "language": "de",
            "created_at": clock.now(),
            "confirmed_at": naive_utcnow(),
            "fs_uniquifier": public_id() * 3,
            "active": True,
            **values,
        }
    )
    session.add(user)
    session.commit()
    return user


def make_operator(session: Session, role: str = "moderator", **values: Any) -> User:
    """One of the operator's people."""
    user = make_user(session, **{"name": "Olga Operator", **values})
    user.roles = [session.scalars(select(Role).where(Role.name == role)).one()]
    session.commit()
    return user


def make_helper(
    session: Session, name: str = "Hans Helfer", *, skills: tuple[str, ...] = ("wifi",), place: Any = BERN, **values: Any
) -> User:
    """A helper with a profile, certified for these skills."""
    user = make_user(session, name, is_helper=True, **values)
    country, postcode, place_name, region, lat, lon = place
    session.add(
        Profile(
            user_id=user.id,
            headline="Ich bringe Ihr WLAN zum Laufen",
            about="Seit zwanzig Jahren richte ich Geräte ein.",
            languages=["de"],
            country=country,
            postcode=postcode,
            place_name=place_name,
            region=region,
            lat=lat,
            lon=lon,
            radius_km=20,
            created_at=clock.now(),
        )
    )
    for code in skills:
        make_certification(session, user, code, state="granted")
    session.commit()
    return user


def make_certification(session: Session, helper: User, code: str = "wifi", *, state: str = "applied") -> Certification:
    certification = Certification(
        helper_id=helper.id,
        skill_id=skill(session, code).id,
        state=state,
        note="Das mache ich oft.",
        applied_at=clock.now(),
        decided_at=clock.now() if state != "applied" else None,
    )
    session.add(certification)
    session.commit()
    return certification


def make_task(session: Session, customer: User | None = None, *, code: str = "wifi", place: Any = BERN, **values: Any) -> Task:
    """An open task."""
    customer = customer or make_user(session, "Clara Kundin")
    country, postcode, place_name, region, lat, lon = place
    task = Task(
        **{
            "customer_id": customer.id,
            "skill_id": skill(session, code).id,
            "state": "open",
            "language": "de",
            "title": "Kein WLAN im Schlafzimmer",
            "description": "Seit dem neuen Router habe ich im Schlafzimmer keinen Empfang mehr.",
            "device": "Internet-Box",
            "tried": "Neu gestartet.",
            "answers": {},
            "remote": False,
            "country": country,
            "postcode": postcode,
            "place_name": place_name,
            "region": region,
            "lat": lat,
            "lon": lon,
            "shown_lat": lat + 0.004,
            "shown_lon": lon - 0.003,
            "budget_cents": 6000,
            "currency": "CHF",
            "created_at": clock.now(),
            "expires_at": clock.now() + timedelta(days=30),
            **values,
        }
    )
    session.add(task)
    session.flush()
    evening = tomorrow_at(19)
    session.add(Slot(task_id=task.id, starts_at=evening, ends_at=evening + timedelta(hours=2)))
    session.commit()
    return task


def make_bid(session: Session, task: Task, helper: User | None = None, **values: Any) -> Bid:
    """A placed bid with its first step."""
    helper = helper or make_helper(session)
    bid = Bid(
        **{
            "task_id": task.id,
            "helper_id": helper.id,
            "state": "placed",
            "price_cents": 5500,
            "currency": "CHF",
            "fee_percent": 10,
            "minutes": 60,
            "included": "Anfahrt und Einrichtung",
            "starts_at": tomorrow_at(19),
            "message": "Ich komme gern vorbei.",
            "expires_at": clock.now() + timedelta(days=7),
            "created_at": clock.now(),
            **values,
        }
    )
    session.add(bid)
    session.flush()
    session.add(
        BidStep(
            bid_id=bid.id,
            number=1,
            side="helper",
            price_cents=bid.price_cents,
            minutes=bid.minutes,
            included=bid.included,
            starts_at=bid.starts_at,
            message=bid.message,
            at=bid.created_at,
        )
    )
    session.commit()
    return bid


def tomorrow_at(hour: int, *, days: int = 2) -> datetime:
    """A whole hour some days ahead, in UTC."""
    return (clock.now() + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
