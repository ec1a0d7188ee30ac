"""The test cards that the sandbox honours, numbered as Stripe's (https://docs.stripe.com/testing); what it keeps of a charge."""

from dataclasses import dataclass

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
POOR_CARD = "4000000000009995"
ASKING_CARD = (
    "4000002500003155"  # wants its owner to confirm once (3-D Secure); what was confirmed is charged later alone
)
ALWAYS_ASKING_CARD = "4000002760003184"
SLOW_REFUND_CARD = "4000000000007726"  # its refunds wait


@dataclass(frozen=True)
class TestCard:
    """How a test card behaves; `asks_alone`: also when it is charged while its owner is not there."""

    number: str
    decline: str | None = None
    asks: bool = False
    asks_alone: bool = False
    is_slow: bool = False


CARDS = {
    card.number: card
    for card in (
        TestCard(GOOD_CARD),
        TestCard(DECLINED_CARD, decline="generic_decline"),
        TestCard(POOR_CARD, decline="insufficient_funds"),
        TestCard(ASKING_CARD, asks=True),
        TestCard(ALWAYS_ASKING_CARD, asks=True, asks_alone=True),
        TestCard(SLOW_REFUND_CARD, is_slow=True),
    )
}

# Stripe's names for ready-made cards.
READY_MADE = {
    "pm_card_visa": GOOD_CARD,
    "pm_card_chargeDeclined": DECLINED_CARD,
    "pm_card_chargeDeclinedInsufficientFunds": POOR_CARD,
    "pm_card_authenticationRequired": ALWAYS_ASKING_CARD,
}

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


@dataclass(frozen=True)
class Cost:
    """What the gateway keeps of a payment: a share and a fixed part."""

    per_mille: int
    fixed_cents: int

    def of(self, cents: int) -> int:
        """Of so much, rounded to the nearest cent."""
        return (cents * self.per_mille + 500) // 1000 + self.fixed_cents


# Near to what Stripe publishes for Switzerland.
COSTS = {"card": Cost(29, 30), "twint": Cost(19, 30)}
COST_OF_DISPUTE = 2000
CENTS_MIN = 50
