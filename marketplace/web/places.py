"""Asking for a place: typed text becomes one place, a choice of places, or a sentence at the field; never a guess."""

from typing import NoReturn

from flask import Flask, current_app
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from marketplace.domain.places import Place
from marketplace.gateways.geocoder import Found
from marketplace.web.current import gateways
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l


def register(app: Flask) -> None:
    """Make the sentences about a place known to the templates."""
    app.jinja_env.globals.update(which_one=which_one, why_none=why_none)


def find_place(text: str, choice: str | None = None) -> Found:
    """What the text means; `choice` is the key of one of the places that were offered for this very text before."""
    found = gateways().geocoder.find(text)
    chosen = next((place for place in found.choices if place.key == choice), None)
    return Found(place=chosen) if chosen else found


def which_one(found: Found) -> str:
    """The question above the places that a text may mean: one that is not quite called so, or several."""
    if len(found.choices) == 1:
        return _("Do you mean this place?")
    return _("Several places are called like this. Which one do you mean?")


def why_none(found: Found) -> str:
    """The sentence for a text that means no place."""
    if found.is_region:
        return _("This is the name of a whole region. Please type a postcode or a town in it.")
    return _("We do not know this place. Please check the postcode or the name.")


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
            self._ask(found)
        if found.place is None:
            raise ValidationError(why_none(found))
        self.found = found.place

    def _ask(self, found: Found) -> NoReturn:
        """Offer the places in the radio field, and say so at the text; one alone is asked about as one."""
        self.place_choice.choices = [SelectChoice(place.key, place.full_label) for place in found.choices]
        if len(found.choices) > 1:
            raise ValidationError(_("Several places are called so. Please choose one."))
        self.place_choice.label.text = which_one(found)
        raise ValidationError(_("Please choose the place below, or type another one."))
