"""Finding helpers: certified, near, willing to come, in the order that was asked for."""

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.errors import NotFound
from marketplace.models import Certification, Profile, Standing, User
from marketplace.queries import profiles
from tests.factories import make_helper, skill

BERN = (46.948, 7.447)


def place(km_north: float) -> tuple[Any, ...]:
    return ("CH", "3000", "Bern", "BE", BERN[0] + km_north / 111.2, BERN[1])


def names(found: tuple[list[profiles.HelperNear], bool]) -> list[str]:
    return [one.profile.user.name for one in found[0]]


def rate(session: Session, helper: User, cautious: int, friend: bool = False) -> None:
    session.add(
        Standing(
            helper_id=helper.id,
            cautious_hundredths=cautious,
            reviews=3,
            is_friend=friend,
            rule_version=1,
            computed_at=clock.now(),
        )
    )
    session.commit()


def test_nearest_first_within_the_radius(session: Session) -> None:
    for name, km in (("Fern", 12), ("Nah", 1), ("Mittel", 6), ("Zu weit", 25)):
        make_helper(session, name, place=place(km))
    found = profiles.helpers_near(session, *BERN, radius_km=20)
    assert names(found) == ["Nah", "Mittel", "Fern"]
    assert [round(one.km) for one in found[0]] == [1, 6, 12]
    assert found[1] is False


def test_helpers_who_would_not_come_so_far_are_left_out(session: Session) -> None:
    make_helper(session, "Bleibt nah", place=place(9))
    session.execute(update(Profile).values(radius_km=5))
    assert names(profiles.helpers_near(session, *BERN, radius_km=20)) == []
    assert names(profiles.helpers_near(session, *BERN, radius_km=20, order="best")) == []


@pytest.mark.parametrize("state", ["applied", "declined", "suspended", "withdrawn"])
def test_only_a_certification_in_force_is_found(session: Session, state: str) -> None:
    make_helper(session, "Hans", skills=("wifi", "tv"))
    wifi = skill(session, "wifi").id
    session.execute(update(Certification).where(Certification.skill_id == wifi).values(state=state))
    assert names(profiles.helpers_near(session, *BERN, radius_km=20, skill_id=wifi)) == []
    found = profiles.helpers_near(session, *BERN, radius_km=20)
    assert names(found) == ["Hans"]
    assert found[0][0].skill_ids == (skill(session, "tv").id,)


def test_suspended_people_are_not_found(session: Session) -> None:
    make_helper(session, "Gesperrt", suspended_at=clock.now())
    assert names(profiles.helpers_near(session, *BERN, radius_km=20)) == []


def test_best_rated_first_and_friends_only(session: Session) -> None:
    for name, km, cautious, friend in (("Gut", 2, 430, False), ("Neu", 1, None, False), ("Freund", 9, 450, True)):
        helper = make_helper(session, name, place=place(km))
        if cautious:
            rate(session, helper, cautious, friend)
    assert names(profiles.helpers_near(session, *BERN, radius_km=20, order="best")) == ["Freund", "Gut", "Neu"]
    assert names(profiles.helpers_near(session, *BERN, radius_km=20, friends_only=True)) == ["Freund"]


def test_pages_follow_each_other_without_gap(session: Session) -> None:
    for number in range(5):
        make_helper(session, f"H{number}", place=place(number + 1))
    first = profiles.helpers_near(session, *BERN, radius_km=20, limit=2)
    second = profiles.helpers_near(session, *BERN, radius_km=20, limit=2, offset=2)
    third = profiles.helpers_near(session, *BERN, radius_km=20, limit=2, offset=4)
    assert names(first) + names(second) + names(third) == [f"H{number}" for number in range(5)]
    assert (first[1], second[1], third[1]) == (True, True, False)


def test_a_profile_page_shows_what_was_ever_granted(session: Session) -> None:
    hans = make_helper(session, skills=("wifi", "tv"))
    session.execute(
        update(Certification).where(Certification.skill_id == skill(session, "tv").id).values(state="suspended")
    )
    public_id = session.scalars(select(Profile.public_id)).one()
    page = profiles.profile_page(session, public_id)
    assert page.profile.user.name == hans.name
    assert [one.skill.code for one in page.certified] == ["wifi"]
    assert len(page.certifications) == 2
    with pytest.raises(NotFound):
        profiles.profile_page(session, "nothing")
