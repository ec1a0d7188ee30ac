"""Money at random: people, banks, the worker and the clock do anything at any time; after each step every rappen is accounted for.

What is out of place is refused, and then no row has changed. `make test` lives a sample, `make nightly` (`--full`) the full count.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select

from marketplace import clock
from marketplace.actions import payments
from marketplace.db import db, transaction
from marketplace.domain.errors import DomainError, NotFound
from marketplace.gateways.payments.sandbox.cards import (
    ALWAYS_ASKING_CARD,
    DECLINED_CARD,
    GOOD_CARD,
    POOR_CARD,
    SLOW_REFUND_CARD,
)
from marketplace.models import Booking, Payment, User
from marketplace.queries.ledger import ledger_faults
from tests.bench.money_town import HOPS, Town, Visit, all_rows
from tests.fuzz.money_model import Model

Draw = Callable[..., Any]
SAMPLE, FULL = (15, 20), (500, 50)  # runs, and steps of each
VISITS_MAX = 9
SPANS = (1, 2, 2, 6, 20, 45, 60 * 7, 60 * 26, 60 * 80, 60 * 24 * 12)  # minutes
CARDS = (GOOD_CARD, GOOD_CARD, ALWAYS_ASKING_CARD, SLOW_REFUND_CARD, DECLINED_CARD, POOR_CARD)
cents = st.one_of(st.integers(1, 600), st.integers(-100, 6_000), st.sampled_from([0, 550, 2000, 4950, 5500, 10**9]))
# What is likely to be done next to a visit, by the state of its booking; now and then it is anything else.
LIKELY = {
    "": "accept accept accept accept_in_cash",
    "lapsed": "accept accept",
    "reserved": "pay pay pay pay pay_and_vanish open_page abandon",
    "confirmed": "start start set_out set_out call_off call_off dispute open_page pay report_no_show",
    "on_the_way": "start start report_no_show report_no_show call_off",
    "started": "finish finish give_up report_unsolved ask_extra pay pay open_page drop_extra",
    "finished": "sign_off sign_off sign_off report_unsolved report_unsolved ask_extra pay pay open_page drop_extra",
    "unsolved": "settle settle settle dispute",
    "no_show": "object_to_it",
    "signed_off": "refund refund refund refund dispute end_dispute finish_refunds ask_refund_again_now pay_late onboard",
    "not_solvable": "refund refund dispute pay_late onboard finish_refunds",
    "cancelled": "refund dispute end_dispute finish_refunds ask_refund_again_now pay_late onboard accept",
    "closed": "refund refund dispute end_dispute",
}
ACTS = sorted({act for acts in LIKELY.values() for act in acts.split()} | {"give_credit"})


class Money(RuleBasedStateMachine):
    """A town in which anything may happen next."""

    app: ClassVar[Flask]
    anew: ClassVar[Callable[[], None]]
    counted: ClassVar[Counter[str]]

    @initialize()
    def begin(self) -> None:
        """A fresh database, a clock of its own."""
        type(self).anew()
        self.moved = clock.moved_to(clock.now().replace(hour=12, minute=0))
        self.moved.__enter__()
        self.usual = self.app.extensions["gateways"]
        self.town, self.model, self.visits = Town(self.app), Model(), list[Visit]()
        self.app.extensions["gateways"] = self.town.doors
        self.visits.append(self.town.visit(days=3))
        self.rows = all_rows(db.session)

    def teardown(self) -> None:
        """Come to rest, and put the clock back."""
        if hasattr(self, "usual"):
            try:
                self.rest()
                self.counted.update(self.model.seen)
                self.counted["runs"] += 1
            finally:
                self.app.extensions["gateways"] = self.usual
                self.moved.__exit__(None, None, None)

    # ---- What may happen

    @rule(data=st.data(), chance=st.integers(0, 23))
    def act(self, data: st.DataObject, chance: int) -> None:
        """Somebody does something, mostly what one would do next; time passes, and sometimes nothing is due any more."""
        if chance == 0:
            self.rest()
        elif chance <= 4:
            minutes = data.draw(st.sampled_from(SPANS), label="minutes")
            self._try("wait", partial(self.town.wait, minutes=minutes))
        elif chance <= 6 and len(self.visits) < VISITS_MAX:
            self._post(data.draw)
        else:
            visit = data.draw(st.sampled_from(self.visits[-3:]), label="visit")
            acts = ACTS if chance <= 8 else LIKELY[self._state_of(visit)].split()
            what = data.draw(st.sampled_from(acts), label="act")
            getattr(self, f"_{what}", partial(self._plainly, what))(visit, data.draw)

    def _plainly(self, what: str, visit: Visit, draw: Draw) -> None:
        self._try(what, getattr(visit, what))

    def _accept_in_cash(self, visit: Visit, draw: Draw) -> None:
        self._try("accept in cash", partial(visit.accept, in_cash=True))

    def _pay(self, visit: Visit, draw: Draw) -> None:
        self._try("pay", partial(visit.pay, draw(st.sampled_from(CARDS))))

    def _pay_late(self, visit: Visit, draw: Draw) -> None:
        if hasattr(visit, "reference"):
            self._try("pay_late", visit.pay_late)

    def _call_off(self, visit: Visit, draw: Draw) -> None:
        self._try("call_off", partial(visit.call_off, by_helper=draw(st.booleans())))

    def _report_no_show(self, visit: Visit, draw: Draw) -> None:
        self._try("report_no_show", partial(visit.report_no_show, by_helper=draw(st.booleans())))

    def _ask_extra(self, visit: Visit, draw: Draw) -> None:
        self._try("ask_extra", partial(visit.ask_extra, draw(cents)))

    def _settle(self, visit: Visit, draw: Draw) -> None:
        refund, helper = draw(cents), draw(cents)
        with suppress(NotFound):
            self.model.decided[visit.booking_id] = (refund, helper)
        self._try("settle", partial(visit.settle, refund, helper))

    def _refund(self, visit: Visit, draw: Draw) -> None:
        back, from_helper = draw(cents), draw(cents)
        if self._try("refund", partial(_refund, visit, back, from_helper), followed=False):
            self.model.give_back(visit.payment_id, back, from_helper)
        self._follow()

    def _give_credit(self, visit: Visit, draw: Draw) -> None:
        amount = draw(cents)
        if self._try("give_credit", partial(_give_credit, self.town, amount), followed=False):
            self.model.give(self.town.customer, amount)
        self._follow()

    def _dispute(self, visit: Visit, draw: Draw) -> None:
        with suppress(ValueError):  # nothing of it is left that a bank could take
            self._try("dispute", visit.dispute)

    def _end_dispute(self, visit: Visit, draw: Draw) -> None:
        if hasattr(visit, "dispute_id"):
            self._try("end_dispute", partial(visit.end_dispute, won=draw(st.booleans())))

    def _finish_refunds(self, visit: Visit, draw: Draw) -> None:
        self._try("finish_refunds", partial(self.town.finish_refunds, done=draw(st.booleans())))

    def _onboard(self, visit: Visit, draw: Draw) -> None:
        self._try("onboard", partial(self.town.onboard, visit.helper))

    def _post(self, draw: Draw) -> None:
        """A task with a bid of one of the helpers."""
        days, price = draw(st.sampled_from([0.5, 2, 3, 6, 90])), draw(st.integers(1_000, 9_999))
        helper = self.town.helper if len(self.visits) % 2 else self.town.other_helper
        minutes = draw(st.sampled_from([30, 60, 90]))
        terms = {"helper": helper, "price_cents": price, "minutes": minutes}
        self.visits.append(self.town.visit(days=days + len(self.visits) / 8, **terms))
        self.rows = all_rows(db.session)

    def rest(self) -> None:
        """Nothing is due any more: both books are compared, and the model with both."""
        for hop in HOPS:
            clock.move_to(clock.now() + hop)
            self.town.work()
        self._follow()
        found = self.model.faults_at_rest(db.session, self.town.doors.payments)
        assert found == []
        self.rows = all_rows(db.session)

    # ---- What the rules share

    def _try(self, what: str, act: Callable[[], Any], *, followed: bool = True) -> bool:
        """Do it; what is refused has changed no row."""
        try:
            act()
        except DomainError:
            db.session.rollback()
            rows = all_rows(db.session)
            changed = {name: set(rows[name]) ^ set(self.rows[name]) for name in rows if rows[name] != self.rows[name]}
            assert changed == {}, f"{what} was refused, and changed something"
            self.counted[f"{what} refused"] += 1
            return False
        self.counted[what] += 1
        if followed:
            self._follow()
        return True

    def _follow(self) -> None:
        """The proof, and what the model says to it."""
        self.model.follow(db.session)
        found = ledger_faults(db.session)
        db.session.rollback()
        found += self.model.faults_now(db.session)
        self.rows = all_rows(db.session)
        assert found == []

    def _state_of(self, visit: Visit) -> str:
        newest = select(Booking.state).where(Booking.bid_id == visit.bid).order_by(Booking.id.desc()).limit(1)
        found = db.session.scalar(newest) or ""
        db.session.rollback()
        return found


def _refund(visit: Visit, cents: int, from_helper: int) -> None:
    with transaction() as session:
        payment, by = session.get_one(Payment, visit.payment_id), session.get_one(User, visit.town.moderator)
        payments.refund(
            session, payment, by=by, refund_cents=cents, from_helper_cents=from_helper, reason="Nach Gespräch"
        )


def _give_credit(town: Town, cents: int) -> None:
    with transaction() as session:
        customer, by = session.get_one(User, town.customer), session.get_one(User, town.moderator)
        payments.give_credit(session, customer, by=by, cents=cents, reason="Kulanz", policy=town.policy)


def test_every_rappen_is_accounted_for(
    app: Flask, start_anew: Callable[[], None], full: bool, figure: Callable[[str, int], None]
) -> None:
    Money.app, Money.anew, Money.counted = app, staticmethod(start_anew), Counter()
    runs, steps = FULL if full else SAMPLE
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=not full,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    counted = Money.counted
    assert counted["runs"] >= runs
    figure(f"runs of {steps} steps of money at random, every rappen accounted for", counted["runs"])
    figure("steps of money at random that took effect", sum(n for what, n in counted.items() if "refused" not in what))
    figure(
        "steps of money at random that were refused and changed no row",
        sum(n for what, n in counted.items() if "refused" in what),
    )
