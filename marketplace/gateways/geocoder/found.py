"""What a geocoder answers: one place, a choice of places, or none; never a guess and never an error."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from marketplace.domain.places import Place


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to "what place does this text mean?": exactly one of one place, several to choose from, or none.

    A choice may hold a single place: the text was not quite its name, so somebody should say yes to it.
    None with `is_region` means that the text is known, but names a whole region or country.
    """

    place: Place | None = None
    choices: tuple[Place, ...] = ()
    is_region: bool = False

    def __post_init__(self) -> None:
        if bool(self.place) + bool(self.choices) + self.is_region > 1:
            raise ValueError("an answer is either one place or a choice")

    @property
    def is_one(self) -> bool:
        """Say whether the text meant exactly one place."""
        return self.place is not None

    @property
    def is_choice(self) -> bool:
        """Say whether somebody has to choose."""
        return bool(self.choices)

    @property
    def is_none(self) -> bool:
        """Say whether the text means no place that we know, and no few of them either."""
        return self.place is None and not self.choices


NONE = Found()
REGION = Found(is_region=True)


class Geocoder(Protocol):
    """The door to whoever knows where places lie."""

    def find(self, text: str, *, countries: Collection[str] | None = None, limit: int = 8) -> Found:
        """Say what place the text means within these countries (two-letter codes; the operator's when None)."""
        ...
