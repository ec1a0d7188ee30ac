"""The sandbox's checkout sessions: payment pages that are open for a while, and end paid, with a card kept, or expired."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from marketplace.gateways.payments.sandbox import payment_intents
from marketplace.gateways.payments.sandbox.answers import impossible, invalid
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.params import (
    EXPAND,
    amount,
    currency,
    email,
    metadata,
    one_of,
    text,
    url,
    whole,
)
from marketplace.gateways.payments.sandbox.routing import Data, Route
from marketplace.models import SandboxObject

KIND = "checkout.session"
ADDRESS = "/sandbox/checkouts/{}"
# How long a page may stay open (https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at).
OPEN_MIN, OPEN_MAX = timedelta(minutes=30), timedelta(hours=24)
TWINT_CENTS_MAX = 500_000
NO_TEXT = {"after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None}


def create(books: Books, given: Data) -> Data:
    """Open a page."""
    is_payment = given["mode"] == "payment"
    _demand_parts(given, is_payment)
    _demand_methods(given)
    ends_at = _ends_at(books, given)
    customer = given.get("customer")
    if customer is not None:
        books.get("customer", customer, "customer")
    line = given["line_items"][0] if is_payment else None
    total = line["price_data"]["unit_amount"] * line["quantity"] if line else None
    if total is not None:
        payment_intents.demand_minimum(total)
    data: dict[str, Any] = {
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "currency": line["price_data"]["currency"] if line else given.get("currency"),
        "custom_fields": [],
        "custom_text": NO_TEXT,
        "customer": customer,
        "customer_email": given.get("customer_email"),
        "expires_at": int(ends_at.timestamp()),
        "livemode": False,
        "locale": None,
        "metadata": given.get("metadata", {}),
        "mode": given["mode"],
        "payment_intent": None,
        "payment_method_types": given["payment_method_types"],
        "payment_status": "unpaid" if is_payment else "no_payment_required",
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "success_url": given["success_url"],
        "url": None,
    }
    hidden = {
        "intent": given.get("payment_intent_data", {}),
        "setup": given.get("setup_intent_data", {}),
        "name": line["price_data"]["product_data"]["name"] if line else "",
    }
    session = books.add(KIND, "cs_test", data, hidden=hidden, due_at=ends_at)
    books.change(session, url=ADDRESS.format(session.reference))
    return session.data


def _demand_parts(given: Data, is_payment: bool) -> None:
    """Refuse parts that do not belong to the mode; raises ApiError."""
    needed, other = ("line_items", "setup_intent_data") if is_payment else ("currency", "payment_intent_data")
    if not given.get(needed):
        raise invalid(f"You must specify `{needed}` in `{given['mode']}` mode.", param=needed)
    if other in given:
        raise invalid(f"You can not pass `{other}` in `{given['mode']}` mode.", param=other)
    if "customer" in given and "customer_email" in given:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", param="customer")


def _demand_methods(given: Data) -> None:
    """Refuse TWINT where it does not pay: for another currency, for too much, or for later; raises ApiError."""
    if "twint" not in given["payment_method_types"]:
        return
    prices = [line["price_data"] for line in given.get("line_items", [])]
    if not prices or any(one["currency"] != "chf" or one["unit_amount"] > TWINT_CENTS_MAX for one in prices):
        raise invalid("The payment method type `twint` cannot be used here.", param="payment_method_types")


def _ends_at(books: Books, given: Data) -> datetime:
    if "expires_at" not in given:
        return books.now + OPEN_MAX
    ends_at = datetime.fromtimestamp(given["expires_at"], UTC)
    if not OPEN_MIN <= ends_at - books.now.replace(microsecond=0) <= OPEN_MAX:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return ends_at


def retrieve(books: Books, given: Data, reference: str) -> Data:
    """A page as it stands now; one whose time is over has expired."""
    return current(books, reference).data


def expire(books: Books, given: Data, reference: str) -> Data:
    """Close a page that is open; raises ApiError."""
    session = current(books, reference)
    if session.data["status"] != "open":
        raise impossible(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session.data['status']}."
        )
    _expire(books, session)
    return session.data


def current(books: Books, reference: str) -> SandboxObject:
    """A page, expired when its time is over; raises ApiError."""
    session = books.get(KIND, reference)
    if session.due_at is not None and session.due_at <= books.now:
        _expire(books, session)
    return session


def expire_due(books: Books) -> None:
    """Expire every page whose time is over."""
    due = select(SandboxObject).where(SandboxObject.kind == KIND, SandboxObject.due_at <= books.now)
    for session in books.session.scalars(due).all():
        _expire(books, session)


def _expire(books: Books, session: SandboxObject) -> None:
    session.due_at = None
    books.change(session, status="expired", url=None)
    reference = session.data["payment_intent"]
    if reference is not None:
        payment_intents.end(books, books.get("payment_intent", reference))
    books.tell("checkout.session.expired", session.data)


def complete(books: Books, session: SandboxObject, **values: Any) -> None:
    """End a page well."""
    session.due_at = None
    books.change(session, status="complete", url=None, **values)
    books.tell("checkout.session.completed", session.data)


LINE = {
    "quantity!": whole,
    "price_data!": {"currency!": currency, "unit_amount!": amount, "product_data!": {"name!": text}},
}
CREATE = {
    "mode!": one_of("payment", "setup"),
    "payment_method_types!": [one_of("card", "twint")],
    "success_url!": url,
    "cancel_url": url,
    "client_reference_id": text,
    "currency": currency,
    "customer": text,
    "customer_email": email,
    "expires_at": whole,
    "line_items": [LINE],
    "metadata": metadata,
    "payment_intent_data": {
        "capture_method": one_of("automatic", "automatic_async"),
        "description": text,
        "transfer_group": text,
        "metadata": metadata,
    },
    "setup_intent_data": {"description": text, "metadata": metadata},
    **EXPAND,
}

ROUTES = (
    Route("checkout.sessions.create", "post", "/v1/checkout/sessions", create, CREATE),
    Route("checkout.sessions.retrieve", "get", "/v1/checkout/sessions/{}", retrieve, EXPAND),
    Route("checkout.sessions.expire", "post", "/v1/checkout/sessions/{}/expire", expire, EXPAND),
)
