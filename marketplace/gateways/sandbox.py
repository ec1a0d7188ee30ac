"""The sandbox gateway: play money, payment pages of our own, books of its own. It refuses to run in production."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.db import db
from marketplace.gateways.payments import Checkout, CheckoutFact, CheckoutRequest, GatewayRefused
from marketplace.ids import public_id
from marketplace.models import SandboxCheckout, SandboxRefund

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"

Ending = Literal["paid", "declined", "abandoned"]


class SandboxGateway:
    """Behaves as a payment gateway would: its books are written in transactions of its own, by itself only."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.allowed = settings["ENVIRONMENT"] != "production"

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page, or give back the one that this key opened before; raises GatewayRefused."""
        try:
            with self._books() as books:
                page = _opened_by(books, request.key) or _open(books, request)
        except IntegrityError:  # the same key at the same instant: the other one has opened the page
            with self._books() as books:
                page = cast(SandboxCheckout, _opened_by(books, request.key))
        if (page.amount_cents, page.currency) != (request.amount_cents, request.currency):
            raise GatewayRefused("this key was used for another amount")
        return Checkout(page.reference, f"/sandbox/checkouts/{page.reference}")

    def find_checkout(self, key: str) -> str | None:
        """The reference of the page that this key opened, if it did; raises GatewayRefused."""
        with self._books() as books:
            page = _opened_by(books, key)
            return page.reference if page else None

    def read_checkout(self, reference: str) -> CheckoutFact:
        """How this payment page stands now; raises GatewayRefused."""
        with self._books() as books:
            return _fact(_page(books, reference))

    def close_checkout(self, reference: str) -> CheckoutFact:
        """Close a page that is still open; says how it ended; raises GatewayRefused."""
        with self._books() as books:
            _end(books, reference, "abandoned")
            return _fact(_page(books, reference))

    def refund(self, reference: str, cents: int, *, key: str) -> None:
        """Give money back, once per key; raises GatewayRefused."""
        with self._books() as books:
            if books.scalar(select(SandboxRefund.id).where(SandboxRefund.idempotency_key == key)):
                return
            given = books.execute(
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
            books.add(SandboxRefund(idempotency_key=key, reference=reference, amount_cents=cents, at=clock.now()))

    def page(self, reference: str) -> SandboxCheckout | None:
        """The payment page itself, for the sandbox's own view."""
        with self._books() as books:
            return books.scalar(select(SandboxCheckout).where(SandboxCheckout.reference == reference))

    def pay(self, reference: str, card: str) -> str:
        """Pay with the number of a test card; gives the address to lead back to. A page that has ended stays so."""
        return self._leave(reference, "paid" if card == GOOD_CARD else "declined")

    def abandon(self, reference: str) -> str:
        """Leave the page without paying; gives the address to lead back to."""
        return self._leave(reference, "abandoned")

    def _leave(self, reference: str, ending: Ending) -> str:
        with self._books() as books:
            _end(books, reference, ending)
            return _page(books, reference).return_url

    @contextmanager
    def _books(self) -> Iterator[Session]:
        """The sandbox's own transaction, on a connection of its own: what it keeps does not hang on ours."""
        if not self.allowed:
            raise GatewayRefused("the sandbox of play money does not run in production")
        if _is_writing(db.session):
            raise RuntimeError("a gateway is called between transactions, never inside one")
        engine = db.engine.execution_options(sqlite_begin="IMMEDIATE")
        with Session(engine, expire_on_commit=False) as books, books.begin():
            yield books


def _is_writing(session: Session) -> bool:
    """Whether one of our writing transactions is open here."""
    return session.in_transaction() and session.connection().get_execution_options().get("sqlite_begin") == "IMMEDIATE"


def _opened_by(books: Session, key: str) -> SandboxCheckout | None:
    return books.scalar(select(SandboxCheckout).where(SandboxCheckout.idempotency_key == key))


def _open(books: Session, request: CheckoutRequest) -> SandboxCheckout:
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
    books.add(page)
    books.flush()
    return page


def _end(books: Session, reference: str, outcome: Ending) -> None:
    """End an open page, by a guarded UPDATE: of two endings at the same instant the first one counts."""
    books.execute(
        update(SandboxCheckout)
        .where(SandboxCheckout.reference == reference, SandboxCheckout.outcome == "open")
        .values(outcome=outcome, ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def _page(books: Session, reference: str) -> SandboxCheckout:
    page = books.scalar(select(SandboxCheckout).where(SandboxCheckout.reference == reference))
    if page is None:
        raise GatewayRefused("no such payment page")
    return page


def _fact(page: SandboxCheckout) -> CheckoutFact:
    outcome = cast(Literal["open", "paid", "declined", "abandoned"], page.outcome)
    return CheckoutFact(f"{page.reference}:{outcome}", page.reference, outcome, page.amount_cents, page.currency)
