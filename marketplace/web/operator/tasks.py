"""Every task, and taking one down with a reason."""

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace.actions import bids
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.lifecycles import TASK
from marketplace.models import Task
from marketplace.permissions import may_remove_task
from marketplace.queries import operator
from marketplace.queries.journal import lines
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.operator.events import in_words
from marketplace.web.operator.room import ReasonForm, Tab, bp, chosen, state_tabs, words_searched
from marketplace.web.paging import offset, paging


@bp.get("/tasks")
@operator_only("agent")
def tasks() -> str:
    """All tasks, newest first, by state, by reference or by words of the title."""
    state, without_bid = chosen("state", TASK.states), chosen("without_bid", ("1",)) is not None
    size = policy().page_size
    listed = operator.tasks(
        db.session, state=state, search=words_searched(), without_bid=without_bid, limit=size, offset=offset(size)
    )
    return render_template(
        "operator/tasks.html",
        listed=listed,
        state=state,
        filters=_filters(state, without_bid),
        search=words_searched(),
        paging=paging(listed.total, size),
    )


@bp.get("/tasks/<public_id>")
@operator_only("agent")
def task(public_id: str) -> str:
    """One task with its bids and its journal."""
    return _page(public_id, ReasonForm())


@bp.post("/tasks/<public_id>/removal")
@operator_only("moderator")
def removal(public_id: str) -> Response | tuple[str, int]:
    """Take a task down; its customer reads why."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    with transaction() as session:
        bids.remove_task(
            session, by_public_id(session, Task, public_id), by=current_user, reason=form.reason.data or ""
        )
    flash(_("The task is taken down. The customer is told."), "success")
    return redirect(url_for("operator.task", public_id=public_id), 303)


def _filters(state: str | None, without_bid: bool) -> list[Tab]:
    """Everything, what nobody has bid on, and each state."""
    return [
        (_("All"), url_for("operator.tasks"), not state and not without_bid),
        (_("Without a bid"), url_for("operator.tasks", state=TASK.begins, without_bid=1), without_bid),
        *state_tabs("task", TASK.states, "operator.tasks", None if without_bid else state),
    ]


def _page(public_id: str, form: ReasonForm) -> str:
    one, bids = operator.task_page(db.session, public_id)
    return render_template(
        "operator/task.html",
        form=form,
        task=one,
        bids=bids,
        lines=in_words(lines(db.session, subject=(Task.__tablename__, one.id))),
        may_remove=may_remove_task(current_user) and one.state in TASK.befores("remove"),
    )
