"""The notices page: what happened that concerns me."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from marketplace.actions import outbox
from marketplace.db import db, transaction
from marketplace.queries import notices
from marketplace.web.access import signed_in
from marketplace.web.current import policy
from marketplace.web.languages import language
from marketplace.web.mails import leads_to, line
from marketplace.web.paging import offset, page_asked

bp = Blueprint("notices", __name__, url_prefix="/notices")

LAST_ID = 2**31 - 1  # the highest that the column holds


@bp.get("")
@signed_in
def index() -> str:
    """My notices, newest first."""
    size = policy().page_size
    page = page_asked()
    rows = notices.of_person(db.session, current_user, limit=size + 1, offset=offset(size))
    about = notices.subjects(db.session, (row.facts for row in rows))
    lines = [
        (row, line(row.kind, current_user, row.facts, subject, language()), leads_to(row.kind, subject))
        for row, subject in zip(rows[:size], about, strict=False)
    ]
    return render_template("notices/index.html", lines=lines, page=page, more=len(rows) > size)


@bp.post("/reading")
@signed_in
def read() -> Response:
    """Mark what this page showed as read."""
    with transaction() as session:
        outbox.read_up_to(session, min(max(0, request.form.get("last", 0, type=int)), LAST_ID), by=current_user)
    return redirect(url_for("notices.index"), 303)
