"""The rules of bids: what terms may say, how long a bid stands, and how the best fit among several is found."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from marketplace.domain.errors import N_, Invalid
from marketplace.domain.money import written
from marketplace.domain.policy import Policy

QUARTER = timedelta(minutes=15)
MINUTES = (15, 30, 45, 60, 75, 90, 105, 120, 150, 180, 240, 300, 360, 420, 480)  # the durations that a form proposes
INCLUDED_MAX = 300

Order = Literal["fit", "price", "soonest", "rating"]
ORDERS: tuple[Order, ...] = ("fit", "price", "soonest", "rating")


@dataclass(frozen=True)
class Terms:
    """What one side proposes: the all-in price in cents, how long it takes, what it includes, when, and a few words."""

    price_cents: int
    minutes: int
    included: str
    starts_at: datetime
    message: str = ""


def check_terms(terms: Terms, *, now: datetime, policy: Policy) -> None:
    """Raise Invalid for the first part of the terms that cannot be agreed on."""
    lowest, highest = policy.price_min_cents, policy.price_max_cents
    if not lowest <= terms.price_cents <= highest:
        bounds = {"lowest": written(lowest, policy.currency), "highest": written(highest, policy.currency)}
        raise Invalid("price", N_("Please enter a price from %(lowest)s to %(highest)s."), **bounds)
    if terms.minutes not in range(15, MINUTES[-1] + 1, 15):
        raise Invalid(
            "minutes", N_("Please choose how long it takes, at most %(hours)s hours."), hours=MINUTES[-1] // 60
        )
    if not terms.included.strip():
        raise Invalid("included", N_("Please say what the price includes."))
    if len(terms.included) > INCLUDED_MAX:
        raise Invalid("included", N_("Please use at most %(max)s characters."), max=INCLUDED_MAX)
    if len(terms.message) > policy.text_max:
        raise Invalid("message", N_("Please use at most %(max)s characters."), max=policy.text_max)
    check_start(terms.starts_at, now=now, policy=policy)


def check_start(starts_at: datetime, *, now: datetime, policy: Policy) -> None:
    """Raise Invalid for a time that cannot be proposed: past, too far ahead, or not on a full quarter of an hour."""
    if starts_at <= now:
        raise Invalid("when", N_("Please choose a time that still lies ahead."))
    if starts_at > now + timedelta(days=policy.task_open_days):
        raise Invalid("when", N_("Please choose a time within the next %(days)s days."), days=policy.task_open_days)
    if starts_at != quarter_of(starts_at):
        raise Invalid("when", N_("Please choose a full quarter of an hour, such as 19:15."))


def valid_until(starts_at: datetime, *, now: datetime, days: int) -> datetime:
    """How long terms stand: so many days, but never longer than until the proposed time."""
    return min(now + timedelta(days=days), starts_at)


def quarter_of(at: datetime) -> datetime:
    """The beginning of the quarter-hour in which `at` lies."""
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def quarters(starts_at: datetime, minutes: int) -> list[datetime]:
    """The beginnings of all quarter-hours that a visit of so many minutes touches."""
    first, end = quarter_of(starts_at), starts_at + timedelta(minutes=minutes)
    return [first + QUARTER * n for n in range(-((first - end) // QUARTER))]


def fit(
    *,
    price_cents: int,
    cheapest_cents: int,
    cautious_hundredths: int | None,
    is_friend: bool,
    starts_at: datetime,
    now: datetime,
    policy: Policy,
) -> int:
    """How well a bid fits, in hundredths of the 100 points that `policy.fit_*` share out; the rule stands on its page.

    Full points for the cheapest price, five cautious stars, the Friend badge, and a visit at once (none after
    `policy.fit_soon_days`).
    A helper without reviews counts as three stars, so that newcomers are seen.
    """
    stars = 300 if cautious_hundredths is None else cautious_hundredths
    soon = timedelta(days=policy.fit_soon_days)
    wait = max(timedelta(), min(starts_at - now, soon))
    return (
        100 * policy.fit_price * cheapest_cents // price_cents
        + policy.fit_rating * (stars - 100) // 4
        + 100 * policy.fit_badge * is_friend
        + 100 * policy.fit_soon * ((soon - wait) // QUARTER) // (soon // QUARTER)
    )
