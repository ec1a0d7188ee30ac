"""Keeping what a comparison with the gateway's books came to, and taking over what the gateway did by itself."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, ledger, outbox
from marketplace.domain.errors import NotAllowed, NotFound, WrongState
from marketplace.domain.money import BANK, FEES, GATEWAY
from marketplace.domain.reconciliation import Comparison
from marketplace.models import Reconciliation, Role, User
from marketplace.permissions import may_see_money

# What the gateway does without being asked by us, and what the ledger calls it: money sent to our own bank, what of it came
# back, money sent there from our bank, and the gateway's bills.
TAKEN_OVER = {
    "payout": ("bank_payout", BANK),
    "payout_failed": ("bank_payout_failed", BANK),
    "topup": ("bank_topup", BANK),
    "fee": ("other_fee", FEES),
}


def keep(
    session: Session, comparison: Comparison, *, balance_cents: int, owed_cents: int, currency: str
) -> Reconciliation:
    """Write the result down; the admins are told when the books differ or less is there than we owe."""
    result = Reconciliation(
        at=clock.now(),
        movements=comparison.movements,
        matched=comparison.matched,
        gateway_cents=balance_cents,
        ledger_cents=comparison.ledger_cents,
        owed_cents=owed_cents,
        differences=[one.facts() for one in comparison.differences],
        currency=currency,
    )
    session.add(result)
    if comparison.differences or owed_cents > balance_cents:
        for admin in session.scalars(select(User.id).join(User.roles).where(Role.name == "admin")):
            outbox.tell(session, admin, "books_differ", count=len(comparison.differences))
    return result


def take_over(session: Session, kind: str, source: str, *, by: User) -> None:
    """Write into the ledger what the last comparison found in the gateway's books only: money from or to our bank, or a fee.

    The amount is the gateway's own. Raises NotAllowed, NotFound, WrongState when it stands there already.
    """
    if not may_see_money(by):
        raise NotAllowed()
    last = session.scalar(select(Reconciliation).order_by(Reconciliation.id.desc()).limit(1))
    found = [
        one
        for one in (last.differences if last else [])
        if (one["what"], one["kind"], one["source"]) == ("not_in_ledger", kind, source)
    ]
    if last is None or not found or not source or kind not in TAKEN_OVER:
        raise NotFound()
    posted, account = TAKEN_OVER[kind]
    cents = -int(found[0]["gateway_cents"])
    moved = (account, GATEWAY, cents)
    if not ledger.post(session, posted, source, moved, currency=last.currency, booking_id=None, reference=source):
        raise WrongState()
    journal.record(session, "movement_taken_over", last, by=by, facts={"cents": cents})
