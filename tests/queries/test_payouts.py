"""A helper's money in figures: read at one moment, so that nothing seems to be owed to us while money is shared out."""

from sqlalchemy import event
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payouts
from marketplace.db import db, transaction
from marketplace.domain.gateway import ReversalFact, TransferFact
from marketplace.models import Payout, Reversal, User
from marketplace.queries.payouts import Sums, sums_of
from tests.factories import make_bid, make_booking, make_helper, make_task, tomorrow_at
from tests.money import payout_by, sign_off


def waiting(session: Session, helper: User, hour: int = 9) -> int:
    """A helper's share of CHF 55 that is to be paid out."""
    bid = make_bid(session, make_task(session), helper, starts_at=tomorrow_at(hour))
    return payout_by(session, sign_off(session, make_booking(session, bid))).id


def test_a_helpers_sums_are_read_in_one_statement(session: Session) -> None:
    helper = make_helper(session)
    helper_id = helper.id
    assert sums_of(session, helper_id) == Sums(0, 0, 0, 0, 0, 0)
    waiting(session, make_helper(session))  # somebody else's
    sending, sent = [waiting(session, helper, hour) for hour in (9, 12, 15)][1:]
    with transaction() as rows:
        payouts.take(rows, sending, destination="acct-1")
        payouts.take(rows, sent, destination="acct-1")
        payouts.record_sent(rows, sent, TransferFact("tr-1", f"{sent}:1", 4_950, 0, "CHF"))
    with transaction() as rows:
        payout = rows.get_one(Payout, sent)
        payout.taken_back_cents = 1_700
        both = [
            Reversal(payout_id=sent, settlement_id=payout.settlement_id, cents=cents, created_at=clock.now())
            for cents in (1_200, 500)
        ]
        rows.add_all(both)
        rows.flush()
        payouts.record_taken_back(rows, both[0].id, ReversalFact("trr-1", 1_200, "CHF"))
    sent_statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent_statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        sums = sums_of(session, helper_id)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert sums == Sums(4_950 + 4_950 + 1_200, 4_950, 4_950, 4_950, 1_200, 500)
    assert len([one for one in sent_statements if one.startswith("SELECT")]) == 1
