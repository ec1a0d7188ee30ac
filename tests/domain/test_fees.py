"""The platform's fee: to the cent, between its least and its most, and by the one rule that counts."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.domain.fees import Fee, Rule, rule_for

NOW = datetime(2026, 3, 29, 9, 0, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("price", "percent", "fee"),
    [(5_500, 10, 550), (5_555, 10, 556), (5_554, 10, 555), (1, 50, 1), (1, 49, 0), (99, 0, 0), (0, 10, 0)],
)
def test_the_fee_of_a_price(price, percent, fee):
    assert Fee(percent).of(price) == fee


@pytest.mark.parametrize(
    ("price", "fee"),
    [
        (1_000, 300),  # the least
        (3_000, 300),
        (3_004, 300),
        (3_005, 301),
        (8_994, 899),
        (8_995, 900),  # the most
        (99_999, 900),
        (300, 300),
        (299, 299),  # never more than there is
        (0, 0),
    ],
)
def test_the_least_and_the_most(price, fee):
    assert Fee(10, min_cents=300, max_cents=900).of(price) == fee


def test_a_most_of_nothing_is_no_fee():
    assert Fee(10, max_cents=0).of(5_500) == 0


@settings(max_examples=1_000)
@given(
    price=st.integers(0, 100_000_000),
    percent=st.integers(0, 100),
    least=st.integers(0, 10_000),
    span=st.none() | st.integers(0, 10_000),
)
def test_helper_and_platform_share_every_price_without_a_rest(price, percent, least, span):
    most = None if span is None else least + span
    shared = Fee(percent, least, most).split(price)
    assert shared.fee_cents + shared.helper_cents == shared.price_cents == price
    exact = (Decimal(price) * percent / 100).quantize(Decimal(1), ROUND_HALF_UP)
    assert shared.fee_cents == min(price, max(exact, least) if most is None else min(most, max(exact, least)))
    assert shared.helper_cents >= 0


# ---- Which rule


def rule(number: int, **values: object) -> Rule:
    given_values = {"fee": Fee(number), "valid_from": NOW - DAY, **values}
    return Rule(number, **given_values)


def chosen(*rules: Rule, skill_id: int = 1, is_friend: bool = False, at: datetime = NOW) -> int | None:
    found = rule_for(rules, skill_id=skill_id, is_friend=is_friend, at=at)
    return found and found.id


def test_without_a_rule_there_is_none():
    assert chosen() is None
    assert chosen(rule(1, skill_id=2), rule(2, friends_only=True)) is None


@pytest.mark.parametrize(
    ("at", "number"),
    [(NOW - DAY - TICK, None), (NOW - DAY, 1), (NOW + DAY - TICK, 1), (NOW + DAY, None), (NOW + 9 * DAY, None)],
)
def test_a_rule_holds_from_its_beginning_until_just_before_its_end(at, number):
    assert chosen(rule(1, valid_until=NOW + DAY), at=at) == number


def test_a_rule_without_an_end_holds_on():
    assert chosen(rule(1), at=NOW + 10_000 * DAY) == 1


def test_friends_before_the_skill_before_everybody():
    everybody, skill = rule(1), rule(2, skill_id=1)
    friends, both = rule(3, friends_only=True), rule(4, friends_only=True, skill_id=1)
    assert chosen(everybody, skill, friends, both) == 2
    assert chosen(everybody, skill, friends, both, skill_id=2) == 1
    assert chosen(everybody, skill, friends, is_friend=True) == 3
    assert chosen(everybody, skill, friends, both, is_friend=True) == 4
    assert chosen(everybody, skill, friends, both, is_friend=True, skill_id=2) == 3


def test_of_equals_the_newest_counts():
    older, newer = rule(7, valid_from=NOW - 2 * DAY), rule(1, valid_from=NOW - DAY)
    assert chosen(older, newer) == chosen(newer, older) == 1
    assert chosen(rule(1), rule(2)) == 2
    assert chosen(older, rule(1, valid_from=NOW + DAY)) == 7
