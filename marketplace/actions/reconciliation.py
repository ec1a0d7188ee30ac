"""Keeping what a comparison with the gateway's books came to."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import outbox
from marketplace.domain.reconciliation import Comparison
from marketplace.models import Reconciliation, Role, User


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
