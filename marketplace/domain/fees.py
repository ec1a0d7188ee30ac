"""The platform's fee: a percentage with a least and a most, by rules that hold for a time, fixed when a bid is placed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from marketplace.domain.money import percent_of


@dataclass(frozen=True)
class Split:
    """How a price is shared: what the customer pays, what the platform keeps, what the helper gets, in cents."""

    price_cents: int
    fee_cents: int

    @property
    def helper_cents(self) -> int:
        """The helper's part in cents."""
        return self.price_cents - self.fee_cents


@dataclass(frozen=True)
class Fee:
    """How much of a price the platform keeps: a percentage, at least and at most so many cents."""

    percent: int
    min_cents: int = 0
    max_cents: int | None = None

    def of(self, cents: int) -> int:
        """The fee on an amount in cents, rounded half up to a whole cent; never more than the amount."""
        fee = max(self.min_cents, percent_of(cents, self.percent))
        return min(fee, cents) if self.max_cents is None else min(fee, self.max_cents, cents)

    def split(self, price_cents: int) -> Split:
        """Share an all-in price in cents between helper and platform."""
        return Split(price_cents, self.of(price_cents))


@dataclass(frozen=True)
class Rule:
    """A fee in force from one moment until another (or for ever), for one skill or all, for Friends only or everybody."""

    id: int
    fee: Fee
    valid_from: datetime
    valid_until: datetime | None = None
    skill_id: int | None = None
    friends_only: bool = False

    def applies(self, *, skill_id: int, is_friend: bool, at: datetime) -> bool:
        """Whether this rule holds for such a bid at this moment."""
        in_time = self.valid_from <= at and (self.valid_until is None or at < self.valid_until)
        return in_time and self.skill_id in (None, skill_id) and (is_friend or not self.friends_only)


def rule_for(rules: Iterable[Rule], *, skill_id: int, is_friend: bool, at: datetime) -> Rule | None:
    """The rule that counts: the one for Friends before the one for a skill before the general one; of equals the newest."""
    fitting = [rule for rule in rules if rule.applies(skill_id=skill_id, is_friend=is_friend, at=at)]
    return max(
        fitting,
        key=lambda rule: (rule.friends_only, rule.skill_id is not None, rule.valid_from, rule.id),
        default=None,
    )
