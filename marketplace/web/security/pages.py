"""How Flask-Security's pages are drawn: ours, with 422 when a form was not right."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.web.security import mails

# A form that was right leads on, so that loading the page again sends no second mail.
LEADS_TO = {
    "security/forgot_password.html": "accounts.mail_sent",
    "security/send_confirmation.html": "accounts.mail_sent",
    "security/change_email.html": "accounts.show",
}


def render(template: str, **values: Any) -> str | Response | tuple[str, int]:
    """A page or the text of a mail."""
    if template.startswith("security/email/"):
        return mails.words(template, **values)
    if request.method != "POST":
        return render_template(template, **values)
    if any(value.errors for value in values.values() if isinstance(value, FlaskForm)):
        return render_template(template, **values), 422
    if template in LEADS_TO:
        return redirect(url_for(LEADS_TO[template]), 303)
    return render_template(template, **values)
