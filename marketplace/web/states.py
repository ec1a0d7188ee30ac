"""How each state of each noun is shown to people: its words, its tone and its sign (never a colour alone)."""

from typing import NamedTuple

from flask import Flask
from flask_babel.speaklater import LazyString

from marketplace.domain.lifecycles import BID, BID_LIVE, BOOKING, CERTIFICATION, LIFECYCLES, PAYMENT, TASK, TASK_TAKEN
from marketplace.web.languages import lazy_gettext as _l


class Shown(NamedTuple):
    """A state as people see it."""

    text: LazyString
    tone: str  # quiet, info, good, warn, bad or brand
    icon: str


# What templates say of the lifecycles, so that no page spells a state out.
NAMES = {
    **{lifecycle.noun.upper(): lifecycle for lifecycle in LIFECYCLES},
    "BID_LIVE": BID_LIVE,
    "TASK_TAKEN": TASK_TAKEN,
}

SHOWN = {
    TASK.noun: {
        "draft": Shown(_l("Draft"), "quiet", "pencil"),
        TASK.open: Shown(_l("Open"), "brand", "circle-dot"),
        TASK.booked: Shown(_l("Booked"), "info", "calendar-check"),
        TASK.done: Shown(_l("Done"), "good", "circle-check"),
        TASK.closed: Shown(_l("Closed"), "quiet", "check"),
        TASK.expired: Shown(_l("Expired"), "quiet", "hourglass"),
        TASK.cancelled: Shown(_l("Cancelled"), "quiet", "circle-x"),
        TASK.removed: Shown(_l("Removed"), "bad", "ban"),
    },
    BID.noun: {
        BID.placed: Shown(_l("Waiting for an answer"), "brand", "clock"),
        BID.countered: Shown(_l("Another proposal was made"), "warn", "undo-2"),
        BID.accepted: Shown(_l("Accepted"), "good", "circle-check"),
        BID.declined: Shown(_l("Declined"), "quiet", "circle-x"),
        BID.withdrawn: Shown(_l("Taken back"), "quiet", "undo-2"),
        BID.expired: Shown(_l("Expired"), "quiet", "hourglass"),
    },
    BOOKING.noun: {
        BOOKING.reserved: Shown(_l("Payment under way"), "warn", "hourglass"),
        BOOKING.lapsed: Shown(_l("Not paid in time"), "quiet", "hourglass"),
        BOOKING.confirmed: Shown(_l("Confirmed"), "info", "calendar-check"),
        BOOKING.on_the_way: Shown(_l("On the way"), "brand", "car"),
        BOOKING.started: Shown(_l("Under way"), "brand", "wrench"),
        BOOKING.finished: Shown(_l("Finished, please sign off"), "warn", "circle-dot"),
        BOOKING.signed_off: Shown(_l("Signed off"), "good", "circle-check"),
        BOOKING.closed: Shown(_l("Closed"), "quiet", "check"),
        BOOKING.cancelled: Shown(_l("Cancelled"), "quiet", "circle-x"),
        BOOKING.unsolved: Shown(_l("Not solved"), "bad", "triangle-alert"),
    },
    PAYMENT.noun: {
        PAYMENT.prepared: Shown(_l("Not paid yet"), "quiet", "circle-dashed"),
        PAYMENT.held: Shown(_l("Paid and held safely"), "info", "lock"),
        PAYMENT.released: Shown(_l("Paid to the helper"), "good", "banknote"),
        PAYMENT.refunded: Shown(_l("Paid back"), "quiet", "undo-2"),
        PAYMENT.partly_refunded: Shown(_l("Partly paid back"), "quiet", "undo-2"),
        PAYMENT.failed: Shown(_l("Payment failed"), "bad", "circle-x"),
    },
    CERTIFICATION.noun: {
        CERTIFICATION.applied: Shown(_l("Applied"), "warn", "hourglass"),
        CERTIFICATION.granted: Shown(_l("Certified"), "good", "badge-check"),
        CERTIFICATION.declined: Shown(_l("Declined"), "quiet", "circle-x"),
        CERTIFICATION.withdrawn: Shown(_l("Taken back"), "quiet", "undo-2"),
        CERTIFICATION.suspended: Shown(_l("Suspended"), "bad", "ban"),
    },
}


def register(app: Flask) -> None:
    """Make the states and how they are shown known to the templates."""
    app.jinja_env.globals.update(NAMES, shown_state=shown_state)


def shown_state(noun: str, state: str) -> Shown:
    """The words, tone and sign of one state."""
    return SHOWN[noun][state]
