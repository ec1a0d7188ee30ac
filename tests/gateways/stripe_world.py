"""A gateway on the sandbox whose every call and answer is written down, with short ways into the usual situations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import stripe
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.gateway import (
    AccountRequest,
    Charge,
    ChargeRequest,
    CheckoutRequest,
    GatewayNotice,
    RefundRequest,
    ReversalRequest,
    SavedCard,
    TransferRequest,
)
from marketplace.gateways.payments import Endpoint
from marketplace.gateways.payments.opening import open_payments
from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.gateways.payments.sandbox.delivery import WEBHOOK_PATHS
from marketplace.gateways.payments.sandbox.switches import Switches
from marketplace.models import SandboxEvent, SandboxObject

BACK = "https://example.org/payments/abc/return"
ENDPOINTS: dict[str, Endpoint] = {path: endpoint for endpoint, path in WEBHOOK_PATHS.items()}
OTHER_KINDS = {"account_link", "login_link"}  # shown without the name under which they are kept


@dataclass(frozen=True)
class Exchange:
    """One call and its answer."""

    method: str
    path: str
    form: str
    headers: Mapping[str, str]
    status: int
    body: dict[str, Any]


class Recorder(stripe.HTTPClient):
    """Writes down what passes between the library and the sandbox."""

    name = "recorder"

    def __init__(self, inner: stripe.HTTPClient) -> None:
        super().__init__()
        self.inner, self.exchanges = inner, list[Exchange]()

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:  # type: ignore[override]
        body, status, told = self.inner.request(method, url, headers, post_data)
        parts = urlsplit(url)
        self.exchanges.append(Exchange(method, parts.path, post_data or parts.query, headers, status, json.loads(body)))
        return body, status, told

    def close(self) -> None:
        pass


class World:
    """The gateway, the sandbox behind it and what passed between them."""

    def __init__(self, app: Flask, switches: Switches | None = None) -> None:
        self.settings = app.config
        self.sandbox = Sandbox(app.config, switches)
        self.recorder = Recorder(self.sandbox.transport)
        self.gateway = open_payments(app.config, self.sandbox)
        self.client = self.gateway.client = stripe.StripeClient(
            "sk_test_sandbox", stripe_version="2026-08-26.dahlia", http_client=self.recorder, max_network_retries=0
        )
        self.gateway.api = self.client.v1
        self.numbers = count(1)

    # ---- What is asked for

    def asked(self, cents: int = 5500, **other: Any) -> CheckoutRequest:
        """A payment of its own."""
        number = next(self.numbers)
        ends_at = clock.now() + timedelta(minutes=30)
        asked = CheckoutRequest(
            f"payment-{number}",
            f"pay{number}",
            f"booking_{number}",
            cents,
            "CHF",
            "Help",
            BACK,
            "anna@example.org",
            ends_at,
        )
        return replace(asked, **other)

    def refund_of(self, charge: Charge, cents: int, **other: Any) -> RefundRequest:
        """A refund of its own."""
        number = next(self.numbers)
        return replace(RefundRequest(f"refund-{number}", f"ref{number}", charge.intent, cents, "CHF"), **other)

    def transfer_of(self, charge: Charge, account: str, cents: int, **other: Any) -> TransferRequest:
        """A transfer of its own."""
        number = next(self.numbers)
        return replace(
            TransferRequest(f"payout-{number}", f"po{number}", "booking_1", account, charge.reference, cents, "CHF"),
            **other,
        )

    def reversal_of(self, transfer: str, cents: int) -> ReversalRequest:
        """A reversal of its own."""
        number = next(self.numbers)
        return ReversalRequest(f"reversal-{number}", f"rev{number}", transfer, cents)

    def charge_of(self, card: SavedCard, cents: int = 5500, **other: Any) -> ChargeRequest:
        """A later charge of its own."""
        number = next(self.numbers)
        return replace(
            ChargeRequest(f"charge-{number}", f"pay{number}", f"booking_{number}", cents, "CHF", "Help", card), **other
        )

    # ---- Short ways

    def paid(self, cents: int = 5500, method: str = GOOD_CARD, **other: Any) -> Charge:
        """A payment that somebody has made."""
        reference = self.gateway.open_checkout(self.asked(cents, **other)).reference
        self.sandbox.pay(reference, method)
        charge = self.gateway.read_checkout(reference).charge
        assert charge is not None
        return charge

    def kept_card(self, number: str = GOOD_CARD) -> SavedCard:
        """A card that is kept for later."""
        reference = self.gateway.open_checkout(self.asked(saves_card=True)).reference
        self.sandbox.pay(reference, number)
        card = self.gateway.read_checkout(reference).card
        assert card is not None
        return card

    def helper(self, *, ready: bool = True) -> str:
        """A helper's account."""
        number = next(self.numbers)
        account = self.gateway.open_account(
            AccountRequest(f"user-{number}", f"u{number}", "lea@example.org", "CH")
        ).reference
        if ready:
            self.sandbox.onboard(account)
        return account

    # ---- What is there

    def shown(self) -> list[dict[str, Any]]:
        """Every object that the sandbox keeps, every answer it gave, every event it told."""
        with self.sandbox.books() as books:
            rows = _all(books.session)
        return [*rows, *(one.body for one in self.recorder.exchanges)]

    def notices(self) -> list[str]:
        """The kinds of the events told so far, in order."""
        with self.sandbox.books() as books:
            return list(books.session.scalars(select(SandboxEvent.kind).order_by(SandboxEvent.id)))


def _all(session: Session) -> list[dict[str, Any]]:
    rows = session.scalars(select(SandboxObject).where(SandboxObject.kind.not_in(OTHER_KINDS)))
    events = session.scalars(select(SandboxEvent.body))
    return [*(row.data for row in rows), *(json.loads(body) for body in events)]


class Webhook:
    """Our own webhook: believes what is signed, and answers what it is told to."""

    def __init__(self, world: World, *answers: int) -> None:
        self.world, self.answers, self.notices = world, list(answers), list[GatewayNotice]()

    def __call__(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        signature = headers["Stripe-Signature"]
        notice = self.world.gateway.notice(body, signature, endpoint=ENDPOINTS[path])
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise ConnectionResetError
        if status == 200:
            self.notices.append(notice)
        return status

    def kinds(self) -> list[str]:
        return [one.kind for one in self.notices]
