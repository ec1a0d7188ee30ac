"""The journal in words: what each event and each subject is called, and where its subject can be looked at."""

from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel.speaklater import LazyString

from marketplace.domain.errors import N_
from marketplace.queries.journal import Line
from marketplace.web.filters import money, stars
from marketplace.web.languages import gettext
from marketplace.web.languages import lazy_gettext as _l

EVENTS = {
    "account_registered": _l("Account opened"),
    "account_confirmed": _l("Mail address confirmed"),
    "account_changed": _l("Own data changed"),
    "signed_in": _l("Signed in"),
    "password_changed": _l("Password changed"),
    "mail_changed": _l("Mail address changed"),
    "two_factor_set_up": _l("Second step at sign-in set up"),
    "two_factor_ended": _l("Second step at sign-in ended"),
    "passkey_added": _l("Passkey added"),
    "passkey_removed": _l("Passkey removed"),
    "account_suspended": _l("Account suspended"),
    "account_restored": _l("Account restored"),
    "operator_created": _l("Operator's account made"),
    "device_signed_out": _l("A device signed out"),
    "devices_signed_out": _l("Other devices signed out"),
    "profile_created": _l("Profile written"),
    "profile_changed": _l("Profile changed"),
    "profile_hours_changed": _l("Usual hours changed"),
    "profile_photo_changed": _l("Photo changed"),
    "profile_photo_removed": _l("Photo removed"),
    "certification_applied": _l("Certification applied for"),
    "certification_withdrawn": _l("Application taken back"),
    "certification_granted": _l("Certification granted"),
    "certification_declined": _l("Certification declined"),
    "certification_suspended": _l("Certification suspended"),
    "certification_reinstated": _l("Certification back in force"),
    "task_published": _l("Task published"),
    "task_booked": _l("Task booked"),
    "task_reopened": _l("Task open again"),
    "task_done": _l("Task done"),
    "task_closed": _l("Task closed"),
    "task_cancelled": _l("Task cancelled"),
    "task_expired": _l("Task expired"),
    "task_removed": _l("Task taken down"),
    "bid_placed": _l("Bid placed"),
    "bid_revised": _l("Bid changed"),
    "bid_countered": _l("Another proposal made"),
    "bid_agreed": _l("Proposal agreed to"),
    "bid_accepted": _l("Bid accepted"),
    "bid_declined": _l("Bid declined"),
    "bid_withdrawn": _l("Bid taken back"),
    "bid_expired": _l("Bid expired"),
    "bid_fell_through": _l("Accepted bid fell through"),
    "message_sent": _l("Message sent"),
    "booking_reserved": _l("Booking reserved"),
    "booking_confirmed": _l("Booking confirmed"),
    "booking_lapsed": _l("Booking not paid in time"),
    "booking_cancelled": _l("Booking cancelled"),
    "booking_closed": _l("Booking closed"),
    "helper_set_out": _l("Helper set out"),
    "visit_started": _l("Visit started"),
    "visit_finished": _l("Visit finished"),
    "visit_signed_off": _l("Visit signed off"),
    "visit_reported_unsolved": _l("Visit reported as not solved"),
    "visit_referred": _l("Visit referred to us: nobody said how it ended"),
    "visit_settled": _l("Unsolved visit settled"),
    "visit_given_up": _l("Visit given up: no neighbour can solve it"),
    "no_show_reported": _l("Reported: nobody was there"),
    "no_show_objected": _l("Objected to the report"),
    "payment_prepared": _l("Payment prepared"),
    "payment_held": _l("Payment held"),
    "payment_failed": _l("Payment failed"),
    "payment_released": _l("Money released to the helper"),
    "payment_refunded": _l("Money paid back"),
    "payment_returned": _l("Late payment sent back"),
    "payment_asked": _l("Customer asked to confirm a payment"),
    "card_saved": _l("Card saved for a later charge"),
    "extra_asked": _l("Additional work proposed"),
    "refund_given": _l("Refund given"),
    "refund_failed": _l("Refund failed"),
    "credit_given": _l("Credit given"),
    "payout_account_opened": _l("Account for payouts opened"),
    "payout_account_ready": _l("Account for payouts ready"),
    "payout_sent": _l("Payout sent"),
    "payout_taken_back": _l("Payout taken back"),
    "payout_kept": _l("Payout could not be taken back"),
    "dispute_opened": _l("Dispute of a bank opened"),
    "dispute_answered": _l("Dispute answered"),
    "dispute_won": _l("Dispute won"),
    "dispute_lost": _l("Dispute lost"),
    "fee_rule_set": _l("Fee set"),
    "fee_rule_ended": _l("Fee ended"),
    "fee_paid": _l("Fee paid by a helper"),
    "payout_account_gone": _l("Account for payouts taken away"),
    "refund_dropped": _l("Refund given up: the bank took the money back itself"),
    "refund_asked_again": _l("Refund asked for again"),
    "movement_taken_over": _l("Movement of the payment service taken over"),
    "delivery_hurried": _l("Stuck money tried again"),
    "dispute_evidence_given": _l("Evidence handed in"),
    "review_written": _l("Review written"),
    "badge_earned": _l("Badge earned"),
    "badge_lost": _l("Badge lost"),
}

# By table: what one row is called, and the page on which it can be looked at (with its public id).
SUBJECTS: dict[str, tuple[LazyString, str | None]] = {
    "users": (_l("Person"), "operator.person"),
    "profiles": (_l("Profile"), "profiles.show"),
    "certifications": (_l("Certification"), "operator.certification"),
    "tasks": (_l("Task"), "operator.task"),
    "bids": (_l("Bid"), None),
    "bookings": (_l("Booking"), "operator.booking"),
    "payments": (_l("Payment"), None),
    "refunds": (_l("Refund"), None),
    "payouts": (_l("Payout"), None),
    "payout_accounts": (_l("Account for payouts"), None),
    "credits": (_l("Credit"), None),
    "disputes": (_l("Dispute"), "operator.dispute"),
    "fee_rules": (_l("Fee"), None),
    "reconciliations": (_l("Comparison of the books"), None),
    "reviews": (_l("Review"), None),
    "messages": (_l("Message"), None),
    "standings": (_l("Badge"), None),
}

# By name: what a fact says. Ids are numbers of rows, for whoever looks further in the database.
FACTS = {
    "booking_id": N_("booking no. %(value)s"),
    "cautious_hundredths": N_("cautious rating %(value)s"),
    "cents": N_("amount %(value)s"),
    "completion_percent": N_("%(value)s percent completed"),
    "customers": N_("different customers: %(value)s"),
    "devices": N_("devices: %(value)s"),
    "failure": N_("reason: %(value)s"),
    "helper_cents": N_("to the helper %(value)s"),
    "masked": N_("contact details hidden: %(value)s"),
    "percent": N_("%(value)s percent"),
    "price_cents": N_("price %(value)s"),
    "radius_km": N_("radius %(value)s km"),
    "role_id": N_("role no. %(value)s"),
    "rule": N_("rule no. %(value)s"),
    "signed_off": N_("bookings signed off: %(value)s"),
    "skill_id": N_("skill no. %(value)s"),
    "spans": N_("usual hours: %(value)s"),
    "stars": N_("stars: %(value)s"),
    "task_id": N_("task no. %(value)s"),
}
VALUES = {
    True: N_("yes"),
    False: N_("no"),
    "customer": N_("Customer"),
    "helper": N_("Helper"),
    "declined": N_("the card was declined"),
    "abandoned": N_("given up"),
    "lapsed": N_("not paid in time"),
    "called_off": N_("called off"),
}


@dataclass(frozen=True)
class LineInWords:
    """One line of the journal as people read it."""

    at: datetime
    event: LazyString | str
    actor: str | None
    actor_href: str | None
    subject: LazyString | str
    reference: str | None
    href: str | None
    facts: str


def in_words(lines: list[Line]) -> list[LineInWords]:
    """The lines of the journal as people read them."""
    return [_in_words(line) for line in lines]


def _in_words(line: Line) -> LineInWords:
    entry, reference = line.entry, line.subject_public_id
    subject, endpoint = SUBJECTS.get(entry.subject_kind, (entry.subject_kind, None))
    return LineInWords(
        at=entry.at,
        event=EVENTS.get(entry.event, entry.event),
        actor=line.actor_name,
        actor_href=url_for("operator.person", public_id=line.actor_public_id) if line.actor_public_id else None,
        subject=subject,
        reference=reference or f"#{entry.subject_id}",
        href=url_for(endpoint, public_id=reference) if endpoint and reference else None,
        facts=", ".join(_fact(name, value) for name, value in entry.facts.items()),
    )


def _fact(name: str, value: int | str) -> str:
    shown: int | str = value
    if name.endswith("cents"):
        shown = money(int(value))
    elif name.endswith("_hundredths"):
        shown = stars(int(value))
    elif isinstance(value, bool | str):
        shown = gettext(VALUES[value]) if value in VALUES else value
    return gettext(FACTS[name], value=shown) if name in FACTS else f"{name} {shown}"
