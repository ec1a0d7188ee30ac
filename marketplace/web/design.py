"""What the design page shows: its parts, a form with every kind of field, and made-up people, bids and moments."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

from flask import current_app, url_for
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    IntegerField,
    MultipleFileField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from config import LANGUAGES
from marketplace import clock
from marketplace.domain import posting
from marketplace.domain.hours import CODES
from marketplace.domain.lifecycles import BID
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.operator.events import LineInWords
from marketplace.web.operator.periods import Period
from marketplace.web.states import SHOWN


class Part(NamedTuple):
    """A room of the design page."""

    title: LazyString
    template: str
    follows: bool = False  # holds a list that follows every choice


PARTS = {
    "basics": Part(_l("Basics"), "design/basics.html"),
    "forms": Part(_l("Forms"), "design/forms.html"),
    "choices": Part(_l("Choices"), "design/choices.html"),
    "trust": Part(_l("Trust"), "design/trust.html"),
    "lists": Part(_l("Lists"), "design/lists.html", follows=True),
    "bids": Part(_l("Bids"), "design/bids.html"),
    "visit": Part(_l("The visit"), "design/visit.html"),
    "operator": Part(_l("Operator"), "design/operator.html"),
}


class SampleForm(FlaskForm):
    """Every kind of field once; it is shown and never sent."""

    class Meta:
        """Without a token: there is nothing to send."""

        csrf = False

    skill = RadioField(
        _l("What is it about?"),
        choices=[
            SelectChoice("wifi", _l("Wi-Fi & internet")),
            SelectChoice("tv", _l("Television & radio")),
            SelectChoice("phone", _l("Phone & tablet")),
            SelectChoice("laptop", _l("Computer")),
        ],
        validators=[InputRequired()],
    )
    title = StringField(_l("What should be done?"), validators=[InputRequired()])
    story = TextAreaField(_l("What have you tried already?"))
    postcode = StringField(_l("Postcode"), validators=[InputRequired()])
    radius = SelectField(
        _l("How far away?"),
        choices=[SelectChoice("5", "5 km"), SelectChoice("20", "20 km")],
        validators=[InputRequired()],
    )
    budget = IntegerField(_l("Your budget"))
    distance = IntegerField(_l("Radius"), validators=[InputRequired()])
    mail = EmailField(_l("E-mail address"), validators=[InputRequired()])
    password = PasswordField(_l("Password"), validators=[InputRequired()])
    phone = StringField(_l("Phone number"))
    start = TimeField(_l("Start at"))
    on = DateField(_l("Day"), validators=[InputRequired()])
    where = RadioField(
        _l("How shall the help come?"),
        choices=[
            SelectChoice("home", _l("To my home")),
            SelectChoice("remote", _l("By phone or screen")),
            SelectChoice("any", _l("I don't know")),
        ],
        validators=[InputRequired()],
    )
    when = SelectMultipleField(
        _l("When does it suit you?"),
        choices=[
            SelectChoice("evening", _l("In the evening")),
            SelectChoice("weekend", _l("At the weekend")),
            SelectChoice("day", _l("During the day")),
        ],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[InputRequired()],
    )
    photos = MultipleFileField(_l("Photos"))
    stars = RadioField(
        _l("How was the visit?"),
        choices=[
            SelectChoice("1", _l("Bad")),
            SelectChoice("2", _l("Not good")),
            SelectChoice("3", _l("All right")),
            SelectChoice("4", _l("Good")),
            SelectChoice("5", _l("Very good")),
        ],
        validators=[InputRequired()],
    )
    agree = BooleanField(_l("I have read the terms"), validators=[InputRequired()])
    place = StringField(_l("Postcode or place"), validators=[InputRequired()])
    place_choice = RadioField(
        _l("Which place do you mean?"),
        choices=[SelectChoice("UR", "6460 Altdorf (UR)"), SelectChoice("SH", "8243 Altdorf (SH)")],
    )
    hours = SelectMultipleField(_l("When do you usually have time?"), choices=CODES)
    skills = SelectMultipleField(
        _l("What would you like to help with?"),
        choices=[SelectChoice("wifi", _l("Wi-Fi & internet")), SelectChoice("tv", _l("Television & radio"))],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[InputRequired()],
    )


def samples(asked: str) -> dict[str, Any]:
    """The values of the design page; `asked` is the part to show, the first one when there is none of this name."""
    chosen = asked if asked in PARTS else next(iter(PARTS))
    now = clock.now().replace(minute=30, second=0, microsecond=0) - timedelta(hours=1)
    filled = SampleForm(
        formdata=None,
        data={
            "skill": "wifi",
            "title": _l("The Wi-Fi does not reach the bedroom"),
            "radius": "20",
            "distance": 15,
            "where": "home",
            "when": ["evening"],
            "stars": "4",
            "place": "Altdorf",
            "hours": ["0-evening", "1-evening", "5-morning", "5-afternoon"],
            "skills": ["wifi"],
        },
    )
    days = posting.days_offered(now, days=2, zone=current_app.config["TIME_ZONE"])
    return {
        "part": PARTS[chosen],
        "rooms": [(part.title, url_for("pages.design", part=name), name == chosen) for name, part in PARTS.items()],
        "now": now,
        "sample": filled,
        "wrong": wrong_form(),
        "refused": refused_form(),
        "wrong_choices": wrong_choices(),
        "bids": sample_bids(now),
        "days": days,
        "ticked": [days[-1].spans[-1].code],
        "sample_skills": sample_skills(),
        "wrong_skills": sample_skills("choice-"),
        "journal_lines": sample_lines(now),
        "sample_period": Period("2026-11-30", "2026-11-01", None, _l("The last day comes before the first.")),
        "shown_states": SHOWN,
    }


def wrong_form() -> SampleForm:
    """The same form as it comes back when answers are missing or cannot be read."""
    form = SampleForm(formdata=None, prefix="wrong-", data={"title": _l("The Wi-Fi does not reach the bedroom")})
    form.postcode.errors = [_l("Please give a postcode of four or five digits, for example 8400.")]
    form.budget.errors = [_l("Please type an amount such as 60 or 60.50.")]
    form.story.errors = [_l("Please no phone numbers or addresses: you exchange them with the booking.")]
    form.radius.errors = [_l("Please choose one of these.")]
    form.where.errors = [_l("Please choose how the help should happen.")]
    form.when.errors = [_l("Please choose at least one time that suits you.")]
    form.agree.errors = [_l("Please accept the terms to go on.")]
    return form


def refused_form() -> SampleForm:
    """The form of somebody who is not let in: a word about the whole, and one about a field."""
    form = SampleForm(formdata=None, prefix="refused-")
    form.form_errors = [_l("That did not work, or was stopped. You can simply start again.")]
    form.password.errors = [_l("Please enter your password.")]
    return form


def wrong_choices() -> SampleForm:
    """Choices that were not made or do not go together."""
    form = SampleForm(formdata=None, prefix="choice-")
    form.skill.errors = [_l("Please choose what it is about.")]
    form.stars.errors = [_l("Please choose one to five stars.")]
    form.place.errors = [_l("We do not know this place. Please check the postcode or the name.")]
    form.place_choice.choices = []
    form.when.errors = [_l("Please choose at least one time that suits you.")]
    form.hours.errors = [_l("Please check the hours: they overlap or end before they begin.")]
    form.skills.errors = [_l("Please choose at least one skill.")]
    return form


def sample_skills(prefix: str = "") -> list[SimpleNamespace]:
    """Two skills to apply for, as the list of skills draws them; `prefix` tells two such lists apart."""
    blurb = dict.fromkeys(LANGUAGES, _l("Slow, patchy or gone: so that it reaches everywhere again."))
    return [SimpleNamespace(code=prefix + code, icon=code, blurbs=blurb) for code in ("wifi", "tv")]


def sample_lines(now: datetime) -> list[LineInWords]:
    """Two lines of the journal: one of a person, one of the worker."""
    return [
        LineInWords(now, _l("Bid accepted"), "Margrit Amstutz", "#operator", _l("Bid"), "hf4821", "#operator", ""),
        LineInWords(now, _l("Task closed"), None, None, _l("Task"), "hf4711", None, _l("nothing more to do")),
    ]


def sample_bids(now: datetime) -> list[dict[str, Any]]:
    """Three bids that differ in every fact."""
    shared = {
        "href": "#bids",
        "photo": None,
        "currency": "CHF",
        "is_certified": True,
        "included": _l("The way to you and one hour at your home."),
        "minutes": 60,
        "expires_at": now + timedelta(days=5),
        "state": BID.placed,
    }
    return [
        shared
        | {
            "name": "Luca Bernasconi",
            "price_cents": 6500,
            "starts_at": now + timedelta(hours=5),
            "is_friend": True,
            "cautious": 452,
            "average": 490,
            "count": 23,
            "km": 1.4,
            "reply_minutes": 25,
            "included": _l("The way to you, one hour at your home, and a second look after a week."),
            "state": BID.countered,
        },
        shared
        | {
            "name": "Annemarie Zurbriggen-Hofstetter",
            "price_cents": 8000,
            "starts_at": now + timedelta(days=1),
            "is_friend": False,
            "cautious": 421,
            "average": 475,
            "count": 4,
            "km": 3.2,
            "reply_minutes": 180,
        },
        shared
        | {
            "name": "Besnik Krasniqi",
            "price_cents": 12050,
            "starts_at": now + timedelta(days=2),
            "is_friend": False,
            "cautious": None,
            "average": None,
            "count": 0,
            "km": None,
            "reply_minutes": None,
        },
    ]
