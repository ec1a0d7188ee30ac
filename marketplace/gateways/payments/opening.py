"""Opens the payment gateway as the settings want it: Stripe with keys, the sandbox of play money under the same library without."""

from collections.abc import Mapping
from typing import Any

import stripe

from marketplace.domain.policy import policy_from
from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.transport import SANDBOX_KEY
from marketplace.gateways.payments.stripe_door import StripeGateway
from marketplace.gateways.payments.stripe_part import API_VERSION

# Seconds until we are connected, and until we are answered; twice that is less than our own server waits for us.
PATIENCE = (3, 10)


def open_sandbox(settings: Mapping[str, Any]) -> Sandbox | None:
    """The sandbox, when there are no keys; raises SandboxForbidden in production."""
    return None if settings["STRIPE_SECRET_KEY"] else Sandbox(settings)


def open_payments(settings: Mapping[str, Any], sandbox: Sandbox | None = None) -> StripeGateway:
    """The gateway on Stripe's library; without keys on `sandbox`, or one of its own. Raises SandboxForbidden in production."""
    currency = policy_from(settings["POLICY"]).currency
    key = settings["STRIPE_SECRET_KEY"]
    if not key:
        sandbox = sandbox or Sandbox(settings)
        client = stripe.StripeClient(
            SANDBOX_KEY, stripe_version=API_VERSION, http_client=sandbox.transport, max_network_retries=0
        )
        return StripeGateway(client, secrets=sandbox.secrets, live=False, currency=currency)
    client = stripe.StripeClient(
        key, stripe_version=API_VERSION, http_client=stripe.RequestsClient(timeout=PATIENCE), max_network_retries=1
    )
    return StripeGateway(
        client,
        secrets={
            "platform": settings["STRIPE_WEBHOOK_SECRET"],
            "connect": settings["STRIPE_CONNECT_WEBHOOK_SECRET"],
        },
        live=key.startswith(("sk_live_", "rk_live_")),
        currency=currency,
    )
