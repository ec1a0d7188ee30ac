"""How each state of each noun is shown to people: its words, its tone and its sign (never a colour alone)."""

from typing import NamedTuple

from flask import Flask
from flask_babel.speaklater import LazyString

from marketplace.domain.lifecycles import (
    BID,
    BID_LIVE,
    BOOKING,
    CERTIFICATION,
    DISPUTE,
    LIFECYCLES,
    PAYMENT,
    PAYOUT,
    REFUND,
    REVERSAL,
    TASK,
    TASK_TAKEN,
)
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
        BOOKING.no_show: Shown(_l("Reported: nobody was there"), "bad", "triangle-alert"),
        BOOKING.not_solvable: Shown(_l("No neighbour can solve it"), "quiet", "circle-x"),
    },
    PAYMENT.noun: {
        PAYMENT.prepared: Shown(_l("Not paid yet"), "quiet", "circle-dashed"),
        PAYMENT.card_saved: Shown(_l("Card saved, charged nearer to the visit"), "info", "credit-card"),
        PAYMENT.action_needed: Shown(_l("Your bank wants you to confirm"), "warn", "triangle-alert"),
        PAYMENT.cash: Shown(_l("To be paid in cash on the spot"), "info", "banknote"),
        PAYMENT.held: Shown(_l("Paid and held safely"), "info", "lock"),
        PAYMENT.released: Shown(_l("Paid to the helper"), "good", "banknote"),
        PAYMENT.refunded: Shown(_l("Paid back"), "quiet", "undo-2"),
        PAYMENT.partly_refunded: Shown(_l("Partly paid back"), "quiet", "undo-2"),
        PAYMENT.failed: Shown(_l("Payment failed"), "bad", "circle-x"),
    },
    REFUND.noun: {
        REFUND.asked: Shown(_l("On its way"), "warn", "hourglass"),
        REFUND.given: Shown(_l("Given back"), "good", "circle-check"),
        REFUND.failed: Shown(_l("Could not reach the customer"), "bad", "triangle-alert"),
        REFUND.dropped: Shown(_l("Given back by the customer's bank itself"), "quiet", "circle-x"),
    },
    PAYOUT.noun: {
        PAYOUT.waiting: Shown(_l("Waiting"), "warn", "hourglass"),
        PAYOUT.sending: Shown(_l("On its way"), "info", "circle-dot"),
        PAYOUT.sent: Shown(_l("Sent"), "good", "circle-check"),
        PAYOUT.dropped: Shown(_l("Not paid out"), "quiet", "circle-x"),
    },
    REVERSAL.noun: {
        REVERSAL.asked: Shown(_l("On its way"), "warn", "hourglass"),
        REVERSAL.taken_back: Shown(_l("Came back"), "good", "undo-2"),
        REVERSAL.failed: Shown(_l("Did not come back"), "bad", "triangle-alert"),
    },
    DISPUTE.noun: {
        DISPUTE.open: Shown(_l("Open, please answer"), "bad", "triangle-alert"),
        DISPUTE.answered: Shown(_l("Answered, the bank decides"), "warn", "hourglass"),
        DISPUTE.won: Shown(_l("Won"), "good", "circle-check"),
        DISPUTE.lost: Shown(_l("Lost"), "quiet", "circle-x"),
    },
    CERTIFICATION.noun: {
        CERTIFICATION.applied: Shown(_l("Applied"), "warn", "hourglass"),
        CERTIFICATION.granted: Shown(_l("Certified"), "good", "badge-check"),
        CERTIFICATION.declined: Shown(_l("Declined"), "quiet", "circle-x"),
        CERTIFICATION.withdrawn: Shown(_l("Taken back"), "quiet", "undo-2"),
        CERTIFICATION.suspended: Shown(_l("Suspended"), "bad", "ban"),
    },
}

# The bank's word for a decline, as people read it; the words are Stripe's (https://docs.stripe.com/declines/codes).
_CONFIRM = _l("The payment was not confirmed with your bank.")
DECLINES = {
    "insufficient_funds": _l("There is not enough money on the card."),
    "withdrawal_count_limit_exceeded": _l("The card's limit is reached."),
    "card_velocity_exceeded": _l("The card's limit is reached."),
    "expired_card": _l("The card has expired."),
    "incorrect_number": _l("Something on the card was mistyped."),
    "incorrect_cvc": _l("Something on the card was mistyped."),
    "invalid_cvc": _l("Something on the card was mistyped."),
    "invalid_expiry_month": _l("Something on the card was mistyped."),
    "invalid_expiry_year": _l("Something on the card was mistyped."),
    "processing_error": _l("The bank did not answer. It may work in a moment."),
    "try_again_later": _l("The bank did not answer. It may work in a moment."),
    "issuer_not_available": _l("The bank did not answer. It may work in a moment."),
    "authentication_required": _CONFIRM,
    "payment_intent_authentication_failure": _CONFIRM,
    "setup_intent_authentication_failure": _CONFIRM,
    "payment_intent_payment_attempt_failed": _CONFIRM,
}


def decline_words(reason: str | None) -> LazyString | None:
    """Why the bank declined, in a sentence; a word that we do not know means that it simply did."""
    return DECLINES.get(reason, _l("The card was declined.")) if reason else None


def register(app: Flask) -> None:
    """Make the states and how they are shown known to the templates."""
    app.jinja_env.globals.update(NAMES, shown_state=shown_state)


def shown_state(noun: str, state: str) -> Shown:
    """The words, tone and sign of one state."""
    return SHOWN[noun][state]
