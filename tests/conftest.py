"""The application under test, on SQLite and on PostgreSQL alike; every test begins with the same small database."""

import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from marketplace import clock, create_app
from marketplace.db import Base, db
from marketplace.models import Role, User
from marketplace.models.accounts import ROLES
from tests.factories import install_skills
from tests.fresh import begin_anew
from tests.needs import demand_postgres, postgres_database
from tests.page import Page

pytest_plugins = ("tests.figures", "tests.browser.fixtures")

ENGINES = ("sqlite", "postgres")
PERMISSIONS = Path(__file__).parent / "web" / "test_permissions.py"
OF_PERMISSIONS_ON_POSTGRES = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=ENGINES, default="sqlite", help="the database that the tests run on")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the table of permissions a fourth is tried on PostgreSQL, the same each time, and with --full the whole."""
    if config.getoption("--engine") == "sqlite" or config.getoption("--full"):
        return
    cells = [item for item in items if item.path == PERMISSIONS]
    left = {id(item) for item in cells if zlib.crc32(item.nodeid.encode()) % OF_PERMISSIONS_ON_POSTGRES}
    config.hook.pytest_deselected(items=[item for item in items if id(item) in left])
    items[:] = [item for item in items if id(item) not in left]


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
    demand_postgres()
    with postgres_database("test") as url:
        yield url


@pytest.fixture(scope="session")
def shared_app(database_url: str, folder: Path) -> Iterator[Flask]:
    """One application for all tests of this process, with its tables and rows of reference."""
    app = create_app(
        {"ENVIRONMENT": "test", "VAR_FOLDER": str(folder), "DATABASE_URL": database_url},
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
        begin_anew(folder)


@pytest.fixture
def started_in(
    app: Flask, database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Flask]]:
    """One more application on the same database, started in this environment with what it demands and these settings."""
    monkeypatch.setattr(clock, "_followed", None)  # put back afterwards: a demo follows its clock file
    started: list[Flask] = []

    def start(environment: str, **named: str) -> Flask:
        demanded = dict.fromkeys(("SECRET_KEY", "SECURITY_PASSWORD_SALT"), "eine lange Reihe von Zeichen")
        places = {"VAR_FOLDER": str(folder), "DATABASE_URL": database_url}
        if environment == "production":
            places |= {"PUBLIC_URL": "https://hilfe.example.org", "MAIL_SERVER": "mail.example.org"}
        values = {"ENVIRONMENT": environment, **demanded, **places, **named}
        started.append(create_app(values, RATELIMIT_ENABLED=False))
        return started[-1]

    yield start
    for one in started:
        with one.app_context():
            db.engine.dispose()


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
