"""How sample helpers bid: they ask perhaps, propose a price and a time, and go back and forth with the customer."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bids, messages
from marketplace.demo.deeds import tried
from marketplace.demo.world import Helper, Life, World
from marketplace.models import Bid, Slot, Task, User


def make_bid(
    world: World,
    helper: Helper,
    task_id: int,
    card: dict[str, Any],
    *,
    talkative: bool = False,
) -> Life:
    """Ask something perhaps, then bid with a price, a slot and a message."""
    if talkative:
        talk = world.talks.draw(language=card["language"], moment="before", skills=card["skill"])
        for said in talk["lines"]:
            tried(lambda session, said=said: say(world, session, task_id, helper.user_id, said))
            yield clock.now() + timedelta(minutes=world.random.randint(4, 50))
    words = world.bids.draw(language=card["language"], skills=card["skill"])
    base = (card["budget_chf"] or 55) * helper.cheapness * world.random.uniform(0.85, 1.15)
    minutes = max(30, round(card["minutes"] / 15) * 15)

    def place(session: Session) -> None:
        task = session.get_one(Task, task_id)
        starts_at = _a_time_that_suits(world, session, task_id)
        bids.place(
            session,
            task,
            by=session.get_one(User, helper.user_id),
            price_cents=max(2_000, round(base / 5) * 500),
            minutes=minutes,
            included=words["included"],
            starts_at=starts_at,
            message=words["message"],
            policy=world.policy,
        )

    tried(place)


def counter(world: World, bid_id: int, customer_id: int, language: str) -> bool:
    """Propose a lower price."""
    note = world.counter_notes.draw(language=language)["text"]

    def counter(session: Session) -> None:
        bid = session.get_one(Bid, bid_id)
        lower = max(2_000, bid.price_cents * 85 // 100 // 500 * 500)
        customer = session.get_one(User, customer_id)
        bids.counter(
            session, bid, by=customer, price_cents=lower, starts_at=bid.starts_at, message=note, policy=world.policy
        )

    return tried(counter)


def answer_counter(world: World, bid_id: int, language: str) -> bool:
    """The helper agrees, meets in the middle, or leaves it."""
    way = world.random.choices(("agree", "revise", "leave"), weights=(55, 35, 10))[0]
    note = world.revision_notes.draw(language=language)["text"]

    def answer(session: Session) -> None:
        bid = session.get_one(Bid, bid_id)
        helper = session.get_one(User, bid.helper_id)
        if way == "agree":
            bids.agree(session, bid, by=helper)
        elif way == "revise":
            bids.revise(
                session,
                bid,
                by=helper,
                price_cents=bid.price_cents + 500,
                minutes=bid.minutes,
                included=bid.included,
                starts_at=bid.starts_at,
                message=note,
                policy=world.policy,
            )

    return tried(answer) and way != "leave"


def say(world: World, session: Session, task_id: int, helper_id: int, said: dict[str, str]) -> None:
    """Write a line of a conversation."""
    task = session.get_one(Task, task_id)
    sender = session.get_one(User, helper_id if said["by"] == "helper" else task.customer_id)
    messages.send(session, task, helper_id, by=sender, body=said["text"], policy=world.policy)


def _a_time_that_suits(world: World, session: Session, task_id: int) -> datetime:
    """The beginning of one of the customer's slots, on the hour, at least a day ahead when there is one."""
    slots = session.scalars(select(Slot.starts_at).where(Slot.task_id == task_id).order_by(Slot.starts_at)).all()
    later = clock.now() + timedelta(hours=36)
    ahead = [starts_at for starts_at in slots if starts_at > later] or slots[-1:]
    return world.random.choice(ahead) + timedelta(minutes=30 * world.random.randint(0, 4))
