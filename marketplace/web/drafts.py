"""Posting a task before having an account: six questions, a page to check them, and one click that publishes."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask_security import current_user
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from config import LANGUAGES
from marketplace import clock
from marketplace.actions import tasks
from marketplace.db import by_public_id, db, transaction
from marketplace.domain import masking, posting
from marketplace.domain.errors import N_, DomainError, NotFound
from marketplace.gateways.pictures import Picture, redrawn, small_of
from marketplace.models import Draft, Photo, Skill, User
from marketplace.queries.skills import skill_by_code
from marketplace.queries.tasks import draft_page, drafts_of, task_of_draft
from marketplace.web.access import public
from marketplace.web.current import blur_secret, gateways, policy
from marketplace.web.draft_forms import SkillForm, form_of, typed_in
from marketplace.web.languages import gettext as _
from marketplace.web.languages import language, say
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.limits import limit

bp = Blueprint("drafts", __name__)

DRAFTS_KEPT = 5  # by one browser
STEP_NAMES = {
    "skill": _l("Kind of help"),
    "questions": _l("A few short questions"),
    "words": _l("What it is about"),
    "photos": _l("Photos"),
    "times": _l("When it suits"),
    "place": _l("Where you need help"),
}


# ---- The questions


@bp.get("/post")
@public
def new() -> str:
    """The first question; drafts begun before are offered too."""
    form = form_of("skill", {"skill": {"skill": request.args.get("skill")}})
    return _first_page(form)


@bp.post("/post")
@public
@limit("posts")
def create() -> Any:
    """Begin a draft with the first answer."""
    form: SkillForm = form_of("skill", {})
    if request.form.get("switch_language") in LANGUAGES:
        return _to(".new", lang=request.form["switch_language"], skill=form.skill.data)
    if not form.validate_on_submit():
        return _first_page(form), 422
    secret = secrets.token_urlsafe(24)
    begun = next((draft for draft in _own_drafts() if not _has_words(draft)), None)
    with transaction() as session:
        draft = begun or tasks.begin_draft(session, by=_person(), token_hash=_hash(secret), policy=policy())
        tasks.write_draft(session, draft, {"skill": form.answers()}, policy=policy(), by=_person())
        if not begun:
            g.begun_draft = secret
        return _to(".show", public_id=draft.public_id, step="questions")


@bp.get("/post/<public_id>/<any(skill,questions,words,photos,times,place):step>")
@public
def show(public_id: str, step: str) -> Any:
    """One question, with what was answered or typed there before."""
    draft = _draft(public_id)
    if draft.published_task_id:
        return _to_task(draft)
    if step == "questions" and not draft.answers.get("skill"):
        return _to(".show", public_id=public_id, step="skill")
    return _page(draft, step, form_of(step, draft.answers))


@bp.post("/post/<public_id>/<any(skill,questions,words,times,place):step>")
@public
def save(public_id: str, step: str) -> Any:
    """Keep an answer and go on; leaving backwards or for another language keeps what was typed, unchecked."""
    draft = _draft(public_id)
    form = form_of(step, draft.answers)
    if leaving := _leaving(draft, step):
        _keep(draft, {"typed": {**draft.answers.get("typed", {}), step: typed_in(form)}})
        return leaving
    if not form.validate_on_submit():
        return _page(draft, step, form), 422
    changed_skill = step == "skill" and form.answers() != draft.answers.get("skill")
    _keep(draft, {step: form.answers(), **({"questions": {}} if changed_skill else {})}, accepted=step)
    return _next(draft, step, ask_on=changed_skill)


# ---- Photos


@bp.post("/post/<public_id>/photos")
@public
@limit("posts")
def add_photos(public_id: str) -> Any:
    """Draw the chosen photos anew and keep them; those that cannot be used are named, the others stay."""
    draft = _draft(public_id)
    form = form_of("photos", draft.answers)
    problems = take_photos(draft, [file for file in request.files.getlist("photos") if file.filename])
    if leaving := _leaving(draft, "photos"):
        return leaving
    if problems:
        form.validate()
        form.photos.errors = problems
        return _page(_draft(public_id), "photos", form), 422
    if "stay" in request.form:
        return _to(".show", public_id=public_id, step="photos", **_back())
    return _next(draft, "photos")


@bp.post("/post/<public_id>/photos/<photo_id>/removal")
@public
def remove_photo(public_id: str, photo_id: str) -> Response:
    """Take a photo off the draft."""
    draft = _draft(public_id)
    with transaction() as session:
        name = tasks.remove_photo(session, draft, by_public_id(session, Photo, photo_id))
    _forget(name)
    flash(_("The photo is removed."), "success")
    return _to(".show", public_id=public_id, step="photos", **_back())


# ---- Checking and publishing


@bp.get("/post/<public_id>/check")
@public
def check(public_id: str) -> Any:
    """All answers on one page, each with its change link; contact data in them are pointed out."""
    draft = _draft(public_id)
    if draft.published_task_id:
        return _to_task(draft)
    return render_template(
        "drafts/check.html",
        draft=draft,
        answers=draft.answers,
        names=STEP_NAMES,
        skill=_skill(draft),
        told=_told(draft),
        entries=_photo_entries(draft),
        slots=posting.slots_ahead(draft.answers, now=clock.now()),
        missing=posting.missing(draft.answers, now=clock.now()),
        contacts=_contacts(draft),
        change=lambda step, back="check": url_for(".show", public_id=public_id, step=step, back=back),
    )


@bp.get("/post/<public_id>/account")
@public
def account(public_id: str) -> Any:
    """Whoever is not signed in chooses: I am new, or I have an account. Both lead back to the check page."""
    draft = _draft(public_id)
    if draft.published_task_id or current_user.is_authenticated:
        return _to(".check", public_id=public_id)
    return render_template("drafts/account.html", draft=draft, back_here=url_for(".check", public_id=public_id))


@bp.post("/post/<public_id>/publication")
@public
@limit("posts")
def publish(public_id: str) -> Response:
    """Publish the task; a second click leads to the same one."""
    draft = _draft(public_id)
    if not current_user.is_authenticated:
        return _to(".account", public_id=public_id)
    missing = [] if draft.published_task_id else posting.missing(draft.answers, now=clock.now())
    if missing:
        return _to(".show", public_id=public_id, step=missing[0], back="check")
    with transaction() as session:
        task = tasks.publish(session, draft, by=current_user, policy=policy(), blur_secret=blur_secret())
        return _to("tasks.confirmation", public_id=task.public_id)


# ---- Whose draft is it?


def browser_hashes() -> list[str]:
    """The hashes of the secrets that this browser keeps, one per draft begun in it."""
    return [_hash(secret) for secret in _secrets()]


def may_see_draft(draft: Draft) -> bool:
    """Whether this is the draft's person or, while it has none, the browser it was begun in."""
    if draft.user_id is not None:
        return bool(current_user.is_authenticated and current_user.id == draft.user_id)
    return draft.token_hash in browser_hashes()


def _draft(public_id: str) -> Draft:
    """The draft, for those who may see it; for everybody else there is none."""
    draft = draft_page(db.session, public_id)
    if may_see_draft(draft) and (draft.published_task_id or draft.expires_at > clock.now()):
        return draft
    if draft.token_hash in browser_hashes() and not current_user.is_authenticated:
        raise NotFound(N_("This draft is kept in your account. Please sign in to go on with it."))
    raise NotFound()


def _own_drafts() -> list[Draft]:
    person = _person()
    return drafts_of(db.session, token_hashes=browser_hashes(), user_id=person.id if person else None)


def _person() -> User | None:
    return current_user._get_current_object() if current_user.is_authenticated else None


def _secrets() -> list[str]:
    """What this browser keeps: the secrets of the drafts begun in it, the newest first."""
    return [secret for secret in request.cookies.get(_cookie_name(), "").split(".")[:DRAFTS_KEPT] if secret]


def _cookie_name() -> str:
    return "__Host-drafts" if current_app.config["HTTPS"] else "drafts"


@bp.after_request
def remember(response: Response) -> Response:
    """With every answer kept, the browser keeps the secrets of its drafts as long again: the newest first, the oldest go."""
    # A slow upload in one window must not bring back the secrets that there were before another window began a draft.
    if request.method != "POST" or response.status_code >= 400 or request.endpoint == "drafts.add_photos":
        return response
    kept = [*filter(None, [g.get("begun_draft")]), *_secrets()][:DRAFTS_KEPT]
    if kept:
        response.set_cookie(
            _cookie_name(),
            ".".join(kept),
            max_age=timedelta(days=policy().draft_days),
            httponly=True,
            samesite="Lax",
            secure=current_app.config["HTTPS"],
        )
    return response


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


# ---- What the views have in common


def _first_page(form: FlaskForm) -> str:
    """The first question, before there is a draft; those begun earlier are offered."""
    unfinished = [draft for draft in _own_drafts() if _has_words(draft)]
    return render_template("drafts/new.html", form=form, unfinished=unfinished, address=url_for(".new"))


def _page(draft: Draft, step: str, form: FlaskForm) -> str:
    """The page of a question."""
    return render_template(
        f"drafts/{step}.html",
        draft=draft,
        form=form,
        step=step,
        number=posting.number_of(step),
        steps=len(posting.STEPS),
        entries=_photo_entries(draft),
        policy=policy(),
        address=url_for(".show", public_id=draft.public_id, step=step, **_back()),
    )


def _keep(draft: Draft, changes: dict[str, Any], *, accepted: str | None = None) -> None:
    """Write changed answers; what was typed on an accepted page is no longer needed."""
    answers = {**draft.answers, **changes}
    if accepted and "typed" in answers:
        answers["typed"] = {step: typed for step, typed in answers["typed"].items() if step != accepted}
    with transaction() as session:
        tasks.write_draft(session, draft, answers, policy=policy(), by=_person())


def _leaving(draft: Draft, step: str) -> Response | None:
    """Where one of the buttons leads that leave the page unfinished: another language, or one step back."""
    if request.form.get("switch_language") in LANGUAGES:
        return _to(".show", public_id=draft.public_id, step=step, lang=request.form["switch_language"], **_back())
    if "go_back" not in request.form:
        return None
    before = posting.step_before(step)
    if _back() or before is None:
        return _to(".check", public_id=draft.public_id)
    return _to(".show", public_id=draft.public_id, step=before)


def _next(draft: Draft, step: str, *, ask_on: bool = False) -> Response:
    """The next question, or the check page for whoever came from there."""
    after = posting.step_after(step)
    if after and (ask_on or not _back()):
        return _to(".show", public_id=draft.public_id, step=after, **_back())
    return _to(".check", public_id=draft.public_id)


def _back() -> dict[str, Any]:
    """Keeps in the address that somebody came from the check page."""
    return {"back": "check"} if request.args.get("back") == "check" else {}


def _to(endpoint: str, **values: Any) -> Response:
    return redirect(url_for(endpoint, **values), 303)


def _to_task(draft: Draft) -> Response:
    return _to("tasks.show", public_id=task_of_draft(db.session, draft))


def _has_words(draft: Draft) -> bool:
    """Whether anything but the kind of help was answered."""
    return bool(draft.answers.keys() - {"skill"})


def _skill(draft: Draft) -> Skill | None:
    return skill_by_code(db.session, (draft.answers.get("skill") or {}).get("skill", ""))


def _told(draft: Draft) -> list[tuple[str, str]]:
    skill, answers = _skill(draft), draft.answers.get("questions")
    return posting.told(skill.questions, answers, language(), with_unknown=True) if skill and answers else []


def _contacts(draft: Draft) -> list[str]:
    """The pieces of the public text that look like contact data."""
    words = draft.answers.get("words") or {}
    texts = [words.get(name, "") for name in ("title", "description", "device", "tried")]
    return [contact.text for text in texts for contact in masking.contacts_in(text)]


def _photo_entries(draft: Draft) -> list[dict[str, str]]:
    """The draft's pictures as the component draws them, each with the address that removes it."""
    return [
        {
            "thumb": url_for("tasks.photo", public_id=photo.public_id, size="small"),
            "full": url_for("tasks.photo", public_id=photo.public_id),
            "removal": url_for(".remove_photo", public_id=draft.public_id, photo_id=photo.public_id, **_back()),
        }
        for photo in draft.photos
    ]


def take_photos(draft: Draft, files: list[FileStorage]) -> list[str]:
    """Store the pictures that can be used, first the files and then their rows; gives a sentence for each other one."""
    problems: list[str] = []
    pictures = []
    room = policy().photos_max - len(draft.photos)
    if len(files) > room:
        problems.append(_("At most %(most)s photos are possible.", most=policy().photos_max))
    for file in files[:room]:
        try:
            pictures.append(redrawn(file.stream, megabytes=policy().photo_megabytes))
        except DomainError as refusal:
            problems.append(_("%(file)s: %(why)s", file=(file.filename or "")[-60:], why=say(refusal)))
    stored = [(_stored(picture), picture) for picture in pictures]
    if stored:
        try:
            with transaction() as session:
                for name, picture in stored:
                    tasks.add_photo(
                        session, draft, file_name=name, width=picture.width, height=picture.height, policy=policy()
                    )
        except DomainError:  # another window was faster: nothing points to these files
            for name, _picture in stored:
                _forget(name)
            raise
    return problems


def _stored(picture: Picture) -> str:
    """Put a picture and its small copy into the storage under a name of our own; gives the name."""
    name = f"{secrets.token_hex(16)}.webp"
    gateways().photos.keep(name, picture.data)
    gateways().photos.keep(small_of(name), picture.small)
    return name


def _forget(name: str) -> None:
    """Remove a picture and its small copy from the storage."""
    gateways().photos.forget(name)
    gateways().photos.forget(small_of(name))
