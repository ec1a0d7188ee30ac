"""How each state of each noun is shown to people: its words, its tone and its sign (never a colour alone)."""

from typing import NamedTuple

from flask_babel.speaklater import LazyString

from marketplace.web.languages import lazy_gettext as _l


class Shown(NamedTuple):
    """A state as people see it."""

    text: LazyString
    tone: str  # quiet, info, good, warn, bad or brand
    icon: str


SHOWN = {
    "task": {
        "draft": Shown(_l("Draft"), "quiet", "pencil"),
        "open": Shown(_l("Open"), "brand", "circle-dot"),
        "booked": Shown(_l("Booked"), "info", "calendar-check"),
        "done": Shown(_l("Done"), "good", "circle-check"),
        "closed": Shown(_l("Closed"), "quiet", "check"),
        "expired": Shown(_l("Expired"), "quiet", "hourglass"),
        "cancelled": Shown(_l("Cancelled"), "quiet", "circle-x"),
        "removed": Shown(_l("Removed"), "bad", "ban"),
    },
    "bid": {
        "placed": Shown(_l("Waiting for an answer"), "brand", "clock"),
        "countered": Shown(_l("Another proposal was made"), "warn", "undo-2"),
        "accepted": Shown(_l("Accepted"), "good", "circle-check"),
        "declined": Shown(_l("Declined"), "quiet", "circle-x"),
        "withdrawn": Shown(_l("Taken back"), "quiet", "undo-2"),
        "expired": Shown(_l("Expired"), "quiet", "hourglass"),
    },
    "booking": {
        "reserved": Shown(_l("Payment under way"), "warn", "hourglass"),
        "lapsed": Shown(_l("Not paid in time"), "quiet", "hourglass"),
        "confirmed": Shown(_l("Confirmed"), "info", "calendar-check"),
        "on_the_way": Shown(_l("On the way"), "brand", "car"),
        "started": Shown(_l("Under way"), "brand", "wrench"),
        "finished": Shown(_l("Finished, please sign off"), "warn", "circle-dot"),
        "signed_off": Shown(_l("Signed off"), "good", "circle-check"),
        "closed": Shown(_l("Closed"), "quiet", "check"),
        "cancelled": Shown(_l("Cancelled"), "quiet", "circle-x"),
        "unsolved": Shown(_l("Not solved"), "bad", "triangle-alert"),
    },
    "payment": {
        "prepared": Shown(_l("Not paid yet"), "quiet", "circle-dashed"),
        "held": Shown(_l("Paid and held safely"), "info", "lock"),
        "released": Shown(_l("Paid to the helper"), "good", "banknote"),
        "refunded": Shown(_l("Paid back"), "quiet", "undo-2"),
        "partly_refunded": Shown(_l("Partly paid back"), "quiet", "undo-2"),
        "failed": Shown(_l("Payment failed"), "bad", "circle-x"),
    },
    "certification": {
        "applied": Shown(_l("Applied"), "warn", "hourglass"),
        "granted": Shown(_l("Certified"), "good", "badge-check"),
        "declined": Shown(_l("Declined"), "quiet", "circle-x"),
        "withdrawn": Shown(_l("Taken back"), "quiet", "undo-2"),
        "suspended": Shown(_l("Suspended"), "bad", "ban"),
    },
}


def shown_state(noun: str, state: str) -> Shown:
    """The words, tone and sign of one state."""
    return SHOWN[noun][state]
