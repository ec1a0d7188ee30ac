"""Places looked up at an online service through geopy: Nominatim, Photon or swisstopo, politely and never alone."""

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from geopy.exc import GeopyError
from geopy.extra.rate_limiter import RateLimiter
from geopy.geocoders import Nominatim, Photon
from geopy.location import Location

from marketplace.domain.places import Place, distance_km, spellings
from marketplace.gateways.geocoder.bundled import BundledPlaces, tidied
from marketplace.gateways.geocoder.found import NONE, Found
from marketplace.gateways.geocoder.index import ONE_POINT_KM, POSTCODE, signed
from marketplace.gateways.geocoder.memory import Answers
from marketplace.gateways.geocoder.services import (
    Hits,
    SwissTopo,
    ask_nominatim,
    ask_photon,
    ask_swisstopo,
    of_nominatim,
    of_photon,
    of_swisstopo,
)
from marketplace.gateways.geocoder.typed import understood

log = logging.getLogger(__name__)

USER_AGENT = "Hilfreich/1.0 (self-hosted marketplace for neighbours; place search)"
TIMEOUT_SECONDS = 5
SECONDS_BETWEEN_REQUESTS = 1.0
LONGEST_WAIT_SECONDS = 3.0
# After a failure the service is left alone, so that pages do not wait for it again and again.
REST_SECONDS = 60
MOST_CHOICES = 20


class OnlineGeocoder:
    """An online service in front of the bundled places, which answer when it is down, busy or knows nothing.

    `covers` names the only countries that the service knows; the bundle answers for the others beside it.
    """

    def __init__(
        self,
        ask: Callable[..., Hits],
        read: Callable[[dict[str, Any]], tuple[str, str, str] | None],
        *,
        service: str,
        bundled: BundledPlaces,
        answers: Answers | None = None,
        covers: frozenset[str] | None = None,
    ) -> None:
        self.service = service
        self.bundled = bundled
        self.answers = answers or Answers()
        self.covers = covers
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
        found = understood(asked, chosen, lambda text: self._known(text, chosen))
        return replace(found, choices=found.choices[: max(1, limit)])

    def _known(self, asked: str, countries: list[str]) -> Found:
        return self.answers.get(self._question(asked, countries)) or self._find(asked, countries)

    def _find(self, asked: str, countries: list[str]) -> Found:
        """Ask the service and keep its answer; what it does not know or cannot say is looked up in the bundle."""
        numbered = POSTCODE.fullmatch(asked)
        within = [country for country in countries if not numbered or signed(numbered) in ("", country)]
        hits = self._hits(asked, within) if within else []
        if hits is None:
            return self.bundled.find(asked, countries=within, limit=MOST_CHOICES)
        uncovered = [country for country in within if self.covers and country not in self.covers]
        elsewhere = self.bundled.find(asked, countries=uncovered) if uncovered else NONE
        found = answer(asked, hits + ([elsewhere.place] if elsewhere.place else []))
        if found.is_none:
            found = self.bundled.find(asked, countries=within, limit=MOST_CHOICES)
        self.answers.put(self._question(asked, countries), found)
        for place in found.choices:
            # Whoever chooses one of them asks for it by its key, and must get just that.
            self.answers.put(self._question(place.key, countries), Found(place=place))
        return found

    def _question(self, asked: str, countries: Iterable[str]) -> str:
        return "|".join((self.service, ",".join(countries), asked.casefold()))

    def _hits(self, asked: str, countries: Collection[str]) -> list[Place] | None:
        """Ask the service when it is our turn; None when it cannot be asked."""
        # The pace is the real world's, not that of the demo's clock.
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
            return [place for location in locations if (place := self._place(location, countries))]
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
        known = set(countries) & (self.covers or set(countries))
        nearest = self.bundled.nearest(lat, lon, countries=[country] if country else known)
        if nearest is None:
            return None
        own = postcode if re.fullmatch(r"[0-9]{4,5}", postcode) else nearest.postcode
        return Place(nearest.country, own, str(name)[:80], nearest.region, lat, lon)


def answer(asked: str, places: list[Place]) -> Found:
    """Keep what is called or coded as asked, count what lies together as one, and answer."""
    numbered = POSTCODE.fullmatch(asked)
    name = numbered["name"] if numbered else asked
    exact = [place for place in places if not name or spellings(place.name) & spellings(name)]
    if numbered:
        exact = [place for place in exact or places if place.postcode == numbered["postcode"]]
    different: list[Place] = []
    for place in exact or places:
        if not any(is_same(place, other, by_name=bool(name)) for other in different):
            different.append(place)
    if len(different) == 1 and exact:
        return Found(place=different[0])
    return Found(choices=tuple({place.key: place for place in different}.values())[:MOST_CHOICES])


def is_same(one: Place, other: Place, *, by_name: bool) -> bool:
    """Say whether two answers mean the same place: near each other, and of one name when a name was asked for."""
    near = distance_km(one.lat, one.lon, other.lat, other.lon) <= ONE_POINT_KM
    called = not by_name or bool(spellings(one.name) & spellings(other.name))
    return near and called and one.country == other.country


def connect(service: str, url: str, bundled: BundledPlaces, answers: Answers) -> OnlineGeocoder:
    """Connect to `nominatim`, `photon` or `swisstopo`, at the operator's own address if one is given."""
    options: dict[str, Any] = {"user_agent": USER_AGENT, "timeout": TIMEOUT_SECONDS}
    if url:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        options |= {"scheme": parts.scheme, "domain": parts.netloc + parts.path.rstrip("/")}
    if service == "nominatim":
        ask, read, covers = partial(ask_nominatim, Nominatim(**options)), of_nominatim, None
    elif service == "photon":
        ask, read, covers = partial(ask_photon, Photon(**options)), of_photon, None
    elif service == "swisstopo":
        ask, read, covers = partial(ask_swisstopo, SwissTopo(**options)), of_swisstopo, frozenset({"CH", "LI"})
    else:
        raise ValueError(f"GEOCODER is {service!r}; known are bundled, nominatim, photon, swisstopo")
    return OnlineGeocoder(ask, read, service=service, bundled=bundled, answers=answers, covers=covers)
