"""Payments: the page before paying, the way to the gateway and back, trying again and giving up."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, RadioField, SelectChoice, StringField
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.cancellation import effect_of_cancelling
from marketplace.domain.errors import PaymentUnderWay
from marketplace.domain.lifecycles import PAYMENT_UNDER_WAY
from marketplace.gateways.payments import GatewayRefused
from marketplace.jobs.payments import drop_extra as end_extra
from marketplace.jobs.payments import give_up, open_page, settle
from marketplace.models import Bid
from marketplace.queries.bookings import own_booking
from marketplace.queries.payments import Acceptable, acceptable, is_held, payment_of
from marketplace.web.access import signed_in
from marketplace.web.current import gateways, policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.phones import dialled, readable

bp = Blueprint("payments", __name__)

# Where to try again when the gateway did not answer.
AFTER_REFUSAL = {
    "payments.create": "payments.new",
    "payments.again": "bookings.show",
    "payments.abandon": "bookings.show",
    "payments.drop_extra": "bookings.show",
    "payments.back": "payments.back",
}


CARD, CASH = "card", "cash"


class AcceptanceForm(FlaskForm):
    """Where the helper comes to, how to reach the customer, and how the customer pays where there is a choice.

    `terms` is the negotiation's step that was shown.
    """

    address = StringField(
        _l("Street and number"),
        filters=[lambda typed: typed and typed.strip()],
        description=_l("Only the helper sees it, and only once you have paid."),
        validators=[
            DataRequired(_l("Please type the street and number, so that the helper finds you.")),
            Length(min=3, max=200, message=_l("Please type the street and number, so that the helper finds you.")),
        ],
    )
    phone = StringField(
        _l("Phone number"),
        description=_l("For the day of the visit, for example when the helper stands at the door."),
        validators=[DataRequired(_l("Please type a phone number, for example 079 123 45 67."))],
    )
    method = RadioField(
        _l("How do you pay?"),
        choices=[SelectChoice(CARD, _l("By card or TWINT")), SelectChoice(CASH, _l("In cash, on the spot"))],
        default=CARD,
        validators=[InputRequired(_l("Please choose how you pay."))],
    )
    terms = HiddenField()

    def __init__(self, ready: Acceptable, **values: Any) -> None:
        super().__init__(**values)
        self.country = ready.bid.task.country
        if not policy().cash_allowed:
            del self.method
        if ready.bid.task.remote:
            del self.address

    def validate_phone(self, field: StringField) -> None:
        """Keep it as the network dials it."""
        try:
            self.dialled = dialled(field.data, self.country)
        except ValueError:
            raise ValidationError(_("Please type a phone number, for example 079 123 45 67.")) from None

    @property
    def is_cash(self) -> bool:
        """Whether the helper is paid on the spot."""
        return self.method is not None and self.method.data == CASH


@bp.get("/bids/<public_id>/acceptance")
@signed_in
def new(public_id: str) -> str:
    """Who comes, when, for how much, what is held, when it is released, and how to cancel."""
    ready = acceptable(db.session, public_id, current_user)
    phone = readable(current_user.phone) if current_user.phone else None
    return _check_page(ready, AcceptanceForm(ready, terms=ready.terms, phone=phone))


@bp.post("/bids/<public_id>/acceptance")
@signed_in
def create(public_id: str) -> Response | tuple[str, int]:
    """Accept the bid and lead to the payment page."""
    ready = acceptable(db.session, public_id, current_user)
    form = AcceptanceForm(ready)
    if not form.validate_on_submit():
        return _check_page(ready, form), 422
    with transaction() as session:
        payment = payments.accept_bid(
            session,
            by_public_id(session, Bid, public_id),
            by=current_user,
            address=form.address.data if form.address else None,
            phone=form.dialled,
            terms=request.form.get("terms", 0, type=int),
            policy=policy(),
            in_cash=form.is_cash,
        )
    return _lead_to_page(payment.public_id)


@bp.post("/bookings/<public_id>/payment")
@signed_in
def again(public_id: str) -> Response:
    """Go on paying: for a reserved visit, for one that the bank wants confirmed, or for more work on the spot."""
    with transaction() as session:
        booking = own_booking(session, public_id, current_user)
        payment = payments.resume(session, booking, by=current_user, policy=policy())
    return _lead_to_page(payment.public_id)


@bp.post("/bookings/<public_id>/abandonment")
@signed_in
def abandon(public_id: str) -> Response:
    """Give a reserved visit up: the task is free again for other bids."""
    booking = own_booking(db.session, public_id, current_user)
    booking_id, task = booking.id, booking.task.public_id
    if not give_up(booking_id, gateways(), by=current_user):
        flash(_("Your payment was faster: the visit is confirmed."), "info")
        return redirect(url_for("bookings.show", public_id=public_id), 303)
    flash(_("The reservation is given up. Nothing was charged. You can accept another bid."), "success")
    return redirect(url_for("tasks.show", public_id=task), 303)


@bp.post("/bookings/<public_id>/extra/removal")
@signed_in
def drop_extra(public_id: str) -> Response:
    """Either side says no to more work that is not paid."""
    booking = own_booking(db.session, public_id, current_user)
    if end_extra(booking.id, gateways(), by=current_user):
        flash(_("The additional work is off. Everything else stays as agreed."), "success")
    else:
        flash(_("The payment was faster: the additional work is paid."), "info")
    return redirect(url_for("bookings.show", public_id=public_id), 303)


@bp.get("/payments/<public_id>/return")
@signed_in
def back(public_id: str) -> Response:
    """Back from the payment page: book how it ended. Opening this address again changes nothing."""
    payment = payment_of(db.session, public_id, current_user)
    payment_id, booking, was_held = payment.id, payment.booking.public_id, is_held(db.session, payment.id)
    settle(payment_id, gateways())
    if not was_held and is_held(db.session, payment_id):
        flash(_("Thank you, your payment has arrived. The visit is booked."), "success")
    return redirect(url_for("bookings.show", public_id=booking), 303)


@bp.errorhandler(PaymentUnderWay)
def under_way(refusal: PaymentUnderWay) -> tuple[str, int]:
    """Another acceptance is just being paid: go on with that one, or give it up."""
    booking = own_booking(db.session, refusal.booking, current_user)
    return render_template("payments/under_way.html", booking=booking), 409


@bp.errorhandler(GatewayRefused)
def gateway_refused(refusal: GatewayRefused) -> tuple[str, int]:
    """The payment service does not answer: nothing is lost, nothing was charged."""
    current_app.logger.warning("the payment gateway refused: %s", refusal)
    again = url_for(AFTER_REFUSAL[str(request.endpoint)], **(request.view_args or {}))
    return render_template("payments/refused.html", again=again), 503


def _lead_to_page(public_id: str) -> Response:
    """To the gateway's payment page, unless nothing is to be paid there. Nothing of ours is open while the gateway is called."""
    payment = payment_of(db.session, public_id, current_user)
    if payment.state not in PAYMENT_UNDER_WAY:
        return redirect(url_for("bookings.show", public_id=payment.booking.public_id), 303)
    return redirect(open_page(payment.id, gateways()), 303)


def _check_page(ready: Acceptable, form: AcceptanceForm) -> str:
    """The page before paying: what the card pays and when, and what cancelling would cost early and late."""
    bid = ready.bid
    late = effect_of_cancelling(
        bid.price_cents,
        fee=bid.fee,
        starts_at=bid.starts_at,
        confirmed_at=clock.now(),
        by="customer",
        at=bid.starts_at,
        policy=policy(),
    )
    return render_template(
        "payments/new.html",
        bid=bid,
        ends_at=bid.starts_at + timedelta(minutes=bid.minutes),
        form=form,
        late=late,
        credit_cents=payments.credit_towards(db.session, current_user.id, bid.price_cents),
        charge_at=payments.charge_at(bid.starts_at, bid.minutes, policy=policy()),
        now=clock.now(),
        policy=policy(),
    )
