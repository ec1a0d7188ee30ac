"""The door to the payment gateway: small dataclasses in and out, nothing of a vendor's passes it."""

from dataclasses import dataclass
from typing import Literal, Protocol


class GatewayRefused(RuntimeError):
    """The gateway could not be reached or did not take the call; worth another try with the same key."""


@dataclass(frozen=True)
class CheckoutRequest:
    """What a customer is to pay; `key` is made from our payment's row, so that asking twice gives the same page."""

    key: str
    amount_cents: int
    currency: str
    description: str
    return_url: str


@dataclass(frozen=True)
class Checkout:
    """A payment page that is open: the gateway's reference and where to send the customer."""

    reference: str
    url: str


@dataclass(frozen=True)
class CheckoutFact:
    """How a payment page ended, as the gateway says now; `event_id` is the same each time it says the same."""

    event_id: str
    reference: str
    outcome: Literal["open", "paid", "declined", "abandoned"]
    amount_cents: int
    currency: str


class PaymentGateway(Protocol):
    """What a payment gateway does for us. It is called between our transactions, never inside one."""

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page, or give back the one that this key opened before; raises GatewayRefused."""

    def find_checkout(self, key: str) -> str | None:
        """The reference of the page that this key opened, if any: a crash may hide it from us. Raises GatewayRefused."""

    def read_checkout(self, reference: str) -> CheckoutFact:
        """How this payment page stands now; raises GatewayRefused."""

    def close_checkout(self, reference: str) -> CheckoutFact:
        """Close a page that is still open, so that nobody pays there, and say how it ended; raises GatewayRefused."""

    def refund(self, reference: str, cents: int, *, key: str) -> None:
        """Give money back, once per key; raises GatewayRefused."""
