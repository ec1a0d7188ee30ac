"""References that a caller wants to see as whole objects (`expand`)."""

from typing import Any

from sqlalchemy import select

from marketplace.gateways.payments.sandbox.answers import invalid
from marketplace.gateways.payments.sandbox.balance import found_line
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.models import SandboxObject


def expanded(books: Books, answer: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """The answer with these references replaced; raises ApiError for a path that leads nowhere."""
    for path in paths:
        answer = _replaced(books, answer, path.split("."), path)
    return answer


def _replaced(books: Books, inside: dict[str, Any], steps: list[str], path: str) -> dict[str, Any]:
    step, *further = steps
    if step not in inside:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    value = inside[step]
    if isinstance(value, list):
        seen: Any = [_replaced(books, one, further, path) for one in value]
    else:
        seen = _object(books, value) if isinstance(value, str) else value
        if seen is not None and further:
            seen = _replaced(books, seen, further, path)
    return {**inside, step: seen}


def _object(books: Books, reference: str) -> dict[str, Any]:
    if reference.startswith("txn_"):
        return found_line(books, reference)
    row = books.session.scalar(select(SandboxObject).where(SandboxObject.reference == reference))
    if row is None:
        raise invalid(f"{reference} cannot be expanded.", param="expand")
    return row.data
