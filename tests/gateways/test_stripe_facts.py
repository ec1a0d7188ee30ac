"""Stripe's objects in our words, also those that the sandbox never shows; and Stripe's refusals as ours."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import stripe

from marketplace.domain.gateway import Charge, ChargeRequest, SavedCard
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
    "balance_transactions": [{"id": "txn_1", "fee": 2000}],
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


def paid(cost: dict[str, Any] | None) -> dict[str, Any]:
    """An intent whose money came, with its line in the books or before there is one."""
    charge = {"id": "ch_1", "amount_captured": 5500, "currency": "chf", "balance_transaction": cost}
    return {**intent("succeeded"), "latest_charge": charge}


@pytest.mark.parametrize("cost", [None, {"fee": 190}])
def test_what_is_paid_is_not_sure_before_its_cost_is_known(cost: dict[str, Any] | None) -> None:
    """A charge is booked once, with its fee: a fee that came later would be missing in the ledger for ever."""
    page = facts.checkout({**PAGE, "payment_status": "paid", "payment_intent": paid(cost)})
    later = facts.charge(paid(cost))
    assert (page.outcome, later.outcome) == (("paid", "paid") if cost else ("processing", "processing"))
    assert page.charge == later.charge == (Charge("pi_1", "ch_1", 5500, "CHF", 190) if cost else None)


class Remembers(stripe.HTTPClient):
    """Stripe as it answers a key: as things stood then; and a reading: as they stand now."""

    name = "remembers"

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:  # type: ignore[override]
        made = paid(None if method == "post" else {"id": "txn_1", "fee": 190})
        return json.dumps({**made, "object": "payment_intent"}), 200, {"request-id": "req_1"}


def test_a_charge_that_was_not_sure_is_read_anew() -> None:
    """Its key gives back for a day how it stood at first: without a cost it would never be sure."""
    client = stripe.StripeClient("sk_test_x", http_client=Remembers(), max_network_retries=0)
    gateway = StripeGateway(client, secrets={}, live=False, currency="CHF")
    asked = ChargeRequest("charge-1", "pay1", "booking_1", 5500, "CHF", "Help", SavedCard("cus_1", "pm_1"))
    fact = gateway.charge(asked)
    assert (fact.outcome, fact.charge and fact.charge.fee_cents) == ("paid", 190)


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
    assert (fact.outcome, fact.due_at, fact.fee_cents) == (outcome, None, 2000)
    assert fact.is_inquiry == (status.startswith("warning") or status == "prevented")


def test_a_dispute_whose_lines_are_not_there_yet_has_taken_nothing() -> None:
    """Else it would be booked without its fee for ever; once the money has left, the gateway says so, and it is read anew."""
    fact = facts.dispute({**DISPUTE, "status": "needs_response", "balance_transactions": []})
    assert (fact.outcome, fact.is_inquiry, fact.fee_cents) == ("open", True, 0)


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
        ("payout_failure", "payout_reversal", "payout_failed"),
        ("payout_cancel", "payout_reversal", "payout_failed"),
        ("topup", "topup", "topup"),
        ("reserve_transaction", "risk_reserved_funds", "other"),
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


def test_a_line_that_comes_from_nothing_is_named_by_itself() -> None:
    line = facts.movement({**LINE, "type": "stripe_fee", "reporting_category": "fee", "source": None})
    assert (line.kind, line.source) == ("fee", "txn_1")


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
