"""The outbox is delivered: late rather than never, once, and a delivery that fails holds up no other."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import outbox
from marketplace.db import transaction
from marketplace.gateways import Gateways
from marketplace.gateways.mail import Letter, Mail, MailRefused
from marketplace.jobs.delivery import deliver_due
from marketplace.models import OutboxItem, User
from tests.factories import make_user


@dataclass
class Postman:
    """A mail server that a test may let fail, or be killed, before or after it took the mail."""

    taken: list[Mail] = field(default_factory=list)
    before: Callable[[Mail], None] = lambda mail: None
    after: Callable[[Mail], None] = lambda mail: None

    def deliver(self, mail: Mail) -> None:
        self.before(mail)
        self.taken.append(mail)
        self.after(mail)


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def doors(app: Flask, postman: Postman) -> Gateways:
    usual = app.extensions["gateways"]
    return replace(usual, post=postman)


def words(kind: str, reader: User, facts: dict[str, Any]) -> Letter:
    """Plain words, for this test's kinds of mail."""
    return Letter(f"Mail {facts['number']}", f"Guten Tag {reader.name}\n")


def tell(session: Session, *numbers: int) -> None:
    """Put so many mails into the outbox."""
    reader = make_user(session)
    with transaction() as rows:
        for number in numbers:
            outbox.tell(rows, reader.id, "task_published", number=number)


def later(**ahead: float) -> AbstractContextManager[None]:
    return clock.moved_to(clock.now() + timedelta(**ahead))


def subjects(postman: Postman) -> list[str]:
    return [mail.subject for mail in postman.taken]


def test_what_is_due_is_delivered_once(session: Session, doors: Gateways, postman: Postman) -> None:
    tell(session, 1, 2, 3)
    assert deliver_due(doors, words, limit=2).delivered == 2
    assert deliver_due(doors, words).delivered == 1
    assert deliver_due(doors, words).delivered == 0
    assert subjects(postman) == ["Mail 1", "Mail 2", "Mail 3"]


def refuse(mail: Mail) -> None:
    raise MailRefused("come back later")


def test_a_refused_mail_is_tried_later_and_given_up_in_the_end(
    session: Session, doors: Gateways, postman: Postman
) -> None:
    tell(session, 1)
    postman.before = refuse
    assert deliver_due(doors, words).not_delivered == 1
    assert deliver_due(doors, words).not_delivered == 0, "not at once again"
    for day in range(1, 10):
        with later(days=day):
            deliver_due(doors, words)
    session.rollback()
    item = session.scalars(select(OutboxItem)).one()
    assert (item.attempts, item.given_up_at is None, item.error) == (8, False, "MailRefused: come back later")


def test_a_mail_that_cannot_be_written_holds_up_no_other(session: Session, doors: Gateways, postman: Postman) -> None:
    tell(session, 1, 2, 3)
    session.scalars(select(OutboxItem).order_by(OutboxItem.id)).first().facts = {}  # type: ignore[union-attr]
    session.commit()
    done = deliver_due(doors, words)
    assert (done.delivered, done.not_delivered) == (2, 1)
    assert subjects(postman) == ["Mail 2", "Mail 3"]
    session.rollback()
    assert session.scalars(select(OutboxItem.error).order_by(OutboxItem.id)).first() == "KeyError: 'number'"


def kill(mail: Mail) -> None:
    raise KeyboardInterrupt


def test_killed_before_handing_over_nothing_is_lost(session: Session, doors: Gateways, postman: Postman) -> None:
    tell(session, 1, 2)
    postman.before = kill
    with pytest.raises(KeyboardInterrupt):
        deliver_due(doors, words)
    postman.before = lambda mail: None
    assert deliver_due(doors, words).delivered == 1, "only the one in hand is still leased"
    with later(minutes=1):
        assert deliver_due(doors, words).delivered == 1, "and within a minute that one comes free again"
    assert subjects(postman) == ["Mail 2", "Mail 1"]


def test_killed_after_handing_over_the_repeat_is_known_by_its_key(
    session: Session, doors: Gateways, postman: Postman
) -> None:
    tell(session, 1)
    postman.after = kill
    with pytest.raises(KeyboardInterrupt):
        deliver_due(doors, words)
    postman.after = lambda mail: None
    with later(minutes=3):
        deliver_due(doors, words)
    first, again = postman.taken
    assert first == again


def test_a_text_with_a_secret_link_is_emptied_once_delivered(
    session: Session, doors: Gateways, postman: Postman
) -> None:
    with transaction() as rows:
        outbox.write_to(rows, "anna@example.org", "Ihr Link", "https://example.org/reset/abc\n")
    deliver_due(doors, words)
    assert postman.taken[0].body == "https://example.org/reset/abc\n"
    session.rollback()
    assert session.scalars(select(OutboxItem.body)).one() is None


def test_what_another_worker_took_over_is_not_put_back_by_the_first(
    session: Session, doors: Gateways, postman: Postman
) -> None:
    """A worker that hung for longer than its lease says that it failed while the next one has the mail in hand."""
    tell(session, 1)
    with transaction() as rows:
        [item] = outbox.lease(rows)
        slow = outbox.Lease(item.id, item.channel, item.attempts, clock.now() + timedelta(seconds=30))
    with later(minutes=1):
        with transaction() as rows:
            [item] = outbox.lease(rows)
            until, due_at = item.leased_until, item.due_at
        with transaction() as rows:
            assert not outbox.mark_failed(rows, slow, "too late")
    session.rollback()
    item = session.scalars(select(OutboxItem)).one()
    assert (item.attempts, item.leased_until, item.due_at, item.error) == (2, until, due_at, None)
