"""The numbers of the business: their defaults and how an operator changes one."""

import re
from dataclasses import fields
from datetime import timedelta

import pytest

from marketplace.domain.policy import Policy, policy_from


def test_the_numbers_that_the_mission_publishes():
    policy = Policy()
    assert (policy.currency, policy.fee_percent) == ("CHF", 10)
    assert (policy.free_cancellation_hours, policy.late_cancellation_percent) == (24, 50)
    assert (policy.sign_off_hours, policy.review_days, policy.draft_days) == (72, 14, 7)
    assert (policy.second_thoughts_minutes, policy.call_out_cents) == (5, 2_000)
    assert (policy.no_show_minutes, policy.objection_hours) == (15, 24)
    assert (policy.early_minutes, policy.forgotten_hours) == (180, 24)
    assert policy.reservation == timedelta(minutes=30)
    assert (policy.friend_bookings, policy.friend_customers) == (5, 4)
    assert (policy.friend_rating_hundredths, policy.friend_completion_percent) == (430, 90)


def test_money_is_never_kept_for_longer_than_the_gateway_may():
    """Stripe pays out within 90 days what a platform in Switzerland holds."""
    policy = Policy()
    days_after_visit = policy.sign_off_hours / 24
    assert policy.hold_days < 90
    assert policy.charge_grace_days < policy.charge_ahead_days
    assert policy.charge_ahead_days + days_after_visit < policy.hold_days
    assert not policy.cash_allowed


@pytest.mark.parametrize("name", [field.name for field in fields(Policy)])
def test_every_number_can_be_changed_by_its_name_in_capitals(name):
    value = "EUR" if name == "currency" else 3
    changed = policy_from({name.upper(): str(value)})
    assert getattr(changed, name) == value
    others = [field.name for field in fields(Policy) if field.name != name]
    assert all(getattr(changed, other) == getattr(Policy(), other) for other in others)


def test_what_is_empty_or_unknown_changes_nothing():
    assert policy_from({"FEE_PERCENT": "", "SIGN_OFF_HOURS": None, "PATH": "/bin", "fee_percent": "99"}) == Policy()


@pytest.mark.parametrize("typed", ["ten", "10.5", "10 %"])
def test_a_number_that_is_none_stops_the_start(typed):
    with pytest.raises(ValueError, match=re.escape(typed)):
        policy_from({"FEE_PERCENT": typed})
