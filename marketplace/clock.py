"""The only reader of the time; tests and the demo can move it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

_offset = timedelta()
_followed: Path | None = None
_followed_state: tuple[float, timedelta] = (0.0, timedelta())


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC) + _offset + _followed_offset()


@contextmanager
def moved_to(moment: datetime) -> Iterator[None]:
    """Let the clock stand at `moment` (and tick on from there) inside the block."""
    global _offset
    before = _offset
    _offset = moment - datetime.now(UTC) - _followed_offset()
    try:
        yield
    finally:
        _offset = before


def move_to(moment: datetime) -> None:
    """Set the clock of this process to `moment`, from where it ticks on."""
    global _offset
    _offset = moment - datetime.now(UTC) - _followed_offset()


def follow(path: Path) -> None:
    """Add the offset in seconds that stands in the file `path` from now on: how the demo moves web and worker at once."""
    global _followed
    _followed = path


def forward(path: Path, by: timedelta) -> timedelta:
    """Move every process that follows `path` further ahead; gives the whole offset."""
    offset = timedelta(seconds=float(path.read_text() or 0) if path.exists() else 0) + by
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(offset.total_seconds()))
    return offset


def _followed_offset() -> timedelta:
    """The offset that the followed file says, read again only when the file has changed."""
    global _followed_state
    if _followed is None:
        return timedelta()
    try:
        changed = _followed.stat().st_mtime_ns / 1e9
    except FileNotFoundError:
        return timedelta()
    if changed != _followed_state[0]:
        _followed_state = (changed, timedelta(seconds=float(_followed.read_text() or 0)))
    return _followed_state[1]
