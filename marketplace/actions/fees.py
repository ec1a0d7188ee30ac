"""The platform's fees: which one is in force for a bid, and the operator's rules that say so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal
from marketplace.domain.errors import N_, Invalid, NotAllowed, WrongState
from marketplace.domain.fees import Fee, Rule, rule_for
from marketplace.domain.policy import Policy
from marketplace.models import FeeRule, Standing, User
from marketplace.permissions import may_set_fees

PERCENT_MAX = 50


@dataclass(frozen=True)
class FeeInForce:
    """The fee that a bid of today gets, and what it was chosen by."""

    fee: Fee
    rule_id: int | None
    as_friend: bool


def in_force(session: Session, *, skill_id: int, helper_id: int, policy: Policy) -> FeeInForce:
    """The fee on a bid that this helper places now; without a rule the percentage of the policy."""
    now = clock.now()
    is_friend = bool(session.scalar(select(Standing.is_friend).where(Standing.helper_id == helper_id)))
    rows = session.scalars(
        select(FeeRule).where(FeeRule.valid_from <= now, or_(FeeRule.valid_until.is_(None), FeeRule.valid_until > now))
    )
    rule = rule_for([as_rule(row) for row in rows], skill_id=skill_id, is_friend=is_friend, at=now)
    if rule is None:
        return FeeInForce(Fee(policy.fee_percent), None, is_friend)
    return FeeInForce(rule.fee, rule.id, is_friend)


def as_rule(row: FeeRule) -> Rule:
    """A rule of the table as the domain knows it."""
    fee = Fee(row.percent, row.min_cents, row.max_cents)
    return Rule(row.id, fee, row.valid_from, row.valid_until, row.skill_id, row.friends_only)


def set_rule(
    session: Session,
    *,
    by: User,
    percent: int,
    min_cents: int,
    max_cents: int | None,
    skill_id: int | None,
    friends_only: bool,
    valid_from: datetime | None,
    valid_until: datetime | None,
    reason: str,
) -> FeeRule:
    """An admin sets a rule for bids to come (`valid_from` none: from now on); bids placed before keep theirs.

    Raises NotAllowed, Invalid.
    """
    if not may_set_fees(by):
        raise NotAllowed()
    if not 0 <= percent <= PERCENT_MAX:
        raise Invalid("percent", N_("Please choose 0 to %(max)s percent."), max=PERCENT_MAX)
    if min_cents < 0 or (max_cents is not None and max_cents < min_cents):
        raise Invalid("max_cents", N_("The most cannot be less than the least."))
    now = clock.now()
    valid_from = valid_from or now
    if valid_from < now:
        raise Invalid("valid_from", N_("A rule holds from now on, not for the past."))
    if valid_until is not None and valid_until <= valid_from:
        raise Invalid("valid_until", N_("The end comes after the beginning."))
    if not reason.strip():
        raise Invalid("reason", N_("Please give a reason. It is kept in the journal's rule."))
    rule = FeeRule(
        percent=percent,
        min_cents=min_cents,
        max_cents=max_cents,
        skill_id=skill_id,
        friends_only=friends_only,
        valid_from=valid_from,
        valid_until=valid_until,
        reason=reason.strip(),
        by_id=by.id,
    )
    session.add(rule)
    journal.record(session, "fee_rule_set", rule, by=by, facts={"percent": percent})
    return rule


def end_rule(session: Session, rule: FeeRule, *, by: User) -> None:
    """An admin ends a rule now; bids placed under it keep it. Raises NotAllowed, WrongState."""
    if not may_set_fees(by):
        raise NotAllowed()
    now = clock.now()
    if rule.valid_until is not None and rule.valid_until <= now:
        raise WrongState()
    if rule.valid_from >= now:
        raise WrongState(N_("This rule has not begun yet. Please let it begin, then end it."))
    rule.valid_until = now
    journal.record(session, "fee_rule_ended", rule, by=by)
