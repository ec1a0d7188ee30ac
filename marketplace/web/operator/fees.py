"""The platform's fees: rules in force, to come and past, what a bid would pay under each, setting one and ending one."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, IntegerField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from marketplace import clock
from marketplace.actions import fees as actions
from marketplace.db import db, transaction
from marketplace.domain.errors import Invalid, NotFound
from marketplace.domain.fees import Fee
from marketplace.models import FeeRule
from marketplace.queries.money_lists import fee_rules
from marketplace.queries.skills import all_skills
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.draft_forms import clean
from marketplace.web.fields import MoneyField
from marketplace.web.languages import gettext as _
from marketplace.web.languages import language, say
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.operator.room import bp

SAMPLE_CENTS = 5_000  # of the bid by which rules are compared
YEARS_AHEAD = 20


class RuleForm(FlaskForm):
    """A fee: how much, for whom, from when until when, and why."""

    percent = IntegerField(
        _l("Percent of the price"),
        validators=[
            InputRequired(_l("Please say how many percent.")),
            NumberRange(0, actions.PERCENT_MAX, _l("Please choose %(min)d to %(max)d percent.")),
        ],
    )
    min_cents = MoneyField(_l("At least"), description=_l("Nothing typed means no least amount."))
    max_cents = MoneyField(_l("At most"), description=_l("Nothing typed means no greatest amount."))
    skill_id = SelectField(_l("For which skill"), coerce=int)
    friends_only = BooleanField(_l("Only for helpers with the badge"))
    starts_on = DateField(_l("First day"), validators=[Optional()], description=_l("Nothing typed means from now on."))
    ends_on = DateField(
        _l("Last day"), validators=[Optional()], description=_l("Nothing typed means until it is ended.")
    )
    reason = StringField(
        _l("Reason"), validators=[DataRequired(_l("Please give a reason.")), Length(max=200)], filters=[clean]
    )

    def validate_starts_on(self, field: DateField) -> None:
        """A day that a calendar has on every clock."""
        _demand_near(field)

    def validate_ends_on(self, field: DateField) -> None:
        """The same for the end."""
        _demand_near(field)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        named = [(skill.id, skill.name(language())) for skill in all_skills(db.session)]
        self.skill_id.choices = [(0, _("Every skill")), *named]


@dataclass(frozen=True)
class Shown:
    """A rule as the page shows it; `row` is none for what holds without any rule."""

    row: FeeRule | None
    fee: Fee
    skill: str | None
    sample_cents: int


@bp.get("/fees")
@operator_only("admin")
def fees() -> str:
    """The rules in force, to come and past."""
    return _page(RuleForm())


@bp.post("/fees")
@operator_only("admin")
def set_fee() -> Response | tuple[str, int]:
    """Set a rule; bids placed before keep theirs."""
    form = RuleForm()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with transaction() as session:
            actions.set_rule(
                session,
                by=current_user,
                percent=form.percent.data or 0,
                min_cents=form.min_cents.data or 0,
                max_cents=form.max_cents.data,
                skill_id=form.skill_id.data or None,
                friends_only=form.friends_only.data,
                valid_from=_begin(form),
                valid_until=_midnight(form.ends_on.data + timedelta(days=1)) if form.ends_on.data else None,
                reason=form.reason.data or "",
            )
    except Invalid as refusal:
        form[FIELDS.get(refusal.field, refusal.field)].errors = [say(refusal)]
        return _page(form), 422
    flash(_("The rule is set. Bids that were placed before keep the fee that they were placed with."), "success")
    return redirect(url_for("operator.fees"), 303)


@bp.post("/fees/ending")
@operator_only("admin")
def end_fee() -> Response:
    """End a rule now; bids placed under it keep it."""
    number = request.form.get("rule", "")
    with transaction() as session:
        rule = session.get(FeeRule, int(number)) if number.isdecimal() and len(number) < 10 else None
        if rule is None:
            raise NotFound()
        actions.end_rule(session, rule, by=current_user)
    flash(_("The rule is ended. Bids that were placed under it keep it."), "success")
    return redirect(url_for("operator.fees"), 303)


def _page(form: RuleForm) -> str:
    now = clock.now()
    skills = {skill.id: skill.name(language()) for skill in all_skills(db.session)}
    groups: dict[str, list[Shown]] = {"now": [], "coming": [], "past": []}
    for row in fee_rules(db.session):
        fee = actions.as_rule(row).fee
        is_over = row.valid_until is not None and row.valid_until <= now
        group = "past" if is_over else "coming" if row.valid_from > now else "now"
        groups[group].append(Shown(row, fee, skills.get(row.skill_id or 0), fee.of(SAMPLE_CENTS)))
    usual = Fee(policy().fee_percent)
    groups["now"].append(Shown(None, usual, None, usual.of(SAMPLE_CENTS)))
    return render_template("operator/fees.html", form=form, groups=groups, sample_cents=SAMPLE_CENTS)


FIELDS = {"valid_from": "starts_on", "valid_until": "ends_on"}  # of the verb, as the form calls them


def _demand_near(field: DateField) -> None:
    """A rule for a later century is a slip of the keyboard."""
    if field.data and not 2000 <= field.data.year <= clock.now().year + YEARS_AHEAD:
        raise ValidationError(_("Please choose a day within the next years."))


def _begin(form: RuleForm) -> datetime | None:
    """From the first midnight of a day to come; none means now, today too."""
    day = form.starts_on.data
    return None if day is None or day == clock.now().astimezone(_zone()).date() else _midnight(day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), _zone()).astimezone(UTC)


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["TIME_ZONE"])
