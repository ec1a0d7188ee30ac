"""The words of mails and notices: templates, in the language of the person who reads them."""

from collections.abc import Callable
from typing import Any

from flask import current_app, url_for

from marketplace.db import db
from marketplace.gateways.mail import Enclosure, Letter
from marketplace.models import User
from marketplace.queries.notices import Subjects, subjects
from marketplace.queries.papers import papers_of
from marketplace.web import papers
from marketplace.web.current import brand, policy, public_address
from marketplace.web.languages import plain_gettext, plain_ngettext, speaking

# Where a notice leads: the endpoint, and of which thing it takes the public id.
LEADS_TO: dict[str, tuple[str, str | None]] = {
    "task_published": ("tasks.show", "task"),
    "task_expired": ("tasks.show", "task"),
    "task_removed": ("tasks.show", "task"),
    "bid_placed": ("bids.show", "bid"),
    "bid_revised": ("bids.show", "bid"),
    "bid_agreed": ("bids.show", "bid"),
    "bid_withdrawn": ("tasks.show", "task"),
    "bid_countered": ("bids.show", "bid"),
    "bid_declined": ("bids.mine", None),
    "bid_expired": ("bids.mine", None),
    "proposal_expired": ("bids.show", "bid"),
    "proposal_missed": ("bids.mine", None),
    "message_received": ("bids.show", "bid"),
    "booking_confirmed": ("bookings.show", "booking"),
    "booking_won": ("bookings.show", "booking"),
    "payment_failed": ("bookings.show", "booking"),
    "reservation_lapsed": ("bookings.show", "booking"),
    "payment_returned": ("tasks.show", "task"),
    "helper_on_the_way": ("bookings.show", "booking"),
    "visit_started": ("bookings.show", "booking"),
    "visit_finished": ("bookings.show", "booking"),
    "visit_signed_off": ("bookings.show", "booking"),
    "silence_signed_off": ("bookings.show", "booking"),
    "visit_unsolved": ("bookings.show", "booking"),
    "visit_referred": ("bookings.show", "booking"),
    "visit_settled": ("bookings.show", "booking"),
    "visit_given_up": ("bookings.show", "booking"),
    "no_show_reported": ("bookings.show", "booking"),
    "extra_asked": ("bookings.show", "booking"),
    "extra_paid": ("bookings.show", "booking"),
    "extra_off": ("bookings.show", "booking"),
    "payment_asked": ("bookings.show", "booking"),
    "money_given_back": ("bookings.show", "booking"),
    "credit_given": ("tasks.mine", None),
    "payout_waiting": ("payouts.account", None),
    "payout_sent": ("payouts.index", None),
    "dispute_opened": ("operator.booking", "booking"),
    "books_differ": ("operator.money", None),
    "booking_cancelled": ("bookings.show", "booking"),
    "review_due": ("reviews.new", "booking"),
    "review_received": ("reviews.new", "booking"),
    "review_opened": ("reviews.new", "booking"),
    "badge_earned": ("badges.way", None),
    "badge_lost": ("badges.way", None),
    "certification_applied": ("operator.certification", "certification"),
    "certification_granted": ("tasks.index", None),
    "certification_declined": ("certifications.mine", None),
    "certification_suspended": ("certifications.mine", None),
    "certification_reinstated": ("tasks.index", None),
    "account_suspended": ("security.login", None),
    "account_restored": ("accounts.show", None),
}


def words(kind: str, reader: User, facts: dict[str, Any]) -> Letter:
    """A mail in its reader's language, with the papers that it names; the worker calls it outside any request."""
    with current_app.test_request_context(base_url=public_address()):
        [about] = subjects(db.session, [facts])
        return speaking(reader.language, lambda: _letter(kind, reader, facts, about))


def _letter(kind: str, reader: User, facts: dict[str, Any], about: Subjects) -> Letter:
    """The mail; whatever paper its text leads to is enclosed, since the link asks to sign in."""
    subject, body = _written(kind, reader, facts, about, reader.language)
    if about.booking is None:
        return Letter(subject, body)
    public_id = about.booking.public_id
    named = [name for name in DRAWN if url_for(f"papers.{name}", public_id=public_id, _external=True) in body]
    there = papers_of(db.session, about.booking, reader) if named else []
    return Letter(
        subject,
        body,
        tuple(Enclosure(f"{name}-{public_id}.pdf", DRAWN[name](public_id, reader)) for name in named if name in there),
    )


# The papers that a mail about a booking may lead to.
DRAWN: dict[str, Callable[[str, User], bytes]] = {"receipt": papers.receipt_pdf, "statement": papers.statement_pdf}


def line(kind: str, reader: User, facts: dict[str, Any], about: Subjects, locale: str) -> str:
    """The one line that a notices page shows: the mail's subject."""
    return _written(kind, reader, facts, about, locale)[0]


def leads_to(kind: str, about: Subjects, *, absolute: bool = False) -> str:
    """The address that a notice leads to."""
    endpoint, thing = LEADS_TO[kind]
    if thing is None:
        return url_for(endpoint, _external=absolute)
    row = getattr(about, thing)
    if row is None and about.task is not None and about.helper is not None:  # a question before any bid
        values = {"public_id": about.task.public_id, "helper": about.helper.public_id}
        return url_for("messages.show", **values, _external=absolute)
    if row is None:
        endpoint, row = "tasks.show", about.task
    return url_for(endpoint, public_id=row.public_id, _external=absolute)


def _written(kind: str, reader: User, facts: dict[str, Any], about: Subjects, locale: str) -> tuple[str, str]:
    """Subject (the template's first line) and body."""
    text = current_app.jinja_env.get_template(f"emails/{kind}.txt").render(
        _=plain_gettext,
        ngettext=plain_ngettext,
        reader=reader,
        facts=facts,
        task=about.task,
        bid=about.bid,
        booking=about.booking,
        certification=about.certification,
        skill=about.skill,
        brand=brand(),
        policy=policy(),
        locale=locale,
        link=leads_to(kind, about, absolute=True),
    )
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip() + "\n"
