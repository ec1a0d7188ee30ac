"""The migrations make exactly the tables of the models, and can be taken back and made again under a filled database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, inspect, select, text
from sqlalchemy.orm import Session

from marketplace import create_app
from marketplace.db import Base, db
from marketplace.models import Role
from marketplace.models.accounts import ROLES
from tests.factories import install_skills, make_booking, make_done_booking, make_operator, make_review
from tests.needs import demand_postgres, postgres_database

# On SQLite neither Alembic nor the inspector can see these; `_indexes` reads them.
pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of this test's own on the engine under test."""
    if request.config.getoption("--engine") == "sqlite":
        yield f"sqlite:///{tmp_path / 'migrated.sqlite'}"
        return
    demand_postgres()
    with postgres_database("migrated") as url:
        yield url


@pytest.fixture
def empty_app(empty_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An application whose database has no table yet."""
    app = create_app({"ENVIRONMENT": "test", "VAR_FOLDER": str(tmp_path), "DATABASE_URL": empty_url})
    with app.app_context():
        yield app
        db.session.close()
        db.engine.dispose()


def described(engine: Engine) -> dict[str, Any]:
    """Every table with its columns, keys, constraints and indexes, conditions included."""
    seen, indexes = inspect(engine), _indexes(engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"]) for column in seen.get_columns(table)
            },
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "foreign": _sorted(seen.get_foreign_keys(table)),
            "unique": _sorted(seen.get_unique_constraints(table)),
            "checks": _sorted(seen.get_check_constraints(table)),
            "indexes": indexes.get(table, []),
        }
        for table in seen.get_table_names()
        if not table.startswith("alembic")
    }


INDEXES = {
    "sqlite": "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def _indexes(engine: Engine) -> dict[str, list[str]]:
    """The definitions of all indexes, also of those over an expression, which cannot be inspected."""
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table, definition in connection.execute(text(INDEXES[engine.dialect.name])):
            found.setdefault(table, []).append(" ".join(definition.split()))
    return {table: sorted(definitions) for table, definitions in found.items()}


def _sorted(found: list[Any]) -> list[str]:
    return sorted(repr(sorted((key, str(value)) for key, value in one.items())) for one in found)


def differences(app: Flask) -> list[Any]:
    """What Alembic would write into the next migration."""
    found: list[Any] = app.extensions["alembic"].compare_metadata()
    return found


def fill() -> None:
    """Rows in nearly every table, as the verbs make them."""
    session = db.session
    session.add_all(Role(name=name) for name in ROLES)
    install_skills(session)
    session.commit()
    make_operator(session)
    make_booking(session, state="signed_off")
    make_review(session, make_done_booking(session))


def test_migrations_make_the_tables_of_the_models(empty_app: Flask, shared_app: Flask) -> None:
    empty_app.extensions["alembic"].upgrade()
    assert differences(empty_app) == []
    migrated = described(db.engine)
    with shared_app.app_context():
        modelled = described(db.engine)
    assert migrated.keys() == modelled.keys() == Base.metadata.tables.keys()
    for table in modelled:
        assert migrated[table] == modelled[table], table


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE users ADD COLUMN shoe_size INTEGER",
        "DROP INDEX uq_bids_accepted",
        "DROP TABLE taken_quarters",
        "ALTER TABLE bids RENAME COLUMN minutes TO duration",
    ],
)
def test_a_table_that_is_not_as_the_model_says_is_noticed(empty_app: Flask, change: str) -> None:
    empty_app.extensions["alembic"].upgrade()
    before = described(db.engine)
    with db.engine.begin() as connection:
        connection.execute(text(change))
    assert described(db.engine) != before
    assert differences(empty_app) != []


def test_migrations_can_be_taken_back_and_made_again_under_a_filled_database(empty_app: Flask) -> None:
    alembic = empty_app.extensions["alembic"]
    alembic.upgrade()
    fill()
    first = described(db.engine)
    counts = {
        table.name: db.session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
    }
    assert sum(1 for count in counts.values() if count) > 15
    db.session.close()

    alembic.downgrade("base")
    assert described(db.engine) == {}

    alembic.upgrade()
    assert described(db.engine) == first
    with Session(db.engine) as session:
        assert session.scalar(select(func.count()).select_from(Role)) == 0
    fill()
