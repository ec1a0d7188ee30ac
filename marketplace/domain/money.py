"""Money in whole minor units (cents, rappen): shares, fees and the names of the ledger's accounts. Never a float."""

import re

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def percent_of(cents: int, percent: int) -> int:
    """`percent` of `cents`, rounded half up to a whole cent."""
    return (cents * percent + 50) // 100


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


# The ledger's accounts. Every line of the ledger moves an amount from one account to another, so it balances by its shape.
# What we have (at the gateway, in hand) and what we spent stand below zero, what we owe and what we earned above it.
GATEWAY = "gateway"  # money that the payment gateway keeps for us
BANK = "bank"  # money that reached the operator's own bank account, less what went from there to the gateway
CASH = "cash"  # paid on the spot into a helper's hand
FEES = "gateway_fees"  # what the gateway charges us
GOODWILL = "goodwill"  # what the operator gives away
DISPUTES = "disputes"  # taken back by a customer's bank, not decided yet
LOSSES = "losses"  # disputes lost after the money had gone on to a helper
REVENUE = "revenue"  # the platform's fees
REFUNDS = "refunds"  # on its way back to customers
OURS = frozenset({GATEWAY, BANK, CASH, FEES, GOODWILL, DISPUTES, LOSSES})  # the accounts that stand below zero


def held(booking_id: int) -> str:
    """The account of the money held for one booking."""
    return f"held:{booking_id}"


def owed(helper_id: int) -> str:
    """The account of what is owed to one helper; below zero when a helper owes us."""
    return f"owed:{helper_id}"


def credit(customer_id: int) -> str:
    """The account of one customer's credit for later bookings."""
    return f"credit:{customer_id}"
