"""The sandbox's balance and its lines."""

from sqlalchemy import select

from marketplace.gateways.payments.sandbox.answers import no_such
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.params import EXPAND, PAGING, text
from marketplace.gateways.payments.sandbox.routing import Data, Route, created_within, paged
from marketplace.models import SandboxMovement

PATH = "/v1/balance_transactions"


def retrieve(books: Books, given: Data) -> Data:
    """What is there for us, by currency."""
    kept = books.balances() or {"chf": (0, 0)}

    def side(number: int) -> list[Data]:
        return [
            {"amount": sums[number], "currency": currency, "source_types": {"card": sums[number]}}
            for currency, sums in kept.items()
        ]

    return {"object": "balance", "available": side(0), "pending": side(1), "livemode": False}


def line(books: Books, row: SandboxMovement) -> Data:
    """One line as the API shows it."""
    details = [
        {
            "amount": row.fee_cents,
            "application": None,
            "currency": row.currency,
            "description": "Fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": row.reference,
        "object": "balance_transaction",
        "amount": row.amount_cents,
        "available_on": int(row.available_at.timestamp()),
        "balance_type": "payments",
        "created": int(row.created_at.timestamp()),
        "currency": row.currency,
        "description": None,
        "exchange_rate": None,
        "fee": row.fee_cents,
        "fee_details": details if row.fee_cents else [],
        "net": row.net_cents,
        "reporting_category": row.category,
        "source": row.source or None,  # a bill may come from nothing that has a name
        "status": "available" if row.available_at <= books.now else "pending",
        "type": row.kind,
    }


def found_line(books: Books, reference: str) -> Data:
    """A line by its name; raises ApiError."""
    row = books.session.scalar(select(SandboxMovement).where(SandboxMovement.reference == reference))
    if row is None:
        raise no_such("balance_transaction", reference)
    return line(books, row)


def retrieve_line(books: Books, given: Data, reference: str) -> Data:
    """One line."""
    return found_line(books, reference)


def lines(books: Books, given: Data) -> Data:
    """Our own lines, newest first; a helper's are at their account."""
    asked = select(SandboxMovement).where(SandboxMovement.account.is_(None))
    if "type" in given:
        asked = asked.where(SandboxMovement.kind == given["type"])
    if "source" in given:
        asked = asked.where(SandboxMovement.source == given["source"])
    asked = created_within(asked, given, SandboxMovement.created_at)
    return paged(books, SandboxMovement, asked, given, PATH, shown=lambda row: line(books, row))


ROUTES = (
    Route("balance.retrieve", "get", "/v1/balance", retrieve, EXPAND),
    Route("balance_transactions.list", "get", PATH, lines, {"type": text, "source": text, **PAGING}),
    Route("balance_transactions.retrieve", "get", f"{PATH}/{{}}", retrieve_line, EXPAND),
)
