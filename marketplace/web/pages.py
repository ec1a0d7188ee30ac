"""Home, how it works, the legal pages, the design page, and the answers for monitors."""

from flask import Blueprint, render_template
from sqlalchemy import text

from marketplace.db import db
from marketplace.web.access import public

bp = Blueprint("pages", __name__)


@bp.get("/")
@public
def home() -> str:
    """What this is, for whom, what it costs; and the way to the first task."""
    return render_template("pages/home.html")


@bp.get("/design")
@public
def design() -> str:
    """Every component in every state."""
    return render_template("design/index.html")


@bp.get("/healthz")
@public
def healthz() -> tuple[str, dict[str, str]]:
    """The process answers."""
    return "ok", {"Content-Type": "text/plain"}


@bp.get("/readyz")
@public
def readyz() -> tuple[str, dict[str, str]]:
    """The database answers too."""
    db.session.execute(text("SELECT 1"))
    return "ready", {"Content-Type": "text/plain"}
