"""Reading payments and the ledger: the page before paying, a booking's money as a story, balances, and the proof."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace import clock
from marketplace.domain.errors import N_, NotAllowed, NotFound, PaymentUnderWay, WrongState
from marketplace.domain.lifecycles import BID, BOOKING, BOOKING_DONE, BOOKING_HOLDING, BOOKING_LIVE, PAYMENT, TASK
from marketplace.domain.money import GATEWAY, REVENUE, held, owed, percent_of
from marketplace.models import Bid, Booking, Entry, Payment, Posting, Task, User
from marketplace.permissions import may_answer_bid, may_see_bid
from marketplace.queries.bids import terms_number

Moved = tuple[str, str, str, str, int, str]  # kind, key, from, to, cents, currency
CHUNK = 5_000  # bookings that the proof looks at together


@dataclass(frozen=True)
class Acceptable:
    """A bid that its customer may accept now, with the number of the terms that they are shown."""

    bid: Bid
    terms: int


@dataclass(frozen=True)
class Line:
    """One line of a booking's money story: what happened to how many cents, and when."""

    kind: str
    cents: int
    at: datetime


def acceptable(session: Session, bid_id: str, user: User) -> Acceptable:
    """The bid with this public id, for the page before paying.

    Raises NotFound for anybody but its two sides, NotAllowed for its helper, WrongState when it cannot be accepted (any
    more), PaymentUnderWay.
    """
    bid = session.scalar(
        select(Bid)
        .where(Bid.public_id == bid_id)
        .options(joinedload(Bid.task).joinedload(Task.skill), joinedload(Bid.helper))
    )
    if bid is None or not may_see_bid(user, bid, bid.task):
        raise NotFound()
    if not may_answer_bid(user, bid, bid.task):
        raise NotAllowed(N_("Only the customer who posted the task may accept a bid."))
    reserved = session.scalar(
        select(Booking.public_id).where(Booking.task_id == bid.task_id, Booking.state.in_(BOOKING_LIVE))
    )
    if reserved is not None and bid.task.state in TASK.befores("reserve"):
        raise PaymentUnderWay(reserved)
    if bid.task.state not in TASK.befores("reserve"):
        raise WrongState(N_("This task is no longer open, so its bids cannot be accepted any more."))
    if bid.state not in BID.befores("reserve"):
        raise WrongState(N_("This bid cannot be accepted any more. Please look at your bids again."))
    if bid.helper.suspended_at:
        raise WrongState(N_("This helper may not come at present. Please choose another bid."))
    if min(bid.expires_at, bid.starts_at) <= clock.now():
        raise WrongState(N_("This bid has run out. Please ask the helper for a new time."))
    return Acceptable(bid, terms_number(session, bid))


def payment_of(session: Session, public_id: str, user: User) -> Payment:
    """The customer's own payment with its booking; raises NotFound for anybody else."""
    payment = session.scalar(
        select(Payment)
        .where(Payment.public_id == public_id, Payment.customer_id == user.id)
        .options(joinedload(Payment.booking))
    )
    if payment is None:
        raise NotFound()
    return payment


def latest_of(session: Session, booking_id: int) -> Payment | None:
    """The newest payment of a booking."""
    newest = select(Payment).where(Payment.booking_id == booking_id).order_by(Payment.id.desc())
    return session.scalar(newest.limit(1))


def prepared_of(session: Session, booking_id: int) -> int | None:
    """The id of the booking's payment that is under way, if there is one."""
    return session.scalar(
        select(Payment.id).where(Payment.booking_id == booking_id, Payment.state.in_(PAYMENT.befores("hold")))
    )


def is_under_way(session: Session, payment_id: int) -> bool:
    """Whether this payment may still be paid."""
    prepared = select(Payment.id).where(Payment.id == payment_id, Payment.state.in_(PAYMENT.befores("hold")))
    return session.scalar(prepared) is not None


def is_held(session: Session, payment_id: int) -> bool:
    """Whether this payment's money is held."""
    paid = select(Payment.id).where(Payment.id == payment_id, Payment.state.in_(PAYMENT.befores("release")))
    return session.scalar(paid) is not None


def story(session: Session, booking: Booking) -> list[Line]:
    """What happened to a booking's money, in order: held, refunded, to the helper, to the platform."""
    rows = session.execute(
        select(Entry.from_account, Entry.to_account, Entry.cents, Posting.at)
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Posting.booking_id == booking.id)
        .order_by(Entry.id)
    )
    return [Line(_kind_of(source, goal), cents, at) for source, goal, cents, at in rows]


def balances(session: Session) -> dict[str, int]:
    """Every account's balance in cents: what the gateway keeps for us, what is held, owed and earned."""
    balance: Counter[str] = Counter()
    for account, sign in ((Entry.to_account, 1), (Entry.from_account, -1)):
        for name, cents in session.execute(select(account, func.sum(Entry.cents)).group_by(account)):
            # The gateway's account is the other side of all the others: what left it for them is what it keeps.
            balance[name] += (-sign if name == GATEWAY else sign) * int(cents)
    return dict(balance)


def ledger_faults(session: Session) -> list[str]:
    """Every truth of the ledger that does not hold, in a sentence each; an empty list is the proof."""
    faults = [*_faults_of_sums(session), *_faults_of_facts(session)]
    last = session.scalar(select(func.max(Booking.id))) or 0
    for first in range(1, last + 1, CHUNK):
        for books in _books_of(session, first, first + CHUNK - 1):
            faults += _faults_of_booking(books)
    return faults


@dataclass
class _Books:
    """What is written down about one booking and its money."""

    booking: Row[Any]
    payments: list[Row[Any]] = field(default_factory=list)
    entries: Counter[Moved] = field(default_factory=Counter)


def _books_of(session: Session, first: int, last: int) -> Iterator[_Books]:
    """The books of the bookings with ids from `first` to `last`, in three statements."""
    columns = (Booking.id, Booking.state, Booking.price_cents, Booking.fee_cents, Booking.currency, Booking.helper_id)
    bookings = session.execute(
        select(*columns, Bid.fee_percent).join(Bid, Bid.id == Booking.bid_id).where(Booking.id.between(first, last))
    )
    books = {row.id: _Books(row) for row in bookings}
    of_payment = (Payment.id, Payment.state, Payment.amount_cents, Payment.refunded_cents, Payment.currency)
    for row in session.execute(
        select(Payment.booking_id, *of_payment).where(Payment.booking_id.between(first, last)).order_by(Payment.id)
    ):
        books[row.booking_id].payments.append(row)
    of_entry = (Posting.kind, Posting.key, Entry.from_account, Entry.to_account, Entry.cents, Entry.currency)
    for booking_id, *moved in session.execute(
        select(Posting.booking_id, *of_entry)
        .join(Entry, Entry.posting_id == Posting.id)
        .where(Posting.booking_id.between(first, last))
    ):
        books[booking_id].entries[tuple(moved)] += 1
    yield from books.values()


def _faults_of_booking(books: _Books) -> Iterator[str]:
    """What is wrong with one booking: the entries must be exactly those that its payments and its state ask for."""
    booking = books.booking
    expected: Counter[Moved] = Counter()
    for payment in books.payments:
        expected.update(_entries_of(booking, payment))
        if (payment.amount_cents, payment.currency) != (booking.price_cents, booking.currency):
            yield f"payment {payment.id} is not over the price of booking {booking.id}"
    for entry, count in (books.entries - expected).items():
        yield f"booking {booking.id} ({booking.state}): {count} x {entry} too many"
    for entry, count in (expected - books.entries).items():
        yield f"booking {booking.id} ({booking.state}): {count} x {entry} missing"
    states = Counter(payment.state for payment in books.payments)
    if states[PAYMENT.held] != (1 if booking.state in BOOKING_HOLDING else 0):
        yield f"booking {booking.id} is {booking.state} and has {states[PAYMENT.held]} held payments"
    if states[PAYMENT.released] != (1 if booking.state in BOOKING_DONE else 0):
        yield f"booking {booking.id} is {booking.state} and has {states[PAYMENT.released]} released payments"
    if states[PAYMENT.partly_refunded] and booking.state != BOOKING.cancelled:
        yield f"booking {booking.id} is {booking.state} and was partly refunded"
    if booking.state == BOOKING.cancelled and not states[PAYMENT.refunded] + states[PAYMENT.partly_refunded]:
        yield f"booking {booking.id} is cancelled and nothing was refunded"
    if states[PAYMENT.prepared] and booking.state != BOOKING.reserved:
        yield f"booking {booking.id} is {booking.state} and has a prepared payment"
    account = held(booking.id)
    balance = sum(
        count * cents * ((goal == account) - (source == account))
        for (_, _, source, goal, cents, _), count in books.entries.items()
    )
    if balance != (booking.price_cents if booking.state in BOOKING_HOLDING else 0):
        yield f"booking {booking.id} is {booking.state} and holds {balance} cents"


def _entries_of(booking: Row[Any], payment: Row[Any]) -> Counter[Moved]:
    """The entries that a payment in this state asks for, written out independently of the verbs that made them."""
    state, amount, refunded = payment.state, payment.amount_cents, payment.refunded_cents
    if state in (PAYMENT.prepared, PAYMENT.failed):
        return Counter()
    source, helper = held(booking.id), owed(booking.helper_id)
    wanted = [("payment_held", GATEWAY, source, amount)]
    if state == PAYMENT.released:
        wanted += [
            ("payment_released", source, helper, amount - booking.fee_cents),
            ("payment_released", source, REVENUE, booking.fee_cents),
        ]
    if state in (PAYMENT.refunded, PAYMENT.partly_refunded):
        kept = amount - refunded
        fee = percent_of(kept, booking.fee_percent)
        wanted += [
            ("payment_refunded", source, GATEWAY, refunded),
            ("payment_refunded", source, helper, kept - fee),
            ("payment_refunded", source, REVENUE, fee),
        ]
    return Counter(
        (kind, str(payment.id), origin, goal, cents, payment.currency) for kind, origin, goal, cents in wanted if cents
    )


def _faults_of_sums(session: Session) -> Iterator[str]:
    """The whole: the gateway keeps exactly what is held, owed and earned, and nothing is below zero."""
    balance = balances(session)
    gateway = balance.pop(GATEWAY, 0)
    if gateway != sum(balance.values()):
        yield f"the gateway keeps {gateway}, but held, owed and revenue are {sum(balance.values())}"
    for account, cents in balance.items():
        if cents < 0:
            yield f"{account} is {cents}"
        if account != REVENUE and account.partition(":")[0] not in ("held", "owed"):
            yield f"{account} is no account of ours"


def _faults_of_facts(session: Session) -> Iterator[str]:
    """Each fact stands once, belongs to a booking and moves something; refunds are in the ledger as in the payments."""
    twice = select(Posting.kind, Posting.key).group_by(Posting.kind, Posting.key).having(func.count() > 1)
    for kind, key in session.execute(twice):
        yield f"{kind} {key} is posted more than once"
    for posting in session.execute(select(Posting.id).where(Posting.booking_id.is_(None))).scalars():
        yield f"posting {posting} belongs to no booking"
    empty = select(Posting.id).where(~select(Entry.id).where(Entry.posting_id == Posting.id).exists())
    for posting in session.execute(empty).scalars():
        yield f"posting {posting} moves nothing"
    refunded = session.scalar(select(func.coalesce(func.sum(Payment.refunded_cents), 0)))
    posted = session.scalar(select(func.coalesce(func.sum(Entry.cents), 0)).where(Entry.to_account == GATEWAY))
    if refunded != posted:
        yield f"payments say {refunded} refunded, the ledger {posted}"


def _kind_of(source: str, goal: str) -> str:
    """A line of the story in one word."""
    if source == GATEWAY:
        return "held"
    return {GATEWAY: "refunded", REVENUE: "fee"}.get(goal, "helper")
