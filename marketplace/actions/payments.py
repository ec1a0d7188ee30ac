"""Writing payments: accepting a bid, booking what the gateway says, and sharing the money out at the end.

Each verb takes its locks in one order (booking, payment, task, bids), so that two of them never wait for each other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bids, bookings, journal, ledger, outbox, payouts, refunds, tasks
from marketplace.db import move
from marketplace.domain.cancellation import (
    CancellationEffect,
    Side,
    effect_of_absence,
    effect_of_cancelling,
    effect_of_giving_up,
)
from marketplace.domain.errors import N_, EffectChanged, Invalid, NotAllowed, NotFound, WrongState
from marketplace.domain.gateway import Charge, ChargeFact, CheckoutFact, GatewayNotice, SavedCard
from marketplace.domain.lifecycles import BOOKING, DISPUTE, PAYMENT, PAYMENT_UNDER_WAY, PAYMENT_UNPAID, TASK
from marketplace.domain.money import (
    BANK,
    CASH,
    FEES,
    GATEWAY,
    GOODWILL,
    REFUNDS,
    REVENUE,
    credit,
    held,
    owed,
    percent_of,
)
from marketplace.domain.policy import Policy
from marketplace.models import (
    Bid,
    Booking,
    Credit,
    Dispute,
    Entry,
    GatewayEvent,
    Payment,
    Posting,
    Settlement,
    Task,
    User,
)
from marketplace.permissions import may_give_credit, may_move_money, may_settle, side_of

ASK_EVERY = timedelta(minutes=1)  # how often the worker looks at a page whose customer has not come back
WATCH_EVERY = timedelta(hours=1)  # how often it looks at one that was called off and might be paid all the same
CARD_LEAST_CENTS = 50  # the gateway takes no smaller payment; docs.stripe.com names the least amount per currency
EXTRA_IN = (BOOKING.started, BOOKING.finished)
WHAT_MAX = 200
SHARED_OUT = (PAYMENT.released, PAYMENT.partly_refunded)


MEANWHILE = N_("The amounts have changed since you opened the page. Please look at them again.")


@dataclass(frozen=True)
class Shares:
    """How money is shared out, in cents: back to the customer, to the helper, to the platform. Below zero: it comes back."""

    refund_cents: int
    helper_cents: int
    fee_cents: int


# ---- Accepting and paying


def accept_bid(
    session: Session,
    bid: Bid,
    *,
    by: User,
    address: str | None,
    phone: str,
    terms: int,
    policy: Policy,
    in_cash: bool = False,
) -> Payment:
    """Accept a bid on the terms that the customer saw: the visit is reserved and its payment prepared.

    The first of two transactions; the gateway is called after it, and `record` books what the gateway says. Cash, and a
    price that the customer's credit covers, need no gateway: the visit is confirmed at once.
    Raises NotAllowed, WrongState, PaymentUnderWay.
    """
    booking = bookings.reserve(session, bid, by=by, address=address, phone=phone, terms=terms, policy=policy)
    if in_cash and not policy.cash_allowed:
        raise NotAllowed(N_("Paying in cash is not possible here."))
    return _prepare(session, booking, by=by, policy=policy, in_cash=in_cash)


def resume(session: Session, booking: Booking, *, by: User, policy: Policy) -> Payment:
    """Go on paying for a reserved visit: the payment under way, or a new one after a failed one.

    Raises NotAllowed, WrongState.
    """
    _demand_customer(by, booking)
    _lock(session, booking)
    under_way = _of_booking(session, booking, *PAYMENT_UNDER_WAY)
    if booking.state not in BOOKING.befores("confirm"):
        if under_way is None:
            raise WrongState()
        return under_way  # more work agreed on the spot, or a later charge that the bank wants confirmed
    if booking.reserved_until <= clock.now():
        raise WrongState(N_("The time for paying is over. Please accept the bid again."))
    return under_way or _prepare(session, booking, by=by, policy=policy)


def ask_extra(session: Session, booking: Booking, *, by: User, cents: int, what: str, policy: Policy) -> Payment:
    """The helper and the customer agree on more work on the spot: a payment of its own, which the customer makes or leaves.

    Raises NotAllowed, Invalid, WrongState.
    """
    if side_of(by, booking) != "helper":
        raise NotAllowed()
    _lock(session, booking)
    if booking.state not in EXTRA_IN:
        raise WrongState(N_("More work can be agreed on while you are there."))
    if not policy.extra_min_cents <= cents <= policy.price_max_cents:
        raise Invalid("price", N_("Please choose a price within what is possible here."))
    if not what.strip():
        raise Invalid("what", N_("Please say in a few words what the additional work is."))
    if _of_booking(session, booking, PAYMENT.prepared) is not None:
        raise WrongState(N_("The customer has not answered your last proposal yet."))
    payment = Payment(
        booking_id=booking.id,
        customer_id=booking.customer_id,
        kind="extra",
        amount_cents=cents,
        fee_cents=session.get_one(Bid, booking.bid_id).fee.of(cents),
        currency=booking.currency,
        what=what.strip()[:WHAT_MAX],
        created_at=clock.now(),
    )
    session.add(payment)
    journal.record(session, "extra_asked", payment, by=by, facts={"booking_id": booking.id, "cents": cents})
    outbox.tell(session, booking.customer_id, "extra_asked", booking_id=booking.id, cents=cents)
    return payment


def drop_extra(session: Session, booking: Booking, *, by: User) -> None:
    """Either side takes back more work that is not paid; its page, if one was opened, must have ended.

    Raises NotAllowed, WrongState.
    """
    if side_of(by, booking) is None:
        raise NotAllowed()
    _lock(session, booking)
    payment = _of_booking(session, booking, PAYMENT.prepared)
    if payment is None or payment.kind != "extra" or payment.checkout is not None:
        raise WrongState()
    _fail(session, payment, "called_off", by_id=by.id)


def note_checkout(session: Session, payment_id: int, reference: str) -> None:
    """Remember the gateway's reference to the payment page; raises WrongState when the payment is over already."""
    noted = session.execute(
        update(Payment)
        .where(Payment.id == payment_id, Payment.state.in_(PAYMENT_UNDER_WAY))
        .where(or_(Payment.checkout.is_(None), Payment.checkout == reference))
        .values(checkout=reference)
        .execution_options(synchronize_session="fetch")
    )
    if noted.rowcount != 1:  # type: ignore[attr-defined]
        raise WrongState()


def take_due(session: Session, *, limit: int = 100) -> list[int]:
    """The ids of payments whose page is open and was not looked at for a while; they count as asked from now.

    Nobody can pay on a page that our row does not know, so such a one is looked for when its reservation is over.
    """
    due = (
        select(Payment.id)
        .where(Payment.state.in_(PAYMENT_UNDER_WAY), Payment.checkout.is_not(None), _was_not_asked())
        .where(Payment.booking_id.not_in(select(Booking.id).where(*_is_over())))
        .order_by(func.coalesce(Payment.asked_at, Payment.created_at), Payment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return _asked(session, list(session.scalars(due)))


def take_over(session: Session, *, limit: int = 100) -> list[int]:
    """The ids of bookings whose time for paying is over; one whose page cannot be ended now is due again after a while."""
    under_way = select(Payment.booking_id).where(Payment.state.in_(PAYMENT_UNDER_WAY))
    asked_at = select(Payment.asked_at).where(
        Payment.booking_id == Booking.id, Payment.state.in_(PAYMENT_UNDER_WAY), Payment.asked_at.is_not(None)
    )
    over = (
        select(Booking.id)
        .where(*_is_over(), Booking.id.not_in(under_way.where(~_was_not_asked())))
        .order_by(func.coalesce(asked_at.scalar_subquery(), Booking.created_at), Booking.id)
        .limit(limit)
        .with_for_update(of=Booking, key_share=True, skip_locked=True)
    )
    ids = list(session.scalars(over))
    waiting = select(Payment.id).where(Payment.booking_id.in_(ids), Payment.state.in_(PAYMENT_UNDER_WAY))
    _asked(session, list(session.scalars(waiting)))
    return ids


def take_unpaid(session: Session, *, policy: Policy, limit: int = 50) -> list[tuple[int, int]]:
    """Payments and bookings near at hand whose later charge was not made good; each is due again after a while."""
    near = clock.now() + timedelta(days=policy.charge_grace_days)
    due = (
        select(Payment.id, Payment.booking_id)
        .join(Booking, Booking.id == Payment.booking_id)
        .where(Payment.state == PAYMENT.action_needed, Booking.starts_at <= near, _was_not_asked())
        .order_by(func.coalesce(Payment.asked_at, Payment.created_at), Payment.id)
        .limit(limit)
        .with_for_update(of=Payment, skip_locked=True)
    )
    rows = [(payment_id, booking_id) for payment_id, booking_id in session.execute(due)]
    _asked(session, [payment_id for payment_id, _ in rows])
    return rows


def _was_not_asked() -> ColumnElement[bool]:
    """The gateway was not asked for a payment for a while."""
    return func.coalesce(Payment.asked_at, Payment.created_at) <= clock.now() - ASK_EVERY


def _is_over() -> tuple[ColumnElement[bool], ...]:
    """A reservation whose time for paying is over."""
    return Booking.state.in_(BOOKING.befores("lapse")), Booking.reserved_until <= clock.now()


def _asked(session: Session, ids: list[int]) -> list[int]:
    """These payments count as asked from now."""
    if ids:
        now_asked = update(Payment).where(Payment.id.in_(ids)).values(asked_at=clock.now())
        session.execute(now_asked.execution_options(synchronize_session=False))
    return ids


def note_event(session: Session, notice: GatewayNotice) -> bool:
    """Keep the id of a gateway's message with its effect; False when it was worked off before."""
    if session.get(GatewayEvent, notice.event_id) is not None:
        return False
    seen = GatewayEvent(
        id=notice.event_id, kind=notice.kind, reference=notice.reference, at=notice.at, worked_at=clock.now()
    )
    try:
        with session.begin_nested():
            session.add(seen)
    except IntegrityError:  # delivered twice at the same instant
        return False
    return True


def record(session: Session, fact: CheckoutFact, *, by_id: int | None = None) -> Payment:
    """Book what the gateway says of a payment page. Safe to run again: only moves forward take effect, each once.

    The second of the two transactions: money held, visit confirmed, task booked, siblings declined and everybody told,
    all or nothing; `by_id` is who has just had the page closed, and need not be told. What was paid too late is sent back
    by itself. Raises NotFound for an unknown page, WrongState for a wrong amount.
    """
    payment = _of_page(session, fact)
    booking = session.get_one(Booking, payment.booking_id)
    _lock(session, booking)
    session.refresh(payment)
    # A page on which the card was saved is forgotten once it is: another one is opened if the bank asks for its customer.
    is_news = fact.outcome == "paid" or (fact.outcome == "card_saved" and payment.state in PAYMENT.befores("save_card"))
    if payment.checkout is None and is_news:
        payment.checkout = fact.reference
        session.flush()
    match fact.outcome:
        case "paid":
            _demand_amount(payment, fact.amount_cents, fact.currency)
            _take_in(session, payment, booking, cast(Charge, fact.charge))
        case "card_saved":
            _keep_card(session, payment, booking, cast(SavedCard, fact.card))
        case "declined" | "abandoned" if payment.state == PAYMENT.prepared:
            payment.decline = fact.reason or payment.decline
            _fail(session, payment, fact.outcome, by_id=by_id)
        case "declined" | "abandoned" if payment.state == PAYMENT.action_needed and payment.checkout == fact.reference:
            # The visit is agreed: another page may be opened until it is cancelled for want of money.
            payment.checkout, payment.tries = None, payment.tries + 1
        case "declined" | "abandoned":
            pass  # a page of before
        case _:
            payment.decline = fact.reason or payment.decline
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
        _tell_lapsed(session, booking)
    payment = _of_booking(session, booking, PAYMENT.prepared)
    if payment is None:
        return
    session.refresh(
        payment, with_for_update={"of": Payment, "key_share": True}
    )  # noting a page, or this: one comes first
    if payment.checkout is not None:
        raise WrongState()
    _fail(session, payment, "lapsed")


# ---- A saved card, charged nearer to the visit


def take_charges_due(session: Session, *, limit: int = 50) -> list[int]:
    """The ids of payments whose saved card is to be charged now; what is cut short is tried again a little later."""
    now = clock.now()
    due = (
        select(Payment.id)
        .where(Payment.state == PAYMENT.card_saved, Payment.charge_at <= now)
        .order_by(Payment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(due))
    if ids:
        session.execute(
            update(Payment)
            .where(Payment.id.in_(ids))
            .values(charge_at=now + ASK_EVERY, asked_at=func.coalesce(Payment.asked_at, now))
            .execution_options(synchronize_session=False)
        )
    return ids


def record_charge(session: Session, payment_id: int, fact: ChargeFact) -> None:
    """Book what the gateway says of a later charge; what the bank did not take, the customer is asked to pay on a page."""
    payment = session.get_one(Payment, payment_id)
    booking = session.get_one(Booking, payment.booking_id)
    _lock(session, booking)
    session.refresh(payment)
    if fact.outcome == "paid":
        charge = cast(Charge, fact.charge)
        _demand_amount(payment, charge.amount_cents, charge.currency)
        _take_in(session, payment, booking, charge)
    elif fact.outcome != "processing" and payment.state == PAYMENT.card_saved:
        move(session, Payment, payment.id, PAYMENT, "ask", decline=fact.reason)
        journal.record(session, "payment_asked", payment, by=None)
        outbox.tell(session, payment.customer_id, "payment_asked", booking_id=booking.id, cents=payment.card_cents)


def cancel_unpaid(session: Session, booking: Booking) -> None:
    """The saved card could not be charged and its customer did not pay in time: the visit is cancelled, the helper told.

    Raises WrongState.
    """
    _lock(session, booking)
    payment = _of_booking(session, booking, PAYMENT.action_needed)
    if payment is None or payment.checkout is not None:
        raise WrongState()
    _cancel_for_want_of_money(session, booking, payment)


# ---- Called off while it might just be paid


def take_watched(session: Session, *, limit: int = 50) -> list[int]:
    """The ids of payments that were called off and might have been paid all the same; each is due again after a while."""
    now = clock.now()
    due = (
        select(Payment.id)
        .where(Payment.watch_at <= now)
        .order_by(Payment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(due))
    if ids:
        later = update(Payment).where(Payment.id.in_(ids)).values(watch_at=now + WATCH_EVERY)
        session.execute(later.execution_options(synchronize_session=False))
    return ids


def stop_watching(session: Session, payment_id: int) -> None:
    """It is sure how this payment ended: nothing was taken, or what was goes back."""
    session.execute(update(Payment).where(Payment.id == payment_id).values(watch_at=None))


# ---- The end of a visit


def sign_off(session: Session, booking: Booking, *, by: User | None) -> None:
    """Release the money: the customer says that it works, or (nobody) has been silent long enough and is told so.

    Raises NotAllowed, WrongState.
    """
    if by is not None:
        _demand_customer(by, booking)
    bookings.sign_off(session, booking, by=by)
    _release(session, booking, by=by)


def give_up(session: Session, booking: Booking, *, by: User, note: str, policy: Policy) -> CancellationEffect:
    """The helper says that no neighbour can solve it: a small call-out fee, the rest goes back.

    Raises NotAllowed, Invalid, WrongState.
    """
    bookings.give_up(session, booking, by=by, note=note, policy=policy)
    effect = effect_of_giving_up(booking.price_cents, at=clock.now(), policy=policy)
    effect = _apply(session, booking, effect, "not_solvable", by=by)
    tasks.close(session, session.get_one(Task, booking.task_id))
    for person in (booking.customer_id, booking.helper_id):
        facts = {"refund_cents": effect.refund_cents, "helper_cents": effect.helper_cents}
        outbox.tell(session, person, "visit_given_up", booking_id=booking.id, task_id=booking.task_id, **facts)
    return effect


def refer(session: Session, booking: Booking, *, policy: Policy) -> None:
    """Nobody has said how the visit ended, policy.forgotten_hours after its agreed end: the operator decides.

    A visit whose saved card was never charged could not take place, so it is cancelled. Raises WrongState.
    """
    _lock(session, booking)
    BOOKING.after("refer", booking.state)
    if clock.now() < booking.ends_at + timedelta(hours=policy.forgotten_hours):
        raise WrongState()
    unpaid = _of_booking(session, booking, PAYMENT.card_saved, PAYMENT.action_needed)
    if unpaid is None:
        bookings.refer(session, booking)
    else:
        _cancel_for_want_of_money(session, booking, unpaid)


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
    _lock(session, booking)
    effect = effect_now(session, booking, side, policy=policy)
    if agreed_refund_cents not in (None, effect.refund_cents):
        raise EffectChanged()
    bookings.cancel(session, booking, by=by, side=side)
    effect = _apply(session, booking, effect, "cancellation", by=by)
    _end_task(session, booking, side, by=by)
    _tell_cancelled(session, booking, effect, side)
    return effect


def effect_now(session: Session, booking: Booking, side: Side, *, policy: Policy) -> CancellationEffect:
    """What cancelling this booking would cost whom at this moment; what is not paid yet costs nobody anything.

    Once the visit should have begun, a customer who cancels bears no less than one who was not there.
    """
    effect = effect_of_cancelling(
        booking.price_cents,
        fee=session.get_one(Bid, booking.bid_id).fee,
        starts_at=booking.earliest_at,
        confirmed_at=booking.confirmed_at or clock.now(),
        by=side,
        at=clock.now(),
        policy=policy,
    )
    effect = _as_paid(session, booking, effect)
    if side == "customer" and clock.now() >= booking.starts_at:
        absence = effect_if_absent(session, booking, side, policy=policy)
        effect = min(effect, absence, key=lambda one: one.refund_cents)
    return effect


def effect_if_absent(session: Session, booking: Booking, absent: Side, *, policy: Policy) -> CancellationEffect:
    """What it costs whom when this side was not there; what is not paid yet costs nobody anything."""
    effect = effect_of_absence(
        booking.price_cents,
        minutes=booking.minutes,
        fee=session.get_one(Bid, booking.bid_id).fee,
        absent=absent,
        starts_at=booking.starts_at,
        policy=policy,
    )
    return _as_paid(session, booking, effect)


def effect_if_given_up(session: Session, booking: Booking, *, policy: Policy) -> CancellationEffect:
    """What it costs whom when no neighbour can solve it; what is not paid yet costs nobody anything."""
    return _as_paid(session, booking, effect_of_giving_up(booking.price_cents, at=clock.now(), policy=policy))


def settle_no_show(session: Session, booking: Booking, *, policy: Policy) -> None:
    """Nobody objected: whoever was not there bears it. Raises WrongState."""
    _lock(session, booking)
    absent = cast(Side, booking.absent)
    effect = effect_if_absent(session, booking, absent, policy=policy)
    bookings.cancel(session, booking, by=None, side=absent, action="settle_no_show")
    effect = _apply(session, booking, effect, "no_show", by=None)
    _end_task(session, booking, absent, by=None)
    _tell_cancelled(session, booking, effect, absent)


# ---- The operator


def settle(session: Session, booking: Booking, *, by: User, refund_cents: int, helper_cents: int, reason: str) -> None:
    """The operator decides about the money of an unsolved visit, with a reason; what is left is the platform's.

    Raises NotAllowed, Invalid, WrongState.
    """
    if not may_settle(by) or side_of(by, booking) is not None:
        raise NotAllowed(N_("A moderator decides, and never about a visit of their own."))
    reason = _demand_reason(reason)
    move(session, Booking, booking.id, BOOKING, "settle", settled_reason=reason)
    _lock(session, booking)
    paid = sorted(_held_payments(session, booking), key=lambda payment: payment.state == PAYMENT.cash)
    total = sum(payment.amount_cents for payment in paid)
    if refund_cents < 0 or helper_cents < 0 or refund_cents + helper_cents > total:
        raise Invalid("refund_cents", N_("Both parts together cannot be more than what was paid."))
    in_cash = sum(payment.amount_cents for payment in paid if payment.state == PAYMENT.cash)
    if total - in_cash < refund_cents < total:
        raise Invalid(
            "refund_cents", N_("What is paid on the spot is not with us: it stays whole, or it is not paid at all.")
        )
    if refund_cents < total:
        bookings.sign_off(session, booking, by=by)
    else:
        bookings.cancel(session, booking, by=by, side="operator", action="give_back")
    for payment in paid:  # what is held before what was to be paid on the spot
        refund = min(refund_cents, payment.amount_cents)
        helper = min(helper_cents, payment.amount_cents - refund)
        refund_cents, helper_cents = refund_cents - refund, helper_cents - helper
        shares = Shares(refund, helper, payment.amount_cents - refund - helper)
        if payment.state == PAYMENT.cash and not refund:
            _settle_cash(session, payment, booking, shares, "decision", by=by, note=reason)
        elif payment.state == PAYMENT.held:
            _settle(session, payment, booking, shares, "decision", by=by, note=reason)
    _call_unpaid_off(session, booking)
    task = session.get_one(Task, booking.task_id)
    if booking.state == BOOKING.signed_off:
        tasks.mark_done(session, task)
    else:
        tasks.close(session, task)
    journal.record(session, "visit_settled", booking, by=by)
    for person in (booking.customer_id, booking.helper_id):
        outbox.tell(session, person, "visit_settled", booking_id=booking.id)


def refund(
    session: Session,
    payment: Payment,
    *,
    by: User,
    refund_cents: int,
    from_helper_cents: int,
    reason: str,
    shown_cents: int | None = None,
) -> Settlement:
    """The operator gives a part of a released payment back: so much from the helper's share, the rest from the platform's.

    As often as wanted, never above what is left. `shown_cents` is what had gone back when the operator was asked: sending
    the form again changes nothing. Raises NotAllowed, Invalid, WrongState.
    """
    booking = session.get_one(Booking, payment.booking_id)
    if not may_move_money(by, booking):
        raise NotAllowed(N_("A moderator decides, and never about a visit of their own."))
    reason = _demand_reason(reason)
    _lock(session, booking)
    session.refresh(payment)
    if payment.state not in SHARED_OUT or payment.method == "cash":
        raise WrongState(N_("Only money that was released or shared out can be given back here."))
    if _is_taken_back(session, payment):
        raise WrongState(N_("The customer's bank has taken this money back itself."))
    has = shared(session, payment)
    if shown_cents not in (None, has.refund_cents):
        raise WrongState(MEANWHILE)
    shares = shares_of_refund(has, refund_cents, from_helper_cents)
    settlement = _settle(session, payment, booking, shares, "decision", by=by, note=reason)
    facts = {"refund_cents": refund_cents, "from_helper_cents": from_helper_cents}
    for person in (booking.customer_id, booking.helper_id):
        outbox.tell(session, person, "money_given_back", booking_id=booking.id, **facts)
    return settlement


def shares_of_refund(has: Shares, refund_cents: int, from_helper_cents: int) -> Shares:
    """How a refund changes what each has of a payment, in cents; raises Invalid when somebody has not got so much of it."""
    if refund_cents <= 0:
        raise Invalid("refund_cents", N_("Please say how much is to go back."))
    if not 0 <= from_helper_cents <= min(has.helper_cents, refund_cents):
        raise Invalid("from_helper_cents", N_("The helper has not got so much of it."))
    if refund_cents - from_helper_cents > has.fee_cents:
        raise Invalid("refund_cents", N_("That is more than the platform has of it."))
    return Shares(refund_cents, -from_helper_cents, from_helper_cents - refund_cents)


def give_credit(
    session: Session,
    customer: User,
    *,
    by: User,
    cents: int,
    reason: str,
    policy: Policy,
    booking: Booking | None = None,
    shown_cents: int | None = None,
) -> Credit:
    """The operator gives a customer credit for a later booking.

    `shown_cents` is the credit that the operator was shown: sending the form again changes nothing.
    Raises NotAllowed, Invalid, WrongState.
    """
    if not may_give_credit(by, customer.id):
        raise NotAllowed()
    session.execute(select(User.id).where(User.id == customer.id).with_for_update())
    if shown_cents not in (None, free_credit(session, customer.id)):
        raise WrongState(MEANWHILE)
    if not 0 < cents <= policy.goodwill_max_cents:
        raise Invalid("cents", N_("Please choose an amount within what is possible here."))
    gift = Credit(
        customer_id=customer.id,
        booking_id=booking.id if booking else None,
        cents=cents,
        currency=policy.currency,
        reason=_demand_reason(reason),
        by_id=by.id,
        at=clock.now(),
    )
    session.add(gift)
    session.flush()
    moved = (GOODWILL, credit(customer.id), cents)
    ledger.post(session, "credit_given", gift.id, moved, currency=gift.currency, booking_id=gift.booking_id)
    journal.record(session, "credit_given", gift, by=by, facts={"cents": cents})
    outbox.tell(session, customer.id, "credit_given", cents=cents)
    return gift


def record_fee_paid(session: Session, helper: User, *, by: User, cents: int, debt_cents: int) -> None:
    """What a helper owed (the fees of visits paid in cash) reached the operator's bank; never more than the debt.

    `debt_cents` is the debt that the operator was shown: sending the form again after it is paid changes nothing.
    Raises NotAllowed, Invalid, WrongState.
    """
    if not may_give_credit(by, helper.id):
        raise NotAllowed()
    session.execute(select(User.id).where(User.id == helper.id).with_for_update())  # a debt is paid once
    debt = max(0, -payouts.free_cents(session, helper.id))
    if debt != debt_cents:
        raise WrongState(N_("What this helper owes has changed since you opened the page. Please look at it again."))
    if not 0 < cents <= debt:
        raise Invalid("cents", N_("Please type what was paid: more than nothing, and no more than is owed."))
    name = f"{helper.id}:"
    number = session.scalar(
        select(func.count(Posting.id)).where(Posting.kind == "fee_paid", Posting.key.startswith(name))
    )
    currency = session.scalar(select(Entry.currency).where(Entry.from_account == owed(helper.id)).limit(1))
    moved = (BANK, owed(helper.id), cents)
    ledger.post(session, "fee_paid", f"{name}{int(number or 0) + 1}", moved, currency=str(currency), booking_id=None)
    journal.record(session, "fee_paid", helper, by=by, facts={"cents": cents})


def free_credit(session: Session, customer_id: int) -> int:
    """The credit of a customer, in cents, less what payments under way have set aside; read in one statement, at one moment."""
    account = credit(customer_id)
    came = select(func.coalesce(func.sum(Entry.cents), 0)).where(Entry.to_account == account)
    went = select(func.coalesce(func.sum(Entry.cents), 0)).where(Entry.from_account == account)
    set_aside = select(func.coalesce(func.sum(Payment.credit_cents), 0)).where(
        Payment.customer_id == customer_id,
        Payment.state.in_(PAYMENT_UNPAID),
    )
    came_in, went_out, waiting = (part.scalar_subquery() for part in (came, went, set_aside))
    return int(session.execute(select(came_in - went_out - waiting)).scalar_one())


def credit_towards(session: Session, customer_id: int, price_cents: int) -> int:
    """How much of a price this customer's credit pays: all of it, or so much that the card is left with what it can pay."""
    cents = min(free_credit(session, customer_id), price_cents)
    left = price_cents - cents
    return max(0, cents if not left else min(cents, price_cents - CARD_LEAST_CENTS))


def charge_at(starts_at: datetime, minutes: int, *, policy: Policy) -> datetime | None:
    """When a saved card is charged, for a visit so far ahead that its money could not be held until the sign-off."""
    ends = starts_at + timedelta(minutes=minutes, hours=policy.sign_off_hours)
    if ends - clock.now() <= timedelta(days=policy.hold_days):
        return None
    return starts_at - timedelta(days=policy.charge_ahead_days)


def shared(session: Session, payment: Payment) -> Shares:
    """How a payment's money is shared out so far."""
    row = session.execute(
        select(
            func.coalesce(func.sum(Settlement.refund_cents), 0),
            func.coalesce(func.sum(Settlement.helper_cents), 0),
            func.coalesce(func.sum(Settlement.fee_cents), 0),
        ).where(Settlement.payment_id == payment.id)
    ).one()
    return Shares(*(int(cents) for cents in row))


# ---- What the verbs share


def _of_page(session: Session, fact: CheckoutFact) -> Payment:
    """The payment that a page belongs to, also when a crash kept its reference from our row; raises NotFound."""
    payment = session.scalar(select(Payment).where(Payment.checkout == fact.reference))
    payment = payment or session.scalar(select(Payment).where(Payment.public_id == fact.payment))
    if payment is None:
        raise NotFound()
    return payment


def _prepare(session: Session, booking: Booking, *, by: User, policy: Policy, in_cash: bool = False) -> Payment:
    session.flush()
    payment = Payment(
        booking_id=booking.id,
        customer_id=booking.customer_id,
        method="cash" if in_cash else "gateway",
        amount_cents=booking.price_cents,
        fee_cents=booking.fee_cents,
        credit_cents=0 if in_cash else _credit_for(session, booking),
        currency=booking.currency,
        created_at=clock.now(),
        charge_at=charge_at(booking.starts_at, booking.minutes, policy=policy),
    )
    session.add(payment)
    journal.record(session, "payment_prepared", payment, by=by, facts={"booking_id": booking.id})
    if in_cash:
        _take_cash(session, payment, booking, policy)
    elif not payment.card_cents:
        _hold(session, payment, booking)
    return payment


def _credit_for(session: Session, booking: Booking) -> int:
    mine = select(User.id).where(User.id == booking.customer_id)
    session.execute(mine.with_for_update(key_share=True))  # one at a time: credit is spent once
    return credit_towards(session, booking.customer_id, booking.price_cents)


def _take_cash(session: Session, payment: Payment, booking: Booking, policy: Policy) -> None:
    """Nothing is paid yet: the customer pays on the spot, and the sign-off records it."""
    payment.fee_cents = booking.fee_cents = percent_of(booking.price_cents, policy.cash_fee_percent)
    session.flush()
    move(session, Payment, payment.id, PAYMENT, "take_cash")
    _agree(session, payment, booking)


def _demand_amount(payment: Payment, cents: int, currency: str) -> None:
    if (cents, currency) != (payment.card_cents, payment.currency):
        raise WrongState(N_("The amount paid is not the amount asked for. Please write to us."))


def _take_in(session: Session, payment: Payment, booking: Booking, charge: Charge) -> None:
    """Hold the money and confirm the visit; when the visit can no longer be had, send the money back instead.

    Money that is booked already stays so, whatever a second message says of it.
    """
    if payment.charge not in (None, charge.reference):
        payment = _paid_twice(session, payment, charge)
    if payment.state not in PAYMENT.befores("send_back"):
        return
    payment.intent, payment.charge, payment.gateway_fee_cents = charge.intent, charge.reference, charge.fee_cents
    session.flush()
    try:
        with session.begin_nested():
            _hold(session, payment, booking)
    except WrongState:
        session.refresh(booking)  # as it was before the attempt
        session.refresh(payment)
        _send_back(session, payment, booking)


def _paid_twice(session: Session, payment: Payment, charge: Charge) -> Payment:
    """A second charge for what is paid already: a payment of its own, for nothing, so that it goes back."""
    known = session.scalar(select(Payment).where(Payment.charge == charge.reference))
    if known is not None:
        return known
    second = Payment(
        booking_id=payment.booking_id,
        customer_id=payment.customer_id,
        kind=payment.kind,
        state=PAYMENT.failed,
        amount_cents=charge.amount_cents,
        fee_cents=0,
        currency=charge.currency,
        created_at=clock.now(),
    )
    session.add(second)
    session.flush()
    return second


def _hold(session: Session, payment: Payment, booking: Booking) -> None:
    """The money is there: for more work on the spot, for a visit agreed before, or for one that is confirmed by it."""
    was_agreed = payment.state in (PAYMENT.card_saved, PAYMENT.action_needed)
    move(session, Payment, payment.id, PAYMENT, "hold", settled_at=clock.now())
    _book_in(session, payment, booking)
    if payment.kind == "extra":
        if booking.state not in EXTRA_IN:
            raise WrongState()
        outbox.tell(session, booking.helper_id, "extra_paid", booking_id=booking.id, cents=payment.amount_cents)
    elif was_agreed:
        if booking.state not in BOOKING.befores("cancel"):
            raise WrongState()
    else:
        _agree(session, payment, booking)
    journal.record(session, "payment_held", payment, by=None, facts={"cents": payment.amount_cents})


def _keep_card(session: Session, payment: Payment, booking: Booking, card: SavedCard) -> None:
    """The card is saved: the visit is agreed, and charged nearer to it; when it can no longer be had, nothing will be charged."""
    if payment.state not in PAYMENT.befores("save_card"):
        return
    values = {"card_customer": card.customer, "card_method": card.method, "checkout": None, "asked_at": None}
    try:
        with session.begin_nested():
            move(session, Payment, payment.id, PAYMENT, "save_card", **values)
            _agree(session, payment, booking)
    except WrongState:
        session.refresh(booking)  # as it was before the attempt
        session.refresh(payment)
        _fail(session, payment, "lapsed")
        if booking.state in BOOKING.befores("lapse"):
            bookings.lapse(session, booking)
            _tell_lapsed(session, booking)
        return
    journal.record(session, "card_saved", payment, by=None)


def _agree(session: Session, payment: Payment, booking: Booking) -> None:
    """The visit is confirmed: the task is booked, the other bids are declined, both sides are told."""
    bookings.confirm(session, booking)
    bid = session.get_one(Bid, booking.bid_id)
    tasks.mark_booked(session, session.get_one(Task, booking.task_id))
    bids.mark_accepted(session, bid)
    bids.decline_siblings(session, bid)
    facts = {"booking_id": booking.id, "task_id": booking.task_id, "bid_id": bid.id}
    facts |= {
        f"{payment.state}_cents": payment.amount_cents
    }  # held, cash, or card_saved for a charge nearer to the visit
    outbox.tell(session, booking.customer_id, "booking_confirmed", **facts)
    outbox.tell(session, booking.helper_id, "booking_won", **facts)


def _book_in(session: Session, payment: Payment, booking: Booking) -> None:
    """What came in, from the card and from the customer's credit, and what the gateway kept of it."""
    account = held(booking.id)
    _post(
        session,
        "payment_held",
        payment,
        (GATEWAY, account, payment.card_cents),
        (credit(payment.customer_id), account, payment.credit_cents),
    )
    _post(session, "gateway_fee", payment, (FEES, GATEWAY, payment.gateway_fee_cents))


def _send_back(session: Session, payment: Payment, booking: Booking) -> None:
    cents = payment.amount_cents
    move(session, Payment, payment.id, PAYMENT, "send_back", settled_at=clock.now())
    _book_in(session, payment, booking)
    if booking.state in BOOKING.befores("lapse") and _of_booking(session, booking, *PAYMENT_UNDER_WAY) is None:
        bookings.lapse(session, booking)  # unless its customer is paying once more
    _share(session, payment, booking, Shares(cents, 0, 0), "too_late", by=None)
    journal.record(session, "payment_returned", payment, by=None, facts={"cents": cents})
    facts = {"booking_id": booking.id, "task_id": booking.task_id, "refund_cents": cents}
    outbox.tell(session, booking.customer_id, "payment_returned", **facts)


def _fail(session: Session, payment: Payment, failure: str, *, by_id: int | None = None) -> None:
    """It ended without money, by somebody or by itself. What is held or sent back already stays so: an old message changes
    nothing.
    """
    if payment.state not in PAYMENT.befores("fail"):
        return
    move(session, Payment, payment.id, PAYMENT, "fail", failure=failure, settled_at=clock.now())
    journal.record(session, "payment_failed", payment, by=None, facts={"failure": failure})
    if failure == "declined":
        outbox.tell(session, payment.customer_id, "payment_failed", booking_id=payment.booking_id)
    if payment.kind == "extra":
        knows = payment.customer_id if failure == "declined" else by_id
        helper_id = session.get_one(Booking, payment.booking_id).helper_id
        for person in (payment.customer_id, helper_id):
            if person != knows:
                facts = {"booking_id": payment.booking_id, "cents": payment.amount_cents}
                outbox.tell(session, person, "extra_off", **facts)


def _release(session: Session, booking: Booking, *, by: User | None) -> None:
    """Share what is held between helper and platform; the task is done, and both may review."""
    _lock(session, booking)
    helper_cents = cash_cents = 0
    held_payments = _held_payments(session, booking)
    if not any(payment.kind == "visit" for payment in held_payments):
        raise WrongState()
    for payment in held_payments:
        shares = Shares(0, payment.amount_cents - payment.fee_cents, payment.fee_cents)
        if payment.state == PAYMENT.cash:
            _settle_cash(session, payment, booking, shares, "sign_off", by=by)
            cash_cents += payment.amount_cents
        else:
            _settle(session, payment, booking, shares, "sign_off", by=by)
            helper_cents += shares.helper_cents
    _call_unpaid_off(session, booking)  # more work that nobody paid; should it still be paid, it goes back by itself
    tasks.mark_done(session, session.get_one(Task, booking.task_id))
    journal.record(session, "payment_released", booking, by=by, facts={"helper_cents": helper_cents})
    facts = {"booking_id": booking.id, "cash_cents": cash_cents}  # whether cash was paid, nobody here knows
    if by is None:
        outbox.tell(session, booking.customer_id, "silence_signed_off", **facts)
    outbox.tell(session, booking.helper_id, "visit_signed_off", **facts, helper_cents=helper_cents)
    for person in (booking.customer_id, booking.helper_id):
        outbox.tell(session, person, "review_due", booking_id=booking.id)


def _as_paid(session: Session, booking: Booking, effect: CancellationEffect) -> CancellationEffect:
    """What an effect comes to for the money that is held: nothing is shared that is not there."""
    return _sum(effect, [shares for _, shares in _shared_by(session, booking, effect)])


def _apply(
    session: Session, booking: Booking, effect: CancellationEffect, reason: str, *, by: User | None
) -> CancellationEffect:
    """Share the money that is held by an effect; what was not paid fails instead. Gives what it came to."""
    parts = _shared_by(session, booking, effect)
    for payment, shares in parts:
        _settle(session, payment, booking, shares, reason, by=by)
    _call_unpaid_off(session, booking)
    return _sum(effect, [shares for _, shares in parts])


def _shared_by(session: Session, booking: Booking, effect: CancellationEffect) -> list[tuple[Payment, Shares]]:
    """How an effect shares what is held: the visit's money by it, and more work on the spot goes back whole."""
    visit = Shares(effect.refund_cents, effect.helper_cents, effect.fee_cents)
    return [
        (payment, visit if payment.kind == "visit" else Shares(payment.amount_cents, 0, 0))
        for payment in _held_payments(session, booking)
        if payment.state != PAYMENT.cash
    ]


def _sum(effect: CancellationEffect, parts: list[Shares]) -> CancellationEffect:
    return CancellationEffect(
        sum(shares.refund_cents for shares in parts),
        sum(shares.helper_cents for shares in parts),
        sum(shares.fee_cents for shares in parts),
        effect.free_until,
    )


def _cancel_for_want_of_money(session: Session, booking: Booking, payment: Payment) -> None:
    """Its customer did not pay in time: nobody gets anything, and both sides are told."""
    bookings.cancel(session, booking, by=None, side="customer")
    _fail(session, payment, "lapsed")
    _end_task(session, booking, "customer", by=None)
    _tell_cancelled(session, booking, CancellationEffect(0, 0, 0, clock.now()), "customer")


def _call_unpaid_off(session: Session, booking: Booking) -> None:
    """What is still to be paid for a visit that is over is not asked for any more."""
    rows = select(Payment).where(Payment.booking_id == booking.id, Payment.state.in_(PAYMENT_UNPAID))
    for payment in session.scalars(rows.order_by(Payment.id).execution_options(populate_existing=True)).all():
        may_be_paid = payment.checkout is not None or (payment.card_method is not None and payment.asked_at is not None)
        _fail(session, payment, "called_off")
        if may_be_paid:
            payment.watch_at = clock.now() + WATCH_EVERY  # its message comes first, as a rule


def _settle_cash(
    session: Session,
    payment: Payment,
    booking: Booking,
    shares: Shares,
    reason: str,
    *,
    by: User | None,
    note: str | None = None,
) -> None:
    """What the helper got into their hand: it is theirs already, less the platform's fee, which they owe."""
    _post(session, "cash_paid", payment, (CASH, held(booking.id), payment.amount_cents))
    _settle(session, payment, booking, shares, reason, by=by, note=note)
    _post(session, "cash_kept", payment, (owed(booking.helper_id), CASH, payment.amount_cents))


def _settle(
    session: Session,
    payment: Payment,
    booking: Booking,
    shares: Shares,
    reason: str,
    *,
    by: User | None,
    note: str | None = None,
) -> Settlement:
    """Share a payment's money out (or anew) and move the payment to the state that it has afterwards."""
    refunded = payment.refunded_cents + shares.refund_cents
    action = "release" if not refunded else "refund" if refunded == payment.amount_cents else "refund_partly"
    move(session, Payment, payment.id, PAYMENT, action, settled_at=clock.now())
    return _share(session, payment, booking, shares, reason, by=by, note=note)


def _share(
    session: Session,
    payment: Payment,
    booking: Booking,
    shares: Shares,
    reason: str,
    *,
    by: User | None,
    note: str | None = None,
) -> Settlement:
    """Write one decision about the money down, in the ledger too, and have the gateway do its part."""
    settlement = Settlement(
        payment_id=payment.id,
        booking_id=booking.id,
        reason=reason,
        refund_cents=shares.refund_cents,
        helper_cents=shares.helper_cents,
        fee_cents=shares.fee_cents,
        note=note,
        by_id=by.id if by else None,
        at=clock.now(),
    )
    session.add(settlement)
    session.flush()
    to_card = min(shares.refund_cents, max(0, payment.card_cents - payment.refunded_cents))
    source = held(booking.id)
    ledger.post(
        session,
        "settled",
        settlement.id,
        (source, REFUNDS, to_card),
        (source, credit(booking.customer_id), shares.refund_cents - to_card),
        (source, owed(booking.helper_id), shares.helper_cents),
        (source, REVENUE, shares.fee_cents),
        currency=payment.currency,
        booking_id=booking.id,
    )
    payment.refunded_cents += shares.refund_cents
    session.flush()
    if to_card:
        refunds.ask(session, payment, settlement, to_card)
        journal.record(session, "payment_refunded", payment, by=by, facts={"cents": shares.refund_cents})
    if shares.helper_cents > 0 and payment.method == "gateway":
        payouts.ask(session, payment, settlement, booking.helper_id)
    elif shares.helper_cents < 0:
        payouts.take_back(session, payment, settlement, -shares.helper_cents)
    return settlement


def _post(session: Session, kind: str, payment: Payment, *moves: ledger.Moved) -> None:
    ledger.post(
        session,
        kind,
        payment.id,
        *moves,
        currency=payment.currency,
        booking_id=payment.booking_id,
        reference=payment.charge,
    )


def _end_task(session: Session, booking: Booking, side: Side, *, by: User | None) -> None:
    """A helper's word broken opens the task again; a customer's ends it."""
    task = session.get_one(Task, booking.task_id)
    if side == "helper":
        tasks.reopen(session, task)
        bids.fall_through(session, session.get_one(Bid, booking.bid_id))
    else:
        move(session, Task, task.id, TASK, "cancel")
        journal.record(session, "task_cancelled", task, by=by)


def _tell_lapsed(session: Session, booking: Booking) -> None:
    about = {"booking_id": booking.id, "task_id": booking.task_id, "bid_id": booking.bid_id}
    outbox.tell(session, booking.customer_id, "reservation_lapsed", **about)


def _tell_cancelled(session: Session, booking: Booking, effect: CancellationEffect, side: Side) -> None:
    figures = {"refund_cents": effect.refund_cents, "helper_cents": effect.helper_cents, "cancelled_by": side}
    for person in (booking.customer_id, booking.helper_id):
        outbox.tell(session, person, "booking_cancelled", booking_id=booking.id, task_id=booking.task_id, **figures)


def _held_payments(session: Session, booking: Booking) -> list[Payment]:
    """What is held for a booking, or is paid on the spot; the visit first."""
    rows = select(Payment).where(Payment.booking_id == booking.id, Payment.state.in_(PAYMENT.befores("release")))
    return list(session.scalars(rows.order_by(Payment.id).execution_options(populate_existing=True)))


def _is_taken_back(session: Session, payment: Payment) -> bool:
    """Whether the customer's bank asks for this money back, or has got it."""
    asked = select(Dispute.id).where(Dispute.payment_id == payment.id, Dispute.state != DISPUTE.won)
    return session.scalar(asked.limit(1)) is not None


def _of_booking(session: Session, booking: Booking, *states: str) -> Payment | None:
    """The booking's first payment in one of these states; the database allows one at most that is under way."""
    return session.scalar(
        select(Payment).where(Payment.booking_id == booking.id, Payment.state.in_(states)).order_by(Payment.id).limit(1)
    )


def _lock(session: Session, booking: Booking) -> None:
    """Wait until nobody else changes this booking, then read it anew."""
    # Only this row, not the people that were loaded with it; whoever just points to it (a posting) does not wait for it.
    session.refresh(booking, with_for_update={"of": Booking, "key_share": True})


def _demand_customer(by: User, booking: Booking) -> None:
    if side_of(by, booking) != "customer":
        raise NotAllowed()


def _demand_reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid("reason", N_("Please give a reason. Both sides will read it."))
    return reason.strip()
