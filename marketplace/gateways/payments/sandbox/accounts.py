"""The sandbox's accounts of helpers: opened by us, filled in by them, ready for transfers once nothing is missing."""

from datetime import timedelta
from typing import Any

from marketplace.gateways.payments.sandbox.answers import ApiError, impossible, invalid
from marketplace.gateways.payments.sandbox.books import Books, new_reference
from marketplace.gateways.payments.sandbox.params import EXPAND, email, metadata, one_of, text, url, yes_no
from marketplace.gateways.payments.sandbox.routing import Data, Route
from marketplace.models import SandboxObject

ONBOARDING, DASHBOARD = "/sandbox/onboarding/{}", "/sandbox/accounts/{}"
LINK_LIFE = timedelta(minutes=5)
# What a person in Switzerland is asked for; the second step asks for a paper.
FIRST_STEP = (
    "business_profile.url",
    "external_account",
    "individual.dob.day",
    "individual.first_name",
    "individual.last_name",
    "tos_acceptance.date",
)
SECOND_STEP = ("individual.verification.document",)


def create(books: Books, given: Data) -> Data:
    """Open an account that nobody has filled in yet."""
    if given["country"] != "CH":
        raise invalid(
            f"Country '{given['country']}' is unknown here: accounts are for CH.", "country_unsupported", "country"
        )
    wants_transfers = given.get("capabilities", {}).get("transfers", {}).get("requested", False)
    data: dict[str, Any] = {
        "business_profile": None,
        "business_type": None,
        "capabilities": {"transfers": "inactive"} if wants_transfers else {},
        "charges_enabled": False,
        "controller": {
            "fees": given["controller"]["fees"],
            "is_controller": True,
            "losses": given["controller"]["losses"],
            "requirement_collection": "stripe",
            "stripe_dashboard": given["controller"]["stripe_dashboard"],
            "type": "application",
        },
        "country": given["country"],
        "default_currency": "chf",
        "details_submitted": False,
        "email": given.get("email"),
        "external_accounts": {"object": "list", "data": [], "has_more": False, "url": ""},
        "metadata": given.get("metadata", {}),
        "payouts_enabled": False,
        "requirements": requirements(FIRST_STEP),
        "type": "express",
    }
    account = books.add("account", "acct", data, hidden={"is_gone": False})
    nothing = {
        "object": "list",
        "data": [],
        "has_more": False,
        "url": f"/v1/accounts/{account.reference}/external_accounts",
    }
    books.change(account, external_accounts=nothing)
    return account.data


def requirements(due: tuple[str, ...]) -> Data:
    """What is missing, as the API shows it."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": "requirements.past_due" if due else None,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


def retrieve(books: Books, given: Data, reference: str) -> Data:
    """An account; raises ApiError when it is no longer ours."""
    return reached(books, reference).data


def reached(books: Books, reference: str, param: str = "account") -> SandboxObject:
    """An account that is still connected to us; raises ApiError."""
    account = books.find("account", reference)
    if account is None or account.hidden["is_gone"]:
        message = f"The provided key does not have access to account '{reference}' (or that account does not exist)."
        raise ApiError(403, "invalid_request_error", message, code="account_invalid", param=param)
    return account


def demand_transfers(books: Books, reference: str) -> None:
    """Refuse an account that no money can reach; raises ApiError."""
    account = books.find("account", reference)
    if account is None or account.hidden["is_gone"]:
        raise impossible(f"No such destination: '{reference}'", "resource_missing", "destination")
    if account.data["capabilities"].get("transfers") != "active":
        raise impossible(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments",
            "insufficient_capabilities_for_transfer",
        )


def link(books: Books, given: Data) -> Data:
    """The address of an onboarding page, for one use and a few minutes."""
    account = reached(books, given["account"])
    token = new_reference("link")
    ends_at = books.now + LINK_LIFE
    data = {"expires_at": int(ends_at.timestamp()), "url": ONBOARDING.format(token)}
    hidden = {"token": token, "return_url": given["return_url"], "refresh_url": given["refresh_url"], "is_used": False}
    made = books.add("account_link", "alink", data, parent=account.reference, bundle=token, hidden=hidden)
    return {name: value for name, value in made.data.items() if name != "id"}


def login_link(books: Books, given: Data, reference: str) -> Data:
    """The address of a helper's own page, for one use."""
    account = reached(books, reference)
    if not account.data["details_submitted"]:
        raise impossible("Cannot create a login link for an account that has not completed onboarding.")
    token = new_reference("login")
    data = {"url": DASHBOARD.format(token)}
    made = books.add("login_link", "llink", data, parent=account.reference, bundle=token, hidden={"is_used": False})
    return {name: value for name, value in made.data.items() if name != "id"}


CREATE = {
    "country!": text,
    "email": email,
    "controller!": {
        "fees!": {"payer!": one_of("application")},
        "losses!": {"payments!": one_of("application")},
        "stripe_dashboard!": {"type!": one_of("express")},
    },
    "capabilities": {"transfers": {"requested": yes_no}},
    "metadata": metadata,
    **EXPAND,
}
LINK = {
    "account!": text,
    "type!": one_of("account_onboarding", "account_update"),
    "return_url!": url,
    "refresh_url!": url,
    **EXPAND,
}

ROUTES = (
    Route("accounts.create", "post", "/v1/accounts", create, CREATE),
    Route("accounts.retrieve", "get", "/v1/accounts/{}", retrieve, EXPAND),
    Route("account_links.create", "post", "/v1/account_links", link, LINK),
    Route("accounts.login_links.create", "post", "/v1/accounts/{}/login_links", login_link, EXPAND),
)
