"""Reading messages: the conversation between a task's customer and one helper, and who has asked about a task."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.domain.errors import NotFound
from marketplace.domain.lifecycles import BOOKING_AGREED, TASK
from marketplace.models import Bid, Booking, Message, Task, User


@dataclass(frozen=True)
class Line:
    """A message as one of the two reads it: own words as they were written, the other side's as they may be seen."""

    message: Message
    is_mine: bool
    text: str
    is_masked: bool


@dataclass(frozen=True)
class Conversation:
    """The two of a conversation, the helper's newest bid, whether it has begun, and whether they have a booking."""

    task: Task
    helper: User
    bid: Bid | None
    has_begun: bool
    has_agreed: bool

    def name_of(self, person: User) -> str:
        """The first name and initial before a booking, the whole name after it."""
        return person.name if self.has_agreed else person.short_name


_THREAD = (
    select(Message)
    .join(Message.sender)
    .where(Message.task_id == bindparam("task_id"), Message.helper_id == bindparam("helper_id"))
    .options(contains_eager(Message.sender))
    .order_by(Message.at, Message.id)
)
_TASK = (
    select(Task)
    .where(Task.public_id == bindparam("public_id"))
    .options(joinedload(Task.customer), joinedload(Task.skill))
)
_AGREED = select(
    select(Booking.id)
    .where(
        Booking.task_id == bindparam("task_id"),
        Booking.helper_id == bindparam("helper_id"),
        Booking.state.in_(BOOKING_AGREED),
    )
    .exists()
)
_ANY_MESSAGE = select(
    select(Message.id)
    .where(Message.task_id == bindparam("task_id"), Message.helper_id == bindparam("helper_id"))
    .exists()
)
_NEWEST_BID = (
    select(Bid)
    .where(Bid.task_id == bindparam("task_id"), Bid.helper_id == bindparam("helper_id"))
    .order_by(Bid.id.desc())
    .limit(1)
)


def conversation(session: Session, task_id: str, helper_id: str, user: User) -> Conversation:
    """The conversation about a task with a helper (public ids), for its two sides; raises NotFound for anybody else."""
    task = session.scalar(_TASK, {"public_id": task_id})
    helper = session.scalar(select(User).where(User.public_id == helper_id, User.is_helper))
    if task is None or helper is None or task.customer_id == helper.id:
        raise NotFound()
    if user.id not in (task.customer_id, helper.id):
        raise NotFound()
    between = {"task_id": task.id, "helper_id": helper.id}
    bid = session.scalar(_NEWEST_BID, between)
    has_begun = bid is not None or bool(session.scalar(_ANY_MESSAGE, between))
    if not has_begun and (user.id == task.customer_id or task.state != TASK.open):
        raise NotFound()
    return Conversation(task, helper, bid, has_begun, bool(session.scalar(_AGREED, between)))


def thread(session: Session, task_id: int, helper_id: int, *, reader: User, has_agreed: bool) -> list[Line]:
    """The messages between the two, oldest first; contact data masked before a booking is read once there is one."""
    found = session.scalars(_THREAD, {"task_id": task_id, "helper_id": helper_id})
    return [_line(message, reader, has_agreed) for message in found]


def _line(message: Message, reader: User, has_agreed: bool) -> Line:
    is_mine = message.sender_id == reader.id
    is_masked = message.shown != message.body and not has_agreed
    return Line(message, is_mine, message.body if is_mine or has_agreed else message.shown, is_masked)


@dataclass(frozen=True)
class Asker:
    """A helper who has written about a task without bidding, and when they last did."""

    helper: User
    last_at: datetime


_ASKERS = (
    select(User, func.max(Message.at))
    .join(Message, Message.helper_id == User.id)
    .where(
        Message.task_id == bindparam("task_id"),
        ~select(Bid.id).where(Bid.task_id == Message.task_id, Bid.helper_id == Message.helper_id).exists(),
    )
    .group_by(User.id)
    .order_by(func.max(Message.at).desc())
)


def askers(session: Session, task_id: int) -> list[Asker]:
    """The helpers who asked about a task and have not bid, the latest first."""
    return [Asker(helper, last_at) for helper, last_at in session.execute(_ASKERS, {"task_id": task_id})]
