"""The sandbox's events on their way to our webhook."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.gateways.payments.sandbox.switches import read_switches
from tests.gateways.stripe_world import Webhook, World

NewWorld = Callable[..., World]


def test_events_are_delivered_once_signed_for_their_endpoint(world: World) -> None:
    charge, account = world.paid(), world.helper()
    world.gateway.transfer(world.transfer_of(charge, account, 4800))
    webhook = Webhook(world)
    assert world.sandbox.deliver(webhook) == 4
    assert webhook.kinds() == [
        "payment_intent.succeeded",
        "checkout.session.completed",
        "account.updated",
        "transfer.created",
    ]
    assert [one.subject for one in webhook.notices] == ["intent", "checkout", "account", "transfer"]
    assert world.sandbox.deliver(webhook) == 0
    assert world.sandbox.waiting() == 0


def test_nothing_is_delivered_by_a_request(world: World) -> None:
    world.paid()
    assert world.sandbox.waiting() == 2


@pytest.mark.parametrize("answer", [0, 400, 409, 500, 302])
def test_an_event_that_is_not_taken_comes_again(world: World, answer: int) -> None:
    world.paid()
    webhook = Webhook(world, answer, answer)
    assert world.sandbox.deliver(webhook) == 0
    assert world.sandbox.deliver(webhook) == 0  # it waits
    assert world.sandbox.waiting() == 2
    assert world.sandbox.deliver(webhook, now=clock.now() + timedelta(seconds=3)) == 2
    assert webhook.kinds() == ["payment_intent.succeeded", "checkout.session.completed"]


def test_an_event_waits_for_longer_each_time_but_never_long(world: World) -> None:
    world.paid()
    webhook, now = Webhook(world, *[500] * 200), clock.now()
    tried = 0
    for second in range(120):
        before = len(webhook.answers)
        world.sandbox.deliver(webhook, now=now + timedelta(seconds=second))
        tried += before > len(webhook.answers)
    assert 5 <= tried <= 9


def test_an_event_taken_by_a_process_that_is_killed_comes_again(world: World) -> None:
    world.paid()

    class Killed(BaseException):
        pass

    def killed(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        raise Killed

    with pytest.raises(Killed):
        world.sandbox.deliver(killed)
    webhook = Webhook(world)
    assert world.sandbox.deliver(webhook, now=clock.now() + timedelta(seconds=3)) == 2


def test_every_event_twice(new_world: NewWorld) -> None:
    world = new_world(duplicates=100)
    world.paid()
    webhook = Webhook(world)
    world.sandbox.deliver(webhook)
    world.sandbox.deliver(webhook)
    assert set(Counter(one.event_id for one in webhook.notices).values()) == {2}
    assert world.sandbox.waiting() == 0


def test_events_that_are_lost_come_with_a_redelivery(new_world: NewWorld) -> None:
    world = new_world(loss=100)
    world.paid()
    webhook = Webhook(world)
    assert world.sandbox.deliver(webhook) == 0
    assert world.sandbox.redeliver() == 2
    assert world.sandbox.deliver(webhook) == 2
    assert world.sandbox.redeliver(since=clock.now() + timedelta(minutes=1)) == 0
    assert world.sandbox.redeliver() == 2
    world.sandbox.deliver(webhook)
    assert set(Counter(one.event_id for one in webhook.notices).values()) == {2}


def test_events_that_are_delayed(new_world: NewWorld) -> None:
    world = new_world(delay=60)
    world.paid()
    webhook = Webhook(world)
    assert world.sandbox.deliver(webhook) == 0
    assert world.sandbox.deliver(webhook, now=clock.now() + timedelta(seconds=61)) == 2


def test_events_overtake_each_other(new_world: NewWorld) -> None:
    world = new_world(reorder=30)
    world.sandbox.chance.seed(3)
    for _ in range(10):
        world.paid()
    webhook = Webhook(world)
    assert world.sandbox.deliver(webhook, now=clock.now() + timedelta(seconds=31)) == 20
    assert webhook.kinds() != world.notices()
    assert sorted(webhook.kinds()) == sorted(world.notices())


def test_switches_are_read_from_a_line() -> None:
    switches = read_switches("duplicates=50, delay=3,")
    assert (switches.duplicates, switches.delay, switches.loss) == (50, 3, 0)
    for wrong in ("dubious=1", "delay=long"):
        with pytest.raises(ValueError):
            read_switches(wrong)


def test_the_events_of_a_whole_life(world: World) -> None:
    charge, account = world.paid(), world.helper()
    transfer = world.gateway.transfer(world.transfer_of(charge, account, 4000)).reference
    world.gateway.reverse(world.reversal_of(transfer, 4000))
    refund = world.gateway.refund(world.refund_of(charge, 500)).reference
    world.sandbox.finish_refund(refund, done=False)
    world.sandbox.close_dispute(world.sandbox.open_dispute(charge.reference), won=True)
    world.sandbox.pay_out(1, account=account)
    world.sandbox.disconnect(account)
    assert world.notices() == [
        "payment_intent.succeeded",
        "checkout.session.completed",
        "account.updated",
        "transfer.created",
        "transfer.reversed",
        "refund.created",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
        "payout.paid",
        "account.application.deauthorized",
    ]
    webhook = Webhook(world)
    world.sandbox.deliver(webhook)
    assert {one.subject for one in webhook.notices} == {
        "intent",
        "checkout",
        "account",
        "transfer",
        "refund",
        "dispute",
    }
    told = world.client.raw_request("get", f"/v1/events/{webhook.notices[0].event_id}")
    assert json.loads(told.body)["type"] == "payment_intent.succeeded"
