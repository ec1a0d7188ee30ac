"""Delivering the outbox: lease, hand over, mark. Killing the worker at any instant loses nothing.

A mail handed over just before a kill goes out again under the same Message-ID; everything else is handed over with a key that
makes the repeat harmless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import select

from marketplace.actions import outbox
from marketplace.db import db, transaction
from marketplace.domain.errors import DomainError
from marketplace.gateways import Gateways
from marketplace.gateways.mail import Letter, Mail, MailRefused
from marketplace.gateways.payments import GatewayRefused
from marketplace.jobs.payments import NotYet, deliver_payout, deliver_refund, deliver_reversal
from marketplace.models import OutboxItem, User
from marketplace.models.outbox import CHANNELS

log = structlog.get_logger()

# Makes the words of a mail out of its kind, reader and facts. The web floor gives it, since templates live there.
Words = Callable[[str, User, dict[str, Any]], Letter]


WAIT = timedelta(days=7)  # for what is made due again by itself; the worker only looks whether that was missed
MONEY = {"refund": deliver_refund, "payout": deliver_payout, "reversal": deliver_reversal}


@dataclass(frozen=True)
class Delivered:
    """How a round of deliveries went."""

    delivered: int
    not_delivered: int


def deliver_due(
    gateways: Gateways, words: Words, *, limit: int = 20, channels: tuple[str, ...] = CHANNELS
) -> Delivered:
    """Deliver what is due of these channels, at most `limit`; each is leased by itself, so that a kill holds up only that one."""
    delivered = tried = 0
    while tried < limit and (held := _leased(channels)) is not None:
        tried += 1
        try:
            _hand_over(db.session.get_one(OutboxItem, held.item_id), gateways, words)
        except Exception as problem:  # also a mail that cannot be written: it must not hold up those behind it
            if not isinstance(problem, MailRefused | GatewayRefused | DomainError):
                log.exception("not_delivered", outbox_id=held.item_id)
            with transaction() as session:
                why = f"{type(problem).__name__}: {problem}"
                pause = WAIT if isinstance(problem, NotYet) else None
                outbox.mark_failed(session, held, why, pause=pause)
        else:
            with transaction() as session:
                outbox.mark_delivered(session, held.item_id, attempt=held.attempt)
            delivered += 1
    return Delivered(delivered, tried - delivered)


def _leased(channels: tuple[str, ...]) -> outbox.Lease | None:
    """The next delivery that is due, leased; None when nothing is."""
    with transaction() as session:
        for item in outbox.lease(session, limit=1, channels=channels):
            return outbox.Lease(item.id, item.channel, item.attempts, cast(datetime, item.leased_until))
    return None


def _hand_over(item: OutboxItem, gateways: Gateways, words: Words) -> None:
    """Give one delivery to its gateway; raises what the gateway raises."""
    if item.channel in MONEY:
        MONEY[item.channel](item.facts, gateways)
        return
    mail = _written(item, words)
    db.session.rollback()  # nothing stays open while we talk to the outside
    if mail is not None:
        gateways.post.deliver(mail)


def _written(item: OutboxItem, words: Words) -> Mail | None:
    """The mail of an outbox row; None when its reader is gone."""
    key = f"outbox-{item.id}"
    if item.address is not None:
        return Mail(item.address, item.subject or "", item.body or "", key)
    reader = db.session.scalar(select(User).where(User.id == item.user_id))
    if reader is None:
        return None
    letter = words(item.kind, reader, item.facts)
    return Mail(reader.email, letter.subject, letter.body, key, letter.enclosed)
