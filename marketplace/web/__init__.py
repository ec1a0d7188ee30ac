"""Flask lives here only: guards, forms, views and what every page needs."""

from flask import Flask, abort, request
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix

from config import LANGUAGES
from marketplace.db import db
from marketplace.queries.notices import unread
from marketplace.web import (
    accounts,
    assets,
    badges,
    bids,
    bookings,
    certifications,
    development,
    drafts,
    errors,
    filters,
    headers,
    languages,
    limits,
    messages,
    notices,
    operator,
    pages,
    papers,
    payments,
    payouts,
    places,
    profiles,
    reviews,
    sandbox,
    security,
    states,
    static_files,
    tasks,
    webhooks,
)
from marketplace.web.current import brand
from marketplace.web.languages import OWN_NAMES, language

BLUEPRINTS = (
    accounts.bp,
    badges.bp,
    bids.bp,
    bookings.bp,
    certifications.bp,
    development.bp,
    drafts.bp,
    messages.bp,
    notices.bp,
    operator.bp,
    pages.bp,
    papers.bp,
    payments.bp,
    payouts.bp,
    profiles.bp,
    reviews.bp,
    sandbox.bp,
    tasks.bp,
    webhooks.bp,
)

csrf = CSRFProtect()


def register(app: Flask) -> None:
    """Put the web floor on the application."""
    _configure(app)
    csrf.init_app(app)
    csrf.exempt(webhooks.bp)  # signed by the gateway, not by a session of ours
    languages.register(app)
    filters.register(app)
    states.register(app)
    places.register(app)
    assets.register(app)
    static_files.register(app)
    limits.register(app)
    security.register(app)
    headers.register(app)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.before_request(_refuse_nul)
    app.context_processor(_on_every_page)
    app.jinja_env.globals.update(csrf=csrf_field)


def csrf_field() -> Markup:
    """The hidden input that every form with a POST carries."""
    return Markup('<input type="hidden" name="csrf_token" value="%s">') % generate_csrf()


def _configure(app: Flask) -> None:
    """Cookies, sizes and the proxy in front."""
    https = app.config["HTTPS"]
    app.config.setdefault("MAX_CONTENT_LENGTH", 64 * 1024 * 1024)
    app.config.setdefault("MAX_FORM_MEMORY_SIZE", 2 * 1024 * 1024)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if https else "session",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session; a page may lie open overnight
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if app.config["PROXIES"]:
        hops = app.config["PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def _refuse_nul() -> None:
    """A NUL sign belongs in no address and no form, and PostgreSQL could not store it."""
    if "\x00" in request.path:
        abort(404)
    if any("\x00" in value for values in (request.args, request.form) for _, value in values.items(multi=True)):
        abort(422)


def _on_every_page() -> dict[str, object]:
    """What the layouts use."""
    return {
        "brand": brand(),
        "locale": language(),
        "languages": [(code, OWN_NAMES[code]) for code in LANGUAGES],
        "unread_notices": unread(db.session, current_user.id) if current_user.is_authenticated else 0,
    }
