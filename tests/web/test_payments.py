"""From the bid to the held money as a customer clicks it, with every wrong turn on the way."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox.cards import ALWAYS_ASKING_CARD, COSTS, DECLINED_CARD, GOOD_CARD, POOR_CARD
from marketplace.jobs.payments import cancel_unpaid, charge_due
from marketplace.models import Bid, BidStep, Booking, Entry, Payment, SandboxObject, Task, User
from marketplace.queries.ledger import balances, ledger_faults
from marketplace.web.filters import money
from marketplace.web.phones import dialled, readable
from marketplace.web.sandbox import adds_up
from tests.factories import (
    make_bid,
    make_helper,
    make_operator,
    make_task,
    make_user,
    tomorrow_at,
)
from tests.page import Page

SignIn = Callable[[User], Page]
REACH = {"address": "Rosenweg 3", "phone": "079 123 45 67"}
POLICY = Policy()


@pytest.fixture
def bid(session: Session) -> Bid:
    return make_bid(session, make_task(session))


@pytest.fixture
def customer(session: Session, bid: Bid) -> User:
    return session.get_one(User, session.get_one(Task, bid.task_id).customer_id)


@pytest.fixture
def page(sign_in: SignIn, customer: User) -> Page:
    return sign_in(customer)


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


@pytest.fixture
def cash_allowed(app: Flask) -> Iterator[None]:
    before = app.extensions["policy"]
    app.extensions["policy"] = replace(before, cash_allowed=1)
    yield
    app.extensions["policy"] = before


def acceptance(bid: Bid) -> str:
    return f"/bids/{bid.public_id}/acceptance"


def the(session: Session, model: type) -> object:
    """The only row of its kind."""
    session.expire_all()
    return session.scalars(select(model)).one()


# ---- The straight way


def test_from_the_bid_to_the_held_money(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid))
    for promise in ("Hans H.", "CHF 55.00", "hold", "sign off", "Cancelling costs nothing until"):
        assert promise in page.text
    page.submit(REACH).follow()
    assert "This is play money." in page.text
    assert "CHF 55.00" in page.text
    page.submit({"card": "4242 4242 4242 4242"}, form=ending(page)).follow(303)
    page.follow()
    assert "Paid and held safely" in page.text
    booking = the(session, Booking)
    assert (booking.state, booking.address, booking.phone) == ("confirmed", "Rosenweg 3", "+41791234567")
    assert the(session, Payment).state == "held"
    assert "Rosenweg 3, 3011 Bern" in page.text
    assert balances(session)["gateway"] == 5500 - COSTS["card"].of(5500)
    assert ledger_faults(session) == []


def checkouts(session: Session) -> int:
    """How many payment pages were opened at the gateway."""
    return session.scalar(select(func.count(SandboxObject.id)).where(SandboxObject.kind == "checkout.session")) or 0


def ending(page: Page) -> str:
    """Where the card form of the sandbox's page goes."""
    return next(str(form.get("action")) for form in page.document.forms if str(form.get("action")).endswith("/ending"))


def test_coming_back_again_and_again_changes_nothing(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    page.submit({"card": GOOD_CARD}, form=ending(page))
    back = page.location
    assert "your payment has arrived" in page.get(back, 303).follow().text
    for _ in range(3):
        page.get(back, 303)
    assert "your payment has arrived" not in page.follow().text
    assert session.scalar(select(func.count(Entry.id))) == 2  # the money, and what the gateway keeps of it


def test_coming_back_before_paying_shows_the_reservation(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH)
    page.get(f"/payments/{the(session, Payment).public_id}/return", 303).follow()
    assert "Continue the payment" in page.text
    assert the(session, Booking).state == "reserved"


# ---- Wrong turns


@pytest.mark.parametrize(
    ("card", "why"),
    [(DECLINED_CARD, "The card was declined."), (POOR_CARD, "There is not enough money on the card.")],
)
def test_a_decline_says_why_and_is_followed_by_another_try(
    session: Session, page: Page, bid: Bid, card: str, why: str
) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    page.submit({"card": card}, form=ending(page)).follow()
    assert page.document.findtext(".//title").startswith("Error:")
    assert why in page.text
    page.get(f"/payments/{the(session, Payment).public_id}/return", 303).follow()
    assert why in page.text
    assert "The time is kept for you until" in page.text
    booking = the(session, Booking)
    assert booking.state == "reserved"
    page.submit(form=f"/bookings/{booking.public_id}/payment").follow()
    page.submit({"card": GOOD_CARD}, form=ending(page)).follow(303).follow()
    assert why not in page.text
    assert (the(session, Booking).state, the(session, Payment).state) == ("confirmed", "held")
    assert checkouts(session) == 1


@pytest.mark.parametrize("paid_with", [{"card": ALWAYS_ASKING_CARD}, {"taken": "twint"}])
def test_the_bank_asks_and_a_refusal_is_followed_by_another_try(
    session: Session, page: Page, bid: Bid, paid_with: dict[str, str]
) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    page.submit(paid_with, form=(pay := ending(page)), status=200)
    assert page.all("h1")[0].text_content() in ("Your bank asks: is it you?", "Confirm in the TWINT app")
    page.submit({"confirms": "no"}, form=pay).follow()
    assert "The payment was not confirmed with your bank." in page.text
    assert the(session, Booking).state == "reserved"
    page.submit(paid_with, form=pay, status=200).submit({"confirms": "yes"}, form=pay).follow(303).follow()
    assert the(session, Booking).state == "confirmed"
    assert ledger_faults(session) == []


def test_a_test_card_is_taken_from_the_list_with_one_tap(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    taps = {button.get("value") for button in page.all("button[name=taken]")}
    assert {GOOD_CARD, ALWAYS_ASKING_CARD, POOR_CARD, DECLINED_CARD, "twint"} <= taps
    page.submit({"taken": GOOD_CARD}, form=ending(page)).follow(303)
    assert the(session, Payment).state == "held"


def test_leaving_the_payment_page_keeps_the_time_for_a_while(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    page.submit(form=ending(page).replace("ending", "abandonment")).follow(303).follow()
    assert "Continue the payment" in page.text
    booking = the(session, Booking)
    assert booking.state == "reserved"
    page.submit(form=f"/bookings/{booking.public_id}/abandonment").follow()
    session.expire_all()
    assert booking.state == "lapsed"
    page.get(acceptance(bid))  # and the bid may be accepted again


def test_the_gateway_silent_loses_nothing(session: Session, page: Page, bid: Bid, doors: Gateways) -> None:
    page.get(acceptance(bid))
    doors.sandbox.fail_next("checkout.sessions.create", "reset")
    page.submit(REACH, status=503)
    assert "Nothing was charged" in page.text
    booking = the(session, Booking)
    page.post(f"/bookings/{booking.public_id}/payment").follow()
    page.submit({"card": GOOD_CARD}, form=ending(page)).follow(303)
    assert the(session, Booking).state == "confirmed"


# ---- Credit, cash, a visit far ahead


def give_credit(session: Session, customer: User, cents: int) -> None:
    payments.give_credit(
        session, customer, by=make_operator(session), cents=cents, reason="Entschuldigung.", policy=POLICY
    )
    session.commit()


def test_credit_is_shown_and_used_and_the_card_pays_the_rest(
    session: Session, page: Page, bid: Bid, customer: User
) -> None:
    give_credit(session, customer, 2000)
    page.get(acceptance(bid))
    assert [" ".join(one.text_content().split()) for one in page.all(".money-effect dd")] == [
        "CHF 55.00",
        "CHF 20.00",
        "CHF 35.00",
    ]
    assert "You pay CHF 35.00 now." in page.text
    page.submit(REACH).follow()
    assert "Pay CHF 35.00" in page.text
    page.submit({"card": GOOD_CARD}, form=ending(page)).follow(303).follow()
    assert figure_on(page) == "CHF 55.00"
    assert balances(session)[f"held:{the(session, Booking).id}"] == 5500
    assert ledger_faults(session) == []


def test_credit_that_pays_all_needs_no_payment_page(session: Session, page: Page, bid: Bid, customer: User) -> None:
    give_credit(session, customer, 6000)
    page.get(acceptance(bid))
    assert "Your credit pays all of it." in page.text
    page.submit(REACH).follow()
    assert (the(session, Booking).state, the(session, Payment).state) == ("confirmed", "held")
    assert checkouts(session) == 0
    assert balances(session)[f"credit:{customer.id}"] == 500


def test_cash_is_offered_only_where_the_operator_allows_it(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid))
    assert not page.all("input[name=method]")
    page.submit({**REACH, "method": "cash"})
    assert the(session, Payment).method == "gateway"


@pytest.mark.usefixtures("cash_allowed")
def test_cash_is_agreed_at_once_and_paid_on_the_spot(session: Session, page: Page, bid: Bid, sign_in: SignIn) -> None:
    page.get(acceptance(bid)).submit({**REACH, "method": "stamps"}, status=422)
    page.submit({**REACH, "method": "cash"}).follow()
    assert "You pay CHF 55.00 to the helper on the spot" in page.text
    assert the(session, Booking).state == "confirmed"
    assert checkouts(session) == 0
    helper = sign_in(session.get_one(User, bid.helper_id))
    helper.get(f"/bookings/{the(session, Booking).public_id}")
    assert "The customer pays you CHF 55.00 on the spot." in helper.text
    assert ledger_faults(session) == []


@pytest.fixture
def far_ahead(session: Session) -> Bid:
    return make_bid(session, make_task(session), starts_at=tomorrow_at(10, days=100))


def booked_far_ahead(session: Session, page: Page, bid: Bid, card: str) -> tuple[Booking, Payment]:
    page.get(acceptance(bid))
    assert "Your card is saved now and charged on" in page.text
    page.submit(REACH).follow()
    assert "Save your card" in page.text
    page.submit({"taken": card}, form=ending(page), status=200 if card == ALWAYS_ASKING_CARD else 303)
    if card == ALWAYS_ASKING_CARD:
        page.submit({"confirms": "yes"}, form=ending(page))
    page.follow(303).follow()
    return the(session, Booking), the(session, Payment)


def test_a_visit_far_ahead_saves_the_card_and_charges_it_nearer_to_it(
    session: Session, sign_in: SignIn, far_ahead: Bid, doors: Gateways
) -> None:
    page = sign_in(session.get_one(User, session.get_one(Task, far_ahead.task_id).customer_id))
    booking, payment = booked_far_ahead(session, page, far_ahead, GOOD_CARD)
    assert (booking.state, payment.state) == ("confirmed", "card_saved")
    assert "Your card is charged on" in page.text
    page.get(f"/bookings/{booking.public_id}/cancellation")
    assert "Nothing was charged yet, so cancelling costs nothing." in page.text
    with clock.moved_to(booking.starts_at - timedelta(days=29)):
        assert charge_due(doors) == 1
        page = sign_in(session.get_one(User, booking.customer_id))
        page.get(f"/bookings/{booking.public_id}")
        assert "Paid and held safely" in page.text
    assert ledger_faults(session) == []


def test_what_the_bank_wants_confirmed_is_paid_on_a_page_or_the_visit_is_cancelled(
    session: Session, sign_in: SignIn, far_ahead: Bid, doors: Gateways
) -> None:
    customer = session.get_one(User, session.get_one(Task, far_ahead.task_id).customer_id)
    booking, _ = booked_far_ahead(session, sign_in(customer), far_ahead, ALWAYS_ASKING_CARD)
    with clock.moved_to(booking.starts_at - timedelta(days=29)):
        charge_due(doors)
        page, helper = sign_in(customer), sign_in(session.get_one(User, far_ahead.helper_id))
        page.get(f"/bookings/{booking.public_id}")
        assert "The payment was not confirmed with your bank." in page.text
        assert "Pay CHF 55.00 now" in page.text
        assert "Pay CHF" not in helper.get(f"/bookings/{booking.public_id}").text
        page.submit(form=f"/bookings/{booking.public_id}/payment").follow()
        page.submit({"card": GOOD_CARD}, form=ending(page)).follow(303).follow()
        assert (the(session, Booking).state, the(session, Payment).state) == ("confirmed", "held")
    with clock.moved_to(booking.starts_at - timedelta(days=2)):
        assert cancel_unpaid(doors, policy=POLICY) == 0
    assert ledger_faults(session) == []


# ---- Other wrong turns


def test_a_second_acceptance_shows_the_first_one_and_two_ways_on(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH)
    sibling = make_bid(session, session.get_one(Task, bid.task_id))
    for again in (bid, sibling):
        page.get(acceptance(again), 409)
        page.post(acceptance(again), {**REACH, "terms": "1"}, 409)
        assert "A payment is already under way" in page.text
    assert session.scalar(select(func.count(Booking.id))) == 1
    page.submit(form=f"/bookings/{the(session, Booking).public_id}/payment").follow()
    assert "play money" in page.text
    assert checkouts(session) == 1


def test_paying_twice_on_one_page_is_one_payment(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    pay = ending(page)
    for _ in range(3):
        page.post(pay, {"card": GOOD_CARD}).follow(303)
    assert session.scalar(select(func.count(Entry.id))) == 2
    page.get(pay.replace("/ending", ""))
    assert "This payment page has ended." in page.text


def test_a_bid_changed_meanwhile_is_shown_before_it_is_accepted(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid))
    step = session.scalars(select(BidStep).where(BidStep.bid_id == bid.id)).one()
    terms = {name: getattr(step, name) for name in ("bid_id", "minutes", "included", "starts_at", "expires_at", "at")}
    session.add(BidStep(number=2, side="helper", price_cents=9900, **terms))
    bid.price_cents = 9900
    session.commit()
    page.submit(REACH, status=409)
    assert "has changed this bid" in page.text
    assert session.scalar(select(func.count(Booking.id))) == 0


@pytest.mark.parametrize("terms", ["", "abc", "-1", "99999999999999999999", "9" * 5_000, "²"])
def test_made_up_terms_are_refused(session: Session, page: Page, bid: Bid, terms: str) -> None:
    page.post(acceptance(bid), {**REACH, "terms": terms}, 409)
    assert session.scalar(select(func.count(Booking.id))) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": ""},
        {"address": "   "},
        {"address": "x" * 201},
        {"phone": ""},
        {"phone": "abc"},
        {"phone": "12"},
        {"phone": "0" * 60},
    ],
)
def test_address_and_phone_are_needed(session: Session, page: Page, bid: Bid, wrong: dict[str, str]) -> None:
    page.get(acceptance(bid)).submit({**REACH, **wrong}, status=422)
    assert page.document.findtext(".//title").startswith("Error:")
    kept = {**REACH, **wrong}
    for field in page.all("main input[type=text], main input[type=tel]"):
        assert (field.get("value") or "") == kept[field.get("name")].strip()
    assert session.scalar(select(func.count(Booking.id))) == 0


def test_help_at_a_distance_needs_no_address(session: Session, sign_in: SignIn) -> None:
    task = make_task(session, remote=True)
    page = sign_in(session.get_one(User, task.customer_id))
    page.get(acceptance(make_bid(session, task)))
    assert not page.all("input[name=address]")
    page.submit({"phone": "031 301 23 45"})
    assert (the(session, Booking).address, the(session, Booking).phone) == (None, "+41313012345")


def test_strangers_come_nowhere(session: Session, bid: Bid, page: Page, sign_in: SignIn, client: Page) -> None:
    page.get(acceptance(bid)).submit(REACH)
    booking, payment = the(session, Booking), the(session, Payment)
    helper = session.get_one(User, bid.helper_id)
    others = (make_user(session), make_helper(session, "Hella Helferin"), make_operator(session, "admin"), helper)
    for person in others:
        stranger, refused = sign_in(person), 403 if person is helper else 404  # who may not know of a bid hears of none
        stranger.get(acceptance(bid), refused)
        stranger.post(acceptance(bid), {**REACH, "terms": "1"}, refused)
        stranger.get(f"/payments/{payment.public_id}/return", 404)
        stranger.get(f"/bookings/{booking.public_id}", 404)
        for act in ("payment", "abandonment"):
            stranger.post(f"/bookings/{booking.public_id}/{act}", status=404)
    client.get(acceptance(bid), 302)
    assert the(session, Booking).state == "reserved"


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("", "Please type the number"),
        ("abc", "12 to 19 digits"),
        ("4242 4242 4243", "one digit is wrong"),
        ("4242 4242 4242 4241", "one digit is wrong"),
        ("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "12 to 19 digits"),
        ("5555 5555 5555 4444", "Only the test cards"),
    ],
)
def test_a_wrong_card_number_says_what_is_wrong(session: Session, page: Page, bid: Bid, card: str, why: str) -> None:
    page.get(acceptance(bid)).submit(REACH).follow()
    page.submit({"card": card}, form=ending(page), status=422)
    assert why in page.text
    assert the(session, Payment).state == "prepared"
    assert page.all("input[name=card]")


def test_an_unknown_payment_page_is_not_found(page: Page) -> None:
    page.get("/sandbox/checkouts/nobody-knows", 404)
    page.post("/sandbox/checkouts/nobody-knows/ending", {"card": GOOD_CARD}, 404)
    page.post("/sandbox/checkouts/nobody-knows/abandonment", status=404)


def test_a_reservation_that_ran_out_says_so(session: Session, page: Page, bid: Bid) -> None:
    page.get(acceptance(bid)).submit(REACH)
    booking = the(session, Booking)
    with clock.moved_to(booking.reserved_until + timedelta(seconds=1)):
        page.get(f"/bookings/{booking.public_id}")
        assert "The time for paying is over." in page.text
        page.post(f"/bookings/{booking.public_id}/payment", status=409)


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("079 123 45 67", "CH", "+41791234567"),
        ("+423 232 12 34", "CH", "+4232321234"),
        ("030 901820", "DE", "+4930901820"),
    ],
)
def test_phone_numbers_are_kept_as_they_are_dialled(typed: str, country: str, number: str) -> None:
    assert dialled(typed, country) == number
    assert dialled(readable(number), country) == number


@pytest.mark.parametrize("digits", ["4242424242424242", "4000000000000002", "378282246310005"])
def test_the_digits_of_a_card_add_up_and_no_other_last_digit_does(digits: str) -> None:
    last = [end for end in "0123456789" if adds_up(digits[:-1] + end)]
    assert last == [digits[-1]]


# ---- To the rappen


def figure_on(page: Page) -> str:
    """The largest figure of a page."""
    return " ".join(page.all(".price-figure")[0].text_content().split())


def test_the_total_is_the_same_on_every_page(
    session: Session, sign_in: SignIn, full: bool, figure: Callable[[str, int], None]
) -> None:
    """The bid, the page before paying, the payment page, the booking and the ledger say one and the same figure."""
    chance = random.Random(500)
    helper, at = make_helper(session), tomorrow_at(6)
    page = sign_in(customer := make_user(session))
    for number in range(500 if full else 8):
        price = chance.randint(POLICY.price_min_cents, POLICY.price_max_cents)
        starts_at = at + timedelta(minutes=15 * number)
        values = {"price_cents": price, "fee_percent": chance.randint(0, 30), "minutes": 15, "starts_at": starts_at}
        bid = make_bid(session, make_task(session, customer), helper, expires_at=starts_at, **values)
        total = " ".join(money(price, "CHF").split())
        assert total in page.get(f"/bids/{bid.public_id}").text
        assert total == figure_on(page.get(acceptance(bid)))
        page.submit(REACH).follow()
        assert total == figure_on(page)
        page.submit({"card": GOOD_CARD}, form=ending(page)).follow(303).follow()
        assert total == figure_on(page)
        held = select(Entry.cents).where(Entry.from_account == "gateway").order_by(Entry.id.desc()).limit(1)
        assert session.scalars(held).one() == price
        figure("random prices equal on every page and in the ledger", 1)
    assert ledger_faults(session) == []
