"""The database: the base of all tables, how each engine is set up, and `transaction()`, the only edge where writing commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Insert,
    MetaData,
    String,
    Table,
    TextClause,
    Update,
    bindparam,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeDecorator

from marketplace.domain.errors import NotFound, WrongState
from marketplace.domain.lifecycles import Lifecycle
from marketplace.ids import public_id

db = SQLAlchemy()

Row = TypeVar("Row", bound="Base")


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, aware in Python on every engine (SQLite keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments and store the rest as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every table; constraints get readable names, so that a broken one can be told apart."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Moment()}

    id: Mapped[int] = mapped_column(primary_key=True)


class Public:
    """A row that people meet under a public id, in addresses and letters."""

    public_id: Mapped[str] = mapped_column(String(16), unique=True, default=public_id)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A named constraint: the column holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def state_of(lifecycle: Lifecycle) -> CheckConstraint:
    """A named constraint: `state` is a state of this lifecycle."""
    return one_of("state", lifecycle.states)


def in_states(*states: str) -> TextClause:
    """The condition of a partial index: `state` is one of these."""
    listed = ", ".join(f"'{state}'" for state in states)
    return text(f"state = {listed}" if len(states) == 1 else f"state IN ({listed})")


@contextmanager
def transaction() -> Iterator[Session]:
    """A writing transaction around the block: commits at its end, rolls back when anything is raised.

    It first ends the read transaction that loading the signed-in person began; every loaded row expires with it and is read
    again inside. On SQLite it begins IMMEDIATE: a reading transaction cannot become a writing one while others write.
    """
    session = db.session
    session.rollback()
    session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def move(session: Session, model: type[Row], row_id: int, lifecycle: Lifecycle, action: str, **values: Any) -> str:
    """Make a move of `lifecycle` by a guarded UPDATE and give the state after it; raises WrongState when it does not apply.

    The row count is checked: of two who try at once, one finds no row.
    """
    written = {f"new_{name}": value for name, value in values.items()}
    for after in dict.fromkeys(lifecycle.moves[action].values()):
        befores = tuple(before for before, to in lifecycle.moves[action].items() if to == after)
        guarded = _guarded_update(model, befores, after, tuple(values))
        moved = session.execute(guarded, {"row_id": row_id, **written})
        if moved.rowcount == 1:  # type: ignore[attr-defined]
            row = session.identity_map.get(session.identity_key(model, row_id))
            if row is not None:
                for name, value in {"state": after, **values}.items():
                    set_committed_value(row, name, value)
            return after
    raise WrongState()


@cache
def _guarded_update(model: type[Base], befores: tuple[str, ...], after: str, names: tuple[str, ...]) -> Update:
    """The statement of one move, built once: these columns are written while the state is one of `befores`."""
    return (
        update(model)
        .where(model.id == bindparam("row_id"), model.state.in_(befores))  # type: ignore[attr-defined]
        .values(state=after, **{name: bindparam(f"new_{name}") for name in names})
        .execution_options(synchronize_session=False)
    )


def insert_into(model: type[Base]) -> Insert:
    """The statement that writes a row which nobody holds afterwards: a third of the work of an object that is added."""
    return insert(cast(Table, model.__table__))


def by_public_id(session: Session, model: type[Row], public: str, *options: Any) -> Row:
    """The row with this public id; raises NotFound."""
    row = session.scalar(select(model).where(model.public_id == public).options(*options))  # type: ignore[attr-defined]
    if row is None:
        raise NotFound()
    return row


def by_email(session: Session, model: type[Row], email: str) -> Row | None:
    """The row with this mail address, whatever its case."""
    return session.scalar(select(model).where(func.lower(model.email) == email.strip().lower()))  # type: ignore[attr-defined]


def as_migration(kind: str, item: Any, context: Any) -> str | bool:
    """How migrations spell our own types: as the plain ones that they are in the database."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return "sa.DateTime(timezone=True)" if isinstance(item, Moment) else f"sa.{item.impl!r}"
    return False


@event.listens_for(Engine, "connect")
def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """WAL, foreign keys and patience for SQLite; transactions are begun by us, not by the driver."""
    if type(connection).__module__.partition(".")[0] != "sqlite3":
        return
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "busy_timeout = 15000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin_on_sqlite(connection: Connection) -> None:
    """Begin as the transaction asks: deferred for reading, IMMEDIATE for writing."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")
