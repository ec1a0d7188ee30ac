"""The sample marketplace is whole: about as many people and tasks as promised, Friends by the rule, work for the operator.

It is filled once for this file, at one moment of the week; with `--full` also at others, since what people do depends on it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.demo import builder, parts
from marketplace.domain.badges import earns_friend, steps_to_friend
from marketplace.domain.lifecycles import BID, TASK
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Notice, OutboxItem, Standing, Task, User
from marketplace.queries import operator
from marketplace.queries.badges import record_of
from marketplace.queries.ledger import ledger_faults
from marketplace.queries.profiles import helpers_near
from marketplace.queries.tasks import open_near
from tests.fresh import begin_anew

pytestmark = pytest.mark.xdist_group("demo")

POLICY = Policy()
MOMENTS = {
    "a Tuesday afternoon": datetime(2026, 3, 3, 14, 20, tzinfo=UTC),
    "a Sunday night": datetime(2026, 8, 16, 1, 5, tzinfo=UTC),
    "the last evening of the year": datetime(2026, 12, 31, 22, 50, tzinfo=UTC),
    "the morning the clocks change": datetime(2027, 3, 28, 5, 0, tzinfo=UTC),
}
TOWNS = {"Bern": (46.948, 7.447), "Zürich": (47.378, 8.527), "Genève": (46.204, 6.143), "Lugano": (46.004, 8.951)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "moment" in metafunc.fixturenames:
        moments = MOMENTS if metafunc.config.getoption("--full") else list(MOMENTS)[:1]
        metafunc.parametrize("moment", moments, indirect=True, scope="module")


@pytest.fixture(scope="module")
def moment(request: pytest.FixtureRequest) -> datetime:
    return MOMENTS[request.param]


@pytest.fixture(scope="module")
def sample(shared_app: Flask, folder: Path, moment: datetime) -> Iterator[Session]:
    """The filled database, and the clock at the moment at which it was filled."""
    with shared_app.app_context():
        with clock.moved_to(moment):
            assert not builder.is_half_filled(db.session)
            builder.fill(POLICY, shared_app.extensions["gateways"], blur_secret=b"secret", echo=print)
            yield db.session
        begin_anew(folder)


def user_id(session: Session, email: str) -> int:
    return session.scalars(select(User.id).where(User.email == email)).one()


def test_there_are_as_many_as_promised(sample: Session, figure: Callable[[str, int], None]) -> None:
    assert sample.scalar(select(func.count(Task.id))) == builder.TASKS
    assert 140 <= sample.scalars(select(func.count(User.id)).where(User.is_helper)).one() <= 160
    friends = sample.scalars(select(func.count(Standing.id)).where(Standing.is_friend)).one()
    assert 12 <= friends <= 28
    figure("Friends among the sample helpers", friends)


def test_tasks_are_in_every_state(sample: Session) -> None:
    assert set(sample.scalars(select(Task.state).distinct())) == set(TASK.states)


def test_every_badge_is_earned_by_the_rule(sample: Session) -> None:
    tried = 0
    for standing in sample.scalars(select(Standing)):
        record, _ = record_of(sample, standing.helper_id, at=clock.now(), policy=POLICY)
        assert standing.is_friend == earns_friend(record, POLICY)
        tried += 1
    assert tried == sample.scalar(select(func.count(User.id)).where(User.is_helper))


def test_the_ledger_holds(sample: Session) -> None:
    assert ledger_faults(sample) == []


def test_the_operator_has_something_to_decide(sample: Session) -> None:
    figures = operator.figures(sample, since=clock.now() - timedelta(days=1), until=clock.now())
    assert figures.unsolved_visits in range(1, 9)
    waiting = operator.certification_queue(sample, "applied", limit=100).rows
    assert len({one.helper_id for one in waiting}) == builder.WAITING
    assert operator.people(sample, kind="suspended", search="", since=None, limit=5).total == 1


def test_anna_has_three_bids_to_compare(sample: Session) -> None:
    annas = Task.customer_id == user_id(sample, "anna@example.org")
    found = sample.scalars(select(Bid).join(Task, Task.id == Bid.task_id).where(annas)).all()
    assert [one.state for one in found] == [BID.placed] * 3
    assert {user_id(sample, f"{name}@example.org") for name in ("reto", "lea")} < {one.helper_id for one in found}


def test_reto_is_one_booking_before_the_badge_and_lea_holds_it(sample: Session) -> None:
    reto, lea = (
        record_of(sample, user_id(sample, f"{name}@example.org"), at=clock.now(), policy=POLICY)[0]
        for name in ("reto", "lea")
    )
    assert [step.name for step in steps_to_friend(reto, POLICY) if not step.met] == ["signed_off", "rating"]
    assert reto.signed_off == POLICY.friend_bookings - 1
    assert earns_friend(lea, POLICY)


@pytest.mark.parametrize("town", TOWNS)
def test_each_part_of_the_country_has_helpers_with_ratings_and_something_to_do(sample: Session, town: str) -> None:
    lat, lon = TOWNS[town]
    near, _ = helpers_near(sample, lat, lon, radius_km=POLICY.search_radius_km, limit=100)
    assert sum(bool(one.standing and one.standing.reviews) for one in near) >= 2
    assert open_near(sample, lat, lon, radius_km=60, skill_ids=None, limit=5)


def test_nobody_is_greeted_by_old_news(sample: Session) -> None:
    old = clock.now() - timedelta(days=3, minutes=5)
    assert not sample.scalar(select(func.count(Notice.id)).where(Notice.at < old, Notice.read_at.is_(None)))
    waiting = select(func.count(OutboxItem.id)).where(OutboxItem.channel == "mail", OutboxItem.delivered_at.is_(None))
    assert not sample.scalar(waiting)


def test_the_admin_comes_last_so_that_a_half_filled_one_is_found_out(sample: Session) -> None:
    people = sample.scalars(select(User.email).order_by(User.id)).all()
    assert (people[0], people[-1]) == (parts.FIRST.email, parts.LAST.email)
    assert not builder.is_half_filled(sample)
