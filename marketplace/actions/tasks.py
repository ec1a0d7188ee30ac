"""The verbs of tasks: writing a draft, publishing it, taking a task back, and the moves of its booking."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, outbox
from marketplace.db import move
from marketplace.domain import places, posting
from marketplace.domain.errors import N_, Invalid, NotAllowed, NotFound, WrongState
from marketplace.domain.lifecycles import BOOKING_LIVE, TASK
from marketplace.domain.policy import Policy
from marketplace.ids import public_id
from marketplace.models import Booking, Draft, Photo, Skill, Slot, Task, User
from marketplace.permissions import may_change_task, may_remove_task

# ---- Before publishing


def begin_draft(session: Session, *, by: User | None, token_hash: str, policy: Policy) -> Draft:
    """Begin a draft for a browser (the hash of its secret) and, when somebody is signed in, for that person."""
    now = clock.now()
    draft = Draft(
        token_hash=token_hash,
        user_id=by.id if by else None,
        answers={},
        created_at=now,
        expires_at=now + timedelta(days=policy.draft_days),
    )
    session.add(draft)
    session.flush()
    return draft


def write_draft(
    session: Session, draft: Draft, answers: Mapping[str, Any], *, policy: Policy, by: User | None = None
) -> None:
    """Keep these answers (the shape is described in `domain/posting`); the draft's days begin anew.

    A draft without a person becomes that of `by`. Raises WrongState once it is published.
    """
    _hold_draft(session, draft, answers=dict(answers), expires_at=clock.now() + timedelta(days=policy.draft_days))
    if draft.user_id is None and by is not None:
        draft.user_id = by.id


def add_photo(session: Session, draft: Draft, *, file_name: str, width: int, height: int, policy: Policy) -> Photo:
    """Put a stored picture on a draft; raises Invalid when there are enough already."""
    _hold_draft(session, draft, expires_at=clock.now() + timedelta(days=policy.draft_days))
    count = session.scalar(select(func.count()).select_from(Photo).where(Photo.draft_id == draft.id))
    if (count or 0) >= policy.photos_max:
        raise Invalid("photos", N_("At most %(most)s photos are possible."), most=policy.photos_max)
    photo = Photo(draft_id=draft.id, file_name=file_name, width=width, height=height, created_at=clock.now())
    session.add(photo)
    session.flush()
    return photo


def remove_photo(session: Session, draft: Draft, photo: Photo) -> str:
    """Take a picture off its draft; gives the name of the file that is no longer needed."""
    _hold_draft(session, draft, expires_at=draft.expires_at)
    if photo.draft_id != draft.id:
        raise NotFound()
    name = photo.file_name
    session.delete(photo)
    return name


def forget_expired_drafts(session: Session) -> list[str]:
    """Delete the drafts whose days are over; gives the names of the picture files that are no longer needed."""
    over = select(Draft.id).where(Draft.expires_at <= clock.now(), Draft.published_task_id.is_(None))
    names = list(session.scalars(select(Photo.file_name).where(Photo.draft_id.in_(over))))
    session.execute(delete(Photo).where(Photo.draft_id.in_(over)).execution_options(synchronize_session=False))
    session.execute(delete(Draft).where(Draft.id.in_(over)).execution_options(synchronize_session=False))
    return names


def publish(session: Session, draft: Draft, *, by: User, policy: Policy, blur_secret: bytes) -> Task:
    """Make a draft an open task of `by`; a second time it gives the same task.

    Raises NotAllowed when the draft is somebody else's and Invalid (the field is the step) when an answer is missing.
    """
    if draft.user_id not in (None, by.id):
        raise NotAllowed(N_("This draft belongs to somebody else."))
    if not _claim(session, draft, by):
        return session.scalars(select(Task).where(Task.id == draft.published_task_id, Task.customer_id == by.id)).one()
    now = clock.now()
    for step in posting.missing(draft.answers, now=now):
        raise Invalid(step, N_("Please answer this question first."))
    task = _task_from(session, draft.answers, by, policy, blur_secret)
    session.add_all(
        Slot(task_id=task.id, starts_at=begin, ends_at=end)
        for begin, end in posting.slots_ahead(draft.answers, now=now)
    )
    session.execute(
        update(Photo)
        .where(Photo.draft_id == draft.id)
        .values(task_id=task.id, draft_id=None)
        .execution_options(synchronize_session=False)
    )
    draft.published_task_id, draft.answers = task.id, {}
    session.flush()
    journal.record(session, "task_published", task, by=by, facts={"skill_id": task.skill_id})
    outbox.tell(session, by.id, "task_published", task_id=task.id)
    return task


def _claim(session: Session, draft: Draft, by: User) -> bool:
    """Take the draft for publishing, guarded: of two clicks at once the second waits and then gets False."""
    claimed = session.execute(
        update(Draft)
        .where(Draft.id == draft.id, Draft.published_task_id.is_(None))
        .values(user_id=by.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(draft, ["user_id", "published_task_id", "answers"])
    return bool(claimed.rowcount)  # type: ignore[attr-defined]


def _hold_draft(session: Session, draft: Draft, **values: Any) -> None:
    """Write to a draft that is not published, guarded; raises WrongState when it is."""
    held = session.execute(
        update(Draft)
        .where(Draft.id == draft.id, Draft.published_task_id.is_(None))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if not held.rowcount:  # type: ignore[attr-defined]
        raise WrongState(N_("This task is published already."))
    session.refresh(draft, list(values))


def _task_from(session: Session, answers: Mapping[str, Any], by: User, policy: Policy, blur_secret: bytes) -> Task:
    """The open task that these answers describe, with the position that others see."""
    words, place, public = answers["words"], answers["place"], public_id()
    shown_lat, shown_lon = places.blurred(place["lat"], place["lon"], secret=blur_secret, key=public)
    now = clock.now()
    task = Task(
        public_id=public,
        customer_id=by.id,
        skill_id=session.scalars(select(Skill.id).where(Skill.code == answers["skill"]["skill"])).one(),
        state=TASK.begins,
        language=words["language"],
        title=words["title"],
        description=words["description"],
        device=words.get("device", ""),
        tried=words.get("tried", ""),
        answers=dict(answers.get("questions") or {}),
        remote=place["remote"],
        country=place["country"],
        postcode=place["postcode"],
        place_name=place["name"],
        region=place["region"],
        lat=place["lat"],
        lon=place["lon"],
        shown_lat=shown_lat,
        shown_lon=shown_lon,
        budget_cents=place.get("budget_cents"),
        currency=policy.currency,
        created_at=now,
        expires_at=now + timedelta(days=policy.task_open_days),
    )
    session.add(task)
    session.flush()
    return task


# ---- After publishing


def hold_open(session: Session, task: Task) -> None:
    """Keep the task's row until the transaction ends and make sure that it is open; raises WrongState otherwise.

    Whoever reserves a booking and whoever cancels the task pass here, so that only one of them can come first.
    """
    session.refresh(task, ["state"], with_for_update=True)
    if task.state != TASK.open:
        raise WrongState()


def cancel(session: Session, task: Task, *, by: User) -> None:
    """The customer takes back a task that nobody is booked for; raises NotAllowed, or WrongState while one is paid for.

    Live bids on it are declined by `bids.cancel_task`, which calls this.
    """
    if not may_change_task(by, task):
        raise NotAllowed(N_("This task belongs to somebody else."))
    hold_open(session, task)
    _demand_no_booking(session, task)
    move(session, Task, task.id, TASK, "cancel")
    journal.record(session, "task_cancelled", task, by=by)


def remove(session: Session, task: Task, *, by: User, reason: str) -> None:
    """The operator takes a task down and tells its customer why.

    Raises NotAllowed, Invalid without a reason, and WrongState while somebody is booked.
    """
    if not may_remove_task(by):
        raise NotAllowed(N_("This is for the operator's moderators."))
    if not reason.strip():
        raise Invalid("reason", N_("Please say why. The customer will read it."))
    session.refresh(task, ["state"], with_for_update=True)
    _demand_no_booking(session, task)
    move(session, Task, task.id, TASK, "remove", removed_reason=reason.strip())
    journal.record(session, "task_removed", task, by=by)
    outbox.tell(session, task.customer_id, "task_removed", task_id=task.id)


def expire(session: Session, task: Task) -> None:
    """A task that found nobody in time ends; its customer is told. Raises WrongState unless it is open and unbooked."""
    hold_open(session, task)
    _demand_no_booking(session, task)
    move(session, Task, task.id, TASK, "expire")
    journal.record(session, "task_expired", task, by=None)
    outbox.tell(session, task.customer_id, "task_expired", task_id=task.id)


def mark_booked(session: Session, task: Task) -> None:
    """A booking is confirmed: nobody bids any more. Raises WrongState unless the task is open."""
    move(session, Task, task.id, TASK, "book")
    journal.record(session, "task_booked", task, by=None)


def reopen(session: Session, task: Task) -> None:
    """The helper cancelled the booking: the task takes bids again. Raises WrongState unless it is booked."""
    move(session, Task, task.id, TASK, "reopen")
    journal.record(session, "task_reopened", task, by=None)


def mark_done(session: Session, task: Task) -> None:
    """The visit is signed off and the helper paid; reviews may follow. Raises WrongState unless the task is booked."""
    move(session, Task, task.id, TASK, "finish")
    journal.record(session, "task_done", task, by=None)


def close(session: Session, task: Task) -> None:
    """The time for reviews is over, or the customer got the money back: nothing more happens to this task.

    Raises WrongState unless it is booked or done.
    """
    move(session, Task, task.id, TASK, "close")
    journal.record(session, "task_closed", task, by=None)


def _demand_no_booking(session: Session, task: Task) -> None:
    """Refuse while a helper is booked or a payment for one is under way: the task stays open during the latter."""
    if session.scalar(select(Booking.id).where(Booking.task_id == task.id, Booking.state.in_(BOOKING_LIVE))):
        raise WrongState(N_("A booking for this task is just being paid. Please wait until that has ended."))
