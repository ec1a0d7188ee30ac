"""How often somebody may do something: per visitor and hour, in memory or Redis; per account, in the database.

The numbers stand in `domain/policy.py`. With `memory://` each process counts for itself; what guards passwords and
codes is counted in the database as well, so that it holds over all processes.
"""

import hashlib
import math
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask_login import current_user
from limits import RateLimitItemPerHour
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from marketplace import clock
from marketplace.actions import accounts
from marketplace.web.current import policy

View = TypeVar("View", bound=Callable[..., Any])

LIMITS = ("sign_ins", "registrations", "recoveries", "posts", "messages", "bids")


def register(app: Flask) -> None:
    """Open the storage in which visitors are counted."""
    app.config.setdefault("RATELIMIT_ENABLED", True)
    app.extensions["limits"] = MovingWindowRateLimiter(storage_from_string(app.config["RATELIMIT_STORAGE_URI"]))


def limit(what: str) -> Callable[[View], View]:
    """Let one visitor send the forms of this view only so often: `what` is one of LIMITS. Stands below the guard."""
    if what not in LIMITS:
        raise KeyError(f"{what} has no number in policy.py")

    def limited(view: View) -> View:
        @wraps(view)
        def counting(*args: Any, **kwargs: Any) -> Any:
            if request.method == "POST" and current_app.config["RATELIMIT_ENABLED"]:
                _count(what)
            return view(*args, **kwargs)

        counting.limit = what  # type: ignore[attr-defined]
        return counting  # type: ignore[return-value]

    return limited


def count_guess(session: Session, kind: str, account: str) -> str:
    """Count an attempt at a password or code of one account, known or not; gives the key to take it back.

    Raises TooManyRequests.
    """
    return _count_for(session, kind, account, policy().guesses_max, timedelta(minutes=policy().guess_minutes))


def count_mail(session: Session, kind: str, account: str) -> str:
    """Count a mail that anybody may cause to this address, known or not; raises TooManyRequests."""
    return _count_for(session, kind, account, policy().mails_max, timedelta(hours=1))


def _count(what: str) -> None:
    """Count one form of this visitor; raises TooManyRequests."""
    strategy: MovingWindowRateLimiter = current_app.extensions["limits"]
    most = RateLimitItemPerHour(getattr(policy(), f"{what}_per_hour"))
    who = f"user {current_user.id}" if current_user.is_authenticated else str(request.remote_addr)
    if not strategy.hit(most, what, who):
        reset = strategy.get_window_stats(most, what, who).reset_time
        raise TooManyRequests(retry_after=max(1, math.ceil(reset - clock.now().timestamp())))


def _count_for(session: Session, kind: str, account: str, most: int, within: timedelta) -> str:
    key = hashlib.sha256(f"{kind}:{account.strip().lower()}".encode()).hexdigest()
    wait = accounts.take_guess(session, key, most=most, within=within)
    if wait is not None:
        raise TooManyRequests(retry_after=math.ceil(wait.total_seconds()))
    return key
