"""The published rule of the Friend badge, each step at its edge."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.badges import Record, Step, earns_friend, steps_to_friend
from marketplace.domain.policy import Policy

POLICY = Policy()
JUST_ENOUGH = Record(
    certified=True,
    signed_off=5,
    customers=4,
    cautious_hundredths=430,
    completed=9,
    agreed=10,
    open_safety_case=False,
)
records = st.builds(
    Record,
    certified=st.booleans(),
    signed_off=st.integers(0, 12),
    customers=st.integers(0, 12),
    cautious_hundredths=st.integers(0, 500),
    completed=st.integers(0, 12),
    agreed=st.integers(0, 12),
    open_safety_case=st.booleans(),
)


def test_whoever_just_fulfils_every_step_is_a_friend():
    assert earns_friend(JUST_ENOUGH, POLICY)
    assert [step.met for step in steps_to_friend(JUST_ENOUGH, POLICY)] == [True] * 6


@pytest.mark.parametrize(
    ("step", "change"),
    [
        ("certified", {"certified": False}),
        ("signed_off", {"signed_off": 4}),
        ("customers", {"customers": 3}),
        ("rating", {"cautious_hundredths": 429}),
        ("completion", {"completed": 89, "agreed": 100}),
        ("no_safety_case", {"open_safety_case": True}),
    ],
)
def test_a_step_just_missed_is_the_only_one_missing(step, change):
    record = replace(JUST_ENOUGH, **change)
    assert not earns_friend(record, POLICY)
    assert [one.name for one in steps_to_friend(record, POLICY) if not one.met] == [step]


def test_the_way_is_shown_as_how_far_and_how_much():
    record = replace(JUST_ENOUGH, signed_off=3)
    assert steps_to_friend(record, POLICY)[1] == Step("signed_off", 3, 5, False)


@pytest.mark.parametrize(
    ("completed", "agreed", "percent"), [(0, 0, 100), (0, 1, 0), (9, 10, 90), (89, 99, 89), (8, 9, 88), (7, 7, 100)]
)
def test_completion_is_rounded_down(completed, agreed, percent):
    assert replace(JUST_ENOUGH, completed=completed, agreed=agreed).completion_percent == percent


def test_the_operator_may_ask_for_more():
    assert not earns_friend(JUST_ENOUGH, replace(POLICY, friend_bookings=6))


@given(records)
def test_a_friend_is_whoever_meets_all_steps(record):
    assert earns_friend(record, POLICY) == (
        record.certified
        and record.signed_off >= 5
        and record.customers >= 4
        and record.cautious_hundredths >= 430
        and (record.agreed == 0 or 10 * record.completed >= 9 * record.agreed)
        and not record.open_safety_case
    )
