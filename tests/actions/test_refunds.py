"""Refunds: the operator's, as often as wanted and never above what is left; each is given once, fails, is asked for again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, disputes, outbox, payments, payouts, refunds
from marketplace.db import transaction
from marketplace.domain.errors import Invalid, NotAllowed, WrongState
from marketplace.domain.gateway import DisputeFact, RefundFact, TransferFact
from marketplace.domain.lifecycles import REFUND
from marketplace.domain.money import GATEWAY, LOSSES, REFUNDS, REVENUE, credit, owed
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Notice, OutboxItem, Payment, Payout, Posting, Refund, Reversal, Settlement, User
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import AT_ONCE, make_bid, make_booking, make_operator, make_task, make_user, payment_of
from tests.money import POLICY, accept


def give_back(payment: Payment, by: int, cents: int, from_helper: int, reason: str = "Kulanz.") -> None:
    payment_id = payment.id
    with transaction() as rows:
        payments.refund(
            rows,
            rows.get_one(Payment, payment_id),
            by=rows.get_one(User, by),
            refund_cents=cents,
            from_helper_cents=from_helper,
            reason=reason,
        )


def fact(outcome: str = "done", reference: str = "re-1", **values: Any) -> RefundFact:
    return RefundFact(reference, outcome, 5_500, "CHF", **values)  # type: ignore[arg-type]


def say(refund: Refund, told: RefundFact, tried: int | None = None) -> None:
    refund_id, number = refund.id, refund.tries if tried is None else tried
    with transaction() as rows:
        refunds.record(rows, refund_id, told, tried=number)


def deny(refund: Refund, why: str = "expired_or_canceled_card", tried: int | None = None) -> None:
    refund_id, number = refund.id, refund.tries if tried is None else tried
    with transaction() as rows:
        refunds.deny(rows, refund_id, why, tried=number)


def asked(session: Session) -> Refund:
    """A refund of a whole price that the worker is to hand over."""
    booking = make_booking(session, state="cancelled")
    return session.scalars(select(Refund).where(Refund.payment_id == payment_of(session, booking).id)).one()


def send(session: Session) -> Payout:
    """The only payout leaves."""
    payout = session.scalars(select(Payout)).one()
    payout_id, cents = payout.id, payout.cents
    with transaction() as rows:
        payouts.take(rows, payout_id, destination="acct-1")
        payouts.record_sent(rows, payout_id, TransferFact("tr-1", f"{payout_id}:1", cents, 0, "CHF"))
    return payout


# ---- After the money was released


def test_the_operator_gives_back_several_times_before_the_payout_has_left(session: Session) -> None:
    booking, operator = make_booking(session, state="signed_off"), make_operator(session).id
    payment, payout = payment_of(session, booking), session.scalars(select(Payout)).one()
    give_back(payment, operator, 1_000, 1_000)
    assert (payment.state, payment.refunded_cents, payout.cents, payout.state) == (
        *("partly_refunded", 1_000, 3_950),
        "waiting",
    )
    give_back(payment, operator, 250, 0)  # out of the fee
    give_back(payment, operator, 300, 0)
    give_back(payment, operator, 3_950, 3_950)
    assert (payment.state, payment.refunded_cents, payout.cents, payout.state) == ("refunded", 5_500, 0, "dropped")
    assert session.scalars(select(Refund.cents).order_by(Refund.id)).all() == [1_000, 250, 300, 3_950]
    assert session.scalar(select(func.count(Reversal.id))) == 0
    books = balances(session)
    assert (books[REFUNDS], books[owed(booking.helper_id)], books[REVENUE]) == (5_500, 0, 0)
    assert ledger_faults(session) == []
    with pytest.raises(WrongState):
        give_back(payment, operator, 1, 0)


def test_what_has_left_is_asked_back(session: Session) -> None:
    booking, operator = make_booking(session, state="signed_off"), make_operator(session).id
    payment, payout = payment_of(session, booking), send(session)
    for cents in (1_000, 2_000, 1_950):
        give_back(payment, operator, cents, cents)
        assert ledger_faults(session) == []
    assert (payout.state, payout.cents, payout.taken_back_cents) == ("sent", 4_950, 4_950)
    assert session.scalars(select(Reversal.cents).order_by(Reversal.id)).all() == [1_000, 2_000, 1_950]
    assert balances(session)[owed(booking.helper_id)] == -4_950  # until it has come back
    with pytest.raises(Invalid):
        give_back(payment, operator, 1, 1)
    give_back(payment, operator, 550, 0)
    assert payment.state == "refunded"
    assert ledger_faults(session) == []


def test_a_payout_on_its_way_is_not_lowered_but_asked_back(session: Session) -> None:
    booking, operator = make_booking(session, state="signed_off"), make_operator(session).id
    payout = session.scalars(select(Payout)).one()
    with transaction() as rows:
        payouts.take(rows, payout.id, destination="acct-1")
    give_back(payment_of(session, booking), operator, 1_000, 1_000)
    assert (payout.state, payout.cents, payout.taken_back_cents) == ("sending", 4_950, 1_000)
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("cents", "from_helper"),
    [(0, 0), (-1, 0), (5_501, 4_950), (5_500, 4_951), (551, 0), (100, 101), (100, -1), (4_951, 4_951), (1_000, 449)],
)
def test_never_above_what_is_left(session: Session, cents: int, from_helper: int) -> None:
    booking, operator = make_booking(session, state="signed_off"), make_operator(session).id
    with pytest.raises(Invalid):
        give_back(payment_of(session, booking), operator, cents, from_helper)
    assert session.scalar(select(func.count(Refund.id))) == 0
    assert ledger_faults(session) == []


def test_what_was_kept_of_a_late_cancellation_can_be_given_back_too(session: Session) -> None:
    bid = make_bid(session, make_task(session), starts_at=clock.now() + timedelta(hours=3))
    booking, operator = make_booking(session, bid), make_operator(session).id
    with clock.moved_to(clock.now() + timedelta(minutes=6)), transaction() as rows:
        here = rows.get_one(Booking, booking.id)
        payments.call_off(rows, here, by=rows.get_one(User, here.customer_id), policy=POLICY)
    payment = payment_of(session, booking)
    assert payment.refunded_cents == 2_750
    give_back(payment, operator, 2_750, 2_475)
    assert (payment.state, payment.refunded_cents) == ("refunded", 5_500)
    assert session.scalars(select(Payout.state)).one() == "dropped"
    assert ledger_faults(session) == []


def test_a_reason_is_kept_with_the_decision_and_both_sides_are_told(session: Session) -> None:
    booking, operator = make_booking(session, state="signed_off"), make_operator(session).id
    with pytest.raises(Invalid):
        give_back(payment_of(session, booking), operator, 100, 100, reason="  ")
    give_back(payment_of(session, booking), operator, 100, 100, reason=" Kulanz. ")
    last = session.scalars(select(Settlement).order_by(Settlement.id.desc())).first()
    assert last is not None
    assert (last.reason, last.note, last.by_id) == ("decision", "Kulanz.", operator)
    told = session.scalars(select(Notice.user_id).where(Notice.kind == "money_given_back")).all()
    assert sorted(told) == sorted([booking.customer_id, booking.helper_id])


def test_only_a_moderator_gives_back_and_never_of_a_visit_of_their_own(session: Session) -> None:
    moderator = make_operator(session)
    booking = make_booking(session, make_bid(session, make_task(session, moderator)), state="signed_off")
    for person in (moderator.id, make_operator(session, "agent").id, booking.helper_id):
        with pytest.raises(NotAllowed):
            give_back(payment_of(session, booking), person, 100, 100)


@pytest.mark.parametrize("state", ["reserved", "confirmed", "finished", "unsolved", "cancelled", "lapsed"])
def test_only_money_that_was_shared_out_is_given_back(session: Session, state: str) -> None:
    booking, operator = make_booking(session, state=state), make_operator(session).id
    with pytest.raises(WrongState):
        give_back(payment_of(session, booking), operator, 100, 0)


def test_cash_is_not_given_back_here(session: Session) -> None:
    payment, operator = accept(session, policy=Policy(cash_allowed=1), in_cash=True), make_operator(session).id
    with transaction() as rows:
        here = rows.get_one(Booking, payment.booking_id)
        bookings.start(rows, here, by=rows.get_one(User, here.helper_id), policy=AT_ONCE)
        bookings.finish(rows, here, by=rows.get_one(User, here.helper_id), policy=POLICY)
        payments.sign_off(rows, here, by=rows.get_one(User, here.customer_id))
    with pytest.raises(WrongState):
        give_back(payment, operator, 100, 100)


# ---- What the gateway says of a refund


def test_a_refund_leaves_once_however_often_it_is_told(session: Session) -> None:
    refund = asked(session)
    for told in (fact("pending"), fact("pending"), fact("done"), fact("done"), fact("pending")):
        say(refund, told)
    assert (refund.state, refund.reference) == ("given", "re-1")
    assert balances(session)[REFUNDS] == 0
    assert balances(session)[GATEWAY] == -30
    assert ledger_faults(session) == []


def test_a_refund_that_comes_back_is_owed_again_and_asked_for_once_more(session: Session) -> None:
    refund, operator = asked(session), make_operator(session).id
    say(refund, fact("done"))
    for _ in range(2):
        say(refund, fact("failed", reason="lost_or_stolen_card"))
    say(refund, fact("done"))  # an old message
    assert (refund.state, refund.failure, balances(session)[REFUNDS]) == ("failed", "lost_or_stolen_card", 5_500)
    assert ledger_faults(session) == []
    ask_again(refund, operator)
    assert (refund.state, refund.tries, refund.reference, refund.failure) == ("asked", 2, None, None)
    assert ledger_faults(session) == []
    say(refund, fact("failed"), tried=1)  # of the first try
    assert (refund.state, refund.reference) == ("asked", None)
    say(refund, fact("done", "re-2"))
    assert (refund.state, refund.reference, balances(session)[REFUNDS]) == ("given", "re-2", 0)
    assert ledger_faults(session) == []


def test_a_refund_that_failed_at_once_has_left_and_come_back(session: Session) -> None:
    """The gateway's books have both lines, so ours have them too."""
    refund = asked(session)
    say(refund, fact("failed"))
    kinds = session.scalars(select(Posting.kind).order_by(Posting.id)).all()
    assert (refund.state, kinds[-2:]) == ("failed", ["refund_given", "refund_failed"])
    assert ledger_faults(session) == []


def test_a_refund_that_was_surely_not_made_moved_nothing(session: Session) -> None:
    refund, operator = asked(session), make_operator(session).id
    for _ in range(2):
        deny(refund)
    assert (refund.state, refund.failure) == ("failed", "expired_or_canceled_card")
    assert balances(session)[REFUNDS] == 5_500
    assert ledger_faults(session) == []
    ask_again(refund, operator)
    deny(refund, tried=1)  # the first try's answer comes late
    assert refund.state == "asked"
    say(refund, fact("done", "re-2"))
    deny(refund)
    assert refund.state == "given"
    assert ledger_faults(session) == []


def ask_again(refund: Refund, by: int) -> None:
    refund_id = refund.id
    with transaction() as rows:
        refunds.ask_again(rows, rows.get_one(Refund, refund_id), by=rows.get_one(User, by))


@pytest.mark.parametrize("state", REFUND.states)
def test_only_a_failed_refund_is_asked_for_again_and_by_the_operator(session: Session, state: str) -> None:
    refund, operator = asked(session), make_operator(session).id
    with transaction() as rows:
        rows.get_one(Refund, refund.id).state = state
    with pytest.raises(NotAllowed):
        ask_again(refund, session.get_one(Payment, refund.payment_id).customer_id)
    if state == "failed":
        ask_again(refund, operator)
    else:
        with pytest.raises(WrongState):
            ask_again(refund, operator)


def test_asking_again_makes_the_one_delivery_due_anew(session: Session) -> None:
    refund, operator = asked(session), make_operator(session).id
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"refund-{refund.id}")).one()
    with transaction() as rows:
        [leased] = [one for one in outbox.lease(rows) if one.id == item.id]
        attempt = leased.attempts
    deny(refund)
    ask_again(refund, operator)
    with transaction() as rows:  # the first delivery ends only now: it is not the one that is asked for
        outbox.mark_delivered(rows, item.id, attempt=attempt)
    session.refresh(item)
    assert (item.delivered_at, item.attempts) == (None, 0)
    assert session.scalar(select(func.count(OutboxItem.id)).where(OutboxItem.channel == "refund")) == 1


# ---- A bank that takes the money back itself


def dispute(payment: Payment, outcome: str = "open") -> None:
    told = DisputeFact("dp-1", str(payment.intent), 5_500, 2_000, "CHF", "fraudulent", outcome, None)  # type: ignore[arg-type]
    with transaction() as rows:
        disputes.record(rows, told)


@pytest.mark.parametrize("outcome", ["open", "answered", "lost", "won"])
def test_what_a_bank_takes_back_is_not_given_back_besides(session: Session, outcome: str) -> None:
    booking, operator = make_booking(session, state="signed_off"), make_operator(session).id
    payment = payment_of(session, booking)
    dispute(payment, outcome)
    if outcome == "won":
        give_back(payment, operator, 100, 100)
    else:
        with pytest.raises(WrongState):
            give_back(payment, operator, 100, 100)
    assert ledger_faults(session) == []


LOST_FIRST: dict[str, tuple[Callable[[Refund, Payment], None], Callable[[Refund, Payment], None]]] = {
    "denied, then lost": (
        lambda refund, payment: deny(refund, refunds.CHARGED_BACK),
        lambda refund, payment: dispute(payment, "lost"),
    ),
    "lost, then denied": (
        lambda refund, payment: dispute(payment, "lost"),
        lambda refund, payment: deny(refund, refunds.CHARGED_BACK),
    ),
}


@pytest.mark.parametrize("order", LOST_FIRST)
def test_a_refund_that_the_bank_has_given_already_is_dropped(session: Session, order: str) -> None:
    """A customer who cancels a disputed visit gets the money once: from the bank. It is no loss then."""
    refund = asked(session)
    payment = session.get_one(Payment, refund.payment_id)
    dispute(payment)
    for step in LOST_FIRST[order]:
        step(refund, payment)
    assert refund.state == "dropped"
    books = balances(session)
    assert (books[REFUNDS], books[LOSSES]) == (0, 0)
    assert ledger_faults(session) == []


def test_a_refund_that_failed_for_another_reason_stays_owed_when_a_dispute_is_lost(session: Session) -> None:
    refund = asked(session)
    deny(refund)
    dispute(session.get_one(Payment, refund.payment_id), "lost")
    assert (refund.state, balances(session)[REFUNDS]) == ("failed", 5_500)
    assert ledger_faults(session) == []


# ---- Credit goes back as credit


def test_the_card_gets_its_part_first_and_the_credit_what_is_left(session: Session) -> None:
    customer, operator = make_user(session), make_operator(session).id
    bid = make_bid(session, make_task(session, customer))
    with transaction() as rows:
        payments.give_credit(
            rows,
            rows.get_one(User, customer.id),
            by=rows.get_one(User, operator),
            cents=3_000,
            reason="Kulanz.",
            policy=POLICY,
        )
    booking = make_booking(session, bid, state="signed_off")
    payment = payment_of(session, booking)
    assert (payment.credit_cents, payment.card_cents) == (3_000, 2_500)
    give_back(payment, operator, 2_000, 2_000)
    give_back(payment, operator, 3_500, 2_950)
    assert session.scalars(select(Refund.cents).order_by(Refund.id)).all() == [2_000, 500]
    assert balances(session)[credit(customer.id)] == 3_000
    assert payment.state == "refunded"
    assert ledger_faults(session) == []
