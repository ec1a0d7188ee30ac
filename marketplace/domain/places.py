"""Places: where on earth a postcode or a town lies, how far two of them are apart, and how a position is blurred."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from math import asin, cos, degrees, pi, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = EARTH_RADIUS_KM * pi / 180

BLUR_AT_LEAST_KM = 0.3
BLUR_AT_MOST_KM = 0.7

# Swiss postal names write "St." where people type "Sankt" or "Saint".
SAINTS = {"sankt": "st", "saint": "st", "sainte": "ste"}
WORD = re.compile(r"[^\W_]+")
FULL_LABEL = re.compile(r"(?P<label>[0-9]{4,5} .+) \((?P<sign>[A-Z]{2})\)", re.IGNORECASE)
COUNTRIES_BESIDE = ("AT", "DE", "LI")  # what a full label is signed with where it is no canton
TRANSCRIPTIONS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def bare(text: str) -> str:
    """Take the accents off."""
    return "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])


# The accented letters of Latin alphabets, looked up at once where normalising would take apart every name.
ACCENTED = {code: letter for code in range(0xC0, 0x250) if (letter := bare(chr(code))).isascii()}


@dataclass(frozen=True, slots=True)
class Place:
    """A postcode's place, its position in degrees (WGS 84); region is a canton's code such as ZH or a state's name."""

    country: str
    postcode: str
    name: str
    region: str
    lat: float
    lon: float

    @property
    def label(self) -> str:
        """Say the place as people write it on an envelope: `8004 Zürich`."""
        return f"{self.postcode} {self.name}".strip()

    @property
    def full_label(self) -> str:
        """Say the place so that namesakes can be told apart: `8630 Rüti (ZH)`, `1010 Wien (AT)`."""
        return f"{self.label} ({self.region if self.country == 'CH' else self.country})"

    @property
    def key(self) -> str:
        """Say the place so that looking it up again gives this one and no other: `CH-8004 Zürich`."""
        return f"{self.country}-{self.label}"


def key_of_label(text: str) -> str:
    """Give the key of the place that a full label names (`8001 Zürich (ZH)`), or nothing when the text is none."""
    match = FULL_LABEL.fullmatch(text)
    if not match:
        return ""
    sign = match["sign"].upper()
    return f"{sign if sign in COUNTRIES_BESIDE else 'CH'}-{match['label']}"


def distance_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """Measure the great circle between two positions in km (haversine on a sphere: at most 0.6 % off the ellipsoid)."""
    north, east = radians(b_lat - a_lat) / 2, radians(b_lon - a_lon) / 2
    chord = sin(north) ** 2 + cos(radians(a_lat)) * cos(radians(b_lat)) * sin(east) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def bounding_box(lat: float, lon: float, km: float) -> tuple[float, float, float, float]:
    """Draw the box (south, west, north, east) in degrees that holds every position within `km` of this one.

    Near a pole, or where the box would cross the date line, it holds every longitude.
    """
    reach = km / KM_PER_DEGREE
    south, north = max(-90.0, lat - reach), min(90.0, lat + reach)
    if south <= -90 or north >= 90:
        return south, -180.0, north, 180.0
    # A circle is widest a little nearer to the pole than its centre, which the plain cosine would cut off.
    width = degrees(asin(min(1.0, sin(radians(min(reach, 90.0))) / cos(radians(lat)))))
    west, east = lon - width, lon + width
    return (south, west, north, east) if west >= -180 and east <= 180 else (south, -180.0, north, 180.0)


def blurred(lat: float, lon: float, *, secret: bytes, key: str) -> tuple[float, float]:
    """Move a position by 300 to 700 m in a direction that `secret` and `key` fix for ever.

    The same key always gives the same blurred position, so that loading it often cannot average the blur away;
    without the secret the shift cannot be computed back.
    """
    if not secret:
        raise ValueError("blurring needs a secret")
    digest = hmac.new(secret, key.encode(), hashlib.sha256).digest()
    direction = 2 * pi * int.from_bytes(digest[:8]) / 2**64
    share = int.from_bytes(digest[8:16]) / 2**64
    # The root spreads the shift evenly over the ring; a plain share would crowd its inner edge.
    shift = sqrt(BLUR_AT_LEAST_KM**2 + share * (BLUR_AT_MOST_KM**2 - BLUR_AT_LEAST_KM**2)) / KM_PER_DEGREE
    return round(lat + shift * cos(direction), 5), round(lon + shift * sin(direction) / cos(radians(lat)), 5)


def fold(text: str) -> str:
    """Reduce a spelling to what matters when places are compared: `Genève` and `GENEVE` give `geneve`.

    Accents, case and punctuation go; Sankt and Saint become st.
    """
    text = text.casefold()
    if not text.isascii():
        text = text.translate(ACCENTED)
    if not text.isascii():
        text = bare(text).casefold()
    return " ".join([SAINTS.get(word, word) for word in WORD.findall(text)])


def spellings(text: str) -> set[str]:
    """Fold a name both ways that umlauts are typed without them: `Köniz` gives `koniz` and `koeniz`."""
    if text.isascii():
        return {fold(text)} - {""}
    composed = unicodedata.normalize("NFC", text)
    return {fold(composed), fold(composed.translate(TRANSCRIPTIONS))} - {""}
