"""The online services that geopy speaks to: how each is asked, and how its answers are read."""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from geopy.geocoders import Nominatim, Photon
from geopy.geocoders.base import DEFAULT_SENTINEL
from geopy.geocoders.base import Geocoder as GeopyGeocoder
from geopy.location import Location

Hits = list[Location] | None

SETTLEMENTS = {
    "city", "town", "village", "hamlet", "suburb", "quarter", "neighbourhood", "borough", "city_district",
    "municipality", "isolated_dwelling", "locality", "postcode", "postal_code",
}  # fmt: skip


class SwissTopo(GeopyGeocoder):
    """The search of the federal geoportal, which geopy has no class for: postcodes and communes of Switzerland.

    Documented at https://docs.geo.admin.ch (search, type "locations"); no key, fair use.
    """

    path = "/rest/services/api/SearchServer"

    def __init__(self, *, domain: str = "api3.geo.admin.ch", **options: Any) -> None:
        super().__init__(**options)
        self.api = f"{self.scheme}://{domain.strip('/')}{self.path}"

    def geocode(self, query: str, *, limit: int = 10, timeout: Any = DEFAULT_SENTINEL) -> Hits:
        """Ask for the postcodes and communes that match the text."""
        # The service refuses more than ten words.
        words = " ".join(query.split()[:10])
        asked = {
            "searchText": words,
            "type": "locations",
            "origins": "zipcode,gg25",
            "sr": 4326,
            "limit": limit,
        }
        answer = self._call_geocoder(f"{self.api}?{urlencode(asked)}", self._parse, timeout=timeout)
        return answer or None

    @staticmethod
    def _parse(answer: dict[str, Any]) -> list[Location]:
        hits = [hit["attrs"] for hit in answer.get("results", [])]
        return [Location(hit["label"], (hit["lat"], hit["lon"]), hit) for hit in hits if hit["lat"] and hit["lon"]]


def of_swisstopo(raw: dict[str, Any]) -> tuple[str, str, str] | None:
    """Read country, postcode and name from `<b>8303 - Bassersdorf</b>` or `<b>Zürich (ZH)</b>`; lakes are left out."""
    label = re.sub(r"<[^>]*>", "", str(raw.get("label", ""))).strip()
    if raw.get("origin") == "gg25" and str(raw.get("featureId", "")).isdigit() and int(raw["featureId"]) >= 9000:
        return None
    match = re.fullmatch(r"(?:(?P<postcode>\d{4}) - )?(?P<name>.+?)(?: \([A-Z]{2}\))?", label)
    # The geoportal answers for Switzerland and Liechtenstein and marks neither.
    return ("", match["postcode"] or "", match["name"]) if match else None


def of_nominatim(raw: dict[str, Any]) -> tuple[str, str, str] | None:
    """Read country, postcode and name from a Nominatim answer with address details; only settlements count."""
    address = raw.get("address") or {}
    if raw.get("addresstype", raw.get("type")) not in SETTLEMENTS:
        return None
    town = next(
        (address[kind] for kind in ("city", "town", "village", "municipality", "hamlet") if kind in address),
        "",
    )
    name = town if raw.get("addresstype") in ("postcode", "postal_code") else raw.get("name") or town
    return (address.get("country_code", "").upper(), address.get("postcode", ""), name) if name else None


def of_photon(raw: dict[str, Any]) -> tuple[str, str, str] | None:
    """Read country, postcode and name from a Photon answer; only settlements count."""
    facts = raw.get("properties") or {}
    if facts.get("osm_value") not in SETTLEMENTS:
        return None
    is_postcode = facts.get("osm_value") in ("postcode", "postal_code")
    name = facts.get("city") if is_postcode else facts.get("name")
    return (facts.get("countrycode", "").upper(), facts.get("postcode", ""), name) if name else None


def ask_nominatim(service: Nominatim, text: str, *, countries: Collection[str]) -> Hits:
    """Ask Nominatim in these countries; a bare postcode is asked as one."""
    query: Any = {"postalcode": text} if text.isdigit() else text
    codes = [country.lower() for country in countries]
    hits: Hits = service.geocode(query, exactly_one=False, limit=20, addressdetails=True, country_codes=codes)
    return hits


def ask_photon(service: Photon, text: str, *, countries: Collection[str]) -> Hits:
    """Ask Photon for settlements; it knows no countries, so its answers are sorted out afterwards."""
    hits: Hits = service.geocode(text, exactly_one=False, limit=20, osm_tag="place")
    return hits


def ask_swisstopo(service: SwissTopo, text: str, *, countries: Collection[str]) -> Hits:
    """Ask the federal geoportal."""
    return service.geocode(text, limit=20)
