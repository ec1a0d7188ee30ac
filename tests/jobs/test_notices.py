"""Messages of the gateway at our own webhook: each takes effect once, in whatever order and however late it comes.

What a customer, a helper and banks do in one booking's story leaves events; they come twice, in every order, forged and stale.
"""

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import transaction
from marketplace.domain.gateway import GatewayNotice
from marketplace.gateways import Gateways
from marketplace.gateways.payments import GatewaySilent
from marketplace.gateways.payments.sandbox.cards import ALWAYS_ASKING_CARD, GOOD_CARD, SLOW_REFUND_CARD
from marketplace.gateways.payments.sandbox.delivery import WEBHOOK_PATHS
from marketplace.jobs.payments import charge_due, open_page, take_notice
from marketplace.models import (
    Booking,
    Dispute,
    GatewayEvent,
    Payment,
    Payout,
    PayoutAccount,
    Posting,
    Refund,
    Reversal,
    SandboxEvent,
    User,
)
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import make_bid, make_operator, make_task, tomorrow_at
from tests.money import (
    POLICY,
    accept,
    book,
    done,
    hand_over,
    later,
    onboard,
    page_of,
    pay,
    payment_by,
    payout_by,
    sandbox_of,
    sign_off,
    through,
)


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


def events(session: Session) -> list[SandboxEvent]:
    return list(session.scalars(select(SandboxEvent).order_by(SandboxEvent.id)))


def send(app: Flask, doors: Gateways, event: SandboxEvent) -> int:
    """Deliver an event, signed now."""
    path = WEBHOOK_PATHS[event.endpoint]  # type: ignore[index]
    body, headers = event.body, sandbox_of(doors).signed(event.body, event.endpoint)  # type: ignore[arg-type]
    return through(app)(path, body.encode(), headers)


def state_of_all(session: Session) -> dict[str, Any]:
    """How everything stands that messages may change."""
    session.expire_all()
    return {
        "bookings": session.execute(select(Booking.id, Booking.state)).all(),
        "payments": session.execute(
            select(Payment.id, Payment.state, Payment.refunded_cents, Payment.charge).order_by(Payment.id)
        ).all(),
        "refunds": session.execute(select(Refund.id, Refund.state, Refund.tries).order_by(Refund.id)).all(),
        "payouts": session.execute(select(Payout.id, Payout.state, Payout.cents).order_by(Payout.id)).all(),
        "reversals": session.execute(select(Reversal.id, Reversal.state).order_by(Reversal.id)).all(),
        "disputes": session.execute(select(Dispute.reference, Dispute.state)).all(),
        "accounts": session.execute(select(PayoutAccount.user_id, PayoutAccount.is_ready)).all(),
        "balances": balances(session),
        "postings": session.scalar(select(func.count(Posting.id))),
    }


# ---- Each kind of event, twice


def a_page_paid(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)


def a_page_expired(session: Session, doors: Gateways) -> None:
    doors.payments.close_checkout(page_of(accept(session), doors))


def a_card_saved_and_charged(session: Session, doors: Gateways) -> None:
    at = tomorrow_at(9, days=80)
    payment = accept(session, make_bid(session, make_task(session, expires_at=at), starts_at=at, expires_at=at))
    pay(payment, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)


def a_card_that_the_bank_asks_for_later(session: Session, doors: Gateways) -> None:
    at = tomorrow_at(9, days=80)
    payment = accept(session, make_bid(session, make_task(session, expires_at=at), starts_at=at, expires_at=at))
    pay(payment, doors, ALWAYS_ASKING_CARD)
    with later(days=60):
        charge_due(doors)


def a_refund_that_comes_back(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    pay(payment, doors, SLOW_REFUND_CARD)
    booking_id = payment.booking_id
    with transaction() as rows:
        booking = rows.get_one(Booking, booking_id)
        payments.call_off(rows, booking, by=rows.get_one(User, booking.helper_id), policy=POLICY)
    hand_over(doors)
    reference = str(session.scalars(select(Refund.reference).order_by(Refund.id.desc())).first())
    session.rollback()
    sandbox_of(doors).finish_refund(reference, done=False)


def a_refund_that_arrives(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    pay(payment, doors, SLOW_REFUND_CARD)
    booking_id = payment.booking_id
    with transaction() as rows:
        booking = rows.get_one(Booking, booking_id)
        payments.call_off(rows, booking, by=rows.get_one(User, booking.helper_id), policy=POLICY)
    hand_over(doors)
    reference = str(session.scalars(select(Refund.reference).order_by(Refund.id.desc())).first())
    session.rollback()
    sandbox_of(doors).finish_refund(reference, done=True)


def a_helper_paid_and_taken_back(session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    account = onboard(session, booking.helper_id, doors)
    hand_over(doors)
    operator, payment_id = make_operator(session).id, payment_by(session, booking).id
    with transaction() as rows:
        values = {"refund_cents": 1_000, "from_helper_cents": 1_000, "reason": "Kulanz."}
        payments.refund(rows, rows.get_one(Payment, payment_id), by=rows.get_one(User, operator), **values)
    hand_over(doors)
    sandbox_of(doors).pay_out(100, account=account)
    sandbox_of(doors).restrict(account)
    sandbox_of(doors).disconnect(account)


def a_dispute_won(session: Session, doors: Gateways) -> None:
    charge = str(payment_by(session, done(session, doors)).charge)
    session.rollback()
    reference = sandbox_of(doors).open_dispute(charge)
    sandbox_of(doors).close_dispute(reference, won=True)


def a_dispute_lost(session: Session, doors: Gateways) -> None:
    charge = str(payment_by(session, done(session, doors)).charge)
    session.rollback()
    reference = sandbox_of(doors).open_dispute(charge)
    sandbox_of(doors).close_dispute(reference, won=False)


STORIES: tuple[Callable[[Session, Gateways], None], ...] = (
    a_page_paid,
    a_page_expired,
    a_card_saved_and_charged,
    a_card_that_the_bank_asks_for_later,
    a_refund_that_comes_back,
    a_refund_that_arrives,
    a_helper_paid_and_taken_back,
    a_dispute_won,
    a_dispute_lost,
)
KINDS = {
    *("checkout.session.completed", "checkout.session.expired"),
    *("payment_intent.succeeded", "payment_intent.payment_failed"),
    *("refund.created", "refund.updated", "refund.failed"),
    *("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"),
    "charge.dispute.funds_reinstated",
    *("transfer.created", "transfer.reversed"),
    *("account.updated", "account.application.deauthorized", "payout.paid"),
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_each_kind_of_event_takes_effect_once(
    app: Flask,
    session: Session,
    doors: Gateways,
    story: Callable[[Session, Gateways], None],
    figure: Callable[[str, int], None],
) -> None:
    story(session, doors)
    for event in events(session):
        assert send(app, doors, event) == 200, event.kind
        first = state_of_all(session)
        assert send(app, doors, event) == 200
        assert state_of_all(session) == first, event.kind
        figure("events of the gateway delivered twice", 1)
    assert ledger_faults(session) == []


def test_the_stories_tell_every_kind_of_event_that_we_listen_to(session: Session, doors: Gateways) -> None:
    told = set()
    for story in STORIES:
        story(session, doors)
        told |= {event.kind for event in events(session)}
    assert told >= KINDS


# ---- Messages bring what nobody came back for


def test_a_message_alone_confirms_the_visit(app: Flask, session: Session, doors: Gateways) -> None:
    a_page_paid(session, doors)
    assert sandbox_of(doors).deliver(through(app)) == 2
    payment = session.scalars(select(Payment)).one()
    assert (payment.state, session.get_one(Booking, payment.booking_id).state) == ("held", "confirmed")
    assert session.scalar(select(func.count(GatewayEvent.id))) == 2


def test_an_account_that_is_ready_sends_what_waited(app: Flask, session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    reference = onboard(session, booking.helper_id, doors, ready=False)
    hand_over(doors)
    sandbox_of(doors).onboard(reference)
    sandbox_of(doors).deliver(through(app))
    hand_over(doors)
    assert payout_by(session, booking).state == "sent"


def test_an_account_that_was_taken_away_gets_nothing(app: Flask, session: Session, doors: Gateways) -> None:
    booking = done(session, doors)
    reference = onboard(session, booking.helper_id, doors)
    sandbox_of(doors).disconnect(reference)
    sandbox_of(doors).deliver(through(app))
    assert not session.scalars(select(PayoutAccount.is_ready)).one()
    hand_over(doors)
    assert payout_by(session, booking).state == "waiting"


def test_events_that_come_twice_late_and_out_of_order_change_nothing(
    app: Flask, session: Session, doors: Gateways
) -> None:
    switches = sandbox_of(doors).switches
    switches.duplicates, switches.reorder, switches.delay = 100, 30, 5
    try:
        a_refund_that_arrives(session, doors)
    finally:
        switches.duplicates = switches.reorder = switches.delay = 0
    for minutes in range(1, 4):
        with later(minutes=minutes):
            sandbox_of(doors).deliver(through(app))
    assert sandbox_of(doors).waiting() == 0
    before = state_of_all(session)
    assert sandbox_of(doors).redeliver() > 0
    sandbox_of(doors).deliver(through(app))
    assert state_of_all(session) == before
    assert ledger_faults(session) == []


# ---- Every order of five events of one booking


def test_all_orders_of_five_events_of_one_booking_end_alike(
    app: Flask, session: Session, doors: Gateways, full: bool, figure: Callable[[str, int], None]
) -> None:
    orders = list(itertools.permutations(range(5)))
    if not full:
        orders = [orders[0], orders[-1], *random.Random(7).sample(orders, 10)]
    ends = set()
    for order in orders:
        payment = accept(session)
        payment_id = payment.id
        seen = session.scalar(select(func.max(SandboxEvent.id))) or 0
        sandbox_of(doors).pay(open_page(payment_id, doors).rpartition("/")[2], GOOD_CARD)
        checkout = str(session.scalars(select(Payment.checkout).where(Payment.id == payment_id)).one())
        session.rollback()
        charge = doors.payments.read_checkout(checkout).charge
        assert charge is not None
        sandbox_of(doors).close_dispute(sandbox_of(doors).open_dispute(charge.reference), won=False)
        mine = list(session.scalars(select(SandboxEvent).where(SandboxEvent.id > seen).order_by(SandboxEvent.id)))
        assert len(mine) == 5, [event.kind for event in mine]
        waiting = [mine[place] for place in order]
        for _ in range(3):  # what comes too early is sent again
            waiting = [event for event in waiting if send(app, doors, event) != 200]
        assert waiting == []
        session.expire_all()
        payment = session.get_one(Payment, payment_id)
        booking = session.get_one(Booking, payment.booking_id)
        dispute = session.scalars(select(Dispute).where(Dispute.payment_id == payment_id)).one()
        facts = select(Posting.kind).where(Posting.booking_id == booking.id).order_by(Posting.kind)
        ends.add((payment.state, booking.state, dispute.state, *session.scalars(facts)))
        assert ledger_faults(session) == []
        session.rollback()
        figure("orders of five events of one booking", 1)
    assert ends == {
        ("held", "confirmed", "lost", "dispute_lost", "dispute_opened", "gateway_fee", "payment_held"),
    }


# ---- Forged, stale, unknown


def forged(doors: Gateways, event: SandboxEvent) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Ways to lie about an event: body and headers."""
    sandbox, body = sandbox_of(doors), event.body
    honest = dict(sandbox.signed(body, event.endpoint))  # type: ignore[arg-type]
    other = "connect" if event.endpoint == "platform" else "platform"
    stamp = int(clock.now().timestamp())

    def signed_by(secret: str, when: int = stamp) -> dict[str, str]:
        header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=when)
        return {**honest, "Stripe-Signature": header}

    changed = json.dumps({**json.loads(body), "id": "evt_forged"})
    mine = sandbox.secrets[event.endpoint]  # type: ignore[index]
    return {
        "no signature": (body.encode(), {}),
        "an empty signature": (body.encode(), {"Stripe-Signature": ""}),
        "nonsense": (body.encode(), {"Stripe-Signature": "t=1,v1=abc"}),
        "another body": (changed.encode(), honest),
        "one byte more": (body.encode() + b" ", honest),
        "another secret": (body.encode(), signed_by("whsec_guessed")),
        "the other endpoint's secret": (body.encode(), dict(sandbox.signed(body, other))),  # type: ignore[arg-type]
        "ten minutes old": (body.encode(), signed_by(mine, stamp - 600)),
        "no event": (b"[]", dict(sandbox.signed("[]", event.endpoint))),  # type: ignore[arg-type]
        "no JSON": (b"\xff", honest),
    }


def test_forged_and_stale_messages_are_refused(
    app: Flask, session: Session, doors: Gateways, figure: Callable[[str, int], None]
) -> None:
    a_page_paid(session, doors)
    before = state_of_all(session)
    for event in events(session):
        for lie, (body, headers) in forged(doors, event).items():
            status = through(app)(WEBHOOK_PATHS[event.endpoint], body, headers)  # type: ignore[index]
            assert status == 400, lie
            figure("forged or stale messages refused", 1)
    assert state_of_all(session) == before
    assert session.scalar(select(func.count(GatewayEvent.id))) == 0


def notice(**values: Any) -> GatewayNotice:
    given = {"event_id": "evt_1", "kind": "x", "subject": "checkout", "reference": "cs_1", "at": clock.now()}
    return GatewayNotice(**{**given, **values})


@pytest.mark.parametrize("subject", ["refund", "account", "dispute"])
def test_what_may_be_ours_in_a_moment_is_sent_again(session: Session, doors: Gateways, subject: str) -> None:
    """Our row may not be written yet: for some minutes it is to come again, then it is none of ours."""
    told = notice(subject=subject, reference=f"{subject}_1")
    if subject == "dispute":
        payment = payment_by(session, book(session, doors))
        charge, payment_id = str(payment.charge), payment.id
        session.rollback()
        told = notice(subject=subject, reference=sandbox_of(doors).open_dispute(charge))
        with transaction() as rows:
            rows.get_one(Payment, payment_id).intent = None
    with pytest.raises(GatewaySilent):
        take_notice(told, doors)
    with later(minutes=11):
        assert not take_notice(told, doors)
    assert session.scalar(select(func.count(GatewayEvent.id))) == 0


@pytest.mark.parametrize("subject", ["transfer", "other"])
def test_what_does_not_concern_us_is_left_alone(session: Session, doors: Gateways, subject: str) -> None:
    assert not take_notice(notice(subject=subject), doors)
    assert session.scalar(select(func.count(GatewayEvent.id))) == 0


def test_what_the_gateway_does_not_know_has_no_effect(session: Session, doors: Gateways) -> None:
    assert not take_notice(notice(reference="cs_nobody"), doors)


def test_the_events_name_is_kept_with_its_effect_or_not_at_all(session: Session, doors: Gateways) -> None:
    a_page_paid(session, doors)
    reference = str(session.scalars(select(Payment.checkout)).one())
    with transaction() as rows:
        rows.scalars(select(Payment)).one().amount_cents = 5_400  # another amount than was paid: nothing is booked
    assert not take_notice(notice(reference=reference), doors)
    assert session.scalar(select(func.count(GatewayEvent.id))) == 0
    with transaction() as rows:
        rows.scalars(select(Payment)).one().amount_cents = 5_500
    assert take_notice(notice(reference=reference), doors)
    assert not take_notice(notice(reference=reference), doors)
    assert session.scalars(select(GatewayEvent.id)).all() == ["evt_1"]
    sign_off(session, session.scalars(select(Booking)).one())
    assert ledger_faults(session) == []
