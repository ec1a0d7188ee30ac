"""Rows for tests: plain functions with defaults. What they make is what the actions would have made."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask_security import naive_utcnow
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace import clock
from marketplace.actions import bookings, ledger, payments, skills
from marketplace.domain.gateway import Charge, CheckoutFact
from marketplace.domain.money import GATEWAY, REVENUE, held, owed
from marketplace.domain.policy import Policy
from marketplace.ids import public_id
from marketplace.models import (
    Bid,
    BidStep,
    Booking,
    Certification,
    Payment,
    Payout,
    Profile,
    Review,
    Role,
    Settlement,
    Skill,
    Slot,
    Task,
    User,
    VisitStep,
)

_numbers = itertools.count(1)
BERN = ("CH", "3011", "Bern", "BE", 46.948, 7.447)


def install_skills(session: Session) -> None:
    """The skills that the house ships with."""
    skills.install(session)


def skill(session: Session, code: str = "wifi") -> Skill:
    return session.scalars(select(Skill).where(Skill.code == code)).one()


def make_user(session: Session, name: str = "Anna Muster", **values: Any) -> User:
    """A customer with a confirmed account."""
    number = next(_numbers)
    user = User(
        **{
            "name": name,
            "email": f"person{number}@example.org",
            "language": "de",
            "created_at": clock.now(),
            "confirmed_at": naive_utcnow(),
            "fs_uniquifier": public_id() * 3,
            "active": True,
            **values,
        }
    )
    session.add(user)
    session.commit()
    return user


def make_operator(session: Session, role: str = "moderator", **values: Any) -> User:
    """One of the operator's people."""
    user = make_user(session, **{"name": "Olga Operator", **values})
    user.roles = [session.scalars(select(Role).where(Role.name == role)).one()]
    session.commit()
    return user


def make_helper(
    session: Session,
    name: str = "Hans Helfer",
    *,
    skills: tuple[str, ...] = ("wifi",),
    place: Any = BERN,
    **values: Any,
) -> User:
    """A helper with a profile, certified for these skills."""
    user = make_user(session, name, is_helper=True, **values)
    country, postcode, place_name, region, lat, lon = place
    session.add(
        Profile(
            user_id=user.id,
            headline="Ich bringe Ihr WLAN zum Laufen",
            about="Seit zwanzig Jahren richte ich Geräte ein.",
            languages=["de"],
            country=country,
            postcode=postcode,
            place_name=place_name,
            region=region,
            lat=lat,
            lon=lon,
            radius_km=20,
            created_at=clock.now(),
        )
    )
    for code in skills:
        make_certification(session, user, code, state="granted")
    session.commit()
    return user


def make_certification(session: Session, helper: User, code: str = "wifi", *, state: str = "applied") -> Certification:
    certification = Certification(
        helper_id=helper.id,
        skill_id=skill(session, code).id,
        state=state,
        note="Das mache ich oft.",
        applied_at=clock.now(),
        decided_at=clock.now() if state != "applied" else None,
    )
    session.add(certification)
    session.commit()
    return certification


def make_task(
    session: Session, customer: User | None = None, *, code: str = "wifi", place: Any = BERN, **values: Any
) -> Task:
    """An open task."""
    customer = customer or make_user(session, "Clara Kundin")
    country, postcode, place_name, region, lat, lon = place
    task = Task(
        **{
            "customer_id": customer.id,
            "skill_id": skill(session, code).id,
            "state": "open",
            "language": "de",
            "title": "Kein WLAN im Schlafzimmer",
            "description": "Seit dem neuen Router habe ich im Schlafzimmer keinen Empfang mehr.",
            "device": "Internet-Box",
            "tried": "Neu gestartet.",
            "answers": {},
            "remote": False,
            "country": country,
            "postcode": postcode,
            "place_name": place_name,
            "region": region,
            "lat": lat,
            "lon": lon,
            "shown_lat": lat + 0.004,
            "shown_lon": lon - 0.003,
            "budget_cents": 6000,
            "currency": "CHF",
            "created_at": clock.now(),
            "expires_at": clock.now() + timedelta(days=30),
            **values,
        }
    )
    session.add(task)
    session.flush()
    evening = tomorrow_at(19)
    session.add(Slot(task_id=task.id, starts_at=evening, ends_at=evening + timedelta(hours=2)))
    session.commit()
    return task


def make_bid(session: Session, task: Task, helper: User | None = None, **values: Any) -> Bid:
    """A placed bid with its first step."""
    helper = helper or make_helper(session)
    bid = Bid(
        **{
            "task_id": task.id,
            "helper_id": helper.id,
            "state": "placed",
            "price_cents": 5500,
            "currency": "CHF",
            "fee_percent": 10,
            "minutes": 60,
            "included": "Anfahrt und Einrichtung",
            "starts_at": tomorrow_at(19),
            "message": "Ich komme gern vorbei.",
            "expires_at": clock.now() + timedelta(days=7),
            "created_at": clock.now(),
            **values,
        }
    )
    session.add(bid)
    session.flush()
    session.add(
        BidStep(
            bid_id=bid.id,
            number=1,
            side="helper",
            price_cents=bid.price_cents,
            minutes=bid.minutes,
            included=bid.included,
            starts_at=bid.starts_at,
            message=bid.message,
            expires_at=bid.expires_at,
            at=bid.created_at,
        )
    )
    session.commit()
    return bid


# Sample visits are lived through at once, however far ahead they are.
AT_ONCE = replace(Policy(), early_minutes=400 * 24 * 60)


def make_booking(session: Session, bid: Bid | None = None, *, state: str = "confirmed", **terms: Any) -> Booking:
    """A booking that came to this state by the verbs, with its payment in the ledger."""
    bid = bid or make_bid(session, make_task(session))
    customer, helper, policy = _customer_of(session, bid), session.get_one(User, bid.helper_id), AT_ONCE
    values = {"address": "Rosenweg 3, 3011 Bern", "phone": "+41791234567", "terms": 1, **terms}
    payment = payments.accept_bid(session, bid, by=customer, policy=policy, **values)
    session.flush()
    if payment.state == "prepared":
        payments.note_checkout(session, payment.id, f"checkout-{payment.id}")
        session.refresh(payment)
    booking = session.get_one(Booking, payment.booking_id)
    steps: dict[str, Callable[[], object]] = {
        "reserved": lambda: None,
        "confirmed": lambda: payments.record(session, paid(payment)),
        "on_the_way": lambda: bookings.set_out(session, booking, by=helper, policy=policy),
        "started": lambda: bookings.start(session, booking, by=helper, policy=policy),
        "finished": lambda: bookings.finish(session, booking, by=helper, policy=policy),
        "unsolved": lambda: bookings.report_unsolved(session, booking, by=customer, note="Das WLAN geht noch nicht."),
        "signed_off": lambda: payments.sign_off(session, booking, by=customer),
        "closed": lambda: bookings.close(session, booking),
        "cancelled": lambda: payments.call_off(session, booking, by=customer, policy=policy),
        "abandoned": lambda: payments.record(session, replace(paid(payment), outcome="abandoned", charge=None)),
        "no_show": lambda: _at(
            session,
            booking.starts_at + timedelta(hours=1),
            lambda: bookings.report_no_show(session, booking, by=helper, policy=policy),
        ),
        "not_solvable": lambda: payments.give_up(
            session, booking, by=helper, note="Das Gerät ist defekt.", policy=policy
        ),
        "lapsed": lambda: payments.lapse(session, booking, by=customer),
    }
    for step in WAYS[state].split():
        steps[step]()
    session.commit()
    return booking


def _at(session: Session, moment: datetime, verb: Callable[[], object]) -> None:
    """Let a verb happen at a moment."""
    with clock.moved_to(moment):
        verb()


_VISIT = "reserved confirmed on_the_way started finished"
WAYS = {  # the states through which a booking comes to a state
    **{state: _VISIT.partition(state)[0] + state for state in _VISIT.split()},
    "unsolved": f"{_VISIT} unsolved",
    "no_show": "reserved confirmed on_the_way no_show",
    "not_solvable": "reserved confirmed on_the_way started not_solvable",
    "signed_off": f"{_VISIT} signed_off",
    "closed": f"{_VISIT} signed_off closed",
    "cancelled": "reserved confirmed cancelled",
    "lapsed": "reserved abandoned lapsed",
}


def paid(payment: Payment, **values: Any) -> CheckoutFact:
    """What the gateway says when this payment's page was paid."""
    cents, currency = payment.card_cents, payment.currency
    charge = Charge(f"pi-{payment.id}", f"ch-{payment.id}", cents, currency, fee_cents=30)
    given = {
        "reference": payment.checkout or "",
        "payment": payment.public_id,
        "outcome": "paid",
        "amount_cents": cents,
        "currency": currency,
        "charge": charge,
        **values,
    }
    return CheckoutFact(**given)


def payment_of(session: Session, booking: Booking) -> Payment:
    """The booking's newest payment."""
    newest = select(Payment).where(Payment.booking_id == booking.id).order_by(Payment.id.desc()).limit(1)
    return session.scalars(newest).one()


def _customer_of(session: Session, bid: Bid) -> User:
    return session.scalars(select(User).join(Task, Task.customer_id == User.id).where(Task.id == bid.task_id)).one()


def make_done_booking(
    session: Session, *, helper: User | None = None, customer: User | None = None, state: str = "signed_off"
) -> Booking:
    """A booking that went well: paid, signed off, the money released in the ledger."""
    ended = "closed" if state == "closed" else "done"
    task = make_task(session, customer or make_user(session, "Clara Kundin"), state=ended)
    bid = make_bid(session, task, helper, state="accepted")
    now = clock.now()
    booking = Booking(
        task_id=task.id,
        bid_id=bid.id,
        customer_id=task.customer_id,
        helper_id=bid.helper_id,
        state=state,
        starts_at=now,
        minutes=bid.minutes,
        price_cents=bid.price_cents,
        fee_cents=bid.price_cents // 10,
        currency="CHF",
        created_at=now,
        promised_at=now,
        reserved_until=now,
        signed_off_at=now,
        address="Rosenweg 3, 3011 Bern",
        phone="+41791234567",
    )
    session.add(booking)
    session.flush()
    session.add_all(
        VisitStep(booking_id=booking.id, state=step, at=now)
        for step in ("reserved", "confirmed", "started", "finished", "signed_off")
    )
    payment = Payment(
        booking_id=booking.id,
        customer_id=booking.customer_id,
        state="released",
        amount_cents=booking.price_cents,
        fee_cents=booking.fee_cents,
        currency="CHF",
        created_at=now,
        settled_at=now,
    )
    session.add(payment)
    session.flush()
    account, net = held(booking.id), booking.price_cents - booking.fee_cents
    settlement = Settlement(
        payment_id=payment.id,
        booking_id=booking.id,
        reason="sign_off",
        refund_cents=0,
        helper_cents=net,
        fee_cents=booking.fee_cents,
        at=now,
    )
    session.add(settlement)
    session.flush()
    session.add(
        Payout(
            helper_id=booking.helper_id,
            payment_id=payment.id,
            settlement_id=settlement.id,
            cents=net,
            currency="CHF",
            created_at=now,
        )
    )
    facts = {"currency": "CHF", "booking_id": booking.id}
    ledger.post(session, "payment_held", payment.id, (GATEWAY, account, payment.amount_cents), **facts)
    shares = ((account, owed(booking.helper_id), net), (account, REVENUE, booking.fee_cents))
    ledger.post(session, "settled", settlement.id, *shares, **facts)
    session.commit()
    return session.scalars(
        select(Booking)
        .where(Booking.id == booking.id)
        .options(joinedload(Booking.customer), joinedload(Booking.helper), joinedload(Booking.task))
    ).one()


def make_review(session: Session, booking: Booking, *, side: str = "customer", stars: int = 5, **values: Any) -> Review:
    """An open review of one side about the other."""
    sides = {"customer": booking.customer_id, "helper": booking.helper_id}
    review = Review(
        **{
            "booking_id": booking.id,
            "side": side,
            "author_id": sides[side],
            "about_id": sides["helper" if side == "customer" else "customer"],
            "stars": stars,
            "words": "Hat alles sehr gut erklärt.",
            "at": clock.now(),
            "opens_at": clock.now(),
            **values,
        }
    )
    session.add(review)
    session.commit()
    return review


def tomorrow_at(hour: int, *, days: int = 2) -> datetime:
    """A whole hour some days ahead, in UTC."""
    return (clock.now() + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
