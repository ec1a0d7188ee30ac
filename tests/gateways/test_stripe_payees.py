"""The payment door on Stripe's library: helpers' accounts, their shares, chargebacks and the books."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.domain.gateway import AccountRequest, Evidence
from marketplace.gateways.payments import GatewayDenied
from marketplace.gateways.payments.sandbox.cards import (
    GOOD_CARD,
)
from marketplace.gateways.payments.sandbox.payer import TWINT
from tests.gateways.stripe_world import World

NewWorld = Callable[..., World]
EVIDENCE = Evidence("Anna", "anna@example.org", "Wi-Fi", "2026-11-21", "Terms", "Visit log")


# ---- Paying helpers


def test_a_helper_becomes_ready_step_by_step(world: World) -> None:
    asked = AccountRequest("user-9", "u9", "lea@example.org", "CH")
    fact = world.gateway.open_account(asked)
    assert (fact.ready, fact.begun) == (False, False)
    assert "external_account" in fact.missing
    assert world.gateway.open_account(asked) == fact
    with pytest.raises(GatewayDenied):
        world.gateway.account_page(fact.reference)
    world.sandbox.onboard(fact.reference, complete=False)
    half = world.gateway.read_account(fact.reference)
    assert (half.ready, half.begun, half.missing) == (False, True, ("individual.verification.document",))
    world.sandbox.onboard(fact.reference)
    assert world.gateway.read_account(fact.reference).ready
    assert world.gateway.account_page(fact.reference)


def test_an_account_that_was_taken_away_is_denied(world: World) -> None:
    account = world.helper()
    world.sandbox.disconnect(account)
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.read_account(account)
    assert refused.value.code == "account_invalid"
    with pytest.raises(GatewayDenied):
        world.gateway.transfer(world.transfer_of(world.paid(), account, 100))


def test_a_share_is_transferred_once_per_key_and_comes_back_in_parts(world: World) -> None:
    charge, account = world.paid(), world.helper()
    asked = world.transfer_of(charge, account, 4800)
    fact = world.gateway.transfer(asked)
    assert (fact.payout, fact.amount_cents, fact.reversed_cents) == (asked.payout, 4800, 0)
    assert world.gateway.transfer(asked) == fact == world.gateway.find_transfer(asked.group, asked.payout)
    first = world.reversal_of(fact.reference, 1800)
    back = world.gateway.reverse(first)
    assert world.gateway.reverse(first) == back == world.gateway.find_reversal(fact.reference, first.reversal)
    world.gateway.transfer(world.transfer_of(world.paid(), account, 5000))  # the helper has enough
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.reverse(world.reversal_of(fact.reference, 3001))
    assert refused.value.code == "invalid_amount"
    world.gateway.reverse(world.reversal_of(fact.reference, 3000))
    with pytest.raises(GatewayDenied):
        world.gateway.reverse(world.reversal_of(fact.reference, 1))
    assert world.gateway.read_transfer(fact.reference).reversed_cents == 4800
    assert world.gateway.find_transfer(asked.group, "another") is None
    assert world.gateway.find_reversal(fact.reference, "another") is None
    assert world.gateway.balance().cents == 2 * (5500 - 190) - 5000


def test_a_helper_who_is_not_ready_gets_nothing(world: World) -> None:
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.transfer(world.transfer_of(world.paid(), world.helper(ready=False), 100))
    assert refused.value.code == "insufficient_capabilities_for_transfer"


def test_shares_never_exceed_their_charge(world: World) -> None:
    charge, account = world.paid(), world.helper()
    world.paid(100_000)  # there would be enough
    world.gateway.transfer(world.transfer_of(charge, account, 5000))
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.transfer(world.transfer_of(charge, account, 501))
    assert refused.value.code == "invalid_amount"


def test_a_transfer_above_what_is_there_says_so(world: World) -> None:
    charge, account = world.paid(), world.helper()
    world.sandbox.pay_out(1000)
    asked = world.transfer_of(charge, account, 5000)
    for _ in range(2):
        with pytest.raises(GatewayDenied) as refused:
            world.gateway.transfer(asked)
        assert refused.value.code == "balance_insufficient"
    world.paid()
    with pytest.raises(GatewayDenied):  # the answer lies under its key
        world.gateway.transfer(asked)
    assert world.gateway.transfer(world.transfer_of(charge, account, 5000)).amount_cents == 5000


def test_money_that_the_helper_has_drawn_does_not_come_back(world: World) -> None:
    charge, account = world.paid(), world.helper()
    transfer = world.gateway.transfer(world.transfer_of(charge, account, 4800)).reference
    world.sandbox.pay_out(4800, account=account)
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.reverse(world.reversal_of(transfer, 100))
    assert refused.value.code == "balance_insufficient"


# ---- Chargebacks


@pytest.mark.parametrize("won", [True, False])
def test_a_chargeback_is_answered_once_and_decided(world: World, won: bool) -> None:
    charge = world.paid()
    reference = world.sandbox.open_dispute(charge.reference, "product_not_received")
    fact = world.gateway.read_dispute(reference)
    assert (fact.outcome, fact.intent, fact.amount_cents, fact.fee_cents) == ("open", charge.intent, 5500, 2000)
    assert fact.reason == "product_not_received"
    assert fact.due_at is not None
    assert fact.due_at > clock.now()
    answered = world.gateway.answer_dispute(reference, EVIDENCE, key="evidence-1")
    assert answered.outcome == "answered"
    assert world.gateway.answer_dispute(reference, EVIDENCE, key="evidence-2") == answered
    world.sandbox.close_dispute(reference, won=won)
    world.sandbox.close_dispute(reference, won=not won)
    assert world.gateway.read_dispute(reference).outcome == ("won" if won else "lost")
    assert world.gateway.balance().cents == (5500 if won else 0) - 190 - 2000
    lines = [one.kind for one in world.gateway.movements()]
    assert lines == ["charge", "dispute", "dispute_won"][: 3 if won else 2]


# ---- Books


def test_the_books_are_read_from_the_oldest_line_on_and_add_up(world: World) -> None:
    began = clock.now()
    for number in range(130):  # more than a page
        world.paid(1000 + number, method=TWINT if number % 2 else GOOD_CARD)
    lines = list(world.gateway.movements())
    assert [one.amount_cents for one in lines] == list(range(1000, 1130))
    assert sum(one.net_cents for one in lines) == world.gateway.balance().cents
    assert list(world.gateway.movements(began)) == lines
    assert list(world.gateway.movements(clock.now() + timedelta(minutes=1))) == []


def test_new_money_may_have_to_wait(new_world: NewWorld) -> None:
    world = new_world(pending_days=7)
    charge, account = world.paid(), world.helper()
    kept = world.gateway.balance()
    assert (kept.available_cents, kept.pending_cents) == (0, 5310)
    transfer = world.gateway.transfer(world.transfer_of(charge, account, 4800))  # waits together with its charge
    assert transfer.amount_cents == 4800
    with clock.moved_to(clock.now() + timedelta(days=7, minutes=1)):
        assert world.gateway.balance().available_cents == 510
