"""What every part of the operator's room uses: its blueprint and the form that asks for a reason."""

from collections.abc import Container, Iterable

from flask import Blueprint, request, url_for
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from marketplace.web.draft_forms import clean
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.states import SHOWN

bp = Blueprint("operator", __name__, url_prefix="/operator")


Tab = tuple[object, str, bool]  # words, address, whether one is there


class ReasonForm(FlaskForm):
    """A decision with its reason; the button that was pressed says which decision."""

    reason = TextAreaField(
        _l("Reason"), validators=[DataRequired(_l("Please give a reason.")), Length(max=2000)], filters=[clean]
    )


def words_searched() -> str:
    """What was typed into the search of a list."""
    return clean(request.args.get("search"))[:100]


def chosen(name: str, among: Container[str]) -> str | None:
    """The filter `name` of the address, if it is one of these."""
    value = request.args.get(name, "")
    return value if value in among else None


def state_tabs(noun: str, states: Iterable[str], endpoint: str, current: str | None) -> list[Tab]:
    """A filter for each state of a noun, in the words in which people see it."""
    return [(SHOWN[noun][state].text, url_for(endpoint, state=state), state == current) for state in states]
