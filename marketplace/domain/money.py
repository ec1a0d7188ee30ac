"""Money in whole minor units (cents, rappen): shares, fees and the names of the ledger's accounts. Never a float."""

import re
from dataclasses import dataclass
from typing import Literal

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

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
    """How a payment page ended, as the gateway says; `event_id` is the same each time it says the same."""

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


def written(cents: int, currency: str) -> str:
    """`CHF 1’234.50`, as money is written all over Switzerland, with a point in French too, where other figures have a comma."""
    francs, rappen = divmod(abs(cents), 100)
    grouped = f"{francs:,}".replace(",", "’")
    return f"{currency}{'-' if cents < 0 else NO_BREAK_SPACE}{grouped}.{rappen:02}"


def cents_typed(text: str) -> int:
    """The cents that somebody means by `60`, `60,50`, `1'200.-` or `CHF 60`; raises ValueError for anything else."""
    bare = re.sub(r"(?i)chf|fr\.?|eur|€|[\s'’]", "", text)
    amount = re.fullmatch(r"([0-9]{1,7})(?:[.,](?:([0-9]{1,2})|[-–—]+))?", bare)
    if not amount:
        raise ValueError(text)
    return int(amount[1]) * 100 + int((amount[2] or "").ljust(2, "0"))


# The ledger's accounts. Every line of the ledger moves an amount from one to another, so it balances by its shape.
GATEWAY = "gateway"  # money that the payment gateway keeps for us
REVENUE = "revenue"  # the platform's fees


def held(booking_id: int) -> str:
    """The account of the money held for one booking."""
    return f"held:{booking_id}"


def owed(helper_id: int) -> str:
    """The account of what is owed to one helper."""
    return f"owed:{helper_id}"
