"""Stripe's objects in our words, also those that the sandbox never shows; and Stripe's refusals as ours."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import stripe

from marketplace.gateways.payments import GatewayDenied, GatewayRefused, GatewaySilent
from marketplace.gateways.payments import stripe_facts as facts
from marketplace.gateways.payments.stripe_door import StripeGateway

PAGE = {
    "id": "cs_1",
    "client_reference_id": "pay1",
    "mode": "payment",
    "status": "complete",
    "payment_status": "unpaid",
    "amount_total": 5500,
    "currency": "chf",
    "url": None,
    "metadata": {},
    "setup_intent": None,
}
DISPUTE = {
    "id": "dp_1",
    "payment_intent": "pi_1",
    "amount": 5500,
    "currency": "chf",
    "reason": "general",
    "balance_transactions": [],
    "evidence_details": {"due_by": None},
}
LINE = {"id": "txn_1", "source": "x_1", "amount": -1500, "fee": 25, "currency": "chf", "created": 1_795_000_000}


def intent(status: str, **error: str) -> dict[str, Any]:
    return {"id": "pi_1", "status": status, "latest_charge": None, "last_payment_error": error or None}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("processing", "processing"), ("requires_payment_method", "declined"), ("canceled", "declined")],
)
def test_a_page_that_ended_before_its_money_came(status: str, outcome: str) -> None:
    assert facts.checkout({**PAGE, "payment_intent": intent(status)}).outcome == outcome


def test_a_page_for_a_card_that_ended_without_one() -> None:
    setup = {"status": "canceled", "last_setup_error": {"code": "card_declined"}}
    page = {
        **PAGE,
        "mode": "setup",
        "payment_intent": None,
        "setup_intent": setup,
        "amount_total": None,
        "metadata": {"amount": "7"},
    }
    fact = facts.checkout(page)
    assert (fact.outcome, fact.card, fact.reason, fact.amount_cents) == ("declined", None, "card_declined", 7)


@pytest.mark.parametrize(
    ("made", "outcome", "reason"),
    [
        (intent("processing"), "processing", None),
        (intent("requires_action"), "action_needed", None),
        (intent("requires_payment_method", code="authentication_required"), "action_needed", "authentication_required"),
        (intent("requires_payment_method", code="card_declined", decline_code="lost_card"), "declined", "lost_card"),
        (intent("requires_payment_method", code="expired_card"), "declined", "expired_card"),
        (intent("canceled"), "declined", "canceled"),
    ],
)
def test_a_charge_that_is_not_paid(made: dict[str, Any], outcome: str, reason: str | None) -> None:
    fact = facts.charge(made)
    assert (fact.outcome, fact.reason, fact.charge) == (outcome, reason, None)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", "done"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("pending", "pending"),
        ("requires_action", "pending"),
    ],
)
def test_a_refund(status: str, outcome: str) -> None:
    assert facts.refund({"id": "re_1", "status": status, "amount": 1, "currency": "chf"}).outcome == outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("needs_response", "open"),
        ("warning_needs_response", "open"),
        ("under_review", "answered"),
        ("warning_under_review", "answered"),
        ("won", "won"),
        ("warning_closed", "won"),
        ("prevented", "won"),
        ("lost", "lost"),
    ],
)
def test_a_dispute(status: str, outcome: str) -> None:
    fact = facts.dispute({**DISPUTE, "status": status})
    assert (fact.outcome, fact.due_at, fact.fee_cents) == (outcome, None, 0)
    assert fact.is_inquiry == (status.startswith("warning") or status == "prevented")


@pytest.mark.parametrize(
    ("kind", "category", "ours"),
    [
        ("charge", "charge", "charge"),
        ("payment", "charge", "charge"),
        ("refund", "refund", "refund"),
        ("payment_refund", "refund", "refund"),
        ("refund_failure", "refund_failure", "refund_failed"),
        ("payment_failure_refund", "refund_failure", "refund_failed"),
        ("transfer", "transfer", "transfer"),
        ("transfer_refund", "transfer_reversal", "reversal"),
        ("adjustment", "dispute", "dispute"),
        ("adjustment", "dispute_reversal", "dispute_won"),
        ("adjustment", "other_adjustment", "other"),
        ("stripe_fee", "fee", "fee"),
        ("payout", "payout", "payout"),
        ("topup", "topup", "other"),
    ],
)
def test_a_line_of_the_books(kind: str, category: str, ours: str) -> None:
    line = facts.movement({**LINE, "type": kind, "reporting_category": category})
    assert (line.kind, line.amount_cents, line.fee_cents, line.net_cents, line.currency) == (
        ours,
        -1500,
        25,
        -1525,
        "CHF",
    )


def test_a_balance_is_of_our_currency() -> None:
    kept = {
        "available": [{"amount": 5, "currency": "chf"}, {"amount": 7, "currency": "eur"}],
        "pending": [{"amount": -2, "currency": "chf"}],
    }
    balance = facts.balance(kept, "CHF")
    assert (balance.available_cents, balance.pending_cents, balance.cents, balance.currency) == (5, -2, 3, "CHF")


class Canned(stripe.HTTPClient):
    """Gives one answer to everything."""

    name = "canned"

    def __init__(self, status: int, error: Mapping[str, str] | str) -> None:
        super().__init__()
        self.status, self.body = status, error if isinstance(error, str) else json.dumps({"error": error})

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:  # type: ignore[override]
        return self.body, self.status, {"request-id": "req_1"}


@pytest.mark.parametrize(
    ("status", "error", "refusal", "said"),
    [
        (
            400,
            {"type": "invalid_request_error", "code": "parameter_unknown", "param": "x"},
            GatewayDenied,
            "parameter_unknown",
        ),
        (400, {"type": "invalid_request_error", "param": "amount"}, GatewayDenied, "invalid_amount"),
        (400, {"type": "invalid_request_error"}, GatewayDenied, "invalid_request"),
        (400, {"type": "idempotency_error"}, GatewayDenied, "idempotency_error"),
        (400, {"type": "invalid_request_error", "code": "rate_limit"}, GatewaySilent, "RateLimitError"),
        (401, {"type": "invalid_request_error"}, GatewaySilent, "AuthenticationError"),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}, GatewayDenied, "lost_card"),
        (402, {"type": "card_error", "code": "expired_card"}, GatewayDenied, "expired_card"),
        (403, {"type": "invalid_request_error", "code": "account_invalid"}, GatewayDenied, "account_invalid"),
        (403, {"type": "invalid_request_error", "message": "no right"}, GatewaySilent, "no right"),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, GatewayDenied, "resource_missing"),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, GatewaySilent, "APIError"),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, GatewaySilent, "RateLimitError"),
        (500, {"type": "api_error"}, GatewaySilent, "APIError"),
        (503, "<html>busy</html>", GatewaySilent, "APIError"),
        (200, "no json", GatewaySilent, "APIError"),
    ],
)
def test_what_stripe_refuses_is_denied_or_silence(
    status: int, error: Any, refusal: type[GatewayRefused], said: str
) -> None:
    client = stripe.StripeClient("sk_test_x", http_client=Canned(status, error), max_network_retries=0)
    gateway = StripeGateway(client, secrets={}, live=False, currency="CHF")
    with pytest.raises(refusal, match=said) as refused:
        gateway.read_refund("re_1")
    if isinstance(refused.value, GatewayDenied):
        assert refused.value.code == said
