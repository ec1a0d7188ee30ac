"""Reading tasks: one page, the open ones nearby, a customer's own, and the drafts of a browser."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, inf, radians, sqrt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Label,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from marketplace import clock
from marketplace.db import by_public_id
from marketplace.domain.lifecycles import BID_LIVE, BOOKING_AGREED, CERTIFICATION, TASK
from marketplace.domain.places import KM_PER_DEGREE, bounding_box
from marketplace.models import Bid, Booking, Certification, Draft, Photo, Profile, Slot, Task, User

# ---- One task


def task_page(session: Session, public_id: str) -> Task:
    """A task with its customer, skill, slots and photos; raises NotFound."""
    return by_public_id(
        session,
        Task,
        public_id,
        joinedload(Task.customer),
        joinedload(Task.skill),
        selectinload(Task.slots),
        selectinload(Task.photos),
    )


_BIDS = (
    select(Bid.id, Bid.public_id, Bid.helper_id, Bid.state)
    .join(Bid.helper)
    .where(
        Bid.task_id == bindparam("task_id"),
        or_(and_(Bid.state.in_(BID_LIVE), User.suspended_at.is_(None)), Bid.helper_id == bindparam("user_id")),
    )
    .order_by(Bid.id)
)


@dataclass(frozen=True)
class BidsOnTask:
    """The bids on a task as its page shows them: how many stand, and the last one of the person who looks."""

    live: int
    own_public_id: str | None
    own_state: str | None


def bids_on(session: Session, task_id: int, user_id: int | None) -> BidsOnTask:
    """How many bids stand on a task, and the newest of this person's."""
    rows = session.execute(_BIDS, {"task_id": task_id, "user_id": user_id or 0}).all()
    own = [row for row in rows if row.helper_id == user_id]
    live = sum(row.state in BID_LIVE for row in rows)
    return BidsOnTask(live, own[-1].public_id if own else None, own[-1].state if own else None)


_BOOKING = (
    select(Booking.public_id, Booking.state, Booking.helper_id)
    .where(Booking.task_id == bindparam("task_id"), Booking.state.in_(BOOKING_AGREED))
    .order_by(Booking.id.desc())
    .limit(1)
)


def booking_of(session: Session, task_id: int) -> Any:
    """Public id, state and helper of the task's agreed booking, or none."""
    return session.execute(_BOOKING, {"task_id": task_id}).first()


def photo_page(session: Session, public_id: str) -> tuple[Photo, Task | None, Draft | None]:
    """A photo with the task or the draft that it belongs to; raises NotFound."""
    photo = by_public_id(session, Photo, public_id)
    task = session.get(Task, photo.task_id, options=[joinedload(Task.customer)]) if photo.task_id else None
    draft = session.get(Draft, photo.draft_id) if photo.draft_id else None
    return photo, task, draft


# ---- Open tasks nearby


@dataclass(frozen=True)
class Home:
    """Where a helper's own search begins: the place and radius of the profile, and the skills in force."""

    place: str
    key: str
    lat: float
    lon: float
    radius_km: int
    skill_ids: frozenset[int]


_HOME = (
    select(Profile, Certification.skill_id)
    .outerjoin(
        Certification, and_(Certification.helper_id == Profile.user_id, Certification.state == CERTIFICATION.granted)
    )
    .where(Profile.user_id == bindparam("user_id"))
)


def home_of(session: Session, user_id: int) -> Home | None:
    """Where this person's search begins, or none without a profile."""
    rows = session.execute(_HOME, {"user_id": user_id}).all()
    if not rows:
        return None
    profile = rows[0][0]
    return Home(
        place=f"{profile.postcode} {profile.place_name}",
        key=f"{profile.country}-{profile.postcode} {profile.place_name}",
        lat=profile.lat,
        lon=profile.lon,
        radius_km=profile.radius_km,
        skill_ids=frozenset(skill_id for _, skill_id in rows if skill_id is not None),
    )


#
# Ids are decided inside a covering index (state, skill, lat, lon, id) by plain arithmetic: the square of the distance
# on a flat map whose two scales come from the latitude asked about. The map is searched ring by ring, near ones first,
# all in one statement: both engines work through the parts of a UNION ALL in order and stop at the ring that fills the
# page. The full rows come in a second statement.

RINGS_KM = (1.0, 3.0, 10.0, 30.0, inf)


@dataclass(frozen=True)
class TaskNear:
    """An open task nearby, its distance in km, how many bids stand on it and the first time that suits."""

    task: Task
    km: float
    bids: int
    first_slot_at: datetime | None


def open_near(
    session: Session,
    lat: float,
    lon: float,
    *,
    radius_km: float,
    skill_ids: Collection[int] | None,
    limit: int,
    offset: int = 0,
) -> list[TaskNear]:
    """The open tasks within `radius_km` of a position in degrees, nearest first; of these skills, or of all (None).

    Those of suspended people are left out of the page on which they would stand.
    """
    found = _ids_near(session, lat, lon, radius_km=radius_km, skill_ids=skill_ids, limit=offset + limit)[offset:]
    if not found:
        return []
    rows = session.execute(_FULL, {"ids": [task_id for task_id, _ in found], "now": clock.now()}).unique()
    full = {task.id: (task, bids, first_slot_at) for task, bids, first_slot_at in rows}
    near = []
    for task_id, km in found:
        if task_id in full:
            task, bids, first_slot_at = full[task_id]
            near.append(TaskNear(task, km, bids, first_slot_at))
    return near


def _ids_near(
    session: Session, lat: float, lon: float, *, radius_km: float, skill_ids: Collection[int] | None, limit: int
) -> list[tuple[int, float]]:
    """Ids and distances in km, nearest first."""
    values: dict[str, Any] = {
        "lat": lat,
        "lon": lon,
        "ky": KM_PER_DEGREE**2,
        "kx": (KM_PER_DEGREE * cos(radians(lat))) ** 2,
        "most": limit,
        **({} if skill_ids is None else {"skill_ids": sorted(skill_ids)}),
    }
    inner = -1.0
    for number, ring in enumerate(RINGS_KM):
        outer = min(ring, radius_km)
        # A ring beyond the radius gets a box that holds nothing, so that it costs nothing.
        south, west, north, east = bounding_box(lat, lon, outer) if outer > inner else (1.0, 1.0, 0.0, 0.0)
        values |= {f"south{number}": south, f"north{number}": north, f"west{number}": west, f"east{number}": east}
        values |= {f"inner{number}": inner * abs(inner), f"outer{number}": outer**2}
        inner = outer
    statement = _NEAR_OF_ALL if skill_ids is None else _NEAR_OF_SKILLS
    rows = session.execute(statement, values).all()
    return sorted(((row.id, sqrt(row.square)) for row in rows), key=lambda found: (found[1], found[0]))


def _near(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The statement of all rings, built once."""
    north, east = Task.lat - bindparam("lat", type_=Float), Task.lon - bindparam("lon", type_=Float)
    square: Label[float] = (
        bindparam("ky", type_=Float) * north * north + bindparam("kx", type_=Float) * east * east
    ).label("square")
    rings = []
    for number in range(len(RINGS_KM)):
        ring = (
            select(Task.id, square)
            .where(
                Task.state == TASK.open,
                *conditions,
                Task.lat.between(bindparam(f"south{number}"), bindparam(f"north{number}")),
                Task.lon.between(bindparam(f"west{number}"), bindparam(f"east{number}")),
                square > bindparam(f"inner{number}", type_=Float),
                square <= bindparam(f"outer{number}", type_=Float),
            )
            .order_by(literal_column("square"), Task.id)
            .limit(bindparam("most"))
            .subquery(f"ring{number}")
        )
        rings.append(select(ring.c.id, ring.c.square))
    found = union_all(*rings).subquery("found")
    return select(found.c.id, found.c.square).limit(bindparam("most"))


_NEAR_OF_ALL = _near()
_NEAR_OF_SKILLS = _near(Task.skill_id.in_(bindparam("skill_ids", expanding=True)))

_LIVE_BIDS = (
    select(func.count(Bid.id))
    .join(User, User.id == Bid.helper_id)
    .where(Bid.task_id == Task.id, Bid.state.in_(BID_LIVE), User.suspended_at.is_(None))
    .correlate(Task)
    .scalar_subquery()
)
_ADMITTED = exists().where(User.id == Task.customer_id, User.suspended_at.is_(None))
_FIRST_SLOT = (
    select(func.min(Slot.starts_at)).where(Slot.task_id == Task.id, Slot.starts_at > bindparam("now")).scalar_subquery()
)
_FULL = (
    select(Task, _LIVE_BIDS.label("bids"), _FIRST_SLOT.label("first_slot_at"))
    .join(Task.skill)
    .options(contains_eager(Task.skill))
    .where(Task.id.in_(bindparam("ids", expanding=True)), _ADMITTED)
)

# ---- A customer's own


@dataclass(frozen=True)
class OwnTask:
    """A task as its customer sees it in the list: with the bids that stand, and the agreed booking if there is one."""

    task: Task
    bids: int
    booking_public_id: str | None
    booking_state: str | None


_NEWEST_BOOKING = (
    select(func.max(Booking.id))
    .where(Booking.task_id == Task.id, Booking.state.in_(BOOKING_AGREED))
    .correlate(Task)
    .scalar_subquery()
)
_MINE = (
    select(Task, _LIVE_BIDS.label("bids"), Booking.public_id, Booking.state)
    .join(Task.skill)
    .outerjoin(Booking, Booking.id == _NEWEST_BOOKING)
    .options(contains_eager(Task.skill))
    .where(Task.customer_id == bindparam("user_id"))
    .order_by(Task.created_at.desc(), Task.id.desc())
    .limit(bindparam("most"))
    .offset(bindparam("skipped"))
)


def mine(session: Session, user_id: int, *, limit: int = 50, offset: int = 0) -> list[OwnTask]:
    """A customer's tasks, newest first."""
    rows = session.execute(_MINE, {"user_id": user_id, "most": limit, "skipped": offset})
    return [OwnTask(task, bids, booking, state) for task, bids, booking, state in rows]


# ---- Drafts


def drafts_of(session: Session, *, token_hashes: Sequence[str], user_id: int | None) -> list[Draft]:
    """The unpublished drafts of a browser and of whoever is signed in on it, newest first."""
    whose = and_(Draft.token_hash.in_(token_hashes), or_(Draft.user_id.is_(None), Draft.user_id == user_id))
    mine_too = Draft.user_id == user_id if user_id else false()
    return list(
        session.scalars(
            select(Draft)
            .where(or_(whose, mine_too), Draft.published_task_id.is_(None), Draft.expires_at > clock.now())
            .order_by(Draft.id.desc())
        )
    )


def draft_page(session: Session, public_id: str) -> Draft:
    """A draft with its photos; raises NotFound."""
    return by_public_id(session, Draft, public_id, selectinload(Draft.photos))


def task_of_draft(session: Session, draft: Draft) -> str:
    """The public id of the task that a draft has become."""
    return session.scalars(select(Task.public_id).where(Task.id == draft.published_task_id)).one()
