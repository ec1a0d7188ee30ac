"""The sandbox gateway: play money, payment pages of our own, books of its own. It refuses to run in production."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.gateways.payments import Checkout, CheckoutFact, CheckoutRequest, GatewayRefused
from marketplace.ids import public_id
from marketplace.models import SandboxCheckout, SandboxRefund


class SandboxGateway:
    """Behaves as a payment gateway would: its books are written in transactions of its own, by itself only."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.allowed = settings["ENVIRONMENT"] != "production"

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page, or give back the one that this key opened before; raises GatewayRefused."""
        with self._books() as session:
            page = session.scalar(select(SandboxCheckout).where(SandboxCheckout.idempotency_key == request.key))
            if page is None:
                page = SandboxCheckout(
                    reference=f"sandbox-{public_id()}",
                    idempotency_key=request.key,
                    amount_cents=request.amount_cents,
                    currency=request.currency,
                    description=request.description[:200],
                    return_url=request.return_url,
                    outcome="open",
                    created_at=clock.now(),
                )
                session.add(page)
                session.flush()
            elif (page.amount_cents, page.currency) != (request.amount_cents, request.currency):
                raise GatewayRefused("this key was used for another amount")
            return Checkout(page.reference, f"/sandbox/checkouts/{page.reference}")

    def read_checkout(self, reference: str) -> CheckoutFact:
        """How this payment page stands now; raises GatewayRefused."""
        with self._books() as session:
            page = self._page(session, reference)
            outcome = cast(Literal["open", "paid", "declined", "abandoned"], page.outcome)
            return CheckoutFact(f"{reference}:{outcome}", reference, outcome, page.amount_cents, page.currency)

    def refund(self, reference: str, cents: int, *, key: str) -> None:
        """Give money back, once per key; raises GatewayRefused."""
        with self._books() as session:
            if session.scalar(select(SandboxRefund.id).where(SandboxRefund.idempotency_key == key)):
                return
            given = session.execute(
                update(SandboxCheckout)
                .where(
                    SandboxCheckout.reference == reference,
                    SandboxCheckout.outcome == "paid",
                    SandboxCheckout.amount_cents - SandboxCheckout.refunded_cents >= cents,
                )
                .values(refunded_cents=SandboxCheckout.refunded_cents + cents)
            )
            if given.rowcount != 1:  # type: ignore[attr-defined]
                raise GatewayRefused("nothing was paid there, or less than is to be given back")
            session.add(SandboxRefund(idempotency_key=key, reference=reference, amount_cents=cents, at=clock.now()))

    def page(self, reference: str) -> SandboxCheckout | None:
        """The payment page itself, for the sandbox's own view."""
        with self._books() as session:
            return session.scalar(select(SandboxCheckout).where(SandboxCheckout.reference == reference))

    def end(self, reference: str, outcome: Literal["paid", "declined", "abandoned"]) -> str:
        """What the customer did on the payment page; gives the address to lead back to. A page that has ended stays so."""
        with self._books() as session:
            session.execute(
                update(SandboxCheckout)
                .where(SandboxCheckout.reference == reference, SandboxCheckout.outcome == "open")
                .values(outcome=outcome, ended_at=clock.now())
            )
            return self._page(session, reference).return_url

    @contextmanager
    def _books(self) -> Iterator[Session]:
        """The sandbox's own transaction, on a connection of its own: what it keeps does not hang on ours."""
        if not self.allowed:
            raise GatewayRefused("the sandbox of play money does not run in production")
        options = {"sqlite_begin": "IMMEDIATE"}
        with db.engine.execution_options(**options).connect() as connection, connection.begin():
            with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
                yield session
                session.commit()

    def _page(self, session: Session, reference: str) -> SandboxCheckout:
        page = session.scalar(select(SandboxCheckout).where(SandboxCheckout.reference == reference))
        if page is None:
            raise GatewayRefused("no such payment page")
        return page
