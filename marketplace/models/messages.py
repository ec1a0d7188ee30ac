"""Messages between the two sides of a task: its customer and one helper."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public
from marketplace.models.accounts import User
from marketplace.models.tasks import Task


class Message(Base, Public):
    """One message; `shown` is what the other side reads: the body with contact data masked when sent before a booking."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_conversation", "task_id", "helper_id", "at"),)

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str] = mapped_column(Text)
    shown: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]

    task: Mapped[Task] = relationship(lazy="raise")
    sender: Mapped[User] = relationship(foreign_keys=sender_id, lazy="raise")
