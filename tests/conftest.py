"""The application under test, on SQLite and on PostgreSQL alike; every test begins with the same small database."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from marketplace import create_app
from marketplace.db import Base, db
from marketplace.models import Role, User
from marketplace.models.accounts import ROLES
from tests.factories import install_skills
from tests.page import Page

pytest_plugins = ("tests.figures", "tests.browser.fixtures")

ENGINES = ("sqlite", "postgres")
IBAN = "CH5800791123000889012"  # nobody's: its digits add up
KEPT = ("roles", "skills")  # rows of reference, the same in every test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=ENGINES, default="sqlite", help="the database that the tests run on")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A var folder for this process."""
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """An empty database of this process's own on the engine under test."""
    if request.config.getoption("--engine") == "sqlite":
        yield f"sqlite:///{folder / 'test.sqlite'}"
        return
    server = make_url(os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://root@127.0.0.1:5432/test"))
    name = f"hilfreich_test_{os.getpid()}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def shared_app(database_url: str, folder: Path) -> Iterator[Flask]:
    """One application for all tests of this process, with its tables and rows of reference."""
    app = create_app(
        {"ENVIRONMENT": "test", "VAR_FOLDER": str(folder), "DATABASE_URL": database_url, "OPERATOR_IBAN": IBAN},
        RATELIMIT_ENABLED=False,
    )
    with app.app_context():
        Base.metadata.create_all(db.engine)
        with Session(db.engine) as session:
            session.add_all(Role(name=name) for name in ROLES)
            install_skills(session)
            session.commit()
        db.engine.dispose()
        if db.engine.dialect.name == "sqlite":
            _checkpoint(folder)
            shutil.copy(folder / "test.sqlite", folder / "fresh.sqlite")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(shared_app: Flask, folder: Path) -> Iterator[Flask]:
    """The application on a fresh database, inside an application context."""
    with shared_app.app_context():
        yield shared_app
        db.session.close()
        if db.engine.dialect.name == "sqlite":
            db.engine.dispose()
            for leftover in folder.glob("test.sqlite-*"):
                leftover.unlink()
            shutil.copy(folder / "fresh.sqlite", folder / "test.sqlite")
        else:
            emptied = "; ".join(f"DELETE FROM {name}" for name in Base.metadata.tables if name not in KEPT)
            with db.engine.begin() as connection:  # foreign keys are not asked: faster than TRUNCATE by far
                connection.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {emptied}")
    for kept in ("mails", "photos"):
        shutil.rmtree(folder / kept, ignore_errors=True)


@pytest.fixture
def session(app: Flask) -> Session:
    """The session of the application context."""
    return db.session


@pytest.fixture
def client(app: Flask) -> Page:
    """A visitor's browser that inspects every page it opens."""
    return Page(app)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[User], Page]:
    """A browser in which this person is signed in."""

    def signed_in(user: User) -> Page:
        page = Page(app)
        page.sign_in(user)
        return page

    return signed_in


def _checkpoint(folder: Path) -> None:
    """Write the WAL back into the file, so that the file alone is the database."""
    engine = create_engine(f"sqlite:///{folder / 'test.sqlite'}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
