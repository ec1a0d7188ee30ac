"""Flask-Security on Flask-Login: how people register, sign in and prove who they are.

Its views are taken as they are; around them stand our transaction and limits (`edge`), our forms, words, mails and
passwords.
"""

import base64
import hashlib
from datetime import timedelta
from typing import Any, cast

from flask import Flask, session
from flask_security import FSQLALiteUserDatastore, Security
from flask_security.utils import set_request_attr

from marketplace import clock
from marketplace.db import db
from marketplace.models import Role, User, WebAuthn
from marketplace.web.languages import language
from marketplace.web.security import edge, factors, forms, mails, pages, passwords, words
from marketplace.web.sessions import ServerSessions


class Accounts(FSQLALiteUserDatastore):
    """Where Flask-Security keeps people: our session, committed by our transaction only."""

    def commit(self) -> None:
        """Nothing: `edge` commits, with the journal and the outbox."""

    def create_user(self, **values: Any) -> User:
        """A new person, who speaks the language of this request."""
        return cast(User, super().create_user(**{"created_at": clock.now(), "language": language(), **values}))


def register(app: Flask) -> None:
    """Set up sessions and Flask-Security."""
    app.config.update({f"SECURITY_{name}": value for name, value in _settings(app).items()})
    app.session_interface = ServerSessions(app.extensions["policy"])
    security = Security(
        app,
        Accounts(db, User, Role, WebAuthn),
        mail_util_cls=mails.OutboxMail,
        password_util_cls=passwords.PasswordRules,
        totp_cls=factors.OneTimeCodes,
        webauthn_util_cls=factors.Passkeys,
        render_template=pages.render,  # type: ignore[arg-type]
        **forms.FORMS,
    )
    security.want_json(lambda request: False)  # these are pages for people
    security.login_manager.user_loader(_person_of_session)
    security.login_manager.request_loader(lambda request: None)  # only sessions let people in
    security.login_manager.session_protection = None  # a phone changes its address all day long
    security.pwd_context = passwords.BoundedHashing(security.pwd_context)
    security.i18n_domain = words.Words()  # type: ignore[assignment]
    app.jinja_env.globals["_fsdomain"] = security.i18n_domain.gettext
    edge.register(app)


def _person_of_session(uniquifier: str) -> User | None:
    """Who signed in: loaded with the session already."""
    person: User | None = session.user if session.began_as == uniquifier else None  # type: ignore[attr-defined]
    if person is not None:
        set_request_attr("fs_authn_via", "session")
        set_request_attr("fs_paa", session.get("fs_paa", 0))
    return person


def _settings(app: Flask) -> dict[str, Any]:
    """Flask-Security's settings, without their prefix."""
    return {
        **_DOORS,
        **_ADDRESSES,
        **{f"MSG_{name}": message for name, message in words.MESSAGES.items()},
        "PASSWORD_HASH_PASSLIB_OPTIONS": passwords.COST_IN_TESTS if app.config["TESTING"] else passwords.COST,
        "TOTP_SECRETS": {"1": _derived(app, "totp")},
        "TOTP_ISSUER": app.config["BRAND_NAME"],
        "MULTI_FACTOR_RECOVERY_CODES_KEYS": [_derived(app, "recovery codes").encode()],
        "WAN_RP_NAME": app.config["BRAND_NAME"],
        "TWO_FACTOR_RESCUE_MAIL": app.config["OPERATOR_MAIL"],
        "EMAIL_SENDER": app.config["MAIL_SENDER"],
        "OPERATORS_NEED_TWO_FACTOR": app.config["ENVIRONMENT"] not in ("demo", "test"),
    }


def _derived(app: Flask, purpose: str) -> str:
    """A key of its own for each purpose, made from the installation's secret."""
    digest = hashlib.blake2b(purpose.encode(), key=app.config["SECRET_KEY"].encode()[:64], digest_size=32).digest()
    return base64.urlsafe_b64encode(digest).decode()


_DOORS: dict[str, Any] = {
    "REGISTERABLE": True,
    "CONFIRMABLE": True,
    "RECOVERABLE": True,
    "CHANGEABLE": True,
    "CHANGE_EMAIL": True,
    "TWO_FACTOR": True,
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,  # seconds that a clock may be off
    "TWO_FACTOR_RESCUE_EMAIL": False,
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "MULTI_FACTOR_RECOVERY_CODES_N": 8,
    "WEBAUTHN": True,
    "WAN_ALLOW_USER_HINTS": False,
    "RETURN_GENERIC_RESPONSES": True,  # nobody learns here who has an account
    "API_ENABLED_METHODS": ["session"],
    "PASSWORD_LENGTH_MIN": passwords.LENGTH_MIN,
    "PASSWORD_CONFIRM_REQUIRED": False,
    "PASSWORD_SCHEMES": ["argon2"],
    "HASHING_SCHEMES": ["hex_sha256"],  # of addresses inside signed links; no secret is hashed by it
    "RESET_PASSWORD_WITHIN": timedelta(hours=4),
    "FRESHNESS": timedelta(hours=1),
    "FRESHNESS_GRACE_PERIOD": timedelta(minutes=15),
    "EMAIL_HTML": False,
    "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},  # asks no name server while a page waits
    "LOGIN_USER_TEMPLATE": "security/login.html",
    "REGISTER_USER_TEMPLATE": "security/register.html",
    "CLI_USERS_NAME": None,
    "CLI_ROLES_NAME": None,
    "STATIC_FOLDER": None,
}

_ADDRESSES = {
    "CHANGE_URL": "/account/password",
    "CHANGE_EMAIL_URL": "/account/mail",
    "VERIFY_URL": "/login/again",
    "TWO_FACTOR_SETUP_URL": "/account/two-factor",
    "TWO_FACTOR_TOKEN_VALIDATION_URL": "/login/code",
    "TWO_FACTOR_RESCUE_URL": "/login/help",
    "TWO_FACTOR_SELECT_URL": "/login/method",
    "MULTI_FACTOR_RECOVERY_CODES_URL": "/account/recovery-codes",
    "MULTI_FACTOR_RECOVERY_URL": "/login/recovery-code",
    "WAN_REGISTER_URL": "/account/passkeys",
    "WAN_DELETE_URL": "/account/passkeys/removal",
    "WAN_SIGNIN_URL": "/login/passkey",
    "WAN_VERIFY_URL": "/login/again/passkey",
    "POST_LOGIN_VIEW": "accounts.start",
    "POST_LOGOUT_VIEW": "pages.home",
    "POST_CONFIRM_VIEW": "security.login",
    "POST_CHANGE_VIEW": "accounts.show",
    "POST_CHANGE_EMAIL_VIEW": "accounts.show",
    "POST_VERIFY_VIEW": "accounts.show",
    "POST_REGISTER_VIEW": "accounts.mail_sent",
    "TWO_FACTOR_POST_SETUP_VIEW": "accounts.show",
}
