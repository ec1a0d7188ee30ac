"""The sandbox under Stripe's library: keys, refusals, books of its own, pages for payer and helper, events on their way."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import stripe
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import transaction
from marketplace.domain.gateway import GatewayNotice
from marketplace.gateways.payments import Endpoint, GatewaySilent
from marketplace.gateways.payments.sandbox.answers import ApiError
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.gateways.payments.sandbox.delivery import WEBHOOK_PATHS
from marketplace.gateways.payments.sandbox.payer import TWINT, NoSuchCard
from marketplace.gateways.payments.sandbox.switches import read_switches
from tests.gateways.stripe_world import BACK, World

NewWorld = Callable[..., World]
AGAIN = "https://example.org/again"
ENDPOINTS: dict[str, Endpoint] = {path: endpoint for endpoint, path in WEBHOOK_PATHS.items()}


def line(cents: int, currency: str = "chf") -> dict[str, Any]:
    return {"quantity": 1, "price_data": {"currency": currency, "unit_amount": cents, "product_data": {"name": "Help"}}}


def keyed(key: str) -> Any:
    return {"idempotency_key": key}


class Webhook:
    """Our own webhook: believes what is signed, and answers what it is told to."""

    def __init__(self, world: World, *answers: int) -> None:
        self.world, self.answers, self.notices = world, list(answers), list[GatewayNotice]()

    def __call__(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        signature = headers["Stripe-Signature"]
        notice = self.world.gateway.notice(body, signature, endpoint=ENDPOINTS[path])
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise ConnectionResetError
        if status == 200:
            self.notices.append(notice)
        return status

    def kinds(self) -> list[str]:
        return [one.kind for one in self.notices]


# ---- Keys


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


# ---- Pages


def test_the_payment_page_shows_what_is_asked(world: World) -> None:
    asked = world.asked()
    reference = world.gateway.open_checkout(asked).reference
    page = world.sandbox.page(reference)
    assert page is not None
    assert (page.amount_cents, page.currency, page.description, page.saves_card) == (5500, "CHF", "Help", False)
    assert (page.methods, page.is_open, page.way_back, page.reason) == (("card", "twint"), True, BACK, None)
    world.sandbox.pay(reference, DECLINED_CARD)
    page = world.sandbox.page(reference)
    assert page is not None
    assert page.reason == "generic_decline"
    assert world.sandbox.page("nobody-knows") is None


def test_the_page_for_a_card_shows_what_will_be_charged(world: World) -> None:
    page = world.sandbox.page(world.gateway.open_checkout(world.asked(7500, saves_card=True)).reference)
    assert page is not None
    assert (page.amount_cents, page.saves_card, page.methods, page.description) == (7500, True, ("card",), "Help")


@pytest.mark.parametrize("method", ["4111111111111111", "", "visa"])
def test_only_test_cards_pay(world: World, method: str) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference
    with pytest.raises(NoSuchCard):
        world.sandbox.pay(reference, method)
    assert world.gateway.read_checkout(reference).outcome == "open"


def test_twint_pays_only_where_it_is_offered(world: World) -> None:
    reference = world.gateway.open_checkout(world.asked(saves_card=True)).reference
    with pytest.raises(NoSuchCard):
        world.sandbox.pay(reference, TWINT)
    with pytest.raises(ApiError):
        world.sandbox.pay("nobody-knows", TWINT)


def test_a_page_is_paid_once(world: World) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference
    for _ in range(3):
        assert world.sandbox.pay(reference, GOOD_CARD).url == BACK
    assert [one.kind for one in world.gateway.movements()] == ["charge"]


def test_a_page_expires_by_itself_and_says_so(world: World) -> None:
    reference = world.gateway.open_checkout(world.asked()).reference
    world.sandbox.pay(reference, DECLINED_CARD)
    with clock.moved_to(clock.now() + timedelta(hours=1)):
        webhook = Webhook(world)
        world.sandbox.deliver(webhook)
        assert webhook.kinds() == [
            "payment_intent.payment_failed",
            "payment_intent.canceled",
            "checkout.session.expired",
        ]
        assert world.sandbox.pay(reference, GOOD_CARD).url == BACK
        fact = world.gateway.read_checkout(reference)
    assert (fact.outcome, fact.reason) == ("abandoned", "generic_decline")


def test_an_onboarding_page_is_for_one_use(world: World) -> None:
    account = world.helper(ready=False)

    def link() -> str:
        url = world.gateway.onboarding_page(account, return_url=BACK, refresh_url=AGAIN)
        return url.rpartition("/")[2]

    token = link()
    page = world.sandbox.onboarding(token)
    assert page is not None
    assert (page.account, page.is_usable, page.email) == (account, True, "lea@example.org")
    assert world.sandbox.finish_onboarding(token, complete=False) == BACK
    assert world.sandbox.finish_onboarding(token) == AGAIN
    assert not world.gateway.read_account(account).ready
    late = link()
    with clock.moved_to(clock.now() + timedelta(minutes=6)):
        assert world.sandbox.finish_onboarding(late) == AGAIN
    assert world.sandbox.finish_onboarding(link()) == BACK
    assert world.gateway.read_account(account).ready
    assert world.sandbox.onboarding("nobody-knows") is None
    with pytest.raises(LookupError):
        world.sandbox.finish_onboarding("nobody-knows")


def test_a_helper_sees_what_is_there(world: World) -> None:
    charge, account = world.paid(), world.helper()
    world.gateway.transfer(world.transfer_of(charge, account, 4800))
    token = world.gateway.account_page(account).rpartition("/")[2]
    page = world.sandbox.account_page(token)
    assert page is not None
    assert (page.available_cents, page.pending_cents, page.currency) == (4800, 0, "CHF")
    assert world.sandbox.account_page("nobody-knows") is None


def test_an_account_can_become_unready_again(world: World) -> None:
    account = world.helper()
    world.sandbox.restrict(account)
    assert not world.gateway.read_account(account).ready


def test_the_desk_shows_the_newest(world: World) -> None:
    first, second = world.paid(1000), world.paid(2000)
    world.sandbox.open_dispute(first.reference)
    assert [(one.reference, one.amount_cents, one.is_disputed) for one in world.sandbox.newest()] == [
        (second.reference, 2000, False),
        (first.reference, 1000, True),
    ]
    assert [one.status for one in world.sandbox.newest("dispute")] == ["needs_response"]
    with pytest.raises(ValueError):
        world.sandbox.open_dispute(second.reference, "a whim")
    assert world.sandbox.open_dispute(first.reference) == world.sandbox.newest("dispute")[0].reference


# ---- Events


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


def test_the_books_are_the_transports_alone(session: Session, world: World) -> None:
    """Each line comes from an object of the sandbox, and each movement of money has its line."""
    charge, account = world.paid(), world.helper()
    world.gateway.transfer(world.transfer_of(charge, account, 4000))
    world.gateway.refund(world.refund_of(charge, 500))
    sources = set(session.scalars(select(text("source")).select_from(text("sandbox_movements WHERE account IS NULL"))))
    kept = set(session.scalars(select(text("reference")).select_from(text("sandbox_objects"))))
    assert len(sources) == 3
    assert sources <= kept
    session.rollback()
