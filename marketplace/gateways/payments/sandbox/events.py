"""The sandbox's events as its API shows them."""

import json

from sqlalchemy import select

from marketplace.gateways.payments.sandbox.answers import no_such
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.params import EXPAND
from marketplace.gateways.payments.sandbox.routing import Data, Route
from marketplace.models import SandboxEvent


def retrieve(books: Books, given: Data, reference: str) -> Data:
    """One event."""
    row = books.session.scalar(select(SandboxEvent).where(SandboxEvent.reference == reference))
    if row is None:
        raise no_such("event", reference)
    told: Data = json.loads(row.body)
    return told


ROUTES = (Route("events.retrieve", "get", "/v1/events/{}", retrieve, EXPAND),)
