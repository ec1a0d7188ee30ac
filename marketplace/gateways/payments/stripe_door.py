"""The payment gateway on Stripe's official library: separate charges and transfers, behind our door.

With keys it talks to Stripe, without them to the sandbox under the same library. What Stripe says is turned into our own values
here and nowhere else.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import stripe

from marketplace.domain.gateway import Balance, DisputeFact, Evidence, GatewayNotice, Movement
from marketplace.gateways.payments import Endpoint, GatewayDenied, GatewayForged
from marketplace.gateways.payments import stripe_facts as facts
from marketplace.gateways.payments import stripe_requests as requests
from marketplace.gateways.payments.stripe_errors import once, refusals
from marketplace.gateways.payments.stripe_part import PAGE_SIZE, keyed
from marketplace.gateways.payments.stripe_payees import StripePayees
from marketplace.gateways.payments.stripe_payers import StripePayers

# An event older than this is not believed, in seconds; Stripe signs each delivery anew.
TOLERANCE = 300

stripe.enable_telemetry = False  # Stripe need not know on what machine we run


class StripeGateway(StripePayers, StripePayees):
    """Stripe, or the sandbox under the same library."""

    def __init__(
        self, client: stripe.StripeClient, *, secrets: Mapping[Endpoint, str], live: bool, currency: str
    ) -> None:
        super().__init__(client)
        self.secrets, self.live, self.currency = secrets, live, currency

    # ---- Chargebacks

    def read_dispute(self, reference: str) -> DisputeFact:
        """How a chargeback stands now."""
        with refusals():
            return facts.dispute(self.api.disputes.retrieve(reference).to_dict())

    def answer_dispute(self, reference: str, evidence: Evidence, *, key: str) -> DisputeFact:
        """Hand in what we know about the visit, once per key."""
        wanted = requests.evidence(evidence)
        try:
            with refusals():
                opened = once(key, lambda one: self.api.disputes.update(reference, wanted, keyed(one)))
            return facts.dispute(opened.to_dict())
        except GatewayDenied:  # it was answered or decided already
            stands = self.read_dispute(reference)
            if stands.outcome == "open":
                raise
            return stands

    # ---- Events and books

    def notice(self, raw: bytes, signature: str, *, endpoint: Endpoint) -> GatewayNotice:
        """The message behind these bytes when they are signed for this endpoint; raises GatewayForged."""
        try:
            event = self.client.construct_event(raw, signature, self.secrets[endpoint], TOLERANCE)
            return facts.notice(event.to_dict(), live=self.live)
        except (stripe.SignatureVerificationError, ValueError, TypeError, KeyError, AttributeError) as problem:
            raise GatewayForged(type(problem).__name__) from problem

    def balance(self) -> Balance:
        """What the gateway keeps for us."""
        with refusals():
            return facts.balance(self.api.balance.retrieve().to_dict(), self.currency)

    def movements(self, since: datetime | None = None) -> Iterator[Movement]:
        """The gateway's own books from the oldest line on."""
        wanted: Any = {"limit": PAGE_SIZE}
        if since is not None:
            wanted["created"] = {"gte": int(since.timestamp())}
        with refusals():
            listed = self.api.balance_transactions.list(wanted)
            newest_first = [facts.movement(line.to_dict()) for line in listed.auto_paging_iter()]
        yield from reversed(newest_first)
