"""Reconciliation: the gateway's own books against our ledger, every night and on demand."""

from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from marketplace import clock
from marketplace.actions import reconciliation
from marketplace.db import db, transaction
from marketplace.domain.money import OURS, REVENUE
from marketplace.domain.reconciliation import Comparison, Difference, compare
from marketplace.gateways.payments import GatewayRefused, PaymentGateway
from marketplace.queries.ledger import balances
from marketplace.queries.reconciliation import booked, newest

log = structlog.get_logger()

EVERY = timedelta(hours=24)


@dataclass(frozen=True)
class Look:
    """Both books, and how much is there and owed, at about one moment."""

    comparison: Comparison
    balance_cents: int
    owed_cents: int
    currency: str

    @property
    def differences(self) -> list[Difference]:
        """The lines in which the books do not agree."""
        return self.comparison.differences

    @property
    def short_cents(self) -> int:
        """How much less is there than we hold for and owe to others."""
        return max(0, self.owed_cents - self.balance_cents)

    @property
    def is_clean(self) -> bool:
        """Whether the books agree and nothing is missing."""
        return not self.differences and not self.short_cents


def reconcile_when_due(gateway: PaymentGateway) -> int:
    """Compare once a night; gives 1 when it was done now."""
    last = newest(db.session)
    db.session.rollback()
    if last is not None and last.at > clock.now() - EVERY:
        return 0
    try:
        reconcile(gateway)
    except GatewayRefused as refusal:
        log.warning("not_reconciled", why=str(refusal))
        return 0
    return 1


def reconcile(gateway: PaymentGateway) -> Look:
    """Compare line by line, and what we owe with what is there; keeps the result. Raises GatewayRefused.

    The two books cannot be read at the same instant. So what seems to differ is looked at once more, and only what
    differs still is told: money that moved between the two readings is in both books by then.
    """
    look = _look(gateway)
    if not look.is_clean:
        look = _both(look, _look(gateway))
    with transaction() as session:
        reconciliation.keep(
            session,
            look.comparison,
            balance_cents=look.balance_cents,
            owed_cents=look.owed_cents,
            currency=look.currency,
        )
    if not look.is_clean:
        log.error("books_differ", differences=len(look.differences), short_cents=look.short_cents)
    return look


def _look(gateway: PaymentGateway) -> Look:
    movements = list(gateway.movements())
    balance = gateway.balance()
    comparison = compare(movements, booked(db.session))
    owed = sum(
        cents
        for account, cents in balances(db.session).items()
        if account not in OURS and account != REVENUE and cents > 0
    )
    db.session.rollback()
    return Look(comparison, balance.cents, owed, balance.currency)


def _both(first: Look, second: Look) -> Look:
    """The second look, with what the first one saw too; less is missing if it was less at either of them."""
    seen = set(first.comparison.differences)
    kept = [one for one in second.comparison.differences if one in seen]
    missing = min(first.owed_cents - first.balance_cents, second.owed_cents - second.balance_cents)
    owed = second.owed_cents if missing > 0 else min(second.owed_cents, second.balance_cents)
    return replace(second, comparison=replace(second.comparison, differences=kept), owed_cents=owed)
