"""Reading tasks: the nearby search against plain arithmetic, and how many statements it takes."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.domain.places import distance_km
from marketplace.models import Draft, Task
from marketplace.queries import tasks as queries
from tests.factories import make_bid, make_helper, make_task, make_user, skill

BERN = (46.948, 7.447)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database inside the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def scatter(session: Session, count: int, seed: int = 1) -> None:
    """Tasks of two skills and two states round Bern, dense in the middle."""
    draw = random.Random(seed)
    make_task(session)
    model = session.query(Task).one()
    columns = {c.key: getattr(model, c.key) for c in Task.__table__.columns if c.key not in ("id", "public_id")}
    rows = []
    for number in range(count):
        spread = draw.choice((0.005, 0.05, 0.5))
        lat, lon = BERN[0] + draw.gauss(0, spread), BERN[1] + draw.gauss(0, spread * 1.4)
        rows.append(
            {
                **columns,
                "public_id": f"t{number}",
                "lat": lat,
                "lon": lon,
                "state": draw.choice(("open", "open", "booked")),
                "skill_id": skill(session, draw.choice(("wifi", "tv", "computer"))).id,
            }
        )
    session.execute(insert(Task), rows)
    session.commit()


def near(
    session: Session, radius: float, skills: set[int] | None, limit: int, offset: int = 0
) -> list[tuple[str, float]]:
    found = queries.open_near(session, *BERN, radius_km=radius, skill_ids=skills, limit=limit, offset=offset)
    return [(one.task.public_id, one.km) for one in found]


@pytest.mark.parametrize("radius", [0.5, 2, 20, 100])
@pytest.mark.parametrize("codes", [None, ("wifi",), ("wifi", "tv")])
def test_the_search_finds_what_plain_arithmetic_finds_nearest_first(
    session: Session, radius: float, codes: tuple[str, ...] | None
) -> None:
    scatter(session, 400)
    skills = {skill(session, code).id for code in codes} if codes else None
    every = [
        (task.public_id, distance_km(*BERN, task.lat, task.lon))
        for task in session.query(Task).all()
        if task.state == "open" and (skills is None or task.skill_id in skills)
    ]
    expected = sorted((one for one in every if one[1] <= radius * 0.999), key=lambda one: one[1])
    found = near(session, radius, skills, limit=1000)
    assert {name for name, _ in expected} <= {name for name, _ in found}
    assert all(km <= radius * 1.001 for _, km in found)
    distances = dict(every)
    assert all(km == pytest.approx(distances[name], rel=0.01, abs=0.01) for name, km in found)
    assert [km for _, km in found] == sorted(km for _, km in found)
    for limit in (1, 7, 20):
        assert near(session, radius, skills, limit=limit) == found[:limit]
    assert near(session, radius, skills, limit=10, offset=5) == found[5:15]


def test_the_search_takes_two_statements_however_much_it_finds(session: Session) -> None:
    make_task(session, public_id="alone")
    with statements() as few:
        assert len(near(session, 20, None, limit=20)) == 1
    scatter_more = [make_task(session) for _ in range(19)]
    assert len(scatter_more) == 19
    session.expire_all()
    with statements() as many:
        found = queries.open_near(session, *BERN, radius_km=20, skill_ids=None, limit=20)
        assert [one.task.skill.code for one in found] == ["wifi"] * 20
    assert len(few) == len(many) == 2


def test_nobody_near_takes_one_statement(session: Session) -> None:
    with statements() as sent:
        assert near(session, 20, None, limit=20) == []
    assert len(sent) == 1


def test_the_search_lives_in_the_covering_index(session: Session) -> None:
    scatter(session, 200)
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_rest: object) -> None:
        seen.append((statement, values))

    wifi = skill(session).id
    event.listen(db.engine, "before_cursor_execute", note)
    near(session, 20, {wifi}, limit=20)
    event.remove(db.engine, "before_cursor_execute", note)
    statement, values = next(one for one in seen if "UNION ALL" in one[0])
    on_sqlite = db.engine.dialect.name == "sqlite"
    if not on_sqlite:
        session.execute(text("SET LOCAL enable_seqscan = off"))
    explain = "EXPLAIN QUERY PLAN " if on_sqlite else "EXPLAIN "
    plan = "\n".join(str(row) for row in session.connection().exec_driver_sql(explain + statement, values))
    index = "COVERING INDEX ix_tasks_nearby" if on_sqlite else "ix_tasks_nearby"
    assert plan.count(index) == len(queries.RINGS_KM), plan


def test_a_task_in_the_list_carries_its_bids_and_first_time(session: Session) -> None:
    task = make_task(session)
    make_bid(session, task)
    make_bid(session, task, make_helper(session, "Rita"), state="withdrawn")
    one = queries.open_near(session, *BERN, radius_km=5, skill_ids=None, limit=5)[0]
    assert (one.bids, one.first_slot_at is not None) == (1, True)


def test_a_customers_list_takes_one_statement(session: Session) -> None:
    customer = make_user(session)
    for _ in range(3):
        make_bid(session, make_task(session, customer))
    make_task(session)
    session.expire_all()
    customer_id = customer.id
    with statements() as sent:
        own = queries.mine(session, customer_id)
        assert [(one.task.skill.code, one.bids, one.booking_state) for one in own] == [("wifi", 1, None)] * 3
    assert len(sent) == 1


def test_a_helpers_search_begins_at_home_with_the_skills_in_force(session: Session) -> None:
    helper = make_helper(session, skills=("wifi", "tv"))
    home = queries.home_of(session, helper.id)
    assert home is not None
    assert (home.place, home.radius_km) == ("3011 Bern", 20)
    assert home.skill_ids == {skill(session, "wifi").id, skill(session, "tv").id}
    assert queries.home_of(session, make_helper(session, "Neu", skills=()).id).skill_ids == frozenset()
    assert queries.home_of(session, make_user(session).id) is None


def test_drafts_belong_to_a_browser_or_a_person(session: Session) -> None:
    person, other = make_user(session), make_user(session)
    for token, owner in (("a", None), ("b", person.id), ("c", other.id)):
        later = clock.now() + timedelta(days=7)
        session.add(Draft(token_hash=token, user_id=owner, answers={}, created_at=clock.now(), expires_at=later))
    session.commit()

    def seen(tokens: list[str], user_id: int | None) -> set[str]:
        return {draft.token_hash for draft in queries.drafts_of(session, token_hashes=tokens, user_id=user_id)}

    assert seen(["a", "b", "c"], None) == {"a"}
    assert seen(["a"], person.id) == {"a", "b"}
    assert seen([], person.id) == {"b"}
    assert seen([], None) == set()
