"""A booking in words: how far it is, whose turn it is, what has happened, and its money as a story."""

from flask_babel.speaklater import LazyString

from marketplace.domain.cancellation import CancellationEffect, Side
from marketplace.domain.errors import N_
from marketplace.domain.lifecycles import BOOKING, PAYMENT
from marketplace.models import Booking, Payment, User, VisitStep
from marketplace.web.filters import moment
from marketplace.web.languages import gettext as _
from marketplace.web.languages import lazy_gettext as _l

# Where the status line stands, of five: posted, booked, under way, done, paid. Six: all of it is behind us.
STEP = {
    BOOKING.reserved: 2,
    BOOKING.lapsed: 2,
    BOOKING.confirmed: 2,
    BOOKING.on_the_way: 3,
    BOOKING.started: 3,
    BOOKING.finished: 4,
    BOOKING.unsolved: 4,
    BOOKING.no_show: 3,
    BOOKING.not_solvable: 4,
    BOOKING.signed_off: 6,
    BOOKING.closed: 6,
    BOOKING.cancelled: 2,
}
STOPPED = (BOOKING.lapsed, BOOKING.cancelled, BOOKING.no_show, BOOKING.not_solvable)

# Whose turn it is, as each side reads it.
TURN = {
    ("customer", BOOKING.reserved): N_("Your turn: pay, then the visit is yours."),
    ("customer", BOOKING.confirmed): N_("Next: %(name)s comes at the agreed time. You need not do anything."),
    ("customer", "payment asked"): N_("Your turn: the payment needs you, then the visit stays yours."),
    ("customer", BOOKING.on_the_way): N_("Next: %(name)s is on the way to you."),
    ("customer", BOOKING.started): N_("Next: %(name)s is at work and tells you when it is finished."),
    ("customer", "extra asked"): N_("Your turn: %(name)s proposes additional work."),
    ("customer", BOOKING.finished): N_("Your turn: does it work? Then sign off."),
    ("customer", BOOKING.unsolved): N_("Next: we look at it and decide about the money. You will hear from us."),
    ("helper", BOOKING.confirmed): N_("Your turn: tell %(name)s when you set out."),
    ("helper", BOOKING.on_the_way): N_("Your turn: say when you begin."),
    ("helper", BOOKING.started): N_("Your turn: say when it is finished."),
    ("helper", BOOKING.finished): N_("Next: %(name)s signs off. Silence signs off too."),
    ("helper", BOOKING.unsolved): N_("Next: we look at it and decide about the money. You will hear from us."),
}
REPORTED = N_("Your turn: you were reported as not there. If you were, object until %(until)s.")
WAITING = N_("Next: %(name)s may object until %(until)s. After that the money is shared.")

HAPPENED = {
    BOOKING.reserved: _l("Accepted"),
    BOOKING.lapsed: _l("Not paid in time"),
    BOOKING.confirmed: _l("Confirmed"),
    BOOKING.on_the_way: _l("On the way"),
    BOOKING.started: _l("Begun"),
    BOOKING.finished: _l("Finished"),
    BOOKING.unsolved: _l("Reported as not solved"),
    BOOKING.signed_off: _l("Signed off"),
    BOOKING.closed: _l("Closed"),
    BOOKING.cancelled: _l("Cancelled"),
    BOOKING.no_show: _l("Reported: nobody was there"),
    BOOKING.not_solvable: _l("No neighbour can solve it"),
}
FORGOTTEN = _l("Nobody said how it ended")
# A booking's money as a story, by the kinds of `queries.ledger.STORY`; what is between us and the gateway is not theirs.
MONEY = {
    "held": (N_("You have paid"), N_("Paid and held")),
    "held_from_credit": (N_("Paid from your credit"), N_("Paid from the credit, and held")),
    "cash_paid": (N_("Paid in cash"), N_("Paid in cash")),
    "refunded": (N_("Back to you"), N_("Back to %(name)s")),
    "credited": (N_("Back to your credit"), N_("Back to %(name)s")),
    "helper": (N_("For %(name)s"), N_("For you")),
    "fee": (N_("Fee of the platform"), N_("Fee of the platform")),
    "helper_gives_back": (N_("Taken back from %(name)s"), N_("Taken back from you")),
    "fee_given_back": (N_("Given back by the platform"), N_("Given back by the platform")),
}


def happened(step: VisitStep) -> LazyString:
    """What a step of the visit was; what nobody has reported, the worker has referred to us."""
    return FORGOTTEN if step.state == BOOKING.unsolved and step.by_id is None else HAPPENED[step.state]


def money_words(kind: str, side: Side, other: User) -> str:
    """What a line of a booking's money says to this side."""
    return _(MONEY[kind][0 if side == "customer" else 1], name=other.short_name)


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
