"""The sandbox's payment page: play money, test cards, our look. It is the gateway's, so it knows none of our rows."""

import re
from typing import Any

from flask import Blueprint, abort, redirect, render_template
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, ValidationError

from marketplace.gateways.sandbox import DECLINED_CARD, GOOD_CARD, SandboxGateway
from marketplace.models import SandboxCheckout
from marketplace.web.access import public
from marketplace.web.current import gateways
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l

bp = Blueprint("sandbox", __name__)


class CardForm(FlaskForm):
    """The number of a test card."""

    card = StringField(_l("Card number"), validators=[DataRequired(_l("Please type the number of a test card."))])

    def validate_card(self, field: StringField) -> None:
        """Digits that add up as on a card, and a card that the sandbox knows."""
        digits = "".join(field.data.split())
        if not (digits.isascii() and digits.isdecimal() and 12 <= len(digits) <= 19):
            raise ValidationError(_("A card number has 12 to 19 digits. Please type digits only."))
        if not adds_up(digits):
            raise ValidationError(_("This is not a card number: one digit is wrong. Please check it."))
        if digits not in (GOOD_CARD, DECLINED_CARD):
            raise ValidationError(_("Only the two test cards work here. Please never type a real card number."))
        self.digits = digits


@bp.get("/sandbox/checkouts/<reference>")
@public
def show(reference: str) -> str:
    """The payment page."""
    return _page(_checkout(reference), CardForm())


@bp.post("/sandbox/checkouts/<reference>/ending")
@public
def end(reference: str) -> Response | tuple[str, int]:
    """Pay with a test card; a declined one leads back too."""
    checkout, form = _checkout(reference), CardForm()
    if not form.validate_on_submit():
        return _page(checkout, form), 422
    return redirect(_sandbox().pay(reference, form.digits), 303)


@bp.post("/sandbox/checkouts/<reference>/abandonment")
@public
def abandon(reference: str) -> Response:
    """Leave without paying."""
    _checkout(reference)
    return redirect(_sandbox().abandon(reference), 303)


def adds_up(digits: str) -> bool:
    """Whether a card number's digits add up (Luhn, ISO/IEC 7812)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _sandbox() -> SandboxGateway:
    """The sandbox, when it is what stands behind our payment door."""
    door: Any = gateways().payments
    if not isinstance(door, SandboxGateway) or not door.allowed:
        abort(404)
    return door


def _checkout(reference: str) -> SandboxCheckout:
    checkout = _sandbox().page(reference)
    if checkout is None:
        abort(404)
    return checkout


def _page(checkout: SandboxCheckout, form: CardForm) -> str:
    good, declined = (" ".join(re.findall("....", card)) for card in (GOOD_CARD, DECLINED_CARD))
    return render_template("sandbox/show.html", checkout=checkout, form=form, good_card=good, declined_card=declined)
