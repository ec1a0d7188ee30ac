"""Becoming a helper: the profile, hours and skills on three pages, and how each application stands."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms.validators import InputRequired

from marketplace.actions import certifications, profiles
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.errors import Invalid, NotFound
from marketplace.domain.hours import spans_of
from marketplace.models import Certification, Skill
from marketplace.permissions import may_withdraw_certification
from marketplace.queries.certifications import of_helper, skills_to_apply_for
from marketplace.queries.profiles import of_user, own_profile
from marketplace.web import portraits
from marketplace.web.access import helper_only, signed_in
from marketplace.web.current import policy
from marketplace.web.draft_forms import clean
from marketplace.web.languages import gettext as _
from marketplace.web.languages import language, ngettext
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.portraits import PhotoForm
from marketplace.web.profiles import HoursForm, ProfileForm, TicksField, form_values, show_refusal

bp = Blueprint("certifications", __name__)

STEPS = 3
NOTE_MAX = 1000


class TimesForm(PhotoForm, HoursForm):
    """The second page: a picture and the usual hours, both optional."""


class SkillsForm(FlaskForm):
    """The third page: the skills applied for; each has a note of its own beside it."""

    skills = TicksField(
        _l("What would you like to help with?"),
        validators=[InputRequired(_l("Please choose at least one skill."))],
    )


@bp.get("/become-a-helper")
@signed_in
def new() -> str:
    """First page: about me, and where I help."""
    return _about_page(ProfileForm(data=form_values(of_user(db.session, current_user.id))))


@bp.post("/become-a-helper")
@signed_in
def create() -> Response | tuple[str, int]:
    """Save the profile; whoever has one is a helper."""
    form = ProfileForm()
    if not form.validate_on_submit():
        return _about_page(form), 422
    try:
        with transaction() as session:
            profiles.save(session, by=current_user, **form.words())
    except Invalid as refusal:
        show_refusal(form, refusal)
        return _about_page(form), 422
    return redirect(url_for("certifications.times"), 303)


@bp.get("/become-a-helper/times")
@helper_only
def times() -> str:
    """Second page: a picture and the usual hours."""
    return _times_page(TimesForm(data=form_values(own_profile(db.session, current_user.id))))


@bp.post("/become-a-helper/times")
@helper_only
def keep_times() -> Response | tuple[str, int]:
    """Save picture and hours."""
    form = TimesForm()
    if not form.validate_on_submit():
        return _times_page(form), 422
    kept, unused = portraits.keep(form.picture), None
    with transaction() as session:
        profile = own_profile(session, current_user.id)
        profiles.change_hours(session, profile, by=current_user, hours=spans_of(form.hours.data or []))
        if form.changes_photo:
            unused = profiles.change_photo(session, profile, by=current_user, photo_name=kept)
    portraits.forget(unused)
    return redirect(url_for("certifications.skills"), 303)


@bp.get("/become-a-helper/skills")
@helper_only
def skills() -> str:
    """Third page: the skills to apply for."""
    return _skills_page(_skills_form())


@bp.post("/become-a-helper/skills")
@helper_only
def apply() -> Response | tuple[str, int]:
    """Apply for each chosen skill."""
    form = _skills_form()
    if not form.validate_on_submit() or not _notes_fit(form):
        return _skills_page(form), 422
    chosen = [skill for skill in form.open_skills if skill.code in form.skills.data]
    with transaction() as session:
        for skill in chosen:
            note = clean(request.form.get(f"note-{skill.code}"))
            certifications.apply(session, session.get_one(Skill, skill.id), by=current_user, note=note)
    flash(
        ngettext(
            "Thank you! We have your application. A person will read it and answer you.",
            "Thank you! We have your %(num)d applications. A person will read them and answer you.",
            len(chosen),
        ),
        "success",
    )
    return redirect(url_for("certifications.mine"), 303)


@bp.get("/my-certifications")
@helper_only
def mine() -> str:
    """How each of my applications stands, with the operator's reasons."""
    applications = of_helper(db.session, current_user.id)
    return render_template(
        "certifications/mine.html",
        applications=applications,
        open_skills=skills_to_apply_for(db.session, applications),
        profile=own_profile(db.session, current_user.id),
    )


@bp.post("/certifications/<public_id>/withdrawal")
@helper_only
def withdrawal(public_id: str) -> Response:
    """Take an application back; for everybody else there is none."""
    with transaction() as session:
        application = by_public_id(session, Certification, public_id)
        if not may_withdraw_certification(current_user, application):
            raise NotFound()
        certifications.withdraw(session, application, by=current_user)
    flash(_("Your application is taken back."), "success")
    return redirect(url_for("certifications.mine"), 303)


def _skills_form() -> Any:
    """The skills that this helper has not applied for, as choices; the rows stand beside them in `open_skills`."""
    form: Any = SkillsForm()
    form.open_skills = skills_to_apply_for(db.session, of_helper(db.session, current_user.id))
    form.skills.choices = [(skill.code, skill.name(language())) for skill in form.open_skills]
    return form


def _notes_fit(form: SkillsForm) -> bool:
    """Refuse a note that is too long, at the list of skills."""
    if all(len(value) <= NOTE_MAX for name, value in request.form.items() if name.startswith("note-")):
        return True
    form.skills.errors = [_("Please use at most %(most)s characters for each note.", most=NOTE_MAX)]
    return False


def _about_page(form: ProfileForm) -> str:
    return render_template("certifications/new.html", form=form, steps=STEPS, policy=policy())


def _times_page(form: TimesForm) -> str:
    return render_template(
        "certifications/times.html",
        form=form,
        profile=own_profile(db.session, current_user.id),
        steps=STEPS,
        policy=policy(),
    )


def _skills_page(form: Any) -> str:
    notes = {name: clean(value) for name, value in request.form.items() if name.startswith("note-")}
    return render_template(
        "certifications/skills.html", form=form, open_skills=form.open_skills, notes=notes, steps=STEPS, most=NOTE_MAX
    )
