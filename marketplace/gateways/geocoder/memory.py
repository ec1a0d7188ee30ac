"""What an online geocoder answered before: kept in memory and, when the operator names a file, across restarts."""

import hashlib
import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from marketplace.domain.places import Place
from marketplace.gateways.geocoder.found import Found

IN_MEMORY = 2_000
IN_FILE = 50_000
KEPT_DAYS = 90
SQL_NOW = "(julianday('now') - 2440587.5) * 86400"


class Answers:
    """Answers by question; questions are kept as hashes only, for people sometimes type a street into a place field."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._recent: OrderedDict[str, Found] = OrderedDict()
        self._lock = threading.Lock()
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._file() as file:
                file.execute(
                    "CREATE TABLE IF NOT EXISTS answers (question TEXT PRIMARY KEY, answer TEXT, at REAL)"
                )
                file.execute(
                    "CREATE TABLE IF NOT EXISTS turn (only INTEGER PRIMARY KEY CHECK (only = 1), free_at REAL)"
                )
                file.execute("INSERT OR IGNORE INTO turn VALUES (1, 0)")

    def get(self, question: str) -> Found | None:
        """Give the answer to a question asked before, or None."""
        key = hashed(question)
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        if not self.path:
            return None
        with self._file() as file:
            fresh = f"SELECT answer FROM answers WHERE question = ? AND at > {SQL_NOW} - {KEPT_DAYS * 86400}"
            row = file.execute(fresh, (key,)).fetchone()
        if row is None:
            return None
        found = read(row[0])
        self._remember(key, found)
        return found

    def put(self, question: str, found: Found) -> None:
        """Keep the answer to a question; the oldest ones make room."""
        key = hashed(question)
        self._remember(key, found)
        if self.path:
            with self._file() as file:
                file.execute(
                    f"INSERT OR REPLACE INTO answers VALUES (?, ?, {SQL_NOW})", (key, written(found))
                )
                surplus = "SELECT question FROM answers ORDER BY at DESC LIMIT -1 OFFSET ?"
                file.execute(f"DELETE FROM answers WHERE question IN ({surplus})", (IN_FILE,))

    def take_turn(self, seconds: float) -> float:
        """Reserve the next turn `seconds` after the last one of any process that shares the file; gives the seconds to wait."""
        if not self.path:
            return 0.0
        with self._file() as file:
            file.execute("BEGIN IMMEDIATE")
            wait = file.execute(f"SELECT max(0, free_at - {SQL_NOW}) FROM turn").fetchone()[0]
            # A clock set back must not close the door for long.
            wait = min(float(wait), 10 * seconds)
            file.execute(f"UPDATE turn SET free_at = {SQL_NOW} + ? + ?", (wait, seconds))
            return wait

    def _remember(self, key: str, found: Found) -> None:
        with self._lock:
            self._recent[key] = found
            self._recent.move_to_end(key)
            while len(self._recent) > IN_MEMORY:
                self._recent.popitem(last=False)

    @contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(str(self.path), timeout=5)) as connection, connection:
            yield connection


def hashed(question: str) -> str:
    """Reduce a question to its hash."""
    return hashlib.sha256(question.encode()).hexdigest()


def written(found: Found) -> str:
    """Write an answer down."""
    places = [found.place] if found.place else found.choices
    return json.dumps(
        {"one": found.is_one, "places": [asdict(place) for place in places]}, ensure_ascii=False
    )


def read(text: str) -> Found:
    """Read an answer back."""
    kept = json.loads(text)
    places = tuple(Place(**place) for place in kept["places"])
    return Found(place=places[0]) if kept["one"] else Found(choices=places)
