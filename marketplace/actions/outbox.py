"""Telling people and sending things out: rows written in the transaction that decided it, delivered by the worker afterwards."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import insert_into
from marketplace.domain.notices import NOTICES
from marketplace.models import Notice, OutboxItem, User

# Written straight into the tables: nearly every verb tells somebody something, and none holds the rows.
_NOTICE, _MAIL = insert_into(Notice), insert_into(OutboxItem)


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


def ask_refund(session: Session, *, payment_id: int, cents: int, key: str) -> None:
    """Have the worker ask the gateway for a refund; the key makes a second row for the same fact impossible."""
    now = clock.now()
    facts = {"payment_id": payment_id, "cents": cents, "key": key}
    session.add(OutboxItem(channel="refund", kind="refund", facts=facts, key=key, created_at=now, due_at=now))


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


def lease(session: Session, *, limit: int = 20, hold: timedelta = timedelta(minutes=2)) -> list[OutboxItem]:
    """Take up to `limit` due deliveries for a while; what a killed worker held comes free again by itself."""
    now = clock.now()
    due = (
        select(OutboxItem.id)
        .where(
            OutboxItem.due_at <= now,
            OutboxItem.delivered_at.is_(None),
            OutboxItem.given_up_at.is_(None),
            func.coalesce(OutboxItem.leased_until, datetime.min.replace(tzinfo=now.tzinfo)) <= now,
        )
        .order_by(OutboxItem.due_at, OutboxItem.id)
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


def mark_delivered(session: Session, item_id: int) -> None:
    """Close a delivery and empty a text that was kept only for it."""
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item_id)
        .values(delivered_at=clock.now(), leased_until=None, body=None, error=None)
    )


def mark_failed(session: Session, item: OutboxItem, error: str, *, attempts_max: int = 8) -> None:
    """Put a delivery back for later (1, 2, 4 ... minutes), or give it up after the last attempt."""
    now = clock.now()
    last = item.attempts >= attempts_max
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item.id)
        .values(
            leased_until=None,
            error=error[:300],
            due_at=now + timedelta(minutes=2 ** (item.attempts - 1)),
            given_up_at=now if last else None,
        )
    )
