"""Whom the payment door believes: what is signed for the endpoint, lately, and not tampered with."""

import json
import time
from collections.abc import Callable

import pytest
import stripe

from marketplace.gateways.payments import Endpoint, GatewayForged
from tests.gateways.stripe_world import World


def signed(world: World, body: str, endpoint: Endpoint, **when: int) -> str:
    return stripe.WebhookSignature.generate_signature_header(body, world.sandbox.secrets[endpoint], **when)


def told(**other: object) -> str:
    """An event as it comes."""
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-08-26.dahlia",
        "created": 1_795_000_000,
        "data": {"object": {"id": "re_1", "object": "refund", "metadata": {"refund": "ref1"}}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": None,
        "type": "refund.updated",
    }
    return json.dumps(event | other)


def test_a_signed_message_is_believed(world: World) -> None:
    body = told()
    notice = world.gateway.notice(body.encode(), signed(world, body, "platform"), endpoint="platform")
    assert (notice.event_id, notice.kind, notice.subject, notice.reference) == (
        "evt_1",
        "refund.updated",
        "refund",
        "re_1",
    )
    assert (notice.ours, notice.at.timestamp()) == ("ref1", 1_795_000_000)


def test_what_is_not_signed_for_us_is_forged(world: World, figure: Callable[..., None]) -> None:
    body, now = told(), int(time.time())
    good = signed(world, body, "platform")
    other_secret = stripe.WebhookSignature.generate_signature_header(body, "whsec_guessed")
    forged = [
        (body.encode(), ""),
        (body.encode(), "nonsense"),
        (body.encode(), "t=,v1="),
        (body.encode(), f"t={now},v0={good.rpartition('=')[2]}"),
        (body.encode(), f"t={now},v1=äöü"),
        (body.encode(), other_secret),
        (body.encode(), signed(world, body, "connect")),  # the other endpoint's
        (body.encode(), signed(world, body, "platform", timestamp=now - 301)),  # stale
        (body.encode(), good.replace("t=", "t=1")),
        (body.replace("re_1", "re_2").encode(), good),  # tampered
        (body.encode() + b" ", good),
        (b"", good),
        (b"\xff\xfe", good),
    ]
    for raw, signature in forged:
        with pytest.raises(GatewayForged):
            world.gateway.notice(raw, signature, endpoint="platform")
    figure("forged, stale and tampered messages, all refused", len(forged))


def test_signed_nonsense_is_refused(world: World) -> None:
    for body in ("{}", "[]", "no json", '{"object": "event"}', told(data={})):
        with pytest.raises(GatewayForged):
            world.gateway.notice(body.encode(), signed(world, body, "platform"), endpoint="platform")


def test_a_message_of_the_other_world_is_about_nothing_of_ours(world: World) -> None:
    body = told(livemode=True)
    assert world.gateway.notice(body.encode(), signed(world, body, "platform"), endpoint="platform").subject == "other"


@pytest.mark.parametrize("kind", ["payout.paid", "account.application.deauthorized"])
def test_what_happens_at_a_helpers_account_is_about_the_account(world: World, kind: str) -> None:
    body = told(type=kind, account="acct_1", data={"object": {"id": "po_1", "object": "payout"}})
    notice = world.gateway.notice(body.encode(), signed(world, body, "connect"), endpoint="connect")
    assert (notice.subject, notice.reference) == ("account", "acct_1")
