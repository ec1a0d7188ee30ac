"""For development and the demo: the mails kept because there is no mail server. Production has no such page."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from flask import Blueprint, abort, current_app, render_template, request

from marketplace.gateways.mail import KeptPost
from marketplace.web.access import public
from marketplace.web.current import gateways

bp = Blueprint("development", __name__, url_prefix="/development")

LINK = re.compile(r"(https?://\S+[\w/=])")


@dataclass(frozen=True)
class ShownMail:
    """A kept mail as the page shows it; in `parts`, every second one is a link."""

    address: str
    subject: str
    at: object
    parts: list[str]


@bp.get("/mails")
@public
def mails() -> str:
    """The mails kept lately, the newest first; `?to=` shows those of one address."""
    post = gateways().post
    if current_app.config["ENVIRONMENT"] == "production" or not isinstance(post, KeptPost):
        abort(404)
    wanted = request.args.get("to", "").strip().lower()
    shown = [
        ShownMail(mail["To"], mail["Subject"], parsedate_to_datetime(mail["Date"]), LINK.split(_words_of(mail)))
        for mail in post.kept()
        if wanted in mail["To"].lower()
    ]
    return render_template("development/mails.html", mails=shown, wanted=wanted)


def _words_of(mail: EmailMessage) -> str:
    """The text of a mail, without what is enclosed."""
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""
