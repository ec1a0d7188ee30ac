"""How templates print money, moments and distances, per language and in Swiss manner."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Flask, current_app
from flask_babel import (
    format_date,
    format_datetime,
    format_decimal,
    format_timedelta,
    get_locale,
    to_user_timezone,
)
from jinja2 import pass_context
from jinja2.runtime import Context

from marketplace import clock
from marketplace.domain.fees import Fee
from marketplace.domain.money import written
from marketplace.web.languages import gettext

# The weekday and the day as they stand in a sentence: only German has the dot, only German and English the comma.
DAY_IN_A_SENTENCE = {"de": "EEEE, d. MMMM", "fr": "EEEE d MMMM", "it": "EEEE d MMMM", "en": "EEEE, d MMMM"}


def register(app: Flask) -> None:
    """Make the filters known to the templates."""
    filters: dict[str, Callable[..., Any]] = {
        "money": money,
        "day": day,
        "moment": moment,
        "short_moment": short_moment,
        "clock": time_of_day,
        "ago": ago,
        "distance": distance,
        "stars": stars,
        "duration": duration,
        "fee_words": fee_words,
        "local": local,
        "iso": iso,
    }
    app.jinja_env.filters.update({name: _each_time(work) for name, work in filters.items()})


def money(cents: int, currency: str | None = None) -> str:
    """`CHF 1’234.50`; whole francs too show their rappen, so that amounts line up."""
    return written(cents, currency or current_app.extensions["policy"].currency)


def day(at: datetime | date) -> str:
    """`Samstag, 21. November 2026`."""
    return str(format_date(local(at) if isinstance(at, datetime) else at, f"{_weekday_and_day()} y"))


def moment(at: datetime) -> str:
    """`Samstag, 21. November, 19:30`: the weekday written out, the year left away."""
    return gettext("%(day)s, %(time)s", day=format_datetime(at, _weekday_and_day()), time=time_of_day(at))


def short_moment(at: datetime) -> str:
    """`21.11.2026, 19:30`."""
    return str(format_datetime(at, "short"))


def time_of_day(at: datetime) -> str:
    """`19:30`."""
    return str(format_datetime(at, "HH:mm"))


def ago(at: datetime) -> str:
    """`vor 3 Stunden`, `in 2 Tagen`."""
    return str(format_timedelta(at - clock.now(), granularity="minute", add_direction=True))


def distance(km: float) -> str:
    """`ca. 3 km`: never finer, a postcode's position is not finer either."""
    return gettext("about %(km)s km", km=max(1, round(km)))


def stars(hundredths: int) -> str:
    """`4.3`, in French `4,3`: hundredths of a star with one decimal, cut and never rounded up."""
    return str(format_decimal(Decimal(hundredths // 10) / 10, "0.0"))


def duration(minutes: int) -> str:
    """`1 h 30 min`."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return gettext("%(minutes)s min", minutes=rest)
    if not rest:
        return gettext("%(hours)s h", hours=hours)
    return gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=rest)


def fee_words(fee: Fee, currency: str) -> str:
    """What is taken off a price and how it comes about: `the platform's fee (10 %, at least CHF 2.00)`."""
    least, most = fee.min_cents, fee.max_cents
    if least and most is not None:
        words = gettext(
            "Less the platform's fee (%(percent)s %%, at least %(least)s, at most %(most)s)",
            percent=fee.percent,
            least=money(least, currency),
            most=money(most, currency),
        )
    elif least:
        words = gettext(
            "Less the platform's fee (%(percent)s %%, at least %(least)s)",
            percent=fee.percent,
            least=money(least, currency),
        )
    elif most is not None:
        words = gettext(
            "Less the platform's fee (%(percent)s %%, at most %(most)s)",
            percent=fee.percent,
            most=money(most, currency),
        )
    else:
        words = gettext("Less the platform's fee (%(percent)s %%)", percent=fee.percent)
    return words


def local(at: datetime) -> datetime:
    """The moment on the wall clock of the operator's zone."""
    return to_user_timezone(at)


def iso(at: datetime) -> str:
    """For the `datetime` attribute of `<time>`."""
    return at.isoformat(timespec="minutes")


def _weekday_and_day() -> str:
    return DAY_IN_A_SENTENCE[get_locale().language]


def _each_time(work: Callable[..., Any]) -> Callable[..., Any]:
    """The filter kept from Jinja, which works `3000|money` out once for all languages when it compiles the template."""

    @pass_context
    def worked_out(_: Context, *args: Any, **options: Any) -> Any:
        return work(*args, **options)

    return worked_out
