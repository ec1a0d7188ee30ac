"""The sample texts: read once, and drawn from so that nobody says the same thing twice in a row."""

import json
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).parent / "texts"


def read(name: str) -> Any:
    """The content of one file of sample texts."""
    return json.loads((FOLDER / f"{name}.json").read_text())


class Deck:
    """A pile of cards: drawn one by one in mixed order, mixed anew when it is empty."""

    def __init__(self, cards: list[Any], random: Random) -> None:
        self.cards = cards
        self.random = random
        self.pile: list[Any] = []

    def draw(self) -> Any:
        """The next card."""
        if not self.pile:
            self.pile = self.random.sample(self.cards, len(self.cards))
        return self.pile.pop()


class Decks:
    """One deck per key (a language, a language and a skill ...), made when it is first asked for."""

    def __init__(self, cards: list[dict[str, Any]], random: Random) -> None:
        self.cards = cards
        self.random = random
        self.decks: dict[Any, Deck] = {}

    def draw(self, **wanted: Any) -> dict[str, Any]:
        """A card on which each of these fields has the wanted value, or lists it, or lists nothing."""
        key = tuple(sorted(wanted.items()))
        if key not in self.decks:
            fitting = [card for card in self.cards if all(_fits(card[name], value) for name, value in wanted.items())]
            self.decks[key] = Deck(fitting, self.random)
        return self.decks[key].draw()


def _fits(has: Any, wanted: Any) -> bool:
    return not has or wanted in has if isinstance(has, list) else has == wanted
