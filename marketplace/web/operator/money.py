"""The money room: what stands where, what moved, what is stuck, the lists behind the figures, and the books compared."""

from collections.abc import Callable
from typing import Any

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField

from marketplace.actions import payments as actions
from marketplace.actions import reconciliation as books
from marketplace.actions import retries as retrying
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.errors import Invalid
from marketplace.domain.lifecycles import PAYMENT, PAYOUT, REFUND
from marketplace.domain.money import BANK, CASH, DISPUTES, FEES, GATEWAY, GOODWILL, LOSSES, REFUNDS, REVENUE
from marketplace.gateways.payments import GatewayRefused
from marketplace.jobs.reconciliation import reconcile
from marketplace.models import User
from marketplace.queries import money as queries
from marketplace.queries import money_lists as lists
from marketplace.queries.bookkeeping import postings_csv
from marketplace.queries.operator import Listed
from marketplace.queries.papers import owing_of
from marketplace.queries.reconciliation import newest
from marketplace.web.access import operator_only
from marketplace.web.current import gateways, policy
from marketplace.web.fields import MoneyField
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say
from marketplace.web.operator.money_words import ACCOUNTS, DIFFERENCES, MOVEMENTS, POSTINGS, why
from marketplace.web.operator.periods import period_asked, presets
from marketplace.web.operator.room import Tab, bp, chosen, state_tabs, words_searched
from marketplace.web.paging import offset, paging

NAMED_ACCOUNTS = (
    *("held", "owed", "credit", GATEWAY, BANK, CASH),
    *(REVENUE, REFUNDS, FEES, GOODWILL, DISPUTES, LOSSES),
)


class FeePaidForm(FlaskForm):
    """How much of a helper's debt reached our bank account; `debt` is what the operator was shown."""

    cents = MoneyField(_l("Amount that reached our account"))
    debt = HiddenField()


@bp.get("/money")
@operator_only("moderator")
def money() -> str:
    """What stands where now, what moved in a period, what is stuck, and how the books compare."""
    period = period_asked("month")
    last = newest(db.session)
    differences = last.differences if last else []
    return render_template(
        "operator/money.html",
        rooms=rooms("operator.money"),
        period=period,
        presets=presets(),
        now=queries.standing(db.session),
        flow=queries.flow(db.session, *period.span) if period.span else None,
        stuck=[(one, why(one.why)) for one in queries.stuck(db.session)],
        last=last,
        differences=differences,
        bookings=lists.booking_names(db.session, {int(one["booking_id"]) for one in differences if one["booking_id"]}),
        movements=MOVEMENTS,
        taken_over=books.TAKEN_OVER,
        what_to_do=DIFFERENCES,
    )


@bp.post("/money/comparison")
@operator_only("moderator")
def comparison() -> Response:
    """Compare our ledger with the gateway's books now."""
    try:
        result = reconcile(gateways().payments)
    except GatewayRefused:
        flash(_("The payment service does not answer. Nothing was compared; please try again later."), "error")
    else:
        if not result.is_clean:
            flash(_("The books differ. Below stands what, and what to do about it."), "error")
        else:
            flash(_("The books agree: %(count)s lines compared.", count=result.comparison.movements), "success")
    return redirect(url_for("operator.money", _anchor="books"), 303)


@bp.post("/money/adoption")
@operator_only("moderator")
def adoption() -> Response:
    """Take over into the ledger what the payment service did by itself, and compare once more."""
    with transaction() as session:
        books.take_over(session, request.form.get("kind", ""), request.form.get("source", ""), by=current_user)
    return comparison()


@bp.post("/money/retries")
@operator_only("moderator")
def retries() -> Response:
    """Try a stuck refund, payout or reversal again now."""
    number = request.form.get("row", "")
    with transaction() as session:
        retrying.try_again(
            session,
            request.form.get("channel", ""),
            int(number) if number.isdecimal() and len(number) < 10 else 0,
            by=current_user,
        )
    flash(_("It is tried again within a minute."), "success")
    return redirect(url_for("operator.money", _anchor="stuck"), 303)


# ---- The lists behind the figures


@bp.get("/money/payments")
@operator_only("moderator")
def payments() -> str:
    """Every payment of customers."""
    return _list("operator/payments.html", "operator.payments", lists.payments, "payment", PAYMENT.states)


@bp.get("/money/refunds")
@operator_only("moderator")
def refunds() -> str:
    """Every refund to a card."""
    return _list("operator/refunds.html", "operator.refunds", lists.refunds, "refund", REFUND.states)


@bp.get("/money/payouts")
@operator_only("moderator")
def payouts() -> str:
    """Every payout to a helper; or those that wait for bank data."""
    without_account = chosen("without_account", ("1",)) is not None

    def read(*args: Any, **options: Any) -> Listed:
        return lists.payouts(*args, without_account=without_account, **options)

    more = (_("Without bank data"), url_for("operator.payouts", without_account=1), without_account)
    return _list("operator/payouts.html", "operator.payouts", read, "payout", PAYOUT.states, more)


@bp.get("/money/postings")
@operator_only("moderator")
def postings() -> str:
    """The ledger line by line, of one account or of all."""
    account, size, period = chosen("account", NAMED_ACCOUNTS), policy().page_size, period_asked()
    asked = lists.Asked(None, period.span, words_searched())
    listed = lists.ledger_lines(db.session, account=account, asked=asked, limit=size, offset=offset(size))
    return render_template(
        "operator/postings.html",
        rooms=rooms("operator.postings"),
        listed=listed,
        account=account,
        accounts=ACCOUNTS,
        named_accounts=NAMED_ACCOUNTS,
        kinds=POSTINGS,
        period=period,
        search=words_searched(),
        paging=paging(listed.total, size),
    )


@bp.get("/money/postings.csv")
@operator_only("moderator")
def postings_file() -> FlaskResponse:
    """The same as a file for bookkeeping, streamed."""
    period = period_asked("year")
    if period.span is None:
        raise Invalid("from", str(period.error))
    name = f"postings-{period.typed_from}-{period.typed_to}.csv"
    return FlaskResponse(
        postings_csv(db.engine, period.span, chosen("account", NAMED_ACCOUNTS)),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# ---- What helpers owe us


@bp.get("/money/debts")
@operator_only("moderator")
def debts() -> str:
    """Helpers who owe us something: fees of visits paid in cash, money that did not come back."""
    return render_template("operator/debts.html", rooms=rooms("operator.debts"), debts=lists.debts(db.session))


@bp.get("/money/debts/<public_id>")
@operator_only("moderator")
def debt(public_id: str) -> str:
    """What one helper owes, where it comes from, and the form to write down that it was paid."""
    return _debt_page(public_id, FeePaidForm())


@bp.post("/money/debts/<public_id>/payment")
@operator_only("moderator")
def fee_payment(public_id: str) -> Response | tuple[str, int]:
    """A helper has paid what was owed, or a part of it."""
    form = FeePaidForm()
    if not form.validate_on_submit():
        return _debt_page(public_id, form), 422
    shown = str(form.debt.data or "")
    try:
        with transaction() as session:
            actions.record_fee_paid(
                session,
                by_public_id(session, User, public_id),
                by=current_user,
                cents=form.cents.data or 0,
                debt_cents=int(shown) if shown.isdecimal() else -1,
            )
    except Invalid as refusal:
        form[refusal.field].errors = [say(refusal)]
        return _debt_page(public_id, form), 422
    flash(_("Written down. The debt is lower now."), "success")
    return redirect(url_for("operator.debts"), 303)


def rooms(here: str) -> list[Tab]:
    """The rooms of the money, and in which one is."""
    named = {
        "operator.money": _("Overview"),
        "operator.payments": _("Payments"),
        "operator.refunds": _("Refunds"),
        "operator.payouts": _("Payouts"),
        "operator.debts": _("Debts"),
        "operator.postings": _("Ledger"),
    }
    return [(words, url_for(endpoint), endpoint == here) for endpoint, words in named.items()]


def _list(
    template: str, endpoint: str, read: Callable[..., Listed], noun: str, states: tuple[str, ...], *more: Tab
) -> str:
    """A page of one list, narrowed by state, time and words."""
    state, size, period = chosen("state", states), policy().page_size, period_asked()
    asked = lists.Asked(state, period.span, words_searched())
    listed = read(db.session, asked, limit=size, offset=offset(size))
    everything = (_("All"), url_for(endpoint), not state and not any(tab[2] for tab in more))
    return render_template(
        template,
        rooms=rooms(endpoint),
        listed=listed,
        endpoint=endpoint,
        state=state,
        filters=[everything, *more, *state_tabs(noun, states, endpoint, state)],
        period=period,
        search=words_searched(),
        paging=paging(listed.total, size),
    )


def _debt_page(public_id: str, form: FeePaidForm) -> str:
    helper = by_public_id(db.session, User, public_id)
    owing = owing_of(db.session, helper)
    form.debt.data = str(owing.cents)
    return render_template("operator/debt.html", rooms=rooms("operator.debts"), form=form, owing=owing, helper=helper)
