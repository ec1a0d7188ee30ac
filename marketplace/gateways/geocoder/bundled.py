"""Places looked up in the bundled GeoNames cut: no network, no key, four countries."""

import gzip
import threading
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from marketplace.domain.places import Place, fold
from marketplace.gateways.geocoder.found import NONE, Found
from marketplace.gateways.geocoder.index import POSTCODE, Index
from marketplace.gateways.geocoder.typed import understood

DATA = Path(__file__).resolve().parents[2] / "data" / "places.csv.gz"
LONGEST_TEXT = 100
SIGNS = set("-.,/()'’&")


class BundledPlaces:
    """The bundled places, read once for each process and country when they are first needed."""

    def __init__(self, countries: Collection[str] = ("CH", "LI"), path: Path = DATA) -> None:
        self.countries = tuple(countries)
        self.path = path

    def find(self, text: str, *, countries: Collection[str] | None = None, limit: int = 8) -> Found:
        """Say what place a postcode, a name, or both together mean; anything else is none, never an error."""
        asked = tidied(text)
        if not asked:
            return NONE
        chosen = self._chosen(countries)
        return understood(asked, chosen, lambda text: look_up(load(self.path, chosen), text, max(1, limit)))

    def nearest(self, lat: float, lon: float, *, countries: Collection[str] | None = None) -> Place | None:
        """Name the bundled place nearest to a position (degrees), or none when it lies over 30 km from all of them."""
        wanted = set(self.countries if countries is None else countries)
        kept = self._chosen(self.countries if wanted <= set(self.countries) else wanted)
        return load(self.path, kept).nearest(lat, lon, wanted)

    def _chosen(self, countries: Collection[str] | None) -> frozenset[str]:
        return frozenset(country.upper() for country in (self.countries if countries is None else countries))


def look_up(index: "Index", asked: str, limit: int) -> Found:
    """Look a tidied text up as a postcode, with or without a name, or else as a name."""
    numbered = POSTCODE.fullmatch(asked)
    return index.by_postcode(numbered, limit) if numbered else index.by_name(asked, limit)


def tidied(text: str) -> str:
    """Bring typed text into one form, or empty text when it cannot be a place."""
    if len(text) > LONGEST_TEXT:
        return ""
    composed = unicodedata.normalize("NFKC", text)
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") for c in composed.strip()):
        return ""
    tidy = " ".join(composed.split())
    plausible = all(c.isalpha() or c in "0123456789 " or c in SIGNS or unicodedata.combining(c) for c in tidy)
    return tidy if plausible and fold(tidy) else ""


_one_reader = threading.Lock()


def load(path: Path, countries: frozenset[str]) -> "Index":
    """Give the index of these countries, read from the file at most once in a process."""
    with _one_reader:
        return _load(path, countries)


@lru_cache(maxsize=8)
def _load(path: Path, countries: frozenset[str]) -> "Index":
    with gzip.open(path, "rt", encoding="utf-8") as file:
        _, *lines = file.read().splitlines()
    return Index([line for line in lines if line[:2] in countries])
