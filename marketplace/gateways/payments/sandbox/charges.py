"""The sandbox's charges: what a card or TWINT says to an intent, and the line that it leaves in the books."""

from datetime import timedelta
from typing import Any

from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.cards import CARDS, COSTS, MESSAGES
from marketplace.gateways.payments.sandbox.customers import NOBODY
from marketplace.gateways.payments.sandbox.params import PAGING, text
from marketplace.gateways.payments.sandbox.routing import Data, Route, listed, retrieval
from marketplace.models import SandboxObject


def refusal(method: SandboxObject, *, is_present: bool, confirms: bool) -> Data | None:
    """Why this card or TWINT says no, in the shape of the API's errors; None when it says yes.

    `is_present`: its owner is there and `confirms` (3-D Secure, TWINT's app) or does not.
    """
    number = method.hidden["number"]
    if number is None:
        return (
            None
            if confirms
            else _error(method, "payment_intent_payment_attempt_failed", "The payment was not confirmed.")
        )
    card = CARDS[number]
    if card.decline:
        return _error(method, "card_declined", MESSAGES[card.decline], card.decline)
    if not is_present and card.asks_alone:
        why = "authentication_required"
        return _error(method, why, MESSAGES[why], why)
    if is_present and card.asks and not confirms:
        return _error(
            method,
            "payment_intent_authentication_failure",
            "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
        )
    return None


def _error(method: SandboxObject, code: str, message: str, decline: str | None = None) -> Data:
    told = {
        "code": code,
        "message": message,
        "type": "card_error" if decline else "invalid_request_error",
        "payment_method": method.data,
    }
    return told | ({"decline_code": decline} if decline else {})


def attempt(
    books: Books, intent: SandboxObject, method: SandboxObject, *, is_present: bool, confirms: bool
) -> Data | None:
    """Try to be paid; gives why not."""
    error = refusal(method, is_present=is_present, confirms=confirms)
    if error is None:
        _succeed(books, intent, method)
        return None
    failed = _add(books, intent, method, error) if error.get("decline_code") else None
    if failed:
        error["charge"] = failed.reference
    books.change(
        intent,
        status="requires_payment_method",
        payment_method=None,
        last_payment_error=error,
        latest_charge=failed.reference if failed else intent.data["latest_charge"],
    )
    books.tell("payment_intent.payment_failed", intent.data)
    return error


def _succeed(books: Books, intent: SandboxObject, method: SandboxObject) -> None:
    made, cents, currency = _add(books, intent, method), intent.data["amount"], intent.data["currency"]
    kind = method.data["type"]
    line = books.move(
        "charge" if kind == "card" else "payment",
        made.reference,
        cents,
        currency,
        cost=COSTS[kind].of(cents),
        category="charge",
        available_at=books.now + timedelta(days=books.switches.pending_days),
    )
    books.change(made, balance_transaction=line.reference)
    books.change(
        intent,
        status="succeeded",
        amount_received=cents,
        latest_charge=made.reference,
        payment_method=method.reference,
        last_payment_error=None,
    )
    books.tell("payment_intent.succeeded", intent.data)


def _add(books: Books, intent: SandboxObject, method: SandboxObject, error: Data | None = None) -> SandboxObject:
    asked, is_paid = intent.data, error is None
    kind = method.data["type"]
    outcome = {
        "network_status": "approved_by_network" if is_paid else "declined_by_network",
        "reason": None if error is None else error["decline_code"],
        "risk_level": "normal",
        "seller_message": "Payment complete." if is_paid else "The bank did not return any further details.",
        "type": "authorized" if is_paid else "issuer_declined",
    }
    data: dict[str, Any] = {
        "amount": asked["amount"],
        "amount_captured": asked["amount"] if is_paid else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": NOBODY,
        "captured": is_paid,
        "currency": asked["currency"],
        "customer": asked["customer"],
        "description": asked["description"],
        "disputed": False,
        "failure_code": None if error is None else error["code"],
        "failure_message": None if error is None else error["message"],
        "fraud_details": {},
        "livemode": False,
        "metadata": asked["metadata"],
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": is_paid,
        "payment_intent": intent.reference,
        "payment_method": method.reference,
        "payment_method_details": {"type": kind, kind: _details(method) if kind == "card" else {}},
        "receipt_email": None,
        "refunded": False,
        "status": "succeeded" if is_paid else "failed",
        "transfer_data": None,
        "transfer_group": asked["transfer_group"],
    }
    prefix = "ch" if kind == "card" else "py"
    return books.add(
        "charge", prefix, data, parent=intent.reference, bundle=asked["transfer_group"], hidden=method.hidden
    )


def _details(method: SandboxObject) -> Data:
    """The card as a charge shows it."""
    card = method.data["card"]
    shown = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {name: card[name] for name in shown} | {
        "installments": None,
        "mandate": None,
        "network": "visa",
        "three_d_secure": None,
        "wallet": None,
    }


def listing(books: Books, given: Data) -> Data:
    """The charges of an intent, or all."""
    return listed(
        books,
        "charge",
        given,
        "/v1/charges",
        parent=given.get("payment_intent"),
        bundle=given.get("transfer_group"),
    )


ROUTES = (
    retrieval("charges", "/v1/charges/{}", "charge"),
    Route("charges.list", "get", "/v1/charges", listing, {"payment_intent": text, "transfer_group": text, **PAGING}),
)
