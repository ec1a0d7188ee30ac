"""Comparing the ledger with the gateway's own books, line by line, from both sides: a pure function."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from marketplace.domain.gateway import Movement

Kind = Literal[
    "not_in_ledger", "not_at_gateway", "other_amount", "other_currency", "twice_at_gateway", "twice_in_ledger"
]

# What an operator does about each kind of difference; the pages say it in the reader's language.
COUNTED = (
    *("charge", "refund", "refund_failed", "transfer", "reversal", "dispute", "dispute_won"),
    *("fee", "payout", "payout_failed", "topup"),
)


@dataclass(frozen=True)
class Booked:
    """What the ledger says of one movement: its kind, the gateway's name for its source, and what it changes our balance by.

    Amount and fee are in cents, as in `Movement`: below zero when money leaves.
    """

    kind: str
    source: str
    amount_cents: int
    fee_cents: int
    currency: str
    posting_id: int
    booking_id: int | None = None


@dataclass(frozen=True)
class Difference:
    """Something that stands in one of the two books only, or differently in both."""

    what: Kind
    kind: str
    source: str
    gateway_cents: int = 0
    ledger_cents: int = 0
    posting_id: int | None = None
    booking_id: int | None = None

    def facts(self) -> dict[str, Any]:
        """As a plain row."""
        return asdict(self)


@dataclass
class Comparison:
    """How the two books compare."""

    movements: int = 0
    matched: int = 0
    gateway_cents: int = 0
    ledger_cents: int = 0
    differences: list[Difference] = field(default_factory=list)


def compare(movements: Iterable[Movement], booked: Iterable[Booked]) -> Comparison:
    """Match each line of the gateway's books with one of the ledger: same kind, same source, same amount, fee and currency."""
    comparison = Comparison()
    theirs: dict[tuple[str, str], list[Movement]] = defaultdict(list)
    ours: dict[tuple[str, str], list[Booked]] = defaultdict(list)
    for movement in movements:
        comparison.movements += 1
        comparison.gateway_cents += movement.net_cents
        theirs[(movement.kind, movement.source)].append(movement)
    for line in booked:
        comparison.ledger_cents += line.amount_cents - line.fee_cents
        ours[(line.kind, line.source)].append(line)
    for key in sorted({*theirs, *ours}):
        comparison.differences += _differences(theirs[key], ours[key])
        comparison.matched += min(len(theirs[key]), len(ours[key]), 1)
    comparison.matched -= sum(1 for one in comparison.differences if one.what in ("other_amount", "other_currency"))
    return comparison


def _differences(theirs: list[Movement], ours: list[Booked]) -> list[Difference]:
    """What differs between the lines of one source."""
    found: list[Difference] = []
    if theirs and ours:
        movement, line = theirs[0], ours[0]
        what: Kind | None = None
        if movement.currency != line.currency:
            what = "other_currency"
        elif (movement.amount_cents, movement.fee_cents) != (line.amount_cents, line.fee_cents):
            what = "other_amount"
        if what is not None:
            net = line.amount_cents - line.fee_cents
            ids = line.posting_id, line.booking_id
            found.append(Difference(what, line.kind, line.source, movement.net_cents, net, *ids))
    for movement in theirs[1:] if ours else theirs:
        what = "twice_at_gateway" if ours or movement is not theirs[0] else "not_in_ledger"
        found.append(Difference(what, movement.kind, movement.source, movement.net_cents))
    for line in ours[1:] if theirs else ours:
        what = "twice_in_ledger" if theirs or line is not ours[0] else "not_at_gateway"
        net = line.amount_cents - line.fee_cents
        found.append(Difference(what, line.kind, line.source, 0, net, line.posting_id, line.booking_id))
    return found
