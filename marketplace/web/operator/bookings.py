"""Every booking, its steps and its money, and settling an unsolved visit."""

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectChoice
from wtforms.validators import InputRequired

from marketplace.actions import payments
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.lifecycles import (
    BOOKING,
    BOOKING_DONE,
    BOOKING_HOLDING,
    BOOKING_UNDER_WAY,
    BOOKING_UNPAID,
)
from marketplace.models import Booking
from marketplace.permissions import may_settle
from marketplace.queries import operator
from marketplace.queries.bookings import booking_page
from marketplace.queries.journal import lines
from marketplace.queries.payments import latest_of, story
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
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

# Who got what, by the kinds of `queries.payments.story`.
MONEY_WORDS = {
    "held": _l("Paid by the customer and held"),
    "refunded": _l("Paid back to the customer"),
    "helper": _l("For the helper"),
    "fee": _l("Our fee"),
}


class SettlementForm(ReasonForm):
    """In whose favour the money of an unsolved visit goes, and why."""

    in_favour_of = RadioField(
        _l("Who gets the money?"),
        choices=[
            SelectChoice("customer", _l("The customer gets it back")),
            SelectChoice("helper", _l("The helper is paid")),
        ],
        validators=[InputRequired(_l("Please choose who gets the money."))],
    )


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
    with transaction() as session:
        payments.settle(
            session,
            by_public_id(session, Booking, public_id),
            by=current_user,
            in_favour_of=form.in_favour_of.data,
            reason=form.reason.data or "",
        )
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
