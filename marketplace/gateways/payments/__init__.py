"""The door to the payment gateway. What passes it are the plain values of `domain/gateway`; nothing of a vendor's does."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Protocol

from marketplace.domain.gateway import (
    AccountFact,
    AccountRequest,
    Balance,
    ChargeFact,
    ChargeRequest,
    Checkout,
    CheckoutFact,
    CheckoutRequest,
    DisputeFact,
    Evidence,
    GatewayNotice,
    Movement,
    RefundFact,
    RefundRequest,
    ReversalFact,
    ReversalRequest,
    TransferFact,
    TransferRequest,
)

Endpoint = Literal["platform", "connect"]


class GatewayRefused(RuntimeError):
    """The gateway did not do what it was asked."""


class GatewaySilent(GatewayRefused):
    """Nobody knows whether it was done: the gateway was not reached, was too busy, or failed. Ask again with the same key."""


class GatewayDenied(GatewayRefused):
    """It was surely not done, and `code` says why. Asking again with the same key gives the same answer."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}" if message else code)


class GatewayForged(GatewayRefused):
    """A message that does not come from the gateway, or is too old to be believed."""


class PaymentGateway(Protocol):
    """What a payment gateway does for us. It is called between our transactions, never inside one.

    Every call raises GatewaySilent or GatewayDenied.
    """

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page, or give back the one that this key opened before."""

    def read_checkout(self, reference: str) -> CheckoutFact:
        """How this payment page stands now."""

    def close_checkout(self, reference: str) -> CheckoutFact:
        """Close a page that is still open, so that nobody pays there, and say how it ended."""

    def charge(self, request: ChargeRequest) -> ChargeFact:
        """Charge a saved card, once per key."""

    def find_charge(self, request: ChargeRequest) -> ChargeFact | None:
        """The charge that was made for this request, if any: for keys older than the gateway remembers."""

    def read_charge(self, intent: str) -> ChargeFact:
        """How a charge stands now."""

    def refund(self, request: RefundRequest) -> RefundFact:
        """Give money back, once per key."""

    def read_refund(self, reference: str) -> RefundFact:
        """How a refund stands now."""

    def find_refund(self, intent: str, refund: str) -> RefundFact | None:
        """The refund that was made for our row `refund`, if any: for keys older than the gateway remembers."""

    def open_account(self, request: AccountRequest) -> AccountFact:
        """Open a helper's account, once per key."""

    def read_account(self, account: str) -> AccountFact:
        """How a helper's account stands now."""

    def onboarding_page(self, account: str, *, return_url: str, refresh_url: str) -> str:
        """The address of a page on which a helper gives what is missing; for one use."""

    def account_page(self, account: str) -> str:
        """The address of the page on which a helper sees their payouts; for one use."""

    def transfer(self, request: TransferRequest) -> TransferFact:
        """Pay a helper a share of a charge, once per key; GatewayDenied `balance_insufficient` when it is not there yet."""

    def find_transfer(self, group: str, payout: str) -> TransferFact | None:
        """The transfer that was made for our row `payout`, if any."""

    def read_transfer(self, transfer: str) -> TransferFact:
        """How a transfer stands now."""

    def reverse(self, request: ReversalRequest) -> ReversalFact:
        """Take back a part of a transfer, once per key."""

    def find_reversal(self, transfer: str, reversal: str) -> ReversalFact | None:
        """The reversal that was made for our row `reversal`, if any."""

    def read_dispute(self, reference: str) -> DisputeFact:
        """How a chargeback stands now."""

    def answer_dispute(self, reference: str, evidence: Evidence, *, key: str) -> DisputeFact:
        """Hand in what we know about the visit, once per key."""

    def notice(self, raw: bytes, signature: str, *, endpoint: Endpoint) -> GatewayNotice:
        """The message behind these bytes when they are signed for this endpoint; raises GatewayForged."""

    def balance(self) -> Balance:
        """What the gateway keeps for us."""

    def movements(self, since: datetime | None = None) -> Iterator[Movement]:
        """The gateway's own books from the oldest line on."""
