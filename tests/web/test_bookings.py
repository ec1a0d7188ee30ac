"""The visit as its two sides click it, and how it is called off."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.domain.lifecycles import BOOKING
from marketplace.models import Booking, Task, User
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import make_bid, make_booking, make_operator, make_task, make_user, payment_of
from tests.page import Page

SignIn = Callable[[User], Page]
BEFORE_PAYMENT = ("reserved", "lapsed")
OPENED = ("confirmed", "on_the_way", "started", "finished", "unsolved", "signed_off")


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
    for act, turn in (("departure", "is on the way"), ("start", "is at work"), ("finish", "does it work?")):
        helper.get(address(booking)).submit(form=address(booking, f"/{act}"))
        assert turn in customer.get(address(booking)).text
    assert "signed off on" in customer.text
    customer.submit(form=address(booking, "/sign-off")).follow()
    assert "Signed off" in customer.text
    assert "For the helper" in helper.get(address(booking)).text
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
        for more in ("", "/cancellation", "/unsolved"):
            page.get(address(booking, more), 404)
            assert "Rosenweg" not in page.text
        for act in ("sign-off", "unsolved", "cancellation"):
            page.post(address(booking, f"/{act}"), {"note": "Ich.", "refund_cents": "5500"}, 404)
    client.get(address(booking), 302)
    assert session.get_one(Booking, booking.id).state == state


@pytest.mark.parametrize("act", ["departure", "start", "finish"])
def test_a_customer_does_not_take_the_helpers_steps(
    session: Session, sides: Callable[..., tuple[Page, Page]], act: str
) -> None:
    booking = make_booking(session)
    sides(booking)[0].post(address(booking, f"/{act}"), status=403)


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
    assert "Back to the customer" in customer.text
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
        customer.submit(form=address(booking, "/cancellation"))
    assert payment_of(session, booking).refunded_cents == 2750
    assert ledger_faults(session) == []


@pytest.mark.parametrize("typed", ["", "abc", "-1", "5499", "1e9"])
def test_a_made_up_refund_changes_nothing(
    session: Session, sides: Callable[..., tuple[Page, Page]], typed: str
) -> None:
    booking = make_booking(session)
    sides(booking)[0].post(address(booking, "/cancellation"), {"refund_cents": typed}, 409)
    assert session.get_one(Booking, booking.id).state == "confirmed"


def test_the_helper_cancels_and_the_customer_gets_everything_back(
    session: Session, sides: Callable[..., tuple[Page, Page]]
) -> None:
    booking = make_booking(session, make_bid(session, make_task(session), starts_at=clock.now() + timedelta(hours=2)))
    customer, helper = sides(booking)
    helper.get(address(booking, "/cancellation"))
    assert "The customer gets everything back" in helper.text
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
