"""Reviewing the other side of a booking."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectChoice, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from marketplace import clock
from marketplace.actions import reviews
from marketplace.db import by_public_id, db, transaction
from marketplace.models import Booking
from marketplace.permissions import side_of
from marketplace.queries.bookings import own_booking
from marketplace.queries.reviews import of_booking
from marketplace.web.access import signed_in
from marketplace.web.current import policy
from marketplace.web.filters import day
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l

bp = Blueprint("reviews", __name__)

# From left to right, so that five lit stars are five.
STARS = [
    SelectChoice("1", _l("Bad")),
    SelectChoice("2", _l("Not so good")),
    SelectChoice("3", _l("All right")),
    SelectChoice("4", _l("Good")),
    SelectChoice("5", _l("Very good")),
]


def _as_number(value: str | None) -> int | None:
    return int(value) if value else None


class ReviewForm(FlaskForm):
    """Stars and words; a helper is not asked about knowledge."""

    stars = RadioField(
        _l("How was it, all in all?"), choices=STARS, validators=[InputRequired(_l("Please choose one to five stars."))]
    )
    knowledge = RadioField(_l("Knowledge"), choices=STARS, validators=[Optional()])
    punctuality = RadioField(_l("On time"), choices=STARS, validators=[Optional()])
    friendliness = RadioField(_l("Friendliness"), choices=STARS, validators=[Optional()])
    words = TextAreaField(
        _l("In your own words"),
        description=_l("What would help the next person? Please no addresses or phone numbers."),
        validators=[Length(max=2000, message=_l("Please use at most %(max)d characters."))],
    )


@bp.get("/bookings/<public_id>/review")
@signed_in
def new(public_id: str) -> str:
    """The form, or what I wrote already; with it what the other side wrote, once that is open."""
    return _page(own_booking(db.session, public_id, current_user), ReviewForm())


@bp.post("/bookings/<public_id>/review")
@signed_in
def create(public_id: str) -> Response | tuple[str, int]:
    """Write the review; it stays hidden until both are in or the window has closed."""
    booking = own_booking(db.session, public_id, current_user)
    form = ReviewForm()
    if not form.validate_on_submit():
        return _page(booking, form), 422
    with transaction() as session:
        review = reviews.write(
            session,
            by_public_id(session, Booking, public_id),
            by=current_user,
            stars=int(form.stars.data),
            knowledge=_as_number(form.knowledge.data),
            punctuality=_as_number(form.punctuality.data),
            friendliness=_as_number(form.friendliness.data),
            words=form.words.data or "",
            policy=policy(),
        )
    if review.opens_at <= clock.now():
        flash(_("Thank you. Both of you have written, so both reviews are open now."), "success")
    else:
        until = day(review.opens_at)
        flash(
            _("Thank you. Your review opens on %(day)s, or as soon as the other side has written too.", day=until),
            "success",
        )
    return redirect(url_for("bookings.show", public_id=public_id), 303)


def _page(booking: Booking, form: ReviewForm) -> str:
    side, written, now = side_of(current_user, booking), of_booking(db.session, booking), clock.now()
    other_side, other = ("helper", booking.helper) if side == "customer" else ("customer", booking.customer)
    theirs = written.get(other_side)
    return render_template(
        "reviews/new.html",
        form=form,
        booking=booking,
        side=side,
        other=other,
        mine=written.get(str(side)),
        theirs=theirs if theirs and theirs.opens_at <= now else None,
        now=now,
        is_over=now >= reviews.closing(booking, policy=policy()),
        days=policy().review_days,
    )
