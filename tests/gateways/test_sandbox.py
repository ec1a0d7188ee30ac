"""The sandbox gateway: pages that end once, keys that repeat without harm, books of its own."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.db import transaction
from marketplace.gateways.payments import CheckoutRequest, GatewayRefused
from marketplace.gateways.sandbox import DECLINED_CARD, GOOD_CARD, SandboxGateway
from marketplace.models import SandboxCheckout, SandboxRefund

ASKED = CheckoutRequest("payment-1", 5500, "CHF", "Hilfreich abc", "/payments/abc/return")


@pytest.fixture
def sandbox(app: Flask) -> SandboxGateway:
    return SandboxGateway(app.config)


def test_the_same_key_opens_one_page(session: Session, sandbox: SandboxGateway) -> None:
    first = sandbox.open_checkout(ASKED)
    assert sandbox.open_checkout(ASKED) == first
    assert sandbox.find_checkout("payment-1") == first.reference
    assert sandbox.find_checkout("payment-2") is None
    assert session.scalar(select(func.count(SandboxCheckout.id))) == 1


def test_the_same_key_at_the_same_instant_opens_one_page(app: Flask, session: Session, sandbox: SandboxGateway) -> None:
    def ask(_: int) -> str:
        with app.app_context():
            return sandbox.open_checkout(ASKED).reference

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(24)))) == 1
    assert session.scalar(select(func.count(SandboxCheckout.id))) == 1


def test_a_key_is_for_one_amount(sandbox: SandboxGateway) -> None:
    sandbox.open_checkout(ASKED)
    with pytest.raises(GatewayRefused):
        sandbox.open_checkout(CheckoutRequest("payment-1", 5600, "CHF", "", "/"))


@pytest.mark.parametrize(("card", "outcome"), [(GOOD_CARD, "paid"), (DECLINED_CARD, "declined")])
def test_a_page_ends_once(sandbox: SandboxGateway, card: str, outcome: str) -> None:
    reference = sandbox.open_checkout(ASKED).reference
    assert sandbox.read_checkout(reference).outcome == "open"
    assert sandbox.pay(reference, card) == ASKED.return_url
    other = DECLINED_CARD if card == GOOD_CARD else GOOD_CARD
    sandbox.pay(reference, other)
    sandbox.abandon(reference)
    fact = sandbox.close_checkout(reference)
    assert (fact.outcome, fact.amount_cents, fact.currency) == (outcome, 5500, "CHF")
    assert fact == sandbox.read_checkout(reference)


def test_nobody_pays_on_a_closed_page(sandbox: SandboxGateway) -> None:
    reference = sandbox.open_checkout(ASKED).reference
    assert sandbox.close_checkout(reference).outcome == "abandoned"
    sandbox.pay(reference, GOOD_CARD)
    assert sandbox.read_checkout(reference).outcome == "abandoned"


def test_a_refund_is_given_once_per_key_and_never_above_what_was_paid(
    session: Session, sandbox: SandboxGateway
) -> None:
    reference = sandbox.open_checkout(ASKED).reference
    with pytest.raises(GatewayRefused):
        sandbox.refund(reference, 100, key="early")
    sandbox.pay(reference, GOOD_CARD)
    for _ in range(3):
        sandbox.refund(reference, 3000, key="one")
    with pytest.raises(GatewayRefused):
        sandbox.refund(reference, 2501, key="two")
    sandbox.refund(reference, 2500, key="three")
    assert session.scalar(select(SandboxCheckout.refunded_cents)) == 5500
    assert session.scalar(select(func.sum(SandboxRefund.amount_cents))) == 5500


def test_an_unknown_page_is_refused(sandbox: SandboxGateway) -> None:
    for call in (sandbox.read_checkout, sandbox.close_checkout, sandbox.abandon):
        with pytest.raises(GatewayRefused):
            call("nobody-knows")
    assert sandbox.page("nobody-knows") is None


def test_it_never_runs_in_production(app: Flask) -> None:
    closed = SandboxGateway({"ENVIRONMENT": "production"})
    with pytest.raises(GatewayRefused):
        closed.open_checkout(ASKED)
    with pytest.raises(GatewayRefused):
        closed.page("x")


def test_it_is_never_called_inside_a_transaction(sandbox: SandboxGateway) -> None:
    with transaction(), pytest.raises(RuntimeError, match="between transactions"):
        sandbox.open_checkout(ASKED)


def test_what_the_sandbox_keeps_does_not_hang_on_our_transaction(session: Session, sandbox: SandboxGateway) -> None:
    session.execute(select(SandboxCheckout.id)).all()  # we are reading
    reference = sandbox.open_checkout(ASKED).reference
    session.rollback()
    assert sandbox.read_checkout(reference).outcome == "open"
