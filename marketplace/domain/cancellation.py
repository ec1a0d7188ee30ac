"""What a booking that does not take place as agreed costs whom: pure functions, shown before the click and applied after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from marketplace.domain.fees import Fee
from marketplace.domain.money import percent_of
from marketplace.domain.policy import Policy

Side = Literal["customer", "helper"]


@dataclass(frozen=True)
class CancellationEffect:
    """How the price is shared, in cents; the three parts add up to the price, or to what of it (and of more work) is held."""

    refund_cents: int
    helper_cents: int
    fee_cents: int
    free_until: datetime


def effect_of_cancelling(
    price_cents: int,
    *,
    fee: Fee,
    starts_at: datetime,
    confirmed_at: datetime,
    by: Side,
    at: datetime,
    policy: Policy,
) -> CancellationEffect:
    """Full refund when the helper cancels, until 24 hours before the visit, and for five minutes after booking; later half goes
    to the helper.

    `starts_at` is the earliest beginning that was ever agreed, so that moving a visit makes no cancellation cheaper.
    Source: the graded rules of Mila and TaskRabbit, simplified. The fee is taken from the helper's half only.
    """
    free_until = max(
        starts_at - timedelta(hours=policy.free_cancellation_hours),
        min(starts_at, confirmed_at + timedelta(minutes=policy.second_thoughts_minutes)),
    )
    if by == "helper" or at <= free_until:
        return CancellationEffect(price_cents, 0, 0, free_until)
    return _kept(price_cents, percent_of(price_cents, policy.late_cancellation_percent), fee, free_until)


def effect_of_absence(
    price_cents: int, *, minutes: int, fee: Fee, absent: Side, starts_at: datetime, policy: Policy
) -> CancellationEffect:
    """Full refund when the helper was not there; else one hour of the bid or the call-out fee, the greater of the two, at most the
    price.

    One hour of the bid is its price by its expected duration in minutes.
    """
    if absent == "helper":
        return CancellationEffect(price_cents, 0, 0, starts_at)
    hour = price_cents * 60 // minutes
    return _kept(price_cents, min(price_cents, max(hour, policy.call_out_cents)), fee, starts_at)


def effect_of_giving_up(price_cents: int, *, at: datetime, policy: Policy) -> CancellationEffect:
    """No neighbour can solve it: the helper gets the call-out fee whole, the customer all the rest."""
    kept = min(price_cents, policy.call_out_cents)
    return CancellationEffect(price_cents - kept, kept, 0, at)


def _kept(price_cents: int, kept_cents: int, fee: Fee, free_until: datetime) -> CancellationEffect:
    """The part that is not given back, shared between helper and platform as a price would be."""
    fee_cents = fee.of(kept_cents)
    return CancellationEffect(price_cents - kept_cents, kept_cents - fee_cents, fee_cents, free_until)
