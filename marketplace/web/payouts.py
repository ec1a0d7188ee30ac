"""Payouts: what a helper has earned and where it is, and the way to the payment service that pays it out."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel.speaklater import LazyString
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace.db import db
from marketplace.domain.errors import WrongState
from marketplace.domain.lifecycles import PAYOUT
from marketplace.gateways.payments import GatewayDenied, GatewayRefused
from marketplace.jobs.payments import bank_data_page, read_account
from marketplace.models import PayoutAccount
from marketplace.queries import payouts as queries
from marketplace.queries.profiles import own_profile
from marketplace.web.access import helper_only
from marketplace.web.current import gateways, policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.paging import offset, paging

bp = Blueprint("payouts", __name__, url_prefix="/payouts")

# Why a payout waits, by what stands in its way.
WAITS_FOR = {
    "nothing": _l("It leaves with the next round, within minutes."),
    "no account": _l("It waits for your bank data."),
    "not ready": _l("It waits until the payment service has checked your data."),
    "disputed": _l("It waits because the customer's bank asks for the money back. We write to you."),
    "balance_insufficient": _l("The payment service has not released the customer's money yet. That takes some days."),
}


@bp.get("")
@helper_only
def index() -> str:
    """What is owed to me, what waits and why, what is on its way, and every payout."""
    size = policy().page_size
    account = queries.account_of(db.session, current_user.id)
    found = queries.of_helper(db.session, current_user.id, limit=size + 1, offset=offset(size))
    return render_template(
        "payouts/index.html",
        sums=queries.sums_of(db.session, current_user.id),
        account=account,
        lines=[(line, _why(line, account)) for line in found[:size]],
        paging=paging(offset(size) + len(found), size),
        currency=policy().currency,
    )


def _why(line: queries.PayoutLine, account: PayoutAccount | None) -> LazyString | None:
    """Why a payout has not left yet, in a sentence."""
    if line.payout.state != PAYOUT.waiting:
        return None
    if line.is_disputed:
        what = "disputed"
    elif account is None or not account.is_ready:
        what = "not ready" if account and account.has_begun else "no account"
    else:
        what = "balance_insufficient" if line.payout.waits_for == "balance_insufficient" else "nothing"
    return WAITS_FOR[what]


@bp.get("/account")
@helper_only
def account() -> str:
    """What the payment service will ask for, and why; also where its page leads to when it has lain open for too long."""
    return render_template("payouts/account.html", account=queries.account_of(db.session, current_user.id))


@bp.post("/account")
@helper_only
def give_bank_data() -> Response:
    """To the payment service's own page, on which bank data and identity are given."""
    doors, country = gateways(), own_profile(db.session, current_user.id).country
    leads_back, again = (f"{doors.site.url}{url_for(one)}" for one in (".back", ".account"))
    page = bank_data_page(current_user, doors, country=country, return_url=leads_back, refresh_url=again)
    return redirect(page, 303)


@bp.get("/account/return")
@helper_only
def back() -> Response:
    """Back from the payment service: read anew how the account stands. Coming back does not mean that it is complete."""
    read_account(current_user.id, gateways())
    account = queries.account_of(db.session, current_user.id)
    if account is not None and account.is_ready:
        flash(_("Thank you. Everything is there: we pay you out from now on."), "success")
    elif account is not None and account.has_begun:
        flash(_("Thank you. The payment service checks your data, or something is still missing."), "info")
    return redirect(url_for(".index"), 303)


@bp.post("/account/visit")
@helper_only
def visit() -> Response:
    """To the payment service's page that shows one's own payouts."""
    account = queries.account_of(db.session, current_user.id)
    if account is None or not account.has_begun:
        raise WrongState()
    reference = account.reference
    db.session.rollback()  # nothing of ours is open while the gateway is called
    return redirect(gateways().payments.account_page(reference), 303)


@bp.errorhandler(GatewayRefused)
def gateway_refused(refusal: GatewayRefused) -> tuple[str, int]:
    """The payment service does not answer, or says no: nothing is lost."""
    current_app.logger.warning("the payment gateway refused: %s", refusal)
    return render_template("payouts/refused.html", is_final=isinstance(refusal, GatewayDenied)), 503
