"""Reconciliation: clean books are silent, every planted difference is found, from whichever side it was planted."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import disputes, ledger, payments
from marketplace.db import db, transaction
from marketplace.domain.gateway import Movement
from marketplace.domain.money import FEES, GATEWAY, REVENUE, held
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs.payments import settle, settle_pending
from marketplace.jobs.reconciliation import reconcile, reconcile_when_due
from marketplace.models import (
    Booking,
    Entry,
    Notice,
    Payment,
    Posting,
    Reconciliation,
    SandboxMovement,
    SandboxObject,
    User,
)
from marketplace.queries.ledger import ledger_faults
from tests.factories import make_operator
from tests.money import accept, book, done, hand_over, later, onboard, page_of, payment_by, sandbox_of

POLICY = Policy()


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


def live(session: Session, doors: Gateways) -> Booking:
    """Money of every kind: charged, given back, sent, taken back, disputed, won, failed; gives one booking."""
    operator = make_operator(session).id
    booking, other = done(session, doors), book(session, doors)
    account = onboard(session, booking.helper_id, doors)
    hand_over(doors)
    for cents in (1_000, 500):
        payment_id = payment_by(session, booking).id
        with transaction() as rows:
            values = {"refund_cents": cents, "from_helper_cents": cents, "reason": "Kulanz."}
            payments.refund(rows, rows.get_one(Payment, payment_id), by=rows.get_one(User, operator), **values)
    hand_over(doors)
    other_id = other.id
    with transaction() as rows:
        here = rows.get_one(Booking, other_id)
        payments.call_off(rows, here, by=rows.get_one(User, here.helper_id), policy=POLICY)
    hand_over(doors)
    disputed = payment_by(session, done(session, doors))
    charge = str(disputed.charge)
    session.rollback()
    reference = sandbox_of(doors).open_dispute(charge)
    sandbox_of(doors).close_dispute(reference, won=True)
    fact = doors.payments.read_dispute(reference)
    with transaction() as rows:
        disputes.record(rows, fact)
    assert account
    return session.get_one(Booking, booking.id)


# ---- Clean books


def test_clean_books_are_silent(session: Session, doors: Gateways) -> None:
    make_operator(session, "admin")
    live(session, doors)
    done(session, doors, price_cents=90_000)  # its fee pays what the gateway and the bank have kept
    comparison = reconcile(doors.payments).comparison
    assert comparison.differences == []
    assert comparison.matched == comparison.movements == 12
    assert comparison.gateway_cents == comparison.ledger_cents == doors.payments.balance().cents
    kept = session.scalars(select(Reconciliation)).one()
    assert (kept.movements, kept.matched, kept.differences) == (12, 12, [])
    assert kept.gateway_cents == kept.ledger_cents
    assert session.scalar(select(func.count(Notice.id)).where(Notice.kind == "books_differ")) == 0
    assert ledger_faults(session) == []


def test_thousands_of_clean_entries_give_no_false_alarm(
    session: Session, doors: Gateways, full: bool, figure: Callable[[str, int], None]
) -> None:
    """The sandbox's lines and ours, written by two hands and compared by the job as they stand in the database."""
    count, now = 10_000 if full else 500, clock.now()
    booking_id = done(session, doors).id
    lines, facts = [], []
    for number in range(count):
        cents = 1_000 + number
        lines.append(
            {
                "reference": f"txn_{number}",
                "kind": "charge",
                "category": "charge",
                "source": f"ch_{number}",
                "amount_cents": cents,
                "fee_cents": 30,
                "net_cents": cents - 30,
                "currency": "chf",
                "available_at": now,
                "created_at": now,
            }
        )
        for kind in ("payment_held", "gateway_fee"):
            whose = {"booking_id": booking_id, "reference": f"ch_{number}", "at": now}
            facts.append({"kind": kind, "key": f"x{number}", **whose})
    with transaction() as rows:
        rows.execute(insert(SandboxMovement), lines)
        rows.execute(insert(Posting), facts)
        posted = rows.execute(select(Posting.id, Posting.kind, Posting.key).where(Posting.key.like("x%"))).all()
        rows.execute(insert(Entry), [_entry(booking_id, *fact) for fact in posted])
    comparison = reconcile(doors.payments).comparison
    assert (comparison.differences, comparison.matched) == ([], count + 1)
    figure("clean entries reconciled without a false alarm", count)


def _entry(booking_id: int, posting_id: int, kind: str, key: str) -> dict[str, object]:
    cents = 1_000 + int(key[1:])
    source, goal, moved = (GATEWAY, held(booking_id), cents) if kind == "payment_held" else (FEES, GATEWAY, 30)
    return {"posting_id": posting_id, "from_account": source, "to_account": goal, "cents": moved, "currency": "CHF"}


# ---- Planted differences: in the sandbox's books, and in ours


Plant = Callable[[Session, Booking], object]


def newest_line(kind: str) -> int:
    wanted = select(SandboxMovement.id).where(SandboxMovement.kind == kind, SandboxMovement.account.is_(None))
    return db.session.scalars(wanted.order_by(SandboxMovement.id.desc())).first() or 0


def change_line(kind: str, **values: object) -> Plant:
    return lambda s, booking: s.execute(
        update(SandboxMovement).where(SandboxMovement.id == newest_line(kind)).values(**values)
    )


def lose_line(kind: str) -> Plant:
    return lambda s, booking: s.execute(delete(SandboxMovement).where(SandboxMovement.id == newest_line(kind)))


def double_line(kind: str) -> Plant:
    def plant(session: Session, booking: Booking) -> None:
        line = session.get_one(SandboxMovement, newest_line(kind))
        columns = (column.name for column in SandboxMovement.__table__.columns if column.name != "id")
        copied = {name: getattr(line, name) for name in columns}
        session.execute(insert(SandboxMovement).values({**copied, "reference": "txn_twice"}))

    return plant


def add_line(kind: str, cents: int, fee: int = 0, category: str | None = None) -> Plant:
    def plant(session: Session, booking: Booking) -> None:
        now = clock.now()
        session.add(
            SandboxMovement(
                reference="txn_new",
                kind=kind,
                category=category or kind,
                source=f"{kind}_nobody",
                amount_cents=cents,
                fee_cents=fee,
                net_cents=cents - fee,
                currency="chf",
                available_at=now,
                created_at=now,
            )
        )

    return plant


def post(kind: str, source: str, goal: str, cents: int, reference: str | None) -> Plant:
    return lambda s, booking: ledger.post(
        s,
        kind,
        "planted",
        (source, goal.format(booking.id), cents),
        currency="CHF",
        booking_id=booking.id,
        reference=reference,
    )


def post_again(kind: str) -> Plant:
    """The same fact under another key, as a verb would post it twice."""

    def plant(session: Session, booking: Booking) -> None:
        fact = session.scalars(select(Posting).where(Posting.kind == kind).order_by(Posting.id)).first()
        assert fact is not None
        entry = session.scalars(select(Entry).where(Entry.posting_id == fact.id)).first()
        assert entry is not None
        post(kind, entry.from_account, entry.to_account, entry.cents, fact.reference)(session, booking)

    return plant


PLANTED: dict[str, tuple[Plant, str]] = {
    "a charge that we never heard of": (add_line("charge", 5_500, 190), "not_in_ledger"),
    "a refund that we never asked for": (add_line("refund", -5_500), "not_in_ledger"),
    "a transfer that we never asked for": (add_line("transfer", -4_950), "not_in_ledger"),
    "a reversal that we never asked for": (add_line("transfer_refund", 1_000), "not_in_ledger"),
    "a dispute that we never heard of": (add_line("adjustment", -5_500, 2_000, "dispute"), "not_in_ledger"),
    "a fee of the gateway's own": (add_line("stripe_fee", -300), "not_in_ledger"),
    "money that went to a bank": (add_line("payout", -1_000), "not_in_ledger"),
    "an adjustment of no known kind": (add_line("adjustment", -1), "not_in_ledger"),
    "a charge that the gateway lost": (lose_line("charge"), "not_at_gateway"),
    "a refund that the gateway lost": (lose_line("refund"), "not_at_gateway"),
    "a transfer that the gateway lost": (lose_line("transfer"), "not_at_gateway"),
    "a charge of another amount": (change_line("charge", amount_cents=5_501, net_cents=5_311), "other_amount"),
    "a charge of another fee": (change_line("charge", fee_cents=191, net_cents=5_309), "other_amount"),
    "a refund of a rappen more": (change_line("refund", amount_cents=-5_501, net_cents=-5_501), "other_amount"),
    "a transfer in euros": (change_line("transfer", currency="eur"), "other_currency"),
    "a transfer of the wrong thing": (change_line("transfer", source="tr_other"), "not_in_ledger"),
    "a charge twice": (double_line("charge"), "twice_at_gateway"),
    "a transfer twice": (double_line("transfer"), "twice_at_gateway"),
    "a charge that we made up": (post("payment_held", GATEWAY, "held:{}", 5_500, "ch_invented"), "not_at_gateway"),
    "a payout that we made up": (post("payout_sent", "owed:{}", GATEWAY, 100, "tr_invented"), "not_at_gateway"),
    "money without a name": (post("odd", GATEWAY, REVENUE, 100, None), "not_at_gateway"),
    "a refund booked twice": (post_again("refund_given"), "other_amount"),
    "a payout booked twice": (post_again("payout_sent"), "other_amount"),
    "a cost booked twice": (post_again("gateway_fee"), "other_amount"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found(
    session: Session, doors: Gateways, name: str, figure: Callable[[str, int], None]
) -> None:
    admin, booking = make_operator(session, "admin").id, live(session, doors)
    booking_id = booking.id
    plant, what = PLANTED[name]
    with transaction() as rows:
        plant(rows, rows.get_one(Booking, booking_id))
    comparison = reconcile(doors.payments)
    assert what in {one.what for one in comparison.differences}
    assert len(comparison.differences) <= 2
    kept = session.scalars(select(Reconciliation)).one()
    assert kept.differences == [one.facts() for one in comparison.differences]
    assert kept.matched >= kept.movements - 1
    assert session.scalars(select(Notice.user_id).where(Notice.kind == "books_differ")).all() == [admin]
    figure("planted differences of the two books found", 1)


def test_there_are_twenty_kinds_of_differences_at_least() -> None:
    assert len(PLANTED) >= 20


# ---- Less there than is owed


def test_less_at_the_gateway_than_we_owe_is_told(session: Session, doors: Gateways) -> None:
    admin = make_operator(session, "admin").id
    done(session, doors)
    sandbox_of(doors).pay_out(1_000)
    with transaction() as rows:  # the operator's own payout is in our books, and takes what belongs to a helper
        reference = rows.scalars(select(SandboxMovement.source).where(SandboxMovement.kind == "payout")).one()
        ledger.post(
            rows,
            "bank_payout",
            reference,
            ("bank", GATEWAY, 1_000),
            currency="CHF",
            booking_id=None,
            reference=reference,
        )
    look = reconcile(doors.payments)
    assert (look.differences, look.short_cents, look.is_clean) == ([], 640, False)
    kept = session.scalars(select(Reconciliation)).one()
    assert kept.owed_cents == 4_950 > kept.gateway_cents == 4_310
    assert session.scalars(select(Notice.user_id).where(Notice.kind == "books_differ")).all() == [admin]


# ---- What is not in the gateway's books yet


def swap(kind: str, name: str, value: object) -> object:
    """Let the newest object of this kind show another value; gives the one before."""
    with transaction() as rows:
        shown = rows.scalars(select(SandboxObject).where(SandboxObject.kind == kind).order_by(SandboxObject.id.desc()))
        newest = shown.first()
        assert newest is not None
        before, newest.data = newest.data[name], {**newest.data, name: value}
        return before


def test_a_payment_is_booked_once_its_cost_is_known(session: Session, doors: Gateways) -> None:
    payment = accept(session)
    payment_id = payment.id
    sandbox_of(doors).pay(page_of(payment, doors), GOOD_CARD)
    line = swap("charge", "balance_transaction", None)
    settle(payment_id, doors)
    assert session.get_one(Payment, payment_id).state == "prepared"
    session.rollback()
    swap("charge", "balance_transaction", line)
    with later(minutes=20):
        assert settle_pending(doors) == 1
    payment = session.get_one(Payment, payment_id)
    assert (payment.state, payment.gateway_fee_cents) == ("held", 190)
    assert reconcile(doors.payments).differences == []
    assert ledger_faults(session) == []


def test_a_dispute_is_booked_once_its_money_has_left(session: Session, doors: Gateways) -> None:
    charge = str(payment_by(session, done(session, doors)).charge)
    session.rollback()
    reference = sandbox_of(doors).open_dispute(charge)
    lines = swap("dispute", "balance_transactions", [])
    for is_taken in (False, True):
        fact = doors.payments.read_dispute(reference)
        with transaction() as rows:
            dispute = disputes.record(rows, fact)
            assert (dispute.state, dispute.taken_at is not None) == ("open", is_taken)
        swap("dispute", "balance_transactions", lines)
    assert reconcile(doors.payments).differences == []
    assert ledger_faults(session) == []


# ---- While money moves


class Busy:
    """A gateway at which somebody pays between the reading of its books and of ours, `times` times."""

    def __init__(self, doors: Gateways, session: Session, times: int = 1) -> None:
        self.doors, self.session, self.times = doors, session, times

    def movements(self) -> list[Movement]:
        lines = list(self.doors.payments.movements())
        if self.times:
            self.times -= 1
            done(self.session, self.doors)
            self.session.rollback()
        return lines

    def balance(self) -> object:
        return self.doors.payments.balance()


def test_money_that_moves_while_the_books_are_read_is_no_difference(session: Session, doors: Gateways) -> None:
    make_operator(session, "admin")
    done(session, doors)
    comparison = reconcile(Busy(doors, session, times=2))  # type: ignore[arg-type]
    assert comparison.differences == []
    assert session.scalar(select(func.count(Notice.id)).where(Notice.kind == "books_differ")) == 0


def test_what_differs_is_found_although_money_moves(session: Session, doors: Gateways) -> None:
    done(session, doors)
    with transaction() as rows:
        add_line("refund", -5_500)(rows, rows.scalars(select(Booking)).one())
    comparison = reconcile(Busy(doors, session))  # type: ignore[arg-type]
    assert [one.what for one in comparison.differences] == ["not_in_ledger"]


# ---- Every night


def test_it_is_done_once_a_night(session: Session, doors: Gateways) -> None:
    assert (reconcile_when_due(doors.payments), reconcile_when_due(doors.payments)) == (1, 0)
    with later(hours=23):
        assert reconcile_when_due(doors.payments) == 0
    with later(hours=25):
        assert reconcile_when_due(doors.payments) == 1


def test_a_gateway_that_does_not_answer_is_asked_again_in_the_next_round(session: Session, doors: Gateways) -> None:
    sandbox_of(doors).faults.plan("balance_transactions.list", "reset")
    assert reconcile_when_due(doors.payments) == 0
    assert session.scalar(select(func.count(Reconciliation.id))) == 0
    assert reconcile_when_due(doors.payments) == 1
    assert clock.now() - session.scalars(select(Reconciliation.at)).one() < timedelta(minutes=1)
