"""Writing disputes: a customer's bank takes money back, we answer, and the bank decides."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, ledger, outbox, payouts, refunds
from marketplace.db import move
from marketplace.domain.errors import NotFound
from marketplace.domain.gateway import DisputeFact
from marketplace.domain.lifecycles import DISPUTE, PAYOUT
from marketplace.domain.money import DISPUTES, FEES, GATEWAY, LOSSES
from marketplace.models import Dispute, Payment, Payout, Role, User

ENDINGS = {
    DISPUTE.answered: "answer",
    DISPUTE.won: "win",
    DISPUTE.lost: "lose",
}  # what the gateway says is called as we do


def record(session: Session, fact: DisputeFact) -> Dispute:
    """Book what the gateway says of a dispute: opened, answered, won or lost. Safe to run again; only forward.

    Raises NotFound when the money is none of ours.
    """
    mine = select(Payment).where(Payment.intent == fact.intent).with_for_update(of=Payment, key_share=True)
    payment = session.scalar(mine.execution_options(populate_existing=True))
    if payment is None:
        raise NotFound()
    dispute = session.scalar(select(Dispute).where(Dispute.reference == fact.reference))
    if dispute is None:
        dispute = _open(session, payment, fact)
    if dispute.taken_at is None and not fact.is_inquiry:
        _take(session, payment, dispute, fact)
    action = ENDINGS.get(fact.outcome)
    if action is not None and dispute.state in DISPUTE.befores(action):
        _end(session, payment, dispute, action)
    return dispute


def _open(session: Session, payment: Payment, fact: DisputeFact) -> Dispute:
    """The bank asks; the moderators are told."""
    dispute = Dispute(
        payment_id=payment.id,
        reference=fact.reference,
        reason=fact.reason[:60],
        cents=fact.amount_cents,
        fee_cents=fact.fee_cents,
        currency=fact.currency,
        due_at=fact.due_at,
        opened_at=clock.now(),
    )
    session.add(dispute)
    session.flush()
    journal.record(session, "dispute_opened", dispute, by=None, facts={"cents": fact.amount_cents})
    for moderator in session.scalars(select(User.id).join(User.roles).where(Role.name != "agent").distinct()):
        outbox.tell(session, moderator, "dispute_opened", booking_id=payment.booking_id, cents=fact.amount_cents)
    return dispute


def _take(session: Session, payment: Payment, dispute: Dispute, fact: DisputeFact) -> None:
    """The bank has taken the amount and its fee from our balance, at once or after an inquiry, which begins anew then."""
    taken = {"taken_at": clock.now(), "cents": fact.amount_cents, "fee_cents": fact.fee_cents, "due_at": fact.due_at}
    move(session, Dispute, dispute.id, DISPUTE, "escalate", ended_at=None, **taken)
    moved = ((DISPUTES, GATEWAY, fact.amount_cents), (FEES, GATEWAY, fact.fee_cents))
    _post(session, payment, dispute, "dispute_opened", *moved)


def _end(session: Session, payment: Payment, dispute: Dispute, action: str) -> None:
    ended = action != "answer"
    move(session, Dispute, dispute.id, DISPUTE, action, ended_at=clock.now() if ended else None)
    if action == "win" and dispute.taken_at:
        _post(session, payment, dispute, "dispute_won", (GATEWAY, DISPUTES, dispute.cents))
    if action == "lose" and dispute.taken_at:
        _post(session, payment, dispute, "dispute_lost", (LOSSES, DISPUTES, dispute.cents))
        refunds.drop_charged_back(session, payment)
    if ended:  # what waited for the bank's decision may go on
        waiting = select(Payout.id).where(Payout.payment_id == payment.id, Payout.state == PAYOUT.waiting)
        outbox.hurry(session, payouts.PAYOUT_CHANNEL, session.scalars(waiting))
    journal.record(session, f"dispute_{dispute.state}", dispute, by=None, facts={"cents": dispute.cents})


def _post(session: Session, payment: Payment, dispute: Dispute, kind: str, *moves: ledger.Moved) -> None:
    ledger.post(
        session,
        kind,
        dispute.id,
        *moves,
        currency=dispute.currency,
        booking_id=payment.booking_id,
        reference=dispute.reference,
    )
