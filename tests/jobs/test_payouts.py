"""Reminding helpers whose money waits for their bank data: as often as the policy says."""

from dataclasses import replace

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.policy import Policy
from marketplace.jobs.payouts import remind_helpers
from marketplace.models import Notice
from tests.factories import make_booking
from tests.money import later


def test_helpers_are_reminded_as_often_as_the_policy_says(app: Flask, session: Session) -> None:
    make_booking(session, state="signed_off")
    often = replace(Policy(), payout_reminder_days=2)
    with later(hours=2):
        assert (remind_helpers(policy=often), remind_helpers(policy=often)) == (1, 0)
    with later(days=3):
        assert (remind_helpers(policy=Policy()), remind_helpers(policy=often)) == (0, 1)
    with later(days=11):
        assert remind_helpers(policy=Policy()) == 1
    assert session.scalar(select(func.count(Notice.id)).where(Notice.kind == "payout_waiting")) == 3
