"""Flask-Security's mails: text in the reader's language, put into our outbox in the transaction that caused them."""

from typing import Any

from flask import current_app, render_template, request
from flask_security import MailUtil

from marketplace.actions import outbox
from marketplace.db import db
from marketplace.models import User
from marketplace.web.current import brand
from marketplace.web.languages import plain_gettext, speaking


class OutboxMail(MailUtil):
    """Writes mails to the outbox; the worker delivers them."""

    def send_mail(  # noqa: PLR0917  (as Flask-Security calls it)
        self,
        template: str,
        subject: str,
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],
        body: str | None,
        html: str | None,
        **context: Any,
    ) -> None:
        """One mail; its subject is the first line of our template."""
        address = recipient if isinstance(recipient, str) else recipient[1]
        _put(address, body or "")


def write(reader: User, address: str, template: str, **values: Any) -> None:
    """A mail of our own about the security of an account, from templates/security/email/."""
    _put(address, words(f"security/email/{template}.txt", user=reader, **values))


def words(template: str, user: User, **values: Any) -> str:
    """The text of a mail in its reader's language; its links lead to the address that the operator has set."""
    links = {name: _public(value) if isinstance(value, str) else value for name, value in values.items()}
    known = {"reader": user, "user": user, "_": plain_gettext, "brand": brand(), **links}
    return str(speaking(user.language, lambda: render_template(template, **known)))


def _put(address: str, text: str) -> None:
    subject, _, body = text.strip().partition("\n")
    outbox.write_to(db.session, address, f"{brand().name}: {subject}", body.strip() + "\n")


def _public(link: str) -> str:
    """The link under our public address: what a visitor claims in the Host header never reaches a mail."""
    public = current_app.config["PUBLIC_URL"].rstrip("/")
    if public and link.startswith(request.host_url):
        return f"{public}/{link.removeprefix(request.host_url)}"
    return link
