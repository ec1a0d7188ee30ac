"""Home, how it works, the legal pages, the design page, and the answers for monitors."""

from dataclasses import asdict
from pathlib import Path

import nh3
from flask import Blueprint, current_app, render_template, request
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from marketplace.db import db
from marketplace.queries.skills import all_skills
from marketplace.web.access import public
from marketplace.web.current import policy
from marketplace.web.design import samples
from marketplace.web.filters import stars
from marketplace.web.languages import language

bp = Blueprint("pages", __name__)

OWN_TEXTS = Path(__file__).parent.parent / "content"
markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@bp.get("/")
@public
def home() -> str:
    """What this is, for whom, what it costs; and the way to the first task."""
    return render_template("pages/home.html", skills=all_skills(db.session))


@bp.get("/how-it-works")
@public
def how_it_works() -> str:
    """How it works for customers and for helpers."""
    return _text_page("how_it_works")


@bp.get("/imprint")
@public
def imprint() -> str:
    """Who runs this place."""
    return _text_page("imprint")


@bp.get("/terms")
@public
def terms() -> str:
    """What both sides agree to."""
    return _text_page("terms")


@bp.get("/privacy")
@public
def privacy() -> str:
    """What is stored, and why."""
    return _text_page("privacy")


@bp.get("/design")
@public
def design() -> str:
    """Every component in every state, one room at a time (`?part=forms`)."""
    return render_template("design/index.html", **samples(request.args.get("part", "")))


@bp.get("/healthz")
@public
def healthz() -> tuple[str, dict[str, str]]:
    """The process answers."""
    return "ok", {"Content-Type": "text/plain"}


@bp.get("/readyz")
@public
def readyz() -> tuple[str, int, dict[str, str]]:
    """The database answers too; 503 while it does not, so that a balancer sends nobody here."""
    plain = {"Content-Type": "text/plain"}
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "the database does not answer", 503, plain
    return "ready", 200, plain


def _text_page(name: str) -> str:
    """A page of text: the operator's own file where there is one, else ours, in this request's language."""
    title, body = written(name, language())
    return render_template("pages/text.html", title=title, body=body)


def written(name: str, code: str) -> tuple[str, Markup]:
    """The title (its first heading) and the rest of a text as safe HTML, its places filled in from the settings."""
    folders = [Path(own) for own in [current_app.config["CONTENT_FOLDER"]] if own] + [OWN_TEXTS]
    file = next(path for folder in folders if (path := folder / f"{name}.{code}.md").exists())
    source = file.read_text()
    for place, value in _values().items():
        source = source.replace("{" + place + "}", value)
    heading, _, rest = source.partition("\n")
    return heading.lstrip("# ").strip(), Markup(nh3.clean(markdown.render(rest)))  # noqa: S704  cleaned just here


def _values() -> dict[str, str]:
    """What the places in a text stand for."""
    settings = current_app.config
    return {
        "brand": settings["BRAND_NAME"],
        "badge": settings["BADGE_NAME"],
        "operator": settings["OPERATOR_NAME"],
        "operator_address": settings["OPERATOR_ADDRESS"],
        "operator_mail": settings["OPERATOR_MAIL"],
        "friend_rating": stars(policy().friend_rating_hundredths),
        **{number: str(value) for number, value in asdict(policy()).items()},
    }
