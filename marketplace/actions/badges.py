"""Keeping the derived standing of helpers: the worker's verb, never a view's."""

from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, outbox
from marketplace.domain.badges import RULE_VERSION, Record, earns_friend
from marketplace.domain.policy import Policy
from marketplace.domain.ratings import Rating
from marketplace.models import Standing


def refresh(
    session: Session,
    standing: Standing,
    record: Record,
    rating: Rating,
    reply_minutes: int | None,
    *,
    policy: Policy,
) -> Standing:
    """Write a helper's standing from the figures of the rows of record; the badge comes and goes with the rule.

    A change of the badge is journalled with the figures it hung on, and told.
    """
    earned = earns_friend(record, policy)
    was_friend = bool(standing.is_friend)
    standing.certified = record.certified
    standing.reviews = rating.count
    standing.average_hundredths = rating.average_hundredths
    standing.cautious_hundredths = rating.cautious_hundredths
    standing.signed_off = record.signed_off
    standing.customers = record.customers
    standing.completed = record.completed
    standing.agreed = record.agreed
    standing.reply_minutes = reply_minutes
    standing.is_friend = earned
    standing.rule_version = RULE_VERSION
    standing.computed_at = clock.now()
    if standing.id is None:
        session.add(standing)
        session.flush()
    if earned != was_friend:
        standing.friend_since = clock.now() if earned else None
        kind = "badge_earned" if earned else "badge_lost"
        facts = {
            "rule": RULE_VERSION,
            "signed_off": record.signed_off,
            "customers": record.customers,
            "cautious_hundredths": record.cautious_hundredths,
            "completion_percent": record.completion_percent,
        }
        journal.record(session, kind, standing, by=None, facts=facts)
        outbox.tell(session, standing.helper_id, kind, **facts)
    return standing
