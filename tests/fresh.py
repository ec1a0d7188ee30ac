"""The database as every test finds it: empty but for the rows of reference."""

import shutil
from pathlib import Path

from marketplace.db import Base, db

KEPT = ("roles", "skills")  # rows of reference, the same in every test


def begin_anew(folder: Path) -> None:
    """Leave the database as every test finds it, and no files."""
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
