"""How sample people do something: each verb in a transaction of its own, and what is refused is left undone."""

from typing import Any

from marketplace.db import transaction
from marketplace.domain.errors import DomainError
from marketplace.models import Booking


def on_booking(booking_id: int, verb: Any) -> bool:
    """Let a verb act on a booking."""
    return tried(lambda session: verb(session, session.get_one(Booking, booking_id)))


def tried(verb: Any) -> bool:
    """Run a verb in its transaction; people try things that are refused now and then."""
    try:
        with transaction() as session:
            verb(session)
    except DomainError:
        return False
    return True
