"""Leafing through a list: which page is asked for, how many there are, and the links to its neighbours."""

from dataclasses import dataclass
from math import ceil
from urllib.parse import urlencode

from flask import request, url_for


@dataclass(frozen=True)
class Paging:
    """Where one is in a list, as the pager shows it."""

    page: int
    pages: int

    @property
    def previous_href(self) -> str | None:
        """The address of the page before, with the same filters."""
        return self._href(self.page - 1) if self.page > 1 else None

    @property
    def next_href(self) -> str | None:
        """The address of the page after, with the same filters."""
        return self._href(self.page + 1) if self.page < self.pages else None

    def _href(self, page: int) -> str:
        asked = {**request.args.to_dict(), "page": page}
        return f"{url_for(str(request.endpoint), **(request.view_args or {}))}?{urlencode(asked)}"


def page_asked() -> int:
    """The number of the page in the address, 1 when there is none or nonsense."""
    asked = request.args.get("page", 1, type=int) or 1
    return min(max(1, asked), 10_000)


def offset(size: int) -> int:
    """How many rows come before the page that is asked for."""
    return (page_asked() - 1) * size


def paging(total: int, size: int) -> Paging:
    """The place of the page that is asked for among `total` rows."""
    return Paging(page_asked(), max(1, ceil(total / size)))
