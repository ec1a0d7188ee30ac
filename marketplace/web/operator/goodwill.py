"""Giving back a part of what was released, and giving credit: a page each, with what everybody has before and after."""

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace.actions import payments
from marketplace.db import db, transaction
from marketplace.domain.errors import N_, Invalid, NotAllowed, WrongState
from marketplace.permissions import may_give_credit, may_move_money
from marketplace.queries.bookings import booking_page
from marketplace.queries.money import payment_with_booking
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import say
from marketplace.web.operator.money_forms import CreditForm, RefundForm
from marketplace.web.operator.room import bp


@bp.get("/payments/<public_id>/refund")
@operator_only("moderator")
def refund(public_id: str) -> str:
    """What customer, helper and we have of a payment, and the form to give a part back."""
    return _refund_page(public_id, RefundForm())


@bp.post("/payments/<public_id>/refund")
@operator_only("moderator")
def give_back(public_id: str) -> Response | str | tuple[str, int]:
    """Show what giving back would change; confirmed, do it."""
    form = RefundForm()
    if not form.validate_on_submit():
        return _refund_page(public_id, form), 422
    amounts = {"refund_cents": form.refund_cents.data or 0, "from_helper_cents": form.from_helper_cents.data or 0}
    try:
        if form.checked.data != "yes":
            has = payments.shared(db.session, payment_with_booking(db.session, public_id))
            return _refund_page(public_id, form, payments.shares_of_refund(has, **amounts))
        with transaction() as session:
            payment = payment_with_booking(session, public_id)
            payments.refund(
                session,
                payment,
                by=current_user,
                reason=form.reason.data or "",
                shown_cents=_shown(form.shown.data),
                **amounts,
            )
            booking = payment.booking.public_id
    except Invalid as refusal:
        form[refusal.field].errors = [say(refusal)]
        return _refund_page(public_id, form), 422
    flash(_("The money goes back. Both sides are told."), "success")
    return redirect(url_for("operator.booking", public_id=booking), 303)


@bp.get("/bookings/<public_id>/credit")
@operator_only("moderator")
def credit(public_id: str) -> str:
    """The form to give a booking's customer credit."""
    return _credit_page(public_id, CreditForm())


@bp.post("/bookings/<public_id>/credit")
@operator_only("moderator")
def give_credit(public_id: str) -> Response | tuple[str, int]:
    """Give a booking's customer credit for a later booking."""
    form = CreditForm()
    if not form.validate_on_submit():
        return _credit_page(public_id, form), 422
    try:
        with transaction() as session:
            booking = booking_page(session, public_id)
            payments.give_credit(
                session,
                booking.customer,
                by=current_user,
                cents=form.cents.data or 0,
                reason=form.reason.data or "",
                policy=policy(),
                booking=booking,
                shown_cents=_shown(form.shown.data),
            )
    except Invalid as refusal:
        form[refusal.field].errors = [say(refusal)]
        return _credit_page(public_id, form), 422
    flash(_("The credit is given. The customer is told."), "success")
    return redirect(url_for("operator.booking", public_id=public_id), 303)


def _shown(typed: str | None) -> int | None:
    """What the page had said when the form was sent; nothing for a form that does not tell."""
    return int(typed) if typed and typed.removeprefix("-").isdecimal() else None


def _refund_page(public_id: str, form: RefundForm, change: payments.Shares | None = None) -> str:
    payment = payment_with_booking(db.session, public_id)
    if not may_move_money(current_user, payment.booking):
        raise NotAllowed()
    if payment.state not in payments.SHARED_OUT or payment.method == "cash":
        raise WrongState(N_("Only money that was released or shared out can be given back here."))
    return render_template(
        "operator/refund.html",
        form=form,
        payment=payment,
        booking=payment.booking,
        has=payments.shared(db.session, payment),
        change=change,
    )


def _credit_page(public_id: str, form: CreditForm) -> str:
    booking = booking_page(db.session, public_id)
    if not may_give_credit(current_user, booking.customer_id):
        raise NotAllowed()
    has = payments.free_credit(db.session, booking.customer_id)
    return render_template(
        "operator/credit.html", form=form, booking=booking, has=has, most_cents=policy().goodwill_max_cents
    )
