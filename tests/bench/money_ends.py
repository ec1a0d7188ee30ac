"""Writes down how each story of money ends, to be read by people and compared by the test.

python -m tests.bench.money_ends
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from marketplace import create_app
from marketplace.db import Base, db
from marketplace.models import Role
from marketplace.models.accounts import ROLES
from tests.bench.money_stories import STORIES, End, lived
from tests.factories import install_skills

FILE = Path(__file__).with_suffix(".txt")
HEAD = "How each story of money ends: table, how many rows, and what they say. Written by `python -m tests.bench.money_ends`."


def lines_of(story: str, end: End) -> Iterator[str]:
    """The end of a story, line by line."""
    yield f"\n== {story}"
    for table, rows in end.facts.rows.items():
        for values, count in sorted(rows.items(), key=str):
            yield f"{table}: {count} x {', '.join(str(value) for value in values)}"


def main() -> None:
    """Live every story and write the file anew."""
    lines = [HEAD]
    for story in STORIES:
        with tempfile.TemporaryDirectory() as folder:
            app = create_app({"ENVIRONMENT": "test", "VAR_FOLDER": folder})
            with app.app_context():
                Base.metadata.create_all(db.engine)
                with Session(db.engine) as session:
                    session.add_all(Role(name=name) for name in ROLES)
                    install_skills(session)
                    session.commit()
                lines += lines_of(story, lived(app, story))
                db.session.close()
                db.engine.dispose()
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
