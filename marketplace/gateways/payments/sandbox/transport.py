"""The transport under the official library: what the library would send to Stripe is worked off here, in our own database."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from marketplace.gateways.payments.sandbox import (
    accounts,
    balance,
    charges,
    checkout_sessions,
    customers,
    disputes,
    events,
    keys,
    payment_intents,
    refunds,
    setup_intents,
    transfers,
)
from marketplace.gateways.payments.sandbox.answers import ApiError, failure, invalid, too_many
from marketplace.gateways.payments.sandbox.books import Books, new_reference
from marketplace.gateways.payments.sandbox.expansion import expanded
from marketplace.gateways.payments.sandbox.faults import Faults
from marketplace.gateways.payments.sandbox.params import parse, read
from marketplace.gateways.payments.sandbox.routing import Route
from marketplace.gateways.payments.sandbox.store import Store
from marketplace.gateways.payments.sandbox.switches import Fault

ROUTES: tuple[Route, ...] = (
    *accounts.ROUTES,
    *balance.ROUTES,
    *charges.ROUTES,
    *checkout_sessions.ROUTES,
    *customers.ROUTES,
    *disputes.ROUTES,
    *events.ROUTES,
    *payment_intents.ROUTES,
    *refunds.ROUTES,
    *setup_intents.ROUTES,
    *transfers.ROUTES,
)
SANDBOX_KEY = "sk_test_sandbox"

Answer = tuple[str, int, Mapping[str, str]]


class SandboxTransport(stripe.HTTPClient):
    """Answers as Stripe would: the change, its line in the books, its events and its key are one transaction."""

    name = "sandbox"

    def __init__(self, store: Store, faults: Faults) -> None:
        super().__init__()
        self.store, self.faults = store, faults

    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> Answer:
        """One call of the library."""
        parts, headers = urlsplit(url), headers or {}
        found = _route(method, parts.path)
        fault = self.faults.next(found[0].name) if found else None
        if fault == "reset":
            raise stripe.APIConnectionError("Connection reset by the sandbox.", should_retry=True)
        status, body, is_replay = self._answered(found, headers, post_data or parts.query, fault)
        if fault == "timeout_after":
            raise stripe.APIConnectionError("The sandbox's answer got lost.", should_retry=True)
        told = {"request-id": new_reference("req"), "content-type": "application/json"}
        return body, status, told | ({"idempotent-replayed": "true"} if is_replay else {})

    def close(self) -> None:
        """Nothing is held open."""

    def _answered(
        self, found: tuple[Route, tuple[str, ...]] | None, headers: Mapping[str, str], form: str, fault: Fault | None
    ) -> tuple[int, str, bool]:
        """Status, body, and whether it was answered before."""
        try:
            if headers.get("Authorization") != f"Bearer {SANDBOX_KEY}":
                raise ApiError(401, "invalid_request_error", "Invalid API Key provided.")
            if found is None:
                raise ApiError(404, "invalid_request_error", "Unrecognized request URL.")
            if fault == "rate_limited":
                raise too_many()
            with self.store.books() as books:
                return self._worked_off(books, found, headers, form, fault)
        except ApiError as error:
            return error.status, json.dumps(error.body), False

    def _worked_off(
        self,
        books: Books,
        found: tuple[Route, tuple[str, ...]],
        headers: Mapping[str, str],
        form: str,
        fault: Fault | None,
    ) -> tuple[int, str, bool]:
        route, names = found
        given = parse(form)
        key = headers.get("Idempotency-Key") if route.method == "post" else None
        if key and len(key) > keys.LENGTH_MAX:
            raise invalid(f"Idempotency keys have at most {keys.LENGTH_MAX} characters.")
        asked = keys.fingerprint(route.method, f"{route.path} {names}", given)
        known = keys.remembered(books, key, asked) if key else None
        if known is not None:
            return known.status, known.body, True
        books.key = key
        status, answer, is_stored = _tried(books, route, names, given, fault)
        body = json.dumps(answer)
        if key and is_stored:
            keys.remember(books, key, asked, status, body)
        return status, body, False


def _tried(
    books: Books, route: Route, names: tuple[str, ...], given: dict[str, Any], fault: Fault | None
) -> tuple[int, dict[str, Any], bool]:
    """Do it; what was begun and refused is undone, but for the traces that a decline leaves."""
    savepoint = books.session.begin_nested()
    try:
        if fault == "server_error":
            raise failure()
        typed = read(route.shape, given)
        answer = expanded(books, route.handler(books, typed, *names), typed.get("expand", []))
        savepoint.commit()
        if fault == "server_error_after":
            raise failure()
        return 200, answer, True
    except ApiError as error:
        if savepoint.is_active:
            _ = savepoint.commit() if error.keeps else savepoint.rollback()
        return error.status, error.body, error.is_stored


def _route(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    for route in ROUTES:
        if route.method == method.lower():
            names = route.names_in(path)
            if names is not None:
                return route, names
    return None
