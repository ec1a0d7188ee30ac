"""Every page of the house, and who looks at it. A GET route that is neither here nor among NOT_PAGES fails a test."""

from dataclasses import dataclass, field
from typing import Any

from flask import Flask


@dataclass(frozen=True)
class Visit:
    """Somebody opens a page. Values name things of the town ("booking/started"); `send` presses its button at once.

    With something `typed` they send the form again and again until the answer has the `status`.
    """

    endpoint: str
    person: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    send: bool = False
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def opens_with(self) -> int:
        """The status with which the page opens, before anything is sent."""
        return 200 if self.typed else self.status

    def __str__(self) -> str:
        which = "-".join(str(value).replace("/", ".").replace("\x00", "nul") for value in self.values.values())
        parts = (self.endpoint, which, self.person or "anybody", "empty" if self.send else "", *self.typed.values())
        return "-".join(part for part in parts if part)


def _visits(endpoint: str, person: str | None = None, **values: Any) -> Visit:
    return Visit(endpoint, person, values)


def _thing(endpoint: str, person: str | None, thing: str, **values: Any) -> Visit:
    return Visit(endpoint, person, {"public_id": thing, **values})


TRIES = 10  # after so many forms whoever types too often has long been refused
AGREED = (
    *("confirmed", "on_the_way", "started", "finished", "unsolved", "signed_off", "closed", "cancelled"),
    *("no_show", "not_solvable", "extra", "late", "card_saved", "action_needed"),
)
BOOKING_STATES = ("reserved", "lapsed", *AGREED)
UNANSWERED = ("words", "times", "place")
DESIGN = ("forms", "choices", "trust", "lists", "bids", "visit", "operator")
STEPS = ("skill", "questions", "words", "photos", "times", "place")

VISITS = [
    # What everybody sees
    _visits("pages.home"),
    _visits("pages.home", "hans"),
    _visits("pages.how_it_works"),
    _visits("pages.imprint"),
    _visits("pages.terms"),
    _visits("pages.privacy"),
    _visits("pages.design"),
    *(_visits("pages.design", None, part=part) for part in DESIGN),
    _visits("profiles.index"),
    _visits("profiles.index", None, place="Bern"),
    _visits("profiles.index", None, place="Neuhausen"),
    _visits("profiles.index", None, place="Nirgendwo"),
    _thing("profiles.show", None, "profile/hans"),
    _thing("profiles.show", "anna", "profile/lea"),
    _visits("tasks.index"),
    _visits("tasks.index", None, place="3011"),
    _visits("tasks.index", "hans"),
    _thing("tasks.show", None, "task/open"),
    _thing("tasks.show", "anna", "task/open"),
    _thing("tasks.show", "hans", "task/open"),
    _thing("tasks.show", "anna", "task/quiet"),
    *(_thing("tasks.show", "anna", f"task/{state}") for state in ("expired", "cancelled", "removed")),
    _thing("tasks.show", None, "task/cancelled"),
    # Posting a task
    _visits("drafts.new"),
    Visit("drafts.new", send=True),
    _visits("drafts.new", "anna"),
    *(_thing("drafts.show", "stranger", "draft/full", step=step) for step in STEPS),
    *(Visit("drafts.show", "stranger", {"public_id": "draft/begun", "step": step}, send=True) for step in UNANSWERED),
    _thing("drafts.check", "stranger", "draft/full"),
    _thing("drafts.check", "stranger", "draft/begun"),
    _thing("drafts.account", "stranger", "draft/full"),
    _thing("tasks.confirmation", "anna", "task/open"),
    _thing("tasks.cancellation", "anna", "task/open"),
    # An account
    _visits("security.login"),
    Visit("security.login", send=True),
    _visits("security.register"),
    Visit("security.register", send=True),
    _visits("security.forgot_password"),
    Visit("security.forgot_password", send=True),
    Visit("security.reset_password", None, {"token": "token/reset"}),
    _visits("security.send_confirmation"),
    Visit("security.send_confirmation", send=True),
    _visits("security.wan_signin"),
    _visits("accounts.mail_sent"),
    _visits("security.two_factor_token_validation", "toni"),
    _visits("security.two_factor_rescue", "toni"),
    _visits("security.mf_recovery", "toni"),
    _visits("accounts.show", "anna"),
    _visits("accounts.edit", "anna"),
    _visits("accounts.devices", "anna"),
    _visits("security.change_email", "anna"),
    _visits("security.change_password", "anna"),
    Visit("security.change_password", "anna", send=True),
    _visits("security.mf_recovery_codes", "anna"),
    _visits("security.two_factor_setup", "anna"),
    _visits("security.wan_register", "anna"),
    _visits("security.verify", "anna"),
    _visits("notices.index", "anna"),
    _visits("notices.index", "nora"),
    _visits("development.mails"),
    # A customer
    _visits("tasks.mine", "anna"),
    _visits("tasks.mine", "nora"),
    _visits("bookings.index", "anna"),
    _visits("bookings.index", "nora"),
    _thing("bids.index", "anna", "task/open"),
    _thing("bids.index", "anna", "task/quiet"),
    _thing("bids.show", "anna", "bid/hans"),
    _thing("bids.show", "anna", "bid/paul"),
    _thing("bids.counter", "anna", "bid/lea"),
    Visit("bids.counter", "anna", {"public_id": "bid/hans"}, send=True),
    _thing("messages.show", "anna", "task/open", helper="person/hans"),
    _thing("payments.new", "anna", "bid/hans"),
    Visit("payments.new", "anna", {"public_id": "bid/lea"}, send=True),
    Visit("sandbox.show", "anna", {"reference": "checkout/open"}),
    Visit("sandbox.show", "anna", {"reference": "checkout/open"}, send=True),
    *(_thing("bookings.show", "anna", f"booking/{state}") for state in BOOKING_STATES),
    _thing("bookings.cancellation", "anna", "booking/confirmed"),
    _thing("bookings.unsolved", "anna", "booking/finished"),
    Visit("bookings.unsolved", "anna", {"public_id": "booking/finished"}, send=True),
    _thing("bookings.cancellation", "anna", "booking/late"),
    Visit("bookings.cancellation", "anna", {"public_id": "booking/late"}, send=True),
    _thing("bookings.cancellation", "anna", "booking/card_saved"),
    _thing("bookings.absence", "anna", "booking/late"),
    _thing("bookings.objection", "anna", "booking/no_show"),
    Visit("bookings.objection", "anna", {"public_id": "booking/no_show"}, send=True),
    _thing("reviews.new", "anna", "booking/signed_off"),
    _thing("reviews.new", "anna", "booking/closed"),
    Visit("reviews.new", "anna", {"public_id": "booking/signed_off"}, send=True),
    # A helper
    _visits("certifications.new", "nora"),
    _visits("certifications.skills", "hugo"),
    _visits("certifications.times", "hugo"),
    _visits("certifications.mine", "hugo"),
    _visits("certifications.mine", "hans"),
    _visits("profiles.edit", "hans"),
    _visits("tasks.index", "hugo"),
    _thing("bids.new", "hans", "task/quiet"),
    Visit("bids.new", "hans", {"public_id": "task/quiet"}, send=True),
    _visits("bids.mine", "hans"),
    _visits("bids.mine", "hugo"),
    *(_thing("bids.show", "hans", f"bid/{state}") for state in ("hans", "declined", "withdrawn", "expired")),
    _thing("bids.show", "paul", "bid/paul"),
    _thing("bids.revision", "paul", "bid/paul"),
    _thing("messages.show", "hans", "task/quiet", helper="person/hans"),
    *(_thing("bookings.show", "hans", f"booking/{state}") for state in AGREED),
    _visits("bookings.index", "hans"),
    _thing("bookings.cancellation", "hans", "booking/confirmed"),
    _thing("bookings.absence", "hans", "booking/late"),
    _thing("bookings.not_solvable", "hans", "booking/started"),
    Visit("bookings.not_solvable", "hans", {"public_id": "booking/started"}, send=True),
    _thing("bookings.extra", "hans", "booking/started"),
    Visit("bookings.extra", "hans", {"public_id": "booking/started"}, send=True),
    *(_visits("payouts.index", helper) for helper in ("hans", "lea", "paul", "hugo")),
    *(_visits("payouts.account", helper) for helper in ("hans", "paul")),
    Visit("sandbox.onboarding", None, {"token": "onboarding/hugo"}),
    Visit("sandbox.account", None, {"token": "dashboard/lea"}),
    _thing("reviews.new", "hans", "booking/signed_off"),
    _visits("badges.way", "hans"),
    _visits("badges.way", "lea"),
    _visits("badges.way", "hugo"),
    # The operator's room
    _visits("operator.today", "agent"),
    _visits("operator.certifications", "moderator"),
    _thing("operator.certification", "moderator", "certification/waiting"),
    _thing("operator.certification", "moderator", "certification/granted"),
    _visits("operator.tasks", "agent"),
    _thing("operator.task", "moderator", "task/open"),
    _visits("operator.people", "agent"),
    _thing("operator.person", "admin", "person/hans"),
    _thing("operator.person", "admin", "person/suspended"),
    _visits("operator.bookings", "agent"),
    *(_thing("operator.booking", "moderator", f"booking/{state}") for state in ("reserved", *AGREED)),
    _visits("operator.today", "moderator"),
    _thing("operator.refund", "moderator", "payment/released"),
    Visit("operator.refund", "moderator", {"public_id": "payment/released"}, send=True),
    _thing("operator.credit", "moderator", "booking/signed_off"),
    Visit("operator.credit", "moderator", {"public_id": "booking/signed_off"}, send=True),
    _visits("operator.money", "moderator"),
    Visit("operator.money", "moderator", {"from": "yesterday"}),
    *(_visits(f"operator.{room}", "moderator") for room in ("payments", "refunds", "payouts", "postings", "debts")),
    _visits("operator.payments", "moderator", search="nobody"),
    _visits("operator.postings", "moderator", search="nothing"),
    _thing("operator.debt", "moderator", "person/paul"),
    Visit("operator.debt", "moderator", {"public_id": "person/paul"}, send=True),
    _visits("operator.fees", "admin"),
    _visits("operator.disputes", "moderator"),
    _visits("operator.disputes", "moderator", state="won"),
    _thing("operator.dispute", "moderator", "dispute/open"),
    _visits("operator.journal", "admin"),
    # What somebody is refused
    Visit("operator.today", "nora", status=403),
    Visit("tasks.show", None, {"public_id": "nothing"}, status=404),
    Visit("bookings.unsolved", "anna", {"public_id": "booking/confirmed"}, status=409),
    Visit("payments.new", "anna", {"public_id": "bid/beside the reserved one"}, status=409),
    Visit("pages.home", None, {"place": "\x00"}, status=422),
    Visit("security.forgot_password", None, typed={"email": "too.often@example.org"}, status=429),
    Visit("town.broken", status=500),
]  # fmt: skip

NOT_PAGES = {
    "static": "a file",
    "assets.stylesheet": "a file",
    "tasks.photo": "a picture",
    "profiles.photo": "a picture",
    "pages.healthz": "plain text for machines",
    "pages.readyz": "plain text for machines",
    "operator.postings_file": "a CSV file",
    "papers.receipt": "a PDF",
    "papers.statement": "a PDF",
    "papers.my_year": "a PDF",
    "papers.year_of_person": "a PDF",
    "papers.my_bill": "a PDF",
    "papers.bill_of_person": "a PDF",
    "payments.back": "leads on to the booking",
    "payouts.back": "leads on to the payouts",
    "accounts.start": "leads on to where this person's day begins",
    "security.confirm_email": "the link in a mail, leads on to signing in",
    "security.change_email_confirm": "the link in a mail, leads on to the account",
    "security.tf_select": "leads on: there is one method only",
    "security.wan_delete": "leads on to the list of passkeys",
    "security.wan_verify": "leads on unless a passkey was set up with a real authenticator",
}


def unvisited(app: Flask) -> set[str]:
    """The GET routes that are neither looked at nor declared to be no page."""
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return routes - {visit.endpoint for visit in VISITS} - NOT_PAGES.keys()
