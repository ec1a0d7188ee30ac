"""Money in whole minor units (cents, rappen): shares, fees and the names of the ledger's accounts. Never a float."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["open", "paid", "declined", "abandoned"]


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
class PaymentFact:
    """How a payment page ended, as the gateway says: `reference` names the page, `event_id` is the same at each repeat."""

    event_id: str
    reference: str
    outcome: Outcome
    amount_cents: int
    currency: str


def percent_of(cents: int, percent: int) -> int:
    """`percent` of `cents`, rounded half up to a whole cent."""
    return (cents * percent + 50) // 100


def split(price_cents: int, fee_percent: int) -> Split:
    """Share an all-in price in cents between helper and platform."""
    return Split(price_cents, percent_of(price_cents, fee_percent))


# The ledger's accounts. Every line of the ledger moves an amount from one to another, so it balances by its shape.
GATEWAY = "gateway"  # money that the payment gateway keeps for us
REVENUE = "revenue"  # the platform's fees


def held(booking_id: int) -> str:
    """The account of the money held for one booking."""
    return f"held:{booking_id}"


def owed(helper_id: int) -> str:
    """The account of what is owed to one helper."""
    return f"owed:{helper_id}"
