"""Rows as CSV that a spreadsheet may open: what came from people or banks is text there, never a formula."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

# A cell that begins so is worked out by spreadsheets instead of shown (OWASP, CSV injection).
WORKED_OUT = ("=", "+", "-", "@", "\t", "\r", "\n")
AMOUNT = re.compile(r"-?[0-9]+\.[0-9]{2}")


def csv_lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a CSV file, one after the other, ended as RFC 4180 wants it."""
    yield _line(heads)
    for row in rows:
        yield _line([plain(cell) for cell in row])


def plain(cell: str) -> str:
    """The cell with an apostrophe before it when a spreadsheet would work it out; an amount of ours stays one."""
    return f"'{cell}" if cell.startswith(WORKED_OUT) and not AMOUNT.fullmatch(cell) else cell


def amount(cents: int) -> str:
    """`12.50`, `-3.00`: cents as bookkeeping programs read them."""
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02}"


def _line(row: Sequence[str]) -> str:
    line = StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()
