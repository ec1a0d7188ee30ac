"""The payment door on Stripe's library: what it asks once, what it makes of refusals and silence, and whom it believes."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
import stripe
from flask import Flask

from marketplace import clock
from marketplace.domain.gateway import AccountRequest, Evidence
from marketplace.gateways.payments import Endpoint, GatewayDenied, GatewayForged, GatewaySilent
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
from marketplace.gateways.payments.sandbox.switches import FAULTS, Fault
from tests.gateways.stripe_world import BACK, World

NewWorld = Callable[..., World]
EVIDENCE = Evidence("Anna", "anna@example.org", "Wi-Fi", "2026-11-21", "Terms", "Visit log")
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


@pytest.mark.parametrize("card", [ASKING_CARD, ALWAYS_ASKING_CARD])
def test_a_bank_may_want_its_customer(world: World, card: str) -> None:
    kept = world.kept_card(card)
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


# ---- Silence


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


# ---- Whom it believes


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
