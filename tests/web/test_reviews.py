"""Reviewing in the browser: the stars, the words of thanks, and what either side reads on the booking's page."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.models import User
from tests.factories import make_booking
from tests.page import Page

SignIn = Callable[[User], Page]


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
