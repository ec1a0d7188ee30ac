"""Bookings: the visit as its two sides see it, its steps, what may go wrong, and how it is called off."""

from datetime import timedelta
from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace import clock
from marketplace.actions import bookings, payments
from marketplace.db import db, transaction
from marketplace.domain.cancellation import CancellationEffect, Side
from marketplace.domain.errors import EffectChanged, NotAllowed, WrongState
from marketplace.domain.lifecycles import BOOKING, BOOKING_AGREED, BOOKING_DONE, PAYMENT
from marketplace.models import Booking, Payment, User
from marketplace.permissions import side_of
from marketplace.queries.bookings import mine, own_booking
from marketplace.queries.ledger import story
from marketplace.queries.papers import papers_of
from marketplace.queries.payments import all_of, decisions_of, refunds_of
from marketplace.queries.reviews import of_booking
from marketplace.web.access import helper_only, signed_in
from marketplace.web.booking_forms import CancellationForm, ExtraForm, NotSolvableForm, ObjectionForm, UnsolvedForm
from marketplace.web.booking_words import (
    MONEY,
    STEP,
    STOPPED,
    consequence_of_absence,
    consequence_of_cancelling,
    happened,
    money_words,
    turn,
)
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import say
from marketplace.web.phones import readable
from marketplace.web.states import decline_words

bp = Blueprint("bookings", __name__)


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
        happened=happened,
        papers=papers_of(db.session, booking, current_user),
        opened=opened,
        phone=_phone(booking, side) if opened else None,
        written=of_booking(db.session, booking) if booking.state in BOOKING_DONE else {},
        now=clock.now(),
        policy=policy(),
        **_moves(booking, side),
        **_money(booking, side),
    )


def _moves(booking: Booking, side: Side) -> dict[str, Any]:
    """What this side may do besides the next step of the visit."""
    helps, now = side == "helper", clock.now()
    reportable_at = booking.starts_at + timedelta(minutes=policy().no_show_minutes)
    is_waiting = booking.state in BOOKING.befores("report_no_show") and now >= booking.starts_at
    if helps and booking.state == BOOKING.confirmed:
        is_waiting = False  # who has not set out waits for nobody
    opens_at = bookings.steps_from(booking, policy=policy())
    is_early = now < opens_at
    is_at_work = booking.state == BOOKING.started and not helps
    return {
        "may_cancel": booking.state in BOOKING.befores("cancel"),
        "opens_at": opens_at if is_early and helps and booking.state in BOOKING.befores("start") else None,
        "may_give_up": helps and booking.state in BOOKING.befores("give_up") and not is_early,
        "may_report_unsolved": is_at_work and now >= booking.ends_at,
        "unsolved_from": booking.ends_at if is_at_work else None,
        "may_ask_extra": helps and booking.state in payments.EXTRA_IN,
        "may_object": booking.state in BOOKING.befores("object") and booking.absent == side,
        "may_report": is_waiting and now >= reportable_at,
        "reportable_at": reportable_at if is_waiting else None,
    }


def _money(booking: Booking, side: Side) -> dict[str, Any]:
    """How the booking's payments stand, its money as a story, and what cancelling would cost."""
    paid = all_of(db.session, booking.id)
    visit = next(one for one in reversed(paid) if one.kind == "visit")
    extras = [one for one in paid if one.kind == "extra" and one.state != PAYMENT.failed]
    asked = next((one for one in extras if one.state == PAYMENT.prepared), None)
    return {
        "payment": visit,
        "extras": extras,
        "asked": asked,
        "asked_net_cents": asked.amount_cents - asked.fee_cents if asked else None,
        "decline": decline_words(visit.decline),
        "asked_decline": decline_words(asked.decline) if asked else None,
        "story": [
            (money_words(line.kind, side, _other(booking, side)), line.cents)
            for line in story(db.session, booking)
            if line.kind in MONEY
        ],
        "refunds": refunds_of(db.session, booking.id) if visit.refunded_cents else [],
        "decisions": decisions_of(db.session, booking.id) if visit.settled_at else [],
        "turn": turn(booking, side, _other(booking, side), visit, asked),
        "effect": _effect(booking, side),
        "pay_until": booking.starts_at - timedelta(days=policy().charge_grace_days),
    }


# ---- The steps of the visit


@bp.post("/bookings/<public_id>/departure")
@helper_only
def departure(public_id: str) -> Response:
    """The helper sets out."""
    with transaction() as session:
        bookings.set_out(session, _mine(public_id), by=current_user, policy=policy())
    return _back_to(public_id)


@bp.post("/bookings/<public_id>/start")
@helper_only
def start(public_id: str) -> Response:
    """The helper begins."""
    with transaction() as session:
        bookings.start(session, _mine(public_id), by=current_user, policy=policy())
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
        booking = _mine(public_id)
        is_cash = _visit_of(booking).state == PAYMENT.cash
        payments.sign_off(session, booking, by=current_user)
    if is_cash:
        flash(_("Thank you. The visit is signed off."), "success")
    else:
        flash(_("Thank you. The helper gets the money now."), "success")
    return _back_to(public_id)


@bp.get("/bookings/<public_id>/unsolved")
@signed_in
def unsolved(public_id: str) -> str:
    """The form to say that it still does not work."""
    booking = _mine_before(public_id, "report_unsolved")
    if _side(booking) != "customer":
        raise WrongState()
    bookings.demand_over(booking)
    return render_template("bookings/unsolved.html", booking=booking, form=UnsolvedForm())


@bp.post("/bookings/<public_id>/unsolved")
@signed_in
def report_unsolved(public_id: str) -> Response | tuple[str, int]:
    """The money stays held until the operator has decided."""
    form = UnsolvedForm()
    if not form.validate_on_submit():
        return render_template("bookings/unsolved.html", booking=_mine(public_id), form=form), 422
    with transaction() as session:
        bookings.report_unsolved(session, _mine(public_id), by=current_user, note=form.note.data)
    flash(_("We are sorry that it does not work yet. The money stays held; we look at it and write to you."), "info")
    return _back_to(public_id)


# ---- No neighbour can solve it


@bp.get("/bookings/<public_id>/not-solvable")
@helper_only
def not_solvable(public_id: str) -> str:
    """What it means for the money, and the form to say what was found."""
    return _not_solvable_page(_mine_before(public_id, "give_up"), NotSolvableForm())


@bp.post("/bookings/<public_id>/not-solvable")
@helper_only
def give_up(public_id: str) -> Response | tuple[str, int]:
    """The helper gives it up: of what is held the call-out fee is paid, and the rest goes back."""
    form = NotSolvableForm()
    if not form.validate_on_submit():
        return _not_solvable_page(_mine_before(public_id, "give_up"), form), 422
    with transaction() as session:
        effect = payments.give_up(session, _mine(public_id), by=current_user, note=form.note.data, policy=policy())
    if effect.helper_cents:
        flash(_("Thank you for going there. The customer is told, and you get the call-out fee."), "success")
    else:
        flash(_("Thank you for going there. The customer is told."), "success")
    return _back_to(public_id)


def _not_solvable_page(booking: Booking, form: NotSolvableForm) -> str:
    if _side(booking) != "helper":
        raise NotAllowed()
    bookings.demand_near(booking, "give_up", policy=policy())
    effect = payments.effect_if_given_up(db.session, booking, policy=policy())
    is_held = _visit_of(booking).state == PAYMENT.held  # the visit's own money, not only that of additional work
    return render_template("bookings/not_solvable.html", booking=booking, form=form, effect=effect, is_held=is_held)


# ---- More work on the spot


@bp.get("/bookings/<public_id>/extra")
@helper_only
def extra(public_id: str) -> str:
    """The form in which the helper proposes more work."""
    return render_template("bookings/extra.html", booking=_with_work(public_id), form=ExtraForm())


@bp.post("/bookings/<public_id>/extra")
@helper_only
def ask_extra(public_id: str) -> Response | str | tuple[str, int]:
    """First show what remains after the fee, then, once that was seen, ask the customer."""
    booking, form = _with_work(public_id), ExtraForm()
    if not form.validate_on_submit() or "change" in request.form:
        return render_template("bookings/extra.html", booking=booking, form=form), 422 if form.errors else 200
    if form.checked.data != "yes":
        share = booking.bid.fee.split(form.price.data or 0)
        return render_template("bookings/extra_check.html", booking=booking, form=form, share=share)
    words = {"cents": form.price.data, "what": form.what.data}
    with transaction() as session:
        payments.ask_extra(session, _mine(public_id), by=current_user, policy=policy(), **words)
    flash(_("Your proposal is sent. Please wait with the additional work until it is paid."), "success")
    return _back_to(public_id)


def _with_work(public_id: str) -> Booking:
    """The helper's booking to which more work may be added now."""
    booking = _mine(public_id)
    if _side(booking) != "helper":
        raise NotAllowed()
    if booking.state not in payments.EXTRA_IN:
        raise WrongState()
    return booking


# ---- Somebody was not there


@bp.get("/bookings/<public_id>/absence")
@signed_in
def absence(public_id: str) -> str:
    """What reporting the other side as not there means for the money, before the click."""
    booking = _mine(public_id)
    absent = bookings.side_to_report(booking, by=current_user, policy=policy())
    effect = payments.effect_if_absent(db.session, booking, absent, policy=policy())
    other = _other(booking, _side(booking))
    words = consequence_of_absence(absent, effect, _visit_of(booking), other.short_name)
    return render_template(
        "bookings/absence.html",
        booking=booking,
        absent=absent,
        other=other,
        effect=effect,
        consequence=words,
        policy=policy(),
    )


@bp.post("/bookings/<public_id>/absence")
@signed_in
def report_absence(public_id: str) -> Response:
    """Report the other side as not there; they may object for a while."""
    with transaction() as session:
        bookings.report_no_show(session, _mine(public_id), by=current_user, policy=policy())
    flash(_("Thank you, it is noted. The other side is told and may object."), "info")
    return _back_to(public_id)


@bp.get("/bookings/<public_id>/objection")
@signed_in
def objection(public_id: str) -> str:
    """The form of whoever was reported as not there, and was."""
    return _objection_page(_mine_before(public_id, "object"), ObjectionForm())


@bp.post("/bookings/<public_id>/objection")
@signed_in
def object_to_absence(public_id: str) -> Response | tuple[str, int]:
    """The money stays held until the operator has decided."""
    form = ObjectionForm()
    if not form.validate_on_submit():
        return _objection_page(_mine_before(public_id, "object"), form), 422
    with transaction() as session:
        bookings.object_to_no_show(session, _mine(public_id), by=current_user, note=form.note.data)
    flash(_("Thank you. The money stays held; we look at it and write to both of you."), "info")
    return _back_to(public_id)


def _objection_page(booking: Booking, form: ObjectionForm) -> str:
    if booking.absent != _side(booking):
        raise NotAllowed()
    return render_template("bookings/objection.html", booking=booking, other=_other(booking, _side(booking)), form=form)


# ---- Calling it off


@bp.get("/bookings/<public_id>/cancellation")
@signed_in
def cancellation(public_id: str) -> str:
    """What cancelling costs, before the click."""
    return _cancellation_page(_mine_before(public_id, "cancel"))


@bp.post("/bookings/<public_id>/cancellation")
@signed_in
def cancel(public_id: str) -> Response | tuple[str, int]:
    """Cancel on the terms that were shown and, where it costs something, agreed to."""
    booking = _mine_before(public_id, "cancel")
    form = CancellationForm(_effect(booking, _side(booking)), booking.currency)
    if form.shows_this_effect and not form.validate_on_submit():
        return _cancellation_page(booking, form=form), 422
    agreed = -1 if form.refund_cents.data is None else form.refund_cents.data
    with transaction() as session:
        payments.call_off(session, _mine(public_id), by=current_user, policy=policy(), agreed_refund_cents=agreed)
    flash(_("The booking is cancelled."), "success")
    return _back_to(public_id)


@bp.errorhandler(EffectChanged)
def effect_changed(refusal: EffectChanged) -> tuple[str, int]:
    """Show anew what cancelling costs."""
    booking = own_booking(db.session, str((request.view_args or {})["public_id"]), current_user)
    return _cancellation_page(booking, refusal), 409


def _cancellation_page(
    booking: Booking, changed: EffectChanged | None = None, *, form: CancellationForm | None = None
) -> str:
    side = _side(booking)
    effect, visit = _effect(booking, side), _visit_of(booking)
    return render_template(
        "bookings/cancellation.html",
        booking=booking,
        side=side,
        other=_other(booking, side),
        effect=effect,
        paid=visit.state == PAYMENT.held,
        consequence=consequence_of_cancelling(side, effect, visit),
        changed=say(changed) if changed else None,
        form=form or CancellationForm(effect, booking.currency, formdata=None),
    )


# ---- What the views share


def _mine(public_id: str) -> Booking:
    """The booking to change, for its two sides only."""
    return own_booking(db.session, public_id, current_user)


def _mine_before(public_id: str, action: str) -> Booking:
    """The same, in a state in which this may happen."""
    booking = _mine(public_id)
    if booking.state not in BOOKING.befores(action):
        raise WrongState()
    return booking


def _side(booking: Booking) -> Side:
    return cast(Side, side_of(current_user, booking))


def _other(booking: Booking, side: Side) -> User:
    """The person on the other side."""
    return booking.helper if side == "customer" else booking.customer


def _visit_of(booking: Booking) -> Payment:
    """The newest payment for the visit itself."""
    return next(one for one in reversed(all_of(db.session, booking.id)) if one.kind == "visit")


def _phone(booking: Booking, side: Side) -> str | None:
    """How to reach the other side while the visit is agreed."""
    number = booking.helper.phone if side == "customer" else booking.phone
    return readable(number) if number else None


def _effect(booking: Booking, side: Side) -> CancellationEffect:
    """What cancelling would cost whom now."""
    return payments.effect_now(db.session, booking, side, policy=policy())


def _back_to(public_id: str) -> Response:
    return redirect(url_for("bookings.show", public_id=public_id), 303)
