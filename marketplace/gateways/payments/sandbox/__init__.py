"""The sandbox of play money: Stripe's API under Stripe's own library, kept in our database; it refuses to exist in production."""

import hmac
from collections.abc import Mapping
from typing import Any

from marketplace.gateways.payments import Endpoint
from marketplace.gateways.payments.sandbox.delivery import Delivery
from marketplace.gateways.payments.sandbox.desk import Desk
from marketplace.gateways.payments.sandbox.faults import Faults
from marketplace.gateways.payments.sandbox.payee import Payee
from marketplace.gateways.payments.sandbox.payer import Payer
from marketplace.gateways.payments.sandbox.switches import Switches
from marketplace.gateways.payments.sandbox.transport import SandboxTransport


class Sandbox(Payer, Payee, Desk, Delivery):
    """The doors that people and the worker have to the sandbox; the library has its transport."""

    def __init__(self, settings: Mapping[str, Any], switches: Switches | None = None) -> None:
        super().__init__(settings, switches)
        self.faults = Faults(self.switches)
        self.transport = SandboxTransport(self, self.faults)
        self.secrets = {
            "platform": _secret(settings["SECRET_KEY"], "platform"),
            "connect": _secret(settings["SECRET_KEY"], "connect"),
        }


def _secret(own: str, endpoint: Endpoint) -> str:
    """An endpoint's secret, made from the installation's own."""
    return "whsec_" + hmac.digest(own.encode(), f"sandbox webhook {endpoint}".encode(), "sha256").hex()
