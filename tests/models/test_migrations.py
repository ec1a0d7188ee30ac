"""The migrations make exactly the tables of the models, and can be taken back and made again under a filled database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, inspect, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from marketplace import create_app
from marketplace.actions import payments, refunds
from marketplace.db import Base, db, transaction
from marketplace.domain.gateway import RefundFact
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.policy import Policy
from marketplace.jobs.reconciliation import reconcile
from marketplace.models import Refund, Role
from marketplace.models.accounts import ROLES
from marketplace.queries.ledger import ledger_faults
from tests.factories import (
    install_skills,
    make_booking,
    make_done_booking,
    make_operator,
    make_review,
    make_user,
)
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
    seen, indexes, triggers = inspect(engine), _indexes(engine), _triggers(engine)
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
            "triggers": triggers.get(table, []),
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


TRIGGERS = {
    "sqlite": "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
}


def _triggers(engine: Engine) -> dict[str, list[str]]:
    """The definitions of all triggers."""
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table, definition in connection.execute(text(TRIGGERS[engine.dialect.name])):
            found.setdefault(table, []).append(definition)
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
    operator = make_operator(session)
    for state in BOOKING.states:
        make_booking(session, state=state)
    make_review(session, make_done_booking(session))
    with transaction() as rows:
        refund = rows.scalars(select(Refund).order_by(Refund.id)).first()
        assert refund is not None
        refunds.record(rows, refund.id, RefundFact("re-1", "done", refund.cents, "CHF"), tried=1)
    with transaction() as rows:
        values = {"cents": 9_000, "reason": "Kulanz.", "policy": Policy()}
        payments.give_credit(rows, make_user(rows), by=operator, **values)


MONEY = """
    SELECT postings.kind, postings.key, postings.booking_id, entries.from_account, entries.to_account, entries.cents
    FROM postings JOIN entries ON entries.posting_id = postings.id ORDER BY 1, 2, 3, 4, 5, 6
"""


def rows_of(statement: str) -> list[tuple[Any, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


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
        "ALTER TABLE payouts DROP COLUMN waits_for",
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

    alembic.downgrade("0001")
    assert {kind for kind, *_ in rows_of(MONEY)} == {"payment_held", "payment_released", "payment_refunded"}
    assert rows_of("SELECT id FROM bookings WHERE state IN ('no_show', 'not_solvable')") == []
    assert {channel for (channel,) in rows_of("SELECT DISTINCT channel FROM outbox")} == {"mail", "refund"}
    old = rows_of(MONEY), rows_of("SELECT id, state, refunded_cents FROM payments ORDER BY id")

    alembic.upgrade()
    assert described(db.engine) == first
    assert ledger_faults(db.session) == []
    db.session.close()
    reconcile(empty_app.extensions["gateways"].payments)
    assert rows_of("SELECT movements > 3, matched = movements, gateway_cents = ledger_cents FROM reconciliations") == [
        (True, True, True)
    ]
    assert rows_of(
        "SELECT count(*) FROM payments JOIN settlements ON payment_id = payments.id WHERE state = 'held'"
    ) == [(0,)]
    assert rows_of("SELECT id FROM bookings WHERE promised_at <> starts_at") == []
    assert rows_of("SELECT id FROM bookings WHERE state = 'confirmed' AND confirmed_at IS NULL") == []
    guarded = pytest.raises(DatabaseError, match="the ledger is only ever added to")
    with guarded, db.engine.begin() as connection:
        connection.execute(text("UPDATE entries SET cents = 1"))

    alembic.downgrade("0001")
    assert (rows_of(MONEY), rows_of("SELECT id, state, refunded_cents FROM payments ORDER BY id")) == old

    alembic.downgrade("base")
    assert described(db.engine) == {}

    alembic.upgrade()
    assert described(db.engine) == first
    with Session(db.engine) as session:
        assert session.scalar(select(func.count()).select_from(Role)) == 0
    fill()
