"""Reading the money for the operator's room: what stands where now, what moved in a time, what is stuck, who is owed what."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.db import by_public_id
from marketplace.domain.lifecycles import DISPUTE, PAYMENT, PAYOUT, REFUND, REVERSAL
from marketplace.domain.money import CASH, DISPUTES, FEES, GATEWAY, GOODWILL, LOSSES, REFUNDS, REVENUE, owed
from marketplace.models import (
    Booking,
    Dispute,
    Entry,
    OutboxItem,
    Payment,
    Payout,
    PayoutAccount,
    Posting,
    Refund,
    Reversal,
    Settlement,
    Task,
    User,
)
from marketplace.queries.ledger import at_one_moment, balances

STUCK_AFTER = 3  # attempts: until then the worker is only being patient
NAMED = (GATEWAY, CASH, FEES, GOODWILL, DISPUTES, LOSSES, REVENUE, REFUNDS)
CHANNELS = {"refund": Refund, "payout": Payout, "reversal": Reversal}


@dataclass(frozen=True)
class Standing:
    """What stands where at this moment, in cents."""

    held: int
    ready: int  # owed to helpers and to be sent now
    without_account: int  # owed to helpers who have given no bank data
    on_its_way: int
    debts: int  # what helpers owe us
    credits: int  # what customers may use on a later booking
    refunds_under_way: int
    refunds_failed: int
    disputed: int


@dataclass(frozen=True)
class Flow:
    """What moved in a time, in cents, each less what came back."""

    taken_in: int
    in_cash: int
    refunded: int
    paid_out: int
    revenue: int
    gateway_fees: int
    goodwill: int
    losses: int


@dataclass
class PaymentMoney:
    """A payment with every decision about its money and what followed from them."""

    payment: Payment
    settlements: list[Settlement] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    @property
    def helper_cents(self) -> int:
        """What the helper has of it so far."""
        return sum(one.helper_cents for one in self.settlements)

    @property
    def fee_cents(self) -> int:
        """What the platform has of it so far."""
        return sum(one.fee_cents for one in self.settlements)


@dataclass(frozen=True)
class Stuck:
    """Money that does not move: which row, why, and whether trying again can help."""

    channel: str
    row_id: int
    cents: int
    currency: str
    booking: str
    title: str
    since: datetime
    why: str
    attempts: int
    may_retry: bool


@dataclass(frozen=True)
class Claim:
    """What one person is owed now, in cents; below zero `owed` is what a helper owes us."""

    kind: str
    public_id: str
    name: str
    email: str
    owed: int = 0
    waiting: int = 0
    sent: int = 0
    held: int = 0
    credit: int = 0
    refund: int = 0


# ---- Figures


def standing(session: Session) -> Standing:
    """What is held, owed, on its way and disputed now."""
    accounts = balances(session)
    payouts: dict[tuple[str, bool], int] = {
        (state, bool(ready)): int(cents)
        for state, ready, cents in session.execute(
            select(Payout.state, PayoutAccount.is_ready, func.sum(Payout.cents))
            .outerjoin(PayoutAccount, PayoutAccount.user_id == Payout.helper_id)
            .where(Payout.state.in_((PAYOUT.waiting, PAYOUT.sending)))
            .group_by(Payout.state, PayoutAccount.is_ready)
        )
    }
    refunds = _by_state(session, Refund)
    disputes = _by_state(session, Dispute)
    return Standing(
        held=sum(cents for name, cents in accounts.items() if name.startswith("held:")),
        ready=payouts.get((PAYOUT.waiting, True), 0),
        without_account=payouts.get((PAYOUT.waiting, False), 0),
        on_its_way=sum(cents for (state, _), cents in payouts.items() if state == PAYOUT.sending),
        debts=-sum(cents for cents in free_by_helper(session).values() if cents < 0),
        credits=sum(cents for name, cents in accounts.items() if name.startswith("credit:")),
        refunds_under_way=refunds.get(REFUND.asked, 0),
        refunds_failed=refunds.get(REFUND.failed, 0),
        disputed=sum(disputes.get(state, 0) for state in DISPUTE.befores("lose")),
    )


def flow(session: Session, since: datetime, until: datetime) -> Flow:
    """What moved from `since` to `until`, read from the ledger in one statement."""
    source, goal = (case((column.in_(NAMED), column), else_="") for column in (Entry.from_account, Entry.to_account))
    rows = session.execute(
        select(Posting.kind, source, goal, func.sum(Entry.cents))
        .join(Entry, Entry.posting_id == Posting.id)
        .where(Posting.at >= since, Posting.at < until)
        .where(or_(Entry.from_account.in_(NAMED), Entry.to_account.in_(NAMED)))
        .group_by(Posting.kind, source, goal)
    )
    left: dict[str, int] = defaultdict(int)  # by account: what left it less what reached it
    of: dict[str, int] = defaultdict(int)  # by kind: what left the gateway's account less what reached it
    for kind, giver, taker, cents in rows:
        left[giver] += int(cents)
        left[taker] -= int(cents)
        of[kind] += int(cents) * ((giver == GATEWAY) - (taker == GATEWAY))
    return Flow(
        taken_in=of["payment_held"],
        in_cash=sum_of_kind(session, "cash_paid", since, until),
        refunded=-of["refund_given"] - of["refund_failed"],
        paid_out=-of["payout_sent"] - of["payout_taken_back"],
        revenue=-left[REVENUE],
        gateway_fees=left[FEES],
        goodwill=left[GOODWILL],
        losses=left[LOSSES],
    )


def sum_of_kind(session: Session, kind: str, since: datetime, until: datetime) -> int:
    """What all postings of a kind moved in a time."""
    total = (
        select(func.coalesce(func.sum(Entry.cents), 0))
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Posting.kind == kind, Posting.at >= since, Posting.at < until)
    )
    return int(session.scalar(total) or 0)


def free_by_helper(session: Session) -> dict[int, int]:
    """By helper: what is owed and not on its way yet, in cents; below zero it is a debt to us."""
    free: dict[int, int] = defaultdict(int)
    for column, sign in ((Entry.to_account, 1), (Entry.from_account, -1)):
        named = column.startswith(owed(0)[:-1])  # `owed:` and any helper
        for name, cents in session.execute(select(column, func.sum(Entry.cents)).where(named).group_by(column)):
            free[int(name.partition(":")[2])] += sign * int(cents)
    going = select(Payout.helper_id, func.sum(Payout.cents)).group_by(Payout.helper_id)
    coming = (
        select(Payout.helper_id, func.sum(Reversal.cents))
        .join(Payout, Payout.id == Reversal.payout_id)
        .group_by(Payout.helper_id)
    )
    for helper, cents in session.execute(going.where(Payout.state.in_((PAYOUT.waiting, PAYOUT.sending)))):
        free[helper] -= int(cents)
    for helper, cents in session.execute(coming.where(Reversal.state == REVERSAL.asked)):
        free[helper] += int(cents)
    return dict(free)


def _by_state(session: Session, model: Any) -> dict[str, int]:
    rows = session.execute(select(model.state, func.sum(model.cents)).group_by(model.state))
    return {state: int(cents) for state, cents in rows}


# ---- One booking's money


def money_of(session: Session, booking_id: int) -> list[PaymentMoney]:
    """A booking's payments, the first one first, with settlements, refunds, payouts, reversals and disputes."""
    payments = session.scalars(select(Payment).where(Payment.booking_id == booking_id).order_by(Payment.id))
    found = {payment.id: PaymentMoney(payment) for payment in payments}
    for model, name in (
        (Settlement, "settlements"),
        (Refund, "refunds"),
        (Payout, "payouts"),
        (Dispute, "disputes"),
    ):
        rows: Any = session.scalars(select(model).where(model.payment_id.in_(found)).order_by(model.id))
        for row in rows:
            getattr(found[row.payment_id], name).append(row)
    of_payout = {payout.id: money for money in found.values() for payout in money.payouts}
    for reversal in session.scalars(select(Reversal).where(Reversal.payout_id.in_(of_payout)).order_by(Reversal.id)):
        of_payout[reversal.payout_id].reversals.append(reversal)
    return list(found.values())


def payment_with_booking(session: Session, public_id: str) -> Payment:
    """The payment with this public id, and its booking; raises NotFound."""
    return by_public_id(session, Payment, public_id, joinedload(Payment.booking))


# ---- Stuck


def stuck(session: Session) -> list[Stuck]:
    """What was tried several times in vain, what failed for good, and what waits for money; the oldest first.

    What waits for a helper's bank data is not stuck: it waits for the helper, who is reminded.
    """
    asked = {
        str(item.key): item
        for item in session.scalars(
            select(OutboxItem).where(
                OutboxItem.channel.in_(CHANNELS), OutboxItem.delivered_at.is_(None), OutboxItem.attempts > 0
            )
        )
    }
    tried = {key for key, item in asked.items() if item.attempts >= STUCK_AFTER}
    found = [
        *_rows(session, "refund", or_(Refund.id.in_(_ids(tried, "refund")), Refund.state == REFUND.failed), asked),
        *_rows(session, "payout", _payout_is_stuck(_ids(tried, "payout")), asked),
        *_rows(
            session, "reversal", or_(Reversal.id.in_(_ids(tried, "reversal")), Reversal.state == REVERSAL.failed), asked
        ),
    ]
    return sorted(found, key=lambda one: (one.since, one.channel, one.row_id))


def _payout_is_stuck(tried: list[int]) -> Any:
    can_be_reached = select(PayoutAccount.id).where(PayoutAccount.user_id == Payout.helper_id, PayoutAccount.is_ready)
    in_vain = or_(Payout.id.in_(tried), Payout.waits_for.is_not(None))
    return in_vain & Payout.state.in_((PAYOUT.waiting, PAYOUT.sending)) & can_be_reached.exists()


def _rows(session: Session, channel: str, condition: Any, asked: dict[str, OutboxItem]) -> Iterable[Stuck]:
    model: Any = CHANNELS[channel]
    rows = session.execute(_with_booking(model).where(condition).order_by(model.id).limit(200))
    for row, currency, booking, title in rows:
        item = asked.get(f"{channel}-{row.id}")
        failure = getattr(row, "failure", None) or getattr(row, "waits_for", None)
        yield Stuck(
            channel=channel,
            row_id=row.id,
            cents=row.cents,
            currency=currency,
            booking=booking,
            title=title,
            since=row.created_at,
            why=failure or (item.error if item and item.error else ""),
            attempts=item.attempts if item else 0,
            may_retry=item is not None or (model is Refund and row.state in REFUND.befores("ask_again")),
        )


def _with_booking(model: Any) -> Select[Any]:
    """Rows of refunds, payouts or reversals with the booking that they belong to."""
    chosen = select(model, Payment.currency, Booking.public_id, Task.title)
    if model is Reversal:
        chosen = chosen.join(Payout, Payout.id == Reversal.payout_id).join(Payment, Payment.id == Payout.payment_id)
    else:
        chosen = chosen.join(Payment, Payment.id == model.payment_id)
    return chosen.join(Booking, Booking.id == Payment.booking_id).join(Task, Task.id == Booking.task_id)


def _ids(keys: Iterable[str], channel: str) -> list[int]:
    """The rows that keys of this channel name."""
    return [int(number) for noun, _, number in (key.rpartition("-") for key in keys) if noun == channel]


# ---- Who is owed what


OWING = ("owed", "waiting", "held", "credit", "refund")  # who has none of these is owed nothing and owes nothing


def claims(session: Session) -> list[Claim]:
    """Everybody who is owed something or owes us: helpers with what waits and what was sent, customers with what is held for them,
    what is on its way back to them or could not reach them, and their credit.

    All of it is read as it was at one moment, unless the caller has begun to read already.
    """
    at_one_moment(session)
    accounts = balances(session)
    figures: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name, cents in accounts.items():
        noun, _, number = name.partition(":")
        if noun == "owed":
            figures["helper", int(number)]["owed"] = cents
        elif noun == "credit":
            figures["customer", int(number)]["credit"] = cents
    rows = select(Payout.helper_id, Payout.state, func.sum(Payout.cents - Payout.taken_back_cents))
    for helper, state, cents in session.execute(rows.group_by(Payout.helper_id, Payout.state)):
        figures["helper", helper]["waiting" if state in PAYOUT.befores("take") else "sent"] += int(cents)
    kept = select(Payment.customer_id, func.sum(Payment.amount_cents)).where(Payment.state == PAYMENT.held)
    for customer, cents in session.execute(kept.group_by(Payment.customer_id)):
        figures["customer", customer]["held"] = int(cents)
    back = select(Payment.customer_id, func.sum(Refund.cents)).join(Refund, Refund.payment_id == Payment.id)
    back = back.where(Refund.state.in_((REFUND.asked, REFUND.failed))).group_by(Payment.customer_id)
    for customer, cents in session.execute(back):
        figures["customer", customer]["refund"] = int(cents)
    owing = {who: one for who, one in figures.items() if any(one[name] for name in OWING)}
    people = people_by_id(session, {number for _, number in owing})
    made = [
        Claim(kind, people[number].public_id, people[number].name, people[number].email, **one)
        for (kind, number), one in owing.items()
    ]
    return sorted(made, key=lambda one: (one.kind == "customer", one.name, one.public_id))


def people_by_id(session: Session, ids: Iterable[int]) -> dict[int, User]:
    """These people by the numbers of their rows."""
    return {user.id: user for user in session.scalars(select(User).where(User.id.in_(set(ids))))}
