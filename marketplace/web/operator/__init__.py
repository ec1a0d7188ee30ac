"""The operator's room: figures of the day, certifications, tasks, people, bookings and the journal."""

from marketplace.web.operator import bookings, certifications, journal, people, tasks, today
from marketplace.web.operator.room import bp

__all__ = ["bookings", "bp", "certifications", "journal", "people", "tasks", "today"]
