"""The ledger and the claims as files: for bookkeeping, and for whoever must pay everybody out one day.

Their heads are English in every language: programs read them, and they stay as they are.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from marketplace.domain.spreadsheets import amount, csv_lines
from marketplace.queries.money import Claim, claims
from marketplace.queries.money_lists import LedgerLine, all_lines

POSTING_HEADS = (
    *("entry", "posting", "at_utc", "fact", "key", "booking", "gateway_reference"),
    *("from_account", "to_account", "amount", "currency"),
)
CLAIM_HEADS = (
    "kind",
    "public_id",
    "name",
    "email",
    "owed",
    "waiting",
    "sent",
    "held",
    "credit",
    "refund",
    "currency",
    "at_utc",
)


def postings_csv(engine: Engine, span: tuple[datetime, datetime], account: str | None = None) -> Iterator[str]:
    """Every line of the ledger in a time as CSV, oldest first, line by line.

    It has a session of its own, since it is read after the request that asked for it has ended.
    """
    with Session(engine) as session:
        yield from csv_lines(POSTING_HEADS, (_cells(line) for line in all_lines(session, span, account)))


def claims_csv(session: Session, at: datetime, currency: str) -> str:
    """Who is owed what now, as CSV."""
    rows = (
        (
            *(one.kind, one.public_id, one.name, one.email),
            *(amount(cents) for cents in (one.owed, one.waiting, one.sent, one.held, one.credit, one.refund)),
            *(currency, f"{at:%Y-%m-%dT%H:%M:%SZ}"),
        )
        for one in claims(session)
    )
    return "".join(csv_lines(CLAIM_HEADS, rows))


def claims_json(session: Session, at: datetime, currency: str) -> str:
    """Who is owed what now, as JSON; amounts are in cents."""
    found = claims(session)
    return (
        json.dumps(
            {
                "at_utc": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "currency": currency,
                "amounts_in": "cents",
                "totals": {
                    name: sum(getattr(one, name) for one in found)
                    for name in ("owed", "waiting", "sent", "held", "credit", "refund")
                },
                "helpers": [_facts(one) for one in found if one.kind == "helper"],
                "customers": [_facts(one) for one in found if one.kind == "customer"],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _facts(claim: Claim) -> dict[str, Any]:
    """A claim without what does not concern its kind."""
    others = {"helper": ("kind", "held", "credit", "refund"), "customer": ("kind", "owed", "waiting", "sent")}[
        claim.kind
    ]
    return {name: value for name, value in asdict(claim).items() if name not in others}


def _cells(line: LedgerLine) -> tuple[str, ...]:
    return (
        *(str(line.entry_id), str(line.posting_id), f"{line.at:%Y-%m-%dT%H:%M:%SZ}", line.kind, line.key),
        *(line.booking, line.reference, line.from_account, line.to_account, amount(line.cents), line.currency),
    )
