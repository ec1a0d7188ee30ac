"""What every part of the gateway on Stripe's library uses: the client, keys, and looking for what bears our word."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import stripe

Fact = TypeVar("Fact")

# The version whose schema our contract tests hold.
API_VERSION = "2026-08-26.dahlia"
PAGE_SIZE = 100
# Where Stripe's hosted pages lie: to pay, to be paid, and to see one's own payouts.
PAGES = ("https://checkout.stripe.com", "https://connect.stripe.com")


class StripePart:
    """A part of the gateway; all of them talk through one client."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.client, self.api = client, client.v1


def keyed(key: str) -> Any:
    """The library's option for an idempotency key."""
    return {"idempotency_key": key}


def bearing(objects: Iterable[Any], name: str, value: str) -> dict[str, Any] | None:
    """The first of these objects that bears our word."""
    plain = (one.to_dict() for one in objects)
    return next((one for one in plain if (one["metadata"] or {}).get(name) == value), None)


def if_found(read: Callable[[Mapping[str, Any]], Fact], found: Mapping[str, Any] | None) -> Fact | None:
    """What was found, read; None when nothing was."""
    return None if found is None else read(found)
