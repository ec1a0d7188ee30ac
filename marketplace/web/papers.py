"""Papers as PDF: a customer's receipt, a helper's statement of one booking or a year, and the bill for fees of cash visits."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, request
from flask_login import current_user

from marketplace import clock
from marketplace.db import by_public_id, db
from marketplace.domain.errors import N_, NotFound, WrongState
from marketplace.gateways.papers.drawing import to_pdf
from marketplace.models import User
from marketplace.queries import papers
from marketplace.queries.ledger import story
from marketplace.web import paper_words
from marketplace.web.access import helper_only, operator_only, signed_in

bp = Blueprint("papers", __name__)

FIRST_YEAR = 2020  # there was nothing before


@bp.get("/bookings/<public_id>/receipt")
@signed_in
def receipt(public_id: str) -> Response:
    """What the customer of a booking paid, and what went back."""
    return _pdf(receipt_pdf(public_id, current_user), f"receipt-{public_id}")


@bp.get("/bookings/<public_id>/statement")
@signed_in
def statement(public_id: str) -> Response:
    """What a booking brought its helper: price, fee, net, and when it was sent."""
    return _pdf(statement_pdf(public_id, current_user), f"statement-{public_id}")


@bp.get("/my-statement")
@helper_only
def my_year() -> Response:
    """The helper's own year."""
    return _year(current_user)


@bp.get("/operator/people/<public_id>/statement")
@operator_only("agent")
def year_of_person(public_id: str) -> Response:
    """A helper's year, for the operator."""
    return _year(by_public_id(db.session, User, public_id))


@bp.get("/my-bill")
@helper_only
def my_bill() -> Response:
    """What the helper owes for visits paid in cash, as a Swiss QR-bill."""
    return _bill(current_user)


@bp.get("/operator/people/<public_id>/bill")
@operator_only("agent")
def bill_of_person(public_id: str) -> Response:
    """The same, for the operator."""
    return _bill(by_public_id(db.session, User, public_id))


def _year(helper: User) -> Response:
    """The statement of the year that the address names (`2026`, `last`), else of this one; midnight is the operator's."""
    first, last = FIRST_YEAR, clock.now().astimezone(_zone()).year
    asked = request.args.get("year", str(last))
    asked = str(last - 1) if asked == "last" else asked
    if not re.fullmatch(r"[0-9]{4}", asked) or not first <= int(asked) <= last:
        raise NotFound()
    since, until = (datetime(int(asked) + more, 1, 1, tzinfo=_zone()).astimezone(UTC) for more in (0, 1))
    read = papers.year_of(db.session, helper, since, until)
    return _pdf(to_pdf(paper_words.year(read, int(asked))), f"statement-{asked}-{helper.public_id}")


def _bill(helper: User) -> Response:
    """Raises WrongState when nothing is owed, or the operator has named no account for it."""
    account = current_app.config["OPERATOR_IBAN"]
    read = papers.owing_of(db.session, helper)
    if not read.cents:
        raise WrongState(N_("Nothing is owed: there is no bill to pay."))
    if not account:
        raise WrongState(
            N_("There is no bill, because no account for it is named yet. What is owed is kept back later.")
        )
    return _pdf(to_pdf(paper_words.bill(read, account)), f"bill-{helper.public_id}")


def receipt_pdf(public_id: str, reader: User) -> bytes:
    """The receipt of a booking as its reader may have it; raises NotFound, WrongState."""
    read = papers.receipt_of(db.session, public_id, reader)
    return to_pdf(paper_words.receipt(read, story(db.session, read.booking)))


def statement_pdf(public_id: str, reader: User) -> bytes:
    """The statement of a booking as its reader may have it; raises NotFound, WrongState."""
    return to_pdf(paper_words.statement(papers.statement_of(db.session, public_id, reader)))


def _pdf(pdf: bytes, name: str) -> Response:
    return Response(
        pdf,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
    )


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["TIME_ZONE"])
