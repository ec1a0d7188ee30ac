"""Asking for a place: typed text becomes one place, a choice of places, or a sentence at the field; never a guess."""

from flask import current_app
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from marketplace.domain.places import Place
from marketplace.gateways.geocoder import Found
from marketplace.web.current import gateways
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l


def find_place(text: str, choice: str | None = None) -> Found:
    """What the text means; `choice` is the key of one of the places that were offered for this very text before."""
    found = gateways().geocoder.find(text)
    chosen = next((place for place in found.choices if place.key == choice), None)
    return Found(place=chosen) if chosen else found


def regions_served() -> frozenset[str]:
    """The regions that the operator has switched on; none means everywhere."""
    return frozenset(name.strip() for name in current_app.config["REGIONS"].split(",") if name.strip())


class PlaceForm(FlaskForm):
    """A form that asks for a place; after `validate()` the one place that is meant stands in `found`."""

    place = StringField(
        _l("Postcode or place"),
        validators=[DataRequired(_l("Please type a postcode or a place.")), Length(max=100)],
        filters=[lambda text: "".join(letter for letter in text or "" if letter.isprintable()).strip()],
    )
    place_choice = RadioField(_l("Which place do you mean?"), choices=[], validate_choice=False)

    found: Place | None = None

    def validate_place(self, field: StringField) -> None:
        """Look the text up; several places become the choices of the radio field."""
        found = find_place(field.data or "", self.place_choice.data)
        if found.is_choice:
            self.place_choice.choices = [SelectChoice(place.key, place.full_label) for place in found.choices]
            raise ValidationError(_("Several places are called so. Please choose one."))
        if found.place is None:
            raise ValidationError(_("We do not know this place. Please check the postcode or the name."))
        self.found = found.place
