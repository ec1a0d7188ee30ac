"""The forms with which moderators decide about money: settling an unsolved visit, giving back, giving credit."""

from typing import Any

from wtforms import HiddenField, RadioField, SelectChoice
from wtforms.validators import InputRequired, ValidationError

from marketplace.models import Payment
from marketplace.web.fields import MoneyField
from marketplace.web.filters import money
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.operator.room import ReasonForm


class SettlementForm(ReasonForm):
    """In whose favour the money of an unsolved visit goes, or how it is split, and why; `checked`: the split was seen."""

    in_favour_of = RadioField(
        _l("Who gets the money?"),
        choices=[
            SelectChoice("customer", _l("The customer gets it back")),
            SelectChoice("helper", _l("The helper is paid")),
            SelectChoice("both", _l("Both get a part of it")),
        ],
        validators=[InputRequired(_l("Please choose who gets the money."))],
    )
    refund_cents = MoneyField(_l("Back to the customer"), description=_l("Only when both get a part."))
    helper_cents = MoneyField(_l("For the helper"), description=_l("What is left is the platform's."))
    checked = HiddenField()

    def validate_refund_cents(self, field: MoneyField) -> None:
        """A split needs both amounts."""
        if self.in_favour_of.data == "both" and field.data is None:
            raise ValidationError(_("Please say how much each of them gets."))

    def validate_helper_cents(self, field: MoneyField) -> None:
        """A split needs both amounts."""
        if self.in_favour_of.data == "both" and field.data is None:
            raise ValidationError(_("Please say how much each of them gets."))

    def shares(self, payments: list[Payment]) -> dict[str, int]:
        """What goes back to the customer and what to the helper, in cents."""
        match self.in_favour_of.data:
            case "customer":
                return {"refund_cents": _paid(payments), "helper_cents": 0}
            case "helper":
                return {"refund_cents": 0, "helper_cents": _paid(payments) - _fees(payments)}
            case _:
                return {"refund_cents": self.refund_cents.data or 0, "helper_cents": self.helper_cents.data or 0}

    def split_to_see(self, payments: list[Payment]) -> list[tuple[Any, int]] | None:
        """The three parts of a split that was not shown yet and adds up; None when there is nothing to show."""
        if self.in_favour_of.data != "both" or self.checked.data:
            return None
        shares = self.shares(payments)
        rest = _paid(payments) - sum(shares.values())
        return (
            None
            if rest < 0
            else [
                (_("Back to the customer"), shares["refund_cents"]),
                (_("For the helper"), shares["helper_cents"]),
                (_("For us"), rest),
            ]
        )


def effects(payments: list[Payment]) -> dict[str, str]:
    """What each simple choice does with the money, shown beside it."""
    if not payments:
        return {}
    paid, fees, currency = _paid(payments), _fees(payments), payments[0].currency
    return {
        "customer": _("%(amount)s go back, the helper and we get nothing.", amount=money(paid, currency)),
        "helper": _(
            "%(amount)s go to the helper, %(fee)s are our fee, as if it had been signed off.",
            amount=money(paid - fees, currency),
            fee=money(fees, currency),
        ),
    }


class RefundForm(ReasonForm):
    """How much goes back to the customer, how much of it the helper bears, and why; `checked`: the effect was seen."""

    refund_cents = MoneyField(
        _l("Back to the customer"), validators=[InputRequired(_l("Please say how much is to go back."))]
    )
    from_helper_cents = MoneyField(
        _l("Of it from the helper's share"),
        description=_l("Nothing typed means nothing: then all of it comes out of our fee."),
    )
    checked = HiddenField()
    shown = HiddenField()


class CreditForm(ReasonForm):
    """How much credit the customer gets, and why."""

    cents = MoneyField(_l("Amount"), validators=[InputRequired(_l("Please say how much credit you give."))])
    shown = HiddenField()


def _paid(payments: list[Payment]) -> int:
    return sum(one.amount_cents for one in payments)


def _fees(payments: list[Payment]) -> int:
    return sum(one.fee_cents for one in payments)
