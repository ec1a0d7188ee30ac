"""My account: what I say about myself, how I sign in, on which devices I am signed in."""

from flask import Blueprint, current_app, flash, redirect, render_template, session, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField, TelField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, ValidationError

from config import LANGUAGES
from marketplace import clock
from marketplace.actions import accounts
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.errors import NotFound
from marketplace.models import UserSession
from marketplace.permissions import is_operator, may_end_session
from marketplace.queries import accounts as queries
from marketplace.web.access import public, signed_in
from marketplace.web.fields import without_contacts
from marketplace.web.languages import OWN_NAMES
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.phones import dialled, readable

bp = Blueprint("accounts", __name__)


class PersonForm(FlaskForm):
    """What a person says about themselves."""

    name = StringField(
        _l("First and last name"),
        [
            InputRequired(_l("Please enter your name.")),
            Length(max=80, message=_l("Please use at most %(max)d characters.")),
            without_contacts,
        ],
        filters=[lambda text: text.strip() if text else text],
        render_kw={"autocomplete": "name"},
    )
    phone = TelField(_l("Phone number"), render_kw={"autocomplete": "tel"})
    language = RadioField(
        _l("Language of pages and mails"),
        [InputRequired(_l("Please choose a language."))],
        choices=[SelectChoice(code, OWN_NAMES[code]) for code in LANGUAGES],
    )

    def validate_phone(self, field: TelField) -> None:
        """A number that somebody can call; kept in international form."""
        country = current_app.config["COUNTRIES"].partition(",")[0]
        try:
            field.data = dialled(field.data, country) if field.data else None
        except ValueError:
            raise ValidationError(_("This is not a phone number. It looks like 079 123 45 67.")) from None


@bp.get("/account")
@signed_in
def show() -> str:
    """My account."""
    passkeys = queries.passkeys(db.session, current_user.id)
    phone = readable(current_user.phone) if current_user.phone else None
    return render_template("accounts/show.html", phone=phone, passkeys=passkeys, own_names=OWN_NAMES)


@bp.route("/account/edit", methods=["GET", "POST"])
@signed_in
def edit() -> str | Response | tuple[str, int]:
    """Change what I say about myself; the page after it speaks the language chosen."""
    form = PersonForm(obj=current_user)
    if not form.validate_on_submit():
        return render_template("accounts/edit.html", form=form), 422 if form.errors else 200
    with transaction() as rows:
        accounts.change_person(
            rows, by=current_user, name=form.name.data or "", phone=form.phone.data, language=form.language.data
        )
    flash(_("Your changes are kept."), "success")
    return redirect(url_for("accounts.show", lang=form.language.data), 303)


@bp.get("/account/devices")
@signed_in
def devices() -> str:
    """Where I am signed in."""
    rows = queries.devices(db.session, current_user.id, clock.now())
    return render_template("accounts/devices.html", devices=rows, this_id=session.row_id)  # type: ignore[attr-defined]


@bp.post("/account/devices/<public_id>/removal")
@signed_in
def end_device(public_id: str) -> Response:
    """Sign one of my devices out; nobody hears of anybody else's."""
    with transaction() as rows:
        device = by_public_id(rows, UserSession, public_id)
        if not may_end_session(current_user, device):
            raise NotFound()
        accounts.end_session(rows, device, by=current_user)
    flash(_("The device is signed out."), "success")
    return redirect(url_for("accounts.devices"), 303)


@bp.post("/account/other-devices/removal")
@signed_in
def end_other_devices() -> Response:
    """Sign all devices out but this one."""
    with transaction() as rows:
        accounts.end_other_sessions(rows, by=current_user, but=session.row_id)  # type: ignore[attr-defined]
    flash(_("All other devices are signed out."), "success")
    return redirect(url_for("accounts.devices"), 303)


@bp.get("/account/start")
@signed_in
def start() -> Response:
    """Where somebody goes who has just signed in: on with what they began, else to what they come here for."""
    wanted = session.pop("next", None)
    if wanted:
        return redirect(wanted)
    if is_operator(current_user):
        return redirect(url_for("operator.today"))
    return redirect(url_for("tasks.index") if current_user.is_helper else url_for("pages.home"))


@bp.get("/mail-sent")
@public
def mail_sent() -> str:
    """A mail is on its way; what to do now."""
    return render_template("accounts/mail_sent.html", mails_are_kept=not current_app.config["MAIL_SERVER"])
