"""Telling people and sending things out: rows written in the transaction that decided it, delivered by the worker afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import insert_into
from marketplace.domain.notices import NOTICES
from marketplace.models import Notice, OutboxItem, User
from marketplace.models.outbox import CHANNELS

# Written straight into the tables: nearly every verb tells somebody something, and none holds the rows.
_NOTICE, _MAIL = insert_into(Notice), insert_into(OutboxItem)


@dataclass(frozen=True)
class Lease:
    """One delivery as a worker took it: what it comes to is marked only as long as nobody has made it due anew."""

    item_id: int
    channel: str
    attempt: int
    until: datetime


def tell(session: Session, user_id: int, kind: str, **facts: Any) -> None:
    """Tell a person something: a line on the notices page, and a mail. `facts` are ids and figures."""
    if kind not in NOTICES:
        raise KeyError(f"{kind} is not in domain/notices.py")
    now = clock.now()
    about = {"user_id": user_id, "kind": kind, "facts": facts}
    session.execute(_NOTICE, {**about, "at": now})
    session.execute(_MAIL, {**about, "channel": "mail", "created_at": now, "due_at": now})


def write_to(session: Session, address: str, subject: str, body: str) -> None:
    """Send a finished mail to an address (what Flask-Security writes); its text is emptied once delivered."""
    now = clock.now()
    session.add(
        OutboxItem(
            channel="mail", kind="account", address=address, subject=subject, body=body, created_at=now, due_at=now
        )
    )


def ask(session: Session, channel: str, row_id: int) -> None:
    """Have the worker ask the gateway for a refund, payout or reversal of ours: one row, however often it is asked."""
    now = clock.now()
    key = f"{channel}-{row_id}"
    asked = session.execute(
        update(OutboxItem)
        .where(OutboxItem.key == key)
        .values(due_at=now, attempts=0, leased_until=None, delivered_at=None, error=None)
        .execution_options(synchronize_session=False)
    )
    if not asked.rowcount:  # type: ignore[attr-defined]
        session.add(
            OutboxItem(channel=channel, kind=channel, facts={"id": row_id}, key=key, created_at=now, due_at=now)
        )


def hurry(session: Session, channel: str, row_ids: Iterable[int]) -> None:
    """Have the worker try these again now instead of later.

    What a worker has in hand meanwhile was begun without knowing why it is due now: its lease ends with that.
    """
    keys = [f"{channel}-{row_id}" for row_id in row_ids]
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.key.in_(keys), OutboxItem.delivered_at.is_(None))
        .values(due_at=clock.now(), leased_until=None)
        .execution_options(synchronize_session=False)
    )


def read_up_to(session: Session, last_id: int, *, by: User) -> None:
    """Mark this person's notices up to the one with this id as read."""
    session.execute(
        update(Notice)
        .where(Notice.user_id == by.id, Notice.read_at.is_(None), Notice.id <= last_id)
        .values(read_at=clock.now())
    )


def close_the_past(session: Session, *, before: datetime) -> None:
    """For the demo: mails that wait are marked as delivered without delivering them, notices older than `before` as read."""
    waiting = OutboxItem.channel == "mail", OutboxItem.delivered_at.is_(None)
    session.execute(
        update(OutboxItem)
        .where(*waiting)
        .values(delivered_at=clock.now(), body=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Notice)
        .where(Notice.at < before, Notice.read_at.is_(None))
        .values(read_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def lease(
    session: Session,
    *,
    limit: int = 20,
    hold: timedelta = timedelta(seconds=30),
    channels: tuple[str, ...] = CHANNELS,
) -> list[OutboxItem]:
    """Take up to `limit` due deliveries of these channels for a while; what a killed worker held comes free again by itself.

    Nothing may be stuck for a minute, and whoever is slower than `hold` is at worst repeated under the same key.
    """
    now = clock.now()
    due = (
        select(OutboxItem.id)
        .where(
            OutboxItem.channel.in_(channels),
            OutboxItem.due_at <= now,
            OutboxItem.delivered_at.is_(None),
            OutboxItem.given_up_at.is_(None),
            func.coalesce(OutboxItem.leased_until, datetime.min.replace(tzinfo=now.tzinfo)) <= now,
        )
        .order_by(OutboxItem.id)  # what was decided first leaves first: a payout before the refund that came after it
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(due).all()
    if not ids:
        return []
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id.in_(ids))
        .values(leased_until=now + hold, attempts=OutboxItem.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    return list(session.scalars(select(OutboxItem).where(OutboxItem.id.in_(ids)).order_by(OutboxItem.id)))


def mark_delivered(session: Session, item_id: int, *, attempt: int) -> None:
    """Close the delivery that succeeded at this attempt and empty a text that was kept only for it.

    What was asked for anew meanwhile counts its attempts anew, and stays due.
    """
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item_id, OutboxItem.attempts == attempt)
        .values(delivered_at=clock.now(), leased_until=None, body=None, error=None)
    )


def mark_failed(
    session: Session, held: Lease, error: str, *, attempts_max: int = 8, pause: timedelta | None = None
) -> bool:
    """Put a delivery back for later (1, 2, 4 ... minutes, or `pause`); a mail is given up after the last attempt, money never.

    False when the lease has ended: what was made due again, or taken by another worker meanwhile, stays as it is.
    """
    now = clock.now()
    pause = pause or timedelta(minutes=min(60, 2 ** min(held.attempt - 1, 10)))
    last = held.channel == "mail" and held.attempt >= attempts_max
    marked = session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == held.item_id, OutboxItem.attempts == held.attempt)
        .where(OutboxItem.leased_until == held.until, OutboxItem.delivered_at.is_(None))
        .values(
            leased_until=None,
            error=error[:300],
            due_at=now + pause,
            given_up_at=now if last else None,
        )
    )
    return bool(marked.rowcount)  # type: ignore[attr-defined]
