"""Stripe's objects, read as plain mappings, in the words of our door."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from marketplace.domain.gateway import (
    AccountFact,
    Balance,
    Charge,
    ChargeFact,
    CheckoutFact,
    CheckoutOutcome,
    DisputeFact,
    GatewayNotice,
    Movement,
    MovementKind,
    RefundFact,
    ReversalFact,
    SavedCard,
    Subject,
    TransferFact,
)

Facts = Mapping[str, Any]

SUBJECTS: dict[str, Subject] = {
    "checkout.session": "checkout",
    "payment_intent": "intent",
    "refund": "refund",
    "transfer": "transfer",
    "account": "account",
    "dispute": "dispute",
}
OUR_ROWS = {"checkout": "payment", "intent": "payment", "refund": "refund", "transfer": "payout", "account": "user"}

KINDS: dict[str, MovementKind] = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failed",
    "payment_failure_refund": "refund_failed",
    "transfer": "transfer",
    "transfer_refund": "reversal",
    "dispute": "dispute",
    "dispute_reversal": "dispute_won",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "fee",
    "payout": "payout",
    "payout_cancel": "payout_failed",
    "payout_failure": "payout_failed",
    "topup": "topup",
}

OPEN = ("needs_response", "warning_needs_response")
ANSWERED = ("under_review", "warning_under_review")
WON = ("won", "warning_closed", "prevented")
INQUIRIES = ("warning_needs_response", "warning_under_review", "warning_closed", "prevented")  # no money has left us


def checkout(session: Facts) -> CheckoutFact:
    """How a payment page stands; read with its intent."""
    intent, setup = session.get("payment_intent"), session.get("setup_intent")
    attempt = intent or setup or {}
    outcome = _page_outcome(session, attempt)
    paid = _charge(intent) if intent and outcome == "paid" else None
    if outcome == "paid" and paid is None:
        outcome = "processing"
    amount = session.get("amount_total")
    return CheckoutFact(
        reference=session["id"],
        payment=session["client_reference_id"] or "",
        outcome=outcome,
        amount_cents=int(session["metadata"].get("amount", 0)) if amount is None else amount,
        currency=(session.get("currency") or "").upper(),
        url=session.get("url") if outcome == "open" else None,
        charge=paid,
        card=SavedCard(setup["customer"], setup["payment_method"]) if setup and outcome == "card_saved" else None,
        reason=None if outcome in ("paid", "card_saved") else _reason(attempt),
    )


def _page_outcome(session: Facts, attempt: Facts) -> CheckoutOutcome:
    if session["status"] == "open":
        return "open"
    if session["status"] == "expired":
        return "abandoned"
    if session["mode"] == "setup":
        return "card_saved" if attempt.get("status") == "succeeded" else "declined"
    if session["payment_status"] == "paid":
        return "paid"
    return "processing" if attempt.get("status") == "processing" else "declined"


def charge(intent: Facts) -> ChargeFact:
    """How a charge of a kept card stands."""
    status, reason = intent["status"], _reason(intent)
    paid = _charge(intent) if status == "succeeded" else None
    if paid is not None:
        return ChargeFact("paid", paid)
    if status in ("processing", "succeeded"):
        return ChargeFact("processing")
    if status == "requires_action" or reason == "authentication_required":
        return ChargeFact("action_needed", reason=reason)
    return ChargeFact("declined", reason=reason or status)


def _charge(intent: Facts) -> Charge | None:
    """The charge with its cost; none while the cost is not worked out yet: it is not booked before, and asked for again."""
    made = intent["latest_charge"]
    cost = made.get("balance_transaction")
    if not cost:
        return None
    return Charge(intent["id"], made["id"], made["amount_captured"], made["currency"].upper(), cost["fee"])


def _reason(attempt: Facts) -> str | None:
    """The gateway's word for the last decline."""
    error = attempt.get("last_payment_error") or attempt.get("last_setup_error") or {}
    return error.get("decline_code") or error.get("code")


def refund(made: Facts) -> RefundFact:
    """How a refund stands."""
    status = made["status"]
    outcome: Literal["pending", "done", "failed"] = "pending"
    if status == "succeeded":
        outcome = "done"
    elif status in ("failed", "canceled"):
        outcome = "failed"
    return RefundFact(made["id"], outcome, made["amount"], made["currency"].upper(), made.get("failure_reason"))


def account(opened: Facts) -> AccountFact:
    """How a helper's account stands."""
    required = opened.get("requirements") or {}
    missing = [*(required.get("past_due") or []), *(required.get("currently_due") or [])]
    return AccountFact(
        opened["id"],
        ready=(opened.get("capabilities") or {}).get("transfers") == "active",
        begun=bool(opened.get("details_submitted")),
        missing=tuple(dict.fromkeys(missing)),
    )


def transfer(made: Facts) -> TransferFact:
    """How a transfer stands."""
    return TransferFact(
        made["id"],
        made["metadata"].get("payout", ""),
        made["amount"],
        made["amount_reversed"],
        made["currency"].upper(),
    )


def reversal(made: Facts) -> ReversalFact:
    """Money that came back from a helper."""
    return ReversalFact(made["id"], made["amount"], made["currency"].upper())


def dispute(opened: Facts) -> DisputeFact:
    """How a chargeback stands; while its lines are not in the books yet, nothing has left us, as with an inquiry."""
    status, due = opened["status"], opened["evidence_details"].get("due_by")
    outcome: Literal["open", "answered", "won", "lost"] = "lost"
    if status in OPEN:
        outcome = "open"
    elif status in ANSWERED:
        outcome = "answered"
    elif status in WON:
        outcome = "won"
    return DisputeFact(
        reference=opened["id"],
        intent=opened["payment_intent"] or "",
        amount_cents=opened["amount"],
        fee_cents=sum(line["fee"] for line in opened["balance_transactions"]),
        currency=opened["currency"].upper(),
        reason=opened["reason"],
        outcome=outcome,
        due_at=moment(due) if due else None,
        is_inquiry=status in INQUIRIES or not opened["balance_transactions"],
    )


def notice(event: Facts, *, live: bool) -> GatewayNotice:
    """What an event is about. A test of Stripe's own world, sent to live endpoints too, is about nothing of ours."""
    changed, account_of = event["data"]["object"], event.get("account")
    subject = SUBJECTS.get(changed["object"], "other")
    reference = changed.get("id") or ""
    if account_of:  # whatever happens at a helper's account is told as a change of that account
        subject, reference = "account", account_of
    elif subject == "account":
        subject = "other"  # our own account
    if event["livemode"] != live:
        subject = "other"
    ours = (changed.get("metadata") or {}).get(OUR_ROWS.get(subject, ""))
    return GatewayNotice(event["id"], event["type"], subject, reference, moment(event["created"]), ours)


def balance(kept: Facts, currency: str) -> Balance:
    """What the gateway keeps for us in our currency."""

    def total(lines: list[Facts]) -> int:
        return sum(line["amount"] for line in lines if line["currency"] == currency.lower())

    return Balance(total(kept["available"]), total(kept["pending"]), currency)


def movement(line: Facts) -> Movement:
    """One line of the gateway's books; an adjustment is told apart by what it is reported as, and some bills come from nothing."""
    named = line["reporting_category"] if line["type"] == "adjustment" else line["type"]
    return Movement(
        reference=line["id"],
        kind=KINDS.get(named, "other"),
        source=line["source"] or line["id"],
        amount_cents=line["amount"],
        fee_cents=line["fee"],
        currency=line["currency"].upper(),
        at=moment(line["created"]),
    )


def moment(stamp: int) -> datetime:
    """A moment as Stripe writes it."""
    return datetime.fromtimestamp(stamp, UTC)
