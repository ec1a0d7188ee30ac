"""The journal: every line of it, narrowed to a person, a subject or an event."""

from typing import Any

from flask import render_template, request

from marketplace.db import by_email, db
from marketplace.models import User
from marketplace.queries.journal import lines, subject_called
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.draft_forms import clean
from marketplace.web.operator.events import EVENTS, in_words
from marketplace.web.operator.room import bp, chosen
from marketplace.web.operator.today import day_span
from marketplace.web.paging import offset, paging

NOBODY = 0  # a filter that names nobody and nothing finds no line
NOTHING = ("", 0)


@bp.get("/journal")
@operator_only("agent")
def journal() -> str:
    """The journal, newest first."""
    size, typed = policy().page_size, _typed()
    found = lines(db.session, **_filters(typed), limit=size + 1, offset=offset(size))
    return render_template(
        "operator/journal.html",
        lines=in_words(found[:size]),
        typed=typed,
        events=EVENTS,
        paging=paging(offset(size) + len(found), size),
    )


def _typed() -> dict[str, str]:
    """What stands in the filters."""
    typed = {name: clean(request.args.get(name))[:255] for name in ("person", "subject")}
    return typed | {"event": chosen("event", EVENTS) or "", "day": chosen("day", ("today",)) or ""}


def _filters(typed: dict[str, str]) -> dict[str, Any]:
    """The filters as the query wants them; a person by mail address or reference, a subject by reference."""
    filters: dict[str, Any] = {"event": typed["event"] or None, "since": day_span()[0] if typed["day"] else None}
    if typed["person"]:
        person = by_email(db.session, User, typed["person"])
        called = None if person else subject_called(db.session, typed["person"].lower())
        filters["person_id"] = person.id if person else called[1] if called and called[0] == "users" else NOBODY
    if typed["subject"]:
        filters["subject"] = subject_called(db.session, typed["subject"].lower()) or NOTHING
    return filters
