"""The main parts: the accounts that a visitor signs in with, and their stories, all of them in Bern."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from marketplace.db import transaction
from marketplace.demo.bidding import make_bid
from marketplace.demo.needs import choose, post
from marketplace.demo.people import become_helper, open_account
from marketplace.demo.visits import accept, visit
from marketplace.demo.world import DAYS, Helper, Life, World
from marketplace.domain.places import Place
from marketplace.models import User

DONE_BY_RETO, DONE_BY_LEA = 4, 9
TASKS = DONE_BY_RETO + DONE_BY_LEA + 1
MAIN_SKILLS = ("wifi", "tv", "computer")
OPERATOR = "operator: "


@dataclass(frozen=True)
class Account:
    """An account that a visitor of the demo may use."""

    email: str
    name: str
    what: str


ACCOUNTS = (
    Account("anna@example.org", "Anna Keller", "customer with bids to compare"),
    Account("reto@example.org", "Reto Brunner", "helper, one booking before the badge"),
    Account("lea@example.org", "Lea Zimmermann", "helper with the badge"),
    Account("agent@example.org", "Aline Favre", "operator: agent"),
    Account("moderator@example.org", "Marco Bianchi", "operator: moderator"),
    Account("admin@example.org", "Ada Frei", "operator: admin"),
)


def play_the_main_parts(world: World, start: datetime) -> None:
    """The accounts that a visitor signs in with have a story of their own, all of it in Bern."""
    town = next(place for _, _, place in world.places if place.postcode == "3011")
    reto, lea = (
        MainHelper("reto@example.org", "male", DONE_BY_RETO),
        MainHelper("lea@example.org", "female", DONE_BY_LEA),
    )
    world.begin(start + timedelta(days=2), _play_helper(world, lea, town))
    world.begin(start + timedelta(days=3), _play_helper(world, reto, town))
    world.begin(start + timedelta(days=DAYS, hours=-26), _play_anna(world, town))


@dataclass(frozen=True)
class MainHelper:
    """A helper of the demo with a fixed number of visits that all went well."""

    email: str
    gender: str
    visits: int


def _play_helper(world: World, part: MainHelper, town: Place) -> Life:
    """Come, be certified, and do one visit a week to a customer of its own, always with five stars."""
    card = {**world.profiles.draw(language="de", gender=part.gender), "skills": list(MAIN_SKILLS)}
    person = open_account(world, _named(part.email), "de", email=part.email)
    yield world.after(1, 3)
    yield from become_helper(world, person, "de", town, card=card)
    helper = next(one for one in world.helpers if one.user_id == person)
    world.helpers.remove(helper)  # bids only where this story says so
    helper = replace(helper, quality=1.0)
    for _ in range(part.visits):
        yield world.after(24, 60)
        card = world.tasks.draw(language="de", skill=world.random.choice(MAIN_SKILLS), gender="any")
        customer = open_account(world, world.name("de", world.random.choice(("female", "male"))), "de")
        task_id = post(world, customer, town, card)
        yield world.after(1, 4)
        yield from make_bid(world, helper, task_id, card)
        yield world.after(5, 12)
        bid_id = choose(world, task_id)
        if bid_id is None:
            continue
        booking_id, _ = accept(world, bid_id, customer, "de", town, sure=True)
        if booking_id is not None:
            yield from visit(world, booking_id, customer, "de", helper=helper, smooth=True)


def _play_anna(world: World, town: Place) -> Life:
    """A task of yesterday with three bids to compare, one of them Reto's."""
    card = world.tasks.draw(language="de", skill="wifi", gender="any")
    anna = open_account(world, _named("anna@example.org"), "de", email="anna@example.org")
    task_id = post(world, anna, town, card)
    with transaction() as session:
        wanted = select(User.id).where(User.email.in_(("reto@example.org", "lea@example.org"))).order_by(User.email)
        own = [Helper(user_id, "de", town, 20, frozenset(MAIN_SKILLS), 1.0, 1.0) for user_id in session.scalars(wanted)]
    for helper in own + world.helpers_near(town, "wifi", 2):
        yield world.after(0.5, 2)
        yield from make_bid(world, helper, task_id, card, talkative=helper is own[0])


def _named(email: str) -> str:
    return next(account.name for account in ACCOUNTS if account.email == email)
