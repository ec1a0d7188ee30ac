"""What cancelling a booking costs whom: a pure function, shown before the click and applied after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from marketplace.domain.money import percent_of
from marketplace.domain.policy import Policy

Side = Literal["customer", "helper"]


@dataclass(frozen=True)
class CancellationEffect:
    """How the price is shared after a cancellation, in cents; the three parts add up to the price."""

    refund_cents: int
    helper_cents: int
    fee_cents: int
    free_until: datetime


def effect_of_cancelling(
    price_cents: int, *, fee_percent: int, starts_at: datetime, by: Side, at: datetime, policy: Policy
) -> CancellationEffect:
    """Full refund until 24 hours before the visit or when the helper cancels; later half goes to the helper.

    Source: the graded rules of Mila and TaskRabbit, simplified. The fee, at the percentage that the bid fixed, is taken
    from the helper's half only.
    """
    free_until = starts_at - timedelta(hours=policy.free_cancellation_hours)
    if by == "helper" or at <= free_until:
        return CancellationEffect(price_cents, 0, 0, free_until)
    kept = percent_of(price_cents, policy.late_cancellation_percent)
    fee = percent_of(kept, fee_percent)
    return CancellationEffect(price_cents - kept, kept - fee, fee, free_until)
