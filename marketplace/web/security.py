"""Flask-Security on Flask-Login: how people register, sign in and prove who they are."""

from flask import Flask
from flask_security import FSQLALiteUserDatastore, Security

from marketplace.db import db
from marketplace.models import Role, User, WebAuthn

datastore = FSQLALiteUserDatastore(db, User, Role, WebAuthn)
security = Security()


def register(app: Flask) -> None:
    """Set up Flask-Security."""
    security.init_app(app, datastore)
