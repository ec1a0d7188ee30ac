"""What every booking's money must come to, in figures of its own, made from the rules as people read them.

It looks at what happened (which state a booking or a payment came to, when, and by whom), never at what our verbs made of the
money: settlements, refunds, payouts and postings are what it judges.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.reconciliation import compare
from marketplace.gateways.payments import PaymentGateway
from marketplace.models import Bid, Booking, Payment, Refund, SandboxMovement, SandboxObject
from marketplace.queries.ledger import balances
from marketplace.queries.reconciliation import booked

DAY, SECOND_THOUGHTS, CALL_OUT = timedelta(hours=24), timedelta(minutes=5), 2_000
UNPAID = ("prepared", "card_saved", "action_needed", "failed")


def tenth(cents: int) -> int:
    """Ten percent, rounded half up."""
    return (cents + 5) // 10


@dataclass
class Paid:
    """A payment that came in, and how much of it went where so far."""

    booking: int
    helper: int
    customer: int
    kind: str
    cash: bool
    cents: int
    credit: int
    fee: int
    to_customer: int = 0
    to_helper: int = 0
    to_platform: int = 0

    @property
    def left(self) -> int:
        """What is still held of it."""
        return self.cents - self.to_customer - self.to_helper - self.to_platform


@dataclass
class Model:
    """What the model knows of everything."""

    states: dict[int, str] = field(default_factory=dict)
    paid: dict[int, Paid] = field(default_factory=dict)
    decided: dict[int, tuple[int, int]] = field(default_factory=dict)  # what the operator has just said, by booking
    given: Counter[int] = field(default_factory=Counter)  # credit by customer
    credit: Counter[int] = field(default_factory=Counter)
    owed: Counter[int] = field(default_factory=Counter)
    kept_in_cash: Counter[int] = field(default_factory=Counter)
    revenue: int = 0
    to_cards: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def give(self, customer: int, cents: int) -> None:
        """The operator has given credit."""
        self.given[customer] += cents
        self.credit[customer] += cents

    def give_back(self, payment: int, cents: int, from_helper: int) -> None:
        """The operator has given a part of a released payment back."""
        self._share(self.paid[payment], cents, -from_helper, from_helper - cents)

    # ---- What has happened

    def follow(self, session: Session) -> None:
        """See what has come in, and what came to an end since last time."""
        rows = session.execute(select(Payment, Booking, Bid).join(Booking, Payment.booking_id == Booking.id).join(Bid))
        found = sorted(((payment, booking) for payment, booking, _ in rows), key=lambda row: row[0].id)
        for payment, booking in found:
            if payment.id not in self.paid and (payment.state not in (*UNPAID, "cash") or self._is_cash_kept(payment)):
                self._take_in(payment, booking)
        for booking in {booking.id: booking for _, booking in found}.values():
            before, self.states[booking.id] = self.states.get(booking.id, "reserved"), booking.state
            if before != booking.state:
                self.seen[f"{before} -> {booking.state}"] += 1
                self._end(before, booking)
        for payment, _ in found:
            if payment.state == "refunded" and payment.id in self.paid and self.paid[payment.id].left:
                self.seen["paid too late"] += 1  # came in when it could not be used any more
                self._share(self.paid[payment.id], self.paid[payment.id].left, 0, 0)
        self.decided.clear()
        session.rollback()

    def _is_cash_kept(self, payment: Payment) -> bool:
        return payment.method == "cash" and payment.state == "released"

    def _take_in(self, payment: Payment, booking: Booking) -> None:
        cash = payment.method == "cash"
        fee = tenth(payment.amount_cents)
        self.paid[payment.id] = Paid(
            *(booking.id, booking.helper_id, booking.customer_id, payment.kind, cash, payment.amount_cents),
            *(payment.credit_cents, fee),
        )
        self.credit[booking.customer_id] -= payment.credit_cents
        if cash:
            self.kept_in_cash[booking.helper_id] += payment.amount_cents

    def _end(self, before: str, booking: Booking) -> None:
        """Share out what was held, as the rules for this end say."""
        held = [one for one in self.paid.values() if one.booking == booking.id and one.left == one.cents]
        price = booking.price_cents
        if booking.id in self.decided and before == "unsolved":
            refund, helper = self.decided[booking.id]
            for one in sorted(held, key=lambda one: one.cash):
                back = min(refund, one.cents)
                to_helper = min(helper, one.cents - back)
                refund, helper = refund - back, helper - to_helper
                self._share(one, back, to_helper, one.cents - back - to_helper)
        elif booking.state == "signed_off":
            for one in held:
                self._share(one, 0, one.cents - one.fee, one.fee)
        elif booking.state == "not_solvable":
            self._keep(held, min(price, CALL_OUT), 0)
        elif booking.state == "cancelled" and before == "no_show":
            hour = 0 if booking.absent == "helper" else min(price, max(price * 60 // booking.minutes, CALL_OUT))
            self._keep(held, hour, tenth(hour))
        elif booking.state == "cancelled":
            is_free = booking.cancelled_by == "helper" or clock.now() <= self._free_until(booking)
            kept = 0 if is_free else (price + 1) // 2
            self._keep(held, kept, tenth(kept))

    def _free_until(self, booking: Booking) -> datetime:
        agreed = booking.confirmed_at or clock.now()
        return max(booking.earliest_at - DAY, min(booking.earliest_at, agreed + SECOND_THOUGHTS))

    def _keep(self, held: list[Paid], kept: int, fee: int) -> None:
        for one in held:
            if one.kind == "extra":
                self._share(one, one.cents, 0, 0)
            else:
                self._share(one, one.cents - kept, kept - fee, fee)

    def _share(self, one: Paid, back: int, helper: int, platform: int) -> None:
        to_card = min(back, max(0, one.cents - one.credit - one.to_customer))
        self.to_cards += to_card
        self.credit[one.customer] += back - to_card
        self.owed[one.helper] += helper
        self.revenue += platform
        one.to_customer += back
        one.to_helper += helper
        one.to_platform += platform

    # ---- What must hold

    def faults_now(self, session: Session) -> list[str]:
        """What our ledger must say at every moment."""
        stand = balances(session)
        found = [f"{name} is {cents}" for name, cents in stand.items() if name.startswith("held:") and cents < 0]
        wanted = {"revenue": self.revenue, "goodwill": self.given.total()}
        for customer in self.given:
            wanted[f"credit:{customer}"] = self.credit[customer]
        held: Counter[str] = Counter()
        for one in self.paid.values():
            held[f"held:{one.booking}"] += one.left
            if min(one.to_customer, one.to_helper, one.to_platform, one.left) < 0:
                found.append(f"shared out wrongly: {one}")
        wanted |= held
        found += [
            f"{name} is {stand.get(name, 0)} instead of {cents}"
            for name, cents in wanted.items()
            if cents != stand.get(name, 0)
        ]
        return [*found, *self._too_much(session)]

    def _too_much(self, session: Session) -> list[str]:
        """Nobody gets more than was paid, says the gateway."""
        rows = session.execute(
            select(SandboxObject.kind, SandboxObject.parent, SandboxObject.bundle, SandboxObject.data)
        )
        charged: Counter[str] = Counter()
        back: Counter[str] = Counter()
        sent: Counter[str] = Counter()
        intents: dict[str, str] = {}
        for kind, parent, bundle, data in rows:
            if kind == "charge" and data["paid"]:
                charged[parent] += data["amount"]
                intents[data["id"]] = parent
            elif kind == "refund" and data["status"] != "failed":
                back[parent] += data["amount"]
            elif kind == "dispute" and data["status"] != "won":
                back[data["payment_intent"]] += data["amount"]
            elif kind == "transfer":
                sent[bundle] += data["amount"] - data["amount_reversed"]
        paid: Counter[str] = Counter()
        for one in self.paid.values():
            paid[f"booking_{one.booking}"] += one.cents
        found = [
            f"{intent}: {cents} went back of {charged[intent]}"
            for intent, cents in back.items()
            if cents > charged[intent]
        ]
        return found + [
            f"{group}: {cents} sent of {paid[group]}" for group, cents in sent.items() if cents > paid[group]
        ]

    def faults_at_rest(self, session: Session, gateway: PaymentGateway) -> list[str]:
        """What both books must say once nothing is due any more."""
        movements = list(gateway.movements())
        comparison = compare(movements, booked(session))
        found = [f"{one.what}: {one}" for one in comparison.differences]
        moved: Counter[str] = Counter()
        for one in movements:
            moved[one.kind] += one.amount_cents
        stand = balances(session)
        charged = sum(one.cents - one.credit for one in self.paid.values() if not one.cash)
        dropped = session.scalar(select(func.sum(Refund.cents)).where(Refund.state == "dropped")) or 0
        went_back = -moved["refund"] - moved["refund_failed"]
        owed_now = sum(cents for name, cents in stand.items() if name.startswith("owed:"))
        wanted = {
            "charged": (moved["charge"], charged),
            "on the way back": (stand.get("refunds", 0), self.to_cards - went_back - dropped),
            "owed to helpers": (
                owed_now,
                self.owed.total() - self.kept_in_cash.total() + moved["transfer"] + moved["reversal"],
            ),
            "the gateway keeps": (
                session.scalar(select(func.sum(SandboxMovement.net_cents)).where(SandboxMovement.account.is_(None)))
                or 0,
                stand.get("gateway", 0),
            ),
        }
        session.rollback()
        return found + [
            f"{what}: {there} instead of {cents}" for what, (there, cents) in wanted.items() if there != cents
        ]
