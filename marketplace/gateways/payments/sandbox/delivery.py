"""The sandbox's events on their way to our own webhook: signed as Stripe signs, again and again until they are taken.

The worker delivers them, never a request. They are leased first, so that a kill in between delivers again and loses nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import stripe
from sqlalchemy import func, select, update

from marketplace.gateways.payments import Endpoint
from marketplace.gateways.payments.sandbox import checkout_sessions
from marketplace.gateways.payments.sandbox.store import Store
from marketplace.models import SandboxEvent

# Takes path, raw body and headers; gives the status, or raises OSError.
Send = Callable[[str, bytes, Mapping[str, str]], int]

WEBHOOK_PATHS: dict[Endpoint, str] = {"platform": "/webhooks/stripe/platform", "connect": "/webhooks/stripe/connect"}
WAIT_FIRST, WAIT_MAX = timedelta(seconds=2), timedelta(seconds=30)  # Stripe waits for longer, up to three days in all
GIVEN_UP_AFTER = timedelta(days=3)


@dataclass(frozen=True)
class _Delivery:
    reference: str
    endpoint: Endpoint
    body: str


class Delivery(Store):
    """The way of the events."""

    secrets: Mapping[Endpoint, str]

    def deliver(self, send: Send, *, limit: int = 100, now: datetime | None = None) -> int:
        """Deliver what is due, at most `limit`; expire the pages whose time is over. Gives how many were taken."""
        taken = 0
        for event in self._leased(limit, now):
            if self._sent(send, event):
                self._mark(event.reference)
                taken += 1
        return taken

    def waiting(self) -> int:
        """How many events are still to be delivered."""
        with self.books() as books:
            asked = select(func.count(SandboxEvent.id)).where(SandboxEvent.delivered_at.is_(None))
            return books.session.scalar(asked) or 0

    def skip_events(self) -> int:
        """Let nothing of before be delivered any more: for the demo's past; gives how many were waiting."""
        with self.books() as books:
            waiting = update(SandboxEvent).where(SandboxEvent.delivered_at.is_(None))
            return books.session.execute(waiting.values(delivered_at=books.now)).rowcount  # type: ignore[attr-defined]

    def redeliver(self, since: datetime | None = None) -> int:
        """Let all events, or those since a moment, be delivered once more, lost ones too; gives how many."""
        with self.books() as books:
            again = update(SandboxEvent).values(delivered_at=None, due_at=books.now, attempts=0, copies=1)
            if since is not None:
                again = again.where(SandboxEvent.created_at >= since)
            return books.session.execute(again).rowcount  # type: ignore[attr-defined]

    def signed(self, body: str, endpoint: Endpoint) -> Mapping[str, str]:
        """The headers of a delivery, signed by the time of the machine: the library believes no other."""
        signature = stripe.WebhookSignature.generate_signature_header(body, self.secrets[endpoint])
        return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}

    def _leased(self, limit: int, moment: datetime | None) -> list[_Delivery]:
        """Take what is due, so that it comes again by itself when we are killed."""
        with self.books() as books:
            checkout_sessions.expire_due(books)
            now = moment or books.now
            asked = select(SandboxEvent).where(SandboxEvent.delivered_at.is_(None), SandboxEvent.due_at <= now)
            rows = list(books.session.scalars(asked.order_by(SandboxEvent.due_at, SandboxEvent.id).limit(limit)))
            for row in rows:
                row.attempts += 1
                row.due_at = now + min(WAIT_FIRST * 2 ** min(row.attempts - 1, 10), WAIT_MAX)
                if now - row.created_at > GIVEN_UP_AFTER and row.attempts > 1:
                    row.delivered_at = now  # nobody has taken it for days
            return [_Delivery(row.reference, row.endpoint, row.body) for row in rows]  # type: ignore[arg-type]

    def _sent(self, send: Send, event: _Delivery) -> bool:
        try:
            status = send(WEBHOOK_PATHS[event.endpoint], event.body.encode(), self.signed(event.body, event.endpoint))
        except OSError:
            return False
        return 200 <= status < 300

    def _mark(self, reference: str) -> None:
        """One copy has arrived; a second one follows at once."""
        with self.books() as books:
            row = books.session.scalars(select(SandboxEvent).where(SandboxEvent.reference == reference)).one()
            row.copies -= 1
            if row.copies > 0:
                row.due_at = books.now
            else:
                row.delivered_at = books.now
