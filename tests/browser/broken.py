"""One address of a town's own at which the application breaks, to look at the page for what nobody foresaw."""

from flask import Flask


def breaking(app: Flask) -> Flask:
    """The application with an address that fails as a fault of ours would."""
    app.add_url_rule("/broken", "town.broken", _break)
    return app


def _break() -> str:
    raise RuntimeError("broken on purpose")
