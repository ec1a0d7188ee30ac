"""The verbs of bids: every cell of the lifecycle, who may do what, and what is kept and told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bids, tasks
from marketplace.domain.errors import DomainError, Invalid, NotAllowed, WrongState
from marketplace.domain.lifecycles import BID
from marketplace.domain.policy import Policy
from marketplace.models import (
    Bid,
    BidStep,
    Booking,
    Certification,
    JournalEntry,
    Notice,
    OutboxItem,
    TakenQuarter,
    Task,
    User,
)
from tests.factories import make_bid, make_helper, make_operator, make_task, make_user, tomorrow_at

POLICY = Policy()


@pytest.fixture
def task(session: Session) -> Task:
    return make_task(session)


@pytest.fixture
def helper(session: Session) -> User:
    return make_helper(session)


@pytest.fixture
def customer(session: Session, task: Task) -> User:
    return session.get_one(User, task.customer_id)


def terms(**values: Any) -> dict[str, Any]:
    """What a helper proposes."""
    return {
        "price_cents": 6000,
        "minutes": 90,
        "included": "Anfahrt",
        "starts_at": tomorrow_at(18),
        "message": "Gern.",
        "policy": POLICY,
        **values,
    }


def proposal(**values: Any) -> dict[str, Any]:
    """What a customer proposes."""
    return {"price_cents": 4500, "starts_at": tomorrow_at(18), "message": "Geht das?", "policy": POLICY, **values}


def steps(session: Session, bid: Bid) -> list[BidStep]:
    return list(session.scalars(select(BidStep).where(BidStep.bid_id == bid.id).order_by(BidStep.number)))


def told(session: Session, person: User) -> list[str]:
    return list(session.scalars(select(Notice.kind).where(Notice.user_id == person.id).order_by(Notice.id)))


def reserved(session: Session, bid: Bid, task: Task, state: str = "reserved") -> Booking:
    now = clock.now()
    booking = Booking(
        task_id=task.id,
        bid_id=bid.id,
        customer_id=task.customer_id,
        helper_id=bid.helper_id,
        state=state,
        starts_at=bid.starts_at,
        minutes=bid.minutes,
        price_cents=bid.price_cents,
        fee_cents=0,
        currency="CHF",
        created_at=now,
        promised_at=bid.starts_at,
        reserved_until=now + timedelta(minutes=30),
    )
    session.add(booking)
    session.commit()
    return booking


# ---- Placing


def test_a_bid_is_kept_with_its_fee_its_first_step_and_told(
    session: Session, task: Task, helper: User, customer: User
) -> None:
    bid = bids.place(session, task, by=helper, **terms())
    assert (bid.state, bid.price_cents, bid.fee_percent, bid.currency) == ("placed", 6000, 10, "CHF")
    assert bid.expires_at == bid.starts_at  # seven days, but never longer than until the visit
    [step] = steps(session, bid)
    assert (step.number, step.side, step.price_cents, step.message) == (1, "helper", 6000, "Gern.")
    assert told(session, customer) == ["bid_placed"]
    entry = session.scalars(select(JournalEntry).where(JournalEntry.event == "bid_placed")).one()
    assert entry.facts == {"task_id": task.id, "price_cents": 6000}


def test_the_chosen_validity_counts_within_the_policys(session: Session, task: Task, helper: User) -> None:
    bid = bids.place(session, task, by=helper, **terms(valid_days=1, starts_at=tomorrow_at(18, days=12)))
    assert timedelta(hours=23) < bid.expires_at - clock.now() <= timedelta(days=1)
    bids.revise(session, bid, by=helper, **terms(valid_days=99, starts_at=tomorrow_at(18, days=12)))
    assert bid.expires_at - clock.now() <= timedelta(days=POLICY.bid_valid_days)


def test_contact_data_in_a_bid_are_masked(session: Session, task: Task, helper: User, customer: User) -> None:
    bid = bids.place(session, task, by=helper, **terms(message="Ruf an: 079 123 45 67", included="Siehe www.hans.ch"))
    assert (bid.message, bid.included) == ("Ruf an: •••", "Siehe •••")
    bids.counter(session, bid, by=customer, **proposal(message="Mail an anna@example.ch"))
    assert [step.message for step in steps(session, bid)] == ["Ruf an: •••", "Mail an •••"]


def test_only_certified_helpers_bid_and_nobody_on_an_own_task(session: Session, task: Task, customer: User) -> None:
    others = [make_user(session), make_helper(session, skills=("tv",))]
    suspended = make_helper(session)
    session.scalars(select(Certification).where(Certification.helper_id == suspended.id)).one().state = "suspended"
    customer.is_helper = True
    session.commit()
    for person in (*others, suspended, customer):
        with pytest.raises(NotAllowed):
            bids.place(session, task, by=person, **terms())
    assert session.scalar(select(func.count()).select_from(Bid)) == 0


WRONG_TERMS = [
    ({"price_cents": 999}, "price"),
    ({"price_cents": 100_001}, "price"),
    ({"minutes": 0}, "minutes"),
    ({"minutes": 50}, "minutes"),
    ({"minutes": 495}, "minutes"),
    ({"included": "  "}, "included"),
    ({"included": "x" * 301}, "included"),
    ({"message": "x" * 4001}, "message"),
    ({"starts_at": tomorrow_at(18, days=-3)}, "when"),
    ({"starts_at": tomorrow_at(18, days=40)}, "when"),
    ({"starts_at": tomorrow_at(18) + timedelta(minutes=5)}, "when"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG_TERMS)
def test_terms_that_cannot_be_agreed_on_are_refused(
    wrong: dict[str, Any], field: str, session: Session, task: Task, helper: User
) -> None:
    with pytest.raises(Invalid) as refusal:
        bids.place(session, task, by=helper, **terms(**wrong))
    assert refusal.value.field == field
    bid = make_bid(session, task, helper)
    with pytest.raises(Invalid):
        bids.revise(session, bid, by=helper, **terms(**wrong))


def test_one_live_bid_per_helper_and_so_many_per_task(session: Session, task: Task, helper: User) -> None:
    first = bids.place(session, task, by=helper, **terms())
    with pytest.raises(WrongState):
        bids.place(session, task, by=helper, **terms())
    bids.withdraw(session, first, by=helper)
    bids.place(session, task, by=helper, **terms())
    few = Policy(bids_per_task_max=1)
    with pytest.raises(WrongState):
        bids.place(session, task, by=make_helper(session), **terms(policy=few))


@pytest.mark.parametrize("state", ["booked", "done", "closed", "expired", "cancelled", "removed"])
def test_a_task_that_is_not_open_takes_no_bids(state: str, session: Session, helper: User) -> None:
    with pytest.raises(WrongState):
        bids.place(session, make_task(session, state=state), by=helper, **terms())


def test_a_task_whose_days_are_over_takes_no_bids(session: Session, helper: User) -> None:
    task = make_task(session, expires_at=clock.now() - timedelta(minutes=1))
    with pytest.raises(WrongState):
        bids.place(session, task, by=helper, **terms())


def test_no_bid_for_a_time_taken_in_the_own_calendar(session: Session, task: Task, helper: User) -> None:
    other = make_task(session)
    booking = reserved(session, make_bid(session, other, helper), other)
    taken = tomorrow_at(19)
    session.add(TakenQuarter(helper_id=helper.id, quarter_at=taken, booking_id=booking.id))
    session.commit()
    for starts_at in (taken, taken - timedelta(minutes=75)):
        with pytest.raises(Invalid):
            bids.place(session, task, by=helper, **terms(starts_at=starts_at))
    bid = bids.place(session, task, by=helper, **terms(starts_at=taken - timedelta(minutes=90)))
    with pytest.raises(Invalid):
        bids.revise(session, bid, by=helper, **terms(starts_at=taken))


# ---- Every cell of the lifecycle, through the verbs

Verb = Callable[[Session, Bid, Task, User, User], None]


VERBS: dict[str, Verb] = {
    "counter": lambda s, bid, _task, customer, _helper: bids.counter(s, bid, by=customer, **proposal()),
    "revise": lambda s, bid, _task, _customer, helper: bids.revise(s, bid, by=helper, **terms()),
    "agree": lambda s, bid, _task, _customer, helper: bids.agree(s, bid, by=helper),
    "accept": lambda s, bid, _task, _customer, _helper: bids.mark_accepted(s, bid),
    "decline": lambda s, bid, _task, customer, _helper: bids.decline(s, bid, by=customer),
    "withdraw": lambda s, bid, _task, _customer, helper: bids.withdraw(s, bid, by=helper),
    "expire": lambda s, bid, _task, _customer, _helper: bids.expire(s, bid),
    "fall_through": lambda s, bid, _task, _customer, _helper: bids.fall_through(s, bid),
}
ELSEWHERE = {"reserve"}  # a move of bookings


def test_every_move_of_the_table_has_its_verb() -> None:
    assert set(VERBS) | ELSEWHERE == set(BID.moves)


@pytest.mark.parametrize("cell", [(action, state) for action in sorted(VERBS) for state in BID.states], ids="-".join)
def test_every_state_and_every_action(
    cell: tuple[str, str], session: Session, task: Task, helper: User, customer: User
) -> None:
    action, state = cell
    bid = make_bid(session, task, helper, state=state)
    allowed = state in BID.befores(action)
    if not allowed:
        with pytest.raises(WrongState):
            VERBS[action](session, bid, task, customer, helper)
        session.rollback()
        assert session.get_one(Bid, bid.id).state == state
        assert len(steps(session, bid)) == 1
        return
    VERBS[action](session, bid, task, customer, helper)
    assert bid.state == BID.after(action, state)
    assert len(steps(session, bid)) == (2 if action in ("counter", "revise", "agree") else 1)
    event = session.scalars(select(JournalEntry.event).where(JournalEntry.subject_kind == "bids")).all()
    assert len(event) == 1


TOLD = {
    "counter": ("helper", "bid_countered"),
    "revise": ("customer", "bid_revised"),
    "agree": ("customer", "bid_agreed"),
    "decline": ("helper", "bid_declined"),
    "withdraw": ("customer", "bid_withdrawn"),
    "expire": ("helper", "bid_expired"),
}


@pytest.mark.parametrize("action", sorted(TOLD))
def test_the_other_side_is_told(action: str, session: Session, task: Task, helper: User, customer: User) -> None:
    bid = make_bid(session, task, helper, state="countered" if action == "agree" else "placed")
    VERBS[action](session, bid, task, customer, helper)
    side, kind = TOLD[action]
    assert told(session, {"helper": helper, "customer": customer}[side]) == [kind]
    assert told(session, {"helper": customer, "customer": helper}[side]) == []


def test_of_a_proposal_that_runs_out_both_sides_are_told(
    session: Session, task: Task, helper: User, customer: User
) -> None:
    bids.expire(session, make_bid(session, task, helper, state="countered"))
    assert told(session, customer) == ["proposal_expired"]
    assert told(session, helper) == ["proposal_missed"]


@pytest.mark.parametrize("action", ["counter", "revise", "agree", "decline", "withdraw"])
def test_only_the_right_side_may(action: str, session: Session, task: Task, helper: User, customer: User) -> None:
    bid = make_bid(session, task, helper, state="countered" if action == "agree" else "placed")
    stranger = make_helper(session, "Fritz Fremd")
    helpers_verb = action in ("revise", "agree", "withdraw")
    for person in (stranger, customer if helpers_verb else helper):
        with pytest.raises(NotAllowed):
            VERBS[action](session, bid, task, person, person)


# ---- Negotiating


def test_the_counter_changes_price_and_time_and_agreeing_keeps_them(
    session: Session, task: Task, helper: User, customer: User
) -> None:
    bid = bids.place(session, task, by=helper, **terms())
    bids.counter(session, bid, by=customer, **proposal(starts_at=tomorrow_at(20)))
    assert (bid.state, bid.price_cents, bid.starts_at, bid.minutes, bid.included) == (
        "countered",
        4500,
        tomorrow_at(20),
        90,
        "Anfahrt",
    )
    assert bid.message == "Gern."  # the helper's words stay the helper's
    bids.agree(session, bid, by=helper)
    assert (bid.state, bid.price_cents, bid.starts_at) == ("placed", 4500, tomorrow_at(20))
    assert [step.side for step in steps(session, bid)] == ["helper", "customer", "helper"]


def test_a_negotiation_ends_after_so_many_steps(session: Session, task: Task, helper: User, customer: User) -> None:
    bid = make_bid(session, task, helper)
    short = Policy(bid_steps_max=2)
    bids.counter(session, bid, by=customer, **proposal(policy=short))
    session.commit()
    with pytest.raises(WrongState):
        bids.revise(session, bid, by=helper, **terms(policy=short))
    session.rollback()
    bids.agree(session, bid, by=helper)  # yes is always possible
    with pytest.raises(WrongState):
        bids.counter(session, bid, by=customer, **proposal(price_cents=5000, policy=short))


def test_the_fee_is_the_one_of_the_day_of_the_bid(session: Session, task: Task, helper: User) -> None:
    bid = bids.place(session, task, by=helper, **terms())
    bids.revise(session, bid, by=helper, **terms(price_cents=7000, policy=Policy(fee_percent=20)))
    assert bid.fee_percent == 10


def test_what_has_run_out_takes_new_terms_but_no_answer(
    session: Session, task: Task, helper: User, customer: User
) -> None:
    late = clock.now() - timedelta(minutes=1)
    bid = make_bid(session, task, helper, expires_at=late)
    with pytest.raises(WrongState):
        bids.counter(session, bid, by=customer, **proposal())
    session.rollback()
    bids.revise(session, bid, by=helper, **terms())
    assert bid.expires_at > clock.now()
    bids.counter(session, bid, by=customer, **proposal())
    bid.expires_at = late
    session.commit()
    with pytest.raises(WrongState):
        bids.agree(session, bid, by=helper)


@pytest.mark.parametrize("action", ["counter", "revise", "decline", "withdraw", "expire"])
def test_nothing_changes_while_the_bid_is_being_paid(
    action: str, session: Session, task: Task, helper: User, customer: User
) -> None:
    bid = make_bid(session, task, helper)
    booking = reserved(session, bid, task)
    with pytest.raises(WrongState):
        VERBS[action](session, bid, task, customer, helper)
    session.rollback()
    booking.state = "lapsed"
    session.commit()
    VERBS[action](session, bid, task, customer, helper)


# ---- Ends


def test_taking_a_task_back_declines_its_bids(session: Session, task: Task, customer: User) -> None:
    one, two = make_bid(session, task), make_bid(session, task, state="countered")
    gone = make_bid(session, task, state="withdrawn")
    with pytest.raises(NotAllowed):
        bids.cancel_task(session, task, by=make_user(session))
    bids.cancel_task(session, task, by=customer)
    session.refresh(one), session.refresh(two), session.refresh(gone)
    assert (task.state, one.state, two.state, gone.state) == ("cancelled", "declined", "declined", "withdrawn")
    assert told(session, session.get_one(User, two.helper_id)) == ["bid_declined"]


def test_a_task_taken_down_or_run_out_takes_its_bids_along(session: Session) -> None:
    removed, expired = make_task(session), make_task(session)
    one, two = make_bid(session, removed), make_bid(session, expired)
    bids.remove_task(session, removed, by=make_operator(session), reason="Werbung")
    bids.expire_task(session, expired)
    session.refresh(one), session.refresh(two)
    assert (removed.state, one.state, expired.state, two.state) == ("removed", "declined", "expired", "expired")


def test_the_bids_of_those_not_taken_are_declined(session: Session, task: Task) -> None:
    won, lost, countered = make_bid(session, task), make_bid(session, task), make_bid(session, task, state="countered")
    bids.mark_accepted(session, won)
    bids.decline_siblings(session, won)
    session.refresh(lost), session.refresh(countered)
    assert (won.state, lost.state, countered.state) == ("accepted", "declined", "declined")


def test_a_bid_whose_booking_fell_through_makes_room_for_a_new_one(session: Session, task: Task, helper: User) -> None:
    bid = make_bid(session, task, helper, state="accepted")
    bids.fall_through(session, bid)
    assert bids.place(session, task, by=helper, **terms()).state == "placed"


def test_no_verb_commits(session: Session, task: Task, helper: User) -> None:
    bids.place(session, task, by=helper, **terms())
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Bid)) == 0
    with pytest.raises(DomainError):
        tasks.cancel(session, task, by=helper)


def test_after_several_bids_on_one_task_a_helper_leaves_it_to_others(
    session: Session, task: Task, helper: User, customer: User
) -> None:
    for _ in range(POLICY.bids_per_helper_max):
        bids.decline(session, bids.place(session, task, by=helper, **terms()), by=customer)
    with pytest.raises(WrongState):
        bids.place(session, task, by=helper, **terms())
    bids.place(session, task, by=make_helper(session), **terms())


def test_a_bid_prolonged_in_the_same_instant_does_not_run_out(session: Session, task: Task, helper: User) -> None:
    bid = make_bid(session, task, helper)
    with pytest.raises(WrongState):
        bids.expire(session, bid, due_by=bid.expires_at - timedelta(seconds=1))
    bids.expire(session, bid, due_by=bid.expires_at)
    assert bid.state == "expired"


def test_who_was_silent_is_read_under_the_lock(session: Session, task: Task, helper: User) -> None:
    bid = make_bid(session, task, helper)
    session.commit()
    # The customer answers after the worker has read the bid.
    answered = update(Bid).where(Bid.id == bid.id).values(state="countered")
    session.execute(answered.execution_options(synchronize_session=False))
    assert bid.state == "placed"
    bids.expire(session, bid)
    session.commit()
    told = session.scalars(select(OutboxItem.kind).where(OutboxItem.user_id == helper.id)).all()
    assert told == ["proposal_missed"]
