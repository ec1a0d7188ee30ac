"""Refusals become pages that say what to do next; no view catches anything."""

from flask import Flask, current_app, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from marketplace.db import db
from marketplace.domain.errors import N_, DomainError, Invalid, NotAllowed, NotFound, WrongState
from marketplace.web.languages import gettext, say

STATUS = {NotFound: 404, NotAllowed: 403, WrongState: 409, Invalid: 422}
PAGES = (403, 404, 409, 422, 429)


def register(app: Flask) -> None:
    """Answer refusals and failures with our own pages."""
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)


def _refused(error: DomainError) -> tuple[str, int]:
    status = STATUS.get(type(error), 409)
    return render_template(f"errors/{status}.html", sentence=say(error)), status


def _stale_form(error: CSRFError) -> tuple[str, int]:
    sentence = gettext(N_("This page was open for too long. Please go back, reload it and try again."))
    return render_template("errors/409.html", sentence=sentence), 409


def _http_error(error: HTTPException) -> tuple[str, int, dict[str, str]] | HTTPException:
    code = error.code or 500
    if code < 400:
        return error
    page = code if code in PAGES else (404 if code in (405, 410) else 422 if code < 500 else 500)
    headers = {name: value for name, value in error.get_headers() if name == "Retry-After"}
    return render_template(f"errors/{page}.html", sentence=None), code, headers


def _failed(error: Exception) -> tuple[str, int]:
    """Something broke: undo, say so, and leave the details to the log."""
    current_app.logger.exception("unhandled", exc_info=error)
    db.session.rollback()
    return render_template("errors/500.html", sentence=None), 500
