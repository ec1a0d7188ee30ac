"""Everybody with an account, one person's page, and suspending or restoring them."""

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace import clock
from marketplace.actions import accounts
from marketplace.db import by_public_id, db, transaction
from marketplace.models import User
from marketplace.permissions import may_suspend
from marketplace.queries import operator, reviews
from marketplace.queries.badges import standing
from marketplace.queries.journal import lines
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.operator.events import in_words
from marketplace.web.operator.room import ReasonForm, Tab, bp, chosen, words_searched
from marketplace.web.operator.today import day_span
from marketplace.web.paging import offset, paging

ROLE_WORDS = {"agent": _l("Agent"), "moderator": _l("Moderator"), "admin": _l("Admin")}
KINDS = {"helpers": _l("Helpers"), "suspended": _l("Suspended"), "operators": _l("Operator's people")}


@bp.get("/people")
@operator_only("agent")
def people() -> str:
    """All people, newest first, found by name, mail address or reference."""
    kind, new_today = chosen("kind", KINDS), chosen("new", ("today",)) is not None
    size = policy().page_size
    listed = operator.people(
        db.session,
        kind=kind,
        search=words_searched(),
        since=day_span()[0] if new_today else None,
        limit=size,
        offset=offset(size),
    )
    return render_template(
        "operator/people.html",
        listed=listed,
        role_words=ROLE_WORDS,
        kind=kind,
        filters=_filters(kind, new_today),
        search=words_searched(),
        paging=paging(listed.total, size),
    )


@bp.get("/people/<public_id>")
@operator_only("agent")
def person(public_id: str) -> str:
    """Everything about one person on one page."""
    return _page(public_id, ReasonForm())


@bp.post("/people/<public_id>/suspension")
@operator_only("moderator")
def suspension(public_id: str) -> Response | tuple[str, int]:
    """Shut a person out; they read why."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    with transaction() as session:
        suspended = by_public_id(session, User, public_id)
        accounts.suspend(session, suspended, by=current_user, reason=form.reason.data or "")
    flash(_("The account is suspended, and the person is signed out everywhere."), "success")
    return redirect(url_for("operator.person", public_id=public_id), 303)


@bp.post("/people/<public_id>/restoration")
@operator_only("moderator")
def restoration(public_id: str) -> Response | tuple[str, int]:
    """Let a suspended person in again; they read why."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    with transaction() as session:
        suspended = by_public_id(session, User, public_id)
        accounts.restore(session, suspended, by=current_user, reason=form.reason.data or "")
    flash(_("The account is open again. The person is told."), "success")
    return redirect(url_for("operator.person", public_id=public_id), 303)


def _filters(kind: str | None, new_today: bool) -> list[Tab]:
    """Everybody, who came today, and each kind."""
    return [
        (_("All"), url_for("operator.people"), not kind and not new_today),
        (_("New today"), url_for("operator.people", new="today"), new_today),
        *((words, url_for("operator.people", kind=code), code == kind) for code, words in KINDS.items()),
    ]


def _page(public_id: str, form: ReasonForm) -> str:
    page = operator.person_page(db.session, public_id)
    return render_template(
        "operator/person.html",
        form=form,
        page=page,
        person=page.person,
        role_words=ROLE_WORDS,
        standing=standing(db.session, page.person.id),
        reviews=reviews.about(db.session, page.person.id, said_by=["customer", "helper"], at=clock.now()),
        lines=in_words(lines(db.session, person_id=page.person.id)),
        may_suspend=may_suspend(current_user, page.person),
    )
