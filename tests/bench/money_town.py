"""A customer, two helpers and a moderator who do with money whatever can be done, as the web and the worker let them.

A story is a list of steps; each step is what one form of the web does: write, call, write. When a step is cut short, whoever took
it looks again and takes it once more where it has not been done. `end_state` is what must come out the same however often a story
is disturbed.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Flask
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, payments, refunds
from marketplace.db import db, transaction
from marketplace.domain.errors import DomainError, NotFound, WrongState
from marketplace.domain.lifecycles import PAYMENT_UNDER_WAY, REFUND
from marketplace.gateways import Gateways
from marketplace.gateways.mail import Mail
from marketplace.gateways.payments import GatewayRefused
from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs import payments as jobs
from marketplace.jobs import reconciliation, worker
from marketplace.models import (
    Bid,
    Booking,
    Credit,
    Dispute,
    Entry,
    JournalEntry,
    Notice,
    OutboxItem,
    Payment,
    Payout,
    PayoutAccount,
    Posting,
    Refund,
    Reversal,
    SandboxMovement,
    Settlement,
    TakenQuarter,
    Task,
    User,
)
from marketplace.queries.ledger import ledger_faults
from tests.factories import AT_ONCE, make_bid, make_helper, make_operator, make_task, make_user

Step = Callable[[], None]
POLICY = replace(AT_ONCE, cash_allowed=1, cash_fee_percent=10)
AFTER_TROUBLE = timedelta(minutes=3)  # so long may it take until what a kill has left lying is taken up again
HOPS = tuple(
    timedelta(minutes=minutes) for minutes in (3, 5, 10, 20, 61, 61)
)  # the longest wait for another try is an hour
TRIES = 4


class Crash(BaseException):
    """The process ends here and now; no `except Exception` sees it."""


class Postbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def deliver(self, mail: Mail) -> None:
        """Take one mail; the same key is the same mail."""
        self.taken[mail.key] += 1


class Town:
    """People, the doors that they go through, and the worker."""

    def __init__(self, app: Flask, doors: Gateways | None = None) -> None:
        self.app, self.policy = app, POLICY
        usual: Gateways = doors or app.extensions["gateways"]
        self.postbox = Postbox()
        self.doors = replace(usual, post=self.postbox)
        session = db.session
        self.customer = make_user(session, "Clara Kundin").id
        self.helper, self.other_helper = make_helper(session).id, make_helper(session, "Hanna Helferin").id
        self.moderator = make_operator(session).id
        self.crashes = self.refusals = 0
        self.hears = True  # whether the gateway's messages arrive

    @property
    def sandbox(self) -> Sandbox:
        """What stands behind the payment door."""
        assert self.doors.sandbox is not None
        return self.doors.sandbox

    def visit(self, **terms: Any) -> "Visit":
        """A task of the customer with a bid of the helper."""
        return Visit(self, **terms)

    # ---- Living a story

    def live(self, steps: list[Step]) -> None:
        """Take one step after the other, a minute apart, with the worker in between; then wait until nothing is due."""
        for step in steps:
            self._take(step)
            self._take(partial(self.wait, minutes=1))
        for hop in HOPS:
            self._take(partial(self._pass, hop))

    def _take(self, step: Step) -> None:
        """A step that was cut short is taken again, unless it turns out to have been done."""
        try:
            step()
            return
        except Crash:
            self.crashes += 1
        except GatewayRefused:
            self.refusals += 1
        db.session.rollback()
        for number in range(TRIES):
            try:
                self._pass(AFTER_TROUBLE)
                with suppress(DomainError):
                    step()
                return
            except GatewayRefused:
                db.session.rollback()
                if number == TRIES - 1:
                    raise

    def wait(self, **span: float) -> None:
        """Let time pass, with the worker at work afterwards."""
        self._pass(timedelta(**span))

    def _pass(self, span: timedelta) -> None:
        clock.move_to(clock.now() + span)
        self.work()

    def work(self) -> None:
        """The worker, until nothing is due; the gateway's messages reach our own webhook."""
        doors = replace(self.doors, sandbox=None)  # its messages are brought by us: there is no server here
        for _ in range(50):
            taken = self.sandbox.deliver(self.send) if self.hears else 0
            done = worker.round_of_work(doors, _plain_words, policy=self.policy)
            if not taken and not done:
                return
        raise AssertionError("the worker never comes to rest")

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Our webhook takes a message."""
        with self.app.app_context():
            return self.app.test_client().post(path, data=body, headers=dict(headers)).status_code

    # ---- People who are in no visit

    def onboard(self, helper: int) -> None:
        """A helper gives bank data on the gateway's page and comes back."""
        with asking(User, helper) as user:
            reference = jobs.open_account(user, self.doors, country="CH")
        self.sandbox.onboard(reference)
        jobs.read_account(helper, self.doors)

    def give_credit(self, cents: int) -> None:
        """The moderator gives credit, unless the page says that it was given."""
        if _count(Credit):
            return
        with transaction() as session:
            customer, by = session.get_one(User, self.customer), session.get_one(User, self.moderator)
            payments.give_credit(session, customer, by=by, cents=cents, reason="Kulanz", policy=self.policy)

    def finish_refunds(self, *, done: bool) -> None:
        """The banks are through with what they have under way; or it comes back."""
        references = select(Refund.reference).where(Refund.reference.is_not(None)).order_by(Refund.id)
        for reference in db.session.scalars(references).all():
            self.sandbox.finish_refund(str(reference), done=done)
        db.session.rollback()

    # ---- What must hold

    def faults(self) -> list[str]:
        """Whatever is wrong with the books once a story is over."""
        found = [f"not handed over: {one}" for one in self.open_deliveries()]
        found += ledger_faults(db.session)
        db.session.rollback()
        found += [f"{one.what}: {one}" for one in reconciliation.reconcile(self.doors.payments).differences]
        found += [f"mail {key} was sent {count} times" for key, count in self.postbox.taken.items() if count > 2]
        return found

    def open_deliveries(self) -> list[str]:
        """What the worker still has to hand over; a payout may wait for its helper's bank data."""
        rows = db.session.scalars(select(OutboxItem).where(OutboxItem.delivered_at.is_(None))).all()
        waiting = [f"{row.channel} {row.facts}: {row.error}" for row in rows if "bank data" not in (row.error or "")]
        db.session.rollback()
        return waiting


class Visit:
    """One booking from its bid on, and what its two sides and the moderator do with it."""

    def __init__(self, town: Town, *, days: float = 5, helper: int | None = None, **terms: Any) -> None:
        session, self.town = db.session, town
        self.helper = helper or town.helper
        starts_at = (clock.now() + timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
        task = make_task(session, session.get_one(User, town.customer))
        by = session.get_one(User, self.helper)
        self.bid = make_bid(session, task, by, starts_at=starts_at, expires_at=starts_at, **terms).id
        self.starts_at = starts_at
        session.rollback()

    def __repr__(self) -> str:
        return f"visit of bid {self.bid}"

    # ---- Paying

    def accept(self, *, in_cash: bool = False) -> None:
        """The customer accepts and is led to the page."""
        with transaction() as session:
            payment = payments.accept_bid(
                session,
                session.get_one(Bid, self.bid),
                by=session.get_one(User, self.town.customer),
                address="Rosenweg 3",
                phone="+41791234567",
                terms=1,
                policy=self.town.policy,
                in_cash=in_cash,
            )
        self._lead_to_page(payment.id)

    def pay(self, card: str = GOOD_CARD) -> None:
        """The customer goes to the page, pays there and comes back; what was declined may be tried again."""
        payment_id, reference = self._page()
        self.town.sandbox.pay(reference, card)
        jobs.settle(payment_id, self.town.doors)

    def pay_and_vanish(self, card: str = GOOD_CARD) -> None:
        """The customer pays and never comes back."""
        self.town.sandbox.pay(self._page()[1], card)

    def open_page(self) -> None:
        """The customer only looks at the page."""
        self.reference = self._page()[1]

    def pay_late(self) -> None:
        """The page has lain open in another window, and is paid there."""
        self.town.sandbox.pay(self.reference, GOOD_CARD)

    def abandon(self) -> None:
        """The customer gives the reservation up."""
        with asking(User, self.town.customer) as by:
            jobs.give_up(self.booking_id, self.town.doors, by=by)

    # ---- The visit

    def set_out(self) -> None:
        self._move(bookings.set_out, by=self.helper, policy=self.town.policy)

    def start(self) -> None:
        self._move(bookings.start, by=self.helper, policy=self.town.policy)

    def finish(self) -> None:
        self._move(bookings.finish, by=self.helper, policy=self.town.policy)

    def sign_off(self) -> None:
        self._move(payments.sign_off, by=self.town.customer)

    def call_off(self, *, by_helper: bool = False) -> None:
        by = self.helper if by_helper else self.town.customer
        self._move(payments.call_off, by=by, policy=self.town.policy)

    def give_up(self) -> None:
        self._move(payments.give_up, by=self.helper, note="Das Gerät ist defekt.", policy=self.town.policy)

    def report_unsolved(self) -> None:
        self._move(bookings.report_unsolved, by=self.town.customer, note="Es geht noch nicht.")

    def report_no_show(self, *, by_helper: bool = True) -> None:
        by = self.helper if by_helper else self.town.customer
        self._move(bookings.report_no_show, by=by, policy=self.town.policy)

    def object_to_it(self) -> None:
        self._move(bookings.object_to_no_show, by=self.town.customer, note="Ich war da.")

    def ask_extra(self, cents: int = 2000) -> None:
        self._move(payments.ask_extra, by=self.helper, cents=cents, what="Noch ein Gerät", policy=self.town.policy)

    def drop_extra(self) -> None:
        with asking(User, self.helper) as by:
            jobs.drop_extra(self.booking_id, self.town.doors, by=by)

    # ---- The operator and the banks

    def settle(self, refund_cents: int, helper_cents: int) -> None:
        shares = {"refund_cents": refund_cents, "helper_cents": helper_cents}
        self._move(payments.settle, by=self.town.moderator, reason="Nach Gespräch mit beiden", **shares)

    def refund(self, cents: int, *, from_helper: int = 0, already: int = 0) -> None:
        """The moderator gives a part back, unless the page says that it was done: `already` went back before."""
        with transaction() as session:
            payment = session.get_one(Payment, self.payment_id)
            if payment.refunded_cents != already:
                return
            by, shares = session.get_one(User, self.town.moderator), {"from_helper_cents": from_helper}
            payments.refund(session, payment, by=by, refund_cents=cents, reason="Kulanz", **shares)

    def ask_refund_again_now(self) -> None:
        """The moderator asks once more, whether it failed or not."""
        mine = (
            select(Refund).join(Payment, Payment.id == Refund.payment_id).where(Payment.booking_id == self.booking_id)
        )
        with transaction() as session:
            refund = session.scalars(mine.order_by(Refund.id.desc()).limit(1)).first()
            if refund is None:
                raise WrongState()
            refunds.ask_again(session, refund, by=session.get_one(User, self.town.moderator))

    def ask_refund_again(self) -> None:
        """The moderator asks once more, as soon as the page says that it failed, unless that was done."""
        while self._newest_refund(Refund.state) != REFUND.failed:
            if self._newest_refund(Refund.tries) > 1:
                return
            self.town.wait(minutes=1)
        with transaction() as session:
            refund = session.scalars(select(Refund).order_by(Refund.id.desc()).limit(1)).one()
            refunds.ask_again(session, refund, by=session.get_one(User, self.town.moderator))

    def finish_refund(self, *, done: bool) -> None:
        """A slow refund arrives, or comes back, once it has been given at all."""
        while (reference := self._newest_refund(Refund.reference)) is None:
            self.town.wait(minutes=1)
        self.town.sandbox.finish_refund(reference, done=done)

    def _newest_refund(self, column: Any) -> Any:
        found = db.session.scalar(select(column).order_by(Refund.id.desc()).limit(1))
        db.session.rollback()
        return found

    def dispute(self) -> None:
        charge = str(db.session.get_one(Payment, self.payment_id).charge)
        db.session.rollback()
        self.dispute_id = self.town.sandbox.open_dispute(charge)

    def end_dispute(self, *, won: bool) -> None:
        self.town.sandbox.close_dispute(self.dispute_id, won=won)

    # ---- What the steps share

    @property
    def booking_id(self) -> int:
        """The newest booking of this bid; raises NotFound."""
        newest = select(Booking.id).where(Booking.bid_id == self.bid).order_by(Booking.id.desc()).limit(1)
        return _found(newest)

    @property
    def payment_id(self) -> int:
        """The payment for the visit that came in; raises NotFound."""
        paid = select(Payment.id).where(Payment.booking_id == self.booking_id, Payment.intent.is_not(None))
        return _found(paid.order_by(Payment.id).limit(1))

    def until(self, **after: float) -> None:
        """Let time pass until so long after the agreed beginning."""
        clock.move_to(self.starts_at + timedelta(**after))
        self.town.work()

    def _page(self) -> tuple[int, str]:
        with transaction() as session:
            booking, by = session.get_one(Booking, self.booking_id), session.get_one(User, self.town.customer)
            payment_id = payments.resume(session, booking, by=by, policy=self.town.policy).id
        return payment_id, jobs.open_page(payment_id, self.town.doors).rpartition("/")[2]

    def _lead_to_page(self, payment_id: int) -> None:
        is_to_be_paid = db.session.get_one(Payment, payment_id).state in PAYMENT_UNDER_WAY
        db.session.rollback()
        if is_to_be_paid:
            jobs.open_page(payment_id, self.town.doors)

    def _move(self, verb: Callable[..., Any], *, by: int, **values: Any) -> None:
        booking_id = self.booking_id
        with transaction() as session:
            verb(session, session.get_one(Booking, booking_id), by=session.get_one(User, by), **values)


# ---- The end


@dataclass(frozen=True)
class Facts:
    """How many rows say what, by table; without names, numbers and moments, which differ from one life to the next."""

    rows: Mapping[str, Counter[tuple[Any, ...]]]

    def differences(self, other: "Facts") -> list[str]:
        """What stands here and there differently."""
        names = sorted({*self.rows, *other.rows})
        return [
            f"{name}: {dict(self.rows[name] - other.rows[name])} instead of {dict(other.rows[name] - self.rows[name])}"
            for name in names
            if self.rows[name] != other.rows[name]
        ]


def end_state(session: Session) -> Facts:
    """What the rows say in the end, counted."""
    columns: dict[str, tuple[Any, ...]] = {
        "bookings": (Booking.state, Booking.price_cents, Booking.fee_cents, Booking.cancelled_by, Booking.absent),
        "tasks": (Task.state,),
        "bids": (Bid.state,),
        "payments": (
            *(Payment.kind, Payment.method, Payment.state, Payment.amount_cents, Payment.credit_cents),
            *(Payment.fee_cents, Payment.refunded_cents, Payment.gateway_fee_cents, Payment.failure),
        ),
        "settlements": (
            *(Settlement.reason, Settlement.refund_cents),
            *(Settlement.helper_cents, Settlement.fee_cents),
        ),
        "refunds": (Refund.state, Refund.cents, Refund.failure),
        "payouts": (Payout.state, Payout.helper_id, Payout.cents, Payout.taken_back_cents),
        "reversals": (Reversal.state, Reversal.cents),
        "credits": (Credit.customer_id, Credit.cents),
        "disputes": (Dispute.state, Dispute.cents, Dispute.fee_cents),
        "accounts": (PayoutAccount.user_id, PayoutAccount.is_ready, PayoutAccount.has_begun),
        "quarters": (TakenQuarter.helper_id,),
        "notices": (Notice.user_id, Notice.kind),
        "journal": (JournalEntry.event, JournalEntry.subject_kind),
        "outbox": (OutboxItem.channel, OutboxItem.kind, OutboxItem.delivered_at.is_not(None)),
        "movements": (
            *(SandboxMovement.kind, SandboxMovement.account.is_(None)),
            *(SandboxMovement.amount_cents, SandboxMovement.fee_cents),
        ),
    }
    names = dict(session.execute(select(User.id, User.name)).all())
    people = {"helper_id", "user_id", "customer_id"}
    rows = {
        table: Counter(
            tuple(names[value] if column.key in people else value for column, value in zip(asked, row, strict=True))
            for row in session.execute(select(*asked))
        )
        for table, asked in columns.items()
    }
    moved = select(Posting.kind, Entry.from_account, Entry.to_account, Entry.cents).join(
        Entry, Entry.posting_id == Posting.id
    )
    rows["entries"] = Counter(
        (kind, source.partition(":")[0], goal.partition(":")[0], cents)
        for kind, source, goal, cents in session.execute(moved)
    )
    session.rollback()
    return Facts(rows)


def all_rows(session: Session, *but: str) -> dict[str, list[str]]:
    """Every row of every table but these, as it is: a refusal must change none of them."""
    tables = [table for table in Booking.metadata.sorted_tables if table.name not in but]
    rows = {
        table.name: [json.dumps(list(row), default=str) for row in session.execute(select(table))] for table in tables
    }
    session.rollback()
    return rows


@contextmanager
def asking(model: type[Any], row_id: int) -> Iterator[Any]:
    """A row that was read before anything is called, as the signed-in person is."""
    yield db.session.get_one(model, row_id)
    db.session.rollback()


def _found(statement: Select[tuple[int]]) -> int:
    found = db.session.scalar(statement)
    db.session.rollback()
    if found is None:
        raise NotFound()
    return found


def _count(model: type[Any]) -> int:
    found = db.session.scalar(select(func.count()).select_from(model)) or 0
    db.session.rollback()
    return found


def _plain_words(kind: str, reader: User, facts: dict[str, Any]) -> tuple[str, str]:
    """A mail's words are tried elsewhere."""
    return kind, reader.name
