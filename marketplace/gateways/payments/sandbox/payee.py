"""What a helper does on the sandbox's pages: give what an account needs, look at the payouts."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from marketplace.gateways.payments.sandbox import accounts
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.store import Store
from marketplace.models import SandboxObject


@dataclass(frozen=True)
class OnboardingPage:
    """What stands on an onboarding page; one that is used or too old leads to `refresh_url`."""

    account: str
    email: str
    missing: tuple[str, ...]
    return_url: str
    refresh_url: str
    is_usable: bool


@dataclass(frozen=True)
class AccountPage:
    """What a helper sees of their account."""

    account: str
    email: str
    available_cents: int
    pending_cents: int
    currency: str


class Payee(Store):
    """The helper's door."""

    def onboarding(self, token: str) -> OnboardingPage | None:
        """The onboarding page behind this address."""
        with self.books() as books:
            link = _link(books, "account_link", token)
            return None if link is None else _onboarding(books, link)

    def finish_onboarding(self, token: str, *, complete: bool = True) -> str:
        """Hand in what the page asks for, or only a part; gives the address to lead back to. A page is used once."""
        with self.books() as books:
            link = _link(books, "account_link", token)
            if link is None:
                raise LookupError(token)
            page = _onboarding(books, link)
            if not page.is_usable:
                return page.refresh_url
            books.remember(link, is_used=True)
            _hand_in(books, accounts.reached(books, page.account), complete=complete)
            return page.return_url

    def onboard(self, account: str, *, complete: bool = True) -> None:
        """Hand in all that an account needs, or only a part, without a page."""
        with self.books() as books:
            _hand_in(books, accounts.reached(books, account), complete=complete)

    def account_page(self, token: str) -> AccountPage | None:
        """A helper's own page behind this address."""
        with self.books() as books:
            link = _link(books, "login_link", token)
            if link is None or link.parent is None:
                return None
            account = accounts.reached(books, link.parent)
            currency = account.data["default_currency"]
            available, pending = books.balances(account.reference).get(currency, (0, 0))
            return AccountPage(account.reference, account.data["email"], available, pending, currency.upper())

    def restrict(self, account: str) -> None:
        """Stripe wants another paper: no money reaches the account until it is there."""
        with self.books() as books:
            _become(books, accounts.reached(books, account), missing=accounts.SECOND_STEP, capability="inactive")

    def disconnect(self, account: str) -> None:
        """The account is taken away from us."""
        with self.books() as books:
            row = accounts.reached(books, account)
            books.remember(row, is_gone=True)
            application = {"id": "ca_sandbox", "object": "application", "name": "Sandbox"}
            books.tell("account.application.deauthorized", application, account=account)


def _hand_in(books: Books, account: SandboxObject, *, complete: bool) -> None:
    if complete:
        _become(books, account, missing=(), capability="active")
    else:
        _become(books, account, missing=accounts.SECOND_STEP, capability="pending")


def _become(books: Books, account: SandboxObject, *, missing: tuple[str, ...], capability: str) -> None:
    books.change(
        account,
        details_submitted=True,
        payouts_enabled=not missing,
        capabilities={"transfers": capability},
        requirements=accounts.requirements(missing),
    )
    books.tell("account.updated", account.data, account=account.reference)


def _link(books: Books, kind: str, token: str) -> SandboxObject | None:
    return books.session.scalar(select(SandboxObject).where(SandboxObject.kind == kind, SandboxObject.bundle == token))


def _onboarding(books: Books, link: SandboxObject) -> OnboardingPage:
    account = accounts.reached(books, link.parent or "")
    is_over = datetime.fromtimestamp(link.data["expires_at"], UTC) <= books.now
    return OnboardingPage(
        account=account.reference,
        email=account.data["email"],
        missing=tuple(account.data["requirements"]["currently_due"]),
        return_url=link.hidden["return_url"],
        refresh_url=link.hidden["refresh_url"],
        is_usable=not (is_over or link.hidden["is_used"]),
    )
