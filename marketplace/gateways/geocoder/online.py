"""Places looked up at an online service through geopy: Nominatim, Photon or swisstopo, politely and never alone."""

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from geopy.exc import GeopyError
from geopy.extra.rate_limiter import RateLimiter
from geopy.geocoders import Nominatim, Photon
from geopy.geocoders.base import DEFAULT_SENTINEL
from geopy.geocoders.base import Geocoder as GeopyGeocoder
from geopy.location import Location

from marketplace.domain.places import Place, distance_km, spellings
from marketplace.gateways.geocoder.bundled import BundledPlaces, tidied
from marketplace.gateways.geocoder.found import NONE, Found
from marketplace.gateways.geocoder.index import POSTCODE
from marketplace.gateways.geocoder.memory import Answers

log = logging.getLogger(__name__)

USER_AGENT = "Hilfreich/1.0 (self-hosted marketplace for neighbours; place search)"
TIMEOUT_SECONDS = 5
SECONDS_BETWEEN_REQUESTS = 1.0
LONGEST_WAIT_SECONDS = 3.0
# After a failure the service is left alone, so that pages do not wait for it again and again.
REST_SECONDS = 60
SAME_PLACE_KM = 5.0

SETTLEMENTS = {
    "city", "town", "village", "hamlet", "suburb", "quarter", "neighbourhood", "borough", "city_district",
    "municipality", "isolated_dwelling", "locality", "postcode", "postal_code",
}  # fmt: skip


class SwissTopo(GeopyGeocoder):  # type: ignore[misc]
    """The search of the federal geoportal, which geopy has no class for: postcodes and communes of Switzerland.

    Documented at https://docs.geo.admin.ch (search, type "locations"); no key, fair use.
    """

    path = "/rest/services/api/SearchServer"

    def __init__(self, *, domain: str = "api3.geo.admin.ch", **options: Any) -> None:
        super().__init__(**options)
        self.api = f"{self.scheme}://{domain.strip('/')}{self.path}"

    def geocode(self, query: str, *, limit: int = 10, timeout: Any = DEFAULT_SENTINEL) -> list[Location] | None:
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


class OnlineGeocoder:
    """An online service in front of the bundled places, which answer when it is down, busy or knows nothing."""

    def __init__(
        self,
        ask: Callable[..., list[Location] | None],
        read: Callable[[dict[str, Any]], tuple[str, str, str] | None],
        *,
        service: str,
        bundled: BundledPlaces,
        answers: Answers | None = None,
    ) -> None:
        self.service = service
        self.bundled = bundled
        self.answers = answers or Answers()
        self._ask = RateLimiter(
            ask, min_delay_seconds=SECONDS_BETWEEN_REQUESTS, max_retries=0, swallow_exceptions=False
        )
        self._read = read
        self._turn = threading.Lock()
        self._rests_until = 0.0

    def find(self, text: str, *, countries: Collection[str] | None = None, limit: int = 8) -> Found:
        """Say what place the text means, from memory, from the service, or else from the bundled places."""
        asked = tidied(text)
        if not asked:
            return NONE
        chosen = sorted(self.bundled.countries if countries is None else {country.upper() for country in countries})
        limit = max(1, limit)
        known = self.answers.get(self._question(asked, chosen, limit))
        if known:
            return known
        hits = self._hits(asked, chosen)
        if hits is None:
            return self.bundled.find(asked, countries=chosen, limit=limit)
        found = self._answer(asked, list(hits), chosen, limit)
        if found.is_none:
            found = self.bundled.find(asked, countries=chosen, limit=limit)
        self.answers.put(self._question(asked, chosen, limit), found)
        for place in found.choices:
            # Whoever chooses one of them asks for it by its key, and must get just that.
            self.answers.put(self._question(place.key, chosen, limit), Found(place=place))
        return found

    def _question(self, asked: str, countries: Iterable[str], limit: int) -> str:
        return "|".join((self.service, ",".join(countries), str(limit), asked.casefold()))

    def _hits(self, asked: str, countries: Collection[str]) -> Iterator[Place] | None:
        """Ask the service when it is our turn; None when it cannot be asked."""
        if time.monotonic() < self._rests_until or not self._turn.acquire(timeout=LONGEST_WAIT_SECONDS):
            return None
        try:
            wait = self.answers.take_turn(SECONDS_BETWEEN_REQUESTS)
            if wait > LONGEST_WAIT_SECONDS:
                return None
            time.sleep(wait)
            numbered = POSTCODE.fullmatch(asked)
            plain = f"{numbered['postcode']} {numbered['name'] or ''}".strip() if numbered else asked
            locations = self._ask(plain, countries=countries) or []
            return iter([place for location in locations if (place := self._place(location, countries))])
        except (GeopyError, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            # The text is not logged: people sometimes type a street into a place field.
            log.warning("place service %s cannot be used (%s), resting", self.service, type(error).__name__)
            self._rests_until = time.monotonic() + REST_SECONDS
            return None
        finally:
            self._turn.release()

    def _place(self, location: Location, countries: Collection[str]) -> Place | None:
        """Make a place of an answer; the bundled places complete what it lacks and give the region its code."""
        facts = self._read(location.raw)
        if facts is None:
            return None
        country, postcode, name = facts
        if country and country not in countries:
            return None
        lat, lon = round(location.latitude, 4), round(location.longitude, 4)
        nearest = self.bundled.nearest(lat, lon, countries=[country] if country else countries)
        if nearest is None:
            return None
        own = postcode if re.fullmatch(r"[0-9]{4,5}", postcode) else nearest.postcode
        return Place(nearest.country, own, str(name)[:80], nearest.region, lat, lon)

    @staticmethod
    def _answer(asked: str, places: list[Place], countries: Collection[str], limit: int) -> Found:
        """Keep what is called as asked, count what lies together as one, and answer."""
        numbered = POSTCODE.fullmatch(asked)
        name = numbered["name"] if numbered else asked
        called = [place for place in places if name and spellings(place.name) & spellings(name)]
        if numbered:
            coded = [place for place in called or places if place.postcode == numbered["postcode"]]
            exact = coded
        else:
            exact = called
        different: list[Place] = []
        for place in exact or places:
            if not any(is_same(place, other) for other in different):
                different.append(place)
        if len(different) == 1 and exact:
            return Found(place=different[0])
        return Found(choices=tuple({place.key: place for place in different}.values())[:limit])


def is_same(one: Place, other: Place) -> bool:
    """Say whether two answers mean the same place: the same name, and near each other."""
    near = distance_km(one.lat, one.lon, other.lat, other.lon) <= SAME_PLACE_KM
    return near and one.country == other.country and bool(spellings(one.name) & spellings(other.name))


def connect(service: str, url: str, bundled: BundledPlaces, answers: Answers) -> OnlineGeocoder:
    """Connect to `nominatim`, `photon` or `swisstopo`, at the operator's own address if one is given."""
    options: dict[str, Any] = {"user_agent": USER_AGENT, "timeout": TIMEOUT_SECONDS}
    if url:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        options |= {"scheme": parts.scheme, "domain": parts.netloc + parts.path.rstrip("/")}
    if service == "nominatim":
        ask, read = partial(ask_nominatim, Nominatim(**options)), of_nominatim
    elif service == "photon":
        ask, read = partial(ask_photon, Photon(**options)), of_photon
    elif service == "swisstopo":
        ask, read = partial(ask_swisstopo, SwissTopo(**options)), of_swisstopo
    else:
        raise ValueError(f"GEOCODER is {service!r}; known are bundled, nominatim, photon, swisstopo")
    return OnlineGeocoder(ask, read, service=service, bundled=bundled, answers=answers)


def ask_nominatim(service: Nominatim, text: str, *, countries: Collection[str]) -> list[Location] | None:
    """Ask Nominatim in these countries; a bare postcode is asked as one."""
    query: Any = {"postalcode": text} if text.isdigit() else text
    codes = [country.lower() for country in countries]
    return service.geocode(query, exactly_one=False, limit=20, addressdetails=True, country_codes=codes)


def ask_photon(service: Photon, text: str, *, countries: Collection[str]) -> list[Location] | None:
    """Ask Photon for settlements; it knows no countries, so its answers are sorted out afterwards."""
    return service.geocode(text, exactly_one=False, limit=20, osm_tag="place")


def ask_swisstopo(service: SwissTopo, text: str, *, countries: Collection[str]) -> list[Location] | None:
    """Ask the federal geoportal."""
    return service.geocode(text, limit=20)
