"""The sandbox's disputes: a customer's bank takes a charge back, and hears us once."""

from datetime import timedelta

from sqlalchemy import select

from marketplace.gateways.payments.sandbox.answers import impossible
from marketplace.gateways.payments.sandbox.balance import line
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.cards import COST_OF_DISPUTE
from marketplace.gateways.payments.sandbox.params import EXPAND, metadata, text, yes_no
from marketplace.gateways.payments.sandbox.routing import Data, Route, retrieval
from marketplace.models import SandboxMovement, SandboxObject

ANSWER_LIFE = timedelta(days=9)
PAPERS = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
WORDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
REASONS = (
    "duplicate",
    "fraudulent",
    "general",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)


def begin(books: Books, made: SandboxObject, reason: str) -> SandboxObject:
    """A bank takes a charge back: the money and the bank's cost leave us at once."""
    cents, currency = made.data["amount"] - made.data["amount_refunded"], made.data["currency"]
    is_card = made.reference.startswith("ch_")
    data = {
        "amount": cents,
        "balance_transactions": [],
        "charge": made.reference,
        "currency": currency,
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys((*PAPERS, *WORDS)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": int((books.now + ANSWER_LIFE).timestamp()),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": made.parent,
        "reason": reason,
        "status": "needs_response",
    }
    dispute = books.add("dispute", "dp" if is_card else "pdp", data, parent=made.reference)
    _move(books, dispute, -cents, COST_OF_DISPUTE, "dispute")
    books.change(made, disputed=True)
    books.tell("charge.dispute.created", dispute.data)
    books.tell("charge.dispute.funds_withdrawn", dispute.data)
    return dispute


def update(books: Books, given: Data, reference: str) -> Data:
    """Hear what we have to say; with `submit` for good; raises ApiError when nobody listens any more."""
    dispute = books.get("dispute", reference)
    if dispute.data["status"] != "needs_response":
        raise impossible("This dispute is already closed or its evidence has been submitted.", param="evidence")
    evidence, details = given.get("evidence", {}), dispute.data["evidence_details"]
    is_handed_in = given.get("submit", True)
    books.change(
        dispute,
        evidence={**dispute.data["evidence"], **evidence},
        evidence_details={
            **details,
            "has_evidence": bool(evidence) or details["has_evidence"],
            "submission_count": details["submission_count"] + is_handed_in,
        },
        metadata=given.get("metadata", dispute.data["metadata"]),
        status="under_review" if is_handed_in else "needs_response",
    )
    books.tell("charge.dispute.updated", dispute.data)
    return dispute.data


def end(books: Books, dispute: SandboxObject, *, is_won: bool) -> None:
    """The bank decides; what is won comes back, its cost does not."""
    if dispute.data["status"] in ("won", "lost"):
        return
    if is_won:
        _move(books, dispute, dispute.data["amount"], 0, "dispute_reversal")
    books.change(dispute, status="won" if is_won else "lost")
    books.tell("charge.dispute.closed", dispute.data)
    if is_won:
        books.tell("charge.dispute.funds_reinstated", dispute.data)


def _move(books: Books, dispute: SandboxObject, cents: int, cost: int, category: str) -> None:
    books.move("adjustment", dispute.reference, cents, dispute.data["currency"], cost=cost, category=category)
    rows = select(SandboxMovement).where(SandboxMovement.source == dispute.reference).order_by(SandboxMovement.id)
    books.change(dispute, balance_transactions=[line(books, row) for row in books.session.scalars(rows)])


UPDATE = {"evidence": dict.fromkeys(WORDS, text), "submit": yes_no, "metadata": metadata, **EXPAND}

ROUTES = (
    retrieval("disputes", "/v1/disputes/{}", "dispute"),
    Route("disputes.update", "post", "/v1/disputes/{}", update, UPDATE),
)
