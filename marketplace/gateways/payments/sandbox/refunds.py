"""The sandbox's refunds: never more than is left of a charge."""

from marketplace.gateways.payments.sandbox.answers import impossible, invalid
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.cards import CARDS
from marketplace.gateways.payments.sandbox.params import EXPAND, PAGING, amount, metadata, one_of, text
from marketplace.gateways.payments.sandbox.routing import Data, Route, listed, retrieval
from marketplace.models import SandboxObject


def create(books: Books, given: Data) -> Data:
    """Give a part of a charge back; raises ApiError."""
    made = _charge(books, given)
    left = made.data["amount_captured"] - made.data["amount_refunded"]
    cents = given.get("amount", left)
    if made.data["disputed"]:
        raise impossible(f"Charge {made.reference} has been charged back; cannot issue a refund.", "charge_disputed")
    if left == 0:
        raise impossible(f"Charge {made.reference} has already been refunded.", "charge_already_refunded")
    if cents > left:
        raise impossible(
            f"Refund amount ({cents}) is greater than unrefunded amount on charge ({left})", param="amount"
        )
    is_slow = made.hidden["number"] is not None and CARDS[made.hidden["number"]].is_slow
    data = {
        "amount": cents,
        "balance_transaction": None,
        "charge": made.reference,
        "currency": made.data["currency"],
        "metadata": given.get("metadata", {}),
        "payment_intent": made.parent,
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if is_slow else "succeeded",
        "transfer_reversal": None,
    }
    is_card = made.reference.startswith("ch_")
    refund = books.add("refund", "re" if is_card else "pyr", data, parent=made.parent)
    line = books.move(
        "refund" if is_card else "payment_refund", refund.reference, -cents, made.data["currency"], category="refund"
    )
    books.change(refund, balance_transaction=line.reference)
    given_back = made.data["amount_refunded"] + cents
    books.change(made, amount_refunded=given_back, refunded=given_back == made.data["amount_captured"])
    books.tell("refund.created", refund.data)
    return refund.data


def _charge(books: Books, given: Data) -> SandboxObject:
    """The charge that is meant, paid; raises ApiError."""
    if "payment_intent" in given:
        intent = books.get("payment_intent", given["payment_intent"], "payment_intent")
        if intent.data["status"] != "succeeded":
            raise impossible(
                f"This PaymentIntent ({intent.reference}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        return books.get("charge", intent.data["latest_charge"])
    if "charge" not in given:
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    made = books.get("charge", given["charge"], "charge")
    if not made.data["paid"]:
        raise impossible(f"Charge {made.reference} was not paid.", param="charge")
    return made


def finish(books: Books, refund: SandboxObject, *, is_done: bool) -> None:
    """A refund arrives, or its bank sends the money back to us."""
    if is_done:
        books.change(refund, status="succeeded")
        books.tell("refund.updated", refund.data)
        return
    made = books.get("charge", refund.data["charge"])
    kind = "refund_failure" if refund.reference.startswith("re_") else "payment_failure_refund"
    line = books.move(kind, refund.reference, refund.data["amount"], refund.data["currency"], category="refund_failure")
    books.change(
        refund,
        status="failed",
        failure_reason="lost_or_stolen_card",
        failure_balance_transaction=line.reference,
    )
    books.change(made, amount_refunded=made.data["amount_refunded"] - refund.data["amount"], refunded=False)
    books.tell("refund.failed", refund.data)


def listing(books: Books, given: Data) -> Data:
    """The refunds of an intent, or all."""
    return listed(books, "refund", given, "/v1/refunds", parent=given.get("payment_intent"))


CREATE = {
    "payment_intent": text,
    "charge": text,
    "amount": amount,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": metadata,
    **EXPAND,
}

ROUTES = (
    Route("refunds.create", "post", "/v1/refunds", create, CREATE),
    retrieval("refunds", "/v1/refunds/{}", "refund"),
    Route("refunds.list", "get", "/v1/refunds", listing, {"payment_intent": text, **PAGING}),
)
