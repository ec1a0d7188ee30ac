"""The lines of the bundled file, found by postcode and by name."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from marketplace.domain.places import Place, distance_km, fold, spellings
from marketplace.gateways.geocoder.found import NONE, Found

# Localities of one postcode that lie further apart than this are worth asking about.
ONE_POINT_KM = 5.0

COUNTRY_SIGNS = {"A": "AT", "D": "DE", "FL": "LI"}
POSTCODE = re.compile(r"(?:(?P<country>CH|LI|AT|DE|FL|A|D)[- ]?)?(?P<postcode>[0-9]{4,5})(?:[ ,]+(?P<name>.+))?", re.I)


class Row(NamedTuple):
    """One line of the bundled file taken apart, its fields still text."""

    country: str
    postcode: str
    name: str
    region: str
    lat: str
    lon: str
    main: str
    people: str
    names: str
    spellings: str

    @property
    def size(self) -> int:
        """Say how many people live in the town that this line stands for, 0 when unknown."""
        return int(self.people or 0)

    def is_near(self, lat: float, lon: float) -> bool:
        """Say whether the line lies within about 30 km of a position in our latitudes."""
        return abs(float(self.lat) - lat) < 0.28 and abs(float(self.lon) - lon) < 0.5

    @property
    def place(self) -> Place:
        """Make the place of this line."""
        return Place(self.country, self.postcode, self.name, self.region, float(self.lat), float(self.lon))


class Index:
    """The places of some countries by postcode and by every folded name.

    It holds the file's lines and takes one apart when somebody asks for it, which halves memory and loading time.
    The file is written so that no field holds a comma or a quotation mark.
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.of_postcode: dict[str, list[str]] = defaultdict(list)
        self.of_name: dict[str, list[str]] = defaultdict(list)
        self.of_spelling: dict[str, list[str]] = defaultdict(list)
        for line in lines:
            _, postcode, name, rest = line.split(",", 3)
            self.of_postcode[postcode].append(line)
            if rest.endswith(",1,,,"):
                note(self.of_name, line, [name])
            elif not rest.endswith(",,,,"):
                self._note_all_names(line)

    @cached_property
    def keys(self) -> list[str]:
        """Every folded name in the order of the alphabet, for finding what begins so."""
        return sorted({*self.of_name, *self.of_spelling})

    def _note_all_names(self, line: str) -> None:
        row = taken_apart(line)
        if row.main:
            note(self.of_name, line, [row.name])
        if row.names:
            note(self.of_name if "/" in row.name else self.of_spelling, line, row.names.split("|"))
        if row.spellings:
            note(self.of_spelling, line, row.spellings.split("|"))

    def by_postcode(self, numbered: re.Match[str], limit: int) -> Found:
        """Answer `8004`, `CH-8004` or `8004 Zürich`; a name that does not fit the postcode makes it a choice."""
        country = signed(numbered)
        rows = [row for row in rows_of(self.of_postcode, numbered["postcode"]) if country in ("", row.country)]
        if not numbered["name"]:
            return one_or_choice(localities(rows), limit)
        named = [row for row in rows if row.name == numbered["name"]] or fitting(rows, numbered["name"])
        if named:
            return one_or_choice(named, limit)
        elsewhere = self.by_name(numbered["name"], limit).place
        offered = [row.place for row in localities(rows)] + ([elsewhere] if elsewhere else [])
        return Found(choices=tuple(offered[:limit]))

    def by_name(self, asked: str, limit: int) -> Found:
        """Answer a name: the places called so, else those spelled so, else what begins so, else what a part names."""
        keys = spellings(asked)
        named = {row for key in keys for row in rows_of(self.of_name, key)}
        spelled = {row for key in keys for row in rows_of(self.of_spelling, key)}
        if named:
            # A village's own name does not hide a town that is spelled so elsewhere: Berne is also Bern.
            largest = max(row.size for row in named)
            return one_or_choice(sized(named | {row for row in spelled if row.size > largest}), limit)
        if spelled:
            longer = {row for key in keys for row in self._beginning(f"{key} ", self.of_name)}
            return one_or_choice(sized(spelled | longer), limit)
        long_enough = [key for key in keys if len(key) > 1]
        for index in (self.of_name, self.of_spelling):
            if begun := sized(row for key in long_enough for row in self._beginning(key, index)):
                return Found(choices=tuple(row.place for row in begun[:limit]))
        return self._by_part(asked, limit)

    def _by_part(self, asked: str, limit: int) -> Found:
        """Offer the place that a longer text names: `Zurich HB`, `Bahnhofstrasse 1, 8001 Zürich`."""
        *_, last = asked.rpartition(",")
        if numbered := re.search(r"(?:^| )([0-9]{4,5} [^0-9]+)$", last):
            match = POSTCODE.fullmatch(numbered[1])
            found = self.by_postcode(match, limit) if match else NONE
            return Found(choices=found.choices or ((found.place,) if found.place else ()))
        words = fold(asked).split()
        for length in range(len(words) - 1, 0, -1):
            shorter = " ".join(words[:length])
            rows = sized([*rows_of(self.of_name, shorter), *rows_of(self.of_spelling, shorter)])
            if rows and len(shorter) > 2:
                return Found(choices=tuple(row.place for row in rows[:limit]))
        return NONE

    def _beginning(self, start: str, index: dict[str, list[str]]) -> Iterator[Row]:
        """Give the rows of this index whose name begins so, in the order of the alphabet."""
        for position in range(bisect_left(self.keys, start), len(self.keys)):
            key = self.keys[position]
            if not key.startswith(start):
                return
            yield from rows_of(index, key)

    def nearest(self, lat: float, lon: float, countries: Collection[str]) -> Place | None:
        """Name the place of these countries that lies nearest to a position, or none when it is over 30 km away."""
        close = (row for row in map(taken_apart, self.lines) if row.country in countries and row.is_near(lat, lon))
        best = min(close, key=lambda row: distance_km(lat, lon, float(row.lat), float(row.lon)), default=None)
        return best.place if best else None


def signed(numbered: re.Match[str]) -> str:
    """Give the country that a typed postcode is signed with (`A-1010`), or nothing."""
    sign = (numbered["country"] or "").upper()
    return COUNTRY_SIGNS.get(sign, sign)


def taken_apart(line: str) -> Row:
    """Take a line of the file apart."""
    return Row(*line.split(","))


def rows_of(index: dict[str, list[str]], key: str) -> list[Row]:
    """Give the rows that stand under a key."""
    return [taken_apart(line) for line in index.get(key, ())]


def note(index: dict[str, list[str]], line: str, names: list[str]) -> None:
    """Enter a line under each of these names, however they are typed."""
    for name in names:
        if name.isascii():
            index[name.lower() if name.isalpha() else fold(name)].append(line)
        else:
            for key in spellings(name):
                index[key].append(line)


def sized(rows: Iterable[Row]) -> list[Row]:
    """Put rows in an order that helps choosing: larger towns first, then by name and postcode."""
    return sorted(set(rows), key=lambda row: (-row.size, row.name, row.country, row.postcode))


def fitting(rows: list[Row], name: str) -> list[Row]:
    """Choose the rows of a postcode that are called so, else those spelled so, else those whose name begins so."""
    asked = spellings(name)
    called = [row for row in rows if asked & spellings(row.name)]
    if not called:
        other_names = {
            row: {k for n in (row.names + "|" + row.spellings).split("|") for k in spellings(n)} for row in rows
        }
        called = [row for row in rows if asked & other_names[row]]
    return called or [row for row in rows if any(key.startswith(tuple(asked)) for key in spellings(row.name))]


def localities(rows: list[Row]) -> list[Row]:
    """Give each country's main locality of a postcode, and the others too where one point cannot stand for all."""
    by_country: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_country[row.country].append(row)
    found = []
    for main, *others in by_country.values():
        found += [main, *others] if any(apart_km(main, other) > ONE_POINT_KM for other in others) else [main]
    return found


def apart_km(one: Row, other: Row) -> float:
    """Measure how far two rows lie apart, in km."""
    return distance_km(float(one.lat), float(one.lon), float(other.lat), float(other.lon))


def one_or_choice(rows: list[Row], limit: int) -> Found:
    """Answer with the place if there is just one, else with the first `limit` of them to choose from."""
    return Found(place=rows[0].place) if len(rows) == 1 else Found(choices=tuple(row.place for row in rows[:limit]))
