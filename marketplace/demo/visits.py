"""How sample visits go: accepted, paid, done or called off, signed off, and reviewed by both sides."""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import bookings, payments, reviews
from marketplace.db import transaction
from marketplace.demo import money
from marketplace.demo.bidding import say
from marketplace.demo.deeds import on_booking, tried
from marketplace.demo.world import Helper, Life, World
from marketplace.domain.cancellation import Side
from marketplace.domain.errors import DomainError
from marketplace.domain.places import Place
from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from marketplace.jobs.payments import open_page, settle
from marketplace.models import Bid, BidStep, Booking, User

Ending = Literal["well", "badly"]

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
            booking_id, payment_id = payment.booking_id, payment.id
            helper_id = session.get_one(Bid, bid_id).helper_id
    except DomainError:
        return None, 0
    if not sure and world.chance(0.06):
        _pay(world, payment_id, card=DECLINED_CARD)  # the page stays open for another card
    if not sure and world.chance(0.03):
        return None, helper_id  # walks away from the payment page; the reservation lapses
    _pay(world, payment_id, card=GOOD_CARD)
    return booking_id, helper_id


def visit(
    world: World, booking_id: int, customer_id: int, language: str, *, helper: Helper, ending: Ending | None = None
) -> Life:
    """From the booking to the reviews; called off sometimes, unsolved rarely, and mostly well, unless `ending` says how."""
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        starts_at, minutes, task_id = booking.starts_at, booking.minutes, booking.task_id
    world.visits[helper.user_id] += 1
    if world.chance(0.4):
        for said in world.talks.draw(language=language, moment="after")["lines"]:
            yield clock.now() + timedelta(minutes=world.random.randint(5, 40))
            tried(lambda session, said=said: say(world, session, task_id, helper.user_id, said))
    if ending is None and world.chance(0.07):
        yield max(clock.now(), starts_at - timedelta(hours=world.random.choice((6, 30, 50))))
        _call_off(world, booking_id, customer_id, helper)
        return
    odd = money.odd_ending(booking_id) if ending is None else None
    if odd is not None:
        yield from odd(world, booking_id, language)
        return
    yield from _work(world, booking_id, helper, starts_at, minutes, more_in=language if ending is None else None)
    if ending == "badly" or (ending is None and world.chance(0.04 if helper.quality > 0.6 else 0.12)):
        yield from _complain(world, booking_id, customer_id, language, settled=ending is None)
    else:
        yield from _part_well(world, booking_id, customer_id, language, helper, smooth=ending == "well")
    if ending is None:
        money.after_visit(world, booking_id)


def _call_off(world: World, booking_id: int, customer_id: int, helper: Helper) -> None:
    """The customer changes plans, or a helper does who is not the most reliable."""
    sides = (customer_id, customer_id, helper.user_id if helper.quality < 0.95 else customer_id)
    by = world.random.choice(sides)
    on_booking(booking_id, lambda s, b: payments.call_off(s, b, by=s.get_one(User, by), policy=world.policy))


def _work(
    world: World, booking_id: int, helper: Helper, starts_at: datetime, minutes: int, *, more_in: str | None
) -> Life:
    """The helper sets out, begins, and finishes, more or less on time; more work may turn up, in the language `more_in`."""
    random, helper_id = world.random, helper.user_id
    yield starts_at - timedelta(minutes=25)
    on_booking(booking_id, lambda s, b: bookings.set_out(s, b, by=s.get_one(User, helper_id), policy=world.policy))
    yield starts_at + timedelta(minutes=random.randint(-5, 10))
    if (
        on_booking(booking_id, lambda s, b: bookings.start(s, b, by=s.get_one(User, helper_id), policy=world.policy))
        and more_in
    ):
        money.more_work(world, booking_id, more_in)
    yield starts_at + timedelta(minutes=minutes + random.randint(-15, 30))
    on_booking(booking_id, lambda s, b: bookings.finish(s, b, by=s.get_one(User, helper_id), policy=world.policy))


def _complain(world: World, booking_id: int, customer_id: int, language: str, *, settled: bool) -> Life:
    """It does not work: the customer says so, and a moderator decides some days later."""
    yield world.after(1, 20)
    note = world.notes.draw(language=language)["text"]
    on_booking(booking_id, lambda s, b: bookings.report_unsolved(s, b, by=s.get_one(User, customer_id), note=note))
    if not settled:
        return
    yield world.after(30, 70)
    side: Side = world.random.choice(("customer", "helper"))
    reason, moderator = (
        world.settlements.draw(language=language, in_favour_of=side)["text"],
        world.operators["moderator"],
    )
    on_booking(
        booking_id,
        lambda s, b: _decide(s, b, by=s.get_one(User, moderator), side=side, reason=reason),
    )


def _part_well(world: World, booking_id: int, customer_id: int, language: str, helper: Helper, *, smooth: bool) -> Life:
    """The customer signs off, or is silent until the worker does; then both write reviews, mostly."""
    if smooth or world.chance(0.8):
        yield world.after(0.2, 30)
        on_booking(booking_id, lambda s, b: payments.sign_off(s, b, by=s.get_one(User, customer_id)))
    else:  # silence: the worker signs off after three days
        yield clock.now() + timedelta(hours=world.policy.sign_off_hours + 30)
    for author in world.random.sample((customer_id, helper.user_id), 2):
        is_customer = author == customer_id
        if smooth or world.chance(0.92 if is_customer else 0.8):
            yield world.after(1, 60)
            quality = helper.quality if is_customer else 0.9
            review(world, booking_id, author, language, quality=quality, customer=is_customer)


def review(world: World, booking_id: int, author_id: int, language: str, *, quality: float, customer: bool) -> None:
    """Write a review whose stars follow the quality of the work."""
    less = (4, 4, 4, 3, 2) if quality < 0.9 else (4, 5)
    stars = 5 if world.chance(quality) else world.random.choice(less)
    deck = world.praise if customer else world.thanks
    card = deck.draw(language=language, stars=stars)
    parts = {"punctuality": min(5, stars + world.random.choice((0, 0, 1))), "friendliness": max(4, stars)}
    if customer:
        parts["knowledge"] = stars
    on_booking(
        booking_id,
        lambda s, b: reviews.write(
            s, b, by=s.get_one(User, author_id), stars=stars, words=card["text"], policy=world.policy, **parts
        ),
    )


def _pay(world: World, payment_id: int, *, card: str) -> None:
    """Open the payment page, pay there, and come back."""
    address = open_page(payment_id, world.gateways)
    world.sandbox.pay(address.rpartition("/")[2], card)
    settle(payment_id, world.gateways)


def _decide(session: Session, booking: Booking, *, by: User, side: Side, reason: str) -> None:
    """Decide about an unsolved visit's money, all of it for one side."""
    to_helper = {"refund_cents": 0, "helper_cents": booking.helper_cents}
    shares = to_helper if side == "helper" else {"refund_cents": booking.price_cents, "helper_cents": 0}
    payments.settle(session, booking, by=by, reason=reason, **shares)


def _newest_step(session: Session, bid_id: int) -> int:
    newest = select(BidStep.number).where(BidStep.bid_id == bid_id).order_by(BidStep.number.desc()).limit(1)
    return session.scalars(newest).one()
