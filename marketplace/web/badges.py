"""A helper's way to the badge: each condition, how far it is, and what is missing."""

from flask import Blueprint, render_template
from flask_login import current_user

from marketplace import clock
from marketplace.db import db
from marketplace.domain.badges import steps_to_friend
from marketplace.domain.ratings import WeightedStars, rate
from marketplace.queries.badges import record_of, standing
from marketplace.web.access import helper_only
from marketplace.web.current import policy

bp = Blueprint("badges", __name__)


@bp.get("/my-badge")
@helper_only
def way() -> str:
    """The conditions of the badge with my figures, counted at this moment."""
    record, rating = record_of(db.session, current_user.id, at=clock.now(), policy=policy())
    return render_template(
        "badges/way.html",
        steps=steps_to_friend(record, policy()),
        rating=rating,
        at_best=rate([WeightedStars(5, 1)] * policy().friend_bookings).cautious_hundredths,
        standing=standing(db.session, current_user.id),
        policy=policy(),
    )
