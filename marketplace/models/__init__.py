"""The tables, one file per noun; a relationship points only to nouns on the left, so the files never import in a ring."""

from marketplace.models.accounts import Guesses, Role, User, UserSession, WebAuthn
from marketplace.models.badges import Standing
from marketplace.models.bids import Bid, BidStep, FeeRule
from marketplace.models.bookings import Booking, TakenQuarter, VisitStep
from marketplace.models.certifications import Certification
from marketplace.models.journal import JournalEntry
from marketplace.models.messages import Message
from marketplace.models.outbox import Notice, OutboxItem
from marketplace.models.payments import (
    Credit,
    Dispute,
    Entry,
    GatewayEvent,
    Payment,
    Payout,
    PayoutAccount,
    Posting,
    Reconciliation,
    Refund,
    Reversal,
    Settlement,
)
from marketplace.models.profiles import Profile, UsualHours
from marketplace.models.reviews import Review
from marketplace.models.sandbox import SandboxEvent, SandboxKey, SandboxMovement, SandboxObject
from marketplace.models.skills import Skill
from marketplace.models.tasks import Draft, Photo, Slot, Task

__all__ = [
    "Bid",
    "BidStep",
    "Booking",
    "Certification",
    "Credit",
    "Dispute",
    "Draft",
    "Entry",
    "FeeRule",
    "GatewayEvent",
    "Guesses",
    "JournalEntry",
    "Message",
    "Notice",
    "OutboxItem",
    "Payment",
    "Payout",
    "PayoutAccount",
    "Photo",
    "Posting",
    "Profile",
    "Reconciliation",
    "Refund",
    "Reversal",
    "Review",
    "Role",
    "SandboxEvent",
    "SandboxKey",
    "SandboxMovement",
    "SandboxObject",
    "Settlement",
    "Skill",
    "Slot",
    "Standing",
    "TakenQuarter",
    "Task",
    "User",
    "UserSession",
    "UsualHours",
    "VisitStep",
    "WebAuthn",
]
