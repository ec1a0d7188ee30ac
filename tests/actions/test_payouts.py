"""Payouts: what is owed waits for an account, leaves once, is lowered or taken back, and a debt is never paid out."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments, payouts
from marketplace.db import transaction
from marketplace.domain.errors import WrongState
from marketplace.domain.gateway import AccountFact, ReversalFact, TransferFact
from marketplace.domain.lifecycles import PAYOUT, REVERSAL
from marketplace.domain.money import GATEWAY, owed
from marketplace.models import Notice, OutboxItem, Payment, Payout, PayoutAccount, Reversal, User
from marketplace.queries.ledger import balances, ledger_faults
from tests.factories import make_bid, make_booking, make_helper, make_operator, make_task, payment_of, tomorrow_at
from tests.money import later, payout_by, sign_off
from tests.races import Deed, written_after


def waiting(session: Session, helper: User | None = None) -> Payout:
    """A helper's share that is to be paid out."""
    bid = make_bid(session, make_task(session), helper or make_helper(session))
    return payout_by(session, sign_off(session, make_booking(session, bid)))


def take(payout: Payout) -> None:
    payout_id = payout.id
    with transaction() as rows:
        payouts.take(rows, payout_id, destination="acct-1")


def put_back(payout: Payout, tried: int) -> None:
    payout_id = payout.id
    with transaction() as rows:
        payouts.put_back(rows, payout_id, "balance_insufficient", tried=tried)


def record_sent(payout: Payout, reference: str = "tr-1") -> None:
    payout_id, cents = payout.id, payout.cents
    with transaction() as rows:
        payouts.record_sent(rows, payout_id, TransferFact(reference, f"{payout_id}:1", cents, 0, "CHF"))


def give_back(session: Session, payout: Payout, cents: int, operator: int) -> None:
    """The operator gives a part back out of the helper's share."""
    payment_id = payout.payment_id
    with transaction() as rows:
        payments.refund(
            rows,
            rows.get_one(Payment, payment_id),
            by=rows.get_one(User, operator),
            refund_cents=cents,
            from_helper_cents=cents,
            reason="Kulanz.",
        )


# ---- Leaving


def test_a_payout_leaves_once(session: Session) -> None:
    payout = waiting(session)
    take(payout)
    assert ledger_faults(session) == []
    take(payout)  # after a kill: it may have left, and is asked for again under the same key
    assert (payout.state, payout.tries) == ("sending", 1)
    for _ in range(2):
        record_sent(payout)
    assert (payout.state, payout.reference) == ("sent", "tr-1")
    books = balances(session)
    assert (books[owed(payout.helper_id)], books[GATEWAY]) == (0, 5_500 - 30 - 4_950)
    assert session.scalar(select(func.count(Notice.id)).where(Notice.kind == "payout_sent")) == 1
    assert ledger_faults(session) == []
    with pytest.raises(WrongState):
        take(payout)


def test_a_try_that_surely_did_not_leave_waits_under_a_new_key(session: Session) -> None:
    payout = waiting(session)
    take(payout)
    put_back(payout, 1)
    assert (payout.state, payout.tries, payout.waits_for) == ("waiting", 2, "balance_insufficient")
    take(payout)
    put_back(payout, 1)  # another worker heard of the first try only now
    assert (payout.state, payout.tries) == ("sending", 2)
    record_sent(payout)
    put_back(payout, 2)
    assert (payout.state, payout.waits_for) == ("sent", None)
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", PAYOUT.states)
def test_only_what_waits_or_may_have_left_is_sent(session: Session, state: str) -> None:
    payout = waiting(session)
    with transaction() as rows:
        rows.get_one(Payout, payout.id).state = state
    if state in PAYOUT.befores("take"):
        take(payout)
        assert payout.state == "sending"
    else:
        with pytest.raises(WrongState):
            take(payout)


# ---- Lowered, and taken back


def test_what_waits_is_lowered_first_and_the_rest_taken_back(session: Session) -> None:
    payout, operator = waiting(session), make_operator(session).id
    give_back(session, payout, 950, operator)
    assert (payout.cents, payout.state) == (4_000, "waiting")
    take(payout)
    record_sent(payout)
    give_back(session, payout, 1_500, operator)
    assert (payout.cents, payout.taken_back_cents) == (4_000, 1_500)
    assert session.scalars(select(Reversal.cents)).one() == 1_500
    assert ledger_faults(session) == []


def test_what_came_back_is_booked_once(session: Session) -> None:
    payout, operator = waiting(session), make_operator(session).id
    take(payout)
    record_sent(payout)
    give_back(session, payout, 1_500, operator)
    reversal = session.scalars(select(Reversal)).one()
    for _ in range(2):
        with transaction() as rows:
            payouts.record_taken_back(rows, reversal.id, ReversalFact("trr-1", 1_500, "CHF"))
    assert (reversal.state, reversal.reference, balances(session)[owed(payout.helper_id)]) == ("taken_back", "trr-1", 0)
    with transaction() as rows:
        payouts.deny_taking_back(rows, reversal.id, "balance_insufficient")
    assert reversal.state == "taken_back"
    assert ledger_faults(session) == []


def test_what_does_not_come_back_is_a_debt_that_later_payouts_are_lowered_by(session: Session) -> None:
    helper, operator = make_helper(session), make_operator(session).id
    payout = waiting(session, helper)
    take(payout)
    record_sent(payout)
    give_back(session, payout, 1_500, operator)
    reversal = session.scalars(select(Reversal)).one()
    for _ in range(2):
        with transaction() as rows:
            payouts.deny_taking_back(rows, reversal.id, "balance_insufficient")
    assert (reversal.state, reversal.failure, balances(session)[owed(helper.id)]) == (
        *("failed", "balance_insufficient"),
        -1_500,
    )
    assert ledger_faults(session) == []
    bid = make_bid(session, make_task(session), helper, starts_at=tomorrow_at(9))
    make_booking(session, bid, state="signed_off")
    assert session.scalars(select(Payout.cents).order_by(Payout.id.desc())).first() == 4_950 - 1_500
    assert ledger_faults(session) == []


def test_a_share_that_is_to_come_back_is_no_debt_yet(session: Session) -> None:
    """A payout that is asked back does not lower the next one: it would be taken twice."""
    helper, operator = make_helper(session), make_operator(session).id
    payout = waiting(session, helper)
    take(payout)
    record_sent(payout)
    give_back(session, payout, 1_500, operator)
    make_booking(session, make_bid(session, make_task(session), helper, starts_at=tomorrow_at(9)), state="signed_off")
    assert session.scalars(select(Payout.cents).order_by(Payout.id.desc())).first() == 4_950
    assert ledger_faults(session) == []


def test_a_payout_put_back_after_a_part_was_asked_back_stays_balanced(session: Session) -> None:
    payout, operator = waiting(session), make_operator(session).id
    take(payout)
    give_back(session, payout, 1_500, operator)
    put_back(payout, 1)
    assert ledger_faults(session) == []
    give_back(session, payout, 3_450, operator)
    assert (payout.state, payout.cents, payout.taken_back_cents) == ("waiting", 1_500, 1_500)
    assert ledger_faults(session) == []
    take(payout)
    record_sent(payout)
    with transaction() as rows:
        payouts.record_taken_back(rows, rows.scalars(select(Reversal.id)).one(), ReversalFact("trr-1", 1_500, "CHF"))
    assert balances(session)[owed(payout.helper_id)] == 0
    assert ledger_faults(session) == []


def test_a_debt_that_was_taken_from_a_payout_is_not_asked_back_twice(session: Session) -> None:
    """The payout was lower than the share, because of a debt; giving the whole share back leaves that part as a debt again."""
    helper, operator = make_helper(session), make_operator(session).id
    first = waiting(session, helper)
    take(first)
    record_sent(first)
    give_back(session, first, 1_000, operator)
    with transaction() as rows:
        payouts.deny_taking_back(rows, rows.scalars(select(Reversal.id)).one(), "balance_insufficient")
    booking = make_booking(
        session, make_bid(session, make_task(session), helper, starts_at=tomorrow_at(9)), state="signed_off"
    )
    second = session.scalars(select(Payout).where(Payout.payment_id == payment_of(session, booking).id)).one()
    assert second.cents == 3_950
    give_back(session, second, 4_950, operator)
    assert (second.state, balances(session)[owed(helper.id)]) == ("dropped", -1_000)
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", REVERSAL.states)
def test_only_what_is_asked_back_comes_back(session: Session, state: str) -> None:
    payout, operator = waiting(session), make_operator(session).id
    take(payout)
    record_sent(payout)
    give_back(session, payout, 1_500, operator)
    reversal = session.scalars(select(Reversal)).one()
    with transaction() as rows:
        rows.get_one(Reversal, reversal.id).state = state
    with transaction() as rows:
        payouts.record_taken_back(rows, reversal.id, ReversalFact("trr-1", 1_500, "CHF"))
    assert reversal.state == ("taken_back" if state == "asked" else state)


# ---- Read while somebody writes


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("what", ["sent", "taken back"])
def test_what_is_owed_is_read_at_one_moment(app: Flask, session: Session, what: str, number: int) -> None:
    """Sending what is owed, or getting back what is not, changes nothing in what is free: neither does the instant of it."""
    payout, operator = waiting(session), make_operator(session).id
    payout_id, helper_id = payout.id, payout.helper_id
    take(payout)
    deed: Deed = lambda rows: payouts.record_sent(  # noqa: E731
        rows, payout_id, TransferFact("tr-1", f"{payout_id}:1", 4_950, 0, "CHF")
    )
    if what == "taken back":
        record_sent(payout)
        give_back(session, payout, 1_500, operator)
        reversal_id = session.scalars(select(Reversal.id)).one()
        deed = lambda rows: payouts.record_taken_back(rows, reversal_id, ReversalFact("trr-1", 1_500, "CHF"))  # noqa: E731
    session.rollback()
    with written_after(app, number, deed):
        assert payouts.free_cents(session, helper_id) == 0
    session.rollback()
    assert payouts.free_cents(session, helper_id) == 0
    assert ledger_faults(session) == []


# ---- Accounts


def note(
    user_id: int,
    *,
    ready: bool,
    begun: bool = True,
    reference: str = "acct-1",
    at: datetime | None = None,
    number: int = 1,
) -> None:
    fact = AccountFact(reference, ready=ready, begun=begun)
    with transaction() as rows:
        payouts.note_account(rows, user_id, fact, at=at or clock.now(), number=number)


def note_gone(user_id: int, reference: str = "acct-1", at: datetime | None = None) -> None:
    with transaction() as rows:
        payouts.note_gone(rows, user_id, reference, at=at or clock.now())


def due_of(session: Session, payout: Payout) -> OutboxItem:
    return session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()


def test_an_account_that_becomes_ready_sends_what_waits_at_once(session: Session) -> None:
    payout = waiting(session)
    note(payout.helper_id, ready=False, begun=False)
    with transaction() as rows:
        rows.get_one(OutboxItem, due_of(session, payout).id).due_at = clock.now() + timedelta(hours=1)
    note(payout.helper_id, ready=False)
    assert due_of(session, payout).due_at > clock.now()
    note(payout.helper_id, ready=True)
    assert due_of(session, payout).due_at <= clock.now()
    account = session.scalars(select(PayoutAccount)).one()
    assert (account.is_ready, account.has_begun) == (True, True)


def test_an_account_opened_twice_at_once_stays_the_first_one(session: Session) -> None:
    helper = make_helper(session)
    note(helper.id, ready=False)
    note(helper.id, ready=True, reference="acct-2")
    account = session.scalars(select(PayoutAccount)).one()
    assert (account.reference, account.is_ready) == ("acct-1", False)


def test_an_account_that_was_taken_away_is_not_ready_any_more(session: Session) -> None:
    helper = make_helper(session)
    note_gone(helper.id)
    note(helper.id, ready=True)
    note_gone(helper.id)
    assert not session.scalars(select(PayoutAccount.is_ready)).one()


def test_what_was_read_earlier_does_not_undo_what_was_read_later(session: Session) -> None:
    """Two read the account; whoever read it first writes it down last."""
    helper = make_helper(session)
    note(helper.id, ready=False)
    before, between = clock.now(), clock.now() + timedelta(seconds=1)
    with later(seconds=2):
        note(helper.id, ready=True)
        note(helper.id, ready=False, at=before)
        note_gone(helper.id, at=between)
        note_gone(helper.id, "acct-2")
    account = session.scalars(select(PayoutAccount)).one()
    assert account.is_ready
    with later(seconds=4):
        note(helper.id, ready=True)  # nothing new, but known from then on
    with later(seconds=5):
        note(helper.id, ready=False, at=between + timedelta(seconds=2))
        assert account.is_ready
        note(helper.id, ready=False)
        assert not account.is_ready


def test_only_the_next_account_takes_the_place_of_one_that_is_gone(session: Session) -> None:
    helper = make_helper(session)
    note(helper.id, ready=True)
    note_gone(helper.id)
    account = session.scalars(select(PayoutAccount)).one()
    for number in (1, 3):  # what was begun before, or was never asked for
        note(helper.id, ready=True, reference="acct-9", number=number)
        assert (account.reference, account.is_ready) == ("acct-1", False)
    note(helper.id, ready=False, reference="acct-2", number=2)
    note(helper.id, ready=False, reference="acct-2b", number=2)
    assert (account.reference, account.number, account.gone_at) == ("acct-2", 2, None)
    note(helper.id, ready=True)  # read while it was still there
    note_gone(helper.id)
    assert (account.reference, account.is_ready, account.gone_at) == ("acct-2", False, None)


def test_helpers_whose_money_waits_are_reminded_once_a_week(session: Session) -> None:
    def reminded() -> list[int]:
        with transaction() as rows:
            due = payouts.reminders_due(rows, days=7)
            for helper_id in due:
                payouts.remind(rows, helper_id)
        return due

    payout, other = waiting(session), waiting(session)
    note(other.helper_id, ready=True)
    make_helper(session)
    assert reminded() == []  # not in the very hour
    with later(hours=2):
        assert reminded() == [payout.helper_id]
        assert reminded() == []
    told = session.scalars(select(Notice).where(Notice.kind == "payout_waiting")).one()
    assert (told.user_id, told.facts) == (payout.helper_id, {"cents": 4_950})
    with later(days=7, hours=3):
        assert reminded() == [payout.helper_id]
    note(payout.helper_id, ready=True, reference="acct-3")
    with later(days=15):
        assert reminded() == []
