"""The door to paper: finished words go in, a PDF comes out. The library that draws it never passes this door."""

from dataclasses import dataclass
from datetime import datetime

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A table of a paper: its heads, its rows, and below a line what they come to. The last `figures` columns stand right."""

    title: str
    heads: Row
    rows: tuple[Row, ...]
    totals: tuple[Row, ...] = ()
    figures: int = 1


@dataclass(frozen=True)
class Address:
    """Somebody on a Swiss QR-bill; the street may be missing."""

    name: str
    postcode: str
    town: str
    country: str = "CH"
    street: str = ""
    number: str = ""


@dataclass(frozen=True)
class Bill:
    """A Swiss QR-bill: who is to pay how much to which account; the amount is in cents."""

    account: str
    creditor: Address
    debtor: Address
    amount_cents: int
    currency: str
    reference: str
    message: str


@dataclass(frozen=True)
class Paper:
    """A letter-sized paper in its reader's words."""

    title: str
    language: str
    author: str
    sender: Row
    reader: Row
    made_at: datetime
    facts: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    notes: Row = ()
    bill: Bill | None = None
