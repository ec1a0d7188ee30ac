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
from marketplace.domain.cancellation import CancellationEffect, Side
from marketplace.domain.errors import N_, EffectChanged, WrongState
from marketplace.domain.lifecycles import BOOKING, BOOKING_AGREED
from marketplace.models import Booking, User
from marketplace.permissions import side_of
from marketplace.queries.bookings import mine, own_booking
from marketplace.queries.ledger import story
from marketplace.queries.papers import papers_of
from marketplace.queries.payments import latest_of
from marketplace.web.access import helper_only, signed_in
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say
from marketplace.web.phones import readable

bp = Blueprint("bookings", __name__)

# Where the status line stands, of five: posted, booked, under way, done, paid. Six: all of it is behind us.
STEP = {
    "reserved": 2,
    "lapsed": 2,
    "confirmed": 2,
    "on_the_way": 3,
    "started": 3,
    "finished": 4,
    "unsolved": 4,
    "no_show": 4,
    "not_solvable": 6,
    "signed_off": 6,
    "closed": 6,
    "cancelled": 2,
}
STOPPED = ("lapsed", "cancelled")

# Whose turn it is, as each side reads it.
TURN = {
    ("customer", "reserved"): N_("Your turn: pay, then the visit is yours."),
    ("customer", "confirmed"): N_("Next: %(name)s comes at the agreed time. You need not do anything."),
    ("customer", "on_the_way"): N_("Next: %(name)s is on the way to you."),
    ("customer", "started"): N_("Next: %(name)s is at work and tells you when it is finished."),
    ("customer", "finished"): N_("Your turn: does it work? Then sign off."),
    ("customer", "unsolved"): N_("Next: we look at it and decide about the money. You will hear from us."),
    ("helper", "confirmed"): N_("Your turn: tell %(name)s when you set out."),
    ("helper", "on_the_way"): N_("Your turn: say when you begin."),
    ("helper", "started"): N_("Your turn: say when it is finished."),
    ("helper", "finished"): N_("Next: %(name)s signs off. Silence signs off too."),
    ("helper", "unsolved"): N_("Next: we look at it and decide about the money. You will hear from us."),
    ("customer", "no_show"): N_("Next: whoever was reported as not there may object. After that the money is shared."),
    ("helper", "no_show"): N_("Next: whoever was reported as not there may object. After that the money is shared."),
}
HAPPENED = {
    "reserved": _l("Accepted"),
    "lapsed": _l("Not paid in time"),
    "confirmed": _l("Paid and confirmed"),
    "on_the_way": _l("On the way"),
    "started": _l("Begun"),
    "finished": _l("Finished"),
    "unsolved": _l("Reported as not solved"),
    "signed_off": _l("Signed off"),
    "closed": _l("Closed"),
    "cancelled": _l("Cancelled"),
    "no_show": _l("Reported: nobody was there"),
    "not_solvable": _l("No neighbour can solve it"),
}
# A booking's money as a story, by the kinds of `queries.ledger.STORY`; what is between us and the gateway is not theirs.
MONEY = {
    "held": _l("Paid and held"),
    "held_from_credit": _l("Paid from the credit, and held"),
    "cash_paid": _l("Paid in cash"),
    "refunded": _l("Back to the customer"),
    "credited": _l("Back to the customer's credit"),
    "helper": _l("For the helper"),
    "fee": _l("Fee of the platform"),
    "helper_gives_back": _l("Taken back from the helper"),
    "fee_given_back": _l("Given back by the platform"),
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
        story=[(MONEY[line.kind], line.cents) for line in story(db.session, booking) if line.kind in MONEY],
        payment=latest_of(db.session, booking.id),
        papers=papers_of(db.session, booking, current_user),
        effect=_effect(booking, side),
        opened=opened,
        phone=_phone(booking, side) if opened else None,
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


def _consequence(side: Side, effect: CancellationEffect) -> str:
    """What cancelling means, in a sentence."""
    if side == "helper":
        return _("The customer gets everything back and can look for somebody else. Your bid is taken back.")
    if effect.helper_cents:
        return _("The visit is soon, and the helper has kept the time free. So a part of the price goes to the helper.")
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
        consequence=_consequence(side, effect),
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


def _effect(booking: Booking, side: Side) -> CancellationEffect:
    """What cancelling would cost whom now."""
    return payments.effect_now(db.session, booking, side, policy=policy())


def _back_to(public_id: str) -> Response:
    return redirect(url_for("bookings.show", public_id=public_id), 303)
