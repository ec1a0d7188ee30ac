"""Every booking, its steps and its money, and settling an unsolved visit."""

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectChoice
from wtforms.validators import InputRequired, ValidationError

from marketplace.actions import payments
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.errors import Invalid
from marketplace.domain.lifecycles import BOOKING, BOOKING_DONE, BOOKING_HOLDING, BOOKING_UNDER_WAY, BOOKING_UNPAID
from marketplace.models import Booking, Payment
from marketplace.permissions import may_settle
from marketplace.queries import operator
from marketplace.queries.bookings import booking_page
from marketplace.queries.journal import lines
from marketplace.queries.ledger import story
from marketplace.queries.payments import held_of, latest_of
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.fields import MoneyField
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say
from marketplace.web.operator.events import in_words
from marketplace.web.operator.room import ReasonForm, Tab, bp, chosen, words_searched
from marketplace.web.operator.today import day_span
from marketplace.web.paging import offset, paging

WHICH = {
    "under_way": (_l("Under way now"), BOOKING_UNDER_WAY),
    "holding": (_l("Money held"), BOOKING_HOLDING),
    BOOKING.unsolved: (_l("Not solved"), (BOOKING.unsolved,)),
    "well_done": (_l("Done"), BOOKING_DONE),
    BOOKING.cancelled: (_l("Cancelled"), (BOOKING.cancelled,)),
    "unpaid": (_l("Not paid"), BOOKING_UNPAID),
}

# Who got what, by the kinds of `queries.ledger.STORY`.
MONEY_WORDS = {
    "held": _l("Paid by the customer and held"),
    "held_from_credit": _l("Paid from the customer's credit, and held"),
    "cash_paid": _l("Paid in cash"),
    "refunded": _l("Back to the customer, asked of the gateway"),
    "credited": _l("Back to the customer's credit"),
    "refund_given": _l("Back to the customer, given by the gateway"),
    "refund_failed": _l("Could not reach the customer"),
    "helper": _l("For the helper"),
    "fee": _l("Our fee"),
    "helper_gives_back": _l("Taken back from the helper"),
    "fee_given_back": _l("Given back out of our fee"),
    "payout_sent": _l("Sent to the helper"),
    "payout_taken_back": _l("Came back from the helper"),
    "gateway_fee": _l("Kept by the gateway"),
    "dispute_opened": _l("Taken by the customer's bank"),
    "dispute_won": _l("Given back by the customer's bank"),
    "dispute_lost": _l("Lost to the customer's bank"),
    "credit_given": _l("Credit given by us"),
}


class SettlementForm(ReasonForm):
    """In whose favour the money of an unsolved visit goes, or how it is split, and why."""

    in_favour_of = RadioField(
        _l("Who gets the money?"),
        choices=[
            SelectChoice("customer", _l("The customer gets it back")),
            SelectChoice("helper", _l("The helper is paid")),
            SelectChoice("both", _l("Both get a part of it")),
        ],
        validators=[InputRequired(_l("Please choose who gets the money."))],
    )
    refund_cents = MoneyField(_l("Back to the customer"), description=_l("Only when both get a part."))
    helper_cents = MoneyField(_l("For the helper"), description=_l("What is left is the platform's."))

    def validate_refund_cents(self, field: MoneyField) -> None:
        """A split needs both amounts."""
        if self.in_favour_of.data == "both" and field.data is None:
            raise ValidationError(_("Please say how much each of them gets."))

    def validate_helper_cents(self, field: MoneyField) -> None:
        """A split needs both amounts."""
        if self.in_favour_of.data == "both" and field.data is None:
            raise ValidationError(_("Please say how much each of them gets."))

    def shares(self, payments: list[Payment]) -> dict[str, int]:
        """What goes back to the customer and what to the helper, in cents."""
        paid, fees = sum(one.amount_cents for one in payments), sum(one.fee_cents for one in payments)
        match self.in_favour_of.data:
            case "customer":
                return {"refund_cents": paid, "helper_cents": 0}
            case "helper":
                return {"refund_cents": 0, "helper_cents": paid - fees}
            case _:
                return {"refund_cents": self.refund_cents.data or 0, "helper_cents": self.helper_cents.data or 0}


@bp.get("/bookings")
@operator_only("agent")
def bookings() -> str:
    """All bookings by the time of their visit."""
    which, is_today = chosen("which", WHICH), chosen("day", ("today",)) is not None
    size = policy().page_size
    listed = operator.bookings(
        db.session,
        states=BOOKING_HOLDING if is_today else WHICH[which][1] if which else None,
        search=words_searched(),
        span=day_span() if is_today else None,
        limit=size,
        offset=offset(size),
    )
    return render_template(
        "operator/bookings.html",
        listed=listed,
        filters=_filters(which, is_today),
        search=words_searched(),
        paging=paging(listed.total, size),
    )


@bp.get("/bookings/<public_id>")
@operator_only("agent")
def booking(public_id: str) -> str:
    """One booking: state, both sides, steps, money and journal."""
    return _page(public_id, SettlementForm())


@bp.post("/bookings/<public_id>/settlement")
@operator_only("moderator")
def settlement(public_id: str) -> Response | tuple[str, int]:
    """Decide about the money of an unsolved visit."""
    form = SettlementForm()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    try:
        with transaction() as session:
            one = by_public_id(session, Booking, public_id)
            shares = form.shares(held_of(session, one.id))
            payments.settle(session, one, by=current_user, reason=form.reason.data or "", **shares)
    except Invalid as refusal:
        form[refusal.field].errors = [say(refusal)]
        return _page(public_id, form), 422
    flash(_("The visit is settled. Both sides are told."), "success")
    return redirect(url_for("operator.booking", public_id=public_id), 303)


def _filters(which: str | None, is_today: bool) -> list[Tab]:
    """All of them, today's, and each kind."""
    return [
        (_("All"), url_for("operator.bookings"), not which and not is_today),
        (_("Today"), url_for("operator.bookings", day="today"), is_today),
        *((words, url_for("operator.bookings", which=code), code == which) for code, (words, _states) in WHICH.items()),
    ]


def _page(public_id: str, form: SettlementForm) -> str:
    one = booking_page(db.session, public_id)
    return render_template(
        "operator/booking.html",
        form=form,
        booking=one,
        payment=latest_of(db.session, one.id),
        story=story(db.session, one),
        money_words=MONEY_WORDS,
        lines=in_words(lines(db.session, subject=(Booking.__tablename__, one.id))),
        may_settle=may_settle(current_user) and one.state in BOOKING.befores("settle"),
    )
