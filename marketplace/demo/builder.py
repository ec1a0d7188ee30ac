"""Builds the sample marketplace by living it: every row comes about by calling the actions under a moved clock."""

import gc
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock, ids
from marketplace.actions import outbox
from marketplace.db import db, transaction
from marketplace.demo import money, parts
from marketplace.demo.needs import need_help
from marketplace.demo.people import become_helper, open_account
from marketplace.demo.world import DAYS, TOWNS, Life, World
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.domain.places import Place
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.jobs import badges, deadlines
from marketplace.jobs.payments import settle_pending
from marketplace.models import Role, Standing, Task, User

PASSWORD = "hilfreich-demo"  # noqa: S105  play money, made-up people
SEED = 2013  # the year in which the idea was first tried
HELPERS, WAITING, TASKS = 144, 6, 400


def is_filled(session: Session) -> bool:
    """Whether anybody lives here yet."""
    return bool(session.scalar(select(func.count(User.id))))


def is_sample(session: Session) -> bool:
    """Whether those who live here are ours: the agent, who comes first, is among them."""
    return session.scalar(select(User.id).where(User.email == parts.FIRST.email)) is not None


def is_half_filled(session: Session) -> bool:
    """Whether a filling was interrupted: our agent, who comes first, is here, but no admin, who comes last."""
    agent = select(User.id).where(User.email == parts.FIRST.email)
    admin = select(User.id).where(User.roles.any(Role.name == parts.LAST.role))
    return session.scalar(agent) is not None and session.scalar(admin) is None


def fill(policy: Policy, gateways: Gateways, *, blur_secret: bytes, echo: Callable[[str], None] = print) -> None:
    """Fill the empty database with about 150 helpers and 400 tasks, lived in the last hundred days.

    The last thing is the admin's account: a filling without it was interrupted.
    """
    now = clock.now()
    start = (now - timedelta(days=DAYS)).replace(hour=7, minute=0, second=0, microsecond=0)
    ids.seed(SEED)
    gc.disable()  # a quarter of the time went into looking for rings of objects that are not there
    try:
        with clock.moved_to(start):
            world = _new_world(policy, gateways, blur_secret)
            parts.open_operators(world, parts.FIRST, parts.MODERATOR)
            _let_helpers_come(world, start, now)
            _let_customers_come(world, start)
            parts.play(world, start)
            world.live(now, lambda: _pass_a_day(world))
            money.close_the_books(world)
            badges.rebuild(policy=policy)
            with transaction() as session:
                outbox.close_the_past(session, before=now - timedelta(days=3))
            parts.open_operators(world, parts.LAST)
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


def _let_helpers_come(world: World, start: datetime, now: datetime) -> None:
    """Most come in the first weeks; the last ones still wait for the operator."""
    for number in range(HELPERS):
        at = start + timedelta(days=world.random.triangular(0, 60, 0))
        world.begin(at, _come_as_helper(world, CERTIFICATION.declined if number % 15 == 14 else CERTIFICATION.granted))
    for number in range(WAITING):
        world.begin(now - timedelta(hours=9 * number + 2), _come_as_helper(world, None))


def _come_as_helper(world: World, decided: str | None) -> Life:
    language, place = world.homes_of_helpers.draw()
    card = world.profiles.draw(language=language)
    gender = card["gender"] if card["gender"] != "any" else world.random.choice(("female", "male"))
    person = open_account(world, world.name(language, gender), language)
    if decided:
        yield world.after(0.2, 3)
    keen = world.makes_a_habit_of_it(place)
    yield from become_helper(world, person, language, place, card=card, decided=decided, keen=keen)


def _let_customers_come(world: World, start: datetime) -> None:
    """More and more tasks towards today, and a good many of the last days, so that there is something to bid on."""
    known: list[tuple[int, str, Place]] = []
    for number in range(TASKS - parts.TASKS):
        day = world.random.triangular(8, DAYS, DAYS * 0.8) if number % 12 else world.random.uniform(DAYS - 3, DAYS)
        at = start + timedelta(days=int(day), hours=world.random.uniform(0, 13))
        world.begin(at, _come_as_customer(world, known))


def _come_as_customer(world: World, known: list[tuple[int, str, Place]]) -> Life:
    """Some customers come again."""
    if known and world.chance(0.25):
        person, language, place = world.random.choice(known)
        card = world.tasks.draw(language=language, gender="any")
    else:
        language, place = world.homes_of_customers.draw()
        card = world.tasks.draw(language=language)
        gender = card["gender"] if card["gender"] != "any" else world.random.choice(("female", "male"))
        person = open_account(world, world.name(language, gender), language)
        known.append((person, language, place))
    yield from need_help(world, person, place, card)


def _pass_a_day(world: World) -> None:
    """What the worker does by itself; standings once a week, since nobody looks at the past."""
    gateways, policy = world.gateways, world.policy
    settle_pending(gateways)
    deadlines.work_off(gateways.photos, policy=policy)
    money.hand_over(world)
    if clock.now().weekday() == 0:
        badges.refresh_stale(policy=policy)


def _census(session: Session) -> str:
    """How many of what there are."""
    people = session.scalar(select(func.count(User.id)))
    helpers = session.scalar(select(func.count(User.id)).where(User.is_helper))
    states = session.execute(select(Task.state, func.count()).group_by(Task.state).order_by(Task.state)).all()
    friends = session.scalar(select(func.count(Standing.id)).where(Standing.is_friend))
    listed = ", ".join(f"{count} {state}" for state, count in states)
    return f"{people} people, {helpers} of them helpers and {friends} Friends; tasks: {listed}."
