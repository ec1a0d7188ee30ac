"""Accounts, read: who sends this request, and on which devices a person is signed in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.models import User, UserSession, WebAuthn

# Asked at every request that carries a cookie: the session, its person and their roles in one statement.
_VISITOR = (
    select(UserSession)
    .outerjoin(UserSession.user)
    .where(UserSession.token_hash == bindparam("token_hash"), UserSession.expires_at > bindparam("at"))
    .options(contains_eager(UserSession.user).options(joinedload(User.roles)))
)

_DEVICES = (
    select(UserSession)
    .where(UserSession.user_id == bindparam("user_id"), UserSession.expires_at > bindparam("at"))
    .order_by(UserSession.seen_at.desc(), UserSession.id.desc())
)

_PASSKEYS = select(WebAuthn.name).where(WebAuthn.user_id == bindparam("user_id")).order_by(WebAuthn.id)


def visitor(session: Session, token_hash: str, at: datetime) -> UserSession | None:
    """The session that this hash opens at this moment, with its person and their roles."""
    return session.scalars(_VISITOR, {"token_hash": token_hash, "at": at}).unique().one_or_none()


def devices(session: Session, user_id: int, at: datetime) -> Sequence[UserSession]:
    """The sessions in which a person is signed in, the latest used first."""
    return session.scalars(_DEVICES, {"user_id": user_id, "at": at}).all()


def passkeys(session: Session, user_id: int) -> Sequence[str]:
    """The names of a person's passkeys, the oldest first."""
    return session.scalars(_PASSKEYS, {"user_id": user_id}).all()
