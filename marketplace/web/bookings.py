"""Bookings: the visit as its two sides see it, its steps, and how it is called off."""

from typing import cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from marketplace import clock
from marketplace.actions import bookings, payments
from marketplace.db import db, transaction
from marketplace.domain.cancellation import CancellationEffect, Side, effect_of_cancelling
from marketplace.domain.errors import N_, EffectChanged, WrongState
from marketplace.domain.lifecycles import BOOKING, BOOKING_AGREED, BOOKING_DONE
from marketplace.models import Booking, User
from marketplace.permissions import side_of
from marketplace.queries.bookings import mine, own_booking
from marketplace.queries.payments import latest_of, story
from marketplace.queries.reviews import of_booking
from marketplace.web.access import helper_only, signed_in
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say
from marketplace.web.phones import readable

bp = Blueprint("bookings", __name__)

# Where the status line stands, of five: posted, booked, under way, done, paid. Six: all of it is behind us.
STEP = {
    BOOKING.reserved: 2,
    BOOKING.lapsed: 2,
    BOOKING.confirmed: 2,
    BOOKING.on_the_way: 3,
    BOOKING.started: 3,
    BOOKING.finished: 4,
    BOOKING.unsolved: 4,
    BOOKING.signed_off: 6,
    BOOKING.closed: 6,
    BOOKING.cancelled: 2,
}
STOPPED = (BOOKING.lapsed, BOOKING.cancelled)

# Whose turn it is, as each side reads it.
TURN = {
    ("customer", BOOKING.reserved): N_("Your turn: pay, then the visit is yours."),
    ("customer", BOOKING.confirmed): N_("Next: %(name)s comes at the agreed time. You need not do anything."),
    ("customer", BOOKING.on_the_way): N_("Next: %(name)s is on the way to you."),
    ("customer", BOOKING.started): N_("Next: %(name)s is at work and tells you when it is finished."),
    ("customer", BOOKING.finished): N_("Your turn: does it work? Then sign off."),
    ("customer", BOOKING.unsolved): N_("Next: we look at it and decide about the money. You will hear from us."),
    ("helper", BOOKING.confirmed): N_("Your turn: tell %(name)s when you set out."),
    ("helper", BOOKING.on_the_way): N_("Your turn: say when you begin."),
    ("helper", BOOKING.started): N_("Your turn: say when it is finished."),
    ("helper", BOOKING.finished): N_("Next: %(name)s signs off. Silence signs off too."),
    ("helper", BOOKING.unsolved): N_("Next: we look at it and decide about the money. You will hear from us."),
}
HAPPENED = {
    BOOKING.reserved: _l("Accepted"),
    BOOKING.lapsed: _l("Not paid in time"),
    BOOKING.confirmed: _l("Paid and confirmed"),
    BOOKING.on_the_way: _l("On the way"),
    BOOKING.started: _l("Begun"),
    BOOKING.finished: _l("Finished"),
    BOOKING.unsolved: _l("Reported as not solved"),
    BOOKING.signed_off: _l("Signed off"),
    BOOKING.closed: _l("Closed"),
    BOOKING.cancelled: _l("Cancelled"),
}
# Where the money went, as each side reads it.
MONEY = {
    ("customer", "held"): N_("You have paid"),
    ("customer", "refunded"): N_("Back to you"),
    ("customer", "helper"): N_("For %(name)s"),
    ("helper", "held"): N_("Paid and held"),
    ("helper", "refunded"): N_("Back to %(name)s"),
    ("helper", "helper"): N_("For you"),
    ("customer", "fee"): N_("Fee of the platform"),
    ("helper", "fee"): N_("Fee of the platform"),
}


class UnsolvedForm(FlaskForm):
    """What does not work yet."""

    note = TextAreaField(
        _l("What does not work yet?"),
        description=_l("One or two sentences are enough. The helper and our team will read them."),
        validators=[
            DataRequired(_l("Please say in a sentence what does not work yet.")),
            Length(max=bookings.NOTE_MAX, message=_l("Please use at most %(max)d characters.")),
        ],
    )


@bp.get("/bookings")
@signed_in
def index() -> str:
    """My bookings as customer and as helper: what is to come first."""
    return render_template("bookings/index.html", mine=mine(db.session, current_user.id))


@bp.get("/bookings/<public_id>")
@signed_in
def show(public_id: str) -> str:
    """One booking as this side sees it."""
    booking = own_booking(db.session, public_id, current_user)
    side = _side(booking)
    opened = booking.state in BOOKING_AGREED and booking.state not in BOOKING.ends
    return render_template(
        "bookings/show.html",
        booking=booking,
        side=side,
        other=_other(booking, side),
        step=STEP[booking.state],
        stopped=booking.state in STOPPED,
        turn=_turn(booking, side),
        may_cancel=booking.state in BOOKING.befores("cancel"),
        happened=HAPPENED,
        story=_story(booking, side),
        payment=latest_of(db.session, booking.id),
        effect=_effect(booking, side),
        opened=opened,
        phone=_phone(booking, side) if opened else None,
        policy=policy(),
        written=of_booking(db.session, booking) if booking.state in BOOKING_DONE else {},
        now=clock.now(),
    )


@bp.post("/bookings/<public_id>/departure")
@helper_only
def departure(public_id: str) -> Response:
    """The helper sets out."""
    with transaction() as session:
        bookings.set_out(session, _mine(public_id), by=current_user)
    return _back_to(public_id)


@bp.post("/bookings/<public_id>/start")
@helper_only
def start(public_id: str) -> Response:
    """The helper begins."""
    with transaction() as session:
        bookings.start(session, _mine(public_id), by=current_user)
    return _back_to(public_id)


@bp.post("/bookings/<public_id>/finish")
@helper_only
def finish(public_id: str) -> Response:
    """The helper is done."""
    with transaction() as session:
        bookings.finish(session, _mine(public_id), by=current_user, policy=policy())
    return _back_to(public_id)


@bp.post("/bookings/<public_id>/sign-off")
@signed_in
def sign_off(public_id: str) -> Response:
    """One tap: it works, the helper gets the money."""
    with transaction() as session:
        payments.sign_off(session, _mine(public_id), by=current_user)
    flash(_("Thank you. The helper gets the money now."), "success")
    return _back_to(public_id)


@bp.get("/bookings/<public_id>/unsolved")
@signed_in
def unsolved(public_id: str) -> str:
    """The form to say that it still does not work."""
    booking = own_booking(db.session, public_id, current_user)
    if _side(booking) != "customer" or booking.state not in BOOKING.befores("report_unsolved"):
        raise WrongState()
    return render_template("bookings/unsolved.html", booking=booking, form=UnsolvedForm())


@bp.post("/bookings/<public_id>/unsolved")
@signed_in
def report_unsolved(public_id: str) -> Response | tuple[str, int]:
    """The money stays held until the operator has decided."""
    form = UnsolvedForm()
    if not form.validate_on_submit():
        booking = own_booking(db.session, public_id, current_user)
        return render_template("bookings/unsolved.html", booking=booking, form=form), 422
    with transaction() as session:
        bookings.report_unsolved(session, _mine(public_id), by=current_user, note=form.note.data)
    flash(_("We are sorry that it does not work yet. The money stays held; we look at it and write to you."), "info")
    return _back_to(public_id)


@bp.get("/bookings/<public_id>/cancellation")
@signed_in
def cancellation(public_id: str) -> str:
    """What cancelling costs, before the click."""
    booking = own_booking(db.session, public_id, current_user)
    if booking.state not in BOOKING.befores("cancel"):
        raise WrongState()
    return _cancellation_page(booking)


@bp.post("/bookings/<public_id>/cancellation")
@signed_in
def cancel(public_id: str) -> Response:
    """Cancel on the terms that were shown."""
    agreed = request.form.get("refund_cents", -1, type=int)
    with transaction() as session:
        payments.call_off(session, _mine(public_id), by=current_user, policy=policy(), agreed_refund_cents=agreed)
    flash(_("The booking is cancelled."), "success")
    return _back_to(public_id)


@bp.errorhandler(EffectChanged)
def effect_changed(refusal: EffectChanged) -> tuple[str, int]:
    """Show anew what cancelling costs."""
    booking = own_booking(db.session, str((request.view_args or {})["public_id"]), current_user)
    return _cancellation_page(booking, refusal), 409


def _consequence(side: Side, effect: CancellationEffect, name: str) -> str:
    """What cancelling means, in a sentence; `name` is the other side's."""
    if side == "helper":
        return _("%(name)s gets everything back and can look for somebody else. Your bid is taken back.", name=name)
    if effect.helper_cents:
        sentence = N_(
            "The visit is soon, and %(name)s has kept the time free. So a part of the price goes to %(name)s."
        )
        return _(sentence, name=name)
    return _("There is enough time left, so you get everything back. Your task is closed.")


def _cancellation_page(booking: Booking, changed: EffectChanged | None = None) -> str:
    side = _side(booking)
    effect = _effect(booking, side)
    return render_template(
        "bookings/cancellation.html",
        booking=booking,
        side=side,
        other=_other(booking, side),
        effect=effect,
        consequence=_consequence(side, effect, _other(booking, side).short_name),
        changed=say(changed) if changed else None,
    )


def _mine(public_id: str) -> Booking:
    """The booking to change, for its two sides only."""
    return own_booking(db.session, public_id, current_user)


def _side(booking: Booking) -> Side:
    return cast(Side, side_of(current_user, booking))


def _other(booking: Booking, side: Side) -> User:
    """The person on the other side."""
    return booking.helper if side == "customer" else booking.customer


def _phone(booking: Booking, side: Side) -> str | None:
    """How to reach the other side while the visit is agreed."""
    number = booking.helper.phone if side == "customer" else booking.phone
    return readable(number) if number else None


def _turn(booking: Booking, side: Side) -> str | None:
    sentence = TURN.get((side, booking.state))
    return _(sentence, name=_other(booking, side).short_name) if sentence else None


def _story(booking: Booking, side: Side) -> list[tuple[str, int]]:
    """What happened to the money, in this side's words, with the cents."""
    name = _other(booking, side).short_name
    return [(_(MONEY[side, line.kind], name=name), line.cents) for line in story(db.session, booking)]


def _effect(booking: Booking, side: Side) -> CancellationEffect:
    """What cancelling would cost whom now."""
    return effect_of_cancelling(
        booking.price_cents,
        fee_percent=booking.bid.fee_percent,
        starts_at=booking.starts_at,
        by=side,
        at=clock.now(),
        policy=policy(),
    )


def _back_to(public_id: str) -> Response:
    return redirect(url_for("bookings.show", public_id=public_id), 303)
