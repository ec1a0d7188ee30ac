"""What time alone brings about: bids and tasks expire, silence signs off, forgotten visits are referred, old drafts go."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import accounts, bids, payments, reviews, tasks
from marketplace.db import db, transaction
from marketplace.domain.errors import DomainError
from marketplace.domain.lifecycles import BID_LIVE, BOOKING, TASK
from marketplace.domain.policy import Policy
from marketplace.gateways.pictures import small_of
from marketplace.gateways.storage import PhotoStorage
from marketplace.jobs.parts import each_by_itself
from marketplace.models import Bid, Booking, Task

BATCH = 100


def work_off(photos: PhotoStorage, *, policy: Policy) -> dict[str, int]:
    """Do everything that is due; gives how many of each.

    Each row is its own transaction, so one that fails stops no other; what failed is raised at the end (ExceptionGroup).
    """
    now = clock.now()
    works = {
        "bids_expired": lambda: _each(_due_bids(now), Bid, partial(bids.expire, due_by=now)),
        "tasks_expired": lambda: _each(_due_tasks(now), Task, bids.expire_task),
        "no_shows_settled": lambda: _each(
            _due_no_shows(now), Booking, lambda s, row: payments.settle_no_show(s, row, policy=policy)
        ),
        "visits_referred": lambda: _each(
            _due_referrals(now, policy), Booking, lambda s, row: payments.refer(s, row, policy=policy)
        ),
        "bookings_signed_off": lambda: _each(
            _due_sign_offs(now), Booking, lambda s, row: payments.sign_off(s, row, by=None)
        ),
        "bookings_closed": lambda: _each(_due_closings(now, policy), Booking, reviews.close),
        "drafts_forgotten": lambda: _forget_drafts(photos),
        "sessions_forgotten": _forget_sessions,
    }
    return dict(zip(works, each_by_itself(works.values()), strict=True))


def _each(due: Select[tuple[int]], model: type[Any], verb: Callable[[Session, Any], Any]) -> int:
    """Let `verb` work on every due row, one transaction each; a row that moved on meanwhile is left alone."""

    def one(row_id: int) -> bool:
        try:
            with transaction() as session:
                verb(session, session.get_one(model, row_id))
        except DomainError:
            return False
        return True

    ids = db.session.scalars(due.limit(BATCH)).all()
    return sum(each_by_itself(partial(one, row_id) for row_id in ids))


def _due_bids(now: datetime) -> Select[tuple[int]]:
    return select(Bid.id).where(Bid.state.in_(BID_LIVE), Bid.expires_at <= now).order_by(Bid.id)


def _due_tasks(now: datetime) -> Select[tuple[int]]:
    """Open tasks past their time; one whose payment is under way waits for it."""
    reserved = select(Booking.task_id).where(Booking.state == BOOKING.reserved)
    return (
        select(Task.id)
        .where(Task.state == TASK.open, Task.expires_at <= now, Task.id.not_in(reserved))
        .order_by(Task.id)
    )


def _due_sign_offs(now: datetime) -> Select[tuple[int]]:
    return (
        select(Booking.id).where(Booking.state == BOOKING.finished, Booking.sign_off_due_at <= now).order_by(Booking.id)
    )


def _due_no_shows(now: datetime) -> Select[tuple[int]]:
    """Reported absences that nobody objected to in time."""
    reported = Booking.state.in_(BOOKING.befores("settle_no_show"))
    return select(Booking.id).where(reported, Booking.objection_until <= now).order_by(Booking.id)


def _due_referrals(now: datetime, policy: Policy) -> Select[tuple[int]]:
    """Visits that began long ago and that nobody has ended; the verb leaves alone what has not been over for long enough."""
    began = Booking.starts_at <= now - timedelta(hours=policy.forgotten_hours)
    return select(Booking.id).where(Booking.state.in_(BOOKING.befores("refer")), began).order_by(Booking.starts_at)


def _due_closings(now: datetime, policy: Policy) -> Select[tuple[int]]:
    since = now - timedelta(days=policy.review_days)
    return (
        select(Booking.id)
        .where(Booking.state == BOOKING.signed_off, Booking.signed_off_at <= since)
        .order_by(Booking.id)
    )


def _forget_drafts(photos: PhotoStorage) -> int:
    """Delete drafts that nobody published in time, then their pictures; gives how many pictures went."""
    with transaction() as session:
        names = tasks.forget_expired_drafts(session)
    for name in names:
        photos.forget(name)
        photos.forget(small_of(name))
    return len(names)


def _forget_sessions() -> int:
    """Delete sessions that have run out."""
    with transaction() as session:
        return accounts.sweep(session)
