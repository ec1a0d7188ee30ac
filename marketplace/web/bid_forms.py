"""The forms of bids: a helper's bid, and the customer's proposal in answer to it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, RadioField, SelectField, TextAreaField, TimeField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from marketplace import clock
from marketplace.domain.bidding import INCLUDED_MAX, MINUTES, check_start
from marketplace.domain.errors import Invalid
from marketplace.models import Bid, Slot, Task
from marketplace.web.current import policy
from marketplace.web.fields import MoneyField
from marketplace.web.filters import duration, moment, money, time_of_day
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import ngettext, say

AS_BEFORE, OTHER = "as_before", "other"
VALID_DAYS = (1, 2, 3, 5, 7, 14)


class DayField(DateField):
    """A day, with our own sentence for what is none."""

    def process_formdata(self, valuelist: Any) -> None:
        """Read what was typed."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Please type a date such as 2026-11-28.")) from None


class ClockField(TimeField):
    """A time of day, with our own sentence for what is none."""

    def process_formdata(self, valuelist: Any) -> None:
        """Read what was typed."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Please type a time such as 19:30.")) from None


class WhenForm(FlaskForm):
    """A time to propose: one of the customer's, the one that stands, or another."""

    when = RadioField(_l("When?"), validators=[InputRequired(_l("Please choose a time."))])
    start = ClockField(
        _l("Start at"),
        description=_l("Empty means: at the beginning of the chosen time."),
        validators=[Optional()],
    )
    on = DayField(_l("Another day"), description=_l("Only for “Another time”."), validators=[Optional()])

    def __init__(self, task: Task, bid: Bid | None = None, **values: Any) -> None:
        self.bid = bid
        self.slots = {slot.starts_at.isoformat(): slot for slot in task.slots if slot.ends_at > clock.now()}
        super().__init__(**values)
        ahead = bid is not None and bid.starts_at > clock.now()
        self.when.choices = [
            *([(AS_BEFORE, _("As it stands: %(moment)s", moment=moment(bid.starts_at)))] if bid and ahead else []),
            *((code, f"{moment(slot.starts_at)}–{time_of_day(slot.ends_at)}") for code, slot in self.slots.items()),
            (OTHER, _("Another time")),
        ]
        if self.when.data is None and not self.is_submitted():
            self.when.data = self.when.choices[0][0]

    def validate_when(self, field: RadioField) -> None:
        """Work out the moment that was chosen and keep it in `starts_at`."""
        if self.start.errors or self.on.errors:
            return
        if field.data == AS_BEFORE and self.bid:
            self.starts_at = self.bid.starts_at
        elif field.data in self.slots:
            self.starts_at = self._within(self.slots[field.data])
        else:
            self.starts_at = self._other()
        try:
            check_start(self.starts_at, now=clock.now(), policy=policy())
        except Invalid as refusal:
            raise ValidationError(say(refusal)) from None

    def _within(self, slot: Slot) -> datetime:
        """The start in one of the customer's times."""
        if self.start.data is None:
            return slot.starts_at
        zone = _zone()
        chosen = datetime.combine(slot.starts_at.astimezone(zone).date(), self.start.data, zone)
        if not slot.starts_at <= chosen < slot.ends_at:
            sentence = _("Please choose a start between %(start)s and %(end)s, or “Another time”.", **_spoken(slot))
            raise ValidationError(sentence)
        return chosen

    def _other(self) -> datetime:
        """The day and time that were typed."""
        if self.on.data is None or self.start.data is None:
            raise ValidationError(_("For another time, please fill in the day and the start."))
        return datetime.combine(self.on.data, self.start.data, _zone())


class BidForm(WhenForm):
    """A helper's bid, all in; `checked` says that the page with the payout was seen."""

    price = MoneyField(
        _l("Your total price"),
        description=_l("All in: travel, time and small parts. The customer pays exactly this."),
        validators=[InputRequired(_l("Please type your price."))],
    )
    minutes = SelectField(
        _l("How long will it take?"), coerce=int, validators=[InputRequired(_l("Please choose how long it takes."))]
    )
    included = TextAreaField(
        _l("What is included?"),
        description=_l("For example: travel, setting up, a short explanation."),
        validators=[
            DataRequired(_l("Please say what the price includes.")),
            Length(max=INCLUDED_MAX, message=_l("Please use at most %(max)d characters.")),
        ],
    )
    message = TextAreaField(_l("Message to the customer"), validators=[Optional()])
    valid_days = SelectField(
        _l("How long does your bid stand?"),
        coerce=int,
        validators=[InputRequired(_l("Please choose a number of days."))],
    )
    checked = HiddenField()

    def __init__(self, task: Task, bid: Bid | None = None, **values: Any) -> None:
        super().__init__(task, bid, **values)
        self.minutes.choices = [(minutes, duration(minutes)) for minutes in MINUTES]
        days = [n for n in VALID_DAYS if n <= policy().bid_valid_days] or [policy().bid_valid_days]
        self.valid_days.choices = [(n, ngettext("%(num)d day", "%(num)d days", n)) for n in days]
        if not self.is_submitted():
            self.valid_days.data = days[-1]

    def validate_price(self, field: MoneyField) -> None:
        """Between the lowest and the highest price."""
        check_price(field)

    def validate_message(self, field: TextAreaField) -> None:
        """Not longer than texts may be."""
        check_length(field)

    def terms(self) -> dict[str, Any]:
        """What the form says, as the verbs take it."""
        return {
            "price_cents": self.price.data,
            "minutes": self.minutes.data,
            "included": self.included.data,
            "starts_at": self.starts_at,
            "message": self.message.data or "",
            "valid_days": self.valid_days.data,
        }


class CounterForm(WhenForm):
    """The customer's proposal: another price, another time, or both."""

    price = MoneyField(_l("Your price"), validators=[InputRequired(_l("Please type a price."))])
    message = TextAreaField(_l("A few words about it"), validators=[Optional()])

    def validate_price(self, field: MoneyField) -> None:
        """Between the lowest and the highest price."""
        check_price(field)

    def validate_message(self, field: TextAreaField) -> None:
        """Not longer than texts may be."""
        check_length(field)

    def terms(self) -> dict[str, Any]:
        """What the form says, as the verb takes it."""
        return {"price_cents": self.price.data, "starts_at": self.starts_at, "message": self.message.data or ""}


def check_price(field: MoneyField) -> None:
    """Refuse a price outside the policy's bounds."""
    lowest, highest = policy().price_min_cents, policy().price_max_cents
    if field.data is None or not lowest <= field.data <= highest:
        sentence = _(
            "Please enter a price from %(lowest)s to %(highest)s.", lowest=money(lowest), highest=money(highest)
        )
        raise ValidationError(sentence)


def check_length(field: TextAreaField) -> None:
    """Refuse a text that is longer than texts may be."""
    if len(field.data or "") > policy().text_max:
        raise ValidationError(_("Please use at most %(max)s characters.", max=policy().text_max))


def _spoken(slot: Slot) -> dict[str, str]:
    """A slot's start and end as people read them."""
    return {"start": time_of_day(slot.starts_at), "end": time_of_day(slot.ends_at)}


def _zone() -> ZoneInfo:
    """The zone of the clock on the wall."""
    return ZoneInfo(current_app.config["TIME_ZONE"])
