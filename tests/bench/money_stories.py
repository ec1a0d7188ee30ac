"""Whatever can happen to money, as stories of a town: each operation of `actions` stands in at least one of them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from flask import Flask

from marketplace import clock
from marketplace.db import db
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox.cards import ALWAYS_ASKING_CARD, DECLINED_CARD, SLOW_REFUND_CARD
from tests.bench.money_town import Facts, Step, Town, Visit, end_state


def _visited(visit: Visit) -> list[Step]:
    """Accepted, paid, and the helper has been there."""
    return [visit.accept, visit.pay, visit.set_out, visit.start, visit.finish]


def signed_off(town: Town) -> list[Step]:
    """More work on the spot; paid out once the helper has given bank data; given back in three parts."""
    visit = town.visit()
    return [
        *(visit.accept, visit.pay, visit.set_out, visit.start, visit.ask_extra, visit.pay, visit.finish),
        *(visit.sign_off, partial(town.onboard, town.helper)),
        partial(visit.refund, 2000, from_helper=1500),
        partial(visit.refund, 1000, from_helper=1000, already=2000),
        partial(visit.refund, 2500, from_helper=2450, already=3000),
    ]


def late_cancellation(town: Town) -> list[Step]:
    """Paid with credit and card, cancelled late: half of it goes back, to the card first.

    The helper's part is more than the card brought: it waits until another visit is paid.
    """
    visit, other = town.visit(days=0.5), town.visit()
    return [
        *(partial(town.onboard, town.helper), partial(town.give_credit, 4000), visit.accept, visit.pay),
        *(partial(town.wait, minutes=10), visit.call_off, other.accept, other.pay),
    ]


def helper_cancels(town: Town) -> list[Step]:
    """The helper's fault: all of it goes back, and the task can be booked anew."""
    visit = town.visit()
    return [visit.accept, visit.pay, partial(visit.call_off, by_helper=True)]


def not_solvable(town: Town) -> list[Step]:
    """The call-out fee is kept, the rest and the additional work go back."""
    visit = town.visit()
    steps = [visit.accept, visit.pay, visit.start, visit.ask_extra, visit.pay, visit.give_up]
    return [partial(town.onboard, town.helper), *steps]


def no_show(town: Town) -> list[Step]:
    """Nobody opened the door, and nobody objects."""
    visit = town.visit(days=2)
    reported = [partial(visit.until, hours=1), visit.report_no_show, partial(town.wait, hours=25)]
    return [partial(town.onboard, town.helper), visit.accept, visit.pay, visit.set_out, *reported]


def objected(town: Town) -> list[Step]:
    """The customer objects, and the moderator shares the money between both."""
    visit = town.visit(days=2)
    reported = [partial(visit.until, hours=1), visit.report_no_show, visit.object_to_it]
    return [visit.accept, visit.pay, visit.set_out, *reported, partial(visit.settle, 3000, 2000)]


def unsolved(town: Town) -> list[Step]:
    """It does not work, and all of it goes back."""
    visit = town.visit()
    return [*_visited(visit), visit.report_unsolved, partial(visit.settle, 5500, 0)]


def forgotten(town: Town) -> list[Step]:
    """Nobody says how two visits ended: the moderator shares the money of one, and the other customer signs off."""
    one, other = town.visit(days=2), town.visit(days=2, helper=town.other_helper)
    begun = [one.accept, one.pay, one.set_out, one.start, other.accept, other.pay]
    return [*begun, partial(one.until, hours=26), partial(one.settle, 3000, 2000), other.sign_off]


def second_thoughts(town: Town) -> list[Step]:
    """Declined, given up, accepted once more, never paid, and paid in the end by somebody who does not come back."""
    visit = town.visit()
    again = [visit.accept, visit.open_page, partial(town.wait, minutes=40)]
    declined = [visit.accept, partial(visit.pay, DECLINED_CARD), visit.abandon]
    return [*declined, *again, visit.accept, visit.pay_and_vanish, partial(town.wait, minutes=2)]


def paid_too_late(town: Town) -> list[Step]:
    """More work is paid in an old window after the sign-off: it goes back by itself; some is taken back before."""
    visit = town.visit()
    extras = [visit.ask_extra, visit.drop_extra, partial(visit.ask_extra, 1500), visit.open_page]
    return [*_visited(visit), *extras, visit.sign_off, visit.pay_late]


def far_ahead(town: Town) -> list[Step]:
    """The card is kept and charged a month before; nobody says anything after the visit."""
    visit = town.visit(days=100)
    charged = [partial(visit.until, days=-29), partial(visit.until, days=0)]
    silent = [visit.set_out, visit.start, visit.finish, partial(town.wait, hours=73)]
    return [partial(town.onboard, town.helper), visit.accept, visit.pay, *charged, *silent]


def bank_asks(town: Town) -> list[Step]:
    """The later charge needs its customer: one pays on a page, for the other visit nobody does."""
    one, other = town.visit(days=100), town.visit(days=101)
    kept = [one.accept, partial(one.pay, ALWAYS_ASKING_CARD), other.accept, partial(other.pay, ALWAYS_ASKING_CARD)]
    asked = [partial(one.until, days=-25), one.pay, partial(other.until, days=-2)]
    return [*kept, *asked, partial(one.call_off, by_helper=True)]


def charged_back(town: Town) -> list[Step]:
    """Two banks take the money back: one gives it again, the other does not, and no refund is given twice."""
    won, lost = town.visit(), town.visit(helper=town.other_helper)
    disputes = [won.dispute, lost.dispute, partial(won.end_dispute, won=True), partial(lost.end_dispute, won=False)]
    paid_out = [partial(town.onboard, town.helper), partial(town.onboard, town.other_helper)]
    given_back = partial(won.refund, 500)
    return [*_visited(won), won.sign_off, *_visited(lost), lost.sign_off, *paid_out, *disputes, given_back]


def disputed_before(town: Town) -> list[Step]:
    """The bank takes the money of a visit that is to come; its helper cancels, and what cannot be given back is dropped."""
    visit = town.visit()
    called_off = partial(visit.call_off, by_helper=True)
    return [visit.accept, visit.pay, visit.dispute, called_off, partial(visit.end_dispute, won=False)]


def slow_refund(town: Town) -> list[Step]:
    """A refund waits at the bank, comes back, and is asked for once more."""
    visit = town.visit()
    first = [partial(visit.pay, SLOW_REFUND_CARD), visit.call_off, partial(visit.finish_refund, done=False)]
    return [visit.accept, *first, visit.ask_refund_again, partial(visit.finish_refund, done=True)]


def in_cash(town: Town) -> list[Step]:
    """Paid on the spot: the helper owes the fee, which the next payout is lowered by."""
    one, other = town.visit(), town.visit(days=6)
    cash = [partial(one.accept, in_cash=True), one.start, one.finish, one.sign_off]
    return [partial(town.onboard, town.helper), *cash, *_visited(other), other.sign_off]


def all_credit(town: Town) -> list[Step]:
    """Credit pays all of a visit, and a part of another one, which gets it back; a third one brings the money for the helper."""
    one, other, third, fourth = (town.visit(days=days) for days in (5, 6, 7, 8))
    used = [partial(town.give_credit, 9000), one.accept, one.start, one.finish, one.sign_off]
    mixed = [other.accept, other.pay, partial(other.call_off, by_helper=True)]
    return [partial(town.onboard, town.helper), *used, *mixed, third.accept, third.pay, fourth.accept, fourth.pay]


STORIES: dict[str, Callable[[Town], list[Step]]] = {
    story.__name__: story
    for story in (
        *(
            signed_off,
            late_cancellation,
            helper_cancels,
            not_solvable,
            no_show,
            objected,
            unsolved,
            forgotten,
            second_thoughts,
        ),
        *(paid_too_late, far_ahead, bank_asks, charged_back, disputed_before, slow_refund, in_cash, all_credit),
    )
}


@dataclass(frozen=True)
class End:
    """How a story came out: what the rows say, what is wrong with them, and the town in which it was lived."""

    facts: Facts
    faults: list[str]
    town: Town

    def faults_against(self, undisturbed: "End") -> list[str]:
        """What is wrong, also when compared with the same story lived undisturbed."""
        return [*self.faults, *undisturbed.facts.differences(self.facts)]


def lived(
    app: Flask, story: str, *, doors: Gateways | None = None, around: AbstractContextManager[object] | None = None
) -> End:
    """Live a story on a fresh database, going through these doors."""
    usual: Gateways = app.extensions["gateways"]
    with clock.moved_to(clock.now().replace(hour=12, minute=0)):
        town = Town(app, doors or usual)
        steps = STORIES[story](town)
        app.extensions["gateways"] = town.doors  # messages come in by the web
        try:
            with around or nullcontext():
                town.live(steps)
        finally:
            app.extensions["gateways"] = usual
        return End(end_state(db.session), town.faults(), town)
