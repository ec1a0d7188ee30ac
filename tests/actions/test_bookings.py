"""Bookings: who may be reserved when, the steps of the visit in every state, and the helper's calendar."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bids, bookings, payments
from marketplace.db import db, transaction
from marketplace.domain.errors import Invalid, NotAllowed, PaymentUnderWay, WrongState
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, JournalEntry, Notice, OutboxItem, TakenQuarter, Task, User, VisitStep
from tests.factories import (
    make_bid,
    make_booking,
    make_helper,
    make_operator,
    make_task,
    make_user,
    paid,
    payment_of,
    tomorrow_at,
)

POLICY = Policy()
Verb = Callable[[Session, Booking, dict[str, User]], object]


def accept(bid_id: int, by_id: int, **values: object) -> int:
    """Accept as the web does it; gives the payment's id."""
    with transaction() as session:
        given = {"address": "Rosenweg 3", "phone": "+41791234567", "terms": 1, "policy": POLICY, **values}
        payment = payments.accept_bid(session, session.get_one(Bid, bid_id), by=session.get_one(User, by_id), **given)
        session.flush()
        return payment.id


def test_a_reservation_keeps_the_terms_and_leaves_the_task_open(session: Session) -> None:
    bid = make_bid(session, make_task(session))
    accept(bid.id, bid.task_id and session.get_one(Task, bid.task_id).customer_id)
    booking = session.scalars(select(Booking)).one()
    assert (booking.state, booking.price_cents, booking.fee_cents, booking.helper_cents) == (
        "reserved",
        5500,
        550,
        4950,
    )
    assert (booking.starts_at, booking.minutes) == (bid.starts_at, bid.minutes)
    assert booking.reserved_until - booking.created_at == POLICY.reservation
    assert session.get_one(Task, bid.task_id).state == "open"
    assert bid.state == "placed"
    assert session.scalar(select(func.count(TakenQuarter.id))) == 4


def test_a_second_acceptance_of_the_same_task_names_the_first(session: Session) -> None:
    task = make_task(session)
    first, second = make_bid(session, task), make_bid(session, task)
    accept(first.id, task.customer_id)
    public_id = session.scalars(select(Booking.public_id)).one()
    for bid in (first, second):
        with pytest.raises(PaymentUnderWay) as refused:
            accept(bid.id, task.customer_id)
        assert refused.value.booking == public_id
    assert session.scalar(select(func.count(Booking.id))) == 1


def test_only_the_customer_accepts(session: Session) -> None:
    bid = make_bid(session, make_task(session))
    for stranger in (bid.helper_id, make_user(session).id, make_operator(session, "admin").id):
        with pytest.raises(NotAllowed):
            accept(bid.id, stranger)
    assert session.scalar(select(func.count(Booking.id))) == 0


@pytest.mark.parametrize("state", ["countered", "declined", "withdrawn", "expired"])
def test_only_a_placed_bid_is_accepted(session: Session, state: str) -> None:
    task = make_task(session)
    bid = make_bid(session, task, state=state)
    with pytest.raises(WrongState):
        accept(bid.id, task.customer_id)


@pytest.mark.parametrize("state", ["done", "closed", "cancelled", "expired", "removed", "booked"])
def test_only_an_open_task_is_booked(session: Session, state: str) -> None:
    task = make_task(session, state=state)
    bid = make_bid(session, task)
    with pytest.raises(WrongState):
        accept(bid.id, task.customer_id)


def test_terms_that_the_customer_has_not_seen_are_not_accepted(session: Session) -> None:
    task = make_task(session)
    bid = make_bid(session, task)
    with transaction() as rows:
        dearer = {"price_cents": 9900, "minutes": 60, "included": "Anfahrt", "starts_at": bid.starts_at, "message": ""}
        bids.revise(rows, rows.get_one(Bid, bid.id), by=rows.get_one(User, bid.helper_id), policy=POLICY, **dearer)
    with pytest.raises(WrongState, match="changed this bid"):
        accept(bid.id, task.customer_id, terms=1)
    accept(bid.id, task.customer_id, terms=2)
    assert session.scalars(select(Booking.price_cents)).one() == 9900


@pytest.mark.parametrize("late", [{"expires_at": timedelta(seconds=-1)}, {"starts_at": timedelta(seconds=-1)}])
def test_a_bid_that_has_run_out_is_not_accepted(session: Session, late: dict[str, timedelta]) -> None:
    task = make_task(session)
    bid = make_bid(session, task, **{name: clock.now() + offset for name, offset in late.items()})
    with pytest.raises(WrongState, match="run out"):
        accept(bid.id, task.customer_id)


def test_a_helper_is_in_one_place_at_a_time(session: Session) -> None:
    helper, at = make_helper(session), tomorrow_at(19)
    there = make_bid(session, make_task(session), helper, starts_at=at, minutes=60)
    quarters = ((-60, False), (-45, True), (0, True), (45, True), (60, False))
    make_booking(session, there)
    for minutes, overlaps in quarters:
        task = make_task(session)
        here = make_bid(session, task, helper, starts_at=at + timedelta(minutes=minutes), minutes=60)
        if overlaps:
            with pytest.raises(WrongState, match="another visit"):
                accept(here.id, task.customer_id)
        else:
            accept(here.id, task.customer_id)


def test_a_lapsed_reservation_frees_the_hours_and_forgets_the_address(session: Session) -> None:
    booking = make_booking(session, state="lapsed")
    assert (booking.address, booking.phone) == (None, None)
    assert session.scalar(select(func.count(TakenQuarter.id))) == 0
    again = make_booking(session, session.get_one(Bid, booking.bid_id))
    assert again.state == "confirmed"


def lapse(session: Session, booking: Booking, by: User) -> None:
    """Give up, once the payment page is closed."""
    payment = payment_of(session, booking)
    payments.record(session, replace(paid(payment), outcome="abandoned", charge=None))
    payments.lapse(session, booking, by=by)


def at_the_visit(verb: Verb, *, hours: int = 1) -> Verb:
    """A verb so long after the agreed beginning."""

    def late(session: Session, booking: Booking, who: dict[str, User]) -> None:
        with clock.moved_to(booking.starts_at + timedelta(hours=hours)):
            verb(session, booking, who)

    return late


def settle(session: Session, booking: Booking, by: User, *, refund_cents: int) -> None:
    payments.settle(session, booking, by=by, refund_cents=refund_cents, helper_cents=0, reason="Darum.")


VERBS: dict[str, Verb] = {
    "confirm": lambda s, b, who: bookings.confirm(s, b),
    "lapse": lambda s, b, who: lapse(s, b, who["customer"]),
    "set_out": at_the_visit(lambda s, b, who: bookings.set_out(s, b, by=who["helper"], policy=POLICY)),
    "start": at_the_visit(lambda s, b, who: bookings.start(s, b, by=who["helper"], policy=POLICY)),
    "finish": lambda s, b, who: bookings.finish(s, b, by=who["helper"], policy=POLICY),
    "report_unsolved": at_the_visit(
        lambda s, b, who: bookings.report_unsolved(s, b, by=who["customer"], note="Geht nicht.")
    ),
    "refer": at_the_visit(lambda s, b, who: payments.refer(s, b, policy=POLICY), hours=25),
    "sign_off": lambda s, b, who: payments.sign_off(s, b, by=who["customer"]),
    "sign_off_in_silence": lambda s, b, who: payments.sign_off(s, b, by=None),
    "cancel": lambda s, b, who: payments.call_off(s, b, by=who["customer"], policy=POLICY),
    "give_up": at_the_visit(lambda s, b, who: payments.give_up(s, b, by=who["helper"], note="Defekt.", policy=POLICY)),
    "report_no_show": at_the_visit(lambda s, b, who: bookings.report_no_show(s, b, by=who["customer"], policy=POLICY)),
    "object": lambda s, b, who: bookings.object_to_no_show(s, b, by=who["customer"], note="Ich war da."),
    "settle_no_show": lambda s, b, who: payments.settle_no_show(s, b, policy=POLICY),
    "give_back": lambda s, b, who: settle(s, b, who["operator"], refund_cents=b.price_cents),
    "settle": lambda s, b, who: settle(s, b, who["operator"], refund_cents=0),
    "close": lambda s, b, who: bookings.close(s, b),
}
ALLOWED = {
    "confirm": "customer helper",
    "lapse": "customer",
    "set_out": "helper",
    "start": "helper",
    "finish": "helper",
    "report_unsolved": "customer",
    "sign_off": "customer",
    "cancel": "customer helper",
    "give_up": "helper",
    "report_no_show": "customer helper",
    "settle": "operator",
    "give_back": "operator",
}


def test_every_action_of_the_lifecycle_has_a_verb() -> None:
    assert set(VERBS) == set(BOOKING.moves)


@pytest.mark.parametrize("state", BOOKING.states)
def test_every_verb_in_this_state(session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    operator = make_operator(session).id
    for action, verb in VERBS.items():
        before = _everything(session)
        if state not in BOOKING.moves[action]:
            with pytest.raises(WrongState):
                _state_after(verb, booking.id, operator)
        else:
            wanted = "signed_off" if action == "settle" else BOOKING.moves[action][state]
            assert _state_after(verb, booking.id, operator) == wanted
        assert _everything(session) == before, f"a refused {action} left something behind"


@pytest.mark.parametrize("state", BOOKING.states)
def test_every_verb_by_the_wrong_person(session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    operator, stranger = make_operator(session).id, make_user(session).id
    for action, allowed in ALLOWED.items():
        for wrong in {"customer", "helper", "operator", "stranger"} - set(allowed.split()):
            if action == "confirm":
                continue  # nobody's verb: the gateway confirms
            with transaction() as rows:
                here = rows.get_one(Booking, booking.id)
                people = _people(rows, here, operator) | {"stranger": rows.get_one(User, stranger)}
                person = people[wrong]
                with pytest.raises(NotAllowed):
                    VERBS[action](rows, here, dict.fromkeys(people, person))


def test_each_step_is_noted_and_told(session: Session) -> None:
    booking = make_booking(session, state="closed")
    steps = session.scalars(select(VisitStep.state).where(VisitStep.booking_id == booking.id).order_by(VisitStep.id))
    assert list(steps) == ["reserved", "confirmed", "on_the_way", "started", "finished", "signed_off", "closed"]
    assert session.get_one(Task, booking.task_id).state == "closed"
    events = session.scalars(select(JournalEntry.event).where(JournalEntry.subject_kind == "bookings"))
    of_visit = {"visit_started", "visit_finished", "visit_signed_off", "payment_released"}
    assert set(events) == {"booking_reserved", "booking_confirmed", "helper_set_out", "booking_closed"} | of_visit
    told = session.execute(select(Notice.kind, Notice.user_id).order_by(Notice.id)).all()
    customer, helper = booking.customer_id, booking.helper_id
    assert [tuple(row) for row in told] == [
        ("booking_confirmed", customer),
        ("booking_won", helper),
        ("helper_on_the_way", customer),
        ("visit_started", customer),
        ("visit_finished", customer),
        ("visit_signed_off", helper),
        ("review_due", customer),
        ("review_due", helper),
    ]
    assert session.scalar(select(func.count(OutboxItem.id)).where(OutboxItem.channel == "mail")) == len(told)


def test_with_the_booking_its_task_is_closed(session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    task = session.get_one(Task, booking.task_id)
    assert task.state == "done"
    with transaction() as rows:
        bookings.close(rows, rows.get_one(Booking, booking.id))
    assert (booking.state, task.state) == ("closed", "closed")
    journalled = session.scalars(select(JournalEntry.event).order_by(JournalEntry.id.desc()).limit(2)).all()
    assert journalled == ["task_closed", "booking_closed"]


def test_a_booking_whose_task_cannot_be_closed_stays_as_it_is(session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    session.execute(update(Task).values(state="cancelled"))
    session.commit()
    before = _everything(session)
    with pytest.raises(WrongState), transaction() as rows:
        bookings.close(rows, rows.get_one(Booking, booking.id))
    assert _everything(session) == before


def test_silence_signs_off_only_what_the_customer_has_not_called_unsolved(session: Session) -> None:
    booking = make_booking(session, state="finished")
    assert booking.sign_off_due_at is not None
    assert booking.sign_off_due_at - clock.now() > timedelta(hours=POLICY.sign_off_hours - 1)
    with transaction() as rows:
        here = rows.get_one(Booking, booking.id)
        bookings.report_unsolved(rows, here, by=rows.get_one(User, booking.customer_id), note="Geht nicht.")
    with pytest.raises(WrongState), transaction() as rows:
        payments.sign_off(rows, rows.get_one(Booking, booking.id), by=None)


EARLY: dict[str, tuple[str, Verb]] = {
    "set_out": ("confirmed", lambda s, b, who: bookings.set_out(s, b, by=who["helper"], policy=POLICY)),
    "start": ("on_the_way", lambda s, b, who: bookings.start(s, b, by=who["helper"], policy=POLICY)),
    "start at once": ("confirmed", lambda s, b, who: bookings.start(s, b, by=who["helper"], policy=POLICY)),
    "give_up": ("started", lambda s, b, who: payments.give_up(s, b, by=who["helper"], note="Defekt.", policy=POLICY)),
}


@pytest.mark.parametrize(("state", "verb"), EARLY.values(), ids=EARLY)
def test_a_step_of_the_visit_is_taken_near_to_it_only(session: Session, state: str, verb: Verb) -> None:
    """Who could press it a fortnight early would end the customer's free cancellation, and be paid for having been there."""
    booking = make_booking(session, state=state)
    operator, begin = make_operator(session).id, booking.starts_at
    before = _everything(session)
    with clock.moved_to(begin - timedelta(minutes=180, seconds=1)):
        with pytest.raises(WrongState, match="works from 180 minutes before"):
            _state_after(verb, booking.id, operator)
        assert _everything(session) == before
    with clock.moved_to(begin - timedelta(minutes=180)):
        assert _state_after(verb, booking.id, operator) != state


def test_how_early_is_a_matter_of_policy(session: Session) -> None:
    booking = make_booking(session)
    helper, policy = session.get_one(User, booking.helper_id), Policy(early_minutes=30)
    with clock.moved_to(booking.starts_at - timedelta(minutes=31)), pytest.raises(WrongState, match="30 minutes"):
        bookings.set_out(session, booking, by=helper, policy=policy)
    with clock.moved_to(booking.starts_at - timedelta(minutes=30)):
        bookings.set_out(session, booking, by=helper, policy=policy)


def test_what_is_over_is_not_called_too_early(session: Session) -> None:
    booking = make_booking(session, state="cancelled")
    with pytest.raises(WrongState, match="no longer possible"):
        bookings.start(session, booking, by=session.get_one(User, booking.helper_id), policy=POLICY)


def test_a_visit_that_its_helper_does_not_finish_is_reported_once_its_end_is_over(session: Session) -> None:
    booking = make_booking(session, state="started")
    customer = session.get_one(User, booking.customer_id)
    with clock.moved_to(booking.ends_at - timedelta(seconds=1)), pytest.raises(WrongState, match="still at work"):
        bookings.report_unsolved(session, booking, by=customer, note="Geht nicht.")
    with clock.moved_to(booking.ends_at):
        bookings.report_unsolved(session, booking, by=customer, note="Geht nicht.")
    assert (booking.state, booking.unsolved_note) == ("unsolved", "Geht nicht.")
    assert payment_of(session, booking).state == "held"


@pytest.mark.parametrize("state", BOOKING.befores("refer"))
def test_a_visit_that_nobody_ended_is_referred_to_the_operator(session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    with clock.moved_to(booking.ends_at + timedelta(hours=24, seconds=-1)), pytest.raises(WrongState):
        payments.refer(session, booking, policy=POLICY)
    with clock.moved_to(booking.ends_at + timedelta(hours=24)):
        payments.refer(session, booking, policy=POLICY)
    assert (booking.state, booking.unsolved_note) == ("unsolved", None)
    step = session.scalars(select(VisitStep).order_by(VisitStep.id.desc()).limit(1)).one()
    assert (step.state, step.by_id) == ("unsolved", None)
    assert session.scalars(select(JournalEntry.event).order_by(JournalEntry.id.desc()).limit(1)).one() == (
        "visit_referred"
    )
    told = select(Notice.user_id).where(Notice.kind == "visit_referred")
    assert set(session.scalars(told)) == {booking.customer_id, booking.helper_id}


@pytest.mark.parametrize("note", ["", "   ", "x" * 2001])
def test_a_report_needs_a_sentence_of_a_readable_length(session: Session, note: str) -> None:
    booking = make_booking(session, state="finished")
    customer = session.get_one(User, booking.customer_id)
    with pytest.raises(Invalid):
        bookings.report_unsolved(session, booking, by=customer, note=note)


def _state_after(verb: Verb, booking_id: int, operator_id: int) -> str:
    """The state that a verb leads to, undone again."""
    db.session.rollback()
    here = db.session.get_one(Booking, booking_id)
    verb(db.session, here, _people(db.session, here, operator_id))
    after = here.state
    db.session.rollback()
    return after


def _people(rows: Session, booking: Booking, operator_id: int) -> dict[str, User]:
    ids = {"customer": booking.customer_id, "helper": booking.helper_id, "operator": operator_id}
    return {name: rows.get_one(User, person) for name, person in ids.items()}


def _everything(session: Session) -> list[object]:
    """Figures that change with anything a verb writes."""
    session.rollback()
    counted = [session.scalar(select(func.count(model.id))) for model in (VisitStep, JournalEntry, OutboxItem, Notice)]
    return [*counted, session.execute(select(Booking.state, Booking.cancelled_by, Booking.signed_off_at)).all()]
