"""The whole story as plain HTTP, on both engines: forms are filled in by their labels, links found by their words."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from flask_security import hash_password
from sqlalchemy import select

from marketplace import clock
from marketplace.db import db
from marketplace.jobs import worker
from marketplace.models import Booking, Payment, Payout, Task
from marketplace.queries.ledger import ledger_faults
from marketplace.web.mails import words
from tests.browser.town import PASSWORD
from tests.browser.world import nearly_friend, profile_id
from tests.factories import skill
from tests.story.journey import TITLE, Cast, live_through
from tests.story.visitors import OverHttp


@pytest.fixture
def cast(app, session):
    """Somebody who will register, and a helper who is one visit away from the badge; the worker works when asked to."""
    helper = nearly_friend(session, "Hans Helfer")
    helper.email, helper.password = "hans@example.org", hash_password(PASSWORD)
    session.commit()

    def work() -> None:
        worker.until_idle(app.extensions["gateways"], words, policy=app.extensions["policy"])

    with ExitStack() as moved:

        def arrive() -> None:
            starts_at = session.scalars(select(Booking.starts_at).where(Booking.state == "confirmed")).one()
            session.rollback()
            moved.enter_context(clock.moved_to(starts_at - timedelta(minutes=30)))

        profile = f"/helpers/{profile_id(session, helper.id)}"
        yield Cast("vera@example.org", helper.email, PASSWORD, skill(session).name, work, profile, arrive)


@pytest.mark.parametrize("languages", [("de", "fr"), ("it", "en")], ids="-".join)
def test_the_whole_story(app, session, cast, figure, languages):
    live_through(cast, *(OverHttp(app, language) for language in languages))

    task = session.scalars(select(Task).where(Task.title == TITLE)).one()
    booking = session.scalars(select(Booking).where(Booking.task_id == task.id)).one()
    paid = session.scalars(select(Payment).where(Payment.booking_id == booking.id).order_by(Payment.id)).all()
    assert (task.state, booking.state) == ("done", "signed_off")
    assert [payment.state for payment in paid] == ["released"]  # the declined card was tried on the same page
    payout = session.scalars(select(Payout).where(Payout.payment_id == paid[-1].id)).one()
    assert (payout.state, payout.cents) == ("sent", 4950)
    assert (paid[-1].amount_cents, booking.fee_cents) == (5500, 550)
    assert ledger_faults(db.session) == []
    figure("whole stories as plain HTTP")


def test_a_story_whose_worker_sleeps_is_not_lived_through(app, cast):
    with pytest.raises(AssertionError, match=r"http…/confirm/…"):
        live_through(replace(cast, work=lambda: None), OverHttp(app, "en"), OverHttp(app, "en"))


def test_a_story_in_which_a_step_does_nothing_is_not_lived_through(app, cast, monkeypatch):
    monkeypatch.setattr("marketplace.actions.bookings.start", lambda *_, **__: None)
    with pytest.raises(AssertionError):
        live_through(cast, OverHttp(app, "en"), OverHttp(app, "en"))
    assert db.session.scalars(select(Booking.state).where(Booking.state.in_(("on_the_way", "confirmed")))).one()
