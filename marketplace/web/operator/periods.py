"""A time from one day to another, as it stands in an address: both days on the operator's wall clock, both included."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, request

from marketplace import clock
from marketplace.web.languages import gettext as _

Span = tuple[datetime, datetime]
FIRST_DAY, LAST_YEAR = date(2020, 1, 1), 2999  # there was nothing before


@dataclass(frozen=True)
class Period:
    """What was asked for: the two days as they were typed, the span in UTC (none: everything), and what is wrong."""

    typed_from: str
    typed_to: str
    span: Span | None
    error: Any = None

    @property
    def query(self) -> dict[str, str]:
        """The period as it stands in an address."""
        return {"from": self.typed_from, "to": self.typed_to} if self.span else {}


def period_asked(default: str | None = None) -> Period:
    """The period in this request's address; without one the preset `default`, or everything. What is no day is said."""
    typed = [request.args.get(name, "").strip()[:10] for name in ("from", "to")]
    if not any(typed):
        return of_preset(default) if default else Period("", "", None)
    days = [_day(text) for text in typed]
    kept = [day.isoformat() if day else "" for day in days]  # an input of days shows nothing else
    wrong = [text for text, day in zip(typed, days, strict=True) if text and not day]
    if wrong:
        error = _("“%(typed)s” is no day. Please choose one, for example 2026-11-01.", typed=wrong[0])
        return Period(kept[0], kept[1], None, error)
    first, last = days[0] or FIRST_DAY, days[1] or _today()
    if last < first:
        return Period(kept[0], kept[1], None, _("The last day comes before the first."))
    return Period(first.isoformat(), last.isoformat(), span_of(first, last))


def of_preset(name: str) -> Period:
    """One of the usual periods: `month`, `last_month`, `year`, `last_year`."""
    first, last = _days(name)
    return Period(first.isoformat(), last.isoformat(), span_of(first, last))


def presets() -> list[tuple[Any, Period]]:
    """The usual periods in words."""
    named = {
        "month": _("This month"),
        "last_month": _("Last month"),
        "year": _("This year"),
        "last_year": _("Last year"),
    }
    return [(words, of_preset(name)) for name, words in named.items()]


def span_of(first: date, last: date) -> Span:
    """From midnight before the first day to midnight after the last, in UTC."""
    zone = ZoneInfo(current_app.config["TIME_ZONE"])
    days = (first, last + timedelta(days=1))
    since, until = (datetime.combine(day, time(), zone).astimezone(UTC) for day in days)
    return since, until


def _day(text: str) -> date | None:
    """The day that was typed, in a year that a calendar has."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY.year <= day.year <= LAST_YEAR else None


def _days(name: str) -> tuple[date, date]:
    today = _today()
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    before_month, before_year = month - timedelta(days=1), year - timedelta(days=1)
    return {
        "month": (month, today),
        "last_month": (before_month.replace(day=1), before_month),
        "year": (year, today),
        "last_year": (before_year.replace(month=1, day=1), before_year),
    }[name]


def _today() -> date:
    return clock.now().astimezone(ZoneInfo(current_app.config["TIME_ZONE"])).date()
