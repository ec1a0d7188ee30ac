"""Reconciliation: the gateway's own books against our ledger, every night and on demand."""

from datetime import timedelta

import structlog

from marketplace import clock
from marketplace.actions import reconciliation
from marketplace.db import db, transaction
from marketplace.domain.money import OURS, REVENUE
from marketplace.domain.reconciliation import Comparison, compare
from marketplace.gateways.payments import GatewayRefused, PaymentGateway
from marketplace.queries.ledger import balances
from marketplace.queries.reconciliation import booked, newest

log = structlog.get_logger()

EVERY = timedelta(hours=24)


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


def reconcile(gateway: PaymentGateway) -> Comparison:
    """Compare line by line, and what we owe with what is there; keeps the result. Raises GatewayRefused.

    The gateway is read first: what it did meanwhile is in our ledger a moment later, and in the next comparison.
    """
    movements = list(gateway.movements())
    balance = gateway.balance()
    comparison = compare(movements, booked(db.session))
    owed = sum(
        cents
        for account, cents in balances(db.session).items()
        if account not in OURS and account != REVENUE and cents > 0
    )
    db.session.rollback()
    with transaction() as session:
        reconciliation.keep(
            session, comparison, balance_cents=balance.cents, owed_cents=owed, currency=balance.currency
        )
    if comparison.differences:
        log.error("books_differ", differences=len(comparison.differences))
    return comparison
