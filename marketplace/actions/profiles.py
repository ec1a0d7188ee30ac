"""Writing a helper's profile: who they are, where they help and at which usual hours."""

from collections.abc import Collection
from itertools import pairwise

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal
from marketplace.domain.errors import N_, Invalid, NotAllowed
from marketplace.domain.masking import contacts_in
from marketplace.domain.places import Place
from marketplace.domain.policy import Policy
from marketplace.domain.posting import is_served
from marketplace.models import Profile, User, UsualHours
from marketplace.permissions import may_change_profile

HEADLINE_MAX = 90  # the column's width
RADIUS_KM = (1, 100)  # what the table can hold; an operator's policy may be narrower

Span = tuple[int, int, int]  # weekday (Monday is 0), from and to in minutes after midnight, local time


def save(
    session: Session,
    *,
    by: User,
    headline: str,
    about: str,
    languages: list[str],
    place: Place,
    radius_km: int,
    hours: list[Span] | None = None,
    photo_name: str | None = None,
    regions: Collection[str] = (),
    policy: Policy | None = None,
) -> Profile:
    """Create or change the profile of `by`, who is a helper from then on; hours and photo stay when not given.

    `regions` are those the operator has switched on, none meaning everywhere. Raises Invalid for a wrong field.
    """
    least, most = (policy.radius_min_km, policy.radius_max_km) if policy else RADIUS_KM
    _check_words(headline, about, languages)
    if not is_served(place.country, place.region, regions):
        raise Invalid("place", N_("We do not offer help in this region yet."))
    if not least <= radius_km <= most:
        sentence = N_("Please choose a distance from %(least)s to %(most)s km.")
        raise Invalid("radius_km", sentence, least=least, most=most)

    profile = session.scalar(select(Profile).where(Profile.user_id == by.id))
    event = "profile_changed" if profile else "profile_created"
    if profile is None:
        profile = Profile(user_id=by.id, created_at=clock.now())
        session.add(profile)
        by.is_helper = True
    profile.headline, profile.about, profile.languages = headline.strip(), about.strip(), languages
    profile.country, profile.postcode, profile.place_name = place.country, place.postcode, place.name
    profile.region, profile.lat, profile.lon = place.region, place.lat, place.lon
    profile.radius_km = radius_km
    profile.photo_name = photo_name or profile.photo_name
    session.flush()
    if hours is not None:
        _replace_hours(session, profile, hours)
    journal.record(session, event, profile, by=by, facts={"radius_km": radius_km})
    return profile


def change_hours(session: Session, profile: Profile, *, by: User, hours: list[Span]) -> None:
    """Replace the helper's usual hours; raises NotAllowed for anybody else, Invalid when spans overlap."""
    _demand_owner(profile, by)
    _replace_hours(session, profile, hours)
    journal.record(session, "profile_hours_changed", profile, by=by, facts={"spans": len(hours)})


def change_photo(session: Session, profile: Profile, *, by: User, photo_name: str | None) -> str | None:
    """Put another picture on the profile, or none; gives the name of the file that is no longer needed."""
    _demand_owner(profile, by)
    before, profile.photo_name = profile.photo_name, photo_name
    journal.record(session, "profile_photo_changed" if photo_name else "profile_photo_removed", profile, by=by)
    return before


def _demand_owner(profile: Profile, by: User) -> None:
    if not may_change_profile(by, profile):
        raise NotAllowed(N_("This profile belongs to somebody else."))


def _check_words(headline: str, about: str, languages: list[str]) -> None:
    """Refuse a profile that says nothing, or that says how to reach somebody without us."""
    if not headline.strip():
        raise Invalid("headline", N_("Please say in one sentence what you are good at."))
    if len(headline.strip()) > HEADLINE_MAX:
        raise Invalid("headline", N_("Please use at most %(most)s characters."), most=HEADLINE_MAX)
    if not about.strip():
        raise Invalid("about", N_("Please tell us a little about yourself."))
    for field, text in (("headline", headline), ("about", about)):
        if contacts := contacts_in(text):
            sentence = N_("Everybody reads this, so please leave “%(contact)s” out: customers reach you here.")
            raise Invalid(field, sentence, contact=contacts[0].text)
    if not languages:
        raise Invalid("languages", N_("Please choose at least one language."))


def _replace_hours(session: Session, profile: Profile, hours: list[Span]) -> None:
    """Write these spans in place of the former ones."""
    ordered = sorted(set(hours))
    overlapping = any(a[0] == b[0] and b[1] < a[2] for a, b in pairwise(ordered))
    if overlapping or any(not (0 <= day <= 6 and 0 <= begin < end <= 1440) for day, begin, end in ordered):
        raise Invalid("hours", N_("Please check the hours: they overlap or end before they begin."))
    session.execute(delete(UsualHours).where(UsualHours.profile_id == profile.id))
    session.add_all(
        UsualHours(profile_id=profile.id, weekday=day, from_minute=begin, to_minute=end) for day, begin, end in ordered
    )
