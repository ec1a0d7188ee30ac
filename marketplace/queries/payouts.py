"""Reading payouts: what a helper is owed, what waits and why, what is on its way, what was sent and taken back."""

from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
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
    """A helper's money with us, in three statements."""
    account = owed(helper_id)
    came = func.coalesce(func.sum(Entry.cents).filter(Entry.to_account == account), 0)
    went = func.coalesce(func.sum(Entry.cents).filter(Entry.from_account == account), 0)
    either = or_(Entry.to_account == account, Entry.from_account == account)
    balance = session.execute(select(came - went).where(either)).scalar_one()
    payouts = _by_state(
        session,
        select(Payout.state, func.sum(Payout.cents)).where(Payout.helper_id == helper_id).group_by(Payout.state),
    )
    reversals = _by_state(
        session,
        select(Reversal.state, func.sum(Reversal.cents))
        .join(Payout, Payout.id == Reversal.payout_id)
        .where(Payout.helper_id == helper_id)
        .group_by(Reversal.state),
    )
    return Sums(
        owed_cents=int(balance or 0),
        waiting_cents=payouts.get(PAYOUT.waiting, 0),
        on_its_way_cents=payouts.get(PAYOUT.sending, 0),
        sent_cents=payouts.get(PAYOUT.sent, 0),
        taken_back_cents=reversals.get(REVERSAL.taken_back, 0),
        coming_back_cents=reversals.get(REVERSAL.asked, 0),
    )


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


def _by_state(session: Session, statement: Select[tuple[str, int]]) -> dict[str, int]:
    return {state: int(cents) for state, cents in session.execute(statement)}
