"""Reading payouts: what a helper is owed, what waits and why, what is on its way, what was sent and taken back."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.lifecycles import DISPUTE, PAYOUT, REVERSAL
from marketplace.domain.money import owed
from marketplace.models import Booking, Dispute, Entry, Payment, Payout, PayoutAccount, Reversal


@dataclass(frozen=True)
class Sums:
    """A helper's money with us, in cents; `owed_cents` is what the ledger says, below zero when the helper owes us."""

    owed_cents: int
    waiting_cents: int
    on_its_way_cents: int
    sent_cents: int
    taken_back_cents: int
    coming_back_cents: int

    @property
    def debt_cents(self) -> int:
        """What the helper owes us: later payouts are lowered by it."""
        return max(0, self.waiting_cents + self.on_its_way_cents - self.owed_cents - self.coming_back_cents)


@dataclass(frozen=True)
class PayoutLine:
    """A payout in the helper's list; `is_disputed`: a customer's bank asks for its money back."""

    payout: Payout
    booking: Booking
    is_disputed: bool


def account_of(session: Session, user_id: int) -> PayoutAccount | None:
    """A helper's account at the gateway, if one was opened."""
    return session.scalar(select(PayoutAccount).where(PayoutAccount.user_id == user_id))


def is_reached(session: Session, user_id: int) -> bool:
    """Whether money can reach this helper, as far as we know."""
    ready = select(PayoutAccount.id).where(PayoutAccount.user_id == user_id, PayoutAccount.is_ready)
    return session.scalar(ready) is not None


def sums_of(session: Session, helper_id: int) -> Sums:
    """A helper's money with us, in one statement: what is shared out meanwhile is seen whole or not at all."""
    account = owed(helper_id)
    moved, sent = func.coalesce(func.sum(Entry.cents), 0), func.coalesce(func.sum(Payout.cents), 0)
    back = select(func.coalesce(func.sum(Reversal.cents), 0)).join(Payout, Payout.id == Reversal.payout_id)
    came, went, *rest = (
        part.scalar_subquery()
        for part in (
            select(moved).where(Entry.to_account == account),
            select(moved).where(Entry.from_account == account),
            *(
                select(sent).where(Payout.helper_id == helper_id, Payout.state == state)
                for state in (PAYOUT.waiting, PAYOUT.sending, PAYOUT.sent)
            ),
            *(
                back.where(Payout.helper_id == helper_id, Reversal.state == state)
                for state in (REVERSAL.taken_back, REVERSAL.asked)
            ),
        )
    )
    return Sums(*map(int, session.execute(select(came - went, *rest)).one()))


def of_helper(session: Session, helper_id: int, *, limit: int, offset: int = 0) -> list[PayoutLine]:
    """A helper's payouts with their bookings, newest first."""
    rows = session.scalars(
        select(Payout)
        .where(Payout.helper_id == helper_id)
        .options(joinedload(Payout.payment).joinedload(Payment.booking).joinedload(Booking.task))
        .order_by(Payout.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    under_dispute = select(Dispute.payment_id).where(
        Dispute.state.in_(DISPUTE.befores("lose")), Dispute.payment_id.in_([row.payment_id for row in rows])
    )
    disputed = set(session.scalars(under_dispute))
    return [PayoutLine(row, row.payment.booking, row.payment_id in disputed) for row in rows]
