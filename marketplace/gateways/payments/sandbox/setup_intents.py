"""The sandbox's setup intents: a card that is kept for a later charge."""

from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.routing import Data, retrieval
from marketplace.models import SandboxObject


def add(books: Books, asked: Data, customer: str | None) -> SandboxObject:
    """A setup intent as it begins."""
    data = {
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": None,
        "customer": customer,
        "description": asked.get("description"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": asked.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    return books.add("setup_intent", "seti", data, parent=customer)


ROUTES = (retrieval("setup_intents", "/v1/setup_intents/{}", "setup_intent"),)
