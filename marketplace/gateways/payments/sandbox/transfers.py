"""The sandbox's transfers to helpers, and what comes back of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from marketplace.gateways.payments.sandbox.accounts import demand_transfers
from marketplace.gateways.payments.sandbox.answers import impossible
from marketplace.gateways.payments.sandbox.books import Books, new_reference
from marketplace.gateways.payments.sandbox.params import EXPAND, PAGING, amount, currency, metadata, text
from marketplace.gateways.payments.sandbox.routing import Data, Route, listed, retrieval
from marketplace.models import SandboxMovement, SandboxObject

TOO_LITTLE = "You have insufficient available funds in your Stripe account."


def create(books: Books, given: Data) -> Data:
    """Send a share of a charge to a helper; raises ApiError."""
    cents, paid_in = given["amount"], given["currency"]
    demand_transfers(books, given["destination"])
    source = given.get("source_transaction")
    waits_until = _from_charge(books, source, cents, paid_in) if source else None
    if waits_until is None and books.available(paid_in) < cents:
        raise impossible(TOO_LITTLE, "balance_insufficient")
    data = {
        "amount": cents,
        "amount_reversed": 0,
        "balance_transaction": None,
        "currency": paid_in,
        "description": given.get("description"),
        "destination": given["destination"],
        "destination_payment": new_reference("py"),
        "livemode": False,
        "metadata": given.get("metadata", {}),
        "reversals": {"object": "list", "data": [], "has_more": False, "url": ""},
        "reversed": False,
        "source_transaction": source,
        "source_type": "card",
        "transfer_group": given.get("transfer_group"),
    }
    made = books.add("transfer", "tr", data, parent=source, bundle=given.get("transfer_group"))
    line = books.move("transfer", made.reference, -cents, paid_in, available_at=waits_until)
    arrived: dict[str, Any] = {"account": given["destination"], "category": "charge", "available_at": waits_until}
    books.move("payment", made.data["destination_payment"], cents, paid_in, **arrived)
    nothing = {"object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{made.reference}/reversals"}
    books.change(made, balance_transaction=line.reference, reversals=nothing)
    books.tell("transfer.created", made.data)
    return made.data


def _from_charge(books: Books, reference: str, cents: int, paid_in: str) -> datetime | None:
    """Until when a charge's money is on its way, None when it is there; raises ApiError when too little of it is left."""
    made = books.get("charge", reference, "source_transaction")
    if not made.data["paid"] or made.data["currency"] != paid_in:
        raise impossible("The source_transaction was not paid in this currency.", param="source_transaction")
    taken = sum(one.data["amount"] - one.data["amount_reversed"] for one in books.children("transfer", reference))
    if taken + cents > made.data["amount"]:
        raise impossible(
            f"Transfers using this transaction as a source must not exceed the source amount of {made.data['amount']}.",
            param="amount",
        )
    line = books.session.scalar(
        select(SandboxMovement).where(SandboxMovement.reference == made.data["balance_transaction"])
    )
    return line.available_at if line and line.available_at > books.now else None


def listing(books: Books, given: Data) -> Data:
    """The transfers of a group, or all."""
    return listed(books, "transfer", given, "/v1/transfers", bundle=given.get("transfer_group"))


def reverse(books: Books, given: Data, reference: str) -> Data:
    """Take a part of a transfer back from the helper; raises ApiError."""
    made = books.get("transfer", reference)
    left = made.data["amount"] - made.data["amount_reversed"]
    cents, paid_in = given.get("amount", left), made.data["currency"]
    if cents > left or left == 0:
        raise impossible(f"Reversal amount ({cents}) is greater than the unreversed amount ({left}).", param="amount")
    account = made.data["destination"]
    if sum(books.balances(account).get(paid_in, (0, 0))) < cents:
        raise impossible(TOO_LITTLE, "balance_insufficient")
    data = {
        "amount": cents,
        "balance_transaction": None,
        "currency": paid_in,
        "destination_payment_refund": new_reference("pyr"),
        "metadata": given.get("metadata", {}),
        "source_refund": None,
        "transfer": reference,
    }
    back = books.add("transfer_reversal", "trr", data, parent=reference)
    line = books.move("transfer_refund", back.reference, cents, paid_in, category="transfer_reversal")
    books.move(
        "payment_refund", data["destination_payment_refund"], -cents, paid_in, category="refund", account=account
    )
    books.change(back, balance_transaction=line.reference)
    _note_reversal(books, made, cents)
    books.tell("transfer.reversed", made.data)
    return back.data


def _note_reversal(books: Books, made: SandboxObject, cents: int) -> None:
    all_of_it = made.data["amount_reversed"] + cents
    newest_first = [one.data for one in reversed(books.children("transfer_reversal", made.reference))]
    books.change(
        made,
        amount_reversed=all_of_it,
        reversed=all_of_it == made.data["amount"],
        reversals={**made.data["reversals"], "data": newest_first[:10], "has_more": len(newest_first) > 10},
    )


def reversals(books: Books, given: Data, reference: str) -> Data:
    """What came back of a transfer."""
    books.get("transfer", reference)
    return listed(books, "transfer_reversal", given, f"/v1/transfers/{reference}/reversals", parent=reference)


CREATE = {
    "amount!": amount,
    "currency!": currency,
    "destination!": text,
    "source_transaction": text,
    "transfer_group": text,
    "description": text,
    "metadata": metadata,
    **EXPAND,
}

ROUTES = (
    Route("transfers.create", "post", "/v1/transfers", create, CREATE),
    retrieval("transfers", "/v1/transfers/{}", "transfer"),
    Route("transfers.list", "get", "/v1/transfers", listing, {"transfer_group": text, **PAGING}),
    Route(
        "transfers.reversals.create",
        "post",
        "/v1/transfers/{}/reversals",
        reverse,
        {"amount": amount, "description": text, "metadata": metadata, **EXPAND},
    ),
    Route("transfers.reversals.list", "get", "/v1/transfers/{}/reversals", reversals, PAGING),
)
