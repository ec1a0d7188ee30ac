"""Reviewing on the web: each side writes blind, reads what it waits for, and loses nothing to a mistake."""

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.lifecycles import BOOKING, BOOKING_DONE
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Profile, Review, User
from tests.factories import make_booking, make_done_booking, make_operator, make_user
from tests.page import Page

SignIn = Callable[[User], Page]
PRAISE, ANSWER = "Sehr geduldig erklärt.", "Alles war gut vorbereitet."
BEFORE_PAYMENT = ("reserved", "lapsed")


@pytest.fixture
def booking(session: Session) -> Booking:
    return make_done_booking(session)


@pytest.fixture
def customer(session: Session, booking: Booking, sign_in: SignIn) -> Page:
    return sign_in(session.get_one(User, booking.customer_id))


@pytest.fixture
def helper(session: Session, booking: Booking, sign_in: SignIn) -> Page:
    return sign_in(session.get_one(User, booking.helper_id))


def address(booking: Booking) -> str:
    return f"/bookings/{booking.public_id}/review"


def profile(session: Session, booking: Booking) -> str:
    return f"/helpers/{session.scalars(select(Profile.public_id).where(Profile.user_id == booking.helper_id)).one()}"


def test_a_review_waits_for_the_other_side_and_says_until_when(
    session: Session, booking: Booking, customer: Page, helper: Page, client: Page
) -> None:
    customer.get(address(booking))
    assert "Nobody sees your review before the other side has written too, or 14 days have passed." in customer.text
    customer.submit({"stars": "5", "words": PRAISE}).follow()
    assert "Your review opens on" in customer.text
    customer.get(address(booking))
    opens = session.scalars(select(Review.opens_at)).one().astimezone(ZoneInfo("Europe/Zurich"))
    assert "Waiting for the other side: visible on" in customer.text
    assert f"{opens.day} {opens:%B} {opens.year}" in customer.text
    assert PRAISE in customer.text
    for hidden in (helper.get(address(booking)), client.get(profile(session, booking))):
        assert PRAISE not in hidden.text
    assert helper.all("main textarea")  # and the helper still writes unswayed


def test_both_open_together_once_both_are_in(
    session: Session, booking: Booking, customer: Page, helper: Page, client: Page
) -> None:
    customer.get(address(booking)).submit({"stars": "5", "words": PRAISE})
    helper.get(address(booking)).submit({"stars": "4", "words": ANSWER})
    for side, other in ((customer, "Hans H. has written"), (helper, "Clara K. has written")):
        side.get("/notices")
        assert side.all(f"a[href='{address(booking)}']")  # the notice leads to what it announces
        side.get(address(booking))
        assert other in side.text
        assert "Visible since" in side.text
        assert "Waiting" not in side.text
        assert PRAISE in side.text
        assert ANSWER in side.text
    assert PRAISE in client.get(profile(session, booking)).text
    assert ANSWER not in client.text  # what is said about the customer stands on no public page


def test_when_the_window_has_closed_a_lonely_review_is_read_and_none_is_written(
    session: Session, booking: Booking, customer: Page, sign_in: SignIn
) -> None:
    customer.get(address(booking)).submit({"stars": "2", "words": "Kam zu spät."})
    with clock.moved_to(clock.now() + timedelta(days=Policy().review_days)):
        helper = sign_in(session.get_one(User, booking.helper_id)).get(address(booking))
        assert "The time for reviewing this booking is over." in helper.text
        assert "Kam zu spät." in helper.text
        assert not helper.all("main textarea")
        helper.post(address(booking), {"stars": "1"}, 409)
        assert "The time for reviewing this booking is over." in helper.text
    assert len(session.scalars(select(Review)).all()) == 1


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"words": PRAISE}, "Please choose one to five stars."),
        ({"words": PRAISE, "stars": "6"}, "Not a valid choice"),
        ({"words": PRAISE, "stars": "5", "punctuality": "viel"}, "Not a valid choice"),
        ({"words": PRAISE + "x" * 2000, "stars": "5"}, "Please use at most 2000 characters."),
    ],
    ids=["no stars", "six stars", "no such choice", "too long"],
)
def test_a_mistake_is_named_and_nothing_typed_is_lost(
    session: Session, booking: Booking, customer: Page, typed: dict[str, str], error: str
) -> None:
    customer.get(address(booking)).submit(typed, status=422)
    assert customer.document.findtext(".//title").startswith("Error:")
    assert error in customer.text
    assert customer.all("main textarea")[0].text_content().strip() == typed["words"]
    chosen = {one.get("value") for one in customer.all("input[name=stars][checked]")}
    assert chosen == {typed.get("stars")} & {"5"}
    assert session.scalars(select(Review)).all() == []


def test_only_the_customer_is_asked_about_knowledge(
    session: Session, booking: Booking, customer: Page, helper: Page
) -> None:
    assert customer.get(address(booking)).all("input[name=knowledge]")
    assert not helper.get(address(booking)).all("input[name=knowledge]")
    helper.post(address(booking), {"stars": "5", "knowledge": "1", "friendliness": "4"})
    written = session.scalars(select(Review)).one()
    assert (written.side, written.knowledge, written.friendliness, written.punctuality) == ("helper", None, 4, None)


def test_a_second_review_is_refused_and_the_first_stays(session: Session, booking: Booking, customer: Page) -> None:
    customer.post(address(booking), {"stars": "5", "words": PRAISE})
    customer.post(address(booking), {"stars": "1", "words": "Doch nicht."}, 409)
    assert "You have already reviewed this booking." in customer.text
    assert [one.words for one in session.scalars(select(Review))] == [PRAISE]


@pytest.mark.parametrize("state", BOOKING.states)
def test_only_what_is_signed_off_is_reviewed_and_only_by_its_sides(
    session: Session, sign_in: SignIn, state: str
) -> None:
    booking = make_booking(session, state=state)
    refused = state not in BOOKING_DONE
    for side in ("customer_id", "helper_id"):
        page = sign_in(session.get_one(User, getattr(booking, side)))
        unknown = side == "helper_id" and state in BEFORE_PAYMENT
        page.get(address(booking), 404 if unknown else 409 if refused else 200)
        page.post(address(booking), {"stars": "5"}, 404 if unknown else 409 if refused else 303)
    for stranger in (make_user(session), make_operator(session, "admin")):
        sign_in(stranger).get(address(booking), 404).post(address(booking), {"stars": "1"}, 404)
    assert len(session.scalars(select(Review)).all()) == (0 if refused else 2)


@pytest.mark.parametrize(("state", "words"), [("signed_off", "Write a review"), ("closed", "Read the reviews")])
def test_the_booking_leads_to_its_reviews(session: Session, sign_in: SignIn, state: str, words: str) -> None:
    booking = make_booking(session, state=state)
    page = sign_in(session.get_one(User, booking.helper_id)).get(f"/bookings/{booking.public_id}")
    [link] = page.all(f"main a[href='{address(booking)}']")
    assert link.text_content().strip() == words
    page.get(address(booking))


def test_the_stars_rise_from_left_to_right(session: Session, sign_in: SignIn) -> None:
    """Whoever presses the fifth star means five."""
    booking = make_booking(session, state="signed_off")
    page = sign_in(session.get_one(User, booking.customer_id)).get(f"/bookings/{booking.public_id}/review")
    for name in ("stars", "knowledge", "punctuality", "friendliness"):
        assert [star.get("value") for star in page.all(f"input[name={name}]")] == list("12345")


def test_the_booking_shows_what_was_written_and_hides_what_is_not_open(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session, state="signed_off")
    customer, helper = (sign_in(session.get_one(User, one)) for one in (booking.customer_id, booking.helper_id))
    here = f"/bookings/{booking.public_id}"
    assert customer.get(here).all(f"a[href='{here}/review']")
    customer.get(f"{here}/review").submit({"stars": "5", "words": "Sehr geduldig."}).follow()
    assert "Your review opens on" in customer.text
    assert "Sehr geduldig." in customer.get(here).text
    assert "Visible for everybody from" in customer.text
    assert not customer.all(f"a[href='{here}/review']")
    assert "Sehr geduldig." not in helper.get(here).text
    helper.get(f"{here}/review").submit({"stars": "4", "words": "Guter Kaffee."}).follow()
    assert "both reviews are open now" in helper.text
    assert "Guter Kaffee." in customer.get(here).text
    assert "Sehr geduldig." in helper.get(here).text


def test_what_a_helper_writes_is_said_to_be_for_the_customer_only(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session, state="signed_off")
    here, helper = f"/bookings/{booking.public_id}", sign_in(session.get_one(User, booking.helper_id))
    helper.get(f"{here}/review").submit({"stars": "4", "words": "Guter Kaffee."}).follow()
    customer = session.get_one(User, booking.customer_id)
    assert f"{customer.short_name} can read it from" in helper.get(here).text
    assert "Visible for everybody" not in helper.text
