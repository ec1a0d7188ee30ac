"""Fields of forms that several pages share."""

from collections.abc import Sequence
from typing import Any

from wtforms import Form, StringField
from wtforms.validators import ValidationError

from marketplace.domain.masking import contacts_in
from marketplace.domain.money import cents_typed
from marketplace.web.languages import gettext as _


def without_contacts(form: Form, field: StringField) -> None:
    """A person's name, of which everybody reads a part, is no mail address or number."""
    if contacts_in(field.data or ""):
        raise ValidationError(_("Please enter your name."))


class MoneyField(StringField):
    """An amount of money, typed as people write it; the data are whole cents, or none when nothing was typed."""

    data: int | None

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Read what was typed; what is no amount becomes an error of this field."""
        text = valuelist[0].strip() if valuelist else ""
        try:
            self.data = cents_typed(text) if text else None
        except ValueError:
            self.data = None
            raise ValueError(_("Please type an amount such as 60 or 60.50.")) from None

    def _value(self) -> str:
        """What stands in the input: what was typed, else the amount."""
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        francs, rest = divmod(self.data, 100)
        return f"{francs}.{rest:02}" if rest else str(francs)
