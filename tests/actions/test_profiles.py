"""A helper's profile is written by its helper only, and only with what a profile needs."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import profiles
from marketplace.domain.errors import Invalid, NotAllowed
from marketplace.domain.places import Place
from marketplace.domain.policy import Policy
from marketplace.models import JournalEntry, Profile, UsualHours
from tests.factories import make_helper, make_user

BIEL = Place("CH", "2502", "Biel/Bienne", "BE", 47.14, 7.24)
WORDS = {
    "headline": "Ich richte Drucker ein",
    "about": "Seit Jahren.",
    "languages": ["de", "fr"],
    "place": BIEL,
    "radius_km": 15,
}


def test_the_first_profile_makes_a_helper(session: Session) -> None:
    anna = make_user(session)
    profile = profiles.save(session, by=anna, **WORDS, hours=[(0, 480, 720), (5, 1260, 1380)])
    session.commit()
    assert anna.is_helper
    assert (profile.place_name, profile.languages, profile.radius_km) == ("Biel/Bienne", ["de", "fr"], 15)
    spans = session.execute(select(UsualHours.weekday, UsualHours.from_minute, UsualHours.to_minute)).all()
    assert sorted(tuple(span) for span in spans) == [(0, 480, 720), (5, 1260, 1380)]
    assert session.scalars(select(JournalEntry.event)).all() == ["profile_created"]


def test_saving_again_changes_the_same_profile_and_keeps_what_was_not_given(session: Session) -> None:
    anna = make_user(session)
    first = profiles.save(session, by=anna, **WORDS, hours=[(0, 480, 720)], photo_name="anna.jpg")
    again = profiles.save(session, by=anna, **{**WORDS, "headline": "Drucker und WLAN"})
    session.commit()
    assert again is first
    assert (again.headline, again.photo_name) == ("Drucker und WLAN", "anna.jpg")
    assert len(session.scalars(select(UsualHours)).all()) == 1
    assert len(session.scalars(select(Profile)).all()) == 1


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("headline", {"headline": "  "}),
        ("headline", {"headline": "x" * 91}),
        ("about", {"about": ""}),
        ("headline", {"headline": "WLAN? 079 123 45 67"}),
        ("about", {"about": "Schreiben Sie an hans at example punkt ch."}),
        ("languages", {"languages": []}),
        ("radius_km", {"radius_km": 0}),
        ("radius_km", {"radius_km": 101}),
        ("place", {"regions": {"ZH", "GE"}}),
        ("radius_km", {"policy": Policy(radius_max_km=10)}),
        ("hours", {"hours": [(0, 480, 720), (0, 700, 800)]}),
        ("hours", {"hours": [(7, 480, 720)]}),
        ("hours", {"hours": [(1, 720, 480)]}),
    ],
)
def test_a_profile_that_cannot_be_is_refused_at_its_field(session: Session, field: str, change: dict) -> None:
    with pytest.raises(Invalid) as refused:
        profiles.save(session, by=make_user(session), **{**WORDS, **change})
    assert refused.value.field == field


def test_a_region_that_is_switched_on_is_welcome(session: Session) -> None:
    profile = profiles.save(session, by=make_user(session), **WORDS, regions={"BE"})
    assert profile.region == "BE"


def test_only_the_helper_changes_hours_and_picture(session: Session) -> None:
    hans, other = make_helper(session), make_user(session)
    profile = session.scalars(select(Profile)).one()
    with pytest.raises(NotAllowed):
        profiles.change_hours(session, profile, by=other, hours=[])
    with pytest.raises(NotAllowed):
        profiles.change_photo(session, profile, by=other, photo_name=None)
    profiles.change_hours(session, profile, by=hans, hours=[(6, 1080, 1260)])
    assert profiles.change_photo(session, profile, by=hans, photo_name="one.jpg") is None
    assert profiles.change_photo(session, profile, by=hans, photo_name=None) == "one.jpg"
