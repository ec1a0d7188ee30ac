"""Our requests in Stripe's words. Whatever is asked twice with one key must be spelled the same: nothing here reads the time."""

from datetime import timedelta
from typing import Any

from marketplace.domain.gateway import (
    AccountRequest,
    ChargeRequest,
    CheckoutRequest,
    Evidence,
    RefundRequest,
    ReversalRequest,
    TransferRequest,
)

# TWINT is for francs, up to this much (https://docs.stripe.com/payments/twint).
TWINT_CENTS_MAX = 500_000
# Stripe keeps a page open for at least half an hour from the call on; ours are reserved for that long from a little earlier.
PAGE_GRACE = timedelta(minutes=5)
EVIDENCE_LENGTH_MAX = 20_000

# What the library takes; our contract tests hold it against Stripe's own schema.
Asked = Any

CHARGE_WITH_COST = "latest_charge.balance_transaction"
PAGE_WITH_CHARGE = [f"payment_intent.{CHARGE_WITH_COST}", "setup_intent"]


def page(request: CheckoutRequest) -> Asked:
    """A payment page for card and TWINT."""
    methods = ["card", "twint"] if request.currency == "CHF" and request.amount_cents <= TWINT_CENTS_MAX else ["card"]
    return _any_page(request) | {
        "mode": "payment",
        "payment_method_types": methods,
        "customer_email": request.email,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.currency.lower(),
                    "unit_amount": request.amount_cents,
                    "product_data": {"name": request.description},
                },
            }
        ],
        "payment_intent_data": {
            # At once, so that what Stripe keeps is known as soon as the money is there.
            "capture_method": "automatic",
            "description": request.description,
            "transfer_group": request.group,
            "metadata": {"payment": request.payment, "key": request.key},
        },
    }


def card_page(request: CheckoutRequest, customer: str) -> Asked:
    """A page on which a card is kept for later; nothing is charged."""
    return _any_page(request) | {
        "mode": "setup",
        "payment_method_types": ["card"],
        "currency": request.currency.lower(),
        "customer": customer,
        "setup_intent_data": {
            "description": request.description,
            "metadata": {"payment": request.payment, "key": request.key},
        },
    }


def _any_page(request: CheckoutRequest) -> dict[str, Any]:
    ends = {"expires_at": int((request.expires_at + PAGE_GRACE).timestamp())} if request.expires_at else {}
    return ends | {
        "client_reference_id": request.payment,
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "metadata": {"payment": request.payment, "key": request.key, "amount": str(request.amount_cents)},
        "expand": PAGE_WITH_CHARGE,
    }


def customer(request: CheckoutRequest) -> Asked:
    """Whose card is kept."""
    return {"email": request.email, "metadata": {"payment": request.payment, "key": request.key}}


def charge(request: ChargeRequest) -> Asked:
    """A charge of a kept card while its owner is not there."""
    return {
        "amount": request.amount_cents,
        "currency": request.currency.lower(),
        "customer": request.card.customer,
        "payment_method": request.card.method,
        "payment_method_types": ["card"],
        "off_session": True,
        "confirm": True,
        "capture_method": "automatic",
        "description": request.description,
        "transfer_group": request.group,
        "metadata": {"payment": request.payment, "key": request.key},
        "expand": [CHARGE_WITH_COST],
    }


def refund(request: RefundRequest) -> Asked:
    """A part of a charge, back to its customer."""
    return {
        "payment_intent": request.intent,
        "amount": request.amount_cents,
        "reason": "requested_by_customer",
        "metadata": {"refund": request.refund, "key": request.key},
    }


def account(request: AccountRequest) -> Asked:
    """A helper's account: Stripe asks them for what the law wants, and shows them their payouts; costs and losses are ours."""
    return {
        "country": request.country,
        "email": request.email,
        "controller": {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "stripe_dashboard": {"type": "express"},
        },
        "capabilities": {"transfers": {"requested": True}},
        "metadata": {"user": request.user, "key": request.key},
    }


def transfer(request: TransferRequest) -> Asked:
    """A helper's share of a charge."""
    source = {"source_transaction": request.charge} if request.charge else {}
    return source | {
        "amount": request.amount_cents,
        "currency": request.currency.lower(),
        "destination": request.account,
        "transfer_group": request.group,
        "metadata": {"payout": request.payout, "key": request.key},
    }


def reversal(request: ReversalRequest) -> Asked:
    """A part of a transfer, back from the helper."""
    return {"amount": request.amount_cents, "metadata": {"reversal": request.reversal, "key": request.key}}


def evidence(given: Evidence) -> Asked:
    """What we answer a bank, handed in for good."""
    words = {
        "customer_name": given.customer_name,
        "customer_email_address": given.customer_email,
        "product_description": given.service,
        "service_date": given.served_on,
        "refund_policy_disclosure": given.terms,
        "access_activity_log": given.activity,
    }
    return {"submit": True, "evidence": {name: text[:EVIDENCE_LENGTH_MAX] for name, text in words.items() if text}}
