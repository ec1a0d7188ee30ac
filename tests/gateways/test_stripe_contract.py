"""The contract with Stripe: every call that we make and every object that the sandbox shows fits Stripe's own description."""

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import stripe
from sqlalchemy import select

from marketplace.domain.gateway import Evidence
from marketplace.gateways.payments import PaymentGateway
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.gateways.payments.sandbox.payer import TWINT
from marketplace.gateways.payments.stripe_part import API_VERSION
from marketplace.models import SandboxObject
from tests.gateways.stripe_schema import CALLS, OBJECTS, VERSION, call_of, coerced, faults, faults_of_object, nested
from tests.gateways.stripe_world import BACK, World

Figure = Callable[..., None]
# What the app reads of each object: the description demands few parts, we demand these.
READ = {
    "account": {"id", "capabilities", "details_submitted", "requirements"},
    "balance": {"available", "pending"},
    "balance_transaction": {"id", "type", "reporting_category", "source", "amount", "fee", "currency", "created"},
    "charge": {"id", "amount_captured", "currency", "balance_transaction"},
    "checkout.session": {
        *("id", "client_reference_id", "status", "mode", "payment_status", "payment_intent", "setup_intent"),
        *("amount_total", "currency", "url", "metadata"),
    },
    "dispute": {
        "id",
        "payment_intent",
        "amount",
        "balance_transactions",
        "currency",
        "reason",
        "status",
        "evidence_details",
    },
    "event": {"id", "type", "created", "data", "livemode"},
    "payment_intent": {"id", "status", "latest_charge", "last_payment_error", "metadata"},
    "refund": {"id", "status", "amount", "currency", "metadata"},
    "setup_intent": {"status", "customer", "payment_method", "last_setup_error"},
    "transfer": {"id", "amount", "amount_reversed", "currency", "metadata"},
    "transfer_reversal": {"id", "amount", "currency", "metadata"},
}
EVIDENCE = Evidence("Anna", "anna@example.org", "Wi-Fi", "2026-11-21", "Terms", "Visit log")


def live_through(world: World) -> None:
    """Use the whole door once."""
    gateway, sandbox = world.gateway, world.sandbox
    charge = world.paid(method=TWINT)
    left = gateway.open_checkout(world.asked()).reference
    sandbox.pay(left, DECLINED_CARD)
    gateway.close_checkout(left)
    card = world.kept_card()
    asked = world.charge_of(card)
    later = gateway.charge(asked).charge
    assert later is not None
    gateway.find_charge(asked)
    gateway.read_charge(later.intent)
    refund = gateway.refund(world.refund_of(charge, 500))
    gateway.read_refund(refund.reference)
    gateway.find_refund(charge.intent, "nobody")
    account = world.helper(ready=False)
    gateway.onboarding_page(account, return_url=BACK, refresh_url=BACK)
    sandbox.onboard(account)
    gateway.read_account(account)
    gateway.account_page(account)
    transfer = gateway.transfer(world.transfer_of(charge, account, 4000)).reference
    gateway.read_transfer(transfer)
    gateway.find_transfer("booking_1", "nobody")
    gateway.reverse(world.reversal_of(transfer, 100))
    gateway.find_reversal(transfer, "nobody")
    sandbox.pay_out(100, account=account)
    sandbox.fail_payout(sandbox.pay_out(100, account=account))
    sandbox.fail_payout(sandbox.pay_out(100))
    sandbox.top_up(100)
    sandbox.bill(100)
    dispute = sandbox.open_dispute(later.reference)
    gateway.read_dispute(dispute)
    gateway.answer_dispute(dispute, EVIDENCE, key="evidence-1")
    sandbox.close_dispute(dispute, won=True)
    sandbox.finish_refund(refund.reference, done=False)
    sandbox.disconnect(world.helper())
    gateway.balance()
    list(gateway.movements())


def read_back(world: World) -> None:
    """Ask the sandbox for every object it keeps."""
    paths = {"checkout.session": "checkout/sessions"}
    with world.sandbox.books() as books:
        rows = books.session.execute(select(SandboxObject.kind, SandboxObject.reference)).all()
    for kind, reference in rows:
        path = f"/v1/{paths.get(kind, f'{kind}s')}/{reference}"
        if call_of("get", path):
            with suppress(stripe.PermissionError):  # one account was taken away from us
                world.client.raw_request("get", path)


def test_the_schema_is_of_the_version_that_we_ask_for() -> None:
    assert VERSION == API_VERSION


def test_every_part_of_the_door_is_used_and_every_call_and_object_fits(world: World, figure: Figure) -> None:
    used: set[str] = set()
    for name in _verbs():
        inner = getattr(world.gateway, name)
        setattr(world.gateway, name, _noted(used, name, inner))
    live_through(world)
    used.add("notice")  # asks nobody
    assert _verbs() - used == set()
    world.client.v1.charges.list({"transfer_group": "booking_1"})
    read_back(world)
    exchanges = world.recorder.exchanges
    assert all(one.headers["Stripe-Version"] == API_VERSION for one in exchanges)
    seen = {inner.get("object") for one in exchanges for inner in _all_within(one.body)}
    assert seen >= set(READ) - {"event"}
    figure("calls held against Stripe's description", len(exchanges))
    figure("objects held against Stripe's description", len(world.shown()))  # the fixture asks each


def _verbs() -> set[str]:
    return {name for name in vars(PaymentGateway) if not name.startswith("_")}


def _noted(used: set[str], name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*args: Any, **named: Any) -> Any:
        used.add(name)
        return inner(*args, **named)

    return noted


def test_the_money_that_moves_bears_our_words(world: World) -> None:
    """What the description leaves open: words of ours by which a call is found again, and methods that exist."""
    live_through(world)
    for one in world.recorder.exchanges:
        given = nested(one.form)
        if one.method == "post" and one.path in ("/v1/refunds", "/v1/transfers", "/v1/payment_intents", "/v1/accounts"):
            assert given["metadata"]["key"] == one.headers["Idempotency-Key"]
        for word in given.get("payment_method_types", {}).values():
            assert word in ("card", "twint")
        if one.method == "post" and one.path == "/v1/payment_intents":
            assert given["capture_method"] == "automatic"  # or its cost would not be known at once
        if given.get("mode") == "payment":
            assert given["payment_intent_data"]["capture_method"] == "automatic"
            assert given["payment_intent_data"]["metadata"]["payment"] == given["client_reference_id"]


@pytest.mark.parametrize("kind", sorted(READ))
def test_the_sandbox_shows_what_we_read(world: World, kind: str) -> None:
    live_through(world)
    shown = [one for one in _all_within(world.shown()) if one.get("object") == kind]
    assert shown
    assert all(READ[kind] <= one.keys() for one in shown)


def _all_within(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _all_within(one)


def test_a_wrong_call_is_seen(world: World, figure: Figure) -> None:
    live_through(world)
    planted = 0
    for one in world.recorder.exchanges:
        call = call_of(one.method, one.path)
        assert call is not None
        given = nested(one.form)
        for wrong, why in _spoilt(CALLS[call], given):
            assert list(faults(CALLS[call], coerced(CALLS[call], wrong))), (call, why)
            planted += 1
    assert planted > 80
    figure("wrong calls planted, all seen", planted)


def test_a_wrong_object_is_seen(world: World, figure: Figure) -> None:
    live_through(world)
    planted = 0
    for shown in world.shown():
        kind = shown.get("object")
        if kind in READ and kind != "event":
            for name in OBJECTS[kind].get("required", []):
                assert faults_of_object(
                    {key: value for key, value in shown.items() if key != name} | {"object": kind}
                ) or (name == "object")
            assert faults_of_object({**shown, "invented": 1})
            assert faults_of_object({**shown, "livemode" if "livemode" in shown else "object": "perhaps"})
            planted += 3
    assert planted > 100
    figure("wrong objects planted, all seen", planted)


def test_a_call_that_stripe_does_not_have_is_seen(world: World) -> None:
    assert call_of("post", "/v1/escrows") is None
    assert call_of("delete", "/v1/refunds") is None
    assert call_of("post", "/v1/checkout/sessions/cs_1/expire") == "post /v1/checkout/sessions/{session}/expire"


def _spoilt(schema: dict[str, Any], given: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The call with one thing wrong: an unknown part anywhere, a missing one, a word for a number, an unknown word."""
    for path, part_schema, _ in _parts(schema, given, ()):
        if part_schema.get("additionalProperties") is False:
            yield _with(given, (*path, "unknown_part"), "1"), f"unknown part in {path}"
            for name in part_schema.get("required", []):
                yield _without(given, (*path, name)), f"{name} is missing in {path}"
        if part_schema.get("type") in ("integer", "boolean"):
            yield _with(given, path, "many"), f"a word in {path}"
        if "enum" in part_schema:
            yield _with(given, path, "nonsense"), f"an unknown word in {path}"


def _parts(schema: dict[str, Any], value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Every part of a call with the schema that it is read by."""
    if "anyOf" in schema:
        fitting = [one for one in schema["anyOf"] if not list(faults(one, coerced(one, value)))]
        if len(schema["anyOf"]) == 1 or all(one.get("enum") == [""] or one in fitting for one in schema["anyOf"]):
            yield from _parts(fitting[0], value, path)
        return
    yield path, schema, value
    if isinstance(value, dict):
        for name, one in value.items():
            inner = schema.get("items") if schema.get("type") == "array" else schema.get("properties", {}).get(name)
            if inner is not None:
                yield from _parts(inner, one, (*path, name))


def _with(given: dict[str, Any], path: tuple[str, ...], value: str) -> dict[str, Any]:
    changed = copy.deepcopy(given)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def _without(given: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(given)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner.pop(path[-1], None)
    return changed


def test_a_page_for_a_card_alone_takes_no_twint(world: World) -> None:
    world.gateway.open_checkout(world.asked(500_001))
    world.gateway.open_checkout(world.asked(5000, currency="EUR"))
    world.gateway.open_checkout(world.asked(500_000))
    methods = [nested(one.form)["payment_method_types"].values() for one in world.recorder.exchanges]
    assert [list(one) for one in methods] == [["card"], ["card"], ["card", "twint"]]
    assert GOOD_CARD not in str(world.recorder.exchanges)
