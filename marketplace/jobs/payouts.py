"""Payouts between our transactions: reminding helpers whose money waits."""

from marketplace.actions import payouts
from marketplace.db import db, transaction
from marketplace.domain.policy import Policy


def remind_helpers(*, policy: Policy) -> int:
    """Remind helpers whose money waits for their bank data, as often as the policy says; gives how many."""
    due = payouts.reminders_due(db.session, days=policy.payout_reminder_days)
    for helper_id in due:
        with transaction() as session:
            payouts.remind(session, helper_id)
    return len(due)
