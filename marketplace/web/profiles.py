"""Helpers' profiles: finding helpers nearby, one helper's page, and changing one's own."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    IntegerField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    widgets,
)
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError

from marketplace import clock
from marketplace.actions import profiles
from marketplace.db import db, transaction
from marketplace.domain.errors import Invalid, NotFound
from marketplace.domain.hours import CODES, codes_of, spans_of
from marketplace.models import Profile, Skill, Standing
from marketplace.permissions import may_change_profile, may_see_profile
from marketplace.queries import badges, reviews
from marketplace.queries.profiles import (
    BEST_RATED,
    NEAREST,
    HelperNear,
    ProfilePage,
    helpers_near,
    own_profile,
    profile_page,
)
from marketplace.queries.skills import all_skills
from marketplace.web import portraits
from marketplace.web.access import helper_only, public
from marketplace.web.current import gateways, policy
from marketplace.web.draft_forms import clean
from marketplace.web.languages import OWN_NAMES, language, say
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.paging import offset, page_asked, paging
from marketplace.web.places import PlaceForm, find_place, regions_served
from marketplace.web.portraits import PhotoForm

bp = Blueprint("profiles", __name__)

FOUND_MAX = 60  # nobody leafs further; a smaller circle or a skill finds better
RADII_KM = (5, 10, 20, 50)


class TicksField(SelectMultipleField):
    """Several choices to tick; what is none of them is refused in our own words."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()

    def pre_validate(self, form: Any) -> None:
        """Only what is offered."""
        if not set(self.data or []) <= {choice.value for choice in self.iter_choices()}:
            raise ValidationError(_("Please choose one of these."))


class ProfileForm(PlaceForm):
    """Who a helper is and where they help."""

    headline = StringField(
        _l("In one sentence: what are you good at?"),
        description=_l("For example: I bring your Wi-Fi into every room."),
        validators=[InputRequired(_l("Please say in one sentence what you are good at.")), Length(max=90)],
        filters=[clean],
    )
    about = TextAreaField(
        _l("About you"),
        description=_l("Where does your experience come from? What do people like about your help?"),
        validators=[InputRequired(_l("Please tell us a little about yourself.")), Length(max=2000)],
        filters=[clean],
    )
    languages = TicksField(
        _l("Which languages do you speak?"),
        choices=[SelectChoice(code, name) for code, name in OWN_NAMES.items()],
        validators=[InputRequired(_l("Please choose at least one language."))],
    )
    radius_km = IntegerField(
        _l("How far do you travel?"),
        default=15,
        validators=[InputRequired(_l("Please type a number of kilometres.")), NumberRange(min=1, max=100)],
    )

    def words(self) -> dict[str, Any]:
        """What was typed, as `profiles.save` wants it."""
        return {
            "headline": self.headline.data,
            "about": self.about.data,
            "languages": self.languages.data,
            "place": self.found,
            "radius_km": self.radius_km.data,
            "regions": regions_served(),
            "policy": policy(),
        }


class HoursForm(FlaskForm):
    """When a helper usually has time: parts of the week to tick."""

    hours = TicksField(_l("When do you usually have time?"), choices=[SelectChoice(code, code) for code in CODES])


class EditForm(ProfileForm, PhotoForm, HoursForm):
    """The whole profile on one page."""


class SearchForm(FlaskForm):
    """Which helpers to look for; it lies in the address, so that a search can be kept and sent to somebody."""

    class Meta:
        """A search changes nothing, so it needs no token."""

        csrf = False

    place = StringField(_l("Postcode or place"), filters=[clean])
    skill = SelectField(_l("What do you need help with?"), validate_choice=False)
    radius = SelectField(
        _l("How far around?"), choices=[SelectChoice(str(km), f"{km} km") for km in RADII_KM], default="20"
    )
    order = SelectField(
        _l("Order"),
        choices=[SelectChoice(NEAREST, _l("Nearest first")), SelectChoice(BEST_RATED, _l("Best rated first"))],
    )
    friends = BooleanField()


@bp.get("/helpers")
@public
def index() -> str:
    """Certified helpers who come to a place."""
    skills = all_skills(db.session)
    form = _search_form(skills)
    found = find_place(form.place.data) if form.place.data else None
    rows, more = _search(form, skills, found.place.lat, found.place.lon) if found and found.place else ([], False)
    total = min(offset(policy().page_size) + len(rows) + int(more), FOUND_MAX)
    return render_template(
        "profiles/index.html",
        form=form,
        found=found,
        cards_found=[_card(one, skills) for one in rows],
        filtered=_is_narrowed(form),
        paging=paging(total, policy().page_size),
        asked={name: value for name, value in request.args.items() if name in form},
    )


@bp.get("/helpers/<public_id>")
@public
def show(public_id: str) -> str:
    """One helper: words, skills, figures, reviews and usual hours."""
    page = _page_to_see(public_id)
    standing = badges.standing(db.session, page.profile.user_id)
    return render_template(
        "profiles/show.html",
        page=page,
        profile=page.profile,
        standing=standing,
        completion=_completion_percent(standing),
        ticks=codes_of((one.weekday, one.from_minute, one.to_minute) for one in page.profile.hours),
        spoken=[OWN_NAMES[code] for code in page.profile.languages if code in OWN_NAMES],
        reviews=reviews.about(db.session, page.profile.user_id, said_by=["customer"], at=clock.now()),
        is_mine=current_user.is_authenticated and may_change_profile(current_user, page.profile),
    )


@bp.get("/helpers/<public_id>/photo")
@public
def photo(public_id: str) -> Response:
    """The picture of a helper, for whoever may see the profile."""
    name = _page_to_see(public_id).profile.photo_name
    path = gateways().photos.path(name) if name else None
    if path is None or not path.exists():
        raise NotFound()
    return send_file(path, mimetype="image/webp", max_age=300, conditional=True)


def _page_to_see(public_id: str) -> ProfilePage:
    """A helper's page, for whoever may see it; to everybody else there is none."""
    page = profile_page(db.session, public_id)
    visitor = current_user if current_user.is_authenticated else None
    if not may_see_profile(visitor, page.profile, was_certified=bool(page.certifications)):
        raise NotFound()
    return page


@bp.get("/my-profile")
@helper_only
def edit() -> str:
    """The form that changes the own profile."""
    profile = own_profile(db.session, current_user.id)
    return _edit_page(profile, EditForm(data=form_values(profile)))


@bp.post("/my-profile")
@helper_only
def update() -> Response | tuple[str, int]:
    """Change the own profile, picture and hours at once."""
    profile, form = own_profile(db.session, current_user.id), EditForm()
    if not form.validate_on_submit():
        return _edit_page(profile, form), 422
    kept, unused = portraits.keep(form.picture), None
    try:
        with transaction() as session:
            changed = profiles.save(session, by=current_user, hours=spans_of(form.hours.data or []), **form.words())
            if form.changes_photo:
                unused = profiles.change_photo(session, changed, by=current_user, photo_name=kept)
    except Invalid as refusal:
        portraits.forget(kept)
        show_refusal(form, refusal)
        return _edit_page(own_profile(db.session, current_user.id), form), 422
    portraits.forget(unused)
    flash(_("Your profile is saved."), "success")
    return redirect(url_for("profiles.show", public_id=changed.public_id), 303)


def form_values(profile: Profile | None) -> dict[str, Any]:
    """What stands in the form when a profile is opened for changing."""
    if profile is None:
        return {"languages": [language()]}
    return {
        "headline": profile.headline,
        "about": profile.about,
        "languages": profile.languages,
        "place": f"{profile.postcode} {profile.place_name}",
        "radius_km": profile.radius_km,
        "hours": sorted(codes_of((one.weekday, one.from_minute, one.to_minute) for one in profile.hours)),
    }


def show_refusal(form: FlaskForm, refusal: Invalid) -> None:
    """Put a refusal of the action at the field that it names."""
    field = form[refusal.field] if refusal.field in form else form["place"]
    field.errors = [*field.errors, say(refusal)]


def _edit_page(profile: Profile, form: EditForm) -> str:
    return render_template("profiles/edit.html", form=form, profile=profile, policy=policy())


def _search_form(skills: list[Skill]) -> SearchForm:
    """The search as the address says it, with the skills to choose from."""
    form = SearchForm(request.args)
    form.skill.choices = [
        SelectChoice("", _("Anything")),
        *(SelectChoice(skill.code, skill.name(language())) for skill in skills),
    ]
    if not form.validate():
        form.radius.data, form.order.data = str(policy().search_radius_km), NEAREST
        form.radius.errors = form.order.errors = ()
    return form


def _search(form: SearchForm, skills: list[Skill], lat: float, lon: float) -> tuple[list[HelperNear], bool]:
    size = policy().page_size
    if page_asked() > FOUND_MAX // size:
        return [], False
    return helpers_near(
        db.session,
        lat,
        lon,
        radius_km=int(form.radius.data),
        skill_id=next((skill.id for skill in skills if skill.code == form.skill.data), None),
        friends_only=form.friends.data,
        order=form.order.data,
        limit=size,
        offset=offset(size),
    )


def _is_narrowed(form: SearchForm) -> bool:
    """Whether more than a place was asked for, so that the filters are shown unfolded."""
    plain = form.radius.data == form.radius.default and form.order.data == NEAREST
    return bool(form.skill.data or form.friends.data) or not plain


def _card(one: HelperNear, skills: list[Skill]) -> dict[str, Any]:
    """A helper as the card of a list wants it."""
    profile, standing = one.profile, one.standing
    public_id = profile.public_id
    figures = {
        "is_friend": standing.is_friend,
        "cautious": standing.cautious_hundredths,
        "average": standing.average_hundredths,
        "count": standing.reviews,
        "reply_minutes": standing.reply_minutes,
    } if standing else {}  # fmt: skip
    return {
        "name": profile.user.short_name,
        "href": url_for("profiles.show", public_id=public_id),
        "place": profile.place_name,
        "km": one.km,
        "photo": url_for("profiles.photo", public_id=public_id) if profile.photo_name else None,
        "skills": [skill.name(language()) for skill in skills if skill.id in one.skill_ids],
        "about": profile.headline,
        **figures,
    }


def _completion_percent(standing: Standing | None) -> int | None:
    """How many of a helper's agreed visits were done; None before the first."""
    return standing.completed * 100 // standing.agreed if standing and standing.agreed else None
