"""What tests need beside Python: where it is missing they are skipped, with CI=true they fail; either way it is said loudly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError


def lacking(what: str) -> NoReturn:
    """Say that something is missing: the end of this test."""
    sentence = f"*** {what} is missing: what needs it was not tried. `make test` installs what it may. ***"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


def node_package(path: Path) -> Path:
    """A file of a Node package."""
    return path if path.exists() else lacking(f"{path.name} (npm ci)")


def demand_postgres() -> None:
    """Go on only with a PostgreSQL server that answers."""
    server = _postgres()
    try:
        with server.connect():
            pass
    except OperationalError:
        lacking(f"PostgreSQL at {server.url.render_as_string()}")
    finally:
        server.dispose()


@contextmanager
def postgres_database(purpose: str) -> Iterator[str]:
    """The address of an empty database of this process's own, removed afterwards."""
    server, name = _postgres(), f"hilfreich_{purpose}_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def _postgres() -> Engine:
    url = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://root@127.0.0.1:5432/test")
    return create_engine(make_url(url), isolation_level="AUTOCOMMIT")
