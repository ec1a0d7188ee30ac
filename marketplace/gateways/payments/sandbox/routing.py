"""Which call of the API leads to which function, and how lists are paged."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select

from marketplace.gateways.payments.sandbox.answers import no_such
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.gateways.payments.sandbox.params import EXPAND, Shape
from marketplace.models import SandboxMovement, SandboxObject

Data = dict[str, Any]
# The books, what was given, and the names in the path; gives the answer's body.
Handler = Callable[..., Data]

PAGE_SIZE, PAGE_SIZE_MAX = 10, 100


@dataclass(frozen=True)
class Route:
    """One call: its name as the library has it, method, path with `{}` for each name, and the shape of its parameters."""

    name: str
    method: str
    path: str
    handler: Handler
    shape: Shape

    def names_in(self, path: str) -> tuple[str, ...] | None:
        """The names in this path, or None when it is another call's."""
        found = re.fullmatch(self.path.replace("{}", "([^/]+)"), path)
        return found.groups() if found else None


def retrieval(name: str, path: str, kind: str) -> Route:
    """The call that gives one object as it is."""

    def retrieve(books: Books, given: Data, reference: str) -> Data:
        return books.get(kind, reference).data

    return Route(f"{name}.retrieve", "get", path, retrieve, EXPAND)


def listed(
    books: Books, kind: str, given: Data, path: str, *, parent: str | None = None, bundle: str | None = None
) -> Data:
    """A page of the objects of one kind, newest first."""
    asked = select(SandboxObject).where(SandboxObject.kind == kind)
    if parent is not None:
        asked = asked.where(SandboxObject.parent == parent)
    if bundle is not None:
        asked = asked.where(SandboxObject.bundle == bundle)
    return paged(books, SandboxObject, asked, given, path, shown=lambda row: row.data)


def paged(
    books: Books,
    table: type[SandboxObject] | type[SandboxMovement],
    asked: Select[Any],
    given: Data,
    path: str,
    *,
    shown: Callable[[Any], Mapping[str, Any]],
) -> Data:
    """One page of what was asked, in the shape of the API's lists."""
    limit = max(1, min(given.get("limit", PAGE_SIZE), PAGE_SIZE_MAX))
    for name, is_older in (("starting_after", True), ("ending_before", False)):
        if name in given:
            row_id = books.session.scalar(select(table.id).where(table.reference == given[name]))
            if row_id is None:
                raise no_such("object", given[name], name)
            asked = asked.where(table.id < row_id if is_older else table.id > row_id)
    asked = asked.order_by(table.id if "ending_before" in given else table.id.desc())
    rows = books.session.scalars(asked.limit(limit + 1)).all()
    shown_rows = [shown(row) for row in rows[:limit]]
    if "ending_before" in given:
        shown_rows.reverse()
    return {"object": "list", "url": path, "has_more": len(rows) > limit, "data": shown_rows}


def created_within(asked: Select[Any], given: Data, column: Any) -> Select[Any]:
    """Narrow a list to when its objects were made."""
    compare = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
    for name, stamp in given.get("created", {}).items():
        asked = asked.where(compare[name](column, datetime.fromtimestamp(stamp, UTC)))
    return asked
