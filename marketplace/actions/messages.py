"""Writing messages between a task's customer and one helper."""

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import certifications, journal, outbox
from marketplace.domain.errors import N_, Invalid, NotAllowed
from marketplace.domain.lifecycles import BOOKING_AGREED
from marketplace.domain.masking import masked
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Booking, Message, Task, User
from marketplace.permissions import may_write


def send(session: Session, task: Task, helper_id: int, *, by: User, body: str, policy: Policy) -> Message:
    """Write a message; the other side is told, and reads it with contact data masked until the two have a booking.

    Raises NotAllowed when these two have nothing to do with each other, Invalid for an empty or overlong text.
    """
    body = body.strip()
    acquainted, certified = _are_acquainted(session, task, helper_id), certifications.skill_ids_in_force(session, by)
    if not may_write(by, task, helper_id, acquainted=acquainted, certified_skill_ids=certified):
        raise NotAllowed(N_("You can write here once you have something to do with this task."))
    if not body:
        raise Invalid("body", N_("Please write a few words."))
    if len(body) > policy.text_max:
        raise Invalid("body", N_("Please use at most %(max)s characters."), max=policy.text_max)
    shown = body if _have_agreed(session, task, helper_id) else masked(body)
    message = Message(task_id=task.id, helper_id=helper_id, sender_id=by.id, body=body, shown=shown, at=clock.now())
    session.add(message)
    journal.record(session, "message_sent", message, by=by, facts={"task_id": task.id, "masked": shown != body})
    _tell_other_side(session, task, helper_id, by)
    return message


def _tell_other_side(session: Session, task: Task, helper_id: int, by: User) -> None:
    """Tell the other side, with the helper's newest bid as the place where the conversation stands."""
    bid_id = session.scalar(_NEWEST_BID, {"task_id": task.id, "helper_id": helper_id})
    other = helper_id if by.id == task.customer_id else task.customer_id
    facts = {"task_id": task.id, **({"bid_id": bid_id} if bid_id else {"helper_id": helper_id})}
    outbox.tell(session, other, "message_received", **facts)


def _are_acquainted(session: Session, task: Task, helper_id: int) -> bool:
    """Whether this helper has bid on the task or written about it before."""
    return bool(session.scalar(_ACQUAINTED, {"task_id": task.id, "helper_id": helper_id}))


def _have_agreed(session: Session, task: Task, helper_id: int) -> bool:
    """Whether the two have an agreed booking for this task."""
    return bool(session.scalar(_AGREED, {"task_id": task.id, "helper_id": helper_id}))


def _of_the_two(model: type[Bid | Booking | Message], *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
    """Rows of one helper and one task that fulfil these conditions."""
    two = model.task_id == bindparam("task_id"), model.helper_id == bindparam("helper_id")
    return select(model.id).where(*two, *conditions)


# Asked at every message, so they are built once.
_NEWEST_BID = _of_the_two(Bid).order_by(Bid.id.desc()).limit(1)
_ACQUAINTED = select(_of_the_two(Bid).exists() | _of_the_two(Message).exists())
_AGREED = select(_of_the_two(Booking, Booking.state.in_(BOOKING_AGREED)).exists())
