"""What a visit that does not take place costs whom, to the second and to the cent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.cancellation import effect_of_absence, effect_of_cancelling, effect_of_giving_up
from marketplace.domain.fees import Fee
from marketplace.domain.policy import Policy

POLICY = Policy()
VISIT = datetime(2026, 3, 29, 9, 0, tzinfo=UTC)  # the day on which the clocks go forward
DAY_BEFORE = VISIT - timedelta(hours=24)
SECOND = timedelta(seconds=1)
LONG_AGO = VISIT - timedelta(days=9)


def effect(price=10_000, *, by="customer", at=DAY_BEFORE, fee=10, confirmed_at=LONG_AGO, policy=POLICY):
    return effect_of_cancelling(
        price, fee=Fee(fee), starts_at=VISIT, confirmed_at=confirmed_at, by=by, at=at, policy=policy
    )


def shares(shared):
    return shared.refund_cents, shared.helper_cents, shared.fee_cents


@pytest.mark.parametrize(
    ("by", "at", "expected"),
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
def test_who_gets_what(by, at, expected):
    shared = effect(by=by, at=at)
    assert shares(shared) == expected
    assert shared.free_until == DAY_BEFORE


@pytest.mark.parametrize(
    ("booked_before", "waited", "refund"),
    [
        (
            timedelta(hours=3),
            timedelta(minutes=5),
            10_000,
        ),  # five minutes of second thoughts, however near the visit is
        (timedelta(hours=3), timedelta(minutes=5, seconds=1), 5_000),
        (timedelta(hours=24, minutes=2), timedelta(minutes=4), 10_000),
        (
            timedelta(hours=24, minutes=10),
            timedelta(minutes=9),
            10_000,
        ),  # 24 hours before come later than the five minutes
        (timedelta(minutes=3), timedelta(minutes=3), 10_000),
        (timedelta(minutes=3), timedelta(minutes=4), 5_000),  # the visit has begun: no second thoughts after that
    ],
)
def test_second_thoughts_right_after_booking_cost_nothing(booked_before, waited, refund):
    booked = VISIT - booked_before
    assert effect(confirmed_at=booked, at=booked + waited).refund_cents == refund


def test_an_odd_price_is_shared_to_the_cent():
    assert shares(effect(5_555, at=VISIT)) == (2_777, 2_500, 278)


def test_the_fee_on_what_is_kept_has_its_least_and_its_most():
    kept = {"starts_at": VISIT, "confirmed_at": LONG_AGO, "by": "customer", "at": VISIT, "policy": POLICY}
    assert shares(effect_of_cancelling(2_000, fee=Fee(10, min_cents=300), **kept)) == (1_000, 700, 300)
    assert shares(effect_of_cancelling(500, fee=Fee(10, min_cents=300), **kept)) == (250, 0, 250)
    assert shares(effect_of_cancelling(90_000, fee=Fee(10, max_cents=900), **kept)) == (45_000, 44_100, 900)


def test_the_operator_may_choose_other_hours_and_shares():
    kind = Policy(free_cancellation_hours=2, late_cancellation_percent=0)
    assert effect(at=VISIT - timedelta(hours=2), policy=kind).refund_cents == 10_000
    assert effect(at=VISIT, policy=kind).refund_cents == 10_000
    strict = Policy(free_cancellation_hours=48, late_cancellation_percent=100)
    assert effect(at=DAY_BEFORE, policy=strict).refund_cents == 0


# ---- Nobody there


def absence(price=10_000, *, minutes=60, absent="customer", fee=10, policy=POLICY):
    return shares(
        effect_of_absence(price, minutes=minutes, fee=Fee(fee), absent=absent, starts_at=VISIT, policy=policy)
    )


@pytest.mark.parametrize(
    ("price", "minutes", "expected"),
    [
        (10_000, 60, (0, 9_000, 1_000)),  # an hour is all of it
        (10_000, 120, (5_000, 4_500, 500)),
        (10_000, 480, (8_000, 1_800, 200)),  # an hour is less than the call-out fee
        (10_000, 30, (0, 9_000, 1_000)),  # never more than the price
        (1_500, 60, (0, 1_350, 150)),  # the call-out fee neither
        (10_000, 90, (3_334, 5_999, 667)),
    ],
)
def test_a_customer_who_is_not_there_pays_an_hour_or_the_call_out_fee(price, minutes, expected):
    assert absence(price, minutes=minutes) == expected


def test_a_helper_who_is_not_there_gets_nothing():
    assert absence(absent="helper") == (10_000, 0, 0)


# ---- Nobody can solve it


@pytest.mark.parametrize(("price", "kept"), [(10_000, 2_000), (2_000, 2_000), (1_999, 1_999), (1, 1)])
def test_what_no_neighbour_can_solve_costs_the_call_out_fee_whole(price, kept):
    assert shares(effect_of_giving_up(price, at=VISIT, policy=POLICY)) == (price - kept, kept, 0)


# ---- Always


@given(
    price=st.integers(1, 10_000_000),
    fee=st.integers(0, 100),
    share=st.integers(0, 100),
    before=st.integers(-100, 100),
    minutes=st.integers(15, 480),
    by=st.sampled_from(["customer", "helper"]),
)
def test_the_three_parts_are_the_price_and_none_is_negative(**drawn):
    price, fee, share, before, minutes, by = drawn.values()
    policy = Policy(late_cancellation_percent=share, call_out_cents=share * 100)
    at = VISIT - timedelta(hours=before)
    for parts in (
        shares(effect(price, by=by, at=at, fee=fee, policy=policy)),
        absence(price, minutes=minutes, absent=by, fee=fee, policy=policy),
        shares(effect_of_giving_up(price, at=at, policy=policy)),
    ):
        assert sum(parts) == price
        assert min(parts) >= 0
