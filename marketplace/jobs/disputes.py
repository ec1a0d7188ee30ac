"""Disputes between our transactions: handing in what we know about a visit, and booking what the gateway says of it."""

from marketplace.actions import disputes, journal
from marketplace.db import by_public_id, db, transaction
from marketplace.gateways.payments import PaymentGateway
from marketplace.models import Dispute, User
from marketplace.queries.disputes import evidence_of


def answer(public_id: str, gateway: PaymentGateway, *, by: User, note: str) -> None:
    """Hand in the evidence of a dispute's booking, once; what the gateway says of it then is booked.

    Killed in between, the dispute stays open here until the gateway's own message closes it; asking again is asking for the same.
    Raises GatewayRefused, NotFound, NotAllowed, WrongState.
    """
    case = evidence_of(db.session, public_id, by=by, note=note)
    reference, key = case.dispute.reference, f"dispute-{case.dispute.id}"
    db.session.rollback()  # nothing stays open while we talk to the outside
    fact = gateway.answer_dispute(reference, case.evidence, key=key)
    with transaction() as session:
        disputes.record(session, fact)
        journal.record(session, "dispute_evidence_given", by_public_id(session, Dispute, public_id), by=by)
