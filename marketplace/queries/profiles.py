"""Reading profiles: one helper's page, and the helpers who would come to a place."""

from dataclasses import dataclass
from functools import cache
from math import cos, radians, sqrt
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, cast, exists, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from marketplace.domain.errors import NotFound
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.domain.places import KM_PER_DEGREE, bounding_box
from marketplace.models import Certification, Profile, Skill, Standing, User

NEAREST, BEST_RATED = "nearest", "best"
ORDERS = (NEAREST, BEST_RATED)
FIRST_STEP = 8  # the search begins with this part of the radius and widens once when that finds too few


@dataclass(frozen=True)
class ProfilePage:
    """What a helper's page shows: the profile with its person and hours, and the certifications ever granted."""

    profile: Profile
    certifications: list[Certification]

    @property
    def certified(self) -> list[Certification]:
        """The certifications in force, in the order of the skills."""
        return [one for one in self.certifications if one.state == CERTIFICATION.granted]


@dataclass(frozen=True)
class HelperNear:
    """A helper in a list: the profile with its person, the distance in km, the skills in force, and the standing."""

    profile: Profile
    km: float
    skill_ids: tuple[int, ...]
    standing: Standing | None


_PAGE = (
    select(Profile)
    .join(Profile.user)
    .where(Profile.public_id == bindparam("public_id"))
    .options(contains_eager(Profile.user).raiseload(User.roles), selectinload(Profile.hours))
)
_OF_USER = (
    select(Profile)
    .where(Profile.user_id == bindparam("user_id"))
    .options(joinedload(Profile.user).raiseload(User.roles), selectinload(Profile.hours))
)
_EVER_GRANTED = (
    select(Certification)
    .join(Certification.skill)
    .where(
        Certification.helper_id == bindparam("helper_id"),
        Certification.state.in_((CERTIFICATION.granted, CERTIFICATION.suspended)),
    )
    .options(contains_eager(Certification.skill))
    .order_by(Skill.position, Certification.id)
)


def profile_page(session: Session, public_id: str) -> ProfilePage:
    """A helper's profile with person, usual hours and certifications; raises NotFound."""
    profile = session.scalar(_PAGE, {"public_id": public_id})
    if profile is None:
        raise NotFound()
    return ProfilePage(profile, list(session.scalars(_EVER_GRANTED, {"helper_id": profile.user_id})))


def of_user(session: Session, user_id: int) -> Profile | None:
    """The profile that this person wrote, with person and usual hours; None when there is none."""
    return session.scalar(_OF_USER, {"user_id": user_id})


def own_profile(session: Session, user_id: int) -> Profile:
    """The same, where there has to be one; raises NotFound."""
    profile = of_user(session, user_id)
    if profile is None:
        raise NotFound()
    return profile


def helpers_near(
    session: Session,
    lat: float,
    lon: float,
    *,
    radius_km: int,
    skill_id: int | None = None,
    friends_only: bool = False,
    order: str = NEAREST,
    limit: int = 20,
    offset: int = 0,
) -> tuple[list[HelperNear], bool]:
    """The certified helpers within `radius_km` who come this far, and whether more follow.

    Ids first, decided on profiles, certifications and standings alone; nearest first begins with a small circle and
    widens it until it is full. Suspended people are left out.
    """
    wanted = offset + limit + 1
    values = {"skill_id": skill_id, "lat": lat, "lon": lon, "ky": KM_PER_DEGREE**2, "wanted": wanted}
    values["kx"] = (KM_PER_DEGREE * cos(radians(lat))) ** 2
    statement = _nearby_ids(skill_id is not None, friends_only, order)
    circles = (radius_km / FIRST_STEP, radius_km) if order == NEAREST else (radius_km,)
    found: list[Any] = []
    for km in circles:
        south, west, north, east = bounding_box(lat, lon, km)
        box = {"south": south, "west": west, "north": north, "east": east, "square": km * km}
        found = list(session.execute(statement, values | box))
        if len(found) >= wanted:
            break
    rows = found[offset : offset + limit]
    return _helpers(session, {row.id: sqrt(max(0.0, row.square)) for row in rows}), len(found) >= wanted


def _helpers(session: Session, km_of: dict[int, float]) -> list[HelperNear]:
    """The full rows of these profiles, in this order."""
    if not km_of:
        return []
    rows = {row[0].id: row for row in session.execute(_FULL_ROWS, {"ids": list(km_of)})}
    return [
        HelperNear(profile, km_of[profile.id], tuple(int(one) for one in (skill_ids or "").split(",") if one), standing)
        for profile, standing, skill_ids in (rows[one] for one in km_of if one in rows)
    ]


def _granted(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a certification of the profile's helper is in force."""
    return exists().where(
        Certification.helper_id == Profile.user_id, Certification.state == CERTIFICATION.granted, *more
    )


@cache
def _nearby_ids(one_skill: bool, friends_only: bool, order: str) -> Select[Any]:
    """Profile id and squared distance in km of whoever comes to a position; built once for each kind of search."""
    square: ColumnElement[Any] = bindparam("ky") * (Profile.lat - bindparam("lat")) * (
        Profile.lat - bindparam("lat")
    ) + bindparam("kx") * (Profile.lon - bindparam("lon")) * (Profile.lon - bindparam("lon"))
    ids = select(Profile.id, square.label("square")).where(
        Profile.lat.between(bindparam("south"), bindparam("north")),
        Profile.lon.between(bindparam("west"), bindparam("east")),
        square <= bindparam("square"),
        square <= Profile.radius_km * Profile.radius_km,
        _granted(Certification.skill_id == bindparam("skill_id")) if one_skill else _granted(),
        exists().where(User.id == Profile.user_id, User.suspended_at.is_(None)),
    )
    if friends_only:
        ids = ids.where(exists().where(Standing.helper_id == Profile.user_id, Standing.is_friend))
    if order == BEST_RATED:
        rated = select(Standing.cautious_hundredths).where(Standing.helper_id == Profile.user_id).scalar_subquery()
        ids = ids.order_by(rated.desc().nulls_last(), square, Profile.id)
    else:
        ids = ids.order_by(square, Profile.id)
    return ids.limit(bindparam("wanted"))


_SKILL_IDS = (
    select(func.aggregate_strings(cast(Certification.skill_id, String), ","))
    .where(Certification.helper_id == Profile.user_id, Certification.state == CERTIFICATION.granted)
    .correlate(Profile)
    .scalar_subquery()
)
_FULL_ROWS = (
    select(Profile, Standing, _SKILL_IDS)
    .join(Profile.user)
    .outerjoin(Standing, Standing.helper_id == Profile.user_id)
    .where(Profile.id.in_(bindparam("ids", expanding=True)))
    .options(contains_eager(Profile.user).raiseload(User.roles))
)
