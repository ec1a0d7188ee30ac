"""The sandbox's pages: play money, test cards, our look. They are the gateway's, so they know none of our rows."""

import re

from flask import Blueprint, abort, redirect, render_template
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectChoice, StringField
from wtforms.validators import Optional, ValidationError

from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.cards import ASKING_CARD, CARDS, DECLINED_CARD, GOOD_CARD, POOR_CARD
from marketplace.gateways.payments.sandbox.payer import TWINT, PaymentPage
from marketplace.web.access import public
from marketplace.web.current import gateways
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l

bp = Blueprint("sandbox", __name__)

TEST_CARDS = {
    GOOD_CARD: _l("Is paid"),
    ASKING_CARD: _l("The bank asks for a confirmation"),
    DECLINED_CARD: _l("Is declined"),
    POOR_CARD: _l("Is declined: not enough money"),
}
# The bank's word for a decline, as people read it.
REASONS = {
    "generic_decline": _l("The card was declined."),
    "card_declined": _l("The card was declined."),
    "insufficient_funds": _l("There is not enough money on the card."),
    "authentication_required": _l("The bank's confirmation failed."),
    "payment_intent_authentication_failure": _l("The bank's confirmation failed."),
}


class PayForm(FlaskForm):
    """A test card or TWINT, and what the bank's confirmation comes to where it is asked for."""

    method = RadioField(
        _l("How do you pay?"),
        choices=[SelectChoice("card", _l("With a card")), SelectChoice(TWINT, _l("With TWINT"))],
        default="card",
    )
    card = StringField(_l("Card number"), validators=[Optional()])
    confirms = RadioField(
        _l("When the bank asks"),
        choices=[SelectChoice("yes", _l("Confirm")), SelectChoice("no", _l("Refuse"))],
        default="yes",
    )

    def __init__(self, page: PaymentPage) -> None:
        super().__init__()
        if TWINT not in page.methods:
            del self.method

    def validate_confirms(self, _field: RadioField) -> None:
        """A card that the sandbox knows, unless it is TWINT: digits that add up as on a card."""
        if not self.is_card:
            return
        typed = "".join((self.card.data or "").split())
        if not typed:
            self.card.errors = [_("Please type the number of a test card.")]
        elif not (typed.isascii() and typed.isdecimal() and 12 <= len(typed) <= 19):
            self.card.errors = [_("A card number has 12 to 19 digits. Please type digits only.")]
        elif not adds_up(typed):
            self.card.errors = [_("This is not a card number: one digit is wrong. Please check it.")]
        elif typed not in CARDS:
            self.card.errors = [_("Only the test cards work here. Please never type a real card number.")]
        else:
            self.digits = typed
            return
        raise ValidationError()

    @property
    def is_card(self) -> bool:
        """Whether a card's number is asked for."""
        return not self.method or self.method.data == "card"

    @property
    def paid_with(self) -> str:
        """What the sandbox is given."""
        return self.digits if self.is_card else TWINT


@bp.get("/sandbox/checkouts/<reference>")
@public
def show(reference: str) -> str:
    """The payment page."""
    page = _page(reference)
    return _shown(page, PayForm(page))


@bp.post("/sandbox/checkouts/<reference>/ending")
@public
def end(reference: str) -> Response | tuple[str, int]:
    """Pay; what is declined may be tried again here, with another card."""
    page = _page(reference)
    form = PayForm(page)
    if not form.validate_on_submit():
        return _shown(page, form), 422
    ending = _sandbox().pay(reference, form.paid_with, confirms=form.confirms.data == "yes")
    if ending.url is None:
        return _shown(_page(reference), form), 402
    return redirect(ending.url, 303)


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
    return render_template("sandbox/onboarding.html", page=page, token=token)


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
    cards = [(words, " ".join(re.findall("....", number))) for number, words in TEST_CARDS.items()]
    reason = REASONS.get(page.reason, _("The payment was declined.")) if page.reason else None
    return render_template("sandbox/show.html", page=page, form=form, cards=cards, reason=reason)
