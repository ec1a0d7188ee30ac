"""Writing payments and the ledger: accepting a bid, booking what the gateway says, and sharing the money at the end.

Each verb takes its locks in one order (booking, payment, task, bids), so that two of them never wait for each other.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bids, bookings, journal, outbox, tasks
from marketplace.db import move
from marketplace.domain.cancellation import CancellationEffect, Side, effect_of_cancelling
from marketplace.domain.errors import N_, EffectChanged, Invalid, NotAllowed, NotFound, WrongState
from marketplace.domain.lifecycles import BOOKING, PAYMENT, TASK
from marketplace.domain.money import GATEWAY, REVENUE, PaymentFact, held, owed
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Entry, GatewayEvent, Payment, Posting, Task, User
from marketplace.permissions import may_settle, side_of

ASK_EVERY = timedelta(minutes=1)  # how often the worker looks at a page whose customer has not come back


@dataclass(frozen=True)
class Shares:
    """How a held amount is shared at the end, in cents: back to the customer, to the helper, to the platform."""

    refund_cents: int
    helper_cents: int
    fee_cents: int


def accept_bid(
    session: Session, bid: Bid, *, by: User, address: str | None, phone: str, terms: int, policy: Policy
) -> Payment:
    """Accept a bid on the terms that the customer saw: the visit is reserved and its payment prepared.

    The first of two transactions; the gateway is called after it, and `record` books what the gateway says.
    Raises NotAllowed, WrongState, PaymentUnderWay.
    """
    booking = bookings.reserve(session, bid, by=by, address=address, phone=phone, terms=terms, policy=policy)
    return _prepare(session, booking, by=by)


def resume(session: Session, booking: Booking, *, by: User) -> Payment:
    """Go on paying for a reserved visit: the payment under way, or a new one after a failed one.

    Raises NotAllowed, WrongState.
    """
    _demand_customer(by, booking)
    _lock(session, booking)
    if booking.state not in BOOKING.befores("confirm") or booking.reserved_until <= clock.now():
        raise WrongState(N_("The time for paying is over. Please accept the bid again."))
    under_way = _of_booking(session, booking, "hold")
    return under_way or _prepare(session, booking, by=by)


def note_checkout(session: Session, payment_id: int, reference: str) -> None:
    """Remember the gateway's reference to the payment page; raises WrongState when the payment is over already."""
    noted = session.execute(
        update(Payment)
        .where(Payment.id == payment_id, Payment.state.in_(PAYMENT.befores("hold")))
        .where(or_(Payment.checkout.is_(None), Payment.checkout == reference))
        .values(checkout=reference)
    )
    if noted.rowcount != 1:  # type: ignore[attr-defined]
        raise WrongState()


def take_due(session: Session, *, limit: int = 100) -> list[int]:
    """The ids of payments under way of which the gateway was not asked for a while; they count as asked from now."""
    now = clock.now()
    due = (
        select(Payment.id)
        .where(Payment.state.in_(PAYMENT.befores("hold")))
        .where(func.coalesce(Payment.asked_at, Payment.created_at) <= now - ASK_EVERY)
        .order_by(Payment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(due))
    if ids:
        session.execute(
            update(Payment).where(Payment.id.in_(ids)).values(asked_at=now).execution_options(synchronize_session=False)
        )
    return ids


def record(session: Session, fact: PaymentFact) -> Payment:
    """Book what the gateway says of a payment page. Safe to run again: each event takes effect once.

    The second of the two transactions: money held, visit confirmed, task booked, siblings declined and everybody told,
    all or nothing. What was paid too late is sent back by itself. Raises NotFound for an unknown page, WrongState for a
    wrong amount.
    """
    payment = session.scalar(select(Payment).where(Payment.checkout == fact.reference))
    if payment is None:
        raise NotFound()
    if (fact.amount_cents, fact.currency) != (payment.amount_cents, payment.currency):
        raise WrongState(N_("The amount paid is not the amount asked for. Please write to us."))
    booking = session.get_one(Booking, payment.booking_id)
    _lock(session, booking)
    if fact.outcome == "open" or not _is_new(session, fact, payment):
        return payment
    if fact.outcome == "paid":
        _take_in(session, payment, booking)
    else:
        _fail(session, payment, fact.outcome)
    return payment


def lapse(session: Session, booking: Booking, *, by: User | None = None) -> None:
    """End a reservation that was not paid, by the worker or by its customer.

    Its page, if one was opened, must have ended: on an open one somebody could still pay for a visit that is gone.
    Raises NotAllowed, WrongState.
    """
    if by is not None:
        _demand_customer(by, booking)
    bookings.lapse(session, booking, by=by)
    if by is None:  # who gives up themself sees it
        about = {"booking_id": booking.id, "task_id": booking.task_id, "bid_id": booking.bid_id}
        outbox.tell(session, booking.customer_id, "reservation_lapsed", **about)
    payment = _of_booking(session, booking, "fail")
    if payment is None:
        return
    session.refresh(payment, with_for_update={"of": Payment})  # of noting a page and lapsing, one comes first
    if payment.checkout is not None:
        raise WrongState()
    _fail(session, payment, "lapsed")


def sign_off(session: Session, booking: Booking, *, by: User | None) -> None:
    """Release the money: the customer says that it works, or (nobody) has been silent long enough and is told so.

    Raises NotAllowed, WrongState.
    """
    if by is not None:
        _demand_customer(by, booking)
    bookings.sign_off(session, booking, by=by)
    if by is None:
        outbox.tell(session, booking.customer_id, "silence_signed_off", booking_id=booking.id)
    _release(session, booking, by=by)


def call_off(
    session: Session, booking: Booking, *, by: User, policy: Policy, agreed_refund_cents: int | None = None
) -> CancellationEffect:
    """Cancel before the visit and share the money by `domain/cancellation`.

    `agreed_refund_cents` is the refund that was shown before the click; EffectChanged is raised when it is another now.
    Raises NotAllowed, WrongState.
    """
    side = cast(Side | None, side_of(by, booking))
    if side is None:
        raise NotAllowed()
    effect = effect_now(session, booking, side, policy=policy)
    if agreed_refund_cents not in (None, effect.refund_cents):
        raise EffectChanged()
    bookings.cancel(session, booking, by=by, side=side)
    _share_out(session, booking, Shares(effect.refund_cents, effect.helper_cents, effect.fee_cents), by=by)
    task = session.get_one(Task, booking.task_id)
    if side == "helper":
        tasks.reopen(session, task)
        bids.fall_through(session, session.get_one(Bid, booking.bid_id))
    else:
        move(session, Task, task.id, TASK, "cancel")
        journal.record(session, "task_cancelled", task, by=by)
    for person in (booking.customer_id, booking.helper_id):
        figures = {"refund_cents": effect.refund_cents, "helper_cents": effect.helper_cents, "cancelled_by": side}
        outbox.tell(session, person, "booking_cancelled", booking_id=booking.id, task_id=task.id, **figures)
    return effect


def effect_now(session: Session, booking: Booking, side: Side, *, policy: Policy) -> CancellationEffect:
    """What cancelling this booking would cost whom at this moment."""
    fee_percent = session.get_one(Bid, booking.bid_id).fee_percent
    return effect_of_cancelling(
        booking.price_cents,
        fee_percent=fee_percent,
        starts_at=booking.starts_at,
        by=side,
        at=clock.now(),
        policy=policy,
    )


def settle(session: Session, booking: Booking, *, by: User, in_favour_of: Side, reason: str) -> None:
    """The operator decides about the money of an unsolved visit, with a reason.

    Raises NotAllowed, Invalid, WrongState.
    """
    if not may_settle(by) or side_of(by, booking) is not None:
        raise NotAllowed(N_("A moderator decides, and never about a visit of their own."))
    if not reason.strip():
        raise Invalid("reason", N_("Please give a reason. Both sides will read it."))
    move(session, Booking, booking.id, BOOKING, "settle", settled_reason=reason.strip())
    if in_favour_of == "helper":
        bookings.sign_off(session, booking, by=by)
        _release(session, booking, by=by)
    else:
        bookings.cancel(session, booking, by=by, side="operator", action="give_back")
        _share_out(session, booking, Shares(booking.price_cents, 0, 0), by=by)
        tasks.close(session, session.get_one(Task, booking.task_id))
    journal.record(session, "visit_settled", booking, by=by, facts={"in_favour_of": in_favour_of})
    for person in (booking.customer_id, booking.helper_id):
        outbox.tell(session, person, "visit_settled", booking_id=booking.id, in_favour_of=in_favour_of)


def _prepare(session: Session, booking: Booking, *, by: User) -> Payment:
    payment = Payment(
        booking_id=booking.id,
        customer_id=booking.customer_id,
        amount_cents=booking.price_cents,
        currency=booking.currency,
        created_at=clock.now(),
    )
    session.add(payment)
    journal.record(session, "payment_prepared", payment, by=by, facts={"booking_id": booking.id})
    return payment


def _is_new(session: Session, fact: PaymentFact, payment: Payment) -> bool:
    """Store the event's id with its effect; the second time the database refuses it, and nothing is done."""
    try:
        with session.begin_nested():
            session.add(GatewayEvent(event_id=fact.event_id, kind=fact.outcome, payment_id=payment.id, at=clock.now()))
    except IntegrityError:
        return False
    return True


def _take_in(session: Session, payment: Payment, booking: Booking) -> None:
    """Hold the money and confirm the visit; when the visit can no longer be had, send the money back instead.

    Money that is booked already stays so, whatever a second event says of it.
    """
    session.refresh(payment)
    if payment.state not in PAYMENT.befores("send_back"):
        return
    try:
        with session.begin_nested():
            _hold(session, payment, booking)
    except WrongState:
        session.refresh(booking)  # as it was before the attempt
        _send_back(session, payment, booking)


def _hold(session: Session, payment: Payment, booking: Booking) -> None:
    bookings.confirm(session, booking)
    move(session, Payment, payment.id, PAYMENT, "hold", settled_at=clock.now())
    _post(session, "payment_held", payment, (GATEWAY, held(booking.id), payment.amount_cents))
    bid = session.get_one(Bid, booking.bid_id)
    tasks.mark_booked(session, session.get_one(Task, booking.task_id))
    bids.mark_accepted(session, bid)
    bids.decline_siblings(session, bid)
    journal.record(session, "payment_held", payment, by=None, facts={"cents": payment.amount_cents})
    facts = {"booking_id": booking.id, "task_id": booking.task_id, "bid_id": bid.id}
    outbox.tell(session, booking.customer_id, "booking_confirmed", **facts)
    outbox.tell(session, booking.helper_id, "booking_won", **facts)


def _send_back(session: Session, payment: Payment, booking: Booking) -> None:
    cents = payment.amount_cents
    move(session, Payment, payment.id, PAYMENT, "send_back", refunded_cents=cents, settled_at=clock.now())
    _post(session, "payment_held", payment, (GATEWAY, held(booking.id), cents))
    _post(session, "payment_refunded", payment, (held(booking.id), GATEWAY, cents))
    if booking.state in BOOKING.befores("lapse"):
        bookings.lapse(session, booking)
    _ask_refund(session, payment, cents)
    journal.record(session, "payment_returned", payment, by=None, facts={"cents": cents})
    facts = {"booking_id": booking.id, "task_id": booking.task_id, "refund_cents": cents}
    outbox.tell(session, booking.customer_id, "payment_returned", **facts)


def _fail(session: Session, payment: Payment, failure: str) -> None:
    """The page ended without money. What is held or sent back already stays so: an old event changes nothing."""
    session.refresh(payment)
    if payment.state not in PAYMENT.befores("fail"):
        return
    move(session, Payment, payment.id, PAYMENT, "fail", failure=failure, settled_at=clock.now())
    journal.record(session, "payment_failed", payment, by=None, facts={"failure": failure})
    if failure == "declined":
        outbox.tell(session, payment.customer_id, "payment_failed", booking_id=payment.booking_id)


def _release(session: Session, booking: Booking, *, by: User | None) -> None:
    """Share the held price between helper and platform; the task is done, and both may review."""
    payment = _held_payment(session, booking)
    move(session, Payment, payment.id, PAYMENT, "release", settled_at=clock.now())
    share = Shares(0, booking.helper_cents, booking.fee_cents)
    _post(session, "payment_released", payment, *_entries(booking, share))
    tasks.mark_done(session, session.get_one(Task, booking.task_id))
    journal.record(session, "payment_released", payment, by=by, facts={"helper_cents": share.helper_cents})
    outbox.tell(session, booking.helper_id, "visit_signed_off", booking_id=booking.id, helper_cents=share.helper_cents)
    for person in (booking.customer_id, booking.helper_id):
        outbox.tell(session, person, "review_due", booking_id=booking.id)


def _share_out(session: Session, booking: Booking, shares: Shares, *, by: User) -> None:
    """Give the customer's part back and book the helper's and the platform's."""
    payment = _held_payment(session, booking)
    action = "refund" if shares.refund_cents == payment.amount_cents else "refund_partly"
    values = {"refunded_cents": shares.refund_cents, "settled_at": clock.now()}
    move(session, Payment, payment.id, PAYMENT, action, **values)
    _post(session, "payment_refunded", payment, *_entries(booking, shares))
    _ask_refund(session, payment, shares.refund_cents)
    journal.record(session, "payment_refunded", payment, by=by, facts={"cents": shares.refund_cents})


def _entries(booking: Booking, shares: Shares) -> list[tuple[str, str, int]]:
    source = held(booking.id)
    return [
        (source, GATEWAY, shares.refund_cents),
        (source, owed(booking.helper_id), shares.helper_cents),
        (source, REVENUE, shares.fee_cents),
    ]


def _post(session: Session, kind: str, payment: Payment, *moves: tuple[str, str, int]) -> None:
    """Write one fact into the ledger, once: each move takes cents from one account to another."""
    posting = Posting(kind=kind, key=str(payment.id), booking_id=payment.booking_id, at=clock.now())
    session.add(posting)
    session.flush()
    session.add_all(
        Entry(posting_id=posting.id, from_account=source, to_account=goal, cents=cents, currency=payment.currency)
        for source, goal, cents in moves
        if cents
    )


def _ask_refund(session: Session, payment: Payment, cents: int) -> None:
    if cents:
        outbox.ask_refund(session, payment_id=payment.id, cents=cents, key=f"refund-{payment.id}")


def _held_payment(session: Session, booking: Booking) -> Payment:
    payment = _of_booking(session, booking, "release")
    if payment is None:
        raise WrongState()
    return payment


def _of_booking(session: Session, booking: Booking, action: str) -> Payment | None:
    """The booking's payment to which `action` applies; the database allows one at most."""
    return session.scalar(
        select(Payment).where(Payment.booking_id == booking.id, Payment.state.in_(PAYMENT.befores(action)))
    )


def _lock(session: Session, booking: Booking) -> None:
    """Wait until nobody else changes this booking, then read it anew."""
    session.refresh(booking, with_for_update={"of": Booking})  # not the people that were loaded with it


def _demand_customer(by: User, booking: Booking) -> None:
    if side_of(by, booking) != "customer":
        raise NotAllowed()
