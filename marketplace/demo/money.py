"""What happens to sample money now and then: bank data, more work, nobody at the door, nothing to be done, a bank that asks back.

Who meets what follows from the number of the row, not from the dice: so the rest of the sample lives stays as it was.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from marketplace import clock
from marketplace.actions import bookings, payments
from marketplace.db import transaction
from marketplace.demo.world import Life, World
from marketplace.domain.errors import DomainError
from marketplace.domain.gateway import GatewayNotice
from marketplace.domain.lifecycles import BOOKING_DONE, PAYMENT
from marketplace.gateways.mail import Letter
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs.delivery import MONEY, deliver_due
from marketplace.jobs.payments import open_account, open_page, read_account, settle, take_notice
from marketplace.jobs.payouts import remind_helpers
from marketplace.jobs.reconciliation import reconcile
from marketplace.models import Booking, Payment, PayoutAccount, User

MORE_WORK = {
    "de": "Zweites Gerät eingerichtet",
    "fr": "Deuxième appareil installé",
    "it": "Secondo apparecchio configurato",
}
HOPELESS = {
    "de": "Das Gerät ist defekt, da hilft nur noch ein neues.",
    "fr": "L'appareil est en panne, il faut le remplacer.",
    "it": "L'apparecchio è guasto, bisogna sostituirlo.",
}
WAS_THERE = {
    "de": "Ich war da und habe gewartet, die Klingel hat nicht funktioniert.",
    "fr": "J'étais là, j'ai attendu, la sonnette ne marchait pas.",
    "it": "C'ero e ho aspettato, il campanello non funzionava.",
}
WITHOUT_BANK_DATA = 6  # every so many-th helper has not given bank data yet

Odd = Callable[[World, int, str], Life]


def odd_ending(booking_id: int) -> Odd | None:
    """How a visit goes that does not go as usual; None for most."""
    if booking_id % 31 == 7:
        return nobody_there
    return nothing_to_be_done if booking_id % 37 == 11 else None


def nobody_there(world: World, booking_id: int, language: str) -> Life:
    """One side waits in vain and says so; the other one objects sometimes, and the operator has something to decide."""
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        starts_at, helper_id, customer_id = booking.starts_at, booking.helper_id, booking.customer_id
    waits, absent = (helper_id, customer_id) if booking_id % 2 else (customer_id, helper_id)
    if waits == helper_id:
        yield starts_at - timedelta(minutes=20)
        _on(booking_id, lambda s, b: bookings.set_out(s, b, by=s.get_one(User, helper_id), policy=world.policy))
    yield starts_at + timedelta(minutes=25)
    _on(booking_id, lambda s, b: bookings.report_no_show(s, b, by=s.get_one(User, waits), policy=world.policy))
    if booking_id % 3 == 0:
        yield world.after(2, 8)
        note = WAS_THERE[language]
        _on(booking_id, lambda s, b: bookings.object_to_no_show(s, b, by=s.get_one(User, absent), note=note))


def nothing_to_be_done(world: World, booking_id: int, language: str) -> Life:
    """The helper comes, and finds what no neighbour can solve."""
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        starts_at, helper_id = booking.starts_at, booking.helper_id
    yield starts_at
    _on(booking_id, lambda s, b: bookings.start(s, b, by=s.get_one(User, helper_id), policy=world.policy))
    yield starts_at + timedelta(minutes=40)
    note, policy = HOPELESS[language], world.policy
    _on(booking_id, lambda s, b: payments.give_up(s, b, by=s.get_one(User, helper_id), note=note, policy=policy))


def more_work(world: World, booking_id: int, language: str) -> None:
    """While the helper is there, something else turns up; the customer pays it at once, mostly."""
    if booking_id % 17 != 5:
        return
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        by, what = session.get_one(User, booking.helper_id), MORE_WORK[language]
        extra = payments.ask_extra(session, booking, by=by, cents=2_000, what=what, policy=world.policy)
        session.flush()
        payment_id = extra.id
    if booking_id % 4:
        page = open_page(payment_id, world.gateways).rpartition("/")[2]
        world.sandbox.pay(page, GOOD_CARD)
        settle(payment_id, world.gateways)


def after_visit(world: World, booking_id: int) -> None:
    """The helper sees to the bank data; the operator, and sometimes a bank, have something to say later."""
    with transaction() as session:
        booking = session.get_one(Booking, booking_id)
        helper_id, is_done = booking.helper_id, booking.state in BOOKING_DONE
        known = session.scalar(select(PayoutAccount.id).where(PayoutAccount.user_id == helper_id))
    if known is None and helper_id % WITHOUT_BANK_DATA:
        give_bank_data(world, helper_id)
    if is_done and booking_id % 53 == 9:
        _be_generous(world, booking_id)
    if is_done and booking_id % 83 == 20:
        world.begin(clock.now() + timedelta(days=6), _dispute(world, booking_id))


def give_bank_data(world: World, helper_id: int) -> None:
    """Open an account at the gateway and give what it asks for."""
    with transaction() as session:
        helper = session.get_one(User, helper_id)
    reference = open_account(helper, world.gateways, country="CH")
    world.sandbox.onboard(reference)
    read_account(helper_id, world.gateways)


def hand_over(world: World) -> None:
    """What the worker hands over in a day; the mails of the sample past are not delivered."""
    remind_helpers(policy=world.policy)
    deliver_due(world.gateways, lambda kind, _reader, _facts: Letter(kind, ""), limit=1_000, channels=tuple(MONEY))


def close_the_books(world: World) -> None:
    """The first night's comparison is done, and the gateway's messages of the past do not come again at the first start."""
    reconcile(world.gateways.payments)
    world.sandbox.skip_events()


def _be_generous(world: World, booking_id: int) -> None:
    """The operator gives a part of the price back out of the fee, and some credit for the next time."""
    operator_id, reason = world.operators["moderator"], "Entschuldigung für die lange Wartezeit."
    with transaction() as session:
        booking, by = session.get_one(Booking, booking_id), session.get_one(User, operator_id)
        customer, policy = session.get_one(User, booking.customer_id), world.policy
        payment = session.scalars(select(Payment).where(Payment.booking_id == booking_id, _IS_VISIT)).one()
        back = min(500, payment.fee_cents)
        payments.refund(session, payment, by=by, refund_cents=back, from_helper_cents=0, reason=reason)
        payments.give_credit(session, customer, by=by, cents=1_000, reason=reason, policy=policy, booking=booking)


_IS_VISIT = (Payment.kind == "visit") & Payment.state.in_((PAYMENT.released, PAYMENT.partly_refunded))


def _dispute(world: World, booking_id: int) -> Life:
    """A customer's bank takes the money back; one of them is decided for us, the others wait for an answer."""
    with transaction() as session:
        charge = session.scalar(select(Payment.charge).where(Payment.booking_id == booking_id, _IS_VISIT))
    if charge is None:
        return
    reference = world.sandbox.open_dispute(charge, "product_unacceptable")
    _hear_of(world, reference)
    if booking_id % 2:
        yield clock.now() + timedelta(days=12)
        world.sandbox.close_dispute(reference, won=True)
        _hear_of(world, reference)


def _hear_of(world: World, reference: str) -> None:
    """The gateway's message, without the way over the network."""
    now: datetime = clock.now()
    kind = "charge.dispute.updated"
    take_notice(GatewayNotice(f"{reference}:{now.timestamp():.0f}", kind, "dispute", reference, now), world.gateways)


def _on(booking_id: int, verb: Callable[..., object]) -> None:
    """Let a verb act on a booking; what is refused is left."""
    try:
        with transaction() as session:
            verb(session, session.get_one(Booking, booking_id))
    except DomainError:
        return
