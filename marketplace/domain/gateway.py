"""What the payment gateway is asked and what it says, in our own words: plain values that every floor may pass on.

Amounts are whole minor units (cents, rappen) with a currency of three capital letters. A `key` is made from one of our rows, so
that asking twice does once. References (`reference`, `charge`, `account` ...) are the gateway's own names for its things.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# ---- Being paid

CheckoutOutcome = Literal["open", "processing", "paid", "card_saved", "declined", "abandoned"]


@dataclass(frozen=True)
class CheckoutRequest:
    """What a customer is to pay on the gateway's page; with `saves_card` nothing is charged yet, the card is kept for later."""

    key: str
    payment: str  # our payment's public id: an event finds the row by it
    group: str  # names all money of one booking at the gateway
    amount_cents: int
    currency: str
    description: str
    return_url: str
    email: str
    expires_at: datetime | None = None  # none: as long as the gateway leaves it open
    saves_card: bool = False


@dataclass(frozen=True)
class Checkout:
    """A payment page that is open: the gateway's reference and where to send the customer."""

    reference: str
    url: str


@dataclass(frozen=True)
class Charge:
    """Money that a customer has paid: the gateway's names for it, and what the gateway kept of it."""

    intent: str
    reference: str
    amount_cents: int
    currency: str
    fee_cents: int = 0


@dataclass(frozen=True)
class SavedCard:
    """A card kept for a later charge: whose it is at the gateway, and which."""

    customer: str
    method: str


@dataclass(frozen=True)
class CheckoutFact:
    """How a payment page stands now.

    `reason` is the gateway's word for the last decline (`insufficient_funds`), also while the page is still open: the customer may
    try another card there.
    """

    reference: str
    payment: str
    outcome: CheckoutOutcome
    amount_cents: int
    currency: str
    url: str | None = None
    charge: Charge | None = None
    card: SavedCard | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ChargeRequest:
    """A charge of a card that was saved before, while its owner is not there."""

    key: str
    payment: str
    group: str
    amount_cents: int
    currency: str
    description: str
    card: SavedCard


@dataclass(frozen=True)
class ChargeFact:
    """How a later charge went; `action_needed`: the bank wants its customer to confirm it on a page."""

    outcome: Literal["paid", "processing", "action_needed", "declined"]
    charge: Charge | None = None
    reason: str | None = None


# ---- Giving back


@dataclass(frozen=True)
class RefundRequest:
    """So much of a charge is to go back to its customer."""

    key: str
    refund: str  # our refund's id, kept beside it at the gateway
    intent: str
    amount_cents: int
    currency: str


@dataclass(frozen=True)
class RefundFact:
    """A refund as it stands now."""

    reference: str
    outcome: Literal["pending", "done", "failed"]
    amount_cents: int
    currency: str
    reason: str | None = None


# ---- Paying helpers


@dataclass(frozen=True)
class AccountRequest:
    """A helper who is to be paid out."""

    key: str
    user: str  # our user's public id
    email: str
    country: str


@dataclass(frozen=True)
class AccountFact:
    """A helper's account at the gateway: whether money can reach it, and what is missing until then."""

    reference: str
    ready: bool
    begun: bool = False  # whether its owner has handed anything in
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransferRequest:
    """A helper's share of a charge."""

    key: str
    payout: str  # our payout's id
    group: str
    account: str
    charge: str | None  # none: out of what is available
    amount_cents: int
    currency: str


@dataclass(frozen=True)
class TransferFact:
    """A transfer as it stands now, with what came back of it."""

    reference: str
    payout: str
    amount_cents: int
    reversed_cents: int
    currency: str


@dataclass(frozen=True)
class ReversalRequest:
    """So much of a transfer is to come back from the helper."""

    key: str
    reversal: str  # our reversal's id
    transfer: str
    amount_cents: int


@dataclass(frozen=True)
class ReversalFact:
    """Money that came back from a helper."""

    reference: str
    amount_cents: int
    currency: str


# ---- Chargebacks


@dataclass(frozen=True)
class DisputeFact:
    """A customer's bank asks for the money back.

    The amount and the bank's fee have left our balance; when it is won the amount comes back, and the fee does not.
    An inquiry only asks: nothing has left our balance, and it may become a dispute that takes the money.
    """

    reference: str
    intent: str
    amount_cents: int
    fee_cents: int
    currency: str
    reason: str
    outcome: Literal["open", "answered", "won", "lost"]
    due_at: datetime | None
    is_inquiry: bool = False


@dataclass(frozen=True)
class Evidence:
    """What we answer a customer's bank: that the visit took place as agreed."""

    customer_name: str
    customer_email: str
    service: str
    served_on: str
    terms: str
    activity: str


# ---- Events and books

Subject = Literal["checkout", "intent", "refund", "transfer", "account", "dispute", "other"]


@dataclass(frozen=True)
class GatewayNotice:
    """A verified message of the gateway: something about `reference` may have changed. What it is now must be read anew."""

    event_id: str
    kind: str
    subject: Subject
    reference: str
    at: datetime
    ours: str | None = None  # which of our rows made it: the payment, refund, payout or user, as the subject says


@dataclass(frozen=True)
class Balance:
    """What the gateway keeps for us: to be used now, and on its way."""

    available_cents: int
    pending_cents: int
    currency: str

    @property
    def cents(self) -> int:
        """All of it."""
        return self.available_cents + self.pending_cents


MovementKind = Literal[
    "charge",
    "refund",
    "refund_failed",
    "transfer",
    "reversal",
    "dispute",
    "dispute_won",
    "fee",
    "payout",
    "payout_failed",
    "topup",
    "other",
]


@dataclass(frozen=True)
class Movement:
    """One line of the gateway's own books: what changed our balance, before and after its fee (below zero when money leaves)."""

    reference: str
    kind: MovementKind
    source: str  # the charge, refund, transfer, reversal, dispute, payout or top-up that it comes from; else the line itself
    amount_cents: int
    fee_cents: int
    currency: str
    at: datetime

    @property
    def net_cents(self) -> int:
        """What the balance changed by."""
        return self.amount_cents - self.fee_cents
