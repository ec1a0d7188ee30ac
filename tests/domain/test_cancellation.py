"""What cancelling costs, to the second and to the cent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.cancellation import effect_of_cancelling
from marketplace.domain.policy import Policy

POLICY = Policy()
VISIT = datetime(2026, 3, 29, 9, 0, tzinfo=UTC)  # the day on which the clocks go forward
DAY_BEFORE = VISIT - timedelta(hours=24)
SECOND = timedelta(seconds=1)


def effect(price=10_000, *, by="customer", at=DAY_BEFORE, fee=10, policy=POLICY):
    return effect_of_cancelling(price, fee_percent=fee, starts_at=VISIT, by=by, at=at, policy=policy)


@pytest.mark.parametrize(
    ("by", "at", "shares"),
    [
        ("customer", DAY_BEFORE - timedelta(days=9), (10_000, 0, 0)),
        ("customer", DAY_BEFORE - SECOND, (10_000, 0, 0)),
        ("customer", DAY_BEFORE, (10_000, 0, 0)),  # exactly 24 hours before is still free
        ("customer", DAY_BEFORE + timedelta(microseconds=1), (5_000, 4_500, 500)),
        ("customer", DAY_BEFORE + SECOND, (5_000, 4_500, 500)),
        ("customer", VISIT, (5_000, 4_500, 500)),
        ("customer", VISIT + timedelta(hours=2), (5_000, 4_500, 500)),
        ("helper", DAY_BEFORE - SECOND, (10_000, 0, 0)),
        ("helper", DAY_BEFORE + SECOND, (10_000, 0, 0)),
        ("helper", VISIT + timedelta(hours=2), (10_000, 0, 0)),
    ],
)
def test_who_gets_what(by, at, shares):
    shared = effect(by=by, at=at)
    assert (shared.refund_cents, shared.helper_cents, shared.fee_cents) == shares
    assert shared.free_until == DAY_BEFORE


def test_an_odd_price_is_shared_to_the_cent():
    shared = effect(5_555, at=VISIT)
    assert (shared.refund_cents, shared.helper_cents, shared.fee_cents) == (2_777, 2_500, 278)


def test_the_operator_may_choose_other_hours_and_shares():
    kind = Policy(free_cancellation_hours=2, late_cancellation_percent=0)
    assert effect(at=VISIT - timedelta(hours=2), policy=kind).refund_cents == 10_000
    assert effect(at=VISIT, policy=kind).refund_cents == 10_000
    strict = Policy(free_cancellation_hours=48, late_cancellation_percent=100)
    assert effect(at=DAY_BEFORE, policy=strict).refund_cents == 0


@given(
    price=st.integers(1, 10_000_000),
    fee=st.integers(0, 100),
    late=st.integers(0, 100),
    before=st.integers(-100, 100),
    by=st.sampled_from(["customer", "helper"]),
)
def test_the_three_parts_are_the_price_and_none_is_negative(price, fee, late, before, by):
    policy = Policy(late_cancellation_percent=late)
    shared = effect(price, by=by, at=VISIT - timedelta(hours=before), fee=fee, policy=policy)
    parts = (shared.refund_cents, shared.helper_cents, shared.fee_cents)
    assert sum(parts) == price
    assert min(parts) >= 0
