"""Customers, helpers and moderators who use the web while it is killed under their hands: what is cut off is done again.

Each lane lives one visit after the other, form by form, over HTTP.
"""

import http.client
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import sleep
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, text

from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from tests.bench.accept_race import Browser

PRICE, EXTRA = 5_500, 2_000
TRIES = 60
# What each kind of visit must have come to in the end: booking, charges, refunds, the helper's net, ours; in cents.
ENDS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], int, int]] = {
    "signed_off": ("signed_off", (5500, 2000), (1000,), 4950 + 1800 - 600, 550 + 200 - 400),
    "cancelled": ("cancelled", (5500,), (5500,), 0, 0),
    "cancelled_late": ("cancelled", (5500,), (2750,), 2475, 275),
    "helper_cancels": ("cancelled", (5500,), (5500,), 0, 0),
    "not_solvable": ("not_solvable", (5500, 2000), (2000, 3500), 2000, 0),
    "unsolved": ("signed_off", (5500,), (3000,), 2000, 500),
    "vanished": ("signed_off", (5500,), (), 4950, 550),
    "second_thoughts": ("signed_off", (5500,), (), 4950, 550),
    "no_show": ("cancelled", (5500,), (), 4950, 550),
    "silent": ("signed_off", (5500,), (), 4950, 550),
}


@dataclass
class Score:
    """What was counted, and what was not as it must be."""

    operations: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class Odd(RuntimeError):
    """A page that was not expected: look again, and once more."""


class Web(Browser):
    """A browser that tells whether one of its forms is on its way."""

    def __init__(self, port: int, lane: "Lane") -> None:
        super().__init__(port)
        self.lane = lane

    def operate(self, method: str, path: str, values: dict[str, str] | None = None) -> tuple[int, str, str]:
        """A form that moves something, noted while it is under way."""
        self.lane.under_way = path
        try:
            answer = self.ask(method, path, {"csrf_token": self.token, **values} if values is not None else None)
        except (OSError, http.client.HTTPException):
            self.lane.was_cut = True
            raise
        finally:
            self.lane.under_way = None
        if answer[0] not in (200, 303, 402):
            raise Odd(f"{answer[0]} from {path}")
        return answer

    def form(self, page: str, path: str, **values: str) -> tuple[int, str, str]:
        """Open a page and send its form."""
        self.open(page)
        return self.operate("POST", path, values)


@dataclass(frozen=True)
class Visit:
    """A bid that is going to be accepted."""

    kind: str
    bid_id: int
    bid: str


class Lane:
    """A customer, a helper and a moderator, one visit after the other."""

    def __init__(self, port: int, engine: Engine, people: tuple[str, str, str], score: Score) -> None:
        self.engine, self.score = engine, score
        self.under_way: str | None = None
        self.was_cut = False
        self.operations = Counter[str]()
        self.customer, self.helper, self.moderator = (Web(port, self) for _ in people)
        self.people = dict(zip((self.customer, self.helper, self.moderator), people, strict=True))
        for browser, email in self.people.items():
            self._persist(lambda: False, lambda one=browser, mail=email: one.sign_in(mail), once=True)

    # ---- The stories

    def live(self, visit: Visit) -> None:
        """Live this visit as far as it goes today."""
        getattr(self, f"_{visit.kind}")(visit)

    def _signed_off(self, visit: Visit) -> None:
        self._visited(visit, extra=True)
        self._sign_off(visit)
        self._operation("refund", lambda: self._given_back(visit) == 1000, lambda: self._refund(visit))

    def _cancelled(self, visit: Visit) -> None:
        self._paid(visit)
        self._operation("cancel", self._in(visit, "cancelled"), lambda: self._cancel(self.customer, visit))

    _cancelled_late = _cancelled

    def _helper_cancels(self, visit: Visit) -> None:
        self._paid(visit)
        self._operation("cancel", self._in(visit, "cancelled"), lambda: self._cancel(self.helper, visit))

    def _not_solvable(self, visit: Visit) -> None:
        self._paid(visit)
        self._step(visit, "start", "started")
        self._extra(visit)
        words = {"note": "Das Gerät ist defekt."}
        self._operation(
            "give up", self._in(visit, "not_solvable"), lambda: self._tell(self.helper, visit, "not-solvable", **words)
        )

    def _unsolved(self, visit: Visit) -> None:
        self._visited(visit)
        note = {"note": "Es geht noch nicht."}
        self._operation(
            "report", self._in(visit, "unsolved"), lambda: self._tell(self.customer, visit, "unsolved", **note)
        )
        self._operation("settle", self._in(visit, "signed_off"), lambda: self._settle(visit))

    def _vanished(self, visit: Visit) -> None:
        """The customer pays and never comes back: the gateway's message or the worker finds out."""
        self._operation("accept", self._in(visit, "reserved", "confirmed"), lambda: self._accept(visit))
        self._operation("pay", lambda: self._is_paid_there(visit), lambda: self._pay(visit, comes_back=False))
        self._persist(self._in(visit, "confirmed"), lambda: sleep(0.5), tries=600)
        self._walk(visit)
        self._sign_off(visit)

    def _second_thoughts(self, visit: Visit) -> None:
        """Declined, given up, and accepted once more."""
        self._operation("accept", self._in(visit, "reserved"), lambda: self._accept(visit))
        self._operation("decline", lambda: False, lambda: self._pay(visit, card=DECLINED_CARD), once=True)
        self._operation("abandon", self._in(visit, "lapsed"), lambda: self._abandon(visit))
        self._visited(visit)
        self._sign_off(visit)

    def _no_show(self, visit: Visit) -> None:
        self._paid(visit)
        self._step(visit, "departure", "on_the_way")

    def _silent(self, visit: Visit) -> None:
        self._visited(visit)

    def live_later(self, visit: Visit) -> None:
        """What is done once the agreed time is over."""
        if visit.kind == "no_show":
            self._operation(
                "report absence", self._in(visit, "no_show"), lambda: self._tell(self.helper, visit, "absence")
            )

    def onboard(self) -> None:
        """The helper gives bank data."""
        self._operation("onboard", self._is_ready, self._give_bank_data)

    # ---- Their parts

    def _paid(self, visit: Visit) -> None:
        self._operation("accept", self._in(visit, "reserved", "confirmed"), lambda: self._accept(visit))
        self._operation("pay", self._in(visit, "confirmed"), lambda: self._pay(visit))

    def _walk(self, visit: Visit) -> None:
        self._step(visit, "departure", "on_the_way")
        self._step(visit, "start", "started")
        self._step(visit, "finish", "finished")

    def _visited(self, visit: Visit, *, extra: bool = False) -> None:
        self._paid(visit)
        self._step(visit, "departure", "on_the_way")
        self._step(visit, "start", "started")
        if extra:
            self._extra(visit)
        self._step(visit, "finish", "finished")

    def _sign_off(self, visit: Visit) -> None:
        self._operation(
            "sign off", self._in(visit, "signed_off"), lambda: self._press(self.customer, visit, "sign-off")
        )

    def _extra(self, visit: Visit) -> None:
        words = {"what": "Noch ein Gerät", "price": "20", "checked": "yes"}
        asked = lambda: self._extras(visit, "prepared", "held") == 1  # noqa: E731
        self._operation("ask extra", asked, lambda: self._tell(self.helper, visit, "extra", **words))
        self._operation("pay extra", lambda: self._extras(visit, "held") == 1, lambda: self._pay(visit))

    # ---- The forms

    def _accept(self, visit: Visit) -> None:
        page = self.customer.open(f"/bids/{visit.bid}/acceptance")
        terms = re.search(r'name="terms"[^>]*value="(\d+)"', page)[1]  # type: ignore[index]
        reach = {"address": "Rosenweg 3", "phone": "079 123 45 67", "terms": terms}
        self.customer.operate("POST", f"/bids/{visit.bid}/acceptance", reach)

    def _pay(self, visit: Visit, *, card: str = GOOD_CARD, comes_back: bool = True) -> None:
        booking = f"/bookings/{self._booking(visit)}"
        _, _, way = self.customer.form(booking, f"{booking}/payment")
        checkout = urlsplit(way).path
        self.customer.open(checkout)
        status, _, way = self.customer.operate("POST", f"{checkout}/ending", {"card": card})
        if comes_back and status == 303:
            self.customer.operate("GET", urlsplit(way).path)

    def _abandon(self, visit: Visit) -> None:
        booking = f"/bookings/{self._booking(visit)}"
        self.customer.form(booking, f"{booking}/abandonment")

    def _cancel(self, side: Web, visit: Visit) -> None:
        path = f"/bookings/{self._booking(visit)}/cancellation"
        page = side.open(path)
        shown = re.search(r'name="refund_cents"[^>]*value="(\d+)"', page)[1]  # type: ignore[index]
        side.operate("POST", path, {"refund_cents": shown, "agrees": "y"})

    def _tell(self, side: Web, visit: Visit, page: str, **words: str) -> None:
        path = f"/bookings/{self._booking(visit)}/{page}"
        side.form(path, path, **words)

    def _press(self, side: Web, visit: Visit, what: str) -> None:
        booking = f"/bookings/{self._booking(visit)}"
        side.form(booking, f"{booking}/{what}")

    def _step(self, visit: Visit, what: str, state: str) -> None:
        """A step of the visit moves no money, and is not counted."""
        self._persist(self._in(visit, state), lambda: self._press(self.helper, visit, what))

    def _settle(self, visit: Visit) -> None:
        page = f"/operator/bookings/{self._booking(visit)}"
        shares = {"in_favour_of": "both", "refund_cents": "30", "helper_cents": "20", "checked": "yes"}
        self.moderator.form(page, f"{page}/settlement", reason="Nach Gespräch mit beiden", **shares)

    def _refund(self, visit: Visit) -> None:
        page = f"/operator/payments/{self._paid_visit(visit)}/refund"
        amounts = {"refund_cents": "10", "from_helper_cents": "6", "checked": "yes"}
        self.moderator.form(page, page, reason="Kulanz", **amounts)

    def _give_bank_data(self) -> None:
        _, _, way = self.helper.form("/payouts/account", "/payouts/account")
        page = urlsplit(way).path
        self.helper.open(page)
        _, _, way = self.helper.operate("POST", f"{page}/completion", {})
        self.helper.operate("GET", urlsplit(way).path)

    # ---- Looking, and doing it again

    def _operation(self, what: str, is_done: Callable[[], bool], act: Callable[[], Any], *, once: bool = False) -> None:
        self._persist(is_done, act, once=once)
        self.operations[what] += 1

    def _persist(
        self, is_done: Callable[[], bool], act: Callable[[], Any], *, once: bool = False, tries: int = TRIES
    ) -> None:
        """Until it is done; with `once`, until it has been answered."""
        oddity: Exception | None = None
        for _ in range(tries):
            if is_done():
                return
            try:
                act()
            except (OSError, http.client.HTTPException):
                self.score.cut += 1
            except (Odd, RuntimeError, TypeError, AttributeError) as problem:  # not the page that was expected
                oddity = problem
            else:
                if once:
                    return
                continue
            for browser in self.people:
                browser.connection.close()
            sleep(0.1)
        if not is_done():
            raise RuntimeError(f"it was never done, at last: {oddity!r}")

    def _in(self, visit: Visit, *states: str) -> Callable[[], bool]:
        return lambda: (
            self._value("SELECT state FROM bookings WHERE bid_id = :bid ORDER BY id DESC LIMIT 1", visit) in states
        )

    def _booking(self, visit: Visit) -> str:
        return str(self._value("SELECT public_id FROM bookings WHERE bid_id = :bid ORDER BY id DESC LIMIT 1", visit))

    def _paid_visit(self, visit: Visit) -> str:
        return str(
            self._value(f"SELECT p.public_id FROM {PAYMENTS} AND p.kind = 'visit' AND p.intent IS NOT NULL", visit)
        )

    def _given_back(self, visit: Visit) -> int:
        return int(self._value(f"SELECT sum(p.refunded_cents) FROM {PAYMENTS}", visit) or 0)

    def _extras(self, visit: Visit, *states: str) -> int:
        listed = ", ".join(f"'{state}'" for state in states)
        count = f"SELECT count(*) FROM {PAYMENTS} AND p.kind = 'extra' AND p.state IN ({listed})"
        return int(self._value(count, visit) or 0)

    def _is_paid_there(self, visit: Visit) -> bool:
        """Whether the page is paid, whatever we know of it."""
        page = f"SELECT o.data FROM sandbox_objects o JOIN {PAYMENTS} AND p.checkout IS NOT NULL".replace(
            "JOIN payments p", "JOIN payments p ON p.checkout = o.reference"
        )
        with self.engine.connect() as connection:
            rows = connection.execute(text(page), {"bid": visit.bid_id}).scalars().all()
        return any("complete" in str(data) for data in rows)

    def _is_ready(self) -> bool:
        ready = "SELECT count(*) FROM payout_accounts a JOIN users u ON u.id = a.user_id WHERE u.email = :email AND a.is_ready"
        with self.engine.connect() as connection:
            return bool(connection.execute(text(ready), {"email": self.people[self.helper]}).scalar())

    def _value(self, statement: str, visit: Visit) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(statement), {"bid": visit.bid_id}).scalar()


PAYMENTS = "payments p JOIN bookings b ON b.id = p.booking_id WHERE b.bid_id = :bid"
