"""Tasks: the open ones nearby, the page of each, a customer's own, and taking one back."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_security import current_user
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import SelectChoice, SelectField, StringField

from marketplace import clock
from marketplace.actions import bids as bid_actions
from marketplace.db import by_public_id, db, transaction
from marketplace.domain import posting
from marketplace.domain.errors import N_, NotFound
from marketplace.domain.lifecycles import BOOKING, TASK, TASK_TAKEN
from marketplace.domain.ratings import Rating
from marketplace.gateways.geocoder import Found
from marketplace.gateways.pictures import small_of
from marketplace.models import Skill, Task, User
from marketplace.permissions import is_operator, may_bid, may_change_task
from marketplace.queries import tasks as queries
from marketplace.queries.badges import rating_of
from marketplace.queries.certifications import certified_skill_ids
from marketplace.queries.skills import all_skills
from marketplace.web.access import public, signed_in
from marketplace.web.current import gateways, policy
from marketplace.web.drafts import browser_hashes, may_see_draft
from marketplace.web.languages import gettext as _
from marketplace.web.languages import language
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.paging import offset, paging
from marketplace.web.places import find_place

bp = Blueprint("tasks", __name__)

RADII_KM = (5, 10, 20, 50, 100)
FOUND_MAX = 100  # nobody leafs further; a smaller circle or a skill finds better
ALL, MINE = "all", "mine"

# ---- Open tasks nearby


class SearchForm(FlaskForm):
    """Which tasks to look for; it lies in the address, so that a search can be kept."""

    class Meta:
        """A search changes nothing, so it needs no token."""

        csrf = False

    place = StringField(_l("Postcode or place"))
    radius = SelectField(_l("How far around?"), choices=[SelectChoice(str(km), f"{km} km") for km in RADII_KM])
    skill = SelectField(_l("What kind of help?"), validate_choice=False)


@dataclass(frozen=True)
class Search:
    """A search as it was asked for, and what the place in it means; `home` is where a helper's own search begins."""

    form: SearchForm
    home: queries.Home | None
    found: Found | None
    position: tuple[float, float] | None


@bp.get("/tasks")
@public
def index() -> str:
    """The open tasks near a place, nearest first; a helper's own place and skills when nothing is asked."""
    skills = all_skills(db.session)
    search = _search(skills)
    near = _near(search, skills)
    size = policy().page_size
    return render_template(
        "tasks/index.html",
        form=search.form,
        found=search.found,
        home=search.home,
        searched=search.position is not None,
        near=near[:size],
        asked={name: value for name, value in request.args.items() if name in search.form},
        paging=paging(min(offset(size) + len(near), FOUND_MAX), size),
    )


def _search(skills: list[Skill]) -> Search:
    """Read the search from the address and from the profile of whoever is signed in."""
    home = queries.home_of(db.session, current_user.id) if _is_helper() else None
    reach = home.radius_km if home else policy().search_radius_km
    form = SearchForm(
        request.args,
        data={
            "place": home.place if home else "",
            "radius": str(next((km for km in RADII_KM if km >= reach), RADII_KM[-1])),
            "skill": MINE if home and home.skill_ids else ALL,
        },
    )
    form.skill.choices = [
        SelectChoice(ALL, _("All skills")),
        *(SelectChoice(skill.code, skill.name(language())) for skill in skills),
    ]
    if home and home.skill_ids:
        form.skill.choices.insert(0, SelectChoice(MINE, _("My skills")))
    text = (form.place.data or "").strip()
    if home and text == home.place:
        return Search(form, home, None, (home.lat, home.lon))
    found = find_place(text) if text else None
    return Search(form, home, found, (found.place.lat, found.place.lon) if found and found.place else None)


def _near(search: Search, skills: list[Skill]) -> list[queries.TaskNear]:
    """One page of tasks and one more, to know whether there is another page."""
    if search.position is None:
        return []
    codes = {skill.code: {skill.id} for skill in skills}
    codes[MINE] = set(search.home.skill_ids) if search.home else set()
    radius = search.form.radius.data
    return queries.open_near(
        db.session,
        *search.position,
        radius_km=float(radius) if radius in map(str, RADII_KM) else policy().search_radius_km,
        skill_ids=codes.get(search.form.skill.data) or None,
        limit=policy().page_size + 1,
        offset=min(offset(policy().page_size), FOUND_MAX),
    )


# ---- One task


@bp.get("/tasks/<public_id>")
@public
def show(public_id: str) -> str:
    """A task: its public side for everybody while it is open, more for its customer and for who has bid."""
    task = queries.task_page(db.session, public_id)
    person = _person()
    bids = queries.bids_on(db.session, task.id, person.id if person else None)
    booking = queries.booking_of(db.session, task.id) if task.state in TASK_TAKEN else None
    is_mine = person is not None and may_change_task(person, task)
    is_bidder = person is not None and person.is_helper and not is_mine and _may_bid(person, task)
    return render_template(
        "tasks/show.html" if _may_read(task, person, bids) else "tasks/gone.html",
        task=task,
        bids=bids,
        booking=booking,
        is_mine=is_mine,
        # What helpers say of the customer is for those who decide whether to bid.
        customer_rating=_rating_of_customer(task) if is_bidder else None,
        may_bid=is_bidder,
        told=posting.told(task.skill.questions, task.answers, language()),
        photos=_photo_entries(task),
        slots=[slot for slot in task.slots if task.state != TASK.open or slot.ends_at > clock.now()],
        step=step_of(task.state, booking.state if booking else None),
        stopped=task.state in STOPPED or is_given_back(task.state, booking.state if booking else None),
        turn=whose_turn(task.state, bids.live, booking.state if booking else None),
    )


@bp.get("/photos/<public_id>")
@public
def photo(public_id: str) -> Response:
    """A picture of a task or draft, for whoever may see that; `?size=small` gives the small copy."""
    picture, task, draft = queries.photo_page(db.session, public_id)
    if task is not None:
        person = _person()
        seen = _may_read(task, person, queries.bids_on(db.session, task.id, person.id if person else None))
    else:
        seen = draft is not None and may_see_draft(draft)
    name = small_of(picture.file_name) if request.args.get("size") == "small" else picture.file_name
    path = gateways().photos.path(name)
    if not seen or not path.exists():
        raise NotFound()
    response = send_file(path, mimetype="image/webp", max_age=3600, conditional=True)
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return response


def _may_read(task: Task, person: User | None, bids: queries.BidsOnTask) -> bool:
    """An open task is read by everybody; later, or of a suspended person, by its customer, who has bid, and the operator."""
    if person is not None and (may_change_task(person, task) or is_operator(person)):
        return True
    is_open = task.state == TASK.open and not task.customer.suspended_at
    return is_open or (task.state != TASK.removed and bids.own_public_id is not None)


def _rating_of_customer(task: Task) -> Rating:
    return rating_of(db.session, task.customer_id, "customer", at=clock.now(), policy=policy())


def _may_bid(person: User, task: Task) -> bool:
    return may_bid(person, task, certified_skill_ids(db.session, person.id))


def _photo_entries(task: Task) -> list[dict[str, str]]:
    """The pictures as the component draws them."""
    return [
        {
            "thumb": url_for(".photo", public_id=photo.public_id, size="small"),
            "full": url_for(".photo", public_id=photo.public_id),
            "alt": "",
        }
        for photo in task.photos
    ]


# ---- A customer's own tasks


@bp.get("/my-tasks")
@signed_in
def mine() -> str:
    """The customer's tasks with whose turn it is, and the drafts not yet published."""
    size = policy().page_size
    own = queries.mine(db.session, current_user.id, limit=size + 1, offset=offset(size))
    return render_template(
        "tasks/mine.html",
        drafts=queries.drafts_of(db.session, token_hashes=browser_hashes(), user_id=current_user.id),
        own=[(one, whose_turn(one.task.state, one.bids, one.booking_state)) for one in own[:size]],
        paging=paging(offset(size) + len(own), size),
    )


@bp.get("/tasks/<public_id>/confirmation")
@signed_in
def confirmation(public_id: str) -> str:
    """The task is online: its reference, and what happens next and when."""
    return render_template("tasks/confirmation.html", task=_own_task(public_id))


@bp.get("/tasks/<public_id>/cancellation")
@signed_in
def cancellation(public_id: str) -> str:
    """What happens when the task is taken back; the button does it."""
    task = _own_task(public_id)
    return render_template("tasks/cancellation.html", task=task, bids=queries.bids_on(db.session, task.id, None))


@bp.post("/tasks/<public_id>/cancellation")
@signed_in
def cancel(public_id: str) -> Response:
    """Take the task back."""
    _own_task(public_id)
    with transaction() as session:
        bid_actions.cancel_task(session, by_public_id(session, Task, public_id), by=current_user)
    flash(_("Your task is taken back. Nobody can bid on it any more."), "success")
    return redirect(url_for(".mine"), 303)


def _own_task(public_id: str) -> Task:
    """A task of whoever is signed in; for everybody else there is none."""
    task = queries.task_page(db.session, public_id)
    if not may_change_task(current_user, task):
        raise NotFound()
    return task


# ---- How far a task is

STOPPED = (TASK.cancelled, TASK.expired)
STEP_OF_A_BOOKING = {BOOKING.on_the_way: 3, BOOKING.started: 3, BOOKING.finished: 4, BOOKING.unsolved: 4}


def step_of(state: str, booking_state: str | None) -> int:
    """Which of the five steps a task has reached; 6 when all are done."""
    if state == TASK.booked:
        return STEP_OF_A_BOOKING.get(booking_state or "", 2)
    if is_given_back(state, booking_state):
        return 4
    return 6 if state in (TASK.done, TASK.closed) else 1


def is_given_back(state: str, booking_state: str | None) -> bool:
    """Whether a task came to its end without a visit that helped: the operator gave the money back."""
    return state == TASK.closed and booking_state is None


def whose_turn(state: str, bids: int, booking_state: str | None) -> Markup:
    """Who does the next thing, in one sentence to the customer."""
    if state == TASK.open:
        if bids:
            return _("Your turn: compare the bids and choose one.")
        return _("Next: helpers nearby send you bids. You have nothing to do now.")
    if state == TASK.booked:
        return _(TURN_OF_A_BOOKING.get(booking_state or "", TURN_OF_A_BOOKING[BOOKING.confirmed]))
    if is_given_back(state, booking_state):
        return _("It was not solved, and you got your money back.")
    return _(TURN_AT_THE_END[state])


TURN_OF_A_BOOKING = {
    BOOKING.confirmed: N_("Next: your helper comes at the agreed time."),
    BOOKING.on_the_way: N_("Next: your helper is on the way to you."),
    BOOKING.started: N_("Next: your helper is at work."),
    BOOKING.finished: N_("Your turn: look whether it works, then sign off."),
    BOOKING.unsolved: N_("Next: we look at it and decide about the money. You will hear from us."),
}
TURN_AT_THE_END = {
    TASK.done: N_("Signed off and paid. Thank you!"),
    TASK.closed: N_("All done. Thank you!"),
    TASK.expired: N_("Nobody was found in time. You can post it again."),
    TASK.cancelled: N_("You took this task back."),
    TASK.removed: N_("We took this task down."),
}


def _person() -> User | None:
    return current_user._get_current_object() if current_user.is_authenticated else None


def _is_helper() -> bool:
    return bool(current_user.is_authenticated and current_user.is_helper)
