"""The main parts: the accounts that a visitor signs in with, their stories in Bern, and what the operator's room has to show."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from marketplace.actions import accounts, bids
from marketplace.db import transaction
from marketplace.demo.bidding import make_bid
from marketplace.demo.deeds import tried
from marketplace.demo.needs import choose, post
from marketplace.demo.people import become_helper, open_account
from marketplace.demo.visits import accept, visit
from marketplace.demo.world import DAYS, Helper, Life, World
from marketplace.domain.places import Place
from marketplace.models import Task, User

DONE_BY_RETO, DONE_BY_LEA = 4, 9
TASKS = DONE_BY_RETO + DONE_BY_LEA + 4  # Anna's, the two advertisements, and the one that was not solved
MAIN_SKILLS = ("wifi", "tv", "computer")


@dataclass(frozen=True)
class Account:
    """An account that a visitor of the demo may use."""

    email: str
    name: str
    what: str


@dataclass(frozen=True)
class Operator(Account):
    """One of the operator's people, with their role."""

    role: str


FIRST = Operator("agent@example.org", "Aline Favre", "operator: agent", "agent")
MODERATOR = Operator("moderator@example.org", "Marco Bianchi", "operator: moderator", "moderator")
LAST = Operator("admin@example.org", "Ada Frei", "operator: admin", "admin")
ACCOUNTS = (
    Account("anna@example.org", "Anna Keller", "customer with bids to compare"),
    Account("reto@example.org", "Reto Brunner", "helper, one booking before the badge"),
    Account("lea@example.org", "Lea Zimmermann", "helper with the badge"),
    FIRST,
    MODERATOR,
    LAST,
)


@dataclass(frozen=True)
class MainHelper:
    """A helper of the demo with a fixed number of visits that all went well."""

    email: str
    gender: str
    visits: int


def open_operators(world: World, *people: Operator) -> None:
    """Make the accounts of these people of the operator's."""
    with transaction() as session:
        for one in people:
            person = accounts.create_operator(
                session, email=one.email, name=one.name, role=one.role, password_hash=world.password_hash
            )
            session.flush()
            world.operators[one.role] = person.id


def play(world: World, start: datetime) -> None:
    """Let the stories begin that must not be left to the dice."""
    bern, zurich = (next(place for _, _, place in world.places if place.postcode == code) for code in ("3011", "8004"))
    reto, lea = (
        MainHelper("reto@example.org", "male", DONE_BY_RETO),
        MainHelper("lea@example.org", "female", DONE_BY_LEA),
    )
    today = start + timedelta(days=DAYS)
    world.begin(start + timedelta(days=2), _play_helper(world, lea, bern))
    world.begin(start + timedelta(days=3), _play_helper(world, reto, bern))
    world.begin(today - timedelta(days=11), _play_unsolved(world, bern))
    world.begin(today - timedelta(days=9), _play_advertiser(world, zurich))
    world.begin(today - timedelta(hours=26), _play_anna(world, bern))


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
            yield from visit(world, booking_id, customer, "de", helper=helper, ending="well")


def _play_anna(world: World, town: Place) -> Life:
    """A task of yesterday with three bids to compare: by Reto, by Lea the Friend, and by somebody else nearby."""
    card = world.tasks.draw(language="de", skill="wifi", gender="any")
    anna = open_account(world, _named("anna@example.org"), "de", email="anna@example.org")
    task_id = post(world, anna, town, card)
    with transaction() as session:
        wanted = select(User.id).where(User.email.in_(("reto@example.org", "lea@example.org"))).order_by(User.email)
        own = [Helper(user_id, "de", town, 20, frozenset(MAIN_SKILLS), 1.0, 1.0) for user_id in session.scalars(wanted)]
    for helper in own + world.helpers_near(town, "wifi", 1):
        yield world.after(0.5, 2)
        yield from make_bid(world, helper, task_id, card, talkative=helper is own[0])


def _play_unsolved(world: World, town: Place) -> Life:
    """A visit after which it still does not work, and about which the operator has not yet decided."""
    card = world.tasks.draw(language="de", skill="computer", gender="any")
    customer = open_account(world, world.name("de", "female"), "de")
    task_id = post(world, customer, town, card)
    [helper] = world.helpers_near(town, "computer", 1)
    yield world.after(1, 4)
    yield from make_bid(world, helper, task_id, card)
    yield world.after(5, 12)
    bid_id = choose(world, task_id)
    if bid_id is not None:
        booking_id, _ = accept(world, bid_id, customer, "de", town, sure=True)
        if booking_id is not None:
            yield from visit(world, booking_id, customer, "de", helper=helper, ending="badly")


def _play_advertiser(world: World, town: Place) -> Life:
    """Somebody who takes the marketplace for a notice board: the first task is taken down, the second closes the account."""
    texts, moderator = world.decisions, world.operators["moderator"]
    advertiser = open_account(world, world.name("de", "male"), "de")
    for last in (False, True):
        task_id = post(world, advertiser, town, texts["advertisement"])
        yield world.after(3, 9)
        tried(
            lambda session, task_id=task_id: bids.remove_task(
                session,
                session.get_one(Task, task_id),
                by=session.get_one(User, moderator),
                reason=texts["removal"],
            )
        )
        if not last:
            yield world.after(20, 40)
    tried(
        lambda session: accounts.suspend(
            session,
            session.get_one(User, advertiser),
            by=session.get_one(User, moderator),
            reason=texts["suspension"],
        )
    )


def _named(email: str) -> str:
    return next(account.name for account in ACCOUNTS if account.email == email)
