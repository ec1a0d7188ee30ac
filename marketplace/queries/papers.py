"""Reading what stands on papers: a booking's receipt and statement, a helper's year, and what a helper owes."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.errors import N_, NotFound, WrongState
from marketplace.domain.lifecycles import PAYMENT
from marketplace.domain.money import REVENUE, owed
from marketplace.models import Booking, Entry, Payment, Posting, Profile, Settlement, Task, User
from marketplace.permissions import may_see_paper
from marketplace.queries.bookings import booking_page
from marketplace.queries.money import PaymentMoney, money_of
from marketplace.queries.payouts import sums_of

CAME_IN = (PAYMENT.held, PAYMENT.released, PAYMENT.refunded, PAYMENT.partly_refunded)


@dataclass(frozen=True)
class BookingPaper:
    """A booking and the payments of it that came in, with all that followed from them."""

    booking: Booking
    payments: list[PaymentMoney]


@dataclass(frozen=True)
class YearRow:
    """What one booking brought a helper in a year, in cents."""

    booking: str
    title: str
    at: datetime
    price_cents: int
    fee_cents: int

    @property
    def net_cents(self) -> int:
        """The helper's part."""
        return self.price_cents - self.fee_cents


@dataclass(frozen=True)
class Year:
    """A helper's year as the ledger has it, in cents: `opening` and what moved come to `closing`."""

    helper: User
    rows: list[YearRow]
    opening: int
    sent: int
    came_back: int
    kept_in_cash: int
    paid_to_us: int
    closing: int

    @property
    def price_cents(self) -> int:
        """All that customers paid for this helper's work."""
        return sum(row.price_cents for row in self.rows)

    @property
    def fee_cents(self) -> int:
        """The platform's fees on it."""
        return sum(row.fee_cents for row in self.rows)

    @property
    def net_cents(self) -> int:
        """What the helper earned."""
        return sum(row.net_cents for row in self.rows)


@dataclass(frozen=True)
class FeeRow:
    """The fee of one visit that was paid in cash, in cents."""

    booking: str
    title: str
    at: datetime
    price_cents: int
    fee_cents: int


@dataclass(frozen=True)
class Owing:
    """What a helper owes us, in cents, and the newest visits paid in cash that it comes from."""

    helper: User
    profile: Profile | None
    cents: int
    rows: list[FeeRow]


def receipt_of(session: Session, public_id: str, user: User) -> BookingPaper:
    """What a customer paid for a booking; raises NotFound for anybody but them and the operator, WrongState before."""
    return _paper(session, public_id, user, "customer", N_("There is a receipt once something was paid."))


def statement_of(session: Session, public_id: str, user: User) -> BookingPaper:
    """What a booking brought its helper; raises NotFound for anybody but them and the operator, WrongState before."""
    paper = _paper(session, public_id, user, "helper", N_("There is a statement once the money is shared out."))
    if not any(money.settlements for money in paper.payments):
        raise WrongState(N_("There is a statement once the money is shared out."))
    return paper


def papers_of(session: Session, booking: Booking, user: User) -> list[str]:
    """Which papers this person may have of a booking now: `receipt`, `statement`, and `bill` for the fee of a visit in cash."""
    rows = session.execute(select(Payment.state, Payment.method).where(Payment.booking_id == booking.id)).all()
    came_in = [row for row in rows if row.state in CAME_IN]
    there = {
        "receipt": may_see_paper(user, booking, "customer") and bool(came_in),
        "statement": may_see_paper(user, booking, "helper") and any(row.state != PAYMENT.held for row in came_in),
        "bill": booking.helper_id == user.id
        and any(row.method == "cash" for row in came_in)
        and sums_of(session, user.id).debt_cents > 0,
    }
    return [name for name, is_there in there.items() if is_there]


def year_of(session: Session, helper: User, since: datetime, until: datetime) -> Year:
    """A helper's bookings, fees and payouts of a time, to the rappen as the ledger has them."""
    account = owed(helper.id)
    moved: dict[str, int] = defaultdict(int)  # by kind: what reached the helper's account less what left it
    net: dict[int, int] = defaultdict(int)
    fees: dict[int, int] = defaultdict(int)
    first: dict[int, datetime] = {}
    for line in session.execute(_lines_of(helper, account, since, until)):
        at_helper = line.cents * ((line.to_account == account) - (line.from_account == account))
        moved[line.kind] += at_helper
        if line.kind == "settled":
            first.setdefault(line.booking_id, line.at)
            net[line.booking_id] += at_helper
            fees[line.booking_id] += line.cents * ((line.to_account == REVENUE) - (line.from_account == REVENUE))
    opening = _balance(session, account, since)
    named = _named(session, set(first))
    return Year(
        helper=helper,
        rows=[YearRow(*named[number], at, net[number] + fees[number], fees[number]) for number, at in first.items()],
        opening=opening,
        sent=-moved["payout_sent"],
        came_back=moved["payout_taken_back"],
        kept_in_cash=-moved["cash_kept"],
        paid_to_us=moved["fee_paid"],
        closing=opening + sum(moved.values()),
    )


def owing_of(session: Session, helper: User) -> Owing:
    """What a helper owes us now, with the visits paid in cash that explain it, the newest first."""
    debt = sums_of(session, helper.id).debt_cents
    rows = session.execute(
        select(Booking.public_id, Task.title, Settlement.at, Payment.amount_cents, Settlement.fee_cents)
        .join(Payment, Payment.id == Settlement.payment_id)
        .join(Booking, Booking.id == Payment.booking_id)
        .join(Task, Task.id == Booking.task_id)
        .where(Booking.helper_id == helper.id, Payment.method == "cash", Settlement.fee_cents > 0)
        .order_by(Settlement.id.desc())
    )
    left, shown = debt, []
    for row in rows:
        if left <= 0:
            break
        shown.append(FeeRow(*row))
        left -= row.fee_cents
    profile = session.scalar(select(Profile).where(Profile.user_id == helper.id))
    return Owing(helper, profile, debt, shown)


def _paper(session: Session, public_id: str, user: User, side: str, too_early: str) -> BookingPaper:
    booking = booking_page(session, public_id)
    if not may_see_paper(user, booking, side):
        raise NotFound()
    payments = [money for money in money_of(session, booking.id) if money.payment.state in CAME_IN]
    if not payments:
        raise WrongState(too_early)
    return BookingPaper(booking, payments)


def _lines_of(helper: User, account: str, since: datetime, until: datetime) -> Select[Any]:
    """What moved on a helper's account, and the fees on this helper's bookings."""
    own = or_(Entry.from_account == account, Entry.to_account == account)
    fee = or_(Entry.from_account == REVENUE, Entry.to_account == REVENUE)
    return (
        select(Posting.kind, Posting.booking_id, Posting.at, Entry.from_account, Entry.to_account, Entry.cents)
        .join(Posting, Posting.id == Entry.posting_id)
        .outerjoin(Booking, Booking.id == Posting.booking_id)
        .where(Posting.at >= since, Posting.at < until)
        .where(or_(own, and_(Posting.kind == "settled", Booking.helper_id == helper.id, fee)))
        .order_by(Entry.id)
    )


def _balance(session: Session, account: str, before: datetime) -> int:
    """What stood on an account at a moment."""
    total = 0
    for column, sign in ((Entry.to_account, 1), (Entry.from_account, -1)):
        asked = select(func.coalesce(func.sum(Entry.cents), 0)).join(Posting, Posting.id == Entry.posting_id)
        total += sign * int(session.scalar(asked.where(column == account, Posting.at < before)) or 0)
    return total


def _named(session: Session, ids: set[int]) -> dict[int, tuple[str, str]]:
    """Reference and title of these bookings."""
    rows = session.scalars(select(Booking).where(Booking.id.in_(ids)).options(joinedload(Booking.task)))
    return {booking.id: (booking.public_id, booking.task.title) for booking in rows}
