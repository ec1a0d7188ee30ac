"""Every booking, its steps and its money, and settling an unsolved visit."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace.actions import payments
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.errors import Invalid
from marketplace.domain.lifecycles import BOOKING, BOOKING_DONE, BOOKING_HOLDING, BOOKING_UNDER_WAY, BOOKING_UNPAID
from marketplace.models import Booking
from marketplace.permissions import may_give_credit, may_move_money, may_see_money, may_settle, side_of
from marketplace.queries import operator
from marketplace.queries.bookings import booking_page
from marketplace.queries.journal import lines
from marketplace.queries.ledger import story
from marketplace.queries.money import money_of
from marketplace.queries.papers import papers_of
from marketplace.queries.payments import held_of, latest_of
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say
from marketplace.web.operator.events import in_words
from marketplace.web.operator.money_forms import SettlementForm, effects
from marketplace.web.operator.money_words import why
from marketplace.web.operator.room import Tab, bp, chosen, words_searched
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
    "refund_dropped": _l("Not given back: the bank took the money itself"),
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


# Why a payment's money was shared out as it was.
SETTLED_WORDS = {
    "sign_off": _l("Signed off"),
    "cancellation": _l("Cancelled"),
    "no_show": _l("Somebody was not there"),
    "not_solvable": _l("No neighbour can solve it"),
    "decision": _l("Decided by us"),
    "too_late": _l("Paid too late"),
    "dispute": _l("Decided by the customer's bank"),
}


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
def settlement(public_id: str) -> Response | str | tuple[str, int]:
    """Decide about the money of an unsolved visit; a split is shown before it counts."""
    form = SettlementForm()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    held = held_of(db.session, by_public_id(db.session, Booking, public_id).id)
    split = form.split_to_see(held)
    if split:
        return _page(public_id, form, split)
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


def _page(public_id: str, form: SettlementForm, split: list[tuple[Any, int]] | None = None) -> str:
    one = booking_page(db.session, public_id)
    is_decided_here = may_settle(current_user) and side_of(current_user, one) is None
    return render_template(
        "operator/booking.html",
        form=form,
        split=split,
        booking=one,
        payment=latest_of(db.session, one.id),
        parts=money_of(db.session, one.id),
        story=story(db.session, one),
        money_words=MONEY_WORDS,
        settled_words=SETTLED_WORDS,
        effects=effects(held_of(db.session, one.id)),
        shared_out=payments.SHARED_OUT,
        why=why,
        papers=papers_of(db.session, one, current_user),
        may_see_money=may_see_money(current_user),
        lines=in_words(lines(db.session, subject=(Booking.__tablename__, one.id))),
        may_settle=is_decided_here and one.state in BOOKING.befores("settle"),
        may_move_money=may_move_money(current_user, one),
        may_give_credit=may_give_credit(current_user, one.customer_id),
    )
