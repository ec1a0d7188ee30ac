"""What people type besides a plain name or postcode: a whole region, or a label as our own pages print it."""

import re
from collections.abc import Callable, Collection

from marketplace.domain.places import fold, key_of_label, spellings
from marketplace.gateways.geocoder.found import REGION, Found

# Each country's own name, its regions, and the parts of it that people speak of, folded and with umlauts typed both ways.
# A canton or state that is called like its capital (Bern, Genève, Salzburg) is missing here, for the town is meant; Basel-Stadt
# too, which is as good as the town and is asked about.
REGION_NAMES = {
    "CH": {
        "schweiz", "suisse", "svizzera", "svizra", "switzerland", "deutschschweiz", "westschweiz", "ostschweiz",
        "nordwestschweiz", "zentralschweiz", "innerschweiz", "romandie", "suisse romande", "suisse alemanique",
        "svizzera italiana", "svizzera tedesca", "aargau", "argovie", "argovia", "appenzell ausserrhoden",
        "appenzell innerrhoden", "appenzell rhodes exterieures", "appenzell rhodes interieures", "appenzello esterno",
        "appenzello interno", "baselland", "basel land", "basel landschaft", "baselbiet", "bale campagne",
        "basilea campagna", "graubunden", "graubuenden", "grisons", "grigioni", "grischun", "jura", "giura", "nidwalden",
        "nidwald", "nidvaldo", "obwalden", "obwald", "obvaldo", "unterwalden", "thurgau", "thurgovie", "turgovia",
        "tessin", "ticino", "uri", "waadt", "vaud", "wallis", "valais", "vallese",
    },
    "LI": {"liechtenstein", "furstentum liechtenstein", "fuerstentum liechtenstein"},
    "AT": {
        "osterreich", "oesterreich", "autriche", "austria", "tirol", "tyrol", "karnten", "kaernten", "steiermark",
        "vorarlberg", "burgenland", "oberosterreich", "oberoesterreich", "niederosterreich", "niederoesterreich",
    },
    "DE": {
        "deutschland", "allemagne", "germania", "germany", "bayern", "hessen", "sachsen", "thuringen", "thueringen",
        "saarland", "niedersachsen", "schwaben", "baden wurttemberg", "baden wuerttemberg", "nordrhein westfalen",
        "rheinland pfalz", "schleswig holstein", "mecklenburg vorpommern", "sachsen anhalt",
    },
}  # fmt: skip
# "Kanton Bern", "Canton de Vaud", "Cantone dei Grigioni": with the word before it, the town is not meant.
SAID_SO = re.compile(r"(?:kanton|kt|canton|cantone|chantun|bundesland) \S.*")


def understood(asked: str, countries: Collection[str], look_up: Callable[[str], Found]) -> Found:
    """Look a text up; a label of our own means exactly the place that bears it, a whole region means no place."""
    if is_region(asked, countries):
        return REGION
    if key := key_of_label(asked):
        place = look_up(key).place
        if place and spellings(place.full_label) & spellings(asked):
            return Found(place=place)
    return look_up(asked)


def is_region(asked: str, countries: Collection[str]) -> bool:
    """Say whether the text names a country of these, or a whole region of one."""
    if not countries:
        return False
    names = spellings(asked)
    return bool(SAID_SO.fullmatch(fold(asked))) or any(
        names & REGION_NAMES.get(country, set()) for country in countries
    )
