"""Writing bookings: the reservation while its payment is under way, the steps of the visit, and how it ends."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import certifications, journal, outbox, tasks
from marketplace.db import move
from marketplace.domain.bidding import quarters
from marketplace.domain.cancellation import Side
from marketplace.domain.errors import N_, Invalid, NotAllowed, PaymentUnderWay, WrongState
from marketplace.domain.lifecycles import BID, BOOKING, BOOKING_LIVE, PAYMENT, TASK
from marketplace.domain.policy import Policy
from marketplace.models import Bid, BidStep, Booking, Payment, TakenQuarter, Task, User, VisitStep
from marketplace.permissions import may_answer_bid, side_of

NOTE_MAX = 2_000


def reserve(
    session: Session, bid: Bid, *, by: User, address: str | None, phone: str, terms: int, policy: Policy
) -> Booking:
    """Set a bid's visit aside while its customer pays; it lapses by itself after policy.reservation_minutes.

    `terms` is the number of the negotiation step that the customer saw. Of several who try at once the task's row
    lets one through. Raises NotAllowed, WrongState, PaymentUnderWay.
    """
    task = session.get_one(Task, bid.task_id)
    if not may_answer_bid(by, bid, task):
        raise NotAllowed(N_("Only the customer who posted the task may accept a bid."))
    _claim(session, task)
    _check_terms(session, bid, terms)
    now = clock.now()
    price = bid.fee.split(bid.price_cents)
    booking = Booking(
        task_id=task.id,
        bid_id=bid.id,
        customer_id=task.customer_id,
        helper_id=bid.helper_id,
        starts_at=bid.starts_at,
        minutes=bid.minutes,
        price_cents=price.price_cents,
        fee_cents=price.fee_cents,
        currency=bid.currency,
        created_at=now,
        reserved_until=now + policy.reservation,
        address=address,
        phone=phone,
    )
    session.add(booking)
    _flush_or_refuse(session, N_("This task is no longer free. Please look at it again."))
    _take_quarters(session, booking)
    _note_step(session, booking, "booking_reserved", by=by)
    return booking


def confirm(session: Session, booking: Booking) -> None:
    """The money is held (or will be): the visit is agreed."""
    _step(session, booking, "confirm", "booking_confirmed", by=None, confirmed_at=clock.now())


def lapse(session: Session, booking: Booking, *, by: User | None = None) -> None:
    """The payment did not come: free the helper's hours and forget address and phone."""
    _step(session, booking, "lapse", "booking_lapsed", by=by, address=None, phone=None)
    _free_quarters(session, booking)


def steps_from(booking: Booking, *, policy: Policy) -> datetime:
    """From when on the helper may set out, begin, or find that it cannot be solved."""
    return booking.starts_at - timedelta(minutes=policy.early_minutes)


def demand_near(booking: Booking, action: str, *, policy: Policy) -> None:
    """Nobody takes a step of the visit long before it, which would end the customer's right to cancel. Raises WrongState."""
    BOOKING.after(action, booking.state)
    if clock.now() < steps_from(booking, policy=policy):
        raise WrongState(
            N_("It is too early for that: it works from %(minutes)s minutes before the agreed time on."),
            minutes=policy.early_minutes,
        )


def set_out(session: Session, booking: Booking, *, by: User, policy: Policy) -> None:
    """The helper is on the way, policy.early_minutes before the agreed time at the earliest.

    Raises NotAllowed, WrongState.
    """
    _demand_side(by, booking, "helper")
    demand_near(booking, "set_out", policy=policy)
    _demand_money(session, booking)
    _step(session, booking, "set_out", "helper_set_out", by=by)
    _tell(session, booking, booking.customer_id, "helper_on_the_way")


def start(session: Session, booking: Booking, *, by: User, policy: Policy) -> None:
    """The helper has begun, policy.early_minutes before the agreed time at the earliest.

    Raises NotAllowed, WrongState.
    """
    _demand_side(by, booking, "helper")
    demand_near(booking, "start", policy=policy)
    _demand_money(session, booking)
    _step(session, booking, "start", "visit_started", by=by)
    _tell(session, booking, booking.customer_id, "visit_started")


def finish(session: Session, booking: Booking, *, by: User, policy: Policy) -> None:
    """The helper is done; the customer signs off, or silence does after policy.sign_off_hours.

    Raises NotAllowed, WrongState.
    """
    _demand_side(by, booking, "helper")
    # Silence counts from the agreed end: who says early that it is finished is not paid before the visit.
    due = max(clock.now(), booking.ends_at) + timedelta(hours=policy.sign_off_hours)
    _step(session, booking, "finish", "visit_finished", by=by, sign_off_due_at=due)
    _tell(session, booking, booking.customer_id, "visit_finished")


def demand_over(booking: Booking) -> None:
    """Unless the helper has finished, the agreed end must be over before it is reported as unsolved. Raises WrongState."""
    BOOKING.after("report_unsolved", booking.state)
    if booking.state == BOOKING.started and clock.now() < booking.ends_at:
        raise WrongState(N_("The helper is still at work. You can report it once the agreed time is over."))


def report_unsolved(session: Session, booking: Booking, *, by: User, note: str) -> None:
    """The customer says that it still does not work; the money stays held until the operator has decided.

    Raises NotAllowed, Invalid, WrongState.
    """
    _demand_side(by, booking, "customer")
    demand_over(booking)
    note = _checked(note, N_("Please say in a sentence what does not work yet."))
    _step(session, booking, "report_unsolved", "visit_reported_unsolved", by=by, unsolved_note=note)
    for side in (booking.customer_id, booking.helper_id):
        _tell(session, booking, side, "visit_unsolved")


def refer(session: Session, booking: Booking) -> None:
    """Nobody has said how the visit ended: the operator decides about its money. Raises WrongState."""
    _step(session, booking, "refer", "visit_referred", by=None)
    for side in (booking.customer_id, booking.helper_id):
        _tell(session, booking, side, "visit_referred")


def give_up(session: Session, booking: Booking, *, by: User, note: str, policy: Policy) -> None:
    """The helper has seen it and says that no neighbour can solve it. `payments` moves the money.

    Raises NotAllowed, Invalid, WrongState.
    """
    _demand_side(by, booking, "helper")
    demand_near(booking, "give_up", policy=policy)
    note = _checked(note, N_("Please say in a sentence what you found. The customer will read it."))
    _step(session, booking, "give_up", "visit_given_up", by=by, unsolved_note=note)
    _free_quarters(session, booking)


def side_to_report(booking: Booking, *, by: User, policy: Policy) -> Side:
    """The other side, when this person may report now that it is not there; a helper must have set out.

    Raises NotAllowed, WrongState.
    """
    side = side_of(by, booking)
    if side is None:
        raise NotAllowed()
    BOOKING.after("report_no_show", booking.state)
    if clock.now() < booking.starts_at + timedelta(minutes=policy.no_show_minutes):
        raise WrongState(
            N_("Please wait a little longer: it can be reported %(minutes)s minutes after the agreed time."),
            minutes=policy.no_show_minutes,
        )
    if side == "helper" and booking.state == BOOKING.confirmed:
        raise WrongState(N_("Please say first that you are on the way, then report that nobody was there."))
    return "customer" if side == "helper" else "helper"


def report_no_show(session: Session, booking: Booking, *, by: User, policy: Policy) -> None:
    """One side says that the other one was not there; the other one may object for policy.objection_hours.

    Raises NotAllowed, WrongState.
    """
    absent = side_to_report(booking, by=by, policy=policy)
    until = clock.now() + timedelta(hours=policy.objection_hours)
    _step(session, booking, "report_no_show", "no_show_reported", by=by, absent=absent, objection_until=until)
    for person in (booking.customer_id, booking.helper_id):
        _tell(session, booking, person, "no_show_reported")


def object_to_no_show(session: Session, booking: Booking, *, by: User, note: str) -> None:
    """The side that was reported as absent says that it was there; the operator decides.

    Raises NotAllowed, Invalid, WrongState.
    """
    if booking.state not in BOOKING.befores("object"):
        raise WrongState()
    if side_of(by, booking) != booking.absent:
        raise NotAllowed()
    note = _checked(note, N_("Please say in a sentence how it was."))
    _step(session, booking, "object", "no_show_objected", by=by, unsolved_note=note)
    for person in (booking.customer_id, booking.helper_id):
        _tell(session, booking, person, "visit_unsolved")


def sign_off(session: Session, booking: Booking, *, by: User | None) -> None:
    """The visit is accepted: by its customer, by the operator, or in silence (nobody). `payments` moves the money."""
    action = "sign_off" if by else "sign_off_in_silence"
    _step(session, booking, action, "visit_signed_off", by=by, signed_off_at=clock.now())


def cancel(
    session: Session, booking: Booking, *, by: User | None, side: str, action: str = "cancel", **values: Any
) -> None:
    """The visit will not take place, or did not help: free the helper's hours. `payments` moves the money."""
    _step(session, booking, action, "booking_cancelled", by=by, cancelled_by=side, **values)
    _free_quarters(session, booking)


def close(session: Session, booking: Booking) -> None:
    """The time for reviews is over: nothing more happens to the booking and to its task. Raises WrongState."""
    _step(session, booking, "close", "booking_closed", by=None)
    tasks.close(session, session.get_one(Task, booking.task_id))


def _claim(session: Session, task: Task) -> None:
    """Let one through: whoever comes second waits at the task's row, then finds the first one's reservation."""
    try:
        move(session, Task, task.id, TASK, "reserve")
    except WrongState:
        raise WrongState(N_("This task is no longer open, so its bids cannot be accepted any more.")) from None
    reserved = session.scalar(
        select(Booking.public_id).where(Booking.task_id == task.id, Booking.state.in_(BOOKING_LIVE))
    )
    if reserved is not None:
        raise PaymentUnderWay(reserved)


def _check_terms(session: Session, bid: Bid, terms: int) -> None:
    """Refuse what was changed, taken back or has run out since the customer saw it, and who is no longer admitted."""
    try:
        move(session, Bid, bid.id, BID, "reserve")
    except WrongState:
        raise WrongState(N_("This bid cannot be accepted any more. Please look at your bids again.")) from None
    session.refresh(bid)
    newest = select(BidStep.number).where(BidStep.bid_id == bid.id).order_by(BidStep.number.desc()).limit(1)
    if session.scalar(newest) != terms:
        raise WrongState(N_("The helper has changed this bid in the meantime. Please look at it again."))
    if min(bid.expires_at, bid.starts_at) <= clock.now():
        raise WrongState(N_("This bid has run out. Please ask the helper for a new time."))
    helper, task = session.get_one(User, bid.helper_id), session.get_one(Task, bid.task_id)
    if helper.suspended_at or task.skill_id not in certifications.skill_ids_in_force(session, helper):
        raise WrongState(N_("This helper may not come at present. Please choose another bid."))


def _take_quarters(session: Session, booking: Booking) -> None:
    """Take the visit's quarter-hours from the helper's calendar; two visits at one time are refused by the database."""
    session.add_all(
        TakenQuarter(helper_id=booking.helper_id, quarter_at=at, booking_id=booking.id)
        for at in quarters(booking.starts_at, booking.minutes)
    )
    _flush_or_refuse(session, N_("The helper has another visit at that time by now. Please agree on another time."))


def _free_quarters(session: Session, booking: Booking) -> None:
    session.execute(delete(TakenQuarter).where(TakenQuarter.booking_id == booking.id))


def _step(session: Session, booking: Booking, action: str, event: str, *, by: User | None, **values: Any) -> None:
    """Make the guarded move and note it among the steps of the visit and in the journal."""
    move(session, Booking, booking.id, BOOKING, action, **values)
    _note_step(session, booking, event, by=by)


def _note_step(session: Session, booking: Booking, event: str, *, by: User | None) -> None:
    session.add(VisitStep(booking_id=booking.id, state=booking.state, at=clock.now(), by_id=by.id if by else None))
    journal.record(session, event, booking, by=by, facts={"task_id": booking.task_id})


def _tell(session: Session, booking: Booking, user_id: int, kind: str) -> None:
    outbox.tell(session, user_id, kind, booking_id=booking.id, task_id=booking.task_id)


def _checked(note: str, empty: str) -> str:
    """What somebody wrote, without the spaces around it; raises Invalid."""
    note = note.strip()
    if not note:
        raise Invalid("note", empty)
    if len(note) > NOTE_MAX:
        raise Invalid("note", N_("Please use at most %(max)s characters."), max=NOTE_MAX)
    return note


def _demand_side(by: User, booking: Booking, side: str) -> None:
    """Only this side of the booking may do this."""
    if side_of(by, booking) != side:
        raise NotAllowed()


def _demand_money(session: Session, booking: Booking) -> None:
    """Nobody sets out for a visit whose saved card could not be charged yet: it might never be paid."""
    still_to_come = (PAYMENT.card_saved, PAYMENT.action_needed)
    waits = select(Payment.id).where(Payment.booking_id == booking.id, Payment.state.in_(still_to_come))
    if session.scalar(waits.limit(1)) is not None:
        raise WrongState(N_("The customer's payment is not here yet. Please wait for it before you set out."))


def _flush_or_refuse(session: Session, sentence: str) -> None:
    """Write to the database; what a constraint forbids, somebody else was faster to do."""
    try:
        session.flush()
    except IntegrityError as taken:
        raise WrongState(sentence) from taken
