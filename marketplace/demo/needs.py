"""How sample customers find help: they post a task, compare the bids, and book one."""

from datetime import timedelta
from typing import Any

from marketplace import clock
from marketplace.actions import bids, tasks
from marketplace.db import transaction
from marketplace.demo.bidding import answer_counter, counter, make_bid
from marketplace.demo.deeds import tried
from marketplace.demo.visits import accept, visit
from marketplace.demo.world import Life, World
from marketplace.domain import posting
from marketplace.domain.lifecycles import BID
from marketplace.domain.places import Place
from marketplace.models import Task, User
from marketplace.queries.bids import of_task


def need_help(
    world: World,
    customer_id: int,
    place: Place,
    card: dict[str, Any],
) -> Life:
    """Post a task, compare the bids, book one, and see the visit through to the review, as fate will have it."""
    random = world.random
    task_id = post(world, customer_id, place, card)
    for helper in world.helpers_near(place, card["skill"], random.choice((1, 2, 2, 3, 3, 4, 5))):
        world.begin(world.after(0.3, 14), make_bid(world, helper, task_id, card, talkative=world.chance(0.3)))
    [fate] = random.choices(("books", "waits", "cancels", "books_late"), weights=(90, 4, 3, 3))
    if fate == "waits":
        return
    yield world.after(16, 34)
    if fate == "cancels":
        tried(
            lambda session: bids.cancel_task(
                session, session.get_one(Task, task_id), by=session.get_one(User, customer_id)
            )
        )
        return
    chosen = choose(world, task_id)
    if chosen is None:
        return
    if world.chance(0.18) and counter(world, chosen, customer_id, card["language"]):
        yield world.after(2, 6)
        answered = answer_counter(world, chosen, card["language"])
        yield world.after(0.5, 3)
        if not answered:
            return
    booking_id, helper_id = accept(world, chosen, customer_id, card["language"], place)
    if booking_id is None:
        return
    helper = next(one for one in world.helpers if one.user_id == helper_id)
    yield from visit(world, booking_id, customer_id, card["language"], helper=helper)


def post(world: World, customer_id: int, place: Place, card: dict[str, Any]) -> int:
    """Answer the questions of posting and publish; gives the task's id."""
    days = posting.days_offered(clock.now(), days=8, zone="Europe/Zurich")
    free = [span for day in days[1:] for span in day.spans]
    spans = sorted(world.random.sample(free, 4), key=lambda span: span.starts_at)
    answers = {
        "skill": {"skill": card["skill"]},
        "questions": card["answers"],
        "words": {name: card[name] for name in ("title", "description", "device", "tried", "language")},
        "times": {
            "flexible": False,
            "slots": [[span.starts_at.isoformat(), span.ends_at.isoformat()] for span in spans],
        },
        "place": {
            "where": f"{place.postcode} {place.name}",
            "country": place.country,
            "postcode": place.postcode,
            "name": place.name,
            "region": place.region,
            "lat": place.lat,
            "lon": place.lon,
            "remote": card["remote_ok"] and world.chance(0.5),
            "budget_cents": card["budget_chf"] * 100 if card["budget_chf"] else None,
        },
    }
    with transaction() as session:
        customer = session.get_one(User, customer_id)
        draft = tasks.begin_draft(session, by=customer, token_hash=world.token(), policy=world.policy)
        tasks.write_draft(session, draft, answers, policy=world.policy, by=customer)
        task = tasks.publish(session, draft, by=customer, policy=world.policy, blur_secret=world.blur_secret)
        return task.id


def choose(world: World, task_id: int) -> int | None:
    """The bid that this customer likes best of those that can still be had: mostly the best fit, as the page sorts them."""
    now = clock.now()
    soon = now + timedelta(hours=2)
    with transaction() as session:
        found = of_task(session, session.get_one(Task, task_id), order="fit", now=now, policy=world.policy)
        placed = [one.bid.id for one in found if one.bid.state == BID.placed and one.bid.starts_at > soon]
    if not placed:
        return None
    return placed[0] if world.chance(0.7) else world.random.choice(placed)
