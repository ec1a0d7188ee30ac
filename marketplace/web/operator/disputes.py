"""Disputes: those that wait for our answer with the nearest deadline first, what a booking tells, and handing it in."""

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from marketplace import clock
from marketplace.db import db
from marketplace.domain.lifecycles import DISPUTE
from marketplace.gateways.payments import GatewayDenied, GatewayRefused
from marketplace.jobs.disputes import answer
from marketplace.permissions import may_move_money
from marketplace.queries import disputes as queries
from marketplace.queries import money_lists as lists
from marketplace.web.access import operator_only
from marketplace.web.current import gateways, policy
from marketplace.web.draft_forms import clean
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.operator.periods import period_asked
from marketplace.web.operator.room import bp, chosen, state_tabs, words_searched
from marketplace.web.paging import offset, paging

# Why a customer's bank asks for the money, by the gateway's word.
REASONS = {
    "fraudulent": _l("The card's owner says that somebody else paid."),
    "unrecognized": _l("The card's owner does not recognise the payment."),
    "product_not_received": _l("The customer says that nobody came."),
    "product_unacceptable": _l("The customer is not satisfied with the work."),
    "duplicate": _l("The customer says that it was charged twice."),
    "credit_not_processed": _l("The customer says that a refund is missing."),
    "general": _l("The bank names no reason."),
}


class AnswerForm(FlaskForm):
    """What the bank should know beside what the booking tells."""

    note = TextAreaField(
        _l("What else should the bank know?"),
        description=_l("In English. For example what the customer wrote to you. No addresses or phone numbers."),
        validators=[Length(max=4000)],
        filters=[clean],
    )


@bp.get("/disputes")
@operator_only("moderator")
def disputes() -> str:
    """Open ones by their deadline, or all of them."""
    state, everything = chosen("state", DISPUTE.states), chosen("all", ("1",)) is not None
    size, period = policy().page_size, period_asked()
    waiting = not state and not everything
    listed = lists.disputes(
        db.session,
        lists.Asked(state, period.span, words_searched()),
        open_only=waiting,
        limit=size,
        offset=offset(size),
    )
    return render_template(
        "operator/disputes.html",
        listed=listed,
        endpoint="operator.disputes",
        state=state,
        filters=[
            (_("To answer"), url_for("operator.disputes"), waiting),
            (_("All"), url_for("operator.disputes", all=1), everything and not state),
            *state_tabs("dispute", DISPUTE.states, "operator.disputes", state),
        ],
        reasons=REASONS,
        period=period,
        search=words_searched(),
        now=clock.now(),
        paging=paging(listed.total, size),
    )


@bp.get("/disputes/<public_id>")
@operator_only("moderator")
def dispute(public_id: str) -> str:
    """One dispute with what we would hand in."""
    return _page(public_id, AnswerForm())


@bp.post("/disputes/<public_id>/answer")
@operator_only("moderator")
def answer_dispute(public_id: str) -> Response | tuple[str, int]:
    """Hand in what the booking tells; it can be done once."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    try:
        answer(public_id, gateways().payments, by=current_user, note=form.note.data or "")
    except GatewayDenied as denial:
        form.form_errors = [_("The payment service does not take an answer any more: %(code)s", code=denial.code)]
        return _page(public_id, form), 422
    except GatewayRefused:
        form.form_errors = [_("The payment service does not answer. Nothing is lost; please try again in a minute.")]
        return _page(public_id, form), 503
    flash(_("The answer is handed in. The bank decides within some weeks."), "success")
    return redirect(url_for("operator.dispute", public_id=public_id), 303)


def _page(public_id: str, form: AnswerForm) -> str:
    case = queries.dispute_page(db.session, public_id)
    may_answer = case.dispute.state in DISPUTE.befores("answer") and may_move_money(current_user, case.booking)
    return render_template(
        "operator/dispute.html",
        form=form,
        case=case,
        reason=REASONS.get(case.dispute.reason, case.dispute.reason),
        may_answer=may_answer,
        now=clock.now(),
    )
