"""How sample visits go: accepted, paid, done or called off, signed off, and reviewed by both sides."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, payments, reviews
from marketplace.db import transaction
from marketplace.demo.bidding import say
from marketplace.demo.deeds import on_booking, tried
from marketplace.demo.world import Helper, Life, World
from marketplace.domain.errors import DomainError
from marketplace.domain.places import Place
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.jobs.payments import open_page, settle
from marketplace.models import Bid, BidStep, Booking, User

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
            tried(lambda session, said=said: say(world, session, task_id, helper_id, said))
    if not smooth and world.chance(0.07):
        yield max(clock.now(), starts_at - timedelta(hours=random.choice((6, 30, 50))))
        by = random.choice((customer_id, customer_id, helper_id))
        on_booking(booking_id, lambda s, b: payments.call_off(s, b, by=s.get_one(User, by), policy=world.policy))
        return
    yield starts_at - timedelta(minutes=25)
    on_booking(booking_id, lambda s, b: bookings.set_out(s, b, by=s.get_one(User, helper_id)))
    yield starts_at + timedelta(minutes=random.randint(-5, 10))
    on_booking(booking_id, lambda s, b: bookings.start(s, b, by=s.get_one(User, helper_id)))
    yield starts_at + timedelta(minutes=minutes + random.randint(-15, 30))
    on_booking(booking_id, lambda s, b: bookings.finish(s, b, by=s.get_one(User, helper_id), policy=world.policy))
    if not smooth and world.chance(0.04 if helper.quality > 0.6 else 0.12):
        yield world.after(1, 20)
        note = STILL_BROKEN[language]
        on_booking(booking_id, lambda s, b: bookings.report_unsolved(s, b, by=s.get_one(User, customer_id), note=note))
        return
    if smooth or world.chance(0.8):
        yield world.after(0.2, 30)
        on_booking(booking_id, lambda s, b: payments.sign_off(s, b, by=s.get_one(User, customer_id)))
    else:  # silence: the worker signs off after three days
        yield clock.now() + timedelta(hours=world.policy.sign_off_hours + 30)
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
    on_booking(
        booking_id,
        lambda s, b: reviews.write(
            s, b, by=s.get_one(User, author_id), stars=stars, words=card["text"], policy=world.policy, **parts
        ),
    )


def _pay(world: World, booking_id: int, customer_id: int, *, card: str) -> None:
    """Open the payment page, pay there, and come back."""
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        customer = session.get_one(User, customer_id)
        payment_id = payments.resume(session, booking, by=customer, policy=world.policy).id
    address = open_page(payment_id, world.gateways)
    world.sandbox.pay(address.rpartition("/")[2], card)
    settle(payment_id, world.gateways)


def _newest_step(session: Session, bid_id: int) -> int:
    newest = select(BidStep.number).where(BidStep.bid_id == bid_id).order_by(BidStep.number.desc()).limit(1)
    return session.scalars(newest).one()
