"""The application as a WSGI server loads it."""

from marketplace import create_app

application = create_app()
