"""How sample people live: each life is a generator that does something and yields the moment at which it goes on."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import (
    accounts,
    bids,
    bookings,
    certifications,
    messages,
    payments,
    profiles,
    reviews,
    tasks,
)
from marketplace.db import transaction
from marketplace.demo import money
from marketplace.demo.world import Helper, Life, World
from marketplace.domain import posting
from marketplace.domain.errors import DomainError
from marketplace.domain.lifecycles import BID
from marketplace.domain.places import Place
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.jobs.payments import open_page, settle
from marketplace.models import Bid, BidStep, Booking, Certification, Skill, Task, User

HOURS = {"morning": (480, 720), "afternoon": (780, 1020), "evening": (1080, 1320)}
STILL_BROKEN = {
    "de": "Es geht leider wieder nicht.",
    "fr": "Malheureusement, la panne est revenue.",
    "it": "Purtroppo il problema è tornato.",
}
STREETS = {
    "de": ("Rosenweg", "Bahnhofstrasse", "Lindenweg", "Schulstrasse", "Gartenweg"),
    "fr": ("Rue de la Gare", "Chemin des Vignes", "Avenue du Lac", "Rue du Marché"),
    "it": ("Via Stazione", "Via al Lago", "Via San Gottardo"),
}


def open_account(world: World, name: str, language: str, *, email: str | None = None) -> int:
    """A person with a confirmed account; gives their id."""
    with transaction() as session:
        person = accounts.open_account(
            session,
            email=email or f"{name.partition(' ')[0].lower()}.{world.number()}@example.org",
            name=name,
            language=language,
            password_hash=world.password_hash,
        )
        person.phone = f"+4179{world.random.randint(1000000, 9999999)}"
        session.flush()
        return person.id


def become_helper(
    world: World, user_id: int, language: str, place: Place, *, card: dict[str, Any], decided: str | None = "granted"
) -> Life:
    """Write a profile, apply for its skills, and hear from the operator (`decided` None: still waiting)."""
    random = world.random
    radius = random.choice((8, 12, 15, 20, 25))
    spoken = [language, *(other for other in ("en", "fr", "de", "it") if other != language and world.chance(0.3))]
    with transaction() as session:
        person = session.get_one(User, user_id)
        profiles.save(
            session,
            by=person,
            headline=card["headline"],
            about=card["about"],
            languages=spoken,
            place=place,
            radius_km=radius,
            hours=_usual_hours(world),
        )
        note = world.applications.draw(language=language)["text"]
        wanted = session.scalars(select(Skill).where(Skill.code.in_(card["skills"]))).all()
        applied = [certifications.apply(session, skill, by=person, note=note).id for skill in wanted]
    yield world.after(8, 40) if decided else datetime.max.replace(tzinfo=clock.now().tzinfo)
    granted = set()
    for position, certification_id in enumerate(applied):
        with transaction() as session:
            certification = session.get_one(Certification, certification_id)
            operator = session.get_one(User, world.operators["moderator"])
            if decided == "declined" and position == 0:
                reason = world.refusals.draw(language=language)["text"]
                certifications.decline(session, certification, by=operator, reason=reason)
            else:
                reason = world.grants.draw(language=language)["text"]
                certifications.grant(session, certification, by=operator, reason=reason)
                granted.add(session.get_one(Skill, certification.skill_id).code)
        yield clock.now() + timedelta(minutes=random.randint(2, 9))
    zeal = random.choices((1, 4, 30), weights=(60, 25, 15))[0]
    quality = random.choice((0.95, 0.98)) if zeal > 4 else random.choice((0.5, 0.75, 0.9, 0.97))
    cheapness = random.uniform(0.85, 1.0) if zeal > 4 else random.uniform(0.9, 1.2)
    world.helpers.append(Helper(user_id, language, place, radius, frozenset(granted), quality, cheapness, zeal))


def need_help(
    world: World,
    customer_id: int,
    place: Place,
    card: dict[str, Any],
    *,
    bidders: list[Helper] | None = None,
    fate: str | None = None,
) -> Life:
    """Post a task, compare the bids, book one, and see the visit through to the review, as fate will have it."""
    random = world.random
    task_id = post(world, customer_id, place, card)
    found = (
        world.helpers_near(place, card["skill"], random.choice((1, 2, 2, 3, 3, 4, 5))) if bidders is None else bidders
    )
    for helper in found:
        world.begin(world.after(0.3, 14), make_bid(world, helper, task_id, card, talkative=world.chance(0.3)))
    fate = fate or random.choices(("booked", "waits", "cancels", "booked_late"), weights=(80, 12, 4, 4))[0]
    if fate == "waits":
        return
    yield world.after(16, 34)
    if fate == "cancels":
        _try(
            lambda session: bids.cancel_task(
                session, session.get_one(Task, task_id), by=session.get_one(User, customer_id)
            )
        )
        return
    chosen = choose(world, task_id)
    if chosen is None:
        return
    if world.chance(0.18) and _counter(world, chosen, customer_id, card["language"]):
        yield world.after(2, 6)
        answered = _answer_counter(world, chosen, card["language"])
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


def make_bid(
    world: World,
    helper: Helper,
    task_id: int,
    card: dict[str, Any],
    *,
    talkative: bool = False,
    price: int | None = None,
) -> Life:
    """Ask something perhaps, then bid with a price, a slot and a message."""
    if talkative:
        talk = world.talks.draw(language=card["language"], moment="before", skills=card["skill"])
        for said in talk["lines"]:
            _try(lambda session, said=said: _say(world, session, task_id, helper.user_id, said))
            yield clock.now() + timedelta(minutes=world.random.randint(4, 50))
    words = world.bids.draw(language=card["language"], skills=card["skill"])
    base = (card["budget_chf"] or 55) * helper.cheapness * world.random.uniform(0.85, 1.15)
    minutes = max(30, round(card["minutes"] / 15) * 15)

    def place(session: Session) -> None:
        task = session.get_one(Task, task_id)
        starts_at = _a_time_that_suits(world, session, task)
        bids.place(
            session,
            task,
            by=session.get_one(User, helper.user_id),
            price_cents=price or max(2_000, round(base / 5) * 500),
            minutes=minutes,
            included=words["included"],
            starts_at=starts_at,
            message=words["message"],
            policy=world.policy,
        )

    _try(place)


def visit(
    world: World, booking_id: int, customer_id: int, language: str, *, helper: Helper, smooth: bool = False
) -> Life:
    """From the booking to the review: cancelled sometimes, unsolved rarely, mostly signed off; always so when `smooth`."""
    random = world.random
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        starts_at, minutes, helper_id, task_id = booking.starts_at, booking.minutes, booking.helper_id, booking.task_id
    if world.chance(0.4):
        for said in world.talks.draw(language=language, moment="after")["lines"]:
            yield clock.now() + timedelta(minutes=random.randint(5, 40))
            _try(lambda session, said=said: _say(world, session, task_id, helper_id, said))
    if not smooth and world.chance(0.07):
        yield max(clock.now(), starts_at - timedelta(hours=random.choice((6, 30, 50))))
        by = random.choice((customer_id, customer_id, helper_id))
        _on(booking_id, lambda s, b: payments.call_off(s, b, by=s.get_one(User, by), policy=world.policy))
        return
    odd = None if smooth else money.odd_ending(booking_id)
    if odd is not None:
        yield from odd(world, booking_id, language)
        return
    yield starts_at - timedelta(minutes=25)
    _on(booking_id, lambda s, b: bookings.set_out(s, b, by=s.get_one(User, helper_id)))
    yield starts_at + timedelta(minutes=random.randint(-5, 10))
    if _on(booking_id, lambda s, b: bookings.start(s, b, by=s.get_one(User, helper_id))) and not smooth:
        money.more_work(world, booking_id, language)
    yield starts_at + timedelta(minutes=minutes + random.randint(-15, 30))
    _on(booking_id, lambda s, b: bookings.finish(s, b, by=s.get_one(User, helper_id), policy=world.policy))
    if not smooth and world.chance(0.04 if helper.quality > 0.6 else 0.12):
        yield world.after(1, 20)
        note = STILL_BROKEN[language]
        _on(booking_id, lambda s, b: bookings.report_unsolved(s, b, by=s.get_one(User, customer_id), note=note))
        return
    if smooth or world.chance(0.8):
        yield world.after(0.2, 30)
        _on(booking_id, lambda s, b: payments.sign_off(s, b, by=s.get_one(User, customer_id)))
    else:  # silence: the worker signs off after three days
        yield clock.now() + timedelta(hours=world.policy.sign_off_hours + 30)
    if not smooth:
        money.after_visit(world, booking_id)
    first, second = random.sample(((customer_id, True), (helper_id, False)), 2)
    for author, is_customer in (first, second):
        if smooth or world.chance(0.85 if is_customer else 0.7):
            yield world.after(1, 60)
            review(
                world,
                booking_id,
                author,
                language,
                quality=helper.quality if is_customer else 0.9,
                customer=is_customer,
            )


def review(world: World, booking_id: int, author_id: int, language: str, *, quality: float, customer: bool) -> None:
    """Write a review whose stars follow the quality of the work."""
    stars = 5 if world.chance(quality) else world.random.choice((4, 4, 4, 3, 2) if customer else (4, 5))
    deck = world.praise if customer else world.thanks
    card = deck.draw(language=language, stars=max(stars, 4) if not customer else stars)
    parts = {"punctuality": min(5, stars + world.random.choice((0, 0, 1))), "friendliness": max(4, stars)}
    if customer:
        parts["knowledge"] = stars
    _on(
        booking_id,
        lambda s, b: reviews.write(
            s, b, by=s.get_one(User, author_id), stars=stars, words=card["text"], policy=world.policy, **parts
        ),
    )


def accept(
    world: World, bid_id: int, customer_id: int, language: str, place: Place, *, sure: bool = False
) -> tuple[int | None, int]:
    """Accept a bid and pay on the sandbox's page, sometimes at the second try; gives booking (None without one) and helper."""
    street = world.random.choice(STREETS[language])
    number = world.random.randint(1, 80)
    address = f"{street} {number}, {place.postcode} {place.name}"
    try:
        with transaction() as session:
            customer = session.get_one(User, customer_id)
            payment = payments.accept_bid(
                session,
                session.get_one(Bid, bid_id),
                by=customer,
                address=address,
                phone=customer.phone or "+41790000000",
                terms=_newest_step(session, bid_id),
                policy=world.policy,
            )
            session.flush()
            booking_id = payment.booking_id
            helper_id = session.get_one(Bid, bid_id).helper_id
    except DomainError:
        return None, 0
    if not sure and world.chance(0.06):
        _pay(world, booking_id, customer_id, card=DECLINED_CARD)
    if not sure and world.chance(0.03):
        return None, helper_id  # walks away from the payment page; the reservation lapses
    _pay(world, booking_id, customer_id, card=GOOD_CARD)
    return booking_id, helper_id


def _pay(world: World, booking_id: int, customer_id: int, *, card: str) -> None:
    """Open the payment page, pay there, and come back."""
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        customer = session.get_one(User, customer_id)
        payment_id = payments.resume(session, booking, by=customer, policy=world.policy).id
    address = open_page(payment_id, world.gateways)
    world.sandbox.pay(address.rpartition("/")[2], card)
    settle(payment_id, world.gateways)


def choose(world: World, task_id: int) -> int | None:
    """The bid that this customer likes best: mostly the cheapest of those that can still be had."""
    with transaction() as session:
        soon = clock.now() + timedelta(hours=2)
        placed = session.scalars(
            select(Bid.id)
            .where(Bid.task_id == task_id, Bid.state == BID.placed, Bid.starts_at > soon)
            .order_by(Bid.price_cents, Bid.id)
        ).all()
    if not placed:
        return None
    return placed[0] if world.chance(0.7) else world.random.choice(placed)


def _counter(world: World, bid_id: int, customer_id: int, language: str) -> bool:
    """Propose a lower price."""
    note = world.counter_notes.draw(language=language)["text"]

    def counter(session: Session) -> None:
        bid = session.get_one(Bid, bid_id)
        lower = max(2_000, bid.price_cents * 85 // 100 // 500 * 500)
        customer = session.get_one(User, customer_id)
        bids.counter(
            session, bid, by=customer, price_cents=lower, starts_at=bid.starts_at, message=note, policy=world.policy
        )

    return _try(counter)


def _answer_counter(world: World, bid_id: int, language: str) -> bool:
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

    return _try(answer) and way != "leave"


def _say(world: World, session: Session, task_id: int, helper_id: int, said: dict[str, str]) -> None:
    task = session.get_one(Task, task_id)
    sender = session.get_one(User, helper_id if said["by"] == "helper" else task.customer_id)
    messages.send(session, task, helper_id, by=sender, body=said["text"], policy=world.policy)


def _a_time_that_suits(world: World, session: Session, task: Task) -> datetime:
    """The beginning of one of the customer's slots, on the hour, at least a day ahead when there is one."""
    session.refresh(task, ["slots"])
    later = clock.now() + timedelta(hours=36)
    ahead = [slot for slot in task.slots if slot.starts_at > later] or task.slots[-1:]
    slot = world.random.choice(ahead)
    return slot.starts_at + timedelta(minutes=30 * world.random.randint(0, 4))


def _newest_step(session: Session, bid_id: int) -> int:
    newest = select(BidStep.number).where(BidStep.bid_id == bid_id).order_by(BidStep.number.desc()).limit(1)
    return session.scalars(newest).one()


def _usual_hours(world: World) -> list[tuple[int, int, int]]:
    """Evenings mostly, a weekend day perhaps."""
    hours = [(day, *HOURS["evening"]) for day in range(5) if world.chance(0.7)]
    hours += [(5, *HOURS[part]) for part in ("morning", "afternoon") if world.chance(0.6)]
    return hours or [(2, *HOURS["evening"])]


def _on(booking_id: int, verb: Any) -> bool:
    """Let a verb act on a booking."""
    return _try(lambda session: verb(session, session.get_one(Booking, booking_id)))


def _try(verb: Any) -> bool:
    """Run a verb in its transaction; people try things that are refused now and then."""
    try:
        with transaction() as session:
            verb(session)
    except DomainError:
        return False
    return True
