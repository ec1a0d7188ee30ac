"""Bids: placing one, going back and forth about it, and comparing those on a task."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace import clock
from marketplace.actions import bids, fees
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.bidding import ORDERS
from marketplace.domain.errors import N_, Invalid, NotAllowed, NotFound
from marketplace.domain.lifecycles import BID, TASK
from marketplace.domain.masking import contacts_in
from marketplace.models import Bid, Task, User
from marketplace.permissions import may_answer_bid, may_bid, may_change_bid, may_change_task
from marketplace.queries import bids as queries
from marketplace.queries.certifications import certified_skill_ids
from marketplace.queries.messages import askers, thread
from marketplace.queries.tasks import task_page
from marketplace.web.access import helper_only, signed_in
from marketplace.web.bid_forms import BidForm, CounterForm, WhenForm
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say
from marketplace.web.limits import limit
from marketplace.web.messages import MessageForm
from marketplace.web.paging import offset, paging

bp = Blueprint("bids", __name__)

BESIDE_EACH_OTHER = 3  # bids in the table when none are chosen; more than five cannot be compared by eye
BESIDE_EACH_OTHER_MOST = 5

NAMES = {"fit": _l("Best fit"), "price": _l("Lowest price"), "soonest": _l("Soonest"), "rating": _l("Best rating")}
WHY = {
    "fit": _l("First the bids that fit best: price, rating, badge and time together."),
    "price": _l("First the lowest total price."),
    "soonest": _l("First the helper who can come soonest."),
    "rating": _l("First the best cautious rating; helpers without reviews come last."),
}

# ---- Comparing those on a task


@bp.get("/tasks/<public_id>/bids")
@signed_in
def index(public_id: str) -> str:
    """The bids that stand on a task, for its customer: the same six facts of each, in a stated order."""
    task = task_page(db.session, public_id)
    if not may_change_task(current_user, task):
        raise NotFound()
    order = next((one for one in ORDERS if one == request.args.get("order")), ORDERS[0])
    found = queries.of_task(db.session, task, order=order, now=clock.now(), policy=policy())
    entries = [_entry(one, task) for one in found]
    chosen = [entry for entry in entries if entry["public_id"] in request.args.getlist("with")]
    return render_template(
        "bids/index.html",
        task=task,
        entries=entries,
        beside=(chosen[:BESIDE_EACH_OTHER_MOST] if len(chosen) > 1 else entries[:BESIDE_EACH_OTHER]),
        order=order,
        orders=[(NAMES[one], url_for(".index", public_id=public_id, order=one), one == order) for one in ORDERS],
        why=WHY[order],
        askers=askers(db.session, task.id),
        policy=policy(),
    )


def _entry(one: queries.BidToCompare, task: Task) -> dict[str, Any]:
    """A bid as the components draw it."""
    bid, profile, standing = one.bid, one.profile, one.standing
    return {
        "public_id": bid.public_id,
        "name": bid.helper.short_name,
        "href": url_for(".show", public_id=bid.public_id),
        "photo": url_for("profiles.photo", public_id=profile.public_id) if profile and profile.photo_name else None,
        "price_cents": bid.price_cents,
        "currency": bid.currency,
        "starts_at": bid.starts_at,
        "is_friend": one.is_friend,
        "is_certified": bool(standing is None or standing.certified),
        "cautious": standing.cautious_hundredths if standing else 0,
        "average": standing.average_hundredths if standing else 0,
        "count": standing.reviews if standing else 0,
        "km": one.km,
        "reply_minutes": standing.reply_minutes if standing else None,
        "minutes": bid.minutes,
        "expires_at": bid.expires_at,
        "included": bid.included,
        "state": bid.state,
        "may_accept": task.state == TASK.open and _may_accept(bid),
    }


def _may_accept(bid: Bid) -> bool:
    """Whether the page offers to accept; the verb asks again."""
    return bid.state == BID.placed and min(bid.expires_at, bid.starts_at) > clock.now()


# ---- Placing one


@bp.get("/tasks/<public_id>/bids/new")
@helper_only
def new(public_id: str) -> Any:
    """The page on which a certified helper bids; whoever has bid already is led to that bid."""
    task = _task_to_bid_on(public_id)
    if own := queries.own_live(db.session, task.id, current_user.id):
        return redirect(url_for(".show", public_id=own.public_id), 303)
    return _bid_page(task, BidForm(task, minutes=task.skill.usual_minutes))


@bp.post("/tasks/<public_id>/bids")
@helper_only
@limit("bids")
def create(public_id: str) -> Any:
    """First show what remains after the fee, then, once that was seen, send the bid."""
    task = _task_to_bid_on(public_id)
    if own := queries.own_live(db.session, task.id, current_user.id):
        flash(_("You have already bid on this task. Here is your bid."), "info")
        return redirect(url_for(".show", public_id=own.public_id), 303)
    form = BidForm(task)

    def place(session: Session) -> str:
        task = by_public_id(session, Task, public_id)
        return bids.place(session, task, by=current_user, policy=policy(), **form.terms()).public_id

    return _checked(task, form, place, _("Your bid is sent. You will get a mail as soon as the customer answers."))


@bp.get("/bids/<public_id>/revision")
@helper_only
def revision(public_id: str) -> str:
    """The own bid in the form, to change it."""
    page = _page_of_helper(public_id)
    bid = page.bid
    values = {"price": bid.price_cents, "minutes": bid.minutes, "included": bid.included, "message": bid.message}
    return _bid_page(bid.task, BidForm(bid.task, bid, **values), bid)


@bp.post("/bids/<public_id>/revision")
@helper_only
@limit("bids")
def revise(public_id: str) -> Any:
    """Show what remains after the fee, then change the bid."""
    bid = _page_of_helper(public_id).bid
    form = BidForm(bid.task, bid)

    def change(session: Session) -> str:
        own = by_public_id(session, Bid, public_id)
        bids.revise(session, own, by=current_user, policy=policy(), **form.terms())
        return public_id

    return _checked(bid.task, form, change, _("Your bid is changed. The customer is told."), bid)


def _checked(task: Task, form: BidForm, write: Callable[[Session], str], done: str, bid: Bid | None = None) -> Any:
    """The way of a helper's bid: the form, the page with the payout, and only then the verb."""
    if "change" in request.form:
        return _bid_page(task, form, bid)
    if form.validate_on_submit() and _is_free(form, bid):
        if form.checked.data != "yes":
            return _check_page(task, form, bid)
        try:
            with transaction() as session:
                public_id = write(session)
        except Invalid as refusal:
            show_refusal(form, refusal)
        else:
            flash(done, "success")
            return redirect(url_for(".show", public_id=public_id), 303)
    return _bid_page(task, form, bid), 422


def _is_free(form: BidForm, bid: Bid | None) -> bool:
    """Whether the helper's calendar has room; else the form says so before the page with the payout."""
    helper_id = bid.helper_id if bid else current_user.id
    if not queries.has_visit_at(db.session, helper_id, form.starts_at, form.minutes.data):
        return True
    show_refusal(form, Invalid("when", N_("There is another visit in your calendar at that time.")))
    return False


def show_refusal(form: WhenForm, refusal: Invalid) -> None:
    """Put a refusal of the verb at the field that it names."""
    field = form[refusal.field]
    field.errors = [*field.errors, say(refusal)]


def _bid_page(task: Task, form: BidForm, bid: Bid | None = None) -> str:
    return render_template("bids/new.html", task=task, form=form, bid=bid, policy=policy(), me=current_user)


def _check_page(task: Task, form: BidForm, bid: Bid | None) -> str:
    """What the customer pays, what the platform keeps, what the helper gets."""
    today = fees.in_force(db.session, skill_id=task.skill_id, helper_id=current_user.id, policy=policy())
    fee = bid.fee if bid else today.fee
    words = (form.included.data or "", form.message.data or "")
    return render_template(
        "bids/check.html",
        task=task,
        form=form,
        bid=bid,
        share=fee.split(form.price.data or 0),
        fee=fee,
        contacts=[contact.text for text in words for contact in contacts_in(text)],
        policy=policy(),
    )


def _task_to_bid_on(public_id: str) -> Task:
    """The open task, for whoever may bid on it."""
    task = task_page(db.session, public_id)
    if not may_bid(current_user, task, certified_skill_ids(db.session, current_user.id)):
        raise NotAllowed(bids.why_not(current_user, task))
    if task.state != TASK.open:
        raise NotFound()
    return task


def _page_of_helper(public_id: str) -> queries.BidPage:
    """The helper's own bid; to everybody else there is none."""
    page = queries.bid_page(db.session, public_id, current_user)
    if not may_change_bid(current_user, page.bid):
        raise NotFound()
    return page


# ---- One bid


@bp.get("/bids/<public_id>")
@signed_in
def show(public_id: str) -> str:
    """A bid for its two sides: the terms, every step so far, whose turn it is, and the messages."""
    page = queries.bid_page(db.session, public_id, current_user)
    bid, task = page.bid, page.bid.task
    side = "helper" if may_change_bid(current_user, bid) else "customer"
    has_agreed = page.booking is not None
    other = task.customer if side == "helper" else bid.helper
    return render_template(
        "bids/show.html",
        page=page,
        bid=bid,
        task=task,
        side=side,
        other=other,
        other_name=_name(other, has_agreed),
        share=bid.fee.split(bid.price_cents),
        may_accept=task.state == TASK.open and _may_accept(bid),
        has_run_out=bid.state in (BID.placed, BID.countered) and min(bid.expires_at, bid.starts_at) <= clock.now(),
        lines=thread(db.session, task.id, bid.helper_id, reader=current_user, has_agreed=has_agreed),
        form=MessageForm(),
    )


@bp.get("/my-bids")
@helper_only
def mine() -> str:
    """The helper's bids with whose turn it is."""
    size = policy().page_size
    found = queries.mine(db.session, current_user.id, limit=size + 1, offset=offset(size))
    return render_template("bids/mine.html", bids=found[:size], paging=paging(offset(size) + len(found), size))


@bp.get("/bids/<public_id>/counter")
@signed_in
def counter(public_id: str) -> str:
    """The page on which the customer proposes another price or time."""
    bid = _bid_of_customer(public_id)
    return render_template("bids/counter.html", bid=bid, form=CounterForm(bid.task, bid, price=bid.price_cents))


@bp.post("/bids/<public_id>/counter")
@signed_in
@limit("bids")
def propose(public_id: str) -> Any:
    """Send the customer's proposal to the helper."""
    bid = _bid_of_customer(public_id)
    form = CounterForm(bid.task, bid)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                bid = by_public_id(session, Bid, public_id)
                bids.counter(session, bid, by=current_user, policy=policy(), **form.terms())
            flash(_("Your proposal is sent. The helper answers it here."), "success")
            return redirect(url_for(".show", public_id=public_id), 303)
        except Invalid as refusal:
            show_refusal(form, refusal)
            bid = _bid_of_customer(public_id)
    return render_template("bids/counter.html", bid=bid, form=form), 422


@bp.post("/bids/<public_id>/agreement")
@helper_only
def agreement(public_id: str) -> Response:
    """The helper agrees to the customer's proposal."""
    return _write(public_id, bids.agree, _("You have agreed. The customer can accept the bid now."))


@bp.post("/bids/<public_id>/withdrawal")
@helper_only
def withdrawal(public_id: str) -> Response:
    """The helper takes the bid back."""
    return _write(public_id, bids.withdraw, _("Your bid is taken back. The customer is told."))


@bp.post("/bids/<public_id>/decline")
@signed_in
def decline(public_id: str) -> Response:
    """The customer says no."""
    return _write(public_id, bids.decline, _("You have declined this bid. The helper is told."))


def _write(public_id: str, verb: Callable[..., None], done: str) -> Response:
    """Let one of the two sides do something to the bid; to everybody else there is none."""
    queries.bid_page(db.session, public_id, current_user)
    with transaction() as session:
        verb(session, by_public_id(session, Bid, public_id), by=current_user)
    flash(done, "success")
    return redirect(url_for(".show", public_id=public_id), 303)


def _bid_of_customer(public_id: str) -> Bid:
    """The bid for its task's customer; to everybody else there is none."""
    bid = queries.bid_page(db.session, public_id, current_user).bid
    if not may_answer_bid(current_user, bid, bid.task):
        raise NotFound()
    return bid


def _name(person: User, has_agreed: bool) -> str:
    """First name and initial before a booking, the whole name after it."""
    return person.name if has_agreed else person.short_name
