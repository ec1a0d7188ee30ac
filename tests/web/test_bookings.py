"""The visit as its two sides click it, and how it is called off."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.policy import Policy
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs import deadlines
from marketplace.models import Booking, OutboxItem, Settlement, Task, User
from marketplace.queries.ledger import balances, ledger_faults
from marketplace.queries.payments import all_of
from marketplace.web.mails import words
from tests.factories import make_bid, make_booking, make_operator, make_task, make_user, payment_of
from tests.money import accept, finish, start
from tests.page import Page

SignIn = Callable[[User], Page]
BEFORE_PAYMENT = ("reserved", "lapsed")
OPENED = ("confirmed", "on_the_way", "started", "finished", "unsolved", "no_show", "signed_off")


def address(booking: Booking, more: str = "") -> str:
    return f"/bookings/{booking.public_id}{more}"


@pytest.fixture
def sides(session: Session, sign_in: SignIn) -> Callable[[Booking], tuple[Page, Page]]:
    """The browsers of a booking's customer and helper."""

    def both(booking: Booking) -> tuple[Page, Page]:
        people = (booking.customer_id, booking.helper_id)
        customer, helper = (sign_in(session.get_one(User, person)) for person in people)
        return customer, helper

    return both


def test_the_visit_from_setting_out_to_signing_off(session: Session, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session)
    customer, helper = sides(booking)
    with clock.moved_to(booking.starts_at):
        for act, turn in (("departure", "is on the way"), ("start", "is at work"), ("finish", "does it work?")):
            helper.get(address(booking)).submit(form=address(booking, f"/{act}"))
            assert turn in customer.get(address(booking)).text
    assert "signed off on" in customer.text
    customer.submit(form=address(booking, "/sign-off")).follow()
    assert "Signed off" in customer.text
    assert "For you" in helper.get(address(booking)).text
    assert balances(session)["revenue"] == 550
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", BOOKING.states)
def test_what_each_side_sees_in_every_state(
    session: Session, sides: Callable[..., tuple[Page, Page]], state: str
) -> None:
    """Address and phone are there while the visit is agreed, and at no other time."""
    booking = make_booking(session, state=state)
    customer, helper = sides(booking)
    customer.get(address(booking))
    helper.get(address(booking), 404 if state in BEFORE_PAYMENT else 200)
    assert ("Rosenweg 3" in helper.text) == (state in OPENED)
    assert ("+41 79 123 45 67" in helper.text) == (state in OPENED)
    assert ("Rosenweg 3" in customer.text) == (state in OPENED)
    own = {str(form.get("action")) for form in customer.document.forms} & {address(booking, "/sign-off")}
    assert bool(own) == (state in BOOKING.befores("sign_off"))


@pytest.mark.parametrize("state", BOOKING.states)
def test_nobody_else_sees_a_booking(session: Session, sign_in: SignIn, client: Page, state: str) -> None:
    booking = make_booking(session, state=state)
    for stranger in (make_user(session), make_operator(session, "admin")):
        page = sign_in(stranger)
        for more in ("", "/cancellation", "/unsolved", "/absence", "/objection"):
            page.get(address(booking, more), 404)
            assert "Rosenweg" not in page.text
        for act in ("sign-off", "unsolved", "cancellation", "absence", "objection", "extra/removal"):
            page.post(address(booking, f"/{act}"), {"note": "Ich.", "refund_cents": "5500"}, 404)
    client.get(address(booking), 302)
    assert session.get_one(Booking, booking.id).state == state


@pytest.mark.parametrize("act", ["departure", "start", "finish"])
def test_a_customer_does_not_take_the_helpers_steps(
    session: Session, sides: Callable[..., tuple[Page, Page]], act: str
) -> None:
    booking = make_booking(session)
    sides(booking)[0].post(address(booking, f"/{act}"), status=403)


def test_the_helpers_steps_are_shown_near_to_the_visit_only(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session)
    customer, helper = sides(booking)
    with clock.moved_to(booking.starts_at - timedelta(minutes=181)):
        helper.get(address(booking))
        assert "you can say here that you set out or begin" in helper.text
        assert not helper.all(f"form[action='{address(booking, '/departure')}']")
        assert not helper.all(f"form[action='{address(booking, '/start')}']")
        for act in ("departure", "start"):
            helper.post(address(booking, f"/{act}"), status=409)
            assert "works from 180 minutes before the agreed time on" in helper.text
        assert "you set out or begin" not in customer.get(address(booking)).text
    with clock.moved_to(booking.starts_at - timedelta(minutes=179)):
        helper.get(address(booking))
        assert "you can say here that you set out or begin" not in helper.text
        helper.submit(form=address(booking, "/departure"))
    assert session.get_one(Booking, booking.id).state == "on_the_way"


def test_giving_up_is_shown_near_to_the_visit_only(session: Session, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session, state="started")
    _, helper = sides(booking)
    with clock.moved_to(booking.starts_at - timedelta(minutes=181)):
        assert "No neighbour can solve it" not in helper.get(address(booking)).text
        helper.get(address(booking, "/not-solvable"), 409)
        helper.post(address(booking, "/not-solvable"), {"note": "Defekt."}, 409)
    with clock.moved_to(booking.starts_at - timedelta(minutes=179)):
        assert "No neighbour can solve it" in helper.get(address(booking)).text


def test_a_visit_that_is_not_finished_is_reported_once_its_end_is_over(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session, state="started")
    customer, helper = sides(booking)
    with clock.moved_to(booking.ends_at - timedelta(minutes=1)):
        customer.get(address(booking))
        assert "you can report here that it is not solved" in customer.text
        customer.get(address(booking, "/unsolved"), 409)
        assert "The helper is still at work." in customer.text
        customer.post(address(booking, "/unsolved"), {"note": "Nein."}, 409)
        assert "report here that it is not solved" not in helper.get(address(booking)).text
    with clock.moved_to(booking.ends_at):
        customer.get(address(booking))
        assert [link.text_content() for link in customer.all(f"a[href='{address(booking, '/unsolved')}']")] == [
            "It is not solved"
        ]
        customer.get(address(booking, "/unsolved")).submit({"note": "Niemand meldet sich."}).follow()
    assert session.get_one(Booking, booking.id).state == "unsolved"


def test_a_forgotten_visit_says_so_and_waits_for_the_operator(
    session: Session, app: Flask, sides: Callable[..., tuple[Page, Page]], sign_in: SignIn
) -> None:
    booking = make_booking(session, state="started")
    customer, helper = sides(booking)
    with clock.moved_to(booking.ends_at + timedelta(hours=25)):
        deadlines.work_off(app.extensions["gateways"].photos, policy=Policy())
        for side in (customer, helper):
            side.get(address(booking))
            assert "nobody has told us how the visit ended" in side.text
            assert "Nobody said how it ended" in side.text
            assert "Reported as not solved" not in side.text
        operator = sign_in(make_operator(session))
        operator.get("/operator/bookings?which=unsolved").get(f"/operator/bookings/{booking.public_id}")
        assert "Nobody said how it ended" in operator.text
        assert "Visit referred to us" in operator.text
        assert "Settle this visit" in operator.text
        customer.submit(form=address(booking, "/sign-off"))
    assert payment_of(session, booking).state == "released"
    assert ledger_faults(session) == []


def test_a_double_click_is_met_with_a_kind_page(session: Session, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session, state="finished")
    customer, helper = sides(booking)
    customer.post(address(booking, "/sign-off"))
    customer.post(address(booking, "/sign-off"), status=409)
    assert "Nothing was done twice." in customer.text
    helper.post(address(booking, "/finish"), status=409)
    assert ledger_faults(session) == []


def test_not_solved_keeps_the_money_held(session: Session, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session, state="finished")
    customer, helper = sides(booking)
    customer.get(address(booking, "/unsolved")).submit({"note": " "}, status=422)
    assert customer.document.findtext(".//title").startswith("Error:")
    customer.submit({"note": "Im Keller <b>kein</b> WLAN."}).follow()
    assert "Im Keller <b>kein</b> WLAN." in helper.get(address(booking)).text
    assert payment_of(session, booking).state == "held"
    customer.submit(form=address(booking, "/sign-off"))  # it works after all
    assert payment_of(session, booking).state == "released"


@pytest.mark.parametrize("state", ["confirmed", "started", "signed_off"])
def test_not_solved_can_only_be_said_of_a_finished_visit(
    session: Session, sides: Callable[..., tuple[Page, Page]], state: str
) -> None:
    booking = make_booking(session, state=state)
    customer, helper = sides(booking)
    customer.get(address(booking, "/unsolved"), 409)
    customer.post(address(booking, "/unsolved"), {"note": "Nein."}, 409)
    helper.get(address(booking, "/unsolved"), 409)


def test_cancelling_shows_its_cost_first(session: Session, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session)
    customer, _ = sides(booking)
    customer.get(address(booking, "/cancellation"))
    assert "you get everything back" in customer.text
    assert customer.all("input[name=refund_cents]")[0].get("value") == "5500"
    customer.submit(form=address(booking, "/cancellation")).follow()
    assert "Back to you" in customer.text
    assert session.get_one(Task, booking.task_id).state == "cancelled"
    assert ledger_faults(session) == []


def test_cancelling_late_shows_the_half_and_takes_no_old_page(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session)
    customer, _ = sides(booking)
    customer.get(address(booking, "/cancellation"))  # the page lies open over the limit
    with clock.moved_to(booking.starts_at - timedelta(hours=23)):
        customer.submit(form=address(booking, "/cancellation"), status=409)
        assert "has changed since you opened the page" in customer.text
        assert "CHF 27.50" in customer.text
        assert session.get_one(Booking, booking.id).state == "confirmed"
        customer.submit(form=address(booking, "/cancellation"), status=422)
        assert "I agree that I do not get CHF 27.50 back." in customer.text
        assert customer.document.findtext(".//title").startswith("Error:")
        assert session.get_one(Booking, booking.id).state == "confirmed"
        customer.submit({"agrees": "y"}, form=address(booking, "/cancellation"))
    assert payment_of(session, booking).refunded_cents == 2750
    assert ledger_faults(session) == []


@pytest.mark.parametrize("typed", ["", "abc", "-1", "5499", "1e9"])
def test_a_made_up_refund_changes_nothing(
    session: Session, sides: Callable[..., tuple[Page, Page]], typed: str
) -> None:
    booking = make_booking(session)
    sides(booking)[0].post(address(booking, "/cancellation"), {"refund_cents": typed, "agrees": "y"}, 409)
    assert session.get_one(Booking, booking.id).state == "confirmed"


def test_the_helper_cancels_and_the_customer_gets_everything_back(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session, make_bid(session, make_task(session), starts_at=clock.now() + timedelta(hours=2)))
    customer, helper = sides(booking)
    helper.get(address(booking, "/cancellation"))
    assert "gets everything back" in helper.text
    helper.submit(form=address(booking, "/cancellation"))
    assert payment_of(session, booking).refunded_cents == 5500
    assert session.get_one(Task, booking.task_id).state == "open"
    customer.get(address(booking))
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", sorted(set(BOOKING.states) - set(BOOKING.befores("cancel")) - set(BEFORE_PAYMENT)))
def test_what_has_begun_or_ended_is_not_cancelled(
    session: Session, sides: Callable[..., tuple[Page, Page]], state: str
) -> None:
    booking = make_booking(session, state=state)
    for side in sides(booking):
        side.get(address(booking, "/cancellation"), 409)
        side.post(address(booking, "/cancellation"), {"refund_cents": "5500"}, 409)


def test_my_bookings_are_those_of_both_my_sides(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session)
    helper = session.get_one(User, booking.helper_id)
    own = make_booking(session, make_bid(session, make_task(session, helper, title="Drucker druckt nicht")))
    later = make_bid(session, make_task(session), helper, starts_at=booking.starts_at + timedelta(hours=3))
    make_booking(session, later, state="reserved")
    page = sign_in(helper)
    page.get("/bookings")
    assert {str(link.get("href")) for link in page.all("main article a")} == {address(booking), address(own)}
    assert "You help Clara K." in page.text
    assert "Hans H. helps you" in page.text


def test_no_bookings_yet_says_how_one_comes_about(session: Session, sign_in: SignIn) -> None:
    sign_in(make_user(session)).get("/bookings")


def test_a_list_of_any_length_takes_the_same_statements(session: Session, sign_in: SignIn) -> None:
    customer = make_user(session)
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_booking(session, make_bid(session, make_task(session, customer)))
        page, statements = sign_in(customer), []
        listen = lambda *args, seen=statements: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        page.get("/bookings")
        event.remove(db.engine, "before_cursor_execute", listen)
        counts.append(len([one for one in statements if one.startswith("SELECT")]))
    assert counts[0] == counts[1]
    assert len(session.scalars(select(Booking)).all()) == 6


# ---- Somebody was not there


def settlements(session: Session, booking: Booking) -> list[tuple[int, int, int]]:
    """What each decision about the booking's money gave to customer, helper and platform."""
    session.expire_all()
    mine = select(Settlement).where(Settlement.booking_id == booking.id).order_by(Settlement.id)
    return [(one.refund_cents, one.helper_cents, one.fee_cents) for one in session.scalars(mine)]


def total_on(page: Page) -> str:
    """The total of the money's effect that a page shows."""
    return " ".join(page.all(".money-total dd")[0].text_content().split())


def after_start(booking: Booking, **ahead: int) -> AbstractContextManager[None]:
    return clock.moved_to(booking.starts_at + timedelta(**ahead))


def test_the_helper_did_not_come(session: Session, app: Flask, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session)
    customer, helper = sides(booking)
    with after_start(booking, minutes=14):
        assert "From 20:15 on you can report it here." in customer.get(address(booking)).text
        customer.get(address(booking, "/absence"), 409)
        assert "15 minutes after the agreed time" in customer.text
        customer.post(address(booking, "/absence"), status=409)
    with after_start(booking, minutes=15):
        customer.get(address(booking))
        assert "Hans H. did not come" in customer.text
        customer.get(address(booking, "/absence"))
        assert total_on(customer) == "CHF 55.00"
        assert session.get_one(Booking, booking.id).state == "confirmed"
        customer.submit().follow()
        assert "Hans H. may object until" in customer.text
        assert not customer.all(f"a[href='{address(booking, '/objection')}']")
        assert "Your turn: you were reported as not there." in helper.get(address(booking)).text
    with after_start(booking, hours=25):
        deadlines.work_off(app.extensions["gateways"].photos, policy=Policy())
        customer.get(address(booking))
        assert "was not there and did not object" in customer.text
        assert "nobody objected in time" in helper.get(address(booking)).text
    assert settlements(session, booking) == [(5500, 0, 0)]
    assert ledger_faults(session) == []


def test_the_customer_was_not_there(session: Session, app: Flask, sides: Callable[..., tuple[Page, Page]]) -> None:
    """What the page shows to the helper before the click is what happens."""
    booking = make_booking(session, make_bid(session, make_task(session), minutes=120))
    customer, helper = sides(booking)
    with after_start(booking, minutes=20):
        helper.get(address(booking, "/absence"), 409)
        assert "Please say first that you are on the way" in helper.text
        helper.post(address(booking, "/departure"))
        helper.get(address(booking))
        assert "Nobody is here" in helper.text
        helper.get(address(booking, "/absence"))
        shown = [" ".join(one.text_content().split()) for one in helper.all(".money-effect dd")]
        helper.submit()
        customer.get(address(booking))
        assert "I was there: object" in customer.text
    with after_start(booking, hours=25):
        deadlines.work_off(app.extensions["gateways"].photos, policy=Policy())
    [(refund, part, fee)] = settlements(session, booking)
    assert [f"CHF {cents / 100:.2f}" for cents in (refund, fee, part)] == shown
    assert (refund, part, fee) == (2750, 2475, 275)  # one hour of two
    assert ledger_faults(session) == []


def test_whoever_was_there_objects_and_the_money_stays_held(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session, state="no_show")
    customer, helper = sides(booking)
    helper.get(address(booking, "/objection"), 403)  # they reported it themselves
    helper.post(address(booking, "/objection"), {"note": "Doch."}, 403)
    customer.get(address(booking, "/objection")).submit({"note": " "}, status=422)
    customer.submit({"note": "Ich habe <i>geöffnet</i>."}).follow()
    assert "Ich habe <i>geöffnet</i>." in helper.get(address(booking)).text
    assert session.get_one(Booking, booking.id).state == "unsolved"
    assert payment_of(session, booking).state == "held"
    customer.get(address(booking, "/objection"), 409)


# ---- No neighbour can solve it


def test_no_neighbour_can_solve_it(session: Session, sides: Callable[..., tuple[Page, Page]]) -> None:
    booking = make_booking(session, state="started")
    customer, helper = sides(booking)
    customer.get(address(booking, "/not-solvable"), 403)
    with clock.moved_to(booking.starts_at):
        helper.get(address(booking)).get(address(booking, "/not-solvable"))
        assert total_on(helper) == "CHF 20.00"
        assert "CHF 35.00" in helper.text
        helper.submit({"note": ""}, status=422)
        assert total_on(helper) == "CHF 20.00"
        helper.submit({"note": "Das Netzteil ist durchgebrannt."}).follow()
    assert settlements(session, booking) == [(3500, 2000, 0)]
    customer.get(address(booking))
    assert "Das Netzteil ist durchgebrannt." in customer.text
    assert "CHF 35.00 is on its way back to your card." in customer.text
    helper.get(address(booking, "/not-solvable"), 409)
    assert ledger_faults(session) == []


def in_cash(session: Session) -> Booking:
    """A visit under way that is paid on the spot."""
    payment = accept(session, policy=Policy(cash_allowed=1), in_cash=True)
    return start(session, session.get_one(Booking, payment.booking_id))


def give_up(session: Session, helper: Page, booking: Booking) -> str:
    """What the helper is told before the click; then the click, whose answer is shown."""
    with clock.moved_to(booking.starts_at):
        helper.get(address(booking, "/not-solvable"))
        before = " ".join(helper.text.split())
        helper.submit({"note": "Das Netzteil ist durchgebrannt."}).follow()
    session.rollback()
    return before


def given_up_mail(session: Session, user_id: int) -> str:
    """The mail about a visit that was given up, as an English reader gets it."""
    reader = session.get_one(User, user_id)
    reader.language = "en"
    lying = select(OutboxItem.facts).where(OutboxItem.user_id == user_id, OutboxItem.kind == "visit_given_up")
    return words("visit_given_up", reader, session.scalars(lying).one())[1]


@pytest.mark.parametrize("is_cash", [False, True])
def test_giving_up_with_more_work_paid_says_what_really_goes_to_whom(
    session: Session, sides: Callable[..., tuple[Page, Page]], is_cash: bool
) -> None:
    """More work goes back whole; a call-out fee is taken of what is held for the visit only."""
    booking = in_cash(session) if is_cash else make_booking(session, state="started")
    customer, helper = sides(booking)
    propose(helper, booking, "15")  # less than the call-out fee
    customer.get(address(booking)).submit(form=address(booking, "/payment")).follow()
    customer.submit({"taken": GOOD_CARD}, form=_ending(customer)).follow(303)
    before = give_up(session, helper, booking)
    back, promise = ("CHF 15.00", False) if is_cash else ("CHF 50.00", True)
    assert f"The customer gets back{back}" in before
    assert "-CHF" not in before
    assert ("You get the call-out fee" in before, "you get the call-out fee" in helper.text) == (promise, promise)
    assert ("please settle the call-out fee between you" in before) == is_cash
    to_customer, to_helper = (given_up_mail(session, one) for one in (booking.customer_id, booking.helper_id))
    assert back in to_customer.replace("\u00a0", " ")
    assert ("call-out fee" in to_customer, "call-out fee" in to_helper) == (promise, promise)
    assert ledger_faults(session) == []


def test_giving_up_a_visit_in_cash_promises_no_call_out_fee(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = in_cash(session)
    _, helper = sides(booking)
    assert "there is no money to share" in give_up(session, helper, booking)
    assert "The customer is told." in helper.text
    assert "you get the call-out fee" not in helper.text


def test_signing_a_visit_in_cash_off_promises_the_helper_no_money_of_ours(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = finish(session, in_cash(session))
    customer, _ = sides(booking)
    customer.get(address(booking)).submit(form=address(booking, "/sign-off")).follow()
    assert "The visit is signed off." in customer.text
    assert "gets the money now" not in customer.text


# ---- More work on the spot


def propose(helper: Page, booking: Booking, price: str = "25", what: str = "Zweites Gerät") -> Page:
    """The helper types the proposal, sees the net, and sends it."""
    helper.get(address(booking, "/extra")).submit({"what": what, "price": price}, status=200)
    assert "You get" in helper.text
    return helper.submit().follow()


def test_more_work_is_proposed_paid_and_released_with_the_rest(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session, state="started")
    customer, helper = sides(booking)
    helper.get(address(booking, "/extra")).submit({"what": "Zweites Gerät", "price": "25"}, status=200)
    assert total_on(helper) == "CHF 22.50"
    assert len(all_of(session, booking.id)) == 1  # only shown so far
    helper.submit({"change": "yes"}, status=200)  # back to the form, with what was typed
    assert helper.all("input[name=what]")[0].get("value") == "Zweites Gerät"
    propose(helper, booking)
    helper.get(address(booking, "/extra")).submit({"what": "Noch eines", "price": "9", "checked": "yes"}, status=409)
    assert "Zweites Gerät" in customer.get(address(booking)).text
    assert total_on(customer) == "CHF 80.00"
    customer.submit(form=address(booking, "/payment")).follow()
    customer.submit({"taken": GOOD_CARD}, form=_ending(customer)).follow(303).follow()
    assert "Agree and pay" not in customer.text
    helper.get(address(booking)).submit(form=address(booking, "/finish"))
    customer.get(address(booking)).submit(form=address(booking, "/sign-off"))
    assert settlements(session, booking) == [(0, 4950, 550), (0, 2250, 250)]
    assert ledger_faults(session) == []


def _ending(page: Page) -> str:
    """Where the card form of the sandbox's page goes."""
    return next(str(form.get("action")) for form in page.document.forms if str(form.get("action")).endswith("/ending"))


@pytest.mark.parametrize("who", ["customer", "helper"])
@pytest.mark.parametrize("opened", [False, True])
def test_either_side_says_no_to_more_work(
    session: Session, sides: Callable[..., tuple[Page, Page]], who: str, opened: bool
) -> None:
    booking = make_booking(session, state="started")
    customer, helper = sides(booking)
    propose(helper, booking)
    if opened:
        customer.get(address(booking)).submit(form=address(booking, "/payment")).follow()
        pay = _ending(customer)
    side = {"customer": customer, "helper": helper}[who]
    side.get(address(booking)).submit(form=address(booking, "/extra/removal")).follow()
    assert "The additional work is off." in side.text
    assert "Zweites Gerät" not in side.text
    side.post(address(booking, "/extra/removal"), status=409)
    if opened:  # and nobody can pay there any more
        customer.get(pay.removesuffix("/ending"))
        assert "This payment page has ended." in customer.text
    assert [one.state for one in all_of(session, booking.id)] == ["held", "failed"]
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"price": "0"}, "between 5 and 1000"),
        ({"price": "4.99"}, "between 5 and 1000"),
        ({"price": "1000.01"}, "between 5 and 1000"),
        ({"price": "-20"}, "amount such as"),
        ({"price": "viel"}, "amount such as"),
        ({"price": ""}, "Please type your price"),
        ({"what": "  "}, "what the additional work is"),
        ({"what": "x" * 201}, "at most 200 characters"),
    ],
)
def test_more_work_needs_a_price_and_words(
    session: Session, sides: Callable[..., tuple[Page, Page]], typed: dict[str, str], why: str
) -> None:
    booking = make_booking(session, state="started")
    _, helper = sides(booking)
    given = {"what": "Zweites Gerät", "price": "25", "checked": "yes", **typed}
    helper.get(address(booking, "/extra")).submit(given, status=422)
    assert why in helper.text
    assert len(all_of(session, booking.id)) == 1


@pytest.mark.parametrize("state", ["confirmed", "on_the_way", "unsolved", "signed_off", "cancelled"])
def test_more_work_is_agreed_on_while_the_helper_is_there(
    session: Session, sides: Callable[..., tuple[Page, Page]], state: str
) -> None:
    booking = make_booking(session, state=state)
    customer, helper = sides(booking)
    helper.get(address(booking, "/extra"), 409)
    helper.post(address(booking, "/extra"), {"what": "Kabel", "price": "25", "checked": "yes"}, 409)
    customer.post(address(booking, "/extra"), {"what": "Kabel", "price": "25", "checked": "yes"}, 403)


# ---- How the payment stands, in words


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("card_saved", "Card saved, charged nearer to the visit"),
        ("action_needed", "Your bank wants you to confirm"),
        ("held", "Paid and held safely"),
        ("cash", "To be paid in cash on the spot"),
        ("released", "Paid to the helper"),
        ("refunded", "Paid back"),
        ("partly_refunded", "Partly paid back"),
    ],
)
def test_every_state_of_the_payment_is_said(
    session: Session, sides: Callable[..., tuple[Page, Page]], state: str, says: str
) -> None:
    booking = make_booking(session)
    payment = payment_of(session, booking)
    payment.state, payment.charge_at, payment.settled_at = state, booking.starts_at, clock.now()
    session.commit()
    customer, helper = sides(booking)
    for side in (customer, helper):
        assert says in side.get(address(booking)).text
        pays = side.all(f"form[action='{address(booking, '/payment')}']")
        assert bool(pays) == (state == "action_needed" and side is customer)
