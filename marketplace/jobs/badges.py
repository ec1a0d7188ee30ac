"""Derived standings: made again from the rows of record after each change that may matter, or all from nothing."""

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from marketplace import clock
from marketplace.actions import badges
from marketplace.db import transaction
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Certification, JournalEntry, Review, Standing, User, VisitStep
from marketplace.queries.badges import record_of, reply_minutes, standing


def refresh_stale(*, policy: Policy, limit: int = 200) -> int:
    """Refresh the standings of the helpers of whom something is newer than their standing; gives how many."""
    with transaction() as session:
        stale = _stale(session, limit)
        for helper_id in stale:
            _refresh(session, helper_id, policy)
    return len(stale)


def rebuild(*, policy: Policy) -> int:
    """Make every helper's standing anew from the rows of record; gives how many."""
    with transaction() as session:
        helpers = list(session.scalars(select(User.id).where(User.is_helper).order_by(User.id)))
        for helper_id in helpers:
            _refresh(session, helper_id, policy)
    return len(helpers)


def _refresh(session: Session, helper_id: int, policy: Policy) -> None:
    now = clock.now()
    record, rating = record_of(session, helper_id, at=now, policy=policy)
    row = standing(session, helper_id) or Standing(helper_id=helper_id, is_friend=False)
    badges.refresh(session, row, record, rating, reply_minutes(session, helper_id), policy=policy)


def _stale(session: Session, limit: int) -> list[int]:
    """Helpers without a standing, or with something newer: a review, a visit step, a bid, a decision, a reviewer's standing."""
    now = clock.now()
    given, of_author, let_in_or_out = aliased(Review), aliased(Review), aliased(JournalEntry)
    newer = (
        select(Review.about_id).where(
            Review.about_id == User.id, Review.opens_at <= now, Review.opens_at > Standing.computed_at
        ),
        select(VisitStep.id)
        .join(Booking, Booking.id == VisitStep.booking_id)
        .where(Booking.helper_id == User.id, VisitStep.at <= now, VisitStep.at > Standing.computed_at),
        select(Bid.id).where(Bid.helper_id == User.id, Bid.created_at <= now, Bid.created_at > Standing.computed_at),
        select(Certification.id).where(
            Certification.helper_id == User.id,
            Certification.decided_at <= now,
            Certification.decided_at > Standing.computed_at,
        ),
        select(given.id)
        .join(of_author, of_author.about_id == given.author_id)
        .where(
            given.about_id == User.id,
            of_author.side == "helper",
            of_author.opens_at <= now,
            of_author.opens_at > Standing.computed_at,
        ),
        select(given.id)
        .join(let_in_or_out, and_(let_in_or_out.subject_kind == "users", let_in_or_out.subject_id == given.author_id))
        .where(
            given.about_id == User.id,
            let_in_or_out.event.in_(("account_suspended", "account_restored")),
            let_in_or_out.at <= now,
            let_in_or_out.at > Standing.computed_at,
        ),
    )
    return list(
        session.scalars(
            select(User.id)
            .outerjoin(Standing, Standing.helper_id == User.id)
            .where(User.is_helper, or_(Standing.id.is_(None), *(one.exists() for one in newer)))
            .order_by(User.id)
            .limit(limit)
        )
    )
