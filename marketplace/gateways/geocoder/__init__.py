"""The door for "what place does this text mean?": the bundled places, or an online service in front of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marketplace.gateways.geocoder.bundled import BundledPlaces
from marketplace.gateways.geocoder.found import Found, Geocoder
from marketplace.gateways.geocoder.memory import Answers
from marketplace.gateways.geocoder.online import OnlineGeocoder, connect

__all__ = ["BundledPlaces", "Found", "Geocoder", "OnlineGeocoder", "open_geocoder"]


def open_geocoder(settings: Mapping[str, Any]) -> Geocoder:
    """Open the geocoder that the operator chose.

    GEOCODER is `bundled` (default), `nominatim`, `photon` or `swisstopo`; GEOCODER_URL an own server's address;
    GEOCODER_CACHE a file that keeps answers over restarts and shares the one request a second between processes;
    COUNTRIES two-letter codes, as a list or with commas. Raises ValueError for a service nobody knows.
    """
    countries = settings.get("COUNTRIES") or ("CH", "LI")
    if isinstance(countries, str):
        countries = countries.replace(",", " ").split()
    bundled = BundledPlaces(tuple(country.upper() for country in countries))
    service = str(settings.get("GEOCODER") or "bundled").lower()
    if service == "bundled":
        return bundled
    cache = settings.get("GEOCODER_CACHE")
    return connect(service, str(settings.get("GEOCODER_URL") or ""), bundled, Answers(Path(cache) if cache else None))
