"""What an online geocoder answered before: in memory and, when the operator names a file, over restarts too."""

import hashlib
import json
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from marketplace.domain.places import Place
from marketplace.gateways.geocoder.found import Found

log = logging.getLogger(__name__)

IN_MEMORY = 2_000
IN_FILE = 50_000
KEPT_DAYS = 90

# Times are SQLite's own Julian days, so that the demo's moved clock cannot bend the pace at which a service is asked.
TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (question TEXT PRIMARY KEY, answer TEXT NOT NULL, on_day REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS turn (only INTEGER PRIMARY KEY CHECK (only = 1), free_on_day REAL NOT NULL)",
    "INSERT OR IGNORE INTO turn VALUES (1, 0)",
)
READ = "SELECT answer FROM answers WHERE question = ? AND on_day > julianday('now') - ?"
WRITE = "INSERT OR REPLACE INTO answers VALUES (?, ?, julianday('now'))"
SURPLUS = "SELECT question FROM answers ORDER BY on_day DESC LIMIT -1 OFFSET ?"
MAKE_ROOM = f"DELETE FROM answers WHERE question IN ({SURPLUS})"  # noqa: S608 - both halves stand here
SECONDS_TO_WAIT = "SELECT max(0, free_on_day - julianday('now')) * 86400 FROM turn"
TAKE_TURN = "UPDATE turn SET free_on_day = julianday('now') + ? / 86400"


class Answers:
    """Answers by question; a question is kept as its hash only, for people may type a street into a place field.

    A file that cannot be made is the operator's mistake and raises sqlite3.Error when the geocoder opens; one that
    breaks later is done without.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._recent: OrderedDict[str, Found] = OrderedDict()
        self._lock = threading.Lock()
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._file() as file:
                for statement in TABLES:
                    file.execute(statement)

    def get(self, question: str) -> Found | None:
        """Give the answer to a question asked before, or None."""
        key = hashed(question)
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        found = self._from_file(key) if self.path else None
        if found:
            self._remember(key, found)
        return found

    def put(self, question: str, found: Found) -> None:
        """Keep the answer to a question; the oldest ones make room."""
        key = hashed(question)
        self._remember(key, found)
        if not self.path:
            return
        try:
            with self._file() as file:
                file.execute(WRITE, (key, written(found)))
                file.execute(MAKE_ROOM, (IN_FILE,))
        except sqlite3.Error as error:
            log.warning("the place answers cannot be kept in %s: %s", self.path, error)

    def take_turn(self, seconds: float) -> float:
        """Reserve a turn `seconds` after the last one of all processes sharing the file; gives the seconds to wait."""
        if not self.path:
            return 0.0
        try:
            with self._file() as file:
                file.execute("BEGIN IMMEDIATE")
                # A machine's clock that was set back must not close the door for long.
                wait = min(float(file.execute(SECONDS_TO_WAIT).fetchone()[0]), 10 * seconds)
                file.execute(TAKE_TURN, (wait + seconds,))
                return wait
        except sqlite3.Error as error:
            log.warning("turns cannot be kept in %s: %s", self.path, error)
            return 0.0

    def _from_file(self, key: str) -> Found | None:
        try:
            with self._file() as file:
                row = file.execute(READ, (key, KEPT_DAYS)).fetchone()
        except sqlite3.Error as error:
            log.warning("the place answers cannot be read from %s: %s", self.path, error)
            return None
        return read(row[0]) if row else None

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
    return json.dumps({"one": found.is_one, "places": [asdict(place) for place in places]}, ensure_ascii=False)


def read(text: str) -> Found:
    """Read an answer back."""
    kept = json.loads(text)
    places = tuple(Place(**place) for place in kept["places"])
    return Found(place=places[0]) if kept["one"] else Found(choices=places)
