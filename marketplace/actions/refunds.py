"""Writing refunds: asked of the gateway by the worker, and what the gateway says of them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, ledger, outbox
from marketplace.db import move
from marketplace.domain.gateway import RefundFact
from marketplace.domain.lifecycles import REFUND
from marketplace.domain.money import GATEWAY, REFUNDS
from marketplace.models import Payment, Refund, Settlement

CHANNEL = "refund"


def ask(session: Session, payment: Payment, settlement: Settlement, cents: int) -> Refund:
    """Have the worker give so many cents of a payment back to its customer's card."""
    refund = Refund(
        payment_id=payment.id,
        settlement_id=settlement.id,
        cents=cents,
        currency=payment.currency,
        created_at=clock.now(),
    )
    session.add(refund)
    session.flush()
    outbox.ask(session, CHANNEL, refund.id)
    return refund


def record(session: Session, refund_id: int, fact: RefundFact) -> None:
    """Book what the gateway says of a refund; safe to run again, and a refund can only fail or be given, never come back."""
    refund = session.scalars(select(Refund).where(Refund.id == refund_id).with_for_update(of=Refund)).one()
    if refund.reference is None:
        refund.reference = fact.reference
    if fact.outcome == "failed":
        _fail(session, refund, fact.reason or "failed")
    elif refund.state in REFUND.befores("give"):
        move(session, Refund, refund.id, REFUND, "give", given_at=clock.now())
        _post(session, refund, "refund_given", (REFUNDS, GATEWAY, refund.cents))
        journal.record(session, "refund_given", refund, by=None, facts={"cents": refund.cents})


def deny(session: Session, refund_id: int, why: str) -> None:
    """The gateway has surely not given this refund; the operator sees it and may ask again."""
    _fail(session, session.get_one(Refund, refund_id), why)


def ask_again(session: Session, refund: Refund) -> None:
    """Ask for a failed refund once more, under a new key. Raises WrongState."""
    move(session, Refund, refund.id, REFUND, "ask_again", tries=refund.tries + 1, reference=None, failure=None)
    outbox.ask(session, CHANNEL, refund.id)


def _fail(session: Session, refund: Refund, why: str) -> None:
    """The money could not reach the customer; what had left the gateway is there again, and stays owed to the customer."""
    if refund.state not in REFUND.befores("fail"):
        return
    had_left = refund.state == REFUND.given
    move(session, Refund, refund.id, REFUND, "fail", failure=why[:80], given_at=None)
    if had_left:
        _post(session, refund, "refund_failed", (GATEWAY, REFUNDS, refund.cents))
    journal.record(session, "refund_failed", refund, by=None, facts={"cents": refund.cents})


def _post(session: Session, refund: Refund, kind: str, moved: ledger.Moved) -> None:
    booking_id = session.get_one(Payment, refund.payment_id).booking_id
    ledger.post(
        session,
        kind,
        f"{refund.id}:{refund.tries}",
        moved,
        currency=refund.currency,
        booking_id=booking_id,
        reference=refund.reference,
    )
