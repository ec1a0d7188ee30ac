"""The first page of the operator's room: the figures of the day, each a link to the list behind it."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import current_app, render_template
from flask_login import current_user

from marketplace import clock
from marketplace.db import db
from marketplace.permissions import may_see_money
from marketplace.queries import operator
from marketplace.queries.money import stuck
from marketplace.web.access import operator_only
from marketplace.web.operator.room import bp


@bp.get("")
@operator_only("agent")
def today() -> str:
    """The figures of the day."""
    since, until = day_span()
    sees_money = may_see_money(current_user)
    return render_template(
        "operator/today.html",
        figures=operator.figures(db.session, since=since, until=until),
        may_see_money=sees_money,
        stuck=len(stuck(db.session)) if sees_money else 0,
        now=clock.now(),
    )


def day_span() -> tuple[datetime, datetime]:
    """Today from midnight to midnight on the operator's wall clock, in UTC."""
    zone = ZoneInfo(current_app.config["TIME_ZONE"])
    date = clock.now().astimezone(zone).date()
    midnights = [datetime.combine(on, time(), zone).astimezone(UTC) for on in (date, date + timedelta(days=1))]
    return midnights[0], midnights[1]
