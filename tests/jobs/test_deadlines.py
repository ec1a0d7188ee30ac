"""What time alone brings about: each at its hour and not before, and none stopped by another that fails."""

from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments, tasks
from marketplace.db import transaction
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.policy import Policy
from marketplace.gateways.pictures import small_of
from marketplace.jobs import deadlines
from marketplace.models import Bid, Booking, Draft, Notice, OutboxItem, Payment, Settlement, Task, User
from marketplace.queries.ledger import ledger_faults
from marketplace.web.mails import words
from tests.factories import make_bid, make_booking, make_helper, make_operator, make_task, payment_of
from tests.money import accept, finish

POLICY = Policy()


def work_off(app: Flask) -> dict[str, int]:
    """What was due, without the zeros."""
    done = deadlines.work_off(app.extensions["gateways"].photos, policy=POLICY)
    return {what: count for what, count in done.items() if count}


def later(**ahead: float) -> AbstractContextManager[None]:
    return clock.moved_to(clock.now() + timedelta(**ahead))


def state_of(session: Session, row: Task | Bid | Booking | Payment) -> str:
    session.rollback()
    return row.state


def told(session: Session) -> list[str]:
    return sorted(session.scalars(select(Notice.kind)))


def told_to(session: Session, user_id: int) -> list[str]:
    return list(session.scalars(select(Notice.kind).where(Notice.user_id == user_id).order_by(Notice.id)))


def mails(session: Session, user_id: int, kind: str) -> list[tuple[str, str]]:
    """What lies in the outbox for this person, as an English reader gets it: subject and body."""
    reader = session.get_one(User, user_id)
    reader.language = "en"
    lying = select(OutboxItem.facts).where(OutboxItem.user_id == user_id, OutboxItem.kind == kind)
    return [words(kind, reader, facts)[:2] for facts in session.scalars(lying)]


def test_a_bid_and_its_task_run_out(app: Flask, session: Session) -> None:
    task = make_task(session)
    bid = make_bid(session, task, starts_at=clock.now() + timedelta(days=6))
    with later(days=6, hours=23):
        assert work_off(app) == {}
    with later(days=7, minutes=1):
        assert work_off(app) == {"bids_expired": 1}
        assert work_off(app) == {}
    assert (state_of(session, bid), state_of(session, task)) == ("expired", "open")
    with later(days=30, minutes=1):
        assert work_off(app) == {"tasks_expired": 1}
    assert state_of(session, task) == "expired"
    assert told(session) == ["bid_expired", "task_expired"]


def test_a_proposal_that_ends_with_its_task_blames_nobody(app: Flask, session: Session) -> None:
    task = make_task(session)
    make_bid(session, task, state="countered", expires_at=task.expires_at + timedelta(days=3))
    with later(days=30, minutes=1):
        assert work_off(app) == {"tasks_expired": 1}
    assert told(session) == ["bid_expired", "task_expired"]


def test_a_proposal_of_the_customer_that_runs_out_is_told_to_both(app: Flask, session: Session) -> None:
    task, expires_at = make_task(session), clock.now() + timedelta(days=1)
    customer, helper = task.customer_id, make_helper(session).id
    make_bid(session, task, session.get_one(User, helper), state="countered", expires_at=expires_at)
    with later(days=1, minutes=1):
        assert work_off(app) == {"bids_expired": 1}
    assert (told_to(session, customer), told_to(session, helper)) == (["proposal_expired"], ["proposal_missed"])
    [(_, to_customer)] = mails(session, customer, "proposal_expired")
    assert "The helper did not answer it in time" in to_customer
    [(_, to_helper)] = mails(session, helper, "proposal_missed")
    assert "You did not answer it in time" in to_helper


def test_silence_signs_off_after_72_hours_and_not_before(app: Flask, session: Session) -> None:
    booking = make_booking(
        session, state="finished"
    )  # said to be so before the agreed time, from whose end silence counts
    with clock.moved_to(booking.ends_at + timedelta(hours=71, minutes=59)):
        assert work_off(app) == {}
    with clock.moved_to(booking.ends_at + timedelta(hours=72, minutes=1)):
        assert work_off(app) == {"bookings_signed_off": 1}
        assert work_off(app) == {}
    assert state_of(session, booking) == "signed_off"
    assert state_of(session, payment_of(session, booking)) == "released"
    assert ledger_faults(session) == []
    about_money = ("silence_signed_off", "visit_signed_off")
    assert [one for one in told_to(session, booking.customer_id) if one in about_money] == ["silence_signed_off"]
    assert [one for one in told_to(session, booking.helper_id) if one in about_money] == ["visit_signed_off"]
    [(subject, body)] = mails(session, booking.customer_id, "silence_signed_off")
    assert subject.startswith("Counts as signed off: ")
    assert "You said nothing for 72 hours, so the visit counts as signed off; the helper is paid." in body
    [(_, to_helper)] = mails(session, booking.helper_id, "visit_signed_off")
    assert "You get CHF\u00a049.50; your payouts show when it leaves." in to_helper


def test_silence_about_a_visit_in_cash_claims_no_payment(app: Flask, session: Session) -> None:
    paid_on_the_spot = accept(session, policy=Policy(cash_allowed=1), in_cash=True)
    booking = finish(session, session.get_one(Booking, paid_on_the_spot.booking_id))
    with clock.moved_to(booking.ends_at + timedelta(hours=72, minutes=1)):
        assert work_off(app) == {"bookings_signed_off": 1}
    [(_, to_customer)] = mails(session, booking.customer_id, "silence_signed_off")
    assert "the helper is paid" not in to_customer
    assert "Please pay the helper CHF\u00a055.00 in cash, if you have not done so yet." in to_customer
    [(_, to_helper)] = mails(session, booking.helper_id, "visit_signed_off")
    assert "payouts" not in to_helper
    assert "The customer pays you CHF\u00a055.00 in cash, if that is not done yet" in to_helper


def test_silence_signs_nothing_off_that_was_called_unsolved(app: Flask, session: Session) -> None:
    booking = make_booking(session, state="unsolved")
    with later(days=10):
        assert work_off(app) == {}
    assert state_of(session, booking) == "unsolved"


@pytest.mark.parametrize("state", BOOKING.befores("refer"))
def test_a_visit_that_nobody_ended_is_referred_after_24_hours_and_can_be_settled(
    app: Flask, session: Session, state: str
) -> None:
    booking = make_booking(session, state=state)
    moderator = make_operator(session).id
    with clock.moved_to(booking.ends_at + timedelta(hours=23, minutes=59)):
        assert work_off(app) == {}
    with clock.moved_to(booking.ends_at + timedelta(hours=24)):
        assert work_off(app) == {"visits_referred": 1}
        assert work_off(app) == {}
        assert (state_of(session, booking), state_of(session, payment_of(session, booking))) == ("unsolved", "held")
        assert told(session).count("visit_referred") == 2
        assert ledger_faults(session) == []
        with transaction() as rows:
            here, by = rows.get_one(Booking, booking.id), rows.get_one(User, moderator)
            payments.settle(rows, here, by=by, refund_cents=2_000, helper_cents=3_000, reason="Nach Gespräch.")
    assert state_of(session, booking) == "signed_off"
    assert state_of(session, payment_of(session, booking)) == "partly_refunded"
    assert ledger_faults(session) == []


@pytest.mark.parametrize("state", ["finished", "no_show", "signed_off", "cancelled", "not_solvable", "lapsed"])
def test_a_visit_that_somebody_ended_is_not_referred(app: Flask, session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    with clock.moved_to(booking.ends_at + timedelta(days=9)):
        assert "visits_referred" not in work_off(app)


def test_a_booking_is_closed_when_the_time_for_reviews_is_over(app: Flask, session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    with later(days=13, hours=23):
        assert work_off(app) == {}
    with later(days=14, minutes=1):
        assert work_off(app) == {"bookings_closed": 1}
    assert state_of(session, booking) == "closed"


def test_a_draft_lives_seven_days_and_its_photos_go_with_it(app: Flask, session: Session) -> None:
    photos = app.extensions["gateways"].photos
    with transaction() as rows:
        draft = tasks.begin_draft(rows, by=None, token_hash="a" * 64, policy=POLICY)
        tasks.add_photo(rows, draft, file_name="a.webp", width=1, height=1, policy=POLICY)
    for name in ("a.webp", small_of("a.webp")):
        photos.keep(name, b"RIFF")
    with later(days=6, hours=23):
        assert work_off(app) == {}
    with later(days=7, minutes=1):
        assert work_off(app) == {"drafts_forgotten": 1}
    assert session.scalar(select(func.count()).select_from(Draft)) == 0
    assert list(photos.folder.glob("*.webp")) == []


def test_a_row_that_fails_stops_no_other(app: Flask, session: Session) -> None:
    broken, sound = (make_booking(session, state="finished") for _ in range(2))
    bid = make_bid(session, make_task(session), expires_at=clock.now() + timedelta(days=1))
    broken_id = broken.id

    def fail(_mapper: object, _connection: object, row: Settlement) -> None:
        if row.booking_id == broken_id:
            raise ZeroDivisionError

    session.commit()
    event.listen(Settlement, "before_insert", fail)
    try:
        with clock.moved_to(broken.ends_at + timedelta(hours=73)), pytest.raises(ExceptionGroup):
            work_off(app)
    finally:
        event.remove(Settlement, "before_insert", fail)
    assert [state_of(session, row) for row in (broken, sound, bid)] == ["finished", "signed_off", "expired"]
