"""Accounts: suspending and restoring people, ending their sessions, changing what they say about themselves."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, outbox
from marketplace.db import by_email
from marketplace.domain.errors import N_, Invalid, NotAllowed, WrongState
from marketplace.ids import secret
from marketplace.models import Guesses, Role, User, UserSession
from marketplace.models.accounts import ROLES
from marketplace.permissions import may_end_session, may_suspend


def suspend(session: Session, person: User, *, by: User, reason: str) -> None:
    """Shut a person out until restored and sign them out everywhere; they read the reason when they sign in.

    Raises NotAllowed; Invalid without a reason; WrongState when they are suspended already.
    """
    if not may_suspend(by, person):
        raise NotAllowed(N_("You may not suspend this person."))
    if not reason.strip():
        raise Invalid("reason", N_("Please say why: the person will read it."))
    _turn(session, person, active=False, suspended_reason=reason.strip(), restored_reason=None)
    end_sessions(session, person)
    journal.record(session, "account_suspended", person, by=by)
    outbox.tell(session, person.id, "account_suspended")


def restore(session: Session, person: User, *, by: User, reason: str) -> None:
    """Let a suspended person in again; they read the reason on their account's page.

    Raises NotAllowed; Invalid without a reason; WrongState when they are not suspended.
    """
    if not may_suspend(by, person):
        raise NotAllowed(N_("You may not open this account again."))
    if not reason.strip():
        raise Invalid("reason", N_("Please say why: the person will read it."))
    _turn(session, person, active=True, suspended_reason=None, restored_reason=reason.strip())
    journal.record(session, "account_restored", person, by=by)
    outbox.tell(session, person.id, "account_restored")


def change_person(session: Session, *, by: User, name: str, phone: str | None, language: str) -> None:
    """Change one's own name, phone and language."""
    by.name, by.phone, by.language = name.strip(), phone or None, language
    journal.record(session, "account_changed", by, by=by)


def end_session(session: Session, user_session: UserSession, *, by: User) -> None:
    """Sign one of one's own devices out; raises NotAllowed."""
    if not may_end_session(by, user_session):
        raise NotAllowed()
    session.delete(user_session)
    journal.record(session, "device_signed_out", by, by=by)


def end_sessions(session: Session, person: User, *, but: int | None = None) -> int:
    """Sign a person out everywhere, except in the session with the id `but`; gives how many ended."""
    ended = session.execute(delete(UserSession).where(UserSession.user_id == person.id, UserSession.id != (but or 0)))
    return int(ended.rowcount)  # type: ignore[attr-defined]


def end_other_sessions(session: Session, *, by: User, but: int | None) -> int:
    """Sign oneself out on all other devices; gives how many there were."""
    ended = end_sessions(session, by, but=but)
    journal.record(session, "devices_signed_out", by, by=by, facts={"devices": ended})
    return ended


def sweep(session: Session) -> int:
    """Remove sessions that have run out and guesses nobody counts any more; gives how many sessions went."""
    now = clock.now()
    session.execute(delete(Guesses).where(Guesses.last_at < now - timedelta(days=1)))
    gone = session.execute(delete(UserSession).where(UserSession.expires_at <= now))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def take_guess(session: Session, key: str, *, most: int, within: timedelta) -> timedelta | None:
    """Count one attempt under `key`: None when it may go ahead, else how long to wait.

    Of any number of processes, at most `most` may go ahead in any span of `within`: the row is locked meanwhile.
    """
    now = clock.now()
    row = session.scalar(select(Guesses).where(Guesses.key == key).with_for_update()) or _first_guess(session, key)
    recent = [at for at in row.times if at > (now - within).timestamp()]
    if len(recent) >= most:
        return within - timedelta(seconds=now.timestamp() - recent[0])
    row.times = [*recent, now.timestamp()]
    row.last_at = now
    return None


def give_guess_back(session: Session, key: str) -> None:
    """The latest attempt under `key` was right, so it does not count."""
    row = session.scalar(select(Guesses).where(Guesses.key == key).with_for_update())
    if row is not None:
        row.times = row.times[:-1]


def install_roles(session: Session) -> None:
    """Make sure that every role of the operator's room exists."""
    known = set(session.scalars(select(Role.name)))
    session.add_all(Role(name=name) for name in ROLES if name not in known)


def open_account(session: Session, *, email: str, name: str, language: str, password_hash: str) -> User:
    """Make a confirmed account of a customer, for imports and the demo; raises Invalid for a taken address."""
    person = _confirmed(session, email=email, name=name, language=language, password=password_hash)
    journal.record(session, "account_registered", person, by=None)
    return person


def create_operator(session: Session, *, email: str, name: str, role: str, password_hash: str) -> User:
    """Make an account of the operator's people, confirmed; raises Invalid for a taken address or an unknown role."""
    known = session.scalar(select(Role).where(Role.name == role))
    if known is None:
        raise Invalid("role", N_("There is no such role."))
    person = _confirmed(session, email=email, name=name, password=password_hash, roles=[known])
    journal.record(session, "operator_created", person, by=None, facts={"role_id": known.id})
    return person


def _confirmed(session: Session, *, email: str, **values: Any) -> User:
    """A person whose mail address needs no confirming; raises Invalid when it is taken."""
    if by_email(session, User, email) is not None:
        raise Invalid("email", N_("There is an account with this mail address already."))
    now = clock.now()
    confirmed_at = now.replace(tzinfo=None)  # Flask-Security keeps naive UTC
    person = User(email=email.strip(), fs_uniquifier=secret(), created_at=now, confirmed_at=confirmed_at, **values)
    session.add(person)
    return person


def _first_guess(session: Session, key: str) -> Guesses:
    """The row of a key nobody has tried yet; who loses the race for it takes the winner's."""
    try:
        with session.begin_nested():
            row = Guesses(key=key, times=[], last_at=clock.now())
            session.add(row)
    except IntegrityError:
        return session.scalars(select(Guesses).where(Guesses.key == key).with_for_update()).one()
    return row


def _turn(session: Session, person: User, *, active: bool, **reasons: str | None) -> None:
    """Suspend or restore by a guarded UPDATE whose row count is checked; raises WrongState."""
    turned = session.execute(
        update(User)
        .where(User.id == person.id, User.active.is_(not active))
        .values(active=active, suspended_at=None if active else clock.now(), **reasons)
        .execution_options(synchronize_session=False)
    )
    if turned.rowcount != 1:  # type: ignore[attr-defined]
        raise WrongState()
    session.refresh(person, attribute_names=["active", "suspended_at", *reasons])
