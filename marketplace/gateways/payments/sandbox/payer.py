"""What a payer does on the sandbox's payment page: read it, pay, or leave."""

from dataclasses import dataclass
from datetime import UTC, datetime

from marketplace.gateways.payments.sandbox import charges, checkout_sessions, payment_intents, setup_intents
from marketplace.gateways.payments.sandbox.answers import ApiError
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.cards import CARDS
from marketplace.gateways.payments.sandbox.customers import add_method
from marketplace.gateways.payments.sandbox.routing import Data
from marketplace.gateways.payments.sandbox.store import Store
from marketplace.models import SandboxObject

TWINT = "twint"


class NoSuchCard(ValueError):
    """Neither a test card nor a way to pay that this page takes."""


@dataclass(frozen=True)
class PaymentPage:
    """What stands on a payment page; `reason` is why the last try failed."""

    reference: str
    amount_cents: int
    currency: str
    description: str
    methods: tuple[str, ...]
    saves_card: bool
    is_open: bool
    way_back: str
    expires_at: datetime
    reason: str | None


@dataclass(frozen=True)
class Ending:
    """Where to lead the payer now, or why they are still here."""

    url: str | None
    reason: str | None = None


class Payer(Store):
    """The payer's door."""

    def page(self, reference: str) -> PaymentPage | None:
        """A payment page as it stands now."""
        with self.books() as books:
            session = _session(books, reference)
            return None if session is None else _page(books, session)

    def pay(self, reference: str, method: str, *, confirms: bool = True) -> Ending:
        """Pay with a test card's number or "twint"; whether its owner `confirms` counts where the card or TWINT asks.

        A page that has ended stays so. Raises NoSuchCard, ApiError.
        """
        with self.books() as books:
            session = checkout_sessions.current(books, reference)
            if session.data["status"] != "open":
                return Ending(_way_back(session))
            kind = TWINT if method == TWINT else "card"
            if kind not in session.data["payment_method_types"] or (kind == "card" and method not in CARDS):
                raise NoSuchCard(method)
            pay = _pay if session.data["mode"] == "payment" else _keep
            return pay(books, session, None if kind == TWINT else method, confirms=confirms)

    def abandon(self, reference: str) -> str:
        """Leave without paying; the page stays open until its time is over. Gives the address to lead back to."""
        with self.books() as books:
            return _way_back(checkout_sessions.current(books, reference))


def _session(books: Books, reference: str) -> SandboxObject | None:
    try:
        return checkout_sessions.current(books, reference)
    except ApiError:
        return None


def _page(books: Books, session: SandboxObject) -> PaymentPage:
    shown, total = session.data, session.data["amount_total"]
    attempt = shown["payment_intent"] or shown["setup_intent"]
    error: Data = {}
    if attempt is not None:
        made = books.get("payment_intent" if shown["payment_intent"] else "setup_intent", attempt).data
        error = made.get("last_payment_error") or made.get("last_setup_error") or {}
    return PaymentPage(
        reference=session.reference,
        amount_cents=int(shown["metadata"].get("amount", 0)) if total is None else total,
        currency=shown["currency"].upper(),
        description=session.hidden["name"] or session.hidden["setup"].get("description", ""),
        methods=tuple(shown["payment_method_types"]),
        saves_card=shown["mode"] == "setup",
        is_open=shown["status"] == "open",
        way_back=_way_back(session),
        expires_at=datetime.fromtimestamp(shown["expires_at"], UTC),
        reason=error.get("decline_code") or error.get("code"),
    )


def _pay(books: Books, session: SandboxObject, number: str | None, *, confirms: bool) -> Ending:
    """Try to pay; the intent is made at the first try, as Stripe does."""
    shown = session.data
    if shown["payment_intent"] is None:
        asked = {"amount": shown["amount_total"], "currency": shown["currency"], "customer": shown["customer"]}
        intent = payment_intents.add(
            books, {**asked, **session.hidden["intent"], "payment_method_types": shown["payment_method_types"]}
        )
        books.change(session, payment_intent=intent.reference)
    else:
        intent = books.get("payment_intent", shown["payment_intent"])
    error = charges.attempt(books, intent, add_method(books, number), is_present=True, confirms=confirms)
    if error is not None:
        return Ending(None, error.get("decline_code") or error["code"])
    checkout_sessions.complete(books, session, payment_status="paid")
    return Ending(_way_back(session))


def _keep(books: Books, session: SandboxObject, number: str | None, *, confirms: bool) -> Ending:
    """Try to keep a card."""
    shown, customer = session.data, session.data["customer"]
    if shown["setup_intent"] is None:
        intent = setup_intents.add(books, session.hidden["setup"], customer)
        books.change(session, setup_intent=intent.reference)
    else:
        intent = books.get("setup_intent", shown["setup_intent"])
    method = add_method(books, number, customer)
    error = charges.refusal(method, is_present=True, confirms=confirms)
    if error is not None:
        books.change(intent, last_setup_error=error)
        return Ending(None, error.get("decline_code") or error["code"])
    books.change(intent, status="succeeded", payment_method=method.reference, last_setup_error=None)
    checkout_sessions.complete(books, session)
    return Ending(_way_back(session))


def _way_back(session: SandboxObject) -> str:
    """Where Stripe leads the payer to."""
    is_done = session.data["status"] == "complete"
    address = session.data["success_url" if is_done else "cancel_url"] or session.data["success_url"]
    return str(address).replace("{CHECKOUT_SESSION_ID}", session.reference)
