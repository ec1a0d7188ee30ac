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
        "no_show": Shown(_l("Reported: nobody was there"), "bad", "triangle-alert"),
        "not_solvable": Shown(_l("No neighbour can solve it"), "quiet", "circle-x"),
    },
    "payment": {
        "prepared": Shown(_l("Not paid yet"), "quiet", "circle-dashed"),
        "card_saved": Shown(_l("Card saved, charged nearer to the visit"), "info", "credit-card"),
        "action_needed": Shown(_l("Your bank wants you to confirm"), "warn", "triangle-alert"),
        "cash": Shown(_l("To be paid in cash on the spot"), "info", "banknote"),
        "held": Shown(_l("Paid and held safely"), "info", "lock"),
        "released": Shown(_l("Paid to the helper"), "good", "banknote"),
        "refunded": Shown(_l("Paid back"), "quiet", "undo-2"),
        "partly_refunded": Shown(_l("Partly paid back"), "quiet", "undo-2"),
        "failed": Shown(_l("Payment failed"), "bad", "circle-x"),
    },
    "refund": {
        "asked": Shown(_l("On its way"), "warn", "hourglass"),
        "given": Shown(_l("Given back"), "good", "circle-check"),
        "failed": Shown(_l("Could not reach the customer"), "bad", "triangle-alert"),
        "dropped": Shown(_l("Given back by the customer's bank itself"), "quiet", "circle-x"),
    },
    "payout": {
        "waiting": Shown(_l("Waiting"), "warn", "hourglass"),
        "sending": Shown(_l("On its way"), "info", "circle-dot"),
        "sent": Shown(_l("Sent"), "good", "circle-check"),
        "dropped": Shown(_l("Not paid out"), "quiet", "circle-x"),
    },
    "reversal": {
        "asked": Shown(_l("On its way"), "warn", "hourglass"),
        "taken_back": Shown(_l("Came back"), "good", "undo-2"),
        "failed": Shown(_l("Did not come back"), "bad", "triangle-alert"),
    },
    "dispute": {
        "open": Shown(_l("Open, please answer"), "bad", "triangle-alert"),
        "answered": Shown(_l("Answered, the bank decides"), "warn", "hourglass"),
        "won": Shown(_l("Won"), "good", "circle-check"),
        "lost": Shown(_l("Lost"), "quiet", "circle-x"),
    },
    "certification": {
        "applied": Shown(_l("Applied"), "warn", "hourglass"),
        "granted": Shown(_l("Certified"), "good", "badge-check"),
        "declined": Shown(_l("Declined"), "quiet", "circle-x"),
        "withdrawn": Shown(_l("Taken back"), "quiet", "undo-2"),
        "suspended": Shown(_l("Suspended"), "bad", "ban"),
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


def shown_state(noun: str, state: str) -> Shown:
    """The words, tone and sign of one state."""
    return SHOWN[noun][state]
