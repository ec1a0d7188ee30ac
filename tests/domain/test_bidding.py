"""The rules of bids."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.bidding import Terms, check_terms, fit, quarters, valid_until
from marketplace.domain.errors import Invalid
from marketplace.domain.policy import Policy

NOW = datetime(2026, 11, 22, 10, 7, 31, tzinfo=UTC)
SOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
POLICY = Policy()


def points(**values: object) -> int:
    given = {
        "price_cents": 6000,
        "cheapest_cents": 6000,
        "cautious_hundredths": 400,
        "is_friend": False,
        "starts_at": SOON,
        "now": NOW,
        "policy": POLICY,
    }
    return fit(**{**given, **values})  # type: ignore[arg-type]


def test_the_best_bid_earns_a_hundred_points_and_the_worst_almost_none() -> None:
    assert points(cautious_hundredths=500, is_friend=True, starts_at=NOW) == 10_000
    assert points(price_cents=600_000, cautious_hundredths=100, starts_at=NOW + timedelta(days=20)) == 40


def test_each_fact_counts_the_way_the_page_says() -> None:
    assert points() > points(price_cents=7000)
    assert points() > points(cautious_hundredths=390)
    assert points() < points(is_friend=True)
    assert points() > points(starts_at=SOON + timedelta(days=1))
    assert points(cautious_hundredths=None) == points(cautious_hundredths=300)
    in_a_week, week_at_most = NOW + timedelta(days=7), Policy(fit_soon_days=7)
    assert points(starts_at=in_a_week) > points(starts_at=in_a_week, policy=week_at_most)
    assert points(starts_at=in_a_week, policy=week_at_most) == points(starts_at=SOON, policy=Policy(fit_soon=0))


def test_a_bid_stands_some_days_but_never_past_its_visit() -> None:
    assert valid_until(SOON, now=NOW, days=1) == NOW + timedelta(days=1)
    assert valid_until(SOON, now=NOW, days=7) == SOON


def test_a_visit_touches_the_quarters_it_needs() -> None:
    assert quarters(SOON, 60) == [SOON + timedelta(minutes=15 * n) for n in range(4)]
    assert quarters(SOON + timedelta(minutes=5), 15) == [SOON, SOON + timedelta(minutes=15)]


@given(
    seconds=st.integers(0, 40_000_000),
    minutes=st.integers(1, 480),
)
def test_the_quarters_cover_the_visit_and_nothing_more(seconds: int, minutes: int) -> None:
    starts_at = NOW + timedelta(seconds=seconds)
    found, end = quarters(starts_at, minutes), starts_at + timedelta(minutes=minutes)
    assert found[0] <= starts_at < found[0] + timedelta(minutes=15)
    assert found[-1] < end <= found[-1] + timedelta(minutes=15)
    assert all(later - earlier == timedelta(minutes=15) for earlier, later in itertools.pairwise(found))


@given(
    price_cents=st.integers(-10_000, 200_000),
    minutes=st.integers(-100, 1000),
    included=st.text(max_size=400),
    ahead=st.integers(-100, 100_000),
)
def test_terms_pass_only_within_their_bounds(price_cents: int, minutes: int, included: str, ahead: int) -> None:
    starts_at = NOW.replace(minute=0, second=0) + timedelta(minutes=ahead)
    terms = Terms(price_cents, minutes, included, starts_at)
    fine = (
        1_000 <= price_cents <= 100_000
        and 15 <= minutes <= 480
        and minutes % 15 == 0
        and len(included.strip()) > 0
        and len(included) <= 300
        and NOW < starts_at <= NOW + timedelta(days=30)
        and starts_at.minute % 15 == 0
    )
    if fine:
        check_terms(terms, now=NOW, policy=POLICY)
    else:
        with pytest.raises(Invalid):
            check_terms(terms, now=NOW, policy=POLICY)
