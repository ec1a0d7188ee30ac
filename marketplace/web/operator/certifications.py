"""The queue of certifications, and deciding each of them with a reason."""

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from marketplace.actions import certifications as actions
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.hours import codes_of
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.models import Certification
from marketplace.permissions import may_decide_certification
from marketplace.queries import operator
from marketplace.web.access import operator_only
from marketplace.web.current import policy
from marketplace.web.languages import OWN_NAMES
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.operator.room import ReasonForm, bp, chosen, state_tabs
from marketplace.web.paging import offset, paging

VERDICTS = {
    "grant": (actions.grant, _l("The certification is granted. The helper is told.")),
    "decline": (actions.decline, _l("The application is declined. The helper is told.")),
    "suspend": (actions.suspend, _l("The certification is suspended. The helper is told.")),
    "reinstate": (actions.reinstate, _l("The certification is in force again. The helper is told.")),
}

VERDICT_WORDS = {
    "grant": (_l("Grant"), "primary", "badge-check"),
    "decline": (_l("Decline"), "danger", "circle-x"),
    "suspend": (_l("Suspend"), "danger", "ban"),
    "reinstate": (_l("Put back in force"), "primary", "undo-2"),
}


@bp.get("/certifications")
@operator_only("agent")
def certifications() -> str:
    """Those that wait, the oldest first; or those decided."""
    state = chosen("state", CERTIFICATION.states) or CERTIFICATION.begins
    size = policy().page_size
    listed = operator.certification_queue(db.session, state, limit=size, offset=offset(size))
    return render_template(
        "operator/certifications.html",
        listed=listed,
        state=state,
        filters=state_tabs("certification", CERTIFICATION.states, "operator.certifications", state),
        paging=paging(listed.total, size),
    )


@bp.get("/certifications/<public_id>")
@operator_only("agent")
def certification(public_id: str) -> str:
    """One application: the helper's profile and note, their other certifications, and the form to decide."""
    return _page(public_id, ReasonForm())


@bp.post("/certifications/<public_id>/decision")
@operator_only("moderator")
def decision(public_id: str) -> Response | tuple[str, int]:
    """Decide: grant, decline, suspend or reinstate."""
    form = ReasonForm()
    verdict = request.form.get("verdict", "")
    if verdict not in VERDICTS:
        raise UnprocessableEntity()
    if not form.validate_on_submit():
        return _page(public_id, form), 422
    decide, said = VERDICTS[verdict]
    with transaction() as session:
        row = by_public_id(session, Certification, public_id)
        decide(session, row, by=current_user, reason=form.reason.data or "")
    flash(said, "success")
    return redirect(url_for("operator.certifications"), 303)


def _page(public_id: str, form: ReasonForm) -> str:
    one, others, profile = operator.certification_page(db.session, public_id)
    spans = profile.hours if profile else []
    return render_template(
        "operator/certification.html",
        form=form,
        one=one,
        others=others,
        profile=profile,
        spoken=[OWN_NAMES.get(code, code) for code in profile.languages] if profile else [],
        ticks=codes_of((span.weekday, span.from_minute, span.to_minute) for span in spans),
        verdicts=[verdict for verdict in VERDICTS if one.state in CERTIFICATION.befores(verdict)],
        may_decide=may_decide_certification(current_user, one),
        words=VERDICT_WORDS,
    )
