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
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
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

SAMPLE, FULL, STEPS = 12, 500, 50
VISITS_MAX = 4
cards = st.sampled_from([GOOD_CARD, GOOD_CARD, ALWAYS_ASKING_CARD, SLOW_REFUND_CARD, DECLINED_CARD, POOR_CARD])
cents = st.one_of(st.integers(-100, 6_000), st.sampled_from([0, 1, 550, 2000, 4950, 5500, 10**9]))
numbers = st.integers(0, VISITS_MAX - 1)
sides = st.booleans()
# What is done next to a visit that goes well.
NEXT = {
    "": "accept",
    "lapsed": "accept",
    "reserved": "pay",
    "confirmed": "start",
    "on_the_way": "start",
    "started": "finish",
    "finished": "sign_off",
}
PLAIN = (
    *("accept", "open_page", "pay_late", "abandon", "set_out", "start", "finish", "sign_off", "give_up"),
    *("report_unsolved", "object_to_it", "drop_extra", "ask_refund_again_now", "dispute"),
)


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
        self.town.visit()  # some rows to begin with
        self.rows = all_rows(db.session)
        self.post(days=3, cents=5500, minutes=60)

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

    @precondition(lambda self: len(self.visits) < VISITS_MAX)
    @rule(days=st.sampled_from([0.5, 3, 6, 90]), cents=st.integers(1_000, 9_999), minutes=st.sampled_from([30, 60, 90]))
    def post(self, days: float, cents: int, minutes: int) -> None:
        """A task with a bid."""
        helper = self.town.helper if len(self.visits) % 2 else self.town.other_helper
        days += len(self.visits) / 8
        self.visits.append(self.town.visit(days=days, helper=helper, price_cents=cents, minutes=minutes))
        self.rows = all_rows(db.session)

    @rule(number=numbers)
    def go_on(self, number: int) -> None:
        """What comes next when all goes well."""
        visit = self._visit(number)
        self._try(
            NEXT.get(self._state_of(visit), "sign_off"), getattr(visit, NEXT.get(self._state_of(visit), "sign_off"))
        )

    @rule(number=numbers, what=st.sampled_from(PLAIN))
    def do(self, number: int, what: str) -> None:
        """Anything else, whether it is its time or not."""
        visit = self._visit(number)
        if what != "pay_late" or hasattr(visit, "reference"):
            self._try(what, getattr(visit, what))

    @rule(number=numbers, card=cards)
    def pay(self, number: int, card: str) -> None:
        """Somebody pays with some card."""
        self._try("pay", partial(self._visit(number).pay, card))

    @rule(number=numbers)
    def pay_in_cash(self, number: int) -> None:
        """Somebody wants to pay on the spot."""
        self._try("accept in cash", partial(self._visit(number).accept, in_cash=True))

    @rule(number=numbers, by_helper=sides)
    def call_off(self, number: int, by_helper: bool) -> None:
        """One side cancels."""
        self._try("call_off", partial(self._visit(number).call_off, by_helper=by_helper))

    @rule(number=numbers, by_helper=sides)
    def report_no_show(self, number: int, by_helper: bool) -> None:
        """One side says that the other one was not there."""
        self._try("report_no_show", partial(self._visit(number).report_no_show, by_helper=by_helper))

    @rule(number=numbers, cents=cents)
    def ask_extra(self, number: int, cents: int) -> None:
        """The helper proposes more work."""
        self._try("ask_extra", partial(self._visit(number).ask_extra, cents))

    @rule(number=numbers, refund=cents, helper=cents)
    def settle(self, number: int, refund: int, helper: int) -> None:
        """The operator decides."""
        visit = self._visit(number)
        with suppress(NotFound):
            self.model.decided[visit.booking_id] = (refund, helper)
        self._try("settle", partial(visit.settle, refund, helper))

    @rule(number=numbers, cents=cents, from_helper=cents)
    def refund(self, number: int, cents: int, from_helper: int) -> None:
        """The operator gives a part back."""
        visit = self._visit(number)
        if self._try("refund", partial(_refund, visit, cents, from_helper), followed=False):
            self.model.give_back(visit.payment_id, cents, from_helper)
        self._follow()

    @rule(cents=cents)
    def give_credit(self, cents: int) -> None:
        """The operator gives credit."""
        if self._try("give_credit", partial(_give_credit, self.town, cents), followed=False):
            self.model.give(self.town.customer, cents)
        self._follow()

    @rule(number=numbers, won=sides)
    def end_dispute(self, number: int, won: bool) -> None:
        """A bank decides."""
        visit = self._visit(number)
        if hasattr(visit, "dispute_id"):
            self._try("end_dispute", partial(visit.end_dispute, won=won))

    @rule(done=sides)
    def finish_refunds(self, done: bool) -> None:
        """Banks are through with what they had under way."""
        self._try("finish_refunds", partial(self.town.finish_refunds, done=done))

    @rule(other=sides)
    def onboard(self, other: bool) -> None:
        """A helper gives bank data."""
        self._try("onboard", partial(self.town.onboard, self.town.other_helper if other else self.town.helper))

    @rule(minutes=st.sampled_from([2, 20, 45, 60 * 7, 60 * 26, 60 * 80, 60 * 24 * 12]))
    def wait(self, minutes: int) -> None:
        """Time passes, and the worker works."""
        self._try("wait", partial(self.town.wait, minutes=minutes))

    @rule()
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

    def _visit(self, number: int) -> Visit:
        return self.visits[number % len(self.visits)]

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
    runs = FULL if full else SAMPLE
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=not full,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    counted = Money.counted
    assert counted["runs"] >= runs
    figure(f"runs of {STEPS} steps of money at random, every rappen accounted for", counted["runs"])
    figure("steps of money at random that took effect", sum(n for what, n in counted.items() if "refused" not in what))
    figure(
        "steps of money at random that were refused and changed no row",
        sum(n for what, n in counted.items() if "refused" in what),
    )
