"""Trying again at once: money that is stuck on its way, by one of the operator's people."""

from typing import cast

from sqlalchemy.orm import Session

from marketplace.actions import journal, outbox, refunds
from marketplace.actions.payouts import PAYOUT_CHANNEL, REVERSAL_CHANNEL
from marketplace.domain.errors import NotAllowed, NotFound, WrongState
from marketplace.domain.lifecycles import PAYOUT, REFUND, REVERSAL
from marketplace.models import Booking, Payment, Payout, Refund, Reversal, User
from marketplace.permissions import may_move_money

ROWS: dict[str, type[Refund] | type[Payout] | type[Reversal]] = {
    refunds.CHANNEL: Refund,
    PAYOUT_CHANNEL: Payout,
    REVERSAL_CHANNEL: Reversal,
}
UNDER_WAY = {
    refunds.CHANNEL: REFUND.befores("give"),
    PAYOUT_CHANNEL: PAYOUT.befores("take"),
    REVERSAL_CHANNEL: REVERSAL.befores("take_back"),
}


def try_again(session: Session, channel: str, row_id: int, *, by: User) -> None:
    """Have the worker try a refund, payout or reversal now; one that failed is asked for anew.

    Raises NotFound, NotAllowed (also about a visit of one's own), WrongState when there is nothing to try.
    """
    if channel not in ROWS:
        raise NotFound()
    row = cast(Refund | Payout | Reversal | None, session.get(ROWS[channel], row_id))
    if row is None:
        raise NotFound()
    paid_out = session.get_one(Payout, row.payout_id) if isinstance(row, Reversal) else row
    booking = session.get_one(Booking, session.get_one(Payment, paid_out.payment_id).booking_id)
    if not may_move_money(by, booking):
        raise NotAllowed()
    if isinstance(row, Refund) and row.state in REFUND.befores("ask_again"):
        refunds.ask_again(session, row, by=by)
        return
    if row.state in UNDER_WAY[channel]:
        outbox.hurry(session, channel, [row.id])
        journal.record(session, "delivery_hurried", booking, by=by, facts={"cents": row.cents})
    else:
        raise WrongState()
