"""What the sample lives share: the towns, the people made so far, the texts, the dice, and the order of events in time."""

import heapq
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random

from marketplace import clock
from marketplace.demo.pools import Deck, Decks, read
from marketplace.domain.lifecycles import BOOKING, CERTIFICATION
from marketplace.domain.places import Place, distance_km
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox import Sandbox

# A life is a generator: it does something, then yields the moment at which it goes on.
Life = Iterator[datetime]

# Towns with their share of people: language, postcode, weight.
TOWNS = (
    ("de", "8004", 8), ("de", "8050", 5), ("de", "8400", 4), ("de", "8610", 2), ("de", "3011", 6), ("de", "3098", 3),
    ("de", "3400", 1), ("de", "2502", 2), ("de", "4051", 5), ("de", "4410", 1), ("de", "5000", 2), ("de", "6003", 4),
    ("de", "6300", 2), ("de", "9000", 3), ("de", "8200", 1), ("de", "7000", 2), ("de", "3900", 1), ("de", "9490", 1),
    ("fr", "1201", 5), ("fr", "1003", 5), ("fr", "1700", 2), ("fr", "2000", 2), ("fr", "1950", 2), ("fr", "1800", 1),
    ("fr", "2800", 1), ("it", "6900", 3), ("it", "6500", 2), ("it", "6600", 1),
)  # fmt: skip
DAYS = 100  # how long the sample marketplace has been lived in
KEEN_PER_WEIGHT = 0.45  # helpers who make a habit of it, for each part of a town's weight
VISITS_ENOUGH = 8  # who has done so many is asked by acquaintances and looks for tasks less often


@dataclass(frozen=True)
class Helper:
    """A sample helper as the lives need one: ids and figures, no row."""

    user_id: int
    language: str
    place: Place
    radius_km: int
    skills: frozenset[str]
    quality: float  # 0 to 1: how good the work is
    cheapness: float  # 0.8 to 1.2
    zeal: int = 1  # how often they bid, beside the others


@dataclass
class World:
    """The sample marketplace while it is being lived."""

    policy: Policy
    gateways: Gateways
    random: Random
    blur_secret: bytes
    places: list[tuple[str, int, Place]]
    password_hash: str
    helpers: list[Helper] = field(default_factory=list)
    operators: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the texts and start an empty calendar of events."""
        self.tasks = Decks(read("tasks"), self.random)
        self.profiles = Decks(read("helpers"), self.random)
        self.people = read("people")
        bids, reviews, decisions = read("bids"), read("reviews"), read("certifications")
        self.bids = Decks(bids["bids"], self.random)
        self.counter_notes = Decks(bids["counter_notes"], self.random)
        self.revision_notes = Decks(bids["revision_notes"], self.random)
        self.praise = Decks(reviews["by_customers"], self.random)
        self.thanks = Decks(reviews["by_helpers"], self.random)
        self.applications = Decks(decisions["applications"], self.random)
        self.grants = Decks(decisions[CERTIFICATION.granted], self.random)
        self.refusals = Decks(decisions[CERTIFICATION.declined], self.random)
        self.talks = Decks(read("messages"), self.random)
        self.decisions = read("decisions")
        self.notes = Decks(self.decisions[BOOKING.unsolved], self.random)
        self.settlements = Decks(self.decisions["settlements"], self.random)
        self.skills = sorted({card["skill"] for card in self.tasks.cards})
        towns = [(language, place) for language, weight, place in self.places for _ in range(weight)]
        self.homes_of_helpers, self.homes_of_customers = Deck(towns, self.random), Deck(towns, self.random)
        self.visits: Counter[int] = Counter()  # agreed so far, by helper
        self._habits_left = {place: round(weight * KEEN_PER_WEIGHT) for _, weight, place in self.places}
        self._events: list[tuple[datetime, int, Life]] = []
        self._order = count()
        self._numbers = count(1)

    @property
    def sandbox(self) -> Sandbox:
        """Where sample people pay; without it there is no demo."""
        if self.gateways.sandbox is None:
            raise RuntimeError("sample people pay with play money only")
        return self.gateways.sandbox

    def begin(self, at: datetime, life: Life) -> None:
        """Let a life begin at a moment."""
        heapq.heappush(self._events, (at, next(self._order), life))

    def live(self, until: datetime, every_day: Callable[[], None]) -> None:
        """Let everything happen in the order of time, up to `until`; what comes later is left undone."""
        day = self._events[0][0]
        while self._events and self._events[0][0] <= until:
            at, _, life = heapq.heappop(self._events)
            while day < at:
                clock.move_to(day)
                every_day()
                day += timedelta(days=1)
            clock.move_to(at)
            following = next(life, None)
            if following is not None:
                self.begin(max(following, at), life)
        clock.move_to(until)
        every_day()

    def chance(self, probability: float) -> bool:
        """Throw the dice."""
        return self.random.random() < probability

    def after(self, least_hours: float, most_hours: float) -> datetime:
        """A moment between so many hours from now, at a time of day at which people are awake."""
        at = clock.now() + timedelta(hours=self.random.uniform(least_hours, most_hours))
        return at if 6 <= at.hour <= 20 else at.replace(hour=self.random.randint(7, 19))

    def number(self) -> int:
        """The next number, for mail addresses."""
        return next(self._numbers)

    def token(self) -> str:
        """What stands in for the hash of a browser's secret; nobody holds the secret."""
        return secrets.token_hex(32)

    def name(self, language: str, gender: str) -> str:
        """A first and a last name as they are found in that part of the country."""
        people = self.people[f"{language}-CH"]
        return f"{self.random.choice(people['first_names'][gender])} {self.random.choice(people['last_names'])}"

    def makes_a_habit_of_it(self, place: Place) -> bool:
        """Whether somebody who becomes a helper in this town will be one of the few who do so week after week."""
        self._habits_left[place] -= 1
        return self._habits_left[place] >= 0

    def helpers_near(self, place: Place, skill: str, most: int) -> list[Helper]:
        """Helpers who may see and want a task there; the zealous ones are there more often."""
        able = [
            helper
            for helper in self.helpers
            if skill in helper.skills
            and distance_km(place.lat, place.lon, helper.place.lat, helper.place.lon) <= helper.radius_km
        ]
        found: list[Helper] = []
        while able and len(found) < most:
            [one] = self.random.choices(able, weights=[self._zeal_of(helper) for helper in able])
            able.remove(one)
            found.append(one)
        return found

    def _zeal_of(self, helper: Helper) -> int:
        """How often this helper bids, beside the others."""
        return min(helper.zeal, 2) if self.visits[helper.user_id] >= VISITS_ENOUGH else helper.zeal
