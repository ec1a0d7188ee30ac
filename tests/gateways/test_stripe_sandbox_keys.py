"""The sandbox's idempotency keys: answered again for a day, and for one call only."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from marketplace import clock
from tests.gateways.stripe_world import World


def keyed(key: str) -> Any:
    return {"idempotency_key": key}


def test_a_key_answers_again_and_says_so(world: World) -> None:
    first = world.client.v1.customers.create({"email": "a@example.org"}, keyed("one"))
    again = world.client.v1.customers.create({"email": "a@example.org"}, keyed("one"))
    assert again.id == first.id
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert world.client.v1.customers.create({"email": "a@example.org"}, keyed("two")).id != first.id


def test_a_key_is_for_one_call(world: World) -> None:
    world.client.v1.customers.create({"email": "a@example.org"}, keyed("one"))
    with pytest.raises(stripe.IdempotencyError):
        world.client.v1.customers.create({"email": "b@example.org"}, keyed("one"))
    with pytest.raises(stripe.IdempotencyError):
        world.client.v1.refunds.create({"payment_intent": "pi_1"}, keyed("one"))


def test_a_key_answers_an_error_again(world: World) -> None:
    asked = {"amount": 5500, "currency": "chf", "payment_method": "pm_card_chargeDeclined", "confirm": True}
    intents = set()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            world.client.v1.payment_intents.create(asked, keyed("declined"))
        error = declined.value
        assert (error.code, error.http_status) == ("card_declined", 402)
        assert error.error is not None
        assert error.error.decline_code == "generic_decline"
        intents.add(error.error.payment_intent.id)
    assert len(intents) == 1
    intent = world.client.v1.payment_intents.retrieve(intents.pop(), {"expand": ["latest_charge"]})
    assert (intent.status, intent.latest_charge.status) == ("requires_payment_method", "failed")
    assert world.notices() == ["payment_intent.payment_failed"]


def test_a_call_that_was_not_understood_lies_under_no_key(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        world.client.v1.customers.create({"mail": "a@example.org"}, keyed("one"))  # type: ignore[typeddict-unknown-key]
    assert world.client.v1.customers.create({"email": "a@example.org"}, keyed("one")).id


def test_a_key_has_its_length(world: World) -> None:
    assert world.client.v1.customers.create({}, keyed("k" * 255)).id
    with pytest.raises(stripe.InvalidRequestError):
        world.client.v1.customers.create({}, keyed("k" * 256))


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    first = world.client.v1.customers.create({}, keyed("one")).id
    with clock.moved_to(clock.now() + timedelta(hours=23)):
        assert world.client.v1.customers.create({}, keyed("one")).id == first
    with clock.moved_to(clock.now() + timedelta(hours=25)):
        assert world.client.v1.customers.create({}, keyed("one")).id != first
