"""The forms of a booking: words about what went wrong, more work on the spot, and the agreement to what cancelling costs."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError
from wtforms.widgets import HiddenInput

from marketplace.actions.bookings import NOTE_MAX
from marketplace.actions.payments import WHAT_MAX
from marketplace.domain.cancellation import CancellationEffect
from marketplace.web.current import policy
from marketplace.web.fields import MoneyField
from marketplace.web.filters import money
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l

LONG_ENOUGH = Length(max=NOTE_MAX, message=_l("Please use at most %(max)d characters."))


class UnsolvedForm(FlaskForm):
    """What does not work yet."""

    note = TextAreaField(
        _l("What does not work yet?"),
        description=_l("One or two sentences are enough. The helper and our team will read them."),
        validators=[DataRequired(_l("Please say in a sentence what does not work yet.")), LONG_ENOUGH],
    )


class NotSolvableForm(FlaskForm):
    """What the helper has found, when no neighbour can solve it."""

    note = TextAreaField(
        _l("What did you find?"),
        description=_l("One or two sentences are enough. The customer will read them."),
        validators=[DataRequired(_l("Please say in a sentence what you found.")), LONG_ENOUGH],
    )


class ObjectionForm(FlaskForm):
    """How it was, says whoever was reported as not there."""

    note = TextAreaField(
        _l("How was it?"),
        description=_l("One or two sentences are enough. The other side and our team will read them."),
        validators=[DataRequired(_l("Please say in a sentence how it was.")), LONG_ENOUGH],
    )


class ExtraForm(FlaskForm):
    """More work agreed on the spot: what it is and what it costs; `checked` says that the page with the payout was seen."""

    what = StringField(
        _l("What is the additional work?"),
        description=_l("For example: a second device, a longer cable. The customer reads this."),
        filters=[lambda typed: typed and typed.strip()],
        validators=[
            DataRequired(_l("Please say in a few words what the additional work is.")),
            Length(max=WHAT_MAX, message=_l("Please use at most %(max)d characters.")),
        ],
    )
    price = MoneyField(
        _l("What does it cost in addition?"),
        description=_l("All in. The customer pays exactly this on top of the agreed price."),
        validators=[InputRequired(_l("Please type your price."))],
    )
    checked = HiddenField()

    def validate_price(self, field: MoneyField) -> None:
        """Between what is the least for more work and the highest price."""
        lowest, highest = policy().extra_min_cents, policy().price_max_cents
        if field.data is None or not lowest <= field.data <= highest:
            bounds = {"lowest": lowest // 100, "highest": highest // 100, "currency": policy().currency}
            raise ValidationError(_("Please enter a price between %(lowest)s and %(highest)s %(currency)s.", **bounds))


class CancellationForm(FlaskForm):
    """The refund that was shown and, when cancelling costs something, the agreement to it."""

    refund_cents = IntegerField(widget=HiddenInput(), validators=[Optional()])
    agrees = BooleanField(validators=[DataRequired(_l("Please tick that you agree to what cancelling costs."))])

    def __init__(self, effect: CancellationEffect, currency: str, **values: Any) -> None:
        super().__init__(**values)
        self.effect = effect
        kept = effect.helper_cents + effect.fee_cents
        if kept:
            self.agrees.label.text = _("I agree that I do not get %(kept)s back.", kept=money(kept, currency))
        else:
            del self.agrees
        if not self.is_submitted() or values:
            self.refund_cents.data = effect.refund_cents

    @property
    def shows_this_effect(self) -> bool:
        """Whether the page that was sent had shown what cancelling costs now."""
        return self.refund_cents.data == self.effect.refund_cents
