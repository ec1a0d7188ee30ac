"""Usual hours: the parts of a week that a helper ticks, and the spans of minutes that they stand for."""

from collections.abc import Collection, Iterable

from marketplace.domain.posting import PARTS as PARTS_OF_A_VISIT

WEEKDAYS = range(7)  # Monday is 0
PARTS = {**PARTS_OF_A_VISIT, "late": (21, 23)}  # hours on the wall clock

Span = tuple[int, int, int]  # weekday, from and to in minutes after midnight


def code(weekday: int, part: str) -> str:
    """The name of one part of the week in a form: `0-morning`."""
    return f"{weekday}-{part}"


CODES = tuple(code(weekday, part) for weekday in WEEKDAYS for part in PARTS)


def spans_of(codes: Collection[str]) -> list[Span]:
    """The spans that these ticks stand for; a tick that does not exist stands for nothing."""
    return [
        (weekday, begin * 60, end * 60)
        for weekday in WEEKDAYS
        for part, (begin, end) in PARTS.items()
        if code(weekday, part) in codes
    ]


def codes_of(spans: Iterable[Span]) -> set[str]:
    """The parts of the week that lie wholly inside one of these spans."""
    held = list(spans)
    return {
        code(weekday, part)
        for weekday in WEEKDAYS
        for part, (begin, end) in PARTS.items()
        if any(day == weekday and start <= begin * 60 and end * 60 <= stop for day, start, stop in held)
    }
