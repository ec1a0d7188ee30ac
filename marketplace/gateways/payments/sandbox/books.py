"""One transaction of the sandbox: its objects, its money, what it tells. Everything a call does is kept together, or nothing."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.gateways.payments import Endpoint
from marketplace.gateways.payments.sandbox.answers import no_such
from marketplace.gateways.payments.sandbox.switches import Switches
from marketplace.gateways.payments.stripe_part import API_VERSION
from marketplace.models import SandboxEvent, SandboxMovement, SandboxObject


class Books:
    """The sandbox's books while one call is worked off."""

    def __init__(self, session: Session, switches: Switches, chance: Random) -> None:
        self.session, self.switches, self.chance = session, switches, chance
        self.now = clock.now()
        self.key: str | None = None

    @property
    def stamp(self) -> int:
        """This moment as the API writes it."""
        return int(self.now.timestamp())

    # ---- Objects

    def add(
        self,
        kind: str,
        prefix: str,
        data: Mapping[str, Any],
        *,
        parent: str | None = None,
        bundle: str | None = None,
        hidden: Mapping[str, Any] | None = None,
        due_at: datetime | None = None,
    ) -> SandboxObject:
        """Keep a new object under a name that nobody guesses."""
        reference = new_reference(prefix)
        row = SandboxObject(
            reference=reference,
            kind=kind,
            parent=parent,
            bundle=bundle,
            data={"id": reference, "object": kind, "created": self.stamp, **data},
            hidden=dict(hidden or {}),
            due_at=due_at,
            created_at=self.now,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def get(self, kind: str, reference: str, param: str = "id") -> SandboxObject:
        """An object by its name; raises ApiError."""
        row = self.find(kind, reference)
        if row is None:
            raise no_such(kind, reference, param)
        return row

    def find(self, kind: str, reference: str) -> SandboxObject | None:
        """An object by its name, if there is one."""
        return self.session.scalar(
            select(SandboxObject).where(SandboxObject.reference == reference, SandboxObject.kind == kind)
        )

    def children(self, kind: str, parent: str) -> Sequence[SandboxObject]:
        """What belongs to an object, oldest first."""
        asked = select(SandboxObject).where(SandboxObject.kind == kind, SandboxObject.parent == parent)
        return self.session.scalars(asked.order_by(SandboxObject.id)).all()

    def change(self, row: SandboxObject, **values: Any) -> None:
        """Change an object."""
        row.data = {**row.data, **values}
        self.session.flush()

    def remember(self, row: SandboxObject, **values: Any) -> None:
        """Change what only the sandbox knows of an object."""
        row.hidden = {**row.hidden, **values}
        self.session.flush()

    # ---- Money

    def move(
        self,
        kind: str,
        source: str,
        cents: int,
        currency: str,
        *,
        cost: int = 0,
        category: str | None = None,
        account: str | None = None,
        available_at: datetime | None = None,
    ) -> SandboxMovement:
        """Write one line: so much came (or left, when negative), of which the gateway keeps its cost."""
        row = SandboxMovement(
            reference=new_reference("txn"),
            kind=kind,
            category=category or kind,
            source=source,
            account=account,
            amount_cents=cents,
            fee_cents=cost,
            net_cents=cents - cost,
            currency=currency,
            available_at=available_at or self.now,
            created_at=self.now,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def balances(self, account: str | None = None) -> dict[str, tuple[int, int]]:
        """By currency, what can be used now and what is on its way."""
        is_available = SandboxMovement.available_at <= self.now
        net = SandboxMovement.net_cents
        rows = self.session.execute(
            select(
                SandboxMovement.currency,
                func.sum(case((is_available, net), else_=0)),
                func.sum(case((is_available, 0), else_=net)),
            )
            .where(SandboxMovement.account.is_(None) if account is None else SandboxMovement.account == account)
            .group_by(SandboxMovement.currency)
        )
        return {currency: (int(available), int(pending)) for currency, available, pending in rows}

    def available(self, currency: str, account: str | None = None) -> int:
        """What can be used now."""
        return self.balances(account).get(currency, (0, 0))[0]

    # ---- Telling

    def tell(self, kind: str, subject: Mapping[str, Any], *, account: str | None = None) -> None:
        """Write down what happened, for the worker to deliver; what happens at a helper's account goes to its own endpoint."""
        reference, endpoint = new_reference("evt"), _endpoint(account)
        told = {
            "id": reference,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.stamp,
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": self.key},
            "type": kind,
        }
        if account is not None:
            told["account"] = account
        switches = self.switches
        wait = switches.delay + self.chance.uniform(0, switches.reorder)
        is_lost = self.chance.uniform(0, 100) < switches.loss
        self.session.add(
            SandboxEvent(
                reference=reference,
                kind=kind,
                endpoint=endpoint,
                body=json.dumps(told),
                copies=2 if self.chance.uniform(0, 100) < switches.duplicates else 1,
                attempts=0,
                due_at=self.now + timedelta(seconds=wait),
                delivered_at=self.now if is_lost else None,
                created_at=self.now,
            )
        )
        self.session.flush()


def new_reference(prefix: str) -> str:
    """A name that nobody guesses."""
    return f"{prefix}_{secrets.token_hex(12)}"


def _endpoint(account: str | None) -> Endpoint:
    return "platform" if account is None else "connect"
