"""The operator's rules about fees: who may set them, what they may say, and that a bid keeps the fee it was placed with."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bids, fees
from marketplace.db import transaction
from marketplace.domain.errors import Invalid, NotAllowed, WrongState
from marketplace.domain.fees import Fee
from marketplace.domain.policy import Policy
from marketplace.models import Bid, FeeRule, Standing, Task, User
from tests.factories import make_booking, make_helper, make_operator, make_task, skill, tomorrow_at
from tests.money import later

POLICY = Policy()


def set_rule(session: Session, by: User | None = None, **values: Any) -> FeeRule:
    """A rule that an admin sets from now on."""
    by_id = (by or make_operator(session, "admin")).id
    given = {
        "percent": 5,
        "min_cents": 0,
        "max_cents": None,
        "skill_id": None,
        "friends_only": False,
        "valid_from": clock.now() + timedelta(seconds=1),
        "valid_until": None,
        "reason": "Probezeit.",
    }
    with transaction() as rows:
        rule_id = _flushed(rows, fees.set_rule(rows, by=rows.get_one(User, by_id), **{**given, **values}))
    return session.get_one(FeeRule, rule_id)


def _flushed(rows: Session, rule: FeeRule) -> int:
    rows.flush()
    return rule.id


def end_rule(rule: FeeRule, by: User) -> None:
    rule_id, by_id = rule.id, by.id
    with transaction() as rows:
        fees.end_rule(rows, rows.get_one(FeeRule, rule_id), by=rows.get_one(User, by_id))


def place(session: Session, helper: User, code: str = "wifi", price_cents: int = 5_500) -> Bid:
    """A bid of today."""
    task, helper_id = make_task(session, code=code), helper.id
    with transaction() as rows:
        made = bids.place(
            rows,
            rows.get_one(Task, task.id),
            by=rows.get_one(User, helper_id),
            price_cents=price_cents,
            minutes=60,
            included="Anfahrt",
            starts_at=tomorrow_at(19),
            message="",
            policy=POLICY,
        )
        rows.flush()
        bid_id = made.id
    return session.get_one(Bid, bid_id)


def be_friend(session: Session, helper: User) -> None:
    session.add(Standing(helper_id=helper.id, is_friend=True, rule_version=1, computed_at=clock.now()))
    session.commit()


def test_without_a_rule_the_policy_counts(session: Session) -> None:
    bid = place(session, make_helper(session))
    assert (bid.fee, bid.fee_rule_id, bid.fee_as_friend) == (Fee(10), None, False)


def test_a_bid_keeps_the_fee_that_it_was_placed_with(session: Session) -> None:
    helper, admin = make_helper(session), make_operator(session, "admin")
    before = place(session, helper)
    rule = set_rule(session, admin, percent=5, min_cents=400, max_cents=2_000)
    with later(seconds=2):
        under = place(session, helper)
        end_rule(rule, admin)
    with later(seconds=3):
        after = place(session, helper)
    assert (before.fee, under.fee, after.fee) == (Fee(10), Fee(5, 400, 2_000), Fee(10))
    assert (before.fee_rule_id, under.fee_rule_id, after.fee_rule_id) == (None, rule.id, None)
    booking = make_booking(session, under, state="reserved")
    assert (booking.price_cents, booking.fee_cents, booking.helper_cents) == (5_500, 400, 5_100)


def test_a_rule_of_a_skill_and_one_of_friends(session: Session) -> None:
    friend, other = make_helper(session, skills=("wifi", "tv")), make_helper(session, skills=("wifi", "tv"))
    be_friend(session, friend)
    set_rule(session, percent=8)
    set_rule(session, percent=6, skill_id=skill(session, "tv").id)
    friends = set_rule(session, percent=0, friends_only=True)
    with later(seconds=2):
        assert [place(session, other, code).fee.percent for code in ("wifi", "tv")] == [8, 6]
        bid = place(session, friend, "tv")
    assert (bid.fee.percent, bid.fee_rule_id, bid.fee_as_friend) == (0, friends.id, True)
    assert make_booking(session, bid, state="reserved").fee_cents == 0


def test_a_rule_holds_between_its_days(session: Session) -> None:
    helper, now = make_helper(session), clock.now()
    set_rule(session, percent=1, valid_from=now + timedelta(days=1), valid_until=now + timedelta(days=3))
    seen = []
    for hours in (23, 25, 71, 73):
        with clock.moved_to(now + timedelta(hours=hours)):
            seen.append(place(session, helper).fee.percent)
    assert seen == [10, 1, 1, 10]


@pytest.mark.parametrize("role", ["agent", "moderator"])
def test_only_an_admin_sets_and_ends_rules(session: Session, role: str) -> None:
    rule, person = set_rule(session), make_operator(session, role)
    with pytest.raises(NotAllowed):
        set_rule(session, person)
    with later(seconds=2), pytest.raises(NotAllowed):
        end_rule(rule, person)


def _soon(**ahead: int) -> datetime:
    return clock.now() + timedelta(minutes=1) + timedelta(**ahead)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("percent", {"percent": 51}),
        ("percent", {"percent": -1}),
        ("max_cents", {"min_cents": -1}),
        ("max_cents", {"min_cents": 500, "max_cents": 499}),
        ("valid_from", {"valid_from": timedelta(seconds=-1)}),
        ("valid_until", {"valid_from": timedelta(days=1), "valid_until": timedelta(days=1)}),
        ("valid_until", {"valid_from": timedelta(days=2), "valid_until": timedelta(days=1)}),
        ("reason", {"reason": "  "}),
    ],
)
def test_what_a_rule_may_not_say(session: Session, field: str, values: dict[str, Any]) -> None:
    at = clock.now()
    moments = {name: at + value if isinstance(value, timedelta) else value for name, value in values.items()}
    with pytest.raises(Invalid) as refusal:
        set_rule(session, **moments)
    assert refusal.value.field == field
    assert session.scalars(select(FeeRule)).all() == []


def test_a_rule_is_ended_once_and_only_while_it_holds(session: Session) -> None:
    admin = make_operator(session, "admin")
    rule = set_rule(session, admin, valid_from=_soon(days=1))
    with pytest.raises(WrongState):
        end_rule(rule, admin)
    with later(days=2):
        end_rule(rule, admin)
        assert rule.valid_until is not None
        with pytest.raises(WrongState):
            end_rule(rule, admin)
