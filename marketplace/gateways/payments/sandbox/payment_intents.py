"""The sandbox's payment intents: one sum that somebody is to pay, tried until it is paid or cancelled."""

from typing import Any

from marketplace.gateways.payments.sandbox import charges
from marketplace.gateways.payments.sandbox.answers import ApiError, impossible, invalid
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.cards import CENTS_MIN
from marketplace.gateways.payments.sandbox.customers import method
from marketplace.gateways.payments.sandbox.params import (
    EXPAND,
    PAGING,
    amount,
    currency,
    metadata,
    one_of,
    text,
    yes_no,
)
from marketplace.gateways.payments.sandbox.routing import Data, Route, listed, retrieval
from marketplace.models import SandboxObject

ENDED = ("succeeded", "canceled")


def create(books: Books, given: Data) -> Data:
    """Make an intent and, with `confirm`, charge the payment method at once; a refusal leaves the intent behind."""
    demand_minimum(given["amount"])
    customer = given.get("customer")
    if customer is not None:
        books.get("customer", customer, "customer")
    intent = add(books, given)
    if not given.get("confirm"):
        return intent.data
    if "payment_method" not in given:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.", param="payment_method"
        )
    chosen = method(books, given["payment_method"])
    if chosen.parent is not None and chosen.parent != customer:
        raise impossible("The provided PaymentMethod belongs to another customer.", param="payment_method")
    error = charges.attempt(books, intent, chosen, is_present=not given.get("off_session"), confirms=False)
    if error is not None:
        raise ApiError(402, "card_error", error["message"], keeps=True, **_more(error), payment_intent=intent.data)
    return intent.data


def _more(error: Data) -> Data:
    return {name: value for name, value in error.items() if name not in ("message", "type")}


def demand_minimum(cents: int) -> None:
    """Refuse what is too little to be charged; raises ApiError."""
    if cents < CENTS_MIN:
        raise invalid("The amount must be at least 0.50 chf.", "amount_too_small", "amount")


def add(books: Books, asked: Data) -> SandboxObject:
    """An intent as it begins."""
    data: dict[str, Any] = {
        "amount": asked["amount"],
        "amount_capturable": 0,
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": asked.get("capture_method", "automatic_async"),
        "client_secret": None,
        "confirmation_method": "automatic",
        "currency": asked["currency"],
        "customer": asked.get("customer"),
        "description": asked.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": asked.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": asked.get("payment_method"),
        "payment_method_types": asked.get("payment_method_types", ["card"]),
        "processing": None,
        "receipt_email": None,
        "setup_future_usage": None,
        "status": "requires_confirmation" if asked.get("payment_method") else "requires_payment_method",
        "transfer_data": None,
        "transfer_group": asked.get("transfer_group"),
    }
    return books.add("payment_intent", "pi", data, parent=asked.get("customer"), bundle=asked.get("transfer_group"))


def cancel(books: Books, given: Data, reference: str) -> Data:
    """Give an intent up; raises ApiError when it has ended."""
    intent = books.get("payment_intent", reference, "intent")
    if intent.data["status"] in ENDED:
        raise impossible(
            f"You cannot cancel this PaymentIntent because it has a status of {intent.data['status']}.",
            "payment_intent_unexpected_state",
        )
    end(books, intent)
    return intent.data


def end(books: Books, intent: SandboxObject) -> None:
    """Cancel an intent that nobody has paid."""
    books.change(intent, status="canceled", canceled_at=books.stamp)
    books.tell("payment_intent.canceled", intent.data)


def listing(books: Books, given: Data) -> Data:
    """The intents of a customer, or all."""
    return listed(books, "payment_intent", given, "/v1/payment_intents", parent=given.get("customer"))


CREATE = {
    "amount!": amount,
    "currency!": currency,
    "customer": text,
    "payment_method": text,
    "payment_method_types": [one_of("card", "twint")],
    "off_session": yes_no,
    "confirm": yes_no,
    "capture_method": one_of("automatic", "automatic_async"),
    "description": text,
    "transfer_group": text,
    "metadata": metadata,
    **EXPAND,
}

ROUTES = (
    Route("payment_intents.create", "post", "/v1/payment_intents", create, CREATE),
    retrieval("payment_intents", "/v1/payment_intents/{}", "payment_intent"),
    Route("payment_intents.list", "get", "/v1/payment_intents", listing, {"customer": text, **PAGING}),
    Route("payment_intents.cancel", "post", "/v1/payment_intents/{}/cancel", cancel, EXPAND),
)
