"""Messages of the gateway over HTTP: with real signatures, and with every one that is not."""

import json
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from itertools import permutations
from time import process_time
from typing import Any

import pytest
import stripe
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import db, transaction
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments import Endpoint
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.gateways.payments.sandbox.delivery import WEBHOOK_PATHS
from marketplace.jobs.payments import open_account, open_page
from marketplace.models import (
    Bid,
    Booking,
    Entry,
    GatewayEvent,
    OutboxItem,
    Payment,
    Payout,
    PayoutAccount,
    SandboxEvent,
    Task,
    User,
)
from marketplace.queries.ledger import ledger_faults
from tests.factories import make_bid, make_done_booking, make_helper, make_task

PLATFORM, CONNECT = WEBHOOK_PATHS["platform"], WEBHOOK_PATHS["connect"]


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


@pytest.fixture
def send(app: Flask) -> Callable[[str, bytes, Mapping[str, str]], int]:
    """The gateway's side of the line; what was answered last stands in `send.said`."""

    def sent(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        db.session.commit()
        response = Context().run(app.test_client().post, path, data=body, headers=dict(headers))
        db.session.rollback()
        sent.said = response.get_data(as_text=True)  # type: ignore[attr-defined]
        sent.cookies = response.headers.getlist("Set-Cookie")  # type: ignore[attr-defined]
        return response.status_code

    return sent


@dataclass
class Paid:
    """A payment whose customer has paid and never came back, and what the gateway tells of it."""

    payment_id: int
    events: list[SandboxEvent]

    def named(self, kind: str) -> SandboxEvent:
        return next(event for event in self.events if event.kind == kind)


def accepted(session: Session) -> Payment:
    bid = make_bid(session, make_task(session))
    customer = session.get_one(Task, bid.task_id).customer_id
    with transaction() as rows:
        facts = {"address": "Rosenweg 3", "phone": "+41791234567", "terms": 1, "policy": Policy()}
        payments.accept_bid(rows, rows.get_one(Bid, bid.id), by=rows.get_one(User, customer), **facts)
    return session.scalars(select(Payment).order_by(Payment.id.desc()).limit(1)).one()


@pytest.fixture
def paid(session: Session, doors: Gateways) -> Paid:
    payment_id = accepted(session).id
    reference = open_page(payment_id, doors).rpartition("/")[2]
    doors.sandbox.pay(reference, DECLINED_CARD)
    doors.sandbox.pay(reference, GOOD_CARD)
    events = list(session.scalars(select(SandboxEvent).order_by(SandboxEvent.id)))
    session.expunge_all()
    return Paid(payment_id, events)


def signed(doors: Gateways, event: SandboxEvent) -> tuple[str, bytes, Mapping[str, str]]:
    """An event as it arrives."""
    endpoint: Endpoint = "connect" if event.endpoint == "connect" else "platform"
    return WEBHOOK_PATHS[endpoint], event.body.encode(), doors.sandbox.signed(event.body, endpoint)


def state_of(session: Session, payment_id: int) -> tuple[str, str]:
    session.expire_all()
    payment = session.get_one(Payment, payment_id)
    return payment.state, session.get_one(Booking, payment.booking_id).state


def events_kept(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(GatewayEvent)) or 0


# ---- What the gateway really sends


def test_who_paid_and_never_came_back_has_the_visit(session: Session, doors: Gateways, paid: Paid, send: Any) -> None:
    """The worker's delivery, over our own endpoint."""
    assert doors.sandbox.deliver(send) == len(paid.events) > 2
    assert state_of(session, paid.payment_id) == ("held", "confirmed")
    assert doors.sandbox.waiting() == 0
    assert doors.sandbox.deliver(send) == 0
    assert ledger_faults(session) == []


def test_a_helpers_account_becomes_ready_and_what_waits_is_hurried(
    session: Session, doors: Gateways, send: Any
) -> None:
    helper = make_helper(session)
    make_done_booking(session, helper=helper)
    later = clock.now() + timedelta(hours=1)
    waits = session.scalars(select(Payout.id)).one()
    asked = {"channel": "payout", "kind": "payout", "facts": {"id": waits}, "key": f"payout-{waits}"}
    session.add(OutboxItem(**asked, created_at=clock.now(), due_at=later))
    session.commit()
    account = open_account(helper, doors, country="CH")
    doors.sandbox.onboard(account)
    doors.sandbox.deliver(send)
    assert session.scalars(select(PayoutAccount.is_ready)).one()
    assert session.scalars(select(OutboxItem.due_at).where(OutboxItem.channel == "payout")).one() < later


def test_a_message_is_worked_off_once(session: Session, doors: Gateways, paid: Paid, send: Any) -> None:
    event = paid.named("checkout.session.completed")
    assert [send(*signed(doors, event)), send.said] == [200, "done"]
    entries = session.scalar(select(func.count(Entry.id)))
    for _ in range(3):
        assert [send(*signed(doors, event)), send.said] == [200, "nothing to do"]
    assert events_kept(session) == 1
    assert session.scalar(select(func.count(Entry.id))) == entries
    assert send.cookies == []


def test_every_order_comes_to_the_same_end(session: Session, doors: Gateways, paid: Paid, send: Any) -> None:
    """Old news first, last, in between, and each one twice."""
    orders = list(permutations(paid.events))
    for order in orders[:: max(1, len(orders) // 12)]:
        for event in (*order, *reversed(order)):
            assert send(*signed(doors, event)) == 200
        assert state_of(session, paid.payment_id) == ("held", "confirmed")
    assert ledger_faults(session) == []


# ---- What is not believed


def header(doors: Gateways, body: str, *, endpoint: Endpoint = "platform", at: int | None = None) -> str:
    return str(stripe.WebhookSignature.generate_signature_header(body, doors.sandbox.secrets[endpoint], timestamp=at))


def _forgeries(doors: Gateways, body: str) -> dict[str, tuple[str, bytes, str]]:
    good, now = header(doors, body), int(time.time())
    return {
        "no signature": (PLATFORM, body.encode(), ""),
        "nonsense": (PLATFORM, body.encode(), "sign me"),
        "a made-up one": (PLATFORM, body.encode(), f"t={now},v1={'0' * 64}"),
        "of the other endpoint": (PLATFORM, body.encode(), header(doors, body, endpoint="connect")),
        "sent to the other endpoint": (CONNECT, body.encode(), good),
        "changed on the way": (PLATFORM, body.replace("}", "} ", 1).encode(), good),
        "signed for another time": (PLATFORM, body.encode(), good.replace(f"t={good[2:12]}", f"t={now + 1000}")),
        "stale": (PLATFORM, body.encode(), header(doors, body, at=now - 301)),
        "only an older scheme": (PLATFORM, body.encode(), good.replace("v1=", "v0=")),
        "of another secret": (
            PLATFORM,
            body.encode(),
            str(stripe.WebhookSignature.generate_signature_header(body, "whsec_" + "1" * 40)),
        ),
        "not even JSON": (PLATFORM, b"{", header(doors, "{")),
        "of no shape": (PLATFORM, b"[]", header(doors, "[]")),
        "blank": (PLATFORM, b" ", header(doors, " ")),
        "not text": (PLATFORM, b"\xff\xfe\x00", good),
    }


FORGERIES = (
    *("no signature", "nonsense", "a made-up one", "of the other endpoint", "sent to the other endpoint"),
    *("changed on the way", "signed for another time", "stale", "only an older scheme", "of another secret"),
    *("not even JSON", "of no shape", "blank", "not text"),
)


@pytest.mark.parametrize("which", FORGERIES)
def test_what_is_not_signed_by_the_gateway_is_refused(
    session: Session, doors: Gateways, paid: Paid, send: Any, which: str
) -> None:
    event = paid.named("checkout.session.completed")
    path, body, signature = _forgeries(doors, event.body)[which]
    assert send(path, body, {"Stripe-Signature": signature, "Content-Type": "application/json"}) == 400
    assert events_kept(session) == 0
    assert state_of(session, paid.payment_id) == ("prepared", "reserved")
    assert send(*signed(doors, event)) == 200  # and the real one is taken
    assert state_of(session, paid.payment_id) == ("held", "confirmed")


def test_the_list_of_forgeries_is_whole(doors: Gateways, figure: Callable[[str, int], None]) -> None:
    assert set(FORGERIES) == set(_forgeries(doors, "{}"))
    figure("kinds of forged, changed or stale messages of the gateway refused", len(FORGERIES))


def test_a_message_that_is_too_long_is_not_read(doors: Gateways, send: Any, app: Flask) -> None:
    body = json.dumps({"padding": "x" * 600_000})
    assert send(PLATFORM, body.encode(), doors.sandbox.signed(body, "platform")) == 413
    endless = {"Transfer-Encoding": "chunked"}  # nobody says beforehand how long it is
    assert app.test_client().post(PLATFORM, headers=endless, input_stream=BytesIO(b"{}")).status_code == 413


@pytest.mark.parametrize("path", [PLATFORM, CONNECT])
def test_only_messages_come_in(app: Flask, path: str) -> None:
    client = app.test_client()
    for method in ("get", "put", "delete", "patch"):
        assert getattr(client, method)(path).status_code == 405
    assert client.post(path, data={"csrf_token": "x"}).status_code == 400


# ---- What is true, and yet nothing to do, or not yet


def told(kind: str, subject: dict[str, Any], **values: Any) -> str:
    """A message such as the gateway sends, about something of ours or of nobody."""
    event = {
        "id": f"evt_{kind.replace('.', '_')}",
        "object": "event",
        "api_version": "2026-08-26.dahlia",
        "created": int(time.time()),
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **values,
    }
    return json.dumps(event)


@pytest.mark.parametrize(
    "body",
    [
        told("radar.early_fraud_warning.created", {"id": "issfr_1", "object": "radar.early_fraud_warning"}),
        told("payout.paid", {"id": "po_1", "object": "payout", "metadata": {}}),
        told("balance.available", {"object": "balance"}),
        told("transfer.created", {"id": "tr_1", "object": "transfer", "metadata": {"payout": "1:1"}}),
        told("checkout.session.completed", {"id": "cs_live_1", "object": "checkout.session"}, livemode=True),
    ],
)
def test_what_does_not_concern_us_is_taken_and_left(session: Session, doors: Gateways, send: Any, body: str) -> None:
    assert [send(PLATFORM, body.encode(), doors.sandbox.signed(body, "platform")), send.said] == [
        200,
        "nothing to do",
    ]
    assert events_kept(session) == 0


OF_NOBODY = [
    ("platform", "refund.updated", {"id": "re_1", "object": "refund", "metadata": {"refund": "77:1"}}, {}),
    ("platform", "refund.updated", {"id": "re_1", "object": "refund", "metadata": {"refund": "'; --"}}, {}),
    ("platform", "refund.updated", {"id": "re_1", "object": "refund", "metadata": None}, {}),
    ("connect", "account.updated", {"id": "acct_9", "object": "account"}, {"account": "acct_9"}),
]


@pytest.mark.parametrize("which", OF_NOBODY)
def test_a_thing_that_nobody_knows_is_asked_for_again_and_then_left(
    session: Session, doors: Gateways, send: Any, which: tuple[Endpoint, str, dict[str, Any], dict[str, Any]]
) -> None:
    """Our row may be written an instant later; after a while it is no longer expected."""
    endpoint, kind, subject, values = which
    body = told(kind, subject, **values)
    assert send(WEBHOOK_PATHS[endpoint], body.encode(), doors.sandbox.signed(body, endpoint)) == 409
    old = told(kind, subject, **values, created=int(time.time()) - 601)
    assert send(WEBHOOK_PATHS[endpoint], old.encode(), doors.sandbox.signed(old, endpoint)) == 200
    assert send.said == "nothing to do"
    assert events_kept(session) == 0


def test_a_page_opened_an_instant_ago_is_known_a_moment_later(session: Session, doors: Gateways, send: Any) -> None:
    """Killed between the gateway's answer and our writing it down: the message finds the payment by its own name."""
    payment = accepted(session)
    payment_id = payment.id
    reference = open_page(payment_id, doors).rpartition("/")[2]
    with transaction() as rows:
        rows.get_one(Payment, payment_id).checkout = None
    doors.sandbox.pay(reference, GOOD_CARD)
    doors.sandbox.deliver(send)
    assert state_of(session, payment_id) == ("held", "confirmed")


@pytest.mark.parametrize("fault", ["reset", "rate_limited", "server_error"])
def test_the_gateway_silent_means_later(session: Session, doors: Gateways, paid: Paid, send: Any, fault: Any) -> None:
    doors.sandbox.fail_next("checkout.sessions.retrieve", fault)
    event = paid.named("checkout.session.completed")
    assert [send(*signed(doors, event)), send.said] == [409, "later"]
    assert events_kept(session) == 0
    assert state_of(session, paid.payment_id) == ("prepared", "reserved")
    assert [send(*signed(doors, event)), send.said] == [200, "done"]
    assert state_of(session, paid.payment_id) == ("held", "confirmed")


def test_what_was_not_taken_is_delivered_again(session: Session, doors: Gateways, paid: Paid, send: Any) -> None:
    assert doors.sandbox.deliver(lambda *_: 500) == 0
    assert doors.sandbox.waiting() == len(paid.events)
    assert doors.sandbox.deliver(send, now=clock.now() + timedelta(minutes=1)) == len(paid.events)
    assert state_of(session, paid.payment_id) == ("held", "confirmed")


def test_it_is_answered_quickly(doors: Gateways, paid: Paid, send: Any) -> None:
    """Nothing is sent, drawn or waited for: on the average well under what a gateway is patient for."""
    event, count = paid.named("checkout.session.completed"), 20
    began = process_time()
    for _ in range(count):
        assert send(*signed(doors, event)) == 200
    assert (process_time() - began) / count < 0.5
