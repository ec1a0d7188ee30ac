"""The payment door when Stripe is silent, fails or is asked twice at once: nothing is done twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import stripe
from flask import Flask

from marketplace.domain.gateway import AccountRequest
from marketplace.gateways.payments import GatewayDenied, GatewaySilent
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.gateways.payments.sandbox.payer import TWINT
from marketplace.gateways.payments.sandbox.switches import FAULTS, Fault
from tests.gateways.stripe_world import BACK, World


def calls(world: World) -> dict[str, tuple[str, Callable[[], object]]]:
    """Each call that moves money, asked by name, ready to be asked again and again."""
    charge, account, card = world.paid(), world.helper(), world.kept_card()
    transfer = world.gateway.transfer(world.transfer_of(charge, account, 1000)).reference
    page, refund, later = world.asked(), world.refund_of(charge, 500), world.charge_of(card)
    payout, back, opened = (
        world.transfer_of(charge, account, 2000),
        world.reversal_of(transfer, 300),
        AccountRequest("user-x", "ux", "x@example.org", "CH"),
    )
    return {
        "page": ("checkout.sessions.create", lambda: world.gateway.open_checkout(page)),
        "charge": ("payment_intents.create", lambda: world.gateway.charge(later)),
        "refund": ("refunds.create", lambda: world.gateway.refund(refund)),
        "transfer": ("transfers.create", lambda: world.gateway.transfer(payout)),
        "reversal": ("transfers.reversals.create", lambda: world.gateway.reverse(back)),
        "account": ("accounts.create", lambda: world.gateway.open_account(opened)),
    }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["page", "charge", "refund", "transfer", "reversal", "account"])
def test_after_a_fault_asking_again_does_it_once(
    world: World, name: str, fault: Fault, figure: Callable[..., None]
) -> None:
    call, ask = calls(world)[name]
    before = len(list(world.gateway.movements()))
    world.sandbox.fail_next(call, fault)
    with pytest.raises(GatewaySilent):
        ask()
    done = ask()
    assert ask() == done
    after = len(list(world.gateway.movements()))
    assert after - before == (0 if name in ("page", "account") else 1)
    figure("faults at calls that move money, done once after asking again")


@pytest.mark.parametrize("last", ["server_error", "server_error_after"])
@pytest.mark.parametrize("name", ["charge", "refund", "transfer", "reversal"])
def test_a_failure_may_follow_another(world: World, name: str, last: Fault) -> None:
    call, ask = calls(world)[name]
    before = len(list(world.gateway.movements()))
    for fault in ("server_error", "rate_limited", "server_error", "server_error", "reset", last):
        world.sandbox.fail_next(call, fault)
    silences = 0
    while world.sandbox.faults.waiting:
        with suppress(GatewaySilent):
            ask()
            break
        silences += 1
    done = ask()
    assert ask() == done
    assert silences >= 3
    assert len(list(world.gateway.movements())) - before == 1


def test_a_read_that_fails_is_silence(world: World) -> None:
    charge = world.paid()
    for fault in FAULTS:
        world.sandbox.fail_next("payment_intents.retrieve", fault)
        with pytest.raises(GatewaySilent):
            world.gateway.read_charge(charge.intent)
    assert world.gateway.read_charge(charge.intent).outcome == "paid"


def test_a_wrong_key_is_silence_until_it_is_mended(app: Flask, world: World) -> None:
    world.gateway.api = stripe.StripeClient("sk_test_other", http_client=world.recorder).v1
    with pytest.raises(GatewaySilent, match="AuthenticationError"):
        world.gateway.balance()


def test_two_who_ask_at_once_do_it_once(app: Flask, world: World) -> None:
    charge, account, asked = world.paid(), world.helper(), world.asked()
    transfer = world.transfer_of(charge, account, 4000)

    def ask(number: int) -> tuple[str, str]:
        with app.app_context():
            return world.gateway.open_checkout(asked).reference, world.gateway.transfer(transfer).reference

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(12)))) == 1
    assert [one.kind for one in world.gateway.movements()] == ["charge", "transfer"]


def test_of_many_payers_at_once_one_pays(app: Flask, world: World) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference

    def pay(number: int) -> str | None:
        with app.app_context():
            return world.sandbox.pay(reference, TWINT if number % 2 else GOOD_CARD).url

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(pay, range(12))) == {BACK}
    assert [one.kind for one in world.gateway.movements()] == ["charge"]


def test_of_many_refunds_at_once_the_rest_is_given_only_once(app: Flask, world: World) -> None:
    charge = world.paid()
    asked = [world.refund_of(charge, 2000) for _ in range(6)]

    def ask(number: int) -> bool:
        with app.app_context():
            try:
                return world.gateway.refund(asked[number]).outcome == "done"
            except GatewayDenied:
                return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, range(6))) == 2
    assert world.gateway.balance().cents == 5310 - 4000
