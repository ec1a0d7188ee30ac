"""The commands: `flask work`, `flask demo`, `flask operator` and so on."""

from flask import Flask


def register(app: Flask) -> None:
    """Add our commands to `flask`."""
