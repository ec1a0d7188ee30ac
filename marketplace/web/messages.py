"""Messages between a task's customer and one helper."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import InputRequired, ValidationError

from marketplace.actions import messages
from marketplace.actions.bids import why_not
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.errors import NotAllowed
from marketplace.models import Task
from marketplace.permissions import may_bid
from marketplace.queries.certifications import certified_skill_ids
from marketplace.queries.messages import Conversation, conversation, thread
from marketplace.web.access import signed_in
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.limits import limit

bp = Blueprint("messages", __name__)


class MessageForm(FlaskForm):
    """A message."""

    body = TextAreaField(_l("Your message"), validators=[InputRequired(_l("Please write a few words."))])

    def validate_body(self, field: TextAreaField) -> None:
        """Neither blank nor longer than texts may be."""
        if not field.data.strip():
            raise ValidationError(_("Please write a few words."))
        if len(field.data) > policy().text_max:
            raise ValidationError(_("Please use at most %(max)s characters.", max=policy().text_max))


@bp.get("/tasks/<public_id>/messages/<helper>")
@signed_in
def show(public_id: str, helper: str) -> str:
    """The conversation about a task; with a bid it also stands on the bid's page."""
    return _page(_conversation(public_id, helper), MessageForm())


@bp.post("/tasks/<public_id>/messages/<helper>")
@signed_in
@limit("messages")
def create(public_id: str, helper: str) -> Any:
    """Send a message; its writer hears when contact details in it stay hidden for now."""
    between, form = _conversation(public_id, helper), MessageForm()
    if not form.validate_on_submit():
        return _page(between, form), 422
    with transaction() as session:
        task = by_public_id(session, Task, public_id)
        sent = messages.send(session, task, between.helper.id, by=current_user, body=form.body.data, policy=policy())
        is_masked = sent.shown != sent.body
    if is_masked:
        flash(_("Sent. Phone numbers, addresses and links stay hidden until you have a booking."), "warning")
    else:
        flash(_("Your message is sent."), "success")
    return redirect(_place(between), 303)


def _conversation(public_id: str, helper: str) -> Conversation:
    """The conversation for its two sides; only a helper who may bid begins one."""
    between = conversation(db.session, public_id, helper, current_user)
    if not between.has_begun and not may_bid(
        current_user, between.task, certified_skill_ids(db.session, current_user.id)
    ):
        raise NotAllowed(why_not(current_user, between.task))
    return between


def _place(between: Conversation) -> str:
    """Where the conversation stands: on the bid's page if there is a bid."""
    if between.bid is not None:
        return url_for("bids.show", public_id=between.bid.public_id, _anchor="messages")
    return url_for(".show", public_id=between.task.public_id, helper=between.helper.public_id)


def _page(between: Conversation, form: MessageForm) -> str:
    task, helper = between.task, between.helper
    is_helper = current_user.id == helper.id
    return render_template(
        "messages/show.html",
        between=between,
        task=task,
        helper=helper,
        is_helper=is_helper,
        other_name=between.name_of(task.customer if is_helper else helper),
        lines=thread(db.session, task.id, helper.id, reader=current_user, has_agreed=between.has_agreed),
        form=form,
    )
