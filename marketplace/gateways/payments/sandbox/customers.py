"""The sandbox's customers and their payment methods."""

from typing import Any

from marketplace.gateways.payments.sandbox.answers import no_such
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.cards import READY_MADE
from marketplace.gateways.payments.sandbox.params import EXPAND, email, metadata, text
from marketplace.gateways.payments.sandbox.routing import Data, Route, retrieval
from marketplace.models import SandboxObject

NOBODY = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}


def create(books: Books, given: Data) -> Data:
    """Keep a customer."""
    return books.add(
        "customer",
        "cus",
        {
            "address": None,
            "balance": 0,
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": given.get("description"),
            "discount": None,
            "email": given.get("email"),
            "livemode": False,
            "metadata": given.get("metadata", {}),
            "name": given.get("name"),
            "phone": None,
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        },
    ).data


def add_method(books: Books, number: str | None, customer: str | None = None) -> SandboxObject:
    """Keep a card by its test number, or TWINT without one."""
    means: dict[str, Any] = (
        {"type": "twint", "twint": {}} if number is None else {"type": "card", "card": _card(number)}
    )
    data = {
        "allow_redisplay": "unspecified",
        "billing_details": NOBODY,
        "customer": customer,
        "livemode": False,
        "metadata": {},
        **means,
    }
    return books.add("payment_method", "pm", data, parent=customer, hidden={"number": number})


def method(books: Books, reference: str) -> SandboxObject:
    """A payment method by its name, which may be one of Stripe's ready-made ones; raises ApiError."""
    if reference in READY_MADE:
        return add_method(books, READY_MADE[reference])
    found = books.find("payment_method", reference)
    if found is None:
        raise no_such("PaymentMethod", reference, "payment_method")
    return found


def _card(number: str) -> Data:
    return {
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "CH",
        "display_brand": "visa",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{number[-4:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": ["visa"], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


ROUTES = (
    Route(
        "customers.create",
        "post",
        "/v1/customers",
        create,
        {"email": email, "name": text, "description": text, "metadata": metadata, **EXPAND},
    ),
    retrieval("customers", "/v1/customers/{}", "customer"),
    retrieval("payment_methods", "/v1/payment_methods/{}", "payment_method"),
)
