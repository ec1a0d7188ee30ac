"""Reading the ledger's side of the gateway's account: one line per fact that moved money there."""

from collections.abc import Iterator

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from marketplace.domain.money import FEES, GATEWAY
from marketplace.domain.reconciliation import Booked
from marketplace.models import Entry, Posting, Reconciliation

# What the gateway calls the movement that a posting writes down; its fee on a charge is a posting of its own.
MOVEMENTS = {
    "payment_held": "charge",
    "gateway_fee": "charge",
    "refund_given": "refund",
    "refund_failed": "refund_failed",
    "payout_sent": "transfer",
    "payout_taken_back": "reversal",
    "dispute_opened": "dispute",
    "dispute_won": "dispute_won",
    "bank_payout": "payout",
    "bank_payout_failed": "payout_failed",
    "bank_topup": "topup",
    "other_fee": "fee",
}


def booked(session: Session) -> Iterator[Booked]:
    """Every fact that moved money at the gateway, with the gateway's own name for what it is about; amounts in cents."""
    to_fees = or_(Entry.from_account == FEES, Entry.to_account == FEES)
    is_fee = and_(to_fees, Posting.kind != "other_fee")  # a bill of the gateway is a movement by itself
    signed = case((Entry.from_account == GATEWAY, Entry.cents), else_=-Entry.cents)
    movement = case(MOVEMENTS, value=Posting.kind, else_="other")
    fact = (movement, func.coalesce(Posting.reference, ""), Entry.currency)
    rows = session.execute(
        select(
            *fact,
            func.sum(case((is_fee, 0), else_=signed)),
            func.sum(case((is_fee, -signed), else_=0)),
            func.min(Posting.id),
            func.min(Posting.booking_id),
        )
        .join(Entry, Entry.posting_id == Posting.id)
        .where(or_(Entry.from_account == GATEWAY, Entry.to_account == GATEWAY))
        .group_by(*fact)
    )
    for kind, source, currency, amount, fee, posting_id, booking_id in rows:
        yield Booked(kind, source, int(amount), int(fee), currency, posting_id, booking_id)


def newest(session: Session) -> Reconciliation | None:
    """The last comparison with the gateway's books."""
    return session.scalar(select(Reconciliation).order_by(Reconciliation.id.desc()).limit(1))
