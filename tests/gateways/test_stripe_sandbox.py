"""The sandbox under Stripe's library: refusals, and books of its own."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import stripe
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import transaction
from marketplace.gateways.payments import GatewaySilent
from tests.gateways.stripe_world import BACK, World

NewWorld = Callable[..., World]


def line(cents: int, currency: str = "chf") -> dict[str, Any]:
    return {"quantity": 1, "price_data": {"currency": currency, "unit_amount": cents, "product_data": {"name": "Help"}}}


# ---- Refusals


@pytest.mark.parametrize(
    ("path", "given", "code", "param"),
    [
        ("refunds", {"payment_intent": "pi_1", "sum": 5}, "parameter_unknown", "sum"),
        ("transfers", {"amount": 5, "currency": "chf"}, "parameter_missing", "destination"),
        (
            "transfers",
            {"amount": "five", "currency": "chf", "destination": "acct_1"},
            "parameter_invalid_integer",
            "amount",
        ),
        ("payment_intents", {"amount": 0, "currency": "chf"}, "parameter_invalid_integer", "amount"),
        ("payment_intents", {"amount": 49, "currency": "chf"}, "amount_too_small", "amount"),
        ("payment_intents", {"amount": 10**9, "currency": "chf"}, "amount_too_large", "amount"),
        ("payment_intents", {"amount": 500, "currency": "xau"}, None, "currency"),
        ("payment_intents", {"amount": 500, "currency": "chf", "confirm": "yes"}, None, "confirm"),
        ("payment_intents", {"amount": 500, "currency": "chf", "confirm": True}, None, "payment_method"),
        ("payment_intents", {"amount": 500, "currency": "chf", "customer": "cus_1"}, "resource_missing", "customer"),
        ("payment_intents", {"amount": 500, "currency": "chf", "metadata": {"a" * 41: "b"}}, None, "metadata"),
        ("refunds", {}, None, None),
        ("refunds", {"payment_intent": "pi_1"}, "resource_missing", "payment_intent"),
        (
            "accounts",
            {"country": "CH", "controller": {"fees": {"payer": "account"}}},
            "parameter_missing",
            "controller[losses]",
        ),
    ],
)
def test_what_is_badly_asked_is_refused(world: World, path: str, given: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.client.raw_request("post", f"/v1/{path}", **given)
    assert (refused.value.code, refused.value.param) == (code, param)
    with world.sandbox.books() as books:
        assert books.session.scalar(text("SELECT count(*) FROM sandbox_objects")) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "subscription"},
        {"line_items": []},
        {"currency": None, "mode": "setup", "line_items": None, "payment_intent_data": None},
        {"payment_method_types": ["twinnt"]},
        {"payment_method_types": ["card", "twint"], "line_items": [line(500_001)]},
        {"payment_method_types": ["card", "twint"], "line_items": [line(5500, "eur")]},
        {"success_url": "/payments/abc"},
        {"customer_email": "nobody"},
        {"customer": "cus_1"},
        {"expires_in": 5},
    ],
)
def test_a_page_that_is_badly_asked_is_refused(world: World, change: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "mode": "payment",
        "payment_method_types": ["card"],
        "success_url": BACK,
        "line_items": [line(5500)],
        "payment_intent_data": {"description": "Help"},
        "customer_email": "a@example.org",
    }
    assert world.client.raw_request("post", "/v1/checkout/sessions", **good)
    with pytest.raises(stripe.InvalidRequestError):
        world.client.raw_request("post", "/v1/checkout/sessions", **{**good, **change})


@pytest.mark.parametrize("minutes", [-60, 10, 29, 24 * 60 + 1])
def test_a_page_stays_open_for_half_an_hour_to_a_day(world: World, minutes: int) -> None:
    asked = world.asked()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.client.raw_request(
            "post",
            "/v1/checkout/sessions",
            mode="setup",
            currency="chf",
            payment_method_types=["card"],
            success_url=BACK,
            expires_at=int((clock.now() + timedelta(minutes=minutes)).timestamp()),
        )
    assert refused.value.param == "expires_at"
    assert world.gateway.open_checkout(asked).reference


def test_an_address_that_the_api_does_not_have(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized"):
        world.client.raw_request("post", "/v1/subscriptions")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        world.client.raw_request("get", "/v1/balance", expand=["nothing"])


def test_a_card_of_another_customer_is_not_charged(world: World) -> None:
    mine, theirs = world.kept_card(), world.kept_card()
    with pytest.raises(stripe.InvalidRequestError):
        world.client.v1.payment_intents.create(
            {
                "amount": 500,
                "currency": "chf",
                "customer": mine.customer,
                "payment_method": theirs.method,
                "confirm": True,
            }
        )


def test_a_paid_intent_is_not_cancelled(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.client.v1.payment_intents.cancel(world.paid().intent)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_lists_are_paged_both_ways(world: World) -> None:
    made = [world.client.v1.customers.create({}).id for _ in range(3)]
    for customer in made:
        world.client.v1.payment_intents.create({"amount": 500, "currency": "chf", "customer": customer})
    listing = world.client.v1.payment_intents.list
    whole = [one.id for one in listing({"limit": 2}).auto_paging_iter()]
    assert len(set(whole)) == 3
    assert [one.id for one in listing({"starting_after": whole[0]}).data] == whole[1:]
    assert [one.id for one in listing({"ending_before": whole[2], "limit": 1}).data] == [whole[1]]
    assert [one.customer for one in listing({"customer": made[0]}).data] == [made[0]]


# ---- Books of its own


def test_it_is_never_called_inside_a_transaction(world: World) -> None:
    with transaction(), pytest.raises(RuntimeError, match="between transactions"):
        world.gateway.balance()


def test_what_it_keeps_does_not_hang_on_our_transaction(session: Session, world: World) -> None:
    session.execute(text("SELECT 1")).all()  # we are reading
    reference = world.gateway.open_checkout(world.asked()).reference
    session.rollback()
    assert world.gateway.read_checkout(reference).outcome == "open"


def test_what_breaks_within_leaves_nothing(world: World) -> None:
    charge = world.paid()
    before = (world.notices(), len(list(world.gateway.movements())))
    with suppress(ZeroDivisionError), world.sandbox.books() as books:
        books.move("refund", "re_1", -100, "chf")
        books.tell("refund.created", {"id": "re_1", "object": "refund"})
        _ = 1 / 0
    assert (world.notices(), len(list(world.gateway.movements()))) == before
    assert world.gateway.read_charge(charge.intent).outcome == "paid"


def test_another_process_sees_the_same(app: Flask, world: World) -> None:
    charge = world.paid()
    other = World(app)
    assert other.gateway.read_charge(charge.intent).charge == charge
    assert other.gateway.balance() == world.gateway.balance()


def test_names_are_not_to_be_guessed(world: World) -> None:
    references = {world.gateway.open_checkout(world.asked()).reference for _ in range(20)}
    assert len({one[:20] for one in references}) == 20
    assert all(one.startswith("cs_test_") and len(one) == 32 for one in references)


def test_faults_at_random_never_do_anything_twice(new_world: NewWorld) -> None:
    world = new_world(faults=0)
    account = world.helper()
    charges = [world.paid() for _ in range(10)]
    world.sandbox.switches.faults = 40
    world.sandbox.faults.chance.seed(7)
    asked = [world.transfer_of(charge, account, 4000) for charge in charges]
    left, silences = list(asked), 0
    while left:
        try:
            world.gateway.transfer(left[0])
            left.pop(0)
        except GatewaySilent:
            silences += 1
    world.sandbox.switches.faults = 0
    assert silences > 3
    kinds = Counter(one.kind for one in world.gateway.movements())
    assert kinds == {"charge": 10, "transfer": 10}


def test_the_books_are_the_transports_alone(session: Session, world: World) -> None:
    """Each line comes from an object of the sandbox, and each movement of money has its line."""
    charge, account = world.paid(), world.helper()
    world.gateway.transfer(world.transfer_of(charge, account, 4000))
    world.gateway.refund(world.refund_of(charge, 500))
    sources = set(session.scalars(text("SELECT source FROM sandbox_movements WHERE account IS NULL")))
    kept = set(session.scalars(text("SELECT reference FROM sandbox_objects")))
    assert len(sources) == 3
    assert sources <= kept
    session.rollback()
