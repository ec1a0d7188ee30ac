"""The operator's room: figures of the day, certifications, tasks, people, bookings, the money and the journal."""

from marketplace.web.operator import (
    bookings,
    certifications,
    disputes,
    fees,
    goodwill,
    journal,
    money,
    people,
    tasks,
    today,
)
from marketplace.web.operator.room import bp

__all__ = [
    "bookings",
    "bp",
    "certifications",
    "disputes",
    "fees",
    "goodwill",
    "journal",
    "money",
    "people",
    "tasks",
    "today",
]
