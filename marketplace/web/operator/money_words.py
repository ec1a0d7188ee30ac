"""The money room in words: accounts, what was posted, why something is stuck, what differs between the books and what to do."""

from typing import Any

from marketplace.domain.money import BANK, CASH, DISPUTES, FEES, GATEWAY, GOODWILL, LOSSES, REFUNDS, REVENUE
from marketplace.web.languages import lazy_gettext as _l

ACCOUNTS = {
    "held": _l("Held for bookings"),
    "owed": _l("Owed to helpers"),
    "credit": _l("Customers' credit"),
    GATEWAY: _l("At the payment service"),
    BANK: _l("On our bank account"),
    CASH: _l("Cash in helpers' hands"),
    REVENUE: _l("Our fees"),
    REFUNDS: _l("On its way back to customers"),
    FEES: _l("Fees of the payment service"),
    GOODWILL: _l("Goodwill"),
    DISPUTES: _l("Disputed"),
    LOSSES: _l("Lost in disputes"),
}

# What the ledger calls its facts.
POSTINGS = {
    "payment_held": _l("Payment held"),
    "gateway_fee": _l("Fee of the payment service"),
    "cash_paid": _l("Paid in cash"),
    "cash_kept": _l("Cash kept by the helper"),
    "settled": _l("Money shared out"),
    "refund_given": _l("Refund given"),
    "refund_failed": _l("Refund came back"),
    "refund_dropped": _l("Refund given up: the bank took the money back itself"),
    "payout_sent": _l("Payout sent"),
    "payout_taken_back": _l("Payout taken back"),
    "dispute_opened": _l("Dispute opened"),
    "dispute_won": _l("Dispute won"),
    "dispute_lost": _l("Dispute lost"),
    "credit_given": _l("Credit given"),
    "fee_paid": _l("Fee paid by a helper"),
    "bank_payout": _l("Paid out to our bank"),
    "bank_payout_failed": _l("Payout to our bank that came back"),
    "bank_topup": _l("Topped up from our bank"),
    "other_fee": _l("Other fee of the payment service"),
}

# The lines of the gateway's books, by the kinds of `domain/gateway.Movement`.
MOVEMENTS = {
    "charge": _l("Payment of a customer"),
    "refund": _l("Refund"),
    "refund_failed": _l("Refund that came back"),
    "transfer": _l("Payout to a helper"),
    "reversal": _l("Payout taken back"),
    "dispute": _l("Dispute"),
    "dispute_won": _l("Dispute won"),
    "fee": _l("Fee of the payment service"),
    "payout": _l("Paid out to our bank"),
    "payout_failed": _l("Payout to our bank that came back"),
    "topup": _l("Topped up from our bank"),
    "other": _l("Something else"),
}

# By the kinds of `domain/reconciliation.Difference`: what it is, and what to do about it.
DIFFERENCES = {
    "not_in_ledger": (
        _l("Only in the books of the payment service"),
        _l(
            "A message of theirs may still be on its way: compare again a little later. If it stays, look the reference up "
            "at the payment service. What nobody here has asked for was done by hand there."
        ),
    ),
    "not_at_gateway": (
        _l("Only in our ledger"),
        _l(
            "Their books may be a little late: compare again later. If it stays, look the reference up at the "
            "payment service, and pay nothing more for this booking until it is found."
        ),
    ),
    "other_amount": (
        _l("Another amount"),
        _l(
            "Open the booking and the reference side by side. Usually a fee was corrected there later. Write down what you "
            "find; the ledger itself is never changed, only added to."
        ),
    ),
    "other_currency": (
        _l("Another currency"),
        _l(
            "The account at the payment service converts money. Set its currency to ours, and ask them to correct this line."
        ),
    ),
    "twice_at_gateway": (
        _l("Twice in the books of the payment service"),
        _l("Somebody may have been charged or paid twice. Open the booking, and give back what was too much."),
    ),
    "twice_in_ledger": (
        _l("Twice in our ledger"),
        _l(
            "This should be impossible. Run the check of the ledger, keep its output, and call whoever runs this place."
        ),
    ),
}

# Why money does not move: the gateway's words and our own. What is not here is shown as it came.
WHY = {
    "balance_insufficient": _l("There is not enough money at the payment service yet. It is tried again by itself."),
    "insufficient_funds": _l("There is not enough money at the payment service yet. It is tried again by itself."),
    "disputed": _l("The customer's bank disputes the payment. It is sent once the bank has decided."),
    "the refund is under way at the bank": _l("The bank has it and has not said yet that it arrived."),
    "expired_or_canceled_card": _l("The customer's card no longer exists. Ask for another way, then try again."),
    "lost_or_stolen_card": _l("The customer's card no longer exists. Ask for another way, then try again."),
    "charge_already_refunded": _l("The payment service says that all of it went back already."),
    "charge_disputed": _l("The customer's bank disputes the payment. It is sent once the bank has decided."),
    "transfer_reversed": _l("It came back already. Compare the books."),
    "failed": _l("The bank sent it back without a reason."),
    "declined": _l("The bank refused it."),
    "unknown": _l("The bank sent it back without a reason."),
}
SILENT = _l("The payment service did not answer.")


def why(reason: str) -> Any:
    """Why something is stuck, in words; a word of the gateway that we do not know is shown as it came."""
    code = reason.partition(":")[0].strip()
    return WHY.get(reason) or WHY.get(code) or reason or SILENT
