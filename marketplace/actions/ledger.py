"""Writing the ledger: one posting per business fact, once; nothing in it is ever changed."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.models import Entry, Posting

Moved = tuple[str, str, int]  # from, to, cents


def post(
    session: Session,
    kind: str,
    key: int | str,
    *moves: Moved,
    currency: str,
    booking_id: int | None,
    reference: str | None = None,
) -> bool:
    """Write one fact: each move takes cents from one account to another (a negative amount goes the other way).

    `reference` is the gateway's name for what moved money there, by which its books are compared with ours.

    False when this fact stands there already, and nothing is written. A fact that moves nothing is none.
    """
    moves = tuple(
        (source, goal, cents) if cents > 0 else (goal, source, -cents) for source, goal, cents in moves if cents
    )
    if not moves:
        return False
    posting = Posting(kind=kind, key=str(key), booking_id=booking_id, reference=reference, at=clock.now())
    try:
        with session.begin_nested():
            session.add(posting)
            session.flush()
    except IntegrityError:
        return False
    session.add_all(
        Entry(posting_id=posting.id, from_account=source, to_account=goal, cents=cents, currency=currency)
        for source, goal, cents in moves
    )
    session.flush()
    return True
