"""A booking in words: how far it is, whose turn it is, what has happened, and its money as a story."""

from marketplace.domain.cancellation import CancellationEffect, Side
from marketplace.domain.errors import N_
from marketplace.domain.lifecycles import BOOKING, PAYMENT
from marketplace.models import Booking, Payment, User
from marketplace.web.filters import moment
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l

# Where the status line stands, of five: posted, booked, under way, done, paid. Six: all of it is behind us.
STEP = {
    "reserved": 2,
    "lapsed": 2,
    "confirmed": 2,
    "on_the_way": 3,
    "started": 3,
    "finished": 4,
    "unsolved": 4,
    "no_show": 3,
    "not_solvable": 4,
    "signed_off": 6,
    "closed": 6,
    "cancelled": 2,
}
STOPPED = ("lapsed", "cancelled", "no_show", "not_solvable")

# Whose turn it is, as each side reads it.
TURN = {
    ("customer", "reserved"): N_("Your turn: pay, then the visit is yours."),
    ("customer", "confirmed"): N_("Next: %(name)s comes at the agreed time. You need not do anything."),
    ("customer", "payment asked"): N_("Your turn: the payment needs you, then the visit stays yours."),
    ("customer", "on_the_way"): N_("Next: %(name)s is on the way to you."),
    ("customer", "started"): N_("Next: %(name)s is at work and tells you when it is finished."),
    ("customer", "extra asked"): N_("Your turn: %(name)s proposes additional work."),
    ("customer", "finished"): N_("Your turn: does it work? Then sign off."),
    ("customer", "unsolved"): N_("Next: we look at it and decide about the money. You will hear from us."),
    ("helper", "confirmed"): N_("Your turn: tell %(name)s when you set out."),
    ("helper", "on_the_way"): N_("Your turn: say when you begin."),
    ("helper", "started"): N_("Your turn: say when it is finished."),
    ("helper", "finished"): N_("Next: %(name)s signs off. Silence signs off too."),
    ("helper", "unsolved"): N_("Next: we look at it and decide about the money. You will hear from us."),
}
REPORTED = N_("Your turn: you were reported as not there. If you were, object until %(until)s.")
WAITING = N_("Next: %(name)s may object until %(until)s. After that the money is shared.")

HAPPENED = {
    "reserved": _l("Accepted"),
    "lapsed": _l("Not paid in time"),
    "confirmed": _l("Confirmed"),
    "on_the_way": _l("On the way"),
    "started": _l("Begun"),
    "finished": _l("Finished"),
    "unsolved": _l("Reported as not solved"),
    "signed_off": _l("Signed off"),
    "closed": _l("Closed"),
    "cancelled": _l("Cancelled"),
    "no_show": _l("Reported: nobody was there"),
    "not_solvable": _l("No neighbour can solve it"),
}
# A booking's money as a story, by the kinds of `queries.ledger.STORY`; what is between us and the gateway is not theirs.
MONEY = {
    "held": _l("Paid and held"),
    "held_from_credit": _l("Paid from the credit, and held"),
    "cash_paid": _l("Paid in cash"),
    "refunded": _l("Back to the customer"),
    "credited": _l("Back to the customer's credit"),
    "helper": _l("For the helper"),
    "fee": _l("Fee of the platform"),
    "helper_gives_back": _l("Taken back from the helper"),
    "fee_given_back": _l("Given back by the platform"),
}


def turn(booking: Booking, side: Side, other: User, visit: Payment, extra: Payment | None) -> str | None:
    """Whose turn it is, in a sentence; None when nothing is to come. `extra` is more work that waits for an answer."""
    if booking.objection_until and booking.state == BOOKING.no_show:
        sentence = REPORTED if booking.absent == side else WAITING
        return _(sentence, name=other.short_name, until=moment(booking.objection_until))
    what = booking.state
    if extra is not None and (side, "extra asked") in TURN:
        what = "extra asked"
    elif visit.state == PAYMENT.action_needed and (side, "payment asked") in TURN:
        what = "payment asked"
    sentence = TURN.get((side, what), "")
    return _(sentence, name=other.short_name) if sentence else None


def consequence_of_cancelling(side: Side, effect: CancellationEffect, visit: Payment) -> str:
    """What cancelling means, in a sentence."""
    if side == "helper":
        return _("The customer gets everything back and can look for somebody else. Your bid is taken back.")
    if visit.state != PAYMENT.held:
        return _("Nothing was charged yet, so cancelling costs nothing. Your task is closed.")
    if effect.helper_cents + effect.fee_cents:
        return _("The visit is soon, and the helper has kept the time free. So a part of the price goes to the helper.")
    return _("There is enough time left, so you get everything back. Your task is closed.")


def consequence_of_absence(absent: Side, effect: CancellationEffect, visit: Payment, name: str) -> str:
    """What reporting somebody as not there means, in a sentence."""
    if visit.state != PAYMENT.held:
        return _(
            "The visit ends. Nothing was paid through us, so nothing is given back. %(name)s may object.", name=name
        )
    if absent == "helper":
        return _("You get everything back and can look for somebody else, unless %(name)s objects.", name=name)
    return _("You get a part of the price for your way, unless %(name)s objects.", name=name)
