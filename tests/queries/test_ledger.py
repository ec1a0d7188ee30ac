"""The proof of the ledger: whole books pass, and every planted fault is found."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, disputes, payments, payouts, refunds
from marketplace.db import db, transaction
from marketplace.domain.gateway import DisputeFact, RefundFact, ReversalFact, TransferFact
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.money import (
    CASH,
    DISPUTES,
    GATEWAY,
    GOODWILL,
    LOSSES,
    REFUNDS,
    REVENUE,
    credit,
    held,
    owed,
)
from marketplace.domain.policy import Policy
from marketplace.models import (
    Booking,
    Credit,
    Dispute,
    Entry,
    OutboxItem,
    Payment,
    Payout,
    Posting,
    Refund,
    Reversal,
    Settlement,
    User,
)
from marketplace.queries.ledger import balances, ledger_faults, story
from tests.factories import make_booking, make_operator, make_user, payment_of
from tests.money import POLICY, accept, finish, payment_by, payout_by, sign_off, unguarded

HOLDING = ("confirmed", "on_the_way", "started", "finished", "unsolved", "no_show")


def plant_entry(session: Session, booking: Booking, source: str, goal: str, cents: int) -> None:
    posting = Posting(kind="odd", key="x", booking_id=booking.id, at=clock.now())
    session.add(posting)
    session.flush()
    session.add(Entry(posting_id=posting.id, from_account=source, to_account=goal, cents=cents, currency="CHF"))
    session.flush()


def of_posting(session: Session, kind: str) -> int:
    return session.scalars(select(Posting.id).where(Posting.kind == kind).order_by(Posting.id).limit(1)).one()


class World:
    """Honest books with money of every kind: each booking in them has a name."""

    def __init__(self, session: Session) -> None:
        operator = make_operator(session)
        self.confirmed = make_booking(session)
        self.done = make_booking(session, state="signed_off")
        self.cancelled = make_booking(session, state="cancelled")
        self.sent = make_booking(session, state="signed_off")
        self.disputed = make_booking(session, state="signed_off")
        self.cash = self._paid_in_cash(session)
        self.customer = make_user(session).id
        payout_id, cents = payout_by(session, self.sent).id, payout_by(session, self.sent).cents
        with transaction() as rows:
            payouts.take(rows, payout_id, destination="acct-1")
            payouts.record_sent(rows, payout_id, TransferFact("tr-1", "", cents, 0, "CHF"))
        give_back(session, self.sent, operator, 1_000)
        reversal_id = session.scalars(select(Reversal.id)).one()
        with transaction() as rows:
            payouts.record_taken_back(rows, reversal_id, ReversalFact("trr-1", 1_000, "CHF"))
        refund_id = refund_of(session, self.cancelled).id
        with transaction() as rows:
            refunds.record(rows, refund_id, RefundFact("re-1", "done", 5_500, "CHF"), tried=1)
        intent = str(payment_of(session, self.disputed).intent)
        with transaction() as rows:
            disputes.record(rows, DisputeFact("dp-1", intent, 5_500, 2_000, "CHF", "fraudulent", "open", None))
        with transaction() as rows:
            values = {"cents": 900, "reason": "Kulanz.", "policy": POLICY}
            payments.give_credit(rows, rows.get_one(User, self.customer), by=rows.get_one(User, operator.id), **values)

    def _paid_in_cash(self, session: Session) -> Booking:
        payment = accept(session, policy=Policy(cash_allowed=1, cash_fee_percent=10), in_cash=True)
        return sign_off(session, finish(session, session.get_one(Booking, payment.booking_id)))


def give_back(session: Session, booking: Booking, operator: User, cents: int) -> None:
    payment_id, by_id = payment_of(session, booking).id, operator.id
    with transaction() as rows:
        values = {"refund_cents": cents, "from_helper_cents": cents, "reason": "Kulanz."}
        payments.refund(rows, rows.get_one(Payment, payment_id), by=rows.get_one(User, by_id), **values)


def refund_of(session: Session, booking: Booking) -> Refund:
    return session.scalars(select(Refund).where(Refund.payment_id == payment_of(session, booking).id)).one()


def change(model: type, **values: object) -> Callable[[Session, int], object]:
    return lambda session, row_id: session.execute(update(model).where(model.id == row_id).values(**values))  # type: ignore[attr-defined]


def of_payment(pick: Callable[[World], Booking], **values: object) -> Callable[[Session, World], object]:
    return lambda s, w: change(Payment, **values)(s, payment_of(s, pick(w)).id)


def of_booking(pick: Callable[[World], Booking], state: str) -> Callable[[Session, World], object]:
    return lambda s, w: change(Booking, state=state)(s, pick(w).id)


def of_settlement(pick: Callable[[World], Booking], **values: object) -> Callable[[Session, World], object]:
    return lambda s, w: s.execute(update(Settlement).where(Settlement.booking_id == pick(w).id).values(**values))


def of_payout(pick: Callable[[World], Booking], **values: object) -> Callable[[Session, World], object]:
    return lambda s, w: change(Payout, **values)(s, payout_by(s, pick(w)).id)


def another_payout(session: Session, world: World) -> None:
    """A payout that no decision asked for, of a helper who is owed nothing."""
    payout = payout_by(session, world.sent)
    settlement = session.scalars(select(Settlement.id).where(Settlement.booking_id == world.cancelled.id)).one()
    session.add(
        Payout(
            helper_id=payout.helper_id,
            payment_id=payout.payment_id,
            settlement_id=settlement,
            cents=100,
            currency="CHF",
            created_at=clock.now(),
        )
    )


def of_entry(values: dict[str, object], *where: object) -> Callable[[Session, World], object]:
    return lambda s, w: s.execute(update(Entry).where(*where).values(**values))  # type: ignore[arg-type]


def posting_of(fact: str, **values: object) -> Callable[[Session, World], object]:
    return lambda s, w: change(Posting, **values)(s, of_posting(s, fact))


PLANTED: dict[str, Callable[[Session, World], object]] = {
    # In the ledger
    "a rappen too much held": lambda s, w: s.execute(
        update(Entry).where(Entry.posting_id == of_posting(s, "payment_held")).values(cents=5501)
    ),
    "a rappen of the fee given to the helper": of_entry({"cents": 549}, Entry.to_account == REVENUE),
    "an entry gone": lambda s, w: s.execute(delete(Entry).where(Entry.to_account == REVENUE)),
    "all entries of a posting gone": lambda s, w: s.execute(
        delete(Entry).where(Entry.posting_id == of_posting(s, "settled"))
    ),
    "money out of nowhere": lambda s, w: plant_entry(s, w.confirmed, "nowhere", owed(w.confirmed.helper_id), 100),
    "held twice": lambda s, w: plant_entry(s, w.confirmed, GATEWAY, held(w.confirmed.id), 5500),
    "owed from the wrong booking": lambda s, w: plant_entry(
        s, w.confirmed, held(w.done.id), owed(w.confirmed.helper_id), 100
    ),
    "the helper pays the platform": lambda s, w: plant_entry(s, w.done, owed(w.done.helper_id), REVENUE, 10_000),
    "the wrong helper is paid": lambda s, w: s.execute(
        update(Entry).where(Entry.to_account == owed(w.done.helper_id)).values(to_account=owed(w.confirmed.helper_id))
    ),
    "another currency": of_entry({"currency": "EUR"}, Entry.to_account == REVENUE),
    "a posting of no booking": posting_of("payment_held", booking_id=None),
    "a fact under another name": posting_of("settled", kind="payment_released"),
    "a fact under another number": posting_of("settled", key="999"),
    "a cost of the gateway forgotten": lambda s, w: s.execute(
        delete(Entry).where(Entry.posting_id == of_posting(s, "gateway_fee"))
    ),
    "a refund given from the wrong account": of_entry(
        {"from_account": REVENUE}, Entry.from_account == REFUNDS, Entry.to_account == GATEWAY
    ),
    "a payout that left from another helper": of_entry(
        {"from_account": owed(99)}, Entry.from_account.like("owed:%"), Entry.to_account == GATEWAY
    ),
    "cash that nobody kept": lambda s, w: s.execute(
        delete(Entry).where(Entry.posting_id == of_posting(s, "cash_kept"))
    ),
    "a dispute that was never withdrawn": lambda s, w: s.execute(
        delete(Entry).where(Entry.posting_id == of_posting(s, "dispute_opened"))
    ),
    "a loss out of nowhere": lambda s, w: plant_entry(s, w.disputed, LOSSES, DISPUTES, 5_500),
    "credit that nobody gave": lambda s, w: plant_entry(s, w.done, GOODWILL, credit(w.customer), 100),
    "credit overdrawn": lambda s, w: plant_entry(s, w.done, credit(w.customer), held(w.done.id), 901),
    "a gift of another amount": of_entry({"cents": 901}, Entry.from_account == GOODWILL),
    # In the rows of record
    "a refund that the ledger does not know": of_payment(lambda w: w.confirmed, refunded_cents=100),
    "a held payment of a finished story": of_payment(lambda w: w.done, state="held"),
    "a confirmed booking without money": of_payment(lambda w: w.confirmed, state="failed"),
    "a payment over another amount": of_payment(lambda w: w.confirmed, amount_cents=5400, fee_cents=0),
    "a cost of another amount": of_payment(lambda w: w.confirmed, gateway_fee_cents=31),
    "a part paid by credit that was not": of_payment(lambda w: w.confirmed, credit_cents=500),
    "cash that was paid at the gateway": of_payment(lambda w: w.cash, method="gateway"),
    "a payment refunded in the wrong degree": of_payment(lambda w: w.cancelled, state="partly_refunded"),
    "a booking that was never signed off, paid out": of_booking(lambda w: w.done, "finished"),
    "a booking signed off without paying out": of_booking(lambda w: w.confirmed, "signed_off"),
    "a cancelled booking whose money stayed": of_booking(lambda w: w.confirmed, "cancelled"),
    "a lapsed booking that holds money": of_booking(lambda w: w.confirmed, "lapsed"),
    "a decision that gives the helper more": of_settlement(lambda w: w.done, helper_cents=4_951),
    "a decision that leaves a rappen": of_settlement(lambda w: w.done, fee_cents=549),
    "a decision of before forgotten": lambda s, w: _forget_settlement(s, w.confirmed, w.done),
    "a refund of a rappen less": lambda s, w: change(Refund, cents=5_499)(s, refund_of(s, w.cancelled).id),
    "a refund given without leaving": lambda s, w: change(Refund, state="given")(s, _asked_refund(s).id),
    "a refund that left, asked for": lambda s, w: change(Refund, state="asked")(s, refund_of(s, w.cancelled).id),
    "a payout of a rappen more": of_payout(lambda w: w.done, cents=4_951),
    "a payout lowered by nobody": of_payout(lambda w: w.done, cents=4_950 - 1),
    "a payout dropped by nobody": of_payout(lambda w: w.done, state="dropped"),
    "a payout to somebody else": lambda s, w: of_payout(lambda w: w.done, helper_id=w.confirmed.helper_id)(s, w),
    "a payout sent without leaving": of_payout(lambda w: w.done, state="sent"),
    "a payout that left, waiting": of_payout(lambda w: w.sent, state="waiting"),
    "a payout that no decision asked for": another_payout,
    "more taken back than was asked": of_payout(lambda w: w.sent, taken_back_cents=1_001),
    "a reversal that never came back": lambda s, w: change(Reversal, state="asked")(
        s, s.scalars(select(Reversal.id)).one()
    ),
    "a reversal of a rappen more": lambda s, w: change(Reversal, cents=1_001)(s, s.scalars(select(Reversal.id)).one()),
    "a dispute won without the money": lambda s, w: change(Dispute, state="won")(
        s, s.scalars(select(Dispute.id)).one()
    ),
    "a dispute of another amount": lambda s, w: change(Dispute, cents=5_499)(s, s.scalars(select(Dispute.id)).one()),
    "a gift that is not in the ledger": lambda s, w: change(Credit, cents=901)(s, s.scalars(select(Credit.id)).one()),
}


def _asked_refund(session: Session) -> Refund:
    return session.scalars(select(Refund).where(Refund.state == "asked")).one()


def _forget_settlement(session: Session, other: Booking, mine: Booking) -> None:
    """A decision that belongs to another payment now."""
    session.execute(
        update(Settlement)
        .where(Settlement.booking_id == mine.id)
        .values(payment_id=payment_of(session, other).id, booking_id=other.id)
    )


def test_every_planted_fault_is_found(session: Session, figure: Callable[[str, int], None]) -> None:
    world = World(session)
    assert ledger_faults(session) == []
    missed = []
    for name, plant in PLANTED.items():
        with unguarded(session):
            plant(session, world)
            session.flush()
            session.expire_all()
            if not ledger_faults(session):
                missed.append(name)
        session.expire_all()
        figure("planted faults of the ledger found", 1)
    assert missed == []
    assert ledger_faults(session) == []
    assert len(PLANTED) >= 20


@pytest.mark.parametrize("state", BOOKING.states)
def test_whole_books_pass_in_every_state(session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    assert ledger_faults(session) == []
    assert balances(session).get(held(booking.id), 0) == (booking.price_cents if state in HOLDING else 0)


def test_an_empty_ledger_is_whole(session: Session) -> None:
    assert ledger_faults(session) == []
    assert balances(session) == {}


def test_a_fact_cannot_be_posted_twice(session: Session) -> None:
    booking = make_booking(session)
    key = str(payment_of(session, booking).id)
    session.add(Posting(kind="payment_held", key=key, booking_id=booking.id, at=clock.now()))
    with pytest.raises(IntegrityError):
        session.flush()


@pytest.mark.parametrize("cents", [0, -1])
def test_an_entry_moves_something(session: Session, cents: int) -> None:
    booking = make_booking(session)
    with pytest.raises(IntegrityError):
        plant_entry(session, booking, GATEWAY, held(booking.id), cents)


# ---- While others write


def test_the_proof_sees_one_moment_while_others_write(app: Flask, session: Session) -> None:
    """Money that moves while the books are read is there wholly or not at all: never a fault."""
    make_booking(session, state="signed_off")
    session.commit()
    stop, found = threading.Event(), []

    def prove() -> None:
        with app.app_context():
            while not stop.is_set():
                found.append(ledger_faults(db.session))
                db.session.rollback()

    reader = threading.Thread(target=prove)
    reader.start()
    try:
        for _ in range(10):
            make_booking(session, state="signed_off")
            make_booking(session, state="cancelled")
    finally:
        stop.set()
        reader.join()
    assert len(found) > 3
    assert [faults for faults in found if faults] == []


# ---- Balances and stories


def test_what_we_have_and_what_we_owe_count_positive(session: Session) -> None:
    world = World(session)
    books = balances(session)
    assert books[DISPUTES] == 5_500
    assert books[GOODWILL] == books[credit(world.customer)] == 900
    assert books[owed(world.sent.helper_id)] == 0
    assert books[owed(world.cash.helper_id)] == -550
    assert books[REFUNDS] == 1_000
    assert books[CASH] == 0
    assert sum(books[account] for account in (REVENUE, REFUNDS)) + sum(
        cents for account, cents in books.items() if ":" in account
    ) == sum(books.get(account, 0) for account in (GATEWAY, CASH, "gateway_fees", GOODWILL, DISPUTES, LOSSES))


def told(session: Session, booking: Booking) -> list[tuple[str, int]]:
    return [(line.kind, line.cents) for line in story(session, booking)]


def test_the_story_of_the_money(session: Session) -> None:
    world = World(session)
    assert told(session, world.done) == [("held", 5500), ("gateway_fee", 30), ("helper", 4950), ("fee", 550)]
    assert told(session, world.cancelled) == [
        ("held", 5500),
        ("gateway_fee", 30),
        ("refunded", 5500),
        ("refund_given", 5500),
    ]
    assert told(session, world.sent)[4:] == [
        ("payout_sent", 4950),
        ("refunded", 1000),
        ("helper_gives_back", 1000),
        ("payout_taken_back", 1000),
    ]
    assert told(session, world.cash) == [("cash_paid", 5500), ("helper", 4950), ("fee", 550)]
    assert told(session, world.disputed)[-2:] == [("dispute_opened", 5500), ("gateway_fee", 2000)]


def test_a_story_is_told_in_the_order_in_which_it_happened(session: Session) -> None:
    booking = make_booking(session)
    booking_id = booking.id
    with clock.moved_to(booking.starts_at - timedelta(hours=1)), transaction() as rows:
        here = rows.get_one(Booking, booking_id)
        payments.call_off(rows, here, by=rows.get_one(User, here.customer_id), policy=POLICY)
    lines = story(session, session.get_one(Booking, booking_id))
    assert [line.kind for line in lines] == ["held", "gateway_fee", "refunded", "helper", "fee"]
    assert lines[0].at < lines[2].at
    assert bookings.BOOKING.cancelled == session.get_one(Booking, booking_id).state
    assert session.scalars(select(OutboxItem.channel).where(OutboxItem.channel != "mail")).all() == ["refund", "payout"]
    assert payment_by(session, booking).refunded_cents == 2_750
