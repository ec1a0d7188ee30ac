"""The sandbox's pages for payer and helper, and its desk."""

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.gateways.payments.sandbox.answers import ApiError
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.gateways.payments.sandbox.payer import TWINT, NoSuchCard
from tests.gateways.stripe_world import BACK, Webhook, World

AGAIN = "https://example.org/again"


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
