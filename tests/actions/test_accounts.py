"""Suspending, restoring, signing out, guessing."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import accounts
from marketplace.db import db, transaction
from marketplace.domain.errors import Invalid, NotAllowed, WrongState
from marketplace.models import Guesses, JournalEntry, Notice, User, UserSession
from tests.factories import make_operator, make_user

QUARTER = timedelta(minutes=15)


def session_of(session: Session, person: User, *, token: str = "a", days: int = 30) -> UserSession:
    now = clock.now()
    row = UserSession(
        token_hash=token,
        user_id=person.id,
        values="{}",
        created_at=now,
        seen_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    session.commit()
    return row


def test_suspend_and_restore(session: Session) -> None:
    olga, anna = make_operator(session), make_user(session)
    session_of(session, anna)
    accounts.suspend(session, anna, by=olga, reason=" Nicht erschienen ")
    assert (anna.active, anna.suspended_reason) == (False, "Nicht erschienen")
    assert anna.suspended_at is not None
    assert session.scalar(select(func.count()).select_from(UserSession)) == 0
    with pytest.raises(WrongState):
        accounts.suspend(session, anna, by=olga, reason="Noch einmal")
    with pytest.raises(Invalid):
        accounts.restore(session, anna, by=olga, reason=" ")
    assert not anna.active
    accounts.restore(session, anna, by=olga, reason=" Hat sich entschuldigt ")
    assert (anna.active, anna.suspended_at, anna.suspended_reason) == (True, None, None)
    assert anna.restored_reason == "Hat sich entschuldigt"
    with pytest.raises(WrongState):
        accounts.restore(session, anna, by=olga, reason="Noch einmal")
    assert session.scalars(select(JournalEntry.event)).all() == ["account_suspended", "account_restored"]
    assert session.scalars(select(Notice.kind)).all() == ["account_suspended", "account_restored"]
    facts = str([entry.facts for entry in session.scalars(select(JournalEntry))])
    assert "Nicht" not in facts
    assert "entschuldigt" not in facts
    accounts.suspend(session, anna, by=olga, reason="Wieder")
    assert (anna.suspended_reason, anna.restored_reason) == ("Wieder", None)


def test_who_may_suspend(session: Session) -> None:
    anna, agent, moderator = make_user(session), make_operator(session, "agent"), make_operator(session)
    admin = make_operator(session, "admin")
    for by, person in ((anna, agent), (agent, anna), (moderator, moderator), (moderator, admin), (admin, admin)):
        with pytest.raises(NotAllowed):
            accounts.suspend(session, person, by=by, reason="Grund")
        with pytest.raises(NotAllowed):
            accounts.restore(session, person, by=by, reason="Grund")
    with pytest.raises(Invalid):
        accounts.suspend(session, anna, by=moderator, reason="  ")
    accounts.suspend(session, moderator, by=admin, reason="Grund")


def test_end_sessions(session: Session) -> None:
    anna, berta = make_user(session), make_user(session)
    here, of_berta = session_of(session, anna, token="1"), session_of(session, berta, token="2")
    session_of(session, anna, token="3")
    with pytest.raises(NotAllowed):
        accounts.end_session(session, of_berta, by=anna)
    session_of(session, anna, token="4")
    assert accounts.end_other_sessions(session, by=anna, but=here.id) == 2
    assert set(session.scalars(select(UserSession.id))) == {here.id, of_berta.id}
    accounts.end_session(session, here, by=anna)
    session.flush()
    assert session.scalars(select(UserSession.id)).all() == [of_berta.id]


def test_sweep(session: Session) -> None:
    anna = make_user(session)
    session_of(session, anna, token="old", days=-1)
    session_of(session, anna, token="new")
    accounts.take_guess(session, "key", most=1, within=QUARTER)
    assert accounts.sweep(session) == 1
    assert session.scalar(select(func.count()).select_from(Guesses)) == 1
    with clock.moved_to(clock.now() + timedelta(days=2)):
        assert accounts.sweep(session) == 0
    assert session.scalar(select(func.count()).select_from(Guesses)) == 0


def test_create_operator(session: Session) -> None:
    person = accounts.create_operator(
        session, email="olga@example.org", name="Olga", role="admin", password_hash="hash"
    )
    session.commit()
    assert person.role_names == {"admin"}
    assert person.confirmed_at is not None
    with pytest.raises(Invalid):
        accounts.create_operator(session, email="OLGA@example.org", name="Olga", role="admin", password_hash="hash")
    with pytest.raises(Invalid):
        accounts.create_operator(session, email="otto@example.org", name="Otto", role="king", password_hash="hash")


def test_guesses_in_any_quarter_of_an_hour(session: Session) -> None:
    start = clock.now()
    went = []
    for minute in range(0, 60, 1):
        with clock.moved_to(start + timedelta(minutes=minute)):
            wait = accounts.take_guess(session, "key", most=10, within=QUARTER)
        if wait is None:
            went.append(minute)
        else:
            assert timedelta() < wait <= QUARTER
    assert all(sum(at <= one < at + 15 for one in went) <= 10 for at in range(60))
    assert len(went) == 40


def test_a_right_guess_is_given_back(session: Session) -> None:
    for _ in range(5):
        assert accounts.take_guess(session, "key", most=2, within=QUARTER) is None
        accounts.give_guess_back(session, "key")
    accounts.give_guess_back(session, "another")


def test_of_many_guesses_at_once_only_so_many_go_ahead(app: Flask) -> None:
    allowed: list[bool] = []

    def guess() -> None:
        with app.app_context():
            for _ in range(5):
                with transaction() as rows:
                    allowed.append(accounts.take_guess(rows, "key", most=10, within=QUARTER) is None)
            db.session.close()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 40
    assert sum(allowed) == 10
