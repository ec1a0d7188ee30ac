"""Writing bids: placing them, going back and forth about price and time, and how they end.

The first thing that each verb does to a bid is the guarded move (or to lock it), so that of two who act at once the second finds
another state or waits; what stood on the table before stays in the steps.
"""

from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import certifications, fees, journal, outbox, tasks
from marketplace.db import move
from marketplace.domain.bidding import Terms, check_terms, quarters, valid_until
from marketplace.domain.errors import N_, Invalid, NotAllowed, WrongState
from marketplace.domain.lifecycles import BID, BID_LIVE, BOOKING_LIVE
from marketplace.domain.masking import masked
from marketplace.domain.policy import Policy
from marketplace.models import Bid, BidStep, Booking, TakenQuarter, Task, User
from marketplace.permissions import may_answer_bid, may_bid, may_change_bid

# Asked at every bid, so they are built once.
_LIVE_HELPERS = select(Bid.helper_id).where(Bid.task_id == bindparam("task_id"), Bid.state.in_(BID_LIVE))
_LAST_NUMBER = select(func.max(BidStep.number)).where(BidStep.bid_id == bindparam("bid_id"))
_TAKEN = select(func.count()).where(
    TakenQuarter.helper_id == bindparam("helper_id"),
    TakenQuarter.quarter_at.in_(bindparam("wanted", expanding=True)),
)

# ---- The helper


def place(
    session: Session,
    task: Task,
    *,
    by: User,
    price_cents: int,
    minutes: int,
    included: str,
    starts_at: datetime,
    message: str,
    policy: Policy,
    valid_days: int | None = None,
) -> Bid:
    """A certified helper bids on an open task; the fee of today is written down with the bid.

    Raises NotAllowed, Invalid for a part of the terms, WrongState when the task takes no (further) bid of this helper.
    """
    if not may_bid(by, task, certifications.skill_ids_in_force(session, by)):
        raise NotAllowed(why_not(by, task))
    _hold_open(session, task)
    _demand_room(session, task, by, policy)
    now = clock.now()
    terms = Terms(price_cents, minutes, included.strip(), starts_at, message.strip())
    check_terms(terms, now=now, policy=policy)
    _demand_free(session, by.id, terms)
    today = fees.in_force(session, skill_id=task.skill_id, helper_id=by.id, policy=policy)
    bid = Bid(
        task_id=task.id,
        helper_id=by.id,
        price_cents=terms.price_cents,
        currency=policy.currency,
        fee_percent=today.fee.percent,
        fee_min_cents=today.fee.min_cents,
        fee_max_cents=today.fee.max_cents,
        fee_rule_id=today.rule_id,
        fee_as_friend=today.as_friend,
        minutes=terms.minutes,
        included=masked(terms.included),
        starts_at=terms.starts_at,
        message=masked(terms.message),
        expires_at=valid_until(
            terms.starts_at, now=now, days=min(valid_days or policy.bid_valid_days, policy.bid_valid_days)
        ),
        created_at=now,
    )
    session.add(bid)
    try:
        session.flush()
    except IntegrityError as twice:  # the same helper was faster in another window
        raise WrongState(N_("You have already bid on this task. You can change that bid.")) from twice
    _note_step(session, bid, "helper", bid.message)
    journal.record(session, "bid_placed", bid, by=by, facts={"task_id": task.id, "price_cents": bid.price_cents})
    outbox.tell(session, task.customer_id, "bid_placed", task_id=task.id, bid_id=bid.id)
    return bid


def revise(
    session: Session,
    bid: Bid,
    *,
    by: User,
    price_cents: int,
    minutes: int,
    included: str,
    starts_at: datetime,
    message: str,
    policy: Policy,
    valid_days: int | None = None,
) -> None:
    """The helper changes the bid, of themself or in answer to the customer's proposal; it stands anew for some days.

    Raises NotAllowed, Invalid, and WrongState once it is answered, being paid, or negotiated too often.
    """
    _demand_helper(by, bid)
    move(session, Bid, bid.id, BID, "revise")
    _demand_unpaid(session, bid)
    _demand_steps_left(session, bid, policy)
    terms = Terms(price_cents, minutes, included.strip(), starts_at, message.strip())
    check_terms(terms, now=clock.now(), policy=policy)
    _demand_free(session, by.id, terms)
    bid.minutes, bid.included, bid.message = terms.minutes, masked(terms.included), masked(terms.message)
    _set_terms(session, bid, "helper", terms, days=min(valid_days or policy.bid_valid_days, policy.bid_valid_days))
    journal.record(session, "bid_revised", bid, by=by, facts={"price_cents": bid.price_cents})
    _tell_customer(session, bid, "bid_revised")


def agree(session: Session, bid: Bid, *, by: User) -> None:
    """The helper agrees to the customer's proposal, which becomes the bid. Raises NotAllowed, WrongState."""
    _demand_helper(by, bid)
    move(session, Bid, bid.id, BID, "agree")
    _demand_running(bid)
    _demand_free(session, by.id, Terms(bid.price_cents, bid.minutes, bid.included, bid.starts_at))
    _note_step(session, bid, "helper", "")
    journal.record(session, "bid_agreed", bid, by=by, facts={"price_cents": bid.price_cents})
    _tell_customer(session, bid, "bid_agreed")


def withdraw(session: Session, bid: Bid, *, by: User) -> None:
    """The helper takes the bid back; the customer is told. Raises NotAllowed, WrongState."""
    _demand_helper(by, bid)
    move(session, Bid, bid.id, BID, "withdraw")
    _demand_unpaid(session, bid)
    journal.record(session, "bid_withdrawn", bid, by=by)
    _tell_customer(session, bid, "bid_withdrawn")


def why_not(by: User, task: Task) -> str:
    """The sentence for somebody who may not bid on a task."""
    if task.customer_id == by.id:
        return N_("This is your own task.")
    return N_("You need a certification for this field of help before you can bid.")


# ---- The customer


def counter(
    session: Session, bid: Bid, *, by: User, price_cents: int, starts_at: datetime, message: str, policy: Policy
) -> None:
    """The customer proposes another price or time; duration and what is included stay the helper's.

    Raises NotAllowed, Invalid, and WrongState once the bid is answered, being paid, or negotiated too often.
    """
    _demand_customer(session, by, bid)
    move(session, Bid, bid.id, BID, "counter")
    _demand_unpaid(session, bid)
    _demand_running(bid)
    _demand_steps_left(session, bid, policy)
    terms = Terms(price_cents, bid.minutes, bid.included, starts_at, message.strip())
    check_terms(terms, now=clock.now(), policy=policy)
    if (terms.price_cents, terms.starts_at) == (bid.price_cents, bid.starts_at):
        raise Invalid(
            "price", N_("This is what the helper bids already. Please propose another price or another time.")
        )
    _set_terms(session, bid, "customer", terms, days=policy.bid_valid_days)
    journal.record(session, "bid_countered", bid, by=by, facts={"price_cents": bid.price_cents})
    outbox.tell(session, bid.helper_id, "bid_countered", task_id=bid.task_id, bid_id=bid.id)


def decline(session: Session, bid: Bid, *, by: User) -> None:
    """The customer says no; the helper is told. Raises NotAllowed, WrongState."""
    _demand_customer(session, by, bid)
    _decline(session, bid, by=by)
    _demand_unpaid(session, bid)


def cancel_task(session: Session, task: Task, *, by: User) -> None:
    """The customer takes back a task that nobody is booked for; its bids are declined.

    Raises NotAllowed, and WrongState while one of them is paid for.
    """
    tasks.cancel(session, task, by=by)
    _decline_all(session, task, by=by)


# ---- The operator, the worker and the payment


def remove_task(session: Session, task: Task, *, by: User, reason: str) -> None:
    """The operator takes a task down; its bids are declined. Raises NotAllowed, Invalid, WrongState."""
    tasks.remove(session, task, by=by, reason=reason)
    _decline_all(session, task, by=by)


def expire_task(session: Session, task: Task) -> None:
    """A task that found nobody in time ends, and its bids with it. Raises WrongState."""
    tasks.expire(session, task)
    for bid in _live_bids(session, task):
        _expire(session, bid, with_task=True)


def expire(session: Session, bid: Bid, *, due_by: datetime | None = None) -> None:
    """A bid or counter-proposal that nobody answered in time runs out. Raises WrongState, also while it is being paid.

    With `due_by`, one that was answered or prolonged meanwhile stands on.
    """
    session.refresh(bid, with_for_update={"of": Bid})  # what stands on the table says who was silent
    if due_by is not None and bid.expires_at > due_by:
        raise WrongState()
    _expire(session, bid)
    _demand_unpaid(session, bid)


def mark_accepted(session: Session, bid: Bid) -> None:
    """The money for this bid is held. Raises WrongState."""
    move(session, Bid, bid.id, BID, "accept")
    journal.record(session, "bid_accepted", bid, by=None)


def decline_siblings(session: Session, bid: Bid) -> None:
    """Somebody else was taken: the task's other bids are declined and their helpers told."""
    task = session.get_one(Task, bid.task_id)
    _decline_all(session, task, by=None)


def fall_through(session: Session, bid: Bid) -> None:
    """The helper has cancelled the booking that this bid became. Raises WrongState."""
    move(session, Bid, bid.id, BID, "fall_through")
    journal.record(session, "bid_fell_through", bid, by=None)


# ---- What the verbs share


def _hold_open(session: Session, task: Task) -> None:
    """Keep the task's row, so that bids are counted one after the other and none arrives at a task that just ended."""
    try:
        tasks.hold_open(session, task)
    except WrongState:
        raise WrongState(N_("This task takes no bids any more.")) from None
    if task.expires_at <= clock.now() or session.get_one(User, task.customer_id).suspended_at:
        raise WrongState(N_("This task takes no bids any more."))


def _demand_room(session: Session, task: Task, by: User, policy: Policy) -> None:
    """One live bid per helper, a new one after a no only a few times, and so many per task."""
    mine = select(func.count()).where(Bid.task_id == task.id, Bid.helper_id == by.id)
    if (session.scalar(mine) or 0) >= policy.bids_per_helper_max:
        raise WrongState(N_("You have bid on this task several times. Please leave it to others now."))
    helpers = list(session.scalars(_LIVE_HELPERS, {"task_id": task.id}))
    if by.id in helpers:
        raise WrongState(N_("You have already bid on this task. You can change that bid."))
    if len(helpers) >= policy.bids_per_task_max:
        raise WrongState(N_("This task has enough bids for now. Please look for another one near you."))


def _demand_free(session: Session, helper_id: int, terms: Terms) -> None:
    """The helper's calendar has nothing else at that time."""
    wanted = quarters(terms.starts_at, terms.minutes)
    if session.scalar(_TAKEN, {"helper_id": helper_id, "wanted": wanted}):
        raise Invalid("when", N_("There is another visit in your calendar at that time."))


def _demand_unpaid(session: Session, bid: Bid) -> None:
    """Nothing about a bid changes while its customer is paying for it; asked after the move, which waits for that."""
    paying = select(Booking.id).where(Booking.bid_id == bid.id, Booking.state.in_(BOOKING_LIVE))
    if session.scalar(paying) is not None:
        raise WrongState(N_("The customer is paying for this bid at the moment. Please try again a little later."))


def _demand_running(bid: Bid) -> None:
    """What has run out needs new terms, not an answer."""
    if min(bid.expires_at, bid.starts_at) <= clock.now():
        raise WrongState(N_("This proposal has run out. Only the helper can make a new bid."))


def _demand_steps_left(session: Session, bid: Bid, policy: Policy) -> None:
    if _last_number(session, bid) >= policy.bid_steps_max:
        raise WrongState(N_("You have gone back and forth many times. Please say yes or no now, or write a message."))


def _demand_helper(by: User, bid: Bid) -> None:
    if not may_change_bid(by, bid):
        raise NotAllowed(N_("This bid belongs to somebody else."))


def _demand_customer(session: Session, by: User, bid: Bid) -> None:
    if not may_answer_bid(by, bid, session.get_one(Task, bid.task_id)):
        raise NotAllowed(N_("Only the customer who posted the task may answer a bid."))


def _set_terms(session: Session, bid: Bid, side: str, terms: Terms, *, days: int) -> None:
    """Put new terms on the table and keep them as a step."""
    bid.price_cents, bid.starts_at = terms.price_cents, terms.starts_at
    bid.expires_at = valid_until(terms.starts_at, now=clock.now(), days=days)
    _note_step(session, bid, side, masked(terms.message))


def _note_step(session: Session, bid: Bid, side: str, message: str) -> None:
    session.add(
        BidStep(
            bid_id=bid.id,
            number=_last_number(session, bid) + 1,
            side=side,
            price_cents=bid.price_cents,
            minutes=bid.minutes,
            included=bid.included,
            starts_at=bid.starts_at,
            message=message,
            expires_at=bid.expires_at,
            at=clock.now(),
        )
    )
    session.flush()


def _last_number(session: Session, bid: Bid) -> int:
    return session.scalar(_LAST_NUMBER, {"bid_id": bid.id}) or 0


def _tell_customer(session: Session, bid: Bid, kind: str) -> None:
    task = session.get_one(Task, bid.task_id)
    outbox.tell(session, task.customer_id, kind, task_id=task.id, bid_id=bid.id)


def _live_bids(session: Session, task: Task) -> list[Bid]:
    """The bids on a task that still stand, in the order in which everybody locks them."""
    live = select(Bid).where(Bid.task_id == task.id, Bid.state.in_(BID_LIVE)).order_by(Bid.id).with_for_update()
    return list(session.scalars(live.execution_options(populate_existing=True)))


def _decline_all(session: Session, task: Task, *, by: User | None) -> None:
    for bid in _live_bids(session, task):
        _decline(session, bid, by=by)


def _decline(session: Session, bid: Bid, *, by: User | None) -> None:
    move(session, Bid, bid.id, BID, "decline")
    journal.record(session, "bid_declined", bid, by=by)
    outbox.tell(session, bid.helper_id, "bid_declined", task_id=bid.task_id, bid_id=bid.id)


def _expire(session: Session, bid: Bid, *, with_task: bool = False) -> None:
    """End a bid that stood too long; of a counter-proposal both sides hear, for the helper was the silent one.

    When the task's own time is over nobody was silent, and its customer hears of the task.
    """
    was_unanswered = bid.state == BID.countered and not with_task
    move(session, Bid, bid.id, BID, "expire")
    journal.record(session, "bid_expired", bid, by=None)
    if was_unanswered:
        _tell_customer(session, bid, "proposal_expired")
    kind = "proposal_missed" if was_unanswered else "bid_expired"
    outbox.tell(session, bid.helper_id, kind, task_id=bid.task_id, bid_id=bid.id)
