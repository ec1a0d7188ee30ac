"""Posting a task, page by page: the steps, what each one answers, what is still missing, and the times to choose from.

A draft's answers are kept per step, as plain JSON:

    {"skill": {"skill": "wifi"},
     "questions": {"where": "one_room", ...},                      question code: choice code of the skill's guide
     "words": {"title", "description", "device", "tried", "language"},
     "times": {"flexible": false, "slots": [["2026-11-24T16:00:00+00:00", "2026-11-24T20:00:00+00:00"], ...]},
     "place": {"country", "postcode", "name", "region", "lat", "lon",
               "remote": false, "budget_cents": 6000 or null},
     "typed": {"words": {...}}}                                    what was typed on a page and not yet accepted
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

STEPS = ("skill", "questions", "words", "photos", "times", "place")
NEEDED = ("skill", "words", "times", "place")
UNKNOWN = "unknown"  # "I don't know": the last choice of every question

# The parts of a day, in hours on the wall clock.
PARTS = {"morning": (8, 12), "afternoon": (12, 17), "evening": (17, 21)}


@dataclass(frozen=True)
class Span:
    """A part of a day that a customer may choose; `code` names it in the form."""

    part: str
    starts_at: datetime
    ends_at: datetime

    @property
    def code(self) -> str:
        """The span's name in a form: its beginning in UTC."""
        return self.starts_at.isoformat()


@dataclass(frozen=True)
class Day:
    """One day of the grid."""

    on: date
    spans: tuple[Span, ...]


def number_of(step: str) -> int:
    """Which question this is, from 1."""
    return STEPS.index(step) + 1


def step_before(step: str) -> str | None:
    """The step before this one, or none before the first."""
    return STEPS[STEPS.index(step) - 1] if step != STEPS[0] else None


def step_after(step: str) -> str | None:
    """The step after this one; after the last comes the check page (none)."""
    return STEPS[STEPS.index(step) + 1] if step != STEPS[-1] else None


def missing(answers: Mapping[str, Any], *, now: datetime) -> list[str]:
    """The steps without which nothing can be published, in their order; chosen times that have passed count as none."""
    absent = [step for step in NEEDED if not answers.get(step)]
    times = answers.get("times")
    if times and not times["flexible"] and not slots_ahead(answers, now=now):
        absent.append("times")
    return sorted(absent, key=STEPS.index)


def slots_ahead(answers: Mapping[str, Any], *, now: datetime) -> list[tuple[datetime, datetime]]:
    """The chosen times that have not begun yet; none means that the customer is flexible."""
    times = answers.get("times") or {}
    if times.get("flexible"):
        return []
    slots = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in times.get("slots", [])]
    return sorted(slot for slot in slots if slot[0] > now)


def days_offered(now: datetime, *, days: int, zone: str) -> list[Day]:
    """The next `days` days from tomorrow on, each with its parts, on the wall clock of `zone`."""
    wall = ZoneInfo(zone)
    today = now.astimezone(wall).date()
    return [_day(today + timedelta(days=ahead), wall) for ahead in range(1, days + 1)]


def _day(on: date, wall: ZoneInfo) -> Day:
    def at(hour: int) -> datetime:
        return datetime.combine(on, time(hour), wall).astimezone(UTC)

    return Day(on, tuple(Span(part, at(begin), at(end)) for part, (begin, end) in PARTS.items()))


def is_served(country: str, region: str, regions: Collection[str]) -> bool:
    """Whether the operator has switched this region on, or its whole country; no regions means everywhere."""
    return not regions or region in regions or country in regions


def told(
    questions: Sequence[Mapping[str, Any]], answers: Mapping[str, str], language: str, *, with_unknown: bool = False
) -> list[tuple[str, str]]:
    """Each guided question with the answer given to it, in a language; "I don't know" only when asked for."""
    lines = []
    for question in questions:
        code = answers.get(question["code"], UNKNOWN)
        text = next((choice["text"] for choice in question["choices"] if choice["code"] == code), None)
        if text and (with_unknown or code != UNKNOWN):
            lines.append((said(question["ask"], language), said(text, language)))
    return lines


def said(texts: Mapping[str, str], language: str) -> str:
    """A text of a guide in a language, in German where it has none."""
    return texts.get(language) or texts["de"]
