"""The sandbox's pages: play money, test cards, our look. They are the gateway's, so they know none of our rows."""

import re

from flask import Blueprint, abort, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField
from wtforms.validators import ValidationError

from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.cards import (
    ALWAYS_ASKING_CARD,
    ASKING_CARD,
    CARDS,
    DECLINED_CARD,
    GOOD_CARD,
    POOR_CARD,
    SLOW_REFUND_CARD,
)
from marketplace.gateways.payments.sandbox.payer import TWINT, PaymentPage
from marketplace.web.access import public
from marketplace.web.current import gateways
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.states import decline_words

bp = Blueprint("sandbox", __name__)

TEST_CARDS = {
    GOOD_CARD: _l("Is paid"),
    ASKING_CARD: _l("The bank asks you to confirm"),
    ALWAYS_ASKING_CARD: _l("The bank asks; a later charge needs you again"),
    POOR_CARD: _l("Is declined: not enough money"),
    DECLINED_CARD: _l("Is declined"),
    SLOW_REFUND_CARD: _l("Is paid; what goes back takes its time"),
}
# What a helper is asked for, by the gateway's words.
ASKED_FOR = {
    "business_profile.url": _l("What you do"),
    "external_account": _l("The IBAN of your bank account"),
    "individual.dob.day": _l("Your date of birth"),
    "individual.first_name": _l("First name"),
    "individual.last_name": _l("Last name"),
    "individual.verification.document": _l("A photo of your passport or identity card"),
    "tos_acceptance.date": _l("That you accept the terms"),
}


class PayForm(FlaskForm):
    """A test card, typed or taken from the list, or TWINT; and what its owner says when the bank asks."""

    card = StringField(_l("Card number"))
    taken = HiddenField()  # a button of the list, or of TWINT
    confirms = HiddenField()  # a button of the bank's page

    def validate_card(self, field: StringField) -> None:
        """A card that the sandbox knows: digits that add up as on a card."""
        self.paid_with = str(self.taken.data or "".join((field.data or "").split()))
        if self.paid_with == TWINT or self.paid_with in CARDS:
            return
        raise ValidationError(_fault_of(self.paid_with))

    @property
    def asks(self) -> bool:
        """Whether its owner must confirm, and has not been asked yet."""
        must = self.paid_with == TWINT or CARDS[self.paid_with].asks
        return must and self.confirms.data not in ("yes", "no")


def _fault_of(typed: str) -> str:
    """What is wrong with a card's number."""
    if not typed:
        return _("Please type the number of a test card.")
    if not (typed.isascii() and typed.isdecimal() and 12 <= len(typed) <= 19):
        return _("A card number has 12 to 19 digits. Please type digits only.")
    if not adds_up(typed):
        return _("This is not a card number: one digit is wrong. Please check it.")
    return _("Only the test cards work here. Please never type a real card number.")


@bp.get("/sandbox/checkouts/<reference>")
@public
def show(reference: str) -> str:
    """The payment page."""
    page = _page(reference)
    return _shown(page, PayForm())


@bp.post("/sandbox/checkouts/<reference>/ending")
@public
def end(reference: str) -> Response | tuple[str, int]:
    """Pay, once the bank has asked where it asks; what is declined may be tried again here, with another card."""
    page, form = _page(reference), PayForm()
    if not form.validate_on_submit():
        return _shown(page, form), 422
    if page.is_open and form.asks:
        return render_template("sandbox/bank.html", page=page, paid_with=form.paid_with), 200
    ending = _sandbox().pay(reference, form.paid_with, confirms=form.confirms.data == "yes")
    return redirect(ending.url or url_for(".show", reference=reference), 303)


@bp.post("/sandbox/checkouts/<reference>/abandonment")
@public
def abandon(reference: str) -> Response:
    """Leave without paying."""
    _page(reference)
    return redirect(_sandbox().abandon(reference), 303)


@bp.get("/sandbox/onboarding/<token>")
@public
def onboarding(token: str) -> str | Response:
    """The page on which a helper would give bank data and an identity; here two buttons stand for it."""
    page = _sandbox().onboarding(token)
    if page is None:
        abort(404)
    if not page.is_usable:
        return redirect(page.refresh_url, 303)
    asked = [ASKED_FOR.get(name, name) for name in page.missing]
    return render_template("sandbox/onboarding.html", page=page, token=token, asked=asked)


@bp.post("/sandbox/onboarding/<token>/<any(completion,interruption):ending>")
@public
def finish_onboarding(token: str, ending: str) -> Response:
    """Hand everything in, or only a part of it."""
    if _sandbox().onboarding(token) is None:
        abort(404)
    return redirect(_sandbox().finish_onboarding(token, complete=ending == "completion"), 303)


@bp.get("/sandbox/accounts/<token>")
@public
def account(token: str) -> str:
    """What a helper would see of their account at the gateway."""
    page = _sandbox().account_page(token)
    if page is None:
        abort(404)
    return render_template("sandbox/account.html", page=page)


def adds_up(digits: str) -> bool:
    """Whether a card number's digits add up (Luhn, ISO/IEC 7812)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _sandbox() -> Sandbox:
    """The sandbox, when it is what stands behind our payment door."""
    sandbox = gateways().sandbox
    if sandbox is None:
        abort(404)
    return sandbox


def _page(reference: str) -> PaymentPage:
    page = _sandbox().page(reference)
    if page is None:
        abort(404)
    return page


def _shown(page: PaymentPage, form: PayForm) -> str:
    cards = [(words, number, " ".join(re.findall("....", number))) for number, words in TEST_CARDS.items()]
    reason = decline_words(page.reason) if page.is_open else None
    takes_twint = TWINT in page.methods
    return render_template(
        "sandbox/show.html",
        page=page,
        form=form,
        cards=cards,
        reason=reason,
        page_error=reason,
        takes_twint=takes_twint,
    )
