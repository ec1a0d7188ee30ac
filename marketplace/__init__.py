"""Hilfreich: a marketplace on which a company's customers help each other with technology at home."""

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_alembic import Alembic

from config import ROOT, settings
from marketplace import cli, clock, web
from marketplace.db import Base, as_migration, db
from marketplace.domain.policy import policy_from
from marketplace.gateways import open_gateways

alembic = Alembic(metadatas=Base.metadata)


def create_app(environ: Mapping[str, str] | None = None, **overrides: Any) -> Flask:
    """The application: settings, then database, then gateways, then web."""
    app = Flask("marketplace", template_folder=ROOT / "templates", static_folder=ROOT / "static")
    app.config.update(settings(os.environ if environ is None else environ))
    app.config.update(overrides)
    # What people typed stays out of the messages of database errors, and so out of the logs.
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": app.config["DATABASE_URL"], "hide_parameters": True}}
    app.config["ALEMBIC"] = {"script_location": str(ROOT / "migrations")}
    app.config["ALEMBIC_CONTEXT"] = {"render_item": as_migration, "compare_type": True}
    if app.config["DEMO"]:
        clock.follow(app.config["CLOCK_FILE"])

    db.init_app(app)
    alembic.init_app(app)
    app.extensions["policy"] = policy_from(app.config["POLICY"])
    app.extensions["gateways"] = open_gateways(app.config)
    web.register(app)
    cli.register(app)
    return app
