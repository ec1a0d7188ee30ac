"""Reading the ledger: balances, a booking's money as a story, and the proof that all of it is right.

The proof writes out what the rows of record (payments, settlements, refunds, payouts ...) ask for, independently of the verbs
that wrote the postings, and compares entry by entry.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from marketplace.domain.lifecycles import (
    BOOKING,
    BOOKING_DONE,
    BOOKING_HOLDING,
    DISPUTE,
    PAYMENT,
    PAYOUT,
    REFUND,
    REVERSAL,
)
from marketplace.domain.money import (
    BANK,
    CASH,
    DISPUTES,
    FEES,
    GATEWAY,
    GOODWILL,
    LOSSES,
    OURS,
    REFUNDS,
    REVENUE,
    credit,
    held,
    owed,
)
from marketplace.models import (
    Booking,
    Credit,
    Dispute,
    Entry,
    Payment,
    Payout,
    Posting,
    Refund,
    Reversal,
    Settlement,
)

# What SQLite reads in one transaction is one moment by itself.
SNAPSHOT = {"postgresql": {"isolation_level": "REPEATABLE READ"}}
CHUNK = 5_000  # bookings that the proof looks at together
Moved = tuple[str, str, str, str, int, str]  # kind, key, from, to, cents, currency
Want = Callable[[str, int | str, str, str, int], None]  # kind, key, from, to, cents


@dataclass(frozen=True)
class Line:
    """One line of a booking's money story: what happened to how many cents, and when."""

    kind: str
    cents: int
    at: datetime


def balances(session: Session) -> dict[str, int]:
    """Every account's balance in cents; what we have or spent counts positive too."""
    return {name: -cents if name in OURS else cents for name, cents in _raw(session).items()}


def story(session: Session, booking: Booking) -> list[Line]:
    """What happened to a booking's money, in order, each line from one account to another."""
    rows = session.execute(
        select(Posting.kind, Entry.from_account, Entry.to_account, Entry.cents, Posting.at)
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Posting.booking_id == booking.id)
        .order_by(Entry.id)
    )
    return [
        Line(kind, cents, at)
        for posted, source, goal, cents, at in rows
        if (kind := _kind_of(posted, source.partition(":")[0], goal.partition(":")[0])) is not None
    ]


# From one account to another, or of a whole posting, in a word that the pages say in the reader's language.
STORY = {
    ("settled", "held", "refunds"): "refunded",
    ("settled", "held", "credit"): "credited",
    ("settled", "held", "owed"): "helper",
    ("settled", "held", REVENUE): "fee",
    ("settled", "owed", "held"): "helper_gives_back",
    ("settled", REVENUE, "held"): "fee_given_back",
    ("payment_held", GATEWAY, "held"): "held",
    ("payment_held", "credit", "held"): "held_from_credit",
    ("refund_given", REFUNDS, GATEWAY): "refund_given",
    ("refund_failed", GATEWAY, REFUNDS): "refund_failed",
    ("refund_dropped", REFUNDS, LOSSES): "refund_dropped",
    ("payout_sent", "owed", GATEWAY): "payout_sent",
    ("payout_taken_back", GATEWAY, "owed"): "payout_taken_back",
    ("cash_paid", CASH, "held"): "cash_paid",
    ("dispute_opened", DISPUTES, GATEWAY): "dispute_opened",
    ("dispute_won", GATEWAY, DISPUTES): "dispute_won",
    ("dispute_lost", LOSSES, DISPUTES): "dispute_lost",
    ("gateway_fee", FEES, GATEWAY): "gateway_fee",
    ("dispute_opened", FEES, GATEWAY): "gateway_fee",
    ("credit_given", GOODWILL, "credit"): "credit_given",
}


def _kind_of(posted: str, source: str, goal: str) -> str | None:
    return STORY.get((posted, source, goal))


def ledger_faults(session: Session) -> list[str]:
    """Every truth of the ledger that does not hold, in a sentence each; an empty list is the proof.

    All of it is read as it was at one moment, whoever writes meanwhile, unless the caller has begun to read already.
    """
    at_one_moment(session)
    faults = list(_faults_of_facts(session))
    last = session.scalar(select(func.max(Booking.id))) or 0
    for first in range(1, last + 1, CHUNK):
        faults += _faults_of_bookings(session, first, first + CHUNK - 1)
    faults += _faults_of_accounts(session)
    return faults


def at_one_moment(session: Session) -> None:
    """Read what follows as it is now, whoever writes meanwhile; nothing where the caller has begun to read already."""
    if not session.in_transaction():
        session.connection(execution_options=SNAPSHOT.get(session.get_bind().dialect.name, {}))


# ---- Booking by booking


@dataclass
class _Rows:
    """The rows of record of some bookings."""

    payments: dict[int, list[Row[Any]]]
    settlements: dict[int, list[Row[Any]]]
    refunds: dict[int, Row[Any]]  # by settlement
    refunds_of: dict[int, list[Row[Any]]]  # by payment
    payouts: dict[int, list[Row[Any]]]
    reversals: dict[int, list[Row[Any]]]
    disputes: dict[int, list[Row[Any]]]


def _faults_of_bookings(session: Session, first: int, last: int) -> Iterator[str]:
    """Each booking's entries must be exactly those that its rows and their states ask for."""
    rows = _rows_of(session, first, last)
    entries: dict[int, Counter[Moved]] = defaultdict(Counter)
    for booking_id, *moved in session.execute(
        select(
            Posting.booking_id,
            *(Posting.kind, Posting.key, Entry.from_account, Entry.to_account, Entry.cents, Entry.currency),
        )
        .join(Entry, Entry.posting_id == Posting.id)
        .where(Posting.booking_id.between(first, last), Posting.kind != "credit_given")
    ):
        entries[booking_id][tuple(moved)] += 1
    columns = (Booking.id, Booking.state, Booking.price_cents, Booking.currency, Booking.helper_id, Booking.customer_id)
    for booking in session.execute(select(*columns).where(Booking.id.between(first, last))):
        expected: Counter[Moved] = Counter()
        for payment in rows.payments[booking.id]:
            expected.update(_entries_of(booking, payment, rows, entries[booking.id]))
            yield from _faults_of_payment(booking, payment, rows)
        for entry, count in (entries[booking.id] - expected).items():
            yield f"booking {booking.id} ({booking.state}): {count} x {entry} too many"
        for entry, count in (expected - entries[booking.id]).items():
            yield f"booking {booking.id} ({booking.state}): {count} x {entry} missing"
        yield from _faults_of_states(booking, rows.payments[booking.id])


def _rows_of(session: Session, first: int, last: int) -> _Rows:
    here = Payment.booking_id.between(first, last)
    payments = session.execute(
        select(
            *(Payment.booking_id, Payment.id, Payment.kind, Payment.method, Payment.state, Payment.amount_cents),
            *(Payment.credit_cents, Payment.refunded_cents, Payment.gateway_fee_cents, Payment.currency),
        )
        .where(here)
        .order_by(Payment.id)
    )
    settlements = session.execute(
        select(
            *(
                Settlement.payment_id,
                Settlement.id,
                Settlement.refund_cents,
                Settlement.helper_cents,
                Settlement.fee_cents,
            )
        )
        .join(Payment, Payment.id == Settlement.payment_id)
        .where(here)
        .order_by(Settlement.id)
    )
    refunds = session.execute(
        select(Refund.payment_id, Refund.settlement_id, Refund.id, Refund.state, Refund.cents, Refund.tries)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(here)
    ).all()
    payouts = session.execute(
        select(
            *(Payout.payment_id, Payout.id, Payout.settlement_id, Payout.state, Payout.cents),
            *(Payout.taken_back_cents, Payout.helper_id),
        )
        .join(Payment, Payment.id == Payout.payment_id)
        .where(here)
    )
    reversals = session.execute(
        select(Reversal.payout_id, Reversal.id, Reversal.state, Reversal.cents)
        .join(Payout, Payout.id == Reversal.payout_id)
        .join(Payment, Payment.id == Payout.payment_id)
        .where(here)
    )
    disputes = session.execute(
        select(Dispute.payment_id, Dispute.id, Dispute.state, Dispute.cents, Dispute.fee_cents)
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(here, Dispute.taken_at.is_not(None))
    )
    return _Rows(
        _grouped(payments),
        _grouped(settlements),
        {row.settlement_id: row for row in refunds},
        _grouped(refunds),
        _grouped(payouts),
        _grouped(reversals),
        _grouped(disputes),
    )


def _grouped(rows: Iterable[Row[Any]]) -> dict[int, list[Row[Any]]]:
    """The rows by their first column."""
    grouped: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped


def _entries_of(booking: Row[Any], payment: Row[Any], rows: _Rows, there: Counter[Moved]) -> Counter[Moved]:
    """The entries that a payment and what followed from it ask for."""
    wanted: Counter[Moved] = Counter()

    def want(kind: str, key: int | str, source: str, goal: str, cents: int) -> None:
        if cents:
            source, goal = (source, goal) if cents > 0 else (goal, source)
            wanted[(kind, str(key), source, goal, abs(cents), payment.currency)] += 1

    account, helper, customer = held(booking.id), owed(booking.helper_id), credit(booking.customer_id)
    if payment.state in PAYMENT_IN and payment.method == "gateway":
        want("payment_held", payment.id, GATEWAY, account, payment.amount_cents - payment.credit_cents)
        want("payment_held", payment.id, customer, account, payment.credit_cents)
        want("gateway_fee", payment.id, FEES, GATEWAY, payment.gateway_fee_cents)
    if payment.state in PAYMENT_IN and payment.method == "cash":
        want("cash_paid", payment.id, CASH, account, payment.amount_cents)
        want("cash_kept", payment.id, helper, CASH, payment.amount_cents)
    card_left = payment.amount_cents - payment.credit_cents
    for settlement in rows.settlements[payment.id]:
        to_card = min(settlement.refund_cents, card_left)
        card_left -= to_card
        want("settled", settlement.id, account, REFUNDS, to_card)
        want("settled", settlement.id, account, customer, settlement.refund_cents - to_card)
        want("settled", settlement.id, account, helper, settlement.helper_cents)
        want("settled", settlement.id, account, REVENUE, settlement.fee_cents)
    _want_what_moved(want, payment, rows, there)
    return wanted


def _want_what_moved(want: Want, payment: Row[Any], rows: _Rows, there: Counter[Moved]) -> None:
    """What the gateway did about a payment: refunds, payouts and what came back of them, disputes."""
    for refund in rows.refunds_of[payment.id]:
        for number in range(1, refund.tries + 1):
            key = f"{refund.id}:{number}"
            given = ("refund_given", key, REFUNDS, GATEWAY, refund.cents, payment.currency)
            if number == refund.tries and refund.state == REFUND.dropped:
                want("refund_dropped", key, REFUNDS, LOSSES, refund.cents)
            if number == refund.tries and refund.state == REFUND.given:
                want("refund_given", key, REFUNDS, GATEWAY, refund.cents)
            elif there[given]:  # given at first, and came back
                want("refund_given", key, REFUNDS, GATEWAY, refund.cents)
                want("refund_failed", key, GATEWAY, REFUNDS, refund.cents)
    for payout in rows.payouts[payment.id]:
        if payout.state == PAYOUT.sent:
            want("payout_sent", payout.id, owed(payout.helper_id), GATEWAY, payout.cents)
        for reversal in rows.reversals[payout.id]:
            if reversal.state == REVERSAL.taken_back:
                want("payout_taken_back", reversal.id, GATEWAY, owed(payout.helper_id), reversal.cents)
    for dispute in rows.disputes[payment.id]:
        want("dispute_opened", dispute.id, DISPUTES, GATEWAY, dispute.cents)
        want("dispute_opened", dispute.id, FEES, GATEWAY, dispute.fee_cents)
        if dispute.state == DISPUTE.won:
            want("dispute_won", dispute.id, GATEWAY, DISPUTES, dispute.cents)
        if dispute.state == DISPUTE.lost:
            want("dispute_lost", dispute.id, LOSSES, DISPUTES, dispute.cents)


PAYMENT_IN = (PAYMENT.held, PAYMENT.released, PAYMENT.refunded, PAYMENT.partly_refunded)  # money that came in


def _faults_of_payment(booking: Row[Any], payment: Row[Any], rows: _Rows) -> Iterator[str]:
    """A payment's settlements share out all of it or nothing, and what follows from them is there once."""
    name = f"payment {payment.id} ({payment.state})"
    settlements = rows.settlements[payment.id]
    refund = sum(one.refund_cents for one in settlements)
    helper = sum(one.helper_cents for one in settlements)
    fee = sum(one.fee_cents for one in settlements)
    is_out = payment.state in PAYMENT_IN and payment.state != PAYMENT.held
    if payment.kind == "visit" and (payment.amount_cents, payment.currency) != (booking.price_cents, booking.currency):
        yield f"{name} is not over the price of booking {booking.id}"
    if refund + helper + fee != (payment.amount_cents if is_out else 0):
        yield f"{name} shares out {refund} + {helper} + {fee} of {payment.amount_cents}"
    if refund != payment.refunded_cents:
        yield f"{name} says {payment.refunded_cents} refunded, its settlements {refund}"
    if helper < 0 or fee < 0:
        yield f"{name} leaves {helper} to the helper and {fee} to the platform"
    if is_out and payment.state != _state_for(refund, payment.amount_cents):
        yield f"{name} is not what a refund of {refund} makes of it"
    card_left = payment.amount_cents - payment.credit_cents
    for one in settlements:
        to_card = min(one.refund_cents, card_left)
        card_left -= to_card
        asked = rows.refunds.get(one.id)
        if (asked.cents if asked else 0) != to_card:
            yield f"settlement {one.id} gives {to_card} back, its refund {asked.cents if asked else 0}"
    brought = {one.id: max(0, one.helper_cents) for one in settlements}
    left = 0
    for payout in rows.payouts[payment.id]:
        back = sum(one.cents for one in rows.reversals[payout.id])
        if back != payout.taken_back_cents:
            yield f"payout {payout.id} says {payout.taken_back_cents} taken back, its reversals {back}"
        if payout.cents > brought.get(payout.settlement_id, 0) or payout.helper_id != booking.helper_id:
            yield f"payout {payout.id} is not what settlement {payout.settlement_id} gives the helper"
        left += payout.cents - payout.taken_back_cents
    if left > max(0, helper):
        yield f"{name} pays {left} out, its helper has {helper}"
    if payment.method == "cash" and (refund or rows.payouts[payment.id]):
        yield f"{name} is paid on the spot, and money of it moves here"


def _state_for(refunded: int, amount: int) -> str:
    if not refunded:
        return PAYMENT.released
    return PAYMENT.refunded if refunded == amount else PAYMENT.partly_refunded


def _faults_of_states(booking: Row[Any], payments: list[Row[Any]]) -> Iterator[str]:
    """A booking's state and the states of its payments tell the same story."""
    visit = Counter(payment.state for payment in payments if payment.kind == "visit")
    secured = visit[PAYMENT.held] + visit[PAYMENT.cash] + visit[PAYMENT.card_saved] + visit[PAYMENT.action_needed]
    name = f"booking {booking.id} is {booking.state} and"
    if secured != (1 if booking.state in BOOKING_HOLDING else 0):
        yield f"{name} has {secured} payments that are held or sure to come"
    if any(p.state == PAYMENT.held for p in payments) and booking.state not in BOOKING_HOLDING:
        yield f"{name} still has money held"
    if (
        visit[PAYMENT.released] + visit[PAYMENT.partly_refunded] + visit[PAYMENT.refunded] < 1
        and booking.state in BOOKING_DONE
    ):
        yield f"{name} has no payment that was released"
    if visit[PAYMENT.prepared] and booking.state != BOOKING.reserved:
        yield f"{name} has a payment for the visit under way"


# ---- The whole


def _faults_of_accounts(session: Session) -> Iterator[str]:
    """Nothing that we owe is below zero, all that is owed is on its way, and what is on its way is owed."""
    raw = _raw(session)
    on_its_way = _sums(session, Payout.helper_id, Payout.cents, Payout.state.in_((PAYOUT.waiting, PAYOUT.sending)))
    asked_back = select(Payout.helper_id, func.sum(Reversal.cents)).join(Payout, Payout.id == Reversal.payout_id)
    rows = session.execute(asked_back.where(Reversal.state == REVERSAL.asked).group_by(Payout.helper_id))
    coming_back = {helper_id: int(cents) for helper_id, cents in rows}
    kept = _sums(session, Payment.booking_id, Payment.amount_cents, Payment.state == PAYMENT.held)
    refunds = session.scalar(
        select(func.coalesce(func.sum(Refund.cents), 0)).where(Refund.state.in_((REFUND.asked, REFUND.failed)))
    )
    if raw.pop(REFUNDS, 0) != refunds:
        yield f"{refunds} are on their way back to customers, the ledger says otherwise"
    for account, cents in raw.items():
        noun, _, number = account.partition(":")
        if noun == "held" and cents != kept.pop(int(number), 0):
            yield f"{account} holds {cents}"
        elif noun == "owed":
            free = cents - on_its_way.pop(int(number), 0) + coming_back.pop(int(number), 0)
            if free > 0:
                yield f"{account}: {free} are owed and not on their way"
        elif noun not in ("held", "owed") and not _may_stand(account, cents):
            yield f"{account} is {cents}"
    for booking_id, cents in kept.items():
        yield f"booking {booking_id} should hold {cents}, and nothing was posted"
    for helper_id, cents in on_its_way.items():
        yield f"{cents} are on their way to helper {helper_id}, who is owed nothing"
    if raw.get(CASH, 0):
        yield f"{-raw[CASH]} in cash belong to nobody"


def _may_stand(account: str, cents: int) -> bool:
    """Whether an account of ours may hold so much: credit is never overdrawn, and what was spent never comes out above zero."""
    if account.startswith("credit:"):
        return cents >= 0
    if account in OURS - {GATEWAY, CASH, BANK}:
        return cents <= 0
    return account in (GATEWAY, CASH, BANK, REVENUE)  # our bank may have given the gateway more than it got


def _faults_of_facts(session: Session) -> Iterator[str]:
    """Each fact stands once and moves something; what belongs to no booking is a credit or a payment of ours."""
    twice = select(Posting.kind, Posting.key).group_by(Posting.kind, Posting.key).having(func.count() > 1)
    for kind, key in session.execute(twice):
        yield f"{kind} {key} is posted more than once"
    nowhere = select(Posting.id, Posting.kind).where(Posting.booking_id.is_(None), Posting.kind.not_in(WITHOUT_BOOKING))
    for posting, kind in session.execute(nowhere):
        yield f"posting {posting} ({kind}) belongs to no booking"
    empty = select(Posting.id).where(~select(Entry.id).where(Entry.posting_id == Posting.id).exists())
    for posting in session.execute(empty).scalars():
        yield f"posting {posting} moves nothing"
    given = {
        str(row.id): (row.customer_id, row.cents)
        for row in session.execute(select(Credit.id, Credit.customer_id, Credit.cents))
    }
    posted = session.execute(
        select(Posting.key, Entry.from_account, Entry.to_account, Entry.cents)
        .join(Entry, Entry.posting_id == Posting.id)
        .where(Posting.kind == "credit_given")
    )
    for key, source, goal, cents in posted:
        customer_id, promised = given.pop(key, (0, 0))
        if (source, goal, cents) != (GOODWILL, credit(customer_id), promised):
            yield f"credit {key} is posted as {cents} from {source} to {goal}"
    for key in given:
        yield f"credit {key} is not posted"


WITHOUT_BOOKING = ("credit_given", "bank_payout", "bank_payout_failed", "bank_topup", "other_fee", "fee_paid")


def _raw(session: Session) -> Counter[str]:
    """What each account got less what it gave."""
    raw: Counter[str] = Counter()
    for account, sign in ((Entry.to_account, 1), (Entry.from_account, -1)):
        for name, cents in session.execute(select(account, func.sum(Entry.cents)).group_by(account)):
            raw[name] += sign * int(cents)
    return raw


def _sums(session: Session, by: Any, of: Any, *where: Any) -> dict[int, int]:
    rows = session.execute(select(by, func.sum(of)).where(*where).group_by(by))
    return {key: int(total) for key, total in rows}
