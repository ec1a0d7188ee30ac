"""Reading the lists behind the money's figures, page by page, and the whole ledger line by line for bookkeeping."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from marketplace.domain.lifecycles import DISPUTE, PAYOUT
from marketplace.models import Booking, Dispute, Entry, FeeRule, Payment, Payout, PayoutAccount, Posting, Refund, User
from marketplace.queries.money import free_by_helper, people_by_id
from marketplace.queries.operator import Listed

CHUNK = 1_000


@dataclass(frozen=True)
class Asked:
    """What a list is narrowed to: a state, a time (of the row's beginning), words."""

    state: str | None = None
    span: tuple[datetime, datetime] | None = None
    search: str = ""


@dataclass(frozen=True)
class LedgerLine:
    """One line of the ledger as bookkeeping reads it: people and bookings by their public ids, the amount in cents."""

    entry_id: int
    posting_id: int
    at: datetime
    kind: str
    key: str
    booking: str
    reference: str
    from_account: str
    to_account: str
    cents: int
    currency: str


@dataclass(frozen=True)
class Debt:
    """What a helper owes us, in cents."""

    helper: User
    cents: int


def payments(session: Session, asked: Asked, *, limit: int, offset: int = 0) -> Listed:
    """Payments, newest first, with their booking and customer."""
    chosen = _narrowed(select(Payment).join(Payment.booking).join(Payment.customer), Payment, asked)
    return _page(session, chosen, Payment.id.desc(), _OF_PAYMENT, limit=limit, offset=offset)


def refunds(session: Session, asked: Asked, *, limit: int, offset: int = 0) -> Listed:
    """Refunds, newest first, with their payment, booking and customer."""
    chosen = _narrowed(select(Refund).join(Refund.payment).join(Payment.booking).join(Payment.customer), Refund, asked)
    return _page(session, chosen, Refund.id.desc(), _through(Refund.payment), limit=limit, offset=offset)


def payouts(session: Session, asked: Asked, *, without_account: bool = False, limit: int, offset: int = 0) -> Listed:
    """Payouts, newest first, with their helper and booking; or those that wait for a helper's bank data."""
    chosen = _narrowed(select(Payout).join(Payout.payment).join(Payment.booking).join(Payout.helper), Payout, asked)
    if without_account:
        reached = select(PayoutAccount.id).where(PayoutAccount.user_id == Payout.helper_id, PayoutAccount.is_ready)
        chosen = chosen.where(Payout.state == PAYOUT.waiting, ~reached.exists())
    options = (
        contains_eager(Payout.helper).raiseload(User.roles),
        contains_eager(Payout.payment).contains_eager(Payment.booking).joinedload(Booking.task),
    )
    return _page(session, chosen, Payout.id.desc(), options, limit=limit, offset=offset)


def disputes(session: Session, asked: Asked, *, open_only: bool = False, limit: int, offset: int = 0) -> Listed:
    """Disputes: those that we may still answer with the nearest deadline first, or all of them, newest first."""
    chosen = _narrowed(
        select(Dispute).join(Dispute.payment).join(Payment.booking).join(Payment.customer), Dispute, asked
    )
    by: Any = Dispute.id.desc()
    if open_only:
        chosen, by = chosen.where(Dispute.state == DISPUTE.begins), func.coalesce(Dispute.due_at, Dispute.opened_at)
    return _page(session, chosen, by, _through(Dispute.payment), limit=limit, offset=offset)


def ledger_lines(session: Session, *, account: str | None, asked: Asked, limit: int, offset: int = 0) -> Listed:
    """Lines of the ledger, newest first: of one account (`held` means those of all bookings) or of all."""
    chosen = _lines(account, asked.span)
    if asked.search:
        chosen = chosen.where(or_(Booking.public_id == asked.search.lower(), Posting.reference == asked.search))
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    rows = session.execute(chosen.order_by(Entry.id.desc()).limit(limit).offset(offset)).all()
    return Listed(_read(session, rows), total)


def all_lines(session: Session, span: tuple[datetime, datetime], account: str | None = None) -> Iterator[LedgerLine]:
    """Every line of the ledger in a time, oldest first, a thousand at a time: for bookkeeping."""
    last = 0
    chosen = _lines(account, span).order_by(Entry.id).limit(CHUNK)
    while rows := session.execute(chosen.where(Entry.id > last)).all():
        yield from _read(session, rows)
        last = rows[-1][0]


def debts(session: Session) -> list[Debt]:
    """Helpers who owe us something, the greatest debt first."""
    owing = {helper: -cents for helper, cents in free_by_helper(session).items() if cents < 0}
    people = people_by_id(session, owing)
    return sorted((Debt(people[number], cents) for number, cents in owing.items()), key=lambda one: -one.cents)


def fee_rules(session: Session) -> list[FeeRule]:
    """Every rule about fees, the newest beginning first."""
    return list(session.scalars(select(FeeRule).order_by(FeeRule.valid_from.desc(), FeeRule.id.desc())))


def booking_names(session: Session, ids: set[int]) -> dict[int, str]:
    """The public ids of these bookings."""
    rows = session.execute(select(Booking.id, Booking.public_id).where(Booking.id.in_(ids)))
    return dict(rows.tuples().all())


# ---- What the lists share

_OF_PAYMENT: tuple[Any, ...] = (
    contains_eager(Payment.customer).raiseload(User.roles),
    contains_eager(Payment.booking).joinedload(Booking.task),
)


def _through(payment: Any) -> tuple[Any, ...]:
    """The same people and bookings of rows that belong to a payment."""
    return (
        contains_eager(payment).contains_eager(Payment.customer).raiseload(User.roles),
        contains_eager(payment).contains_eager(Payment.booking).joinedload(Booking.task),
    )


def _narrowed(chosen: Select[Any], model: Any, asked: Asked) -> Select[Any]:
    """By state, by when the row began, by the reference of a booking or payment, the gateway's name, or a person's."""
    if asked.state:
        chosen = chosen.where(model.state == asked.state)
    if asked.span:
        began = Dispute.opened_at if model is Dispute else model.created_at
        chosen = chosen.where(began >= asked.span[0], began < asked.span[1])
    if asked.search:
        words = asked.search.lower()
        reference = Payment.charge if model is Payment else model.reference
        chosen = chosen.where(
            or_(
                Booking.public_id == words,
                Payment.public_id == words,
                reference == asked.search,
                func.lower(User.name).contains(words, autoescape=True),
            )
        )
    return chosen


def _page(session: Session, chosen: Select[Any], by: Any, options: Any, *, limit: int, offset: int) -> Listed:
    """One page of a list and the count of all of it."""
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    rows = session.scalars(chosen.order_by(by).options(*options).limit(limit).offset(offset))
    return Listed(list(rows), total)


def _lines(account: str | None, span: tuple[datetime, datetime] | None) -> Select[Any]:
    chosen = (
        select(
            *(Entry.id, Posting.id.label("posting"), Posting.at, Posting.kind, Posting.key, Booking.public_id),
            *(Posting.reference, Entry.from_account, Entry.to_account, Entry.cents, Entry.currency),
        )
        .join(Posting, Posting.id == Entry.posting_id)
        .outerjoin(Booking, Booking.id == Posting.booking_id)
    )
    if span:
        chosen = chosen.where(Posting.at >= span[0], Posting.at < span[1])
    if account:
        either = [one for column in (Entry.from_account, Entry.to_account) for one in _is_account(column, account)]
        chosen = chosen.where(or_(*either))
    return chosen


def _is_account(column: Any, account: str) -> tuple[Any, Any]:
    return column == account, column.startswith(f"{account}:", autoescape=True)


def _read(session: Session, rows: Any) -> list[LedgerLine]:
    """Lines with public ids in the place of the numbers of our rows."""
    named = [part.partition(":") for row in rows for part in (row.from_account, row.to_account)]
    people = people_by_id(session, {int(number) for noun, _, number in named if noun in ("owed", "credit")})
    bookings = booking_names(session, {int(number) for noun, _, number in named if noun == "held"})

    def public(account: str) -> str:
        noun, _, number = account.partition(":")
        if noun == "held":
            return f"{noun}:{bookings[int(number)]}"
        return f"{noun}:{people[int(number)].public_id}" if number else noun

    return [
        LedgerLine(
            entry_id=row[0],
            posting_id=row.posting,
            at=row.at,
            kind=row.kind,
            key=row.key,
            booking=row.public_id or "",
            reference=row.reference or "",
            from_account=public(row.from_account),
            to_account=public(row.to_account),
            cents=row.cents,
            currency=row.currency,
        )
        for row in rows
    ]
