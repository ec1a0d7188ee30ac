"""Builds the sample marketplace by living it: every row comes about by calling the actions under a moved clock."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock, ids
from marketplace.actions import accounts, outbox
from marketplace.db import db, transaction
from marketplace.demo import lives, money
from marketplace.demo.world import TOWNS, Helper, Life, World
from marketplace.domain.places import Place
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.jobs import badges, deadlines
from marketplace.jobs.payments import settle_pending
from marketplace.models import Standing, Task, User

PASSWORD = "hilfreich-demo"  # noqa: S105  play money, made-up people
SEED = 2013  # the year in which the idea was first tried
DAYS = 100
HELPERS, WAITING, TASKS = 144, 6, 400
DONE_BY_RETO, DONE_BY_LEA = 4, 9
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


def is_filled(session: Session) -> bool:
    """Whether anybody lives here yet."""
    return bool(session.scalar(select(func.count(User.id))))


def fill(policy: Policy, gateways: Gateways, *, blur_secret: bytes, echo: Callable[[str], None] = print) -> None:
    """Fill the empty database with about 150 helpers and 400 tasks, lived in the last hundred days."""
    now = clock.now()
    start = (now - timedelta(days=DAYS)).replace(hour=7, minute=0, second=0, microsecond=0)
    ids.seed(SEED)
    gc.disable()  # a quarter of the time went into looking for rings of objects that are not there
    try:
        with clock.moved_to(start):
            world = _new_world(policy, gateways, blur_secret)
            _open_operators(world)
            _let_helpers_come(world, start)
            _let_customers_come(world, start)
            _play_the_main_parts(world, start)
            world.live(now, lambda: _pass_a_day(world))
            _close_the_post()
            money.close_the_books(world)
            badges.rebuild(policy=policy)
    finally:
        gc.enable()
        ids.seed(None)
    echo(_census(db.session))


def _new_world(policy: Policy, gateways: Gateways, blur_secret: bytes) -> World:
    """The towns, the dice, and nobody yet."""
    places = []
    for language, postcode, weight in TOWNS:
        found = gateways.geocoder.find(postcode, countries=("LI",) if postcode == "9490" else ("CH",))
        places.append((language, weight, found.place or found.choices[0]))
    return World(policy, gateways, Random(SEED), blur_secret, places, hash_password(PASSWORD))


def _open_operators(world: World) -> None:
    with transaction() as session:
        for account in ACCOUNTS:
            if account.what.startswith(OPERATOR):
                role = account.what.removeprefix(OPERATOR)
                person = accounts.create_operator(
                    session, email=account.email, name=account.name, role=role, password_hash=world.password_hash
                )
                session.flush()
                world.operators[role] = person.id


def _let_helpers_come(world: World, start: datetime) -> None:
    """Most come in the first weeks; the last ones still wait for the operator."""
    for number in range(HELPERS):
        at = start + timedelta(days=world.random.triangular(0, 60, 0))
        world.begin(at, _come_as_helper(world, "declined" if number % 15 == 14 else "granted"))
    for number in range(WAITING):
        world.begin(clock.now() + timedelta(days=DAYS, hours=-9 * number - 4), _come_as_helper(world, None))


def _come_as_helper(world: World, decided: str | None) -> Life:
    language, place = world.somewhere()
    card = world.profiles.draw(language=language)
    gender = card["gender"] if card["gender"] != "any" else world.random.choice(("female", "male"))
    person = lives.open_account(world, world.name(language, gender), language)
    yield world.after(0.2, 3)
    yield from lives.become_helper(world, person, language, place, card=card, decided=decided)


def _let_customers_come(world: World, start: datetime) -> None:
    """More and more tasks towards today; some customers come again."""
    known: list[tuple[int, str, Place]] = []
    for _ in range(TASKS - DONE_BY_RETO - DONE_BY_LEA - 1):
        day = world.random.triangular(8, DAYS, DAYS * 0.9)
        at = start + timedelta(days=int(day), hours=world.random.uniform(0, 13))
        world.begin(at, _come_as_customer(world, known))


def _come_as_customer(world: World, known: list[tuple[int, str, Place]]) -> Life:
    if known and world.chance(0.35):
        person, language, place = world.random.choice(known)
        card = world.tasks.draw(language=language, gender="any")
    else:
        language, place = world.somewhere()
        card = world.tasks.draw(language=language)
        gender = card["gender"] if card["gender"] != "any" else world.random.choice(("female", "male"))
        person = lives.open_account(world, world.name(language, gender), language)
        known.append((person, language, place))
    yield from lives.need_help(world, person, place, card)


def _play_the_main_parts(world: World, start: datetime) -> None:
    """The accounts that a visitor signs in with have a story of their own, all of it in Bern."""
    town = next(place for _, _, place in world.places if place.postcode == "3011")
    reto, lea = (
        MainHelper("reto@example.org", "male", DONE_BY_RETO, has_bank_data=False),
        MainHelper("lea@example.org", "female", DONE_BY_LEA, has_bank_data=True),
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
    has_bank_data: bool  # whether what the helper earns is paid out, or waits


def _play_helper(world: World, part: MainHelper, town: Place) -> Life:
    """Come, be certified, and do one visit a week to a customer of its own, always with five stars."""
    card = {**world.profiles.draw(language="de", gender=part.gender), "skills": list(MAIN_SKILLS)}
    person = lives.open_account(world, _named(part.email), "de", email=part.email)
    yield world.after(1, 3)
    yield from lives.become_helper(world, person, "de", town, card=card)
    if part.has_bank_data:
        money.give_bank_data(world, person)
    helper = next(one for one in world.helpers if one.user_id == person)
    world.helpers.remove(helper)  # bids only where this story says so
    helper = replace(helper, quality=1.0)
    for _ in range(part.visits):
        yield world.after(24, 60)
        card = world.tasks.draw(language="de", skill=world.random.choice(MAIN_SKILLS), gender="any")
        customer = lives.open_account(world, world.name("de", world.random.choice(("female", "male"))), "de")
        task_id = lives.post(world, customer, town, card)
        yield world.after(1, 4)
        yield from lives.make_bid(world, helper, task_id, card)
        yield world.after(5, 12)
        bid_id = lives.choose(world, task_id)
        if bid_id is None:
            continue
        booking_id, _ = lives.accept(world, bid_id, customer, "de", town, sure=True)
        if booking_id is not None:
            yield from lives.visit(world, booking_id, customer, "de", helper=helper, smooth=True)


def _play_anna(world: World, town: Place) -> Life:
    """A task of yesterday with three bids to compare, one of them Reto's."""
    card = world.tasks.draw(language="de", skill="wifi", gender="any")
    anna = lives.open_account(world, _named("anna@example.org"), "de", email="anna@example.org")
    task_id = lives.post(world, anna, town, card)
    with transaction() as session:
        wanted = select(User.id).where(User.email.in_(("reto@example.org", "lea@example.org"))).order_by(User.email)
        own = [Helper(user_id, "de", town, 20, frozenset(MAIN_SKILLS), 1.0, 1.0) for user_id in session.scalars(wanted)]
    for helper in own + world.helpers_near(town, "wifi", 2):
        yield world.after(0.5, 2)
        yield from lives.make_bid(world, helper, task_id, card, talkative=helper is own[0])


def _named(email: str) -> str:
    return next(account.name for account in ACCOUNTS if account.email == email)


def _pass_a_day(world: World) -> None:
    """What the worker does by itself; standings once a week, since nobody looks at the past."""
    gateways, policy = world.gateways, world.policy
    settle_pending(gateways)
    deadlines.work_off(gateways.photos, policy=policy)
    money.hand_over(world)
    if clock.now().weekday() == 0:
        badges.refresh_stale(policy=policy)


def _close_the_post() -> None:
    """Mails of the sample past are not delivered; refunds are. Notices older than a week are read."""
    with transaction() as session:
        outbox.skip_mails(session)


def _census(session: Session) -> str:
    """How many of what there are."""
    people = session.scalar(select(func.count(User.id)))
    helpers = session.scalar(select(func.count(User.id)).where(User.is_helper))
    states = session.execute(select(Task.state, func.count()).group_by(Task.state).order_by(Task.state)).all()
    friends = session.scalar(select(func.count(Standing.id)).where(Standing.is_friend))
    listed = ", ".join(f"{count} {state}" for state, count in states)
    return f"{people} people, {helpers} of them helpers and {friends} Friends; tasks: {listed}."
