"""The edge around Flask-Security's views: our guard, limit and transaction, and a journal line for what happened.

A view that only checks a code or a link writes from its beginning. Where a password is checked, hashing it takes long,
so the form begins the writing transaction by `begin()` when it has found everything right: the database is never locked
meanwhile.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from secrets import token_hex
from typing import Any

from flask import Flask, Response, abort, g, make_response, redirect, request, session, url_for
from flask_security import signals
from flask_security.utils import validate_redirect_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.actions import accounts, journal
from marketplace.db import db, transaction
from marketplace.domain.errors import WrongState
from marketplace.models import User
from marketplace.web.limits import limit
from marketplace.web.security import mails

View = Callable[..., Any]

SIGNED_IN = {
    "change_password",
    "change_email",
    "verify",
    "two_factor_setup_validate",
    "mf_recovery_codes",
    "wan_register",
    "wan_register_response",
    "wan_delete",
    "wan_verify",
    "wan_verify_response",
}
LIMITED = {
    "login": "sign_ins",
    "verify": "sign_ins",
    "two_factor_token_validation": "sign_ins",
    "mf_recovery": "sign_ins",
    "two_factor_rescue": "recoveries",
    "wan_signin": "sign_ins",
    "wan_signin_response": "sign_ins",
    "register": "registrations",
    "forgot_password": "recoveries",
    "reset_password": "recoveries",
    "send_confirmation": "recoveries",
    "change_email": "recoveries",
    "change_password": "sign_ins",
}
FORM_BEGINS = {
    "login",
    "logout",
    "verify",
    "register",
    "forgot_password",
    "reset_password",
    "send_confirmation",
    "change_password",
    "change_email",
}
TOKEN_LINKS = {
    "confirm_email",
    "change_email_confirm",
}  # a GET from a mail that writes: single-use, repeatable without effect


def register(app: Flask) -> None:
    """Put every view of Flask-Security behind its guard, limit and transaction, and listen for what happens there."""
    for endpoint, view in app.view_functions.items():
        blueprint, _, name = endpoint.partition(".")
        if blueprint == "security":
            app.view_functions[endpoint] = _at_the_edge(name, view)
    for signal, listener in LISTENERS.items():
        signal.connect(listener, app)


def begin() -> Session:
    """Begin this request's writing transaction, once; what was loaded before is read again."""
    if not g.get("writing"):
        g.edge.enter_context(transaction())
        g.writing = True
    return db.session


def _at_the_edge(name: str, view: View) -> View:
    """One view of Flask-Security as a view of ours."""

    @wraps(view)
    def at_the_edge(*args: Any, **kwargs: Any) -> Response:
        if request.is_json:
            abort(415)  # these are pages for people: they read forms only
        try:
            with ExitStack() as g.edge:
                if name in TOKEN_LINKS or (request.method == "POST" and name not in FORM_BEGINS):
                    begin()
                answer = make_response(view(*args, **kwargs))
        except IntegrityError:
            answer = _taken_meanwhile(name)
        if request.method == "POST" and answer.status_code == 302:
            answer.status_code = 303
        return _look_into_mailbox() if name == "register" and answer.status_code == 303 else answer

    guarded = limit(LIMITED[name])(at_the_edge) if name in LIMITED else at_the_edge
    guarded.guard = "signed_in" if name in SIGNED_IN else "public"  # type: ignore[attr-defined]
    return guarded


def _taken_meanwhile(name: str) -> Response:
    """Two took one mail address at the same instant: registering looks as ever, anything else says what happened."""
    if name != "register":
        raise WrongState()
    return make_response(redirect(url_for("accounts.mail_sent"), 303))


def _look_into_mailbox() -> Response:
    """Whoever has registered goes on to the mailbox; where they wanted to go is kept until they sign in."""
    wanted = request.form.get("next") or request.args.get("next")
    if wanted and validate_redirect_url(wanted):
        session["next"] = wanted
    return make_response(redirect(url_for("accounts.mail_sent"), 303))


def _journal(event: str) -> Callable[..., None]:
    def listener(app: Flask, user: User, **more: Any) -> None:
        journal.record(db.session, event, user, by=user)

    return listener


def _signed_in(app: Flask, user: User, **more: Any) -> None:
    session["csrf_token"] = token_hex(20)  # a form token from before signing in is worth nothing afterwards
    if more.get("authn_via") != ["change"]:
        journal.record(db.session, "signed_in", user, by=user)


def _password_set(app: Flask, user: User, **more: Any) -> None:
    """A new password ends every session."""
    accounts.end_sessions(db.session, user)
    journal.record(db.session, "password_changed", user, by=user)


def _mail_changed(app: Flask, user: User, old_email: str, **more: Any) -> None:
    """Whoever reads the old mailbox should know."""
    mails.write(user, old_email, "mail_changed", new_email=user.email)
    journal.record(db.session, "mail_changed", user, by=user)


def _factor(event: str) -> Callable[..., None]:
    """A change to how one signs in is told by mail."""

    def listener(app: Flask, user: User, **more: Any) -> None:
        person = db.session.get_one(User, user.id)
        mails.write(person, person.email, "sign_in_changed", event=event)
        journal.record(db.session, event, person, by=person)

    return listener


LISTENERS: dict[Any, Callable[..., None]] = {
    signals.user_registered: _journal("account_registered"),
    signals.user_confirmed: _journal("account_confirmed"),
    signals.user_authenticated: _signed_in,
    signals.password_changed: _password_set,
    signals.password_reset: _password_set,
    signals.change_email_confirmed: _mail_changed,
    signals.tf_profile_changed: _factor("two_factor_set_up"),
    signals.tf_disabled: _factor("two_factor_ended"),
    signals.wan_registered: _factor("passkey_added"),
    signals.wan_deleted: _factor("passkey_removed"),
}
