"""Writing refunds: asked of the gateway by the worker, and what the gateway says of them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, ledger, outbox
from marketplace.db import move
from marketplace.domain.errors import N_, NotAllowed
from marketplace.domain.gateway import RefundFact
from marketplace.domain.lifecycles import DISPUTE, REFUND
from marketplace.domain.money import GATEWAY, LOSSES, REFUNDS
from marketplace.models import Booking, Dispute, Payment, Refund, Settlement, User
from marketplace.permissions import may_move_money

CHANNEL = "refund"
CHARGED_BACK = "charge_disputed"  # the gateway's word: the customer's bank has this money already


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


def record(session: Session, refund_id: int, fact: RefundFact, *, tried: int) -> None:
    """Book what the gateway says of a refund's try with this number; safe to run again, and only forward.

    The money leaves the gateway when the refund is made there, also while the bank still works on it; one that fails has
    left and come back. What is said of an older try was booked when that one failed.
    """
    refund = _locked(session, refund_id)
    if refund.tries != tried:
        return
    if refund.reference is None:
        refund.reference = fact.reference
        session.flush()
    if refund.state in REFUND.befores("give"):
        move(session, Refund, refund.id, REFUND, "give", given_at=clock.now())
        _post(session, refund, "refund_given", (REFUNDS, GATEWAY, refund.cents))
        journal.record(session, "refund_given", refund, by=None, facts={"cents": refund.cents})
    if fact.outcome == "failed":
        _fail(session, refund, fact.reason or "failed")


def deny(session: Session, refund_id: int, why: str, *, tried: int) -> None:
    """The gateway has surely not made this try; the operator sees it and may ask again."""
    refund = _locked(session, refund_id)
    if refund.tries == tried and refund.reference is None:
        _fail(session, refund, why)


def ask_again(session: Session, refund: Refund, *, by: User) -> None:
    """The operator asks for a failed refund once more, under a new key. Raises NotAllowed, WrongState."""
    booking = session.get_one(Booking, session.get_one(Payment, refund.payment_id).booking_id)
    if not may_move_money(by, booking):
        raise NotAllowed(N_("A moderator decides, and never about a visit of their own."))
    tries = _locked(session, refund.id).tries + 1
    move(session, Refund, refund.id, REFUND, "ask_again", tries=tries, reference=None, failure=None)
    journal.record(session, "refund_asked_again", refund, by=by, facts={"cents": refund.cents})
    outbox.ask(session, CHANNEL, refund.id)


def drop_charged_back(session: Session, payment: Payment) -> None:
    """The customer's bank has taken the money back for good: what we could not give back for that reason, we owe no more."""
    rows = select(Refund).where(
        Refund.payment_id == payment.id, Refund.state.in_(REFUND.befores("drop")), Refund.failure == CHARGED_BACK
    )
    for refund in session.scalars(rows.order_by(Refund.id).with_for_update(of=Refund, key_share=True)).all():
        _drop(session, refund)


def _fail(session: Session, refund: Refund, why: str) -> None:
    """The money could not reach the customer; what had left the gateway is there again, and stays owed to the customer."""
    if refund.state not in REFUND.befores("fail"):
        return
    had_left = refund.state == REFUND.given
    move(session, Refund, refund.id, REFUND, "fail", failure=why[:80], given_at=None)
    if had_left:
        _post(session, refund, "refund_failed", (GATEWAY, REFUNDS, refund.cents))
    journal.record(session, "refund_failed", refund, by=None, facts={"cents": refund.cents})
    lost = select(Dispute.id).where(Dispute.payment_id == refund.payment_id, Dispute.state == DISPUTE.lost)
    if refund.failure == CHARGED_BACK and session.scalar(lost.limit(1)) is not None:
        _drop(session, refund)


def _drop(session: Session, refund: Refund) -> None:
    """What was lost to the bank is no loss as far as the customer was to get it anyway."""
    move(session, Refund, refund.id, REFUND, "drop")
    _post(session, refund, "refund_dropped", (REFUNDS, LOSSES, refund.cents))
    journal.record(session, "refund_dropped", refund, by=None, facts={"cents": refund.cents})


def _locked(session: Session, refund_id: int) -> Refund:
    """The refund as it stands now; nobody else changes it meanwhile, or ends a dispute about its payment."""
    whose = select(Payment.id).join(Refund, Refund.payment_id == Payment.id).where(Refund.id == refund_id)
    session.execute(whose.with_for_update(of=Payment, key_share=True))
    mine = select(Refund).where(Refund.id == refund_id).with_for_update(of=Refund, key_share=True)
    return session.scalars(mine.execution_options(populate_existing=True)).one()


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
