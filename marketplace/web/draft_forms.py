"""The forms of posting a task, one per step: what is asked, what is accepted, and what becomes of it in the draft."""

from dataclasses import asdict
from typing import Any

from flask import current_app, request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    Field,
    MultipleFileField,
    RadioField,
    SelectChoice,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import ValidationError

from marketplace import clock
from marketplace.db import db
from marketplace.domain import posting
from marketplace.models import Skill
from marketplace.queries.skills import all_skills, skill_by_code
from marketplace.web.current import policy
from marketplace.web.fields import MoneyField
from marketplace.web.filters import money
from marketplace.web.languages import gettext as _
from marketplace.web.languages import language
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.places import PlaceForm, regions_served

DEVICE_MAX = 120  # the column's width
TYPED_MAX = 10_000  # what is kept of a field before it is accepted
WEEK = 7  # days of the grid that are not folded away
QUESTION = "q_"  # before a question's code: a guide may call its questions as it likes


class Needed:
    """Marks a field that is not optional; the form itself says what is missing, in the words of the question."""

    field_flags = {"required": True}  # noqa: RUF012

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Leave the check to the form."""


NEEDED = Needed()


class SkillForm(FlaskForm):
    """What kind of help."""

    skill = RadioField(_l("What do you need help with?"), validate_choice=False)

    def prepare(self, answers: dict[str, Any]) -> None:
        """Offer the skills."""
        skills = all_skills(db.session)
        self.skill.choices = [SelectChoice(skill.code, skill.name(language())) for skill in skills]
        self.icons = {skill.code: skill.icon for skill in skills}

    def validate_skill(self, field: RadioField) -> None:
        """One of those that are offered."""
        if field.data not in self.icons:
            raise ValidationError(_("Please choose what you need help with. If nothing fits, take the last one."))

    def answers(self) -> dict[str, Any]:
        """The skill's code."""
        return {"skill": self.skill.data}


class QuestionsForm(FlaskForm):
    """The guided questions of the skill; each may stay open, which means "I don't know"."""

    chosen: Skill

    def prepare(self, answers: dict[str, Any]) -> None:
        """Nothing to prepare."""

    def answers(self) -> dict[str, Any]:
        """The choice per question."""
        given = {}
        for field in self.questions:
            known = {choice.value for choice in field.choices}
            given[field.short_name.removeprefix(QUESTION)] = field.data if field.data in known else posting.UNKNOWN
        return given

    @property
    def questions(self) -> list[RadioField]:
        """The questions in their order."""
        return [field for field in self if isinstance(field, RadioField)]


class WordsForm(FlaskForm):
    """The customer's own words."""

    title = StringField(_l("In one short sentence: what is it about?"), [NEEDED])
    description = TextAreaField(_l("What is happening, and what would you like?"), [NEEDED])
    device = StringField(_l("Which device is it?"))
    tried = TextAreaField(_l("What have you already tried?"))

    def validate_title(self, field: StringField) -> None:
        """Not empty, not too long."""
        if not clean(field.data):
            raise ValidationError(_("Please say in one short sentence what it is about."))
        _demand_room(field, policy().title_max)

    def validate_description(self, field: TextAreaField) -> None:
        """Not empty, not too long."""
        if not clean(field.data):
            raise ValidationError(_("Please describe in your own words what is happening."))
        _demand_room(field, policy().text_max)

    def validate_device(self, field: StringField) -> None:
        """Not too long."""
        _demand_room(field, DEVICE_MAX)

    def validate_tried(self, field: TextAreaField) -> None:
        """Not too long."""
        _demand_room(field, policy().text_max)

    def prepare(self, answers: dict[str, Any]) -> None:
        """Show an example of the chosen skill."""
        skill = _skill_of(answers)
        self.example = (skill.examples.get(language()) or skill.examples["de"])[0] if skill else None

    def answers(self) -> dict[str, Any]:
        """The words and the language they are in."""
        words = {name: clean(self[name].data) for name in ("title", "description", "device", "tried")}
        return {**words, "title": " ".join(words["title"].split()), "language": language()}


class PhotosForm(FlaskForm):
    """Photos, as many as there is room for."""

    photos = MultipleFileField(_l("Choose photos"))

    def prepare(self, answers: dict[str, Any]) -> None:
        """Nothing to prepare."""


class TimesForm(FlaskForm):
    """When it suits."""

    flexible = BooleanField(_l("I am flexible: helpers may propose a time"))
    slots = SelectMultipleField(_l("Times that suit me"), validate_choice=False)

    def prepare(self, answers: dict[str, Any]) -> None:
        """Offer the next days."""
        zone = current_app.config["TIME_ZONE"]
        self.days = posting.days_offered(clock.now(), days=policy().bookable_days, zone=zone)
        self.spans = {span.code: span for day in self.days for span in day.spans}
        self.shows_later = any(span.code in (self.slots.data or []) for day in self.days[WEEK:] for span in day.spans)

    def validate_slots(self, field: SelectMultipleField) -> None:
        """At least one time that is still ahead, or flexible."""
        if not self.flexible.data and not self._chosen():
            raise ValidationError(_("Please choose at least one time, or say that you are flexible."))

    def answers(self) -> dict[str, Any]:
        """The chosen times as moments in UTC."""
        slots = [(span.starts_at.isoformat(), span.ends_at.isoformat()) for span in self._chosen()]
        return {"flexible": bool(self.flexible.data), "slots": slots}

    def _chosen(self) -> list[posting.Span]:
        return [self.spans[code] for code in dict.fromkeys(self.slots.data or []) if code in self.spans]


class WhereForm(PlaceForm):
    """Where the help is needed, and what it may cost."""

    remote = RadioField(
        _l("How should the help happen?"),
        [NEEDED],
        choices=[
            SelectChoice("home", _l("A helper comes to me")),
            SelectChoice("remote", _l("By phone or video call")),
        ],
        validate_choice=False,
    )
    budget = MoneyField(_l("What may it cost in total?"))

    def prepare(self, answers: dict[str, Any]) -> None:
        """Know the usual price of the chosen skill."""
        self.chosen = _skill_of(answers)

    def validate_place(self, field: StringField) -> None:
        """Exactly one place, in a region that is switched on."""
        super().validate_place(field)
        if self.found and not posting.is_served(self.found.country, self.found.region, regions_served()):
            raise ValidationError(_("We do not offer help in %(place)s yet.", place=self.found.full_label))

    def validate_remote(self, field: RadioField) -> None:
        """One of the two."""
        if field.data not in ("home", "remote"):
            raise ValidationError(_("Please choose how the help should happen."))

    def validate_budget(self, field: MoneyField) -> None:
        """Within what bids may cost, or open."""
        least, most = policy().price_min_cents, policy().price_max_cents
        if field.data is not None and not least <= field.data <= most:
            raise ValidationError(
                _("Please type an amount from %(least)s to %(most)s.", least=money(least), most=money(most))
            )

    def answers(self) -> dict[str, Any]:
        """The place and what goes with it."""
        return {
            **(asdict(self.found) if self.found else {}),
            "remote": self.remote.data == "remote",
            "budget_cents": self.budget.data,
        }


FORMS: dict[str, type[FlaskForm]] = {
    "skill": SkillForm,
    "questions": QuestionsForm,
    "words": WordsForm,
    "photos": PhotosForm,
    "times": TimesForm,
    "place": WhereForm,
}


def form_of(step: str, answers: dict[str, Any]) -> Any:
    """The form of a step: with what was just sent, or what was typed there before, or what was accepted there."""
    kind = _questions_form(answers) if step == "questions" else FORMS[step]
    typed = answers.get("typed", {}).get(step)
    if request.method == "POST":
        form = kind()
    elif typed:
        form = kind(formdata=MultiDict(typed))
    else:
        form = kind(formdata=None, data=_accepted(step, answers.get(step) or {}))
    form.prepare(answers)
    return form


def typed_in(form: FlaskForm) -> dict[str, list[str]]:
    """What was typed into a form, as it is: kept when somebody leaves the page without finishing it."""
    names = [field.name for field in form if field.type not in ("CSRFTokenField", "MultipleFileField")]
    return {name: [text[:TYPED_MAX] for text in request.form.getlist(name)] for name in names if name in request.form}


def clean(text: str | None) -> str:
    """What was typed without outer white space and without signs that nobody can see."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter == "\n" or letter.isprintable() or letter == "\t").strip()


def _questions_form(answers: dict[str, Any]) -> type[QuestionsForm]:
    """The form of a skill's guided questions."""
    skill = _skill_of(answers)
    fields: dict[str, Any] = {"chosen": skill}
    for question in skill.questions if skill else []:
        choices = [
            SelectChoice(choice["code"], posting.said(choice["text"], language())) for choice in question["choices"]
        ]
        fields[QUESTION + question["code"]] = RadioField(
            posting.said(question["ask"], language()),
            [NEEDED],
            description=posting.said(question["hint"], language()) if question.get("hint") else "",
            choices=choices,
            validate_choice=False,
        )
    return type("QuestionsForm", (QuestionsForm,), fields)


def _skill_of(answers: dict[str, Any]) -> Skill | None:
    """The skill that a draft's answers name."""
    return skill_by_code(db.session, (answers.get("skill") or {}).get("skill", ""))


def _accepted(step: str, given: dict[str, Any]) -> dict[str, Any]:
    """The accepted answers of a step, as its form takes them."""
    if step == "questions":
        return {QUESTION + code: choice for code, choice in given.items()}
    if step == "times" and given:
        return {"flexible": given["flexible"], "slots": [begin for begin, _end in given["slots"]]}
    if step == "place" and given:
        return {
            "place": f"{given['postcode']} {given['name']}",
            "remote": "remote" if given["remote"] else "home",
            "budget": given["budget_cents"],
        }
    return given


def _demand_room(field: Field, most: int) -> None:
    """Refuse what is longer than there is room for."""
    if len(clean(field.data)) > most:
        raise ValidationError(_("Please use at most %(most)s characters.", most=most))
