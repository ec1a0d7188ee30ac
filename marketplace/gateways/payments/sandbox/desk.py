"""The operator's desk at the sandbox: what banks do, played by hand."""

from dataclasses import dataclass

from sqlalchemy import select

from marketplace.gateways.payments.sandbox import disputes, refunds
from marketplace.gateways.payments.sandbox.books import Books, new_reference
from marketplace.gateways.payments.sandbox.faults import Faults
from marketplace.gateways.payments.sandbox.routing import Data
from marketplace.gateways.payments.sandbox.store import Store
from marketplace.gateways.payments.sandbox.switches import Fault
from marketplace.models import SandboxObject


@dataclass(frozen=True)
class DeskLine:
    """One charge or dispute on the desk."""

    reference: str
    kind: str
    amount_cents: int
    currency: str
    status: str
    is_disputed: bool


class Desk(Store):
    """The operator's desk."""

    faults: Faults

    def fail_next(self, name: str, fault: Fault, times: int = 1) -> None:
        """Let the next calls of this name (`refunds.create`, `transfers.list`, `*` for any) meet a fault, in this process."""
        self.faults.plan(name, fault, times)

    def newest(self, kind: str = "charge", limit: int = 50) -> list[DeskLine]:
        """The newest charges or disputes."""
        with self.books() as books:
            asked = select(SandboxObject).where(SandboxObject.kind == kind).order_by(SandboxObject.id.desc())
            return [_line(row.data) for row in books.session.scalars(asked.limit(limit))]

    def open_dispute(self, charge: str, reason: str = "fraudulent") -> str:
        """A customer's bank takes a charge back; gives the dispute's reference. Raises ApiError, ValueError."""
        if reason not in disputes.REASONS:
            raise ValueError(reason)
        with self.books() as books:
            made = books.get("charge", charge)
            already = books.children("dispute", charge)
            if already:
                return already[0].reference
            if made.data["amount_captured"] == made.data["amount_refunded"]:
                raise ValueError("nothing of this charge is left")
            return disputes.begin(books, made, reason).reference

    def close_dispute(self, dispute: str, *, won: bool) -> None:
        """The bank decides; raises ApiError."""
        with self.books() as books:
            disputes.end(books, books.get("dispute", dispute), is_won=won)

    def finish_refund(self, refund: str, *, done: bool) -> None:
        """A refund that was on its way arrives, or any refund comes back because the card is gone; raises ApiError."""
        with self.books() as books:
            row = books.get("refund", refund)
            if row.data["status"] == "pending" or (row.data["status"] == "succeeded" and not done):
                refunds.finish(books, row, is_done=done)

    def pay_out(self, cents: int, currency: str = "CHF", *, account: str | None = None) -> str:
        """Send money from our balance, or a helper's, to a bank; gives the payout's reference."""
        with self.books() as books:
            return _payout(books, cents, currency.lower(), account)

    def fail_payout(self, payout: str) -> None:
        """The bank sends a payout back: the money is on the balance again, once. Raises ApiError."""
        with self.books() as books:
            row = books.get("payout", payout)
            if row.data["status"] != "failed":
                _send_back(books, row)

    def top_up(self, cents: int, currency: str = "CHF") -> str:
        """Money comes to our balance from our own bank; gives the top-up's reference."""
        with self.books() as books:
            return books.move("topup", new_reference("tu"), cents, currency.lower()).source

    def bill(self, cents: int, currency: str = "CHF") -> str:
        """The gateway takes a fee of its own, for nothing that has a name; gives the line's reference."""
        with self.books() as books:
            return books.move("stripe_fee", "", -cents, currency.lower(), category="fee").reference


def _payout(books: Books, cents: int, currency: str, account: str | None) -> str:
    data: Data = {
        "amount": cents,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": books.stamp,
        "automatic": False,
        "balance_transaction": None,
        "currency": currency,
        "description": None,
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "paid",
        "type": "bank_account",
    }
    payout = books.add("payout", "po", data, parent=account)
    line = books.move("payout", payout.reference, -cents, currency, account=account)
    books.change(payout, balance_transaction=line.reference)
    if account is not None:
        books.tell("payout.paid", payout.data, account=account)
    return payout.reference


def _send_back(books: Books, payout: SandboxObject) -> None:
    cents, currency, account = payout.data["amount"], payout.data["currency"], payout.parent
    line = books.move("payout_failure", payout.reference, cents, currency, category="payout_reversal", account=account)
    books.change(
        payout,
        status="failed",
        failure_balance_transaction=line.reference,
        failure_code="account_closed",
        failure_message="The bank account has been closed.",
    )
    if account is not None:
        books.tell("payout.failed", payout.data, account=account)


def _line(data: Data) -> DeskLine:
    return DeskLine(
        data["id"],
        data["object"],
        data["amount"],
        data["currency"].upper(),
        data["status"],
        bool(data.get("disputed")),
    )
