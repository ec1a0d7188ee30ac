"""The gateway's messages: in any order, lost and sent again, late; what is forged is tried in `tests/jobs/test_notices.py`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.db import db
from marketplace.gateways import Gateways
from marketplace.gateways.payments import Endpoint
from marketplace.gateways.payments.sandbox.delivery import WEBHOOK_PATHS
from marketplace.jobs.payments import open_account
from marketplace.models import SandboxEvent, User
from tests.bench.money_town import Facts, Town, asking, end_state

# What happens to one booking at the gateway while none of its messages arrives.
FIVE = (
    "checkout.session.completed",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
    "account.updated",
)


@dataclass(frozen=True)
class Message:
    """A message as it lies at the gateway."""

    kind: str
    endpoint: Endpoint
    body: str


def messages(kinds: Sequence[str] = ()) -> list[Message]:
    """Every message told so far, or the newest one of each of these kinds, in their order."""
    rows = db.session.scalars(select(SandboxEvent).order_by(SandboxEvent.id)).all()
    told = [Message(row.kind, row.endpoint, row.body) for row in rows]  # type: ignore[arg-type]
    db.session.rollback()
    newest = {one.kind: one for one in told}
    return [newest[kind] for kind in kinds] if kinds else told


@contextmanager
def eventful(app: Flask) -> Iterator[Town]:
    """A town in which five things have happened to one booking at the gateway, and nobody has told us."""
    usual: Gateways = app.extensions["gateways"]
    with clock.moved_to(clock.now().replace(hour=12, minute=0)):
        town = Town(app)
        app.extensions["gateways"] = town.doors
        town.hears = False
        try:
            _let_happen(town)
            yield town
        finally:
            app.extensions["gateways"] = usual


def _let_happen(town: Town) -> None:
    visit = town.visit()
    with asking(User, town.helper) as user:
        account = open_account(user, town.doors, country="CH")
    before = [visit.accept, visit.pay, visit.set_out, visit.start, visit.finish, visit.ask_extra, visit.open_page]
    for step in [*before, visit.sign_off, lambda: visit.refund(500), town.work]:
        step()
    visit.pay_late()
    visit.finish_refund(done=False)
    visit.dispute()
    visit.end_dispute(won=True)
    town.sandbox.onboard(account)


def in_order(app: Flask, order: Sequence[str]) -> tuple[Facts, list[str], list[int]]:
    """Let the five messages arrive in this order; gives the end, what is wrong with it, and what we answered."""
    with eventful(app) as town:
        answers = [_send(town, one) for one in messages(order)]
        for hop in (1, 5, 20, 61):
            town.wait(minutes=hop)
        return end_state(db.session), town.faults(), answers


def again_after(town: Town, days: int) -> list[str]:
    """Let every message arrive once more after so many days; gives what differs from those days without it."""
    town.wait(days=days)
    before = end_state(db.session)
    town.sandbox.redeliver()
    town.work()
    return [*before.differences(end_state(db.session)), *town.faults()]


def _send(town: Town, message: Message) -> int:
    signed = town.sandbox.signed(message.body, message.endpoint)
    return town.send(WEBHOOK_PATHS[message.endpoint], message.body.encode(), signed)
