"""The payment door on Stripe's library: being paid, giving back, opening."""

from datetime import timedelta

import pytest
from flask import Flask

from marketplace import clock
from marketplace.gateways.payments import GatewayDenied
from marketplace.gateways.payments.opening import open_payments, open_sandbox
from marketplace.gateways.payments.sandbox.cards import (
    ALWAYS_ASKING_CARD,
    ASKING_CARD,
    DECLINED_CARD,
    GOOD_CARD,
    POOR_CARD,
    SLOW_REFUND_CARD,
)
from marketplace.gateways.payments.sandbox.payer import TWINT
from marketplace.gateways.payments.sandbox.store import SandboxForbidden
from tests.gateways.stripe_world import BACK, World

KEYS = {
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_a",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_b",
}


# ---- Being paid


def test_a_page_is_opened_once_per_key(world: World) -> None:
    asked = world.asked()
    first = world.gateway.open_checkout(asked)
    assert world.gateway.open_checkout(asked) == first
    fact = world.gateway.read_checkout(first.reference)
    assert (fact.outcome, fact.payment, fact.amount_cents, fact.currency) == ("open", asked.payment, 5500, "CHF")
    assert fact.url == first.url


def test_a_key_is_for_one_amount(world: World) -> None:
    asked = world.asked()
    world.gateway.open_checkout(asked)
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.open_checkout(world.asked(5600, key=asked.key))
    assert refused.value.code == "idempotency_error"


@pytest.mark.parametrize(("method", "cost"), [(GOOD_CARD, 190), (TWINT, 135)])
def test_what_is_paid_is_told_with_what_the_gateway_keeps(world: World, method: str, cost: int) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference
    assert world.sandbox.pay(reference, method).url == BACK
    fact = world.gateway.read_checkout(reference)
    assert fact.outcome == "paid"
    assert fact.charge is not None
    assert (fact.charge.amount_cents, fact.charge.currency, fact.charge.fee_cents) == (5500, "CHF", cost)
    assert world.gateway.close_checkout(reference) == fact
    assert world.gateway.balance().cents == 5500 - cost


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (DECLINED_CARD, "generic_decline"),
        (POOR_CARD, "insufficient_funds"),
        (ASKING_CARD, "payment_intent_authentication_failure"),
        (TWINT, "payment_intent_payment_attempt_failed"),
    ],
)
def test_a_decline_leaves_the_page_open_for_another_try(world: World, method: str, reason: str) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference
    assert world.sandbox.pay(reference, method, confirms=False).reason == reason
    fact = world.gateway.read_checkout(reference)
    assert (fact.outcome, fact.reason, fact.charge) == ("open", reason, None)
    assert world.sandbox.pay(reference, GOOD_CARD).url == BACK
    fact = world.gateway.read_checkout(reference)
    assert (fact.outcome, fact.reason) == ("paid", None)


def test_nobody_pays_on_a_closed_page(world: World) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference
    assert world.sandbox.abandon(reference) == BACK
    assert world.gateway.read_checkout(reference).outcome == "open"
    assert world.gateway.close_checkout(reference).outcome == "abandoned"
    assert world.sandbox.pay(reference, GOOD_CARD).url == BACK
    assert world.gateway.read_checkout(reference).outcome == "abandoned"
    assert world.gateway.balance().cents == 0


@pytest.mark.parametrize("cents", [0, -100, 49, 100_000_000])
def test_an_amount_that_makes_no_sense_is_refused(world: World, cents: int) -> None:
    with pytest.raises(GatewayDenied):
        world.gateway.open_checkout(world.asked(cents))


def test_another_currency_is_refused(world: World) -> None:
    with pytest.raises(GatewayDenied):
        world.gateway.open_checkout(world.asked(currency="XAU"))


def test_a_page_that_nobody_knows_is_refused(world: World) -> None:
    for call in (world.gateway.read_checkout, world.gateway.close_checkout, world.gateway.read_charge):
        with pytest.raises(GatewayDenied) as refused:
            call("nobody-knows")
        assert refused.value.code == "resource_missing"


# ---- A card kept for later


def test_a_kept_card_is_charged_once_per_key(world: World) -> None:
    card = world.kept_card()
    assert world.gateway.balance().cents == 0
    asked = world.charge_of(card)
    fact = world.gateway.charge(asked)
    assert fact.outcome == "paid"
    assert fact.charge is not None
    assert world.gateway.charge(asked) == fact == world.gateway.read_charge(fact.charge.intent)
    assert world.gateway.balance().cents == 5500 - 190


def test_a_card_that_was_confirmed_is_charged_later_alone(world: World) -> None:
    assert world.gateway.charge(world.charge_of(world.kept_card(ASKING_CARD))).outcome == "paid"


def test_a_bank_may_want_its_customer(world: World) -> None:
    kept = world.kept_card(ALWAYS_ASKING_CARD)
    asked = world.charge_of(kept)
    fact = world.gateway.charge(asked)
    assert (fact.outcome, fact.reason, fact.charge) == ("action_needed", "authentication_required", None)
    assert world.gateway.charge(asked) == fact


def test_a_card_that_says_no_is_not_kept(world: World) -> None:
    reference = world.gateway.open_checkout(world.asked(saves_card=True)).reference
    assert world.sandbox.pay(reference, DECLINED_CARD).reason == "generic_decline"
    fact = world.gateway.read_checkout(reference)
    assert (fact.outcome, fact.reason, fact.card, fact.amount_cents) == ("open", "generic_decline", None, 5500)


@pytest.mark.parametrize(
    ("method", "outcome", "reason"),
    [
        ("pm_card_chargeDeclined", "declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "declined", "insufficient_funds"),
        ("pm_card_authenticationRequired", "action_needed", "authentication_required"),
        ("pm_card_visa", "paid", None),
    ],
)
def test_a_later_charge_may_be_declined(world: World, method: str, outcome: str, reason: str | None) -> None:
    card = world.kept_card()
    asked = world.charge_of(type(card)(card.customer, method))
    fact = world.gateway.charge(asked)
    assert (fact.outcome, fact.reason) == (outcome, reason)


def test_a_declined_charge_reads_as_declined(world: World) -> None:
    card = world.kept_card()
    world.gateway.charge(world.charge_of(type(card)(card.customer, "pm_card_chargeDeclined")))
    intent = world.client.v1.payment_intents.list({"customer": card.customer}).data[0]
    assert world.gateway.read_charge(intent.id).reason == "generic_decline"
    assert world.gateway.read_charge(intent.id).outcome == "declined"


# ---- Giving back


def test_refunds_are_given_once_per_key_and_never_above_the_rest(world: World) -> None:
    charge = world.paid()
    asked = world.refund_of(charge, 3000)
    fact = world.gateway.refund(asked)
    assert (fact.outcome, fact.amount_cents) == ("done", 3000)
    assert world.gateway.refund(asked) == fact == world.gateway.read_refund(fact.reference)
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.refund(world.refund_of(charge, 2501))
    assert refused.value.code == "invalid_amount"
    rest = world.refund_of(charge, 2500)
    world.gateway.refund(rest)
    assert world.gateway.balance().cents == -190
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.refund(world.refund_of(charge, 1))
    assert refused.value.code == "charge_already_refunded"


def test_a_refund_is_found_by_our_row_after_its_key_is_forgotten(world: World) -> None:
    charge = world.paid()
    asked = world.refund_of(charge, 5500)
    fact = world.gateway.refund(asked)
    with clock.moved_to(clock.now() + timedelta(days=1, minutes=1)):
        assert world.gateway.find_refund(charge.intent, asked.refund) == fact
        assert world.gateway.find_refund(charge.intent, "another") is None
        assert world.gateway.refund(asked) == fact  # it is this very refund that has taken everything
    assert world.gateway.balance().cents == -190


def test_a_refund_may_wait_and_may_fail(world: World) -> None:
    charge = world.paid(method=SLOW_REFUND_CARD)
    fact = world.gateway.refund(world.refund_of(charge, 5500))
    assert fact.outcome == "pending"
    world.sandbox.finish_refund(fact.reference, done=True)
    assert world.gateway.read_refund(fact.reference).outcome == "done"
    world.sandbox.finish_refund(fact.reference, done=False)
    failed = world.gateway.read_refund(fact.reference)
    assert (failed.outcome, failed.reason) == ("failed", "lost_or_stolen_card")
    assert [one.kind for one in world.gateway.movements()] == ["charge", "refund", "refund_failed"]
    assert world.gateway.balance().cents == 5500 - 190


def test_what_was_never_paid_is_not_refunded(world: World) -> None:
    charge = world.paid()
    world.sandbox.open_dispute(charge.reference)
    with pytest.raises(GatewayDenied) as refused:
        world.gateway.refund(world.refund_of(charge, 1))
    assert refused.value.code == "charge_disputed"


# ---- Opening


def test_with_keys_it_is_stripe_itself(app: Flask) -> None:
    settings = {**app.config, "ENVIRONMENT": "production", **KEYS}
    assert open_sandbox(settings) is None
    gateway = open_payments(settings)
    assert gateway.live
    assert gateway.secrets == {"platform": "whsec_a", "connect": "whsec_b"}
    assert not open_payments({**settings, "STRIPE_SECRET_KEY": "sk_test_x"}).live


def test_play_money_never_runs_in_production(app: Flask) -> None:
    for opened in (open_sandbox, open_payments):
        with pytest.raises(SandboxForbidden):
            opened({**app.config, "ENVIRONMENT": "production"})


def test_each_installation_has_secrets_of_its_own(app: Flask, world: World) -> None:
    other = open_sandbox({**app.config, "SECRET_KEY": "another"})
    assert other is not None
    assert len({*other.secrets.values(), *world.sandbox.secrets.values()}) == 4
