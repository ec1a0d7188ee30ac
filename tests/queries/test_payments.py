"""The proof of the ledger: whole books pass, and every planted fault is found."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.lifecycles import BOOKING
from marketplace.domain.money import GATEWAY, REVENUE, held, owed
from marketplace.models import Booking, Entry, Payment, Posting
from marketplace.queries.ledger import balances, ledger_faults, story
from tests.factories import make_booking, payment_of


def plant_entry(session: Session, booking: Booking, source: str, goal: str, cents: int) -> None:
    posting = Posting(kind="odd", key="x", booking_id=booking.id, at=clock.now())
    session.add(posting)
    session.flush()
    session.add(Entry(posting_id=posting.id, from_account=source, to_account=goal, cents=cents, currency="CHF"))
    session.flush()


def of_posting(session: Session, kind: str) -> int:
    return session.scalars(select(Posting.id).where(Posting.kind == kind).order_by(Posting.id).limit(1)).one()


PLANTED: dict[str, Callable[[Session, Booking, Booking], object]] = {
    "a rappen too much held": lambda s, c, d: s.execute(
        update(Entry).where(Entry.posting_id == of_posting(s, "payment_held")).values(cents=5501)
    ),
    "a rappen of the fee given to the helper": lambda s, c, d: s.execute(
        update(Entry).where(Entry.to_account == REVENUE).values(cents=549)
    ),
    "an entry gone": lambda s, c, d: s.execute(delete(Entry).where(Entry.to_account == REVENUE)),
    "all entries of a posting gone": lambda s, c, d: s.execute(
        delete(Entry).where(Entry.posting_id == of_posting(s, "payment_released"))
    ),
    "money out of nowhere": lambda s, c, d: plant_entry(s, c, "nowhere", owed(c.helper_id), 100),
    "held twice": lambda s, c, d: plant_entry(s, c, GATEWAY, held(c.id), 5500),
    "owed from the wrong booking": lambda s, c, d: plant_entry(s, c, held(d.id), owed(c.helper_id), 100),
    "the helper pays the platform": lambda s, c, d: plant_entry(s, d, owed(d.helper_id), REVENUE, 10_000),
    "the wrong helper is paid": lambda s, c, d: s.execute(
        update(Entry).where(Entry.to_account == owed(d.helper_id)).values(to_account=owed(c.helper_id))
    ),
    "another currency": lambda s, c, d: s.execute(
        update(Entry).where(Entry.to_account == REVENUE).values(currency="EUR")
    ),
    "a posting of no booking": lambda s, c, d: s.execute(
        update(Posting).where(Posting.kind == "payment_held").values(booking_id=None)
    ),
    "a fact under another name": lambda s, c, d: s.execute(
        update(Posting).where(Posting.kind == "payment_released").values(kind="payment_refunded")
    ),
    "a refund that the ledger does not know": lambda s, c, d: s.execute(
        update(Payment).where(Payment.booking_id == c.id).values(refunded_cents=100)
    ),
    "a held payment of a finished story": lambda s, c, d: s.execute(
        update(Payment).where(Payment.booking_id == d.id).values(state="held")
    ),
    "a confirmed booking without money": lambda s, c, d: s.execute(
        update(Payment).where(Payment.booking_id == c.id).values(state="failed")
    ),
    "a payment over another amount": lambda s, c, d: s.execute(
        update(Payment).where(Payment.booking_id == c.id).values(amount_cents=5400)
    ),
    "a booking that was never signed off, paid out": lambda s, c, d: s.execute(
        update(Booking).where(Booking.id == d.id).values(state="finished")
    ),
    "a booking signed off without paying out": lambda s, c, d: s.execute(
        update(Booking).where(Booking.id == c.id).values(state="signed_off")
    ),
    "a cancelled booking whose money stayed": lambda s, c, d: s.execute(
        update(Booking).where(Booking.id == c.id).values(state="cancelled")
    ),
    "a lapsed booking that holds money": lambda s, c, d: s.execute(
        update(Booking).where(Booking.id == c.id).values(state="lapsed")
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(session: Session, fault: str, figure: Callable[[str, int], None]) -> None:
    confirmed, done = make_booking(session), make_booking(session, state="signed_off")
    assert ledger_faults(session) == []
    PLANTED[fault](session, confirmed, done)
    session.flush()
    session.expire_all()
    assert ledger_faults(session) != [], fault
    session.rollback()
    assert ledger_faults(session) == []
    figure("planted faults of the ledger found", 1)


@pytest.mark.parametrize("state", BOOKING.states)
def test_whole_books_pass_in_every_state(session: Session, state: str) -> None:
    booking = make_booking(session, state=state)
    assert ledger_faults(session) == []
    holding = state in ("confirmed", "on_the_way", "started", "finished", "unsolved")
    assert balances(session).get(held(booking.id), 0) == (booking.price_cents if holding else 0)


def test_an_empty_ledger_is_whole(session: Session) -> None:
    assert ledger_faults(session) == []
    assert balances(session) == {}


def test_a_fact_cannot_be_posted_twice(session: Session) -> None:
    booking = make_booking(session)
    key = str(payment_of(session, booking).id)
    session.add(Posting(kind="payment_held", key=key, booking_id=booking.id, at=clock.now()))
    with pytest.raises(IntegrityError):
        session.flush()


@pytest.mark.parametrize("cents", [0, -1])
def test_an_entry_moves_something(session: Session, cents: int) -> None:
    booking = make_booking(session)
    with pytest.raises(IntegrityError):
        plant_entry(session, booking, GATEWAY, held(booking.id), cents)


def test_the_story_of_the_money(session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    assert [(line.kind, line.cents) for line in story(session, booking)] == [
        ("held", 5500),
        ("helper", 4950),
        ("fee", 550),
    ]
