"""Reviews: only the two sides, only after the sign-off, once each, blind until both are in or the window closes."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import reviews
from marketplace.db import transaction
from marketplace.domain.errors import Invalid, NotAllowed, WrongState
from marketplace.domain.masking import MASK
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Notice, Review, User
from marketplace.queries.reviews import about, due
from tests.factories import make_done_booking, make_user

POLICY = Policy()


def write(session: Session, booking: Booking, by_id: int, **values: object) -> Review:
    given = {"stars": 5, "words": "Sehr freundlich.", "policy": POLICY, **values}
    with transaction() as writing:
        return reviews.write(writing, booking, by=writing.get_one(User, by_id), **given)  # type: ignore[arg-type]


def test_nobody_sees_a_review_before_the_other_side_has_written(session: Session) -> None:
    booking = make_done_booking(session)
    write(session, booking, booking.customer_id)
    assert about(session, booking.helper_id, said_by=["customer"], at=clock.now()) == []
    write(session, booking, booking.helper_id, stars=4)
    assert [review.stars for review in about(session, booking.helper_id, said_by=["customer"], at=clock.now())] == [5]
    assert [review.stars for review in about(session, booking.customer_id, said_by=["helper"], at=clock.now())] == [4]
    told = session.scalars(select(Notice.user_id).where(Notice.kind == "review_received")).all()
    assert sorted(told) == sorted([booking.customer_id, booking.helper_id])


def test_contact_data_in_a_review_stay_hidden(session: Session) -> None:
    booking = make_done_booking(session)
    write(session, booking, booking.customer_id, words="Sehr gut. Nummer: 079 123 45 67, Rosenweg 3.")
    assert session.scalars(select(Review.words)).one() == f"Sehr gut. Nummer: {MASK}, {MASK}."


def test_a_lonely_review_opens_when_the_window_closes(session: Session) -> None:
    booking = make_done_booking(session)
    write(session, booking, booking.customer_id)
    closes_at = booking.signed_off_at + timedelta(days=POLICY.review_days)
    assert about(session, booking.helper_id, said_by=["customer"], at=closes_at - timedelta(seconds=1)) == []
    assert len(about(session, booking.helper_id, said_by=["customer"], at=closes_at)) == 1
    assert about(session, booking.helper_id, said_by=["helper"], at=closes_at) == []


@pytest.mark.parametrize(("written", "told"), [((), 0), (("customer",), 1), (("customer", "helper"), 0)])
def test_when_the_time_is_over_the_one_who_was_reviewed_alone_is_told(
    session: Session, written: tuple[str, ...], told: int
) -> None:
    booking = make_done_booking(session)
    for side in written:
        write(session, booking, booking.customer_id if side == "customer" else booking.helper_id)
    with transaction() as writing:
        reviews.close(writing, booking)
    assert booking.state == "closed"
    people = session.scalars(select(Notice.user_id).where(Notice.kind == "review_opened")).all()
    assert people == [booking.helper_id] * told


def test_each_side_writes_once(session: Session) -> None:
    booking = make_done_booking(session)
    write(session, booking, booking.customer_id)
    with pytest.raises(WrongState):
        write(session, booking, booking.customer_id, stars=1)
    assert session.scalars(select(Review.stars)).all() == [5]


def test_nobody_else_writes(session: Session) -> None:
    booking = make_done_booking(session)
    with pytest.raises(NotAllowed):
        write(session, booking, make_user(session, "Fritz Fremd").id)


def test_nobody_writes_before_the_sign_off_or_after_the_window(session: Session) -> None:
    booking = make_done_booking(session)
    with clock.moved_to(booking.signed_off_at + timedelta(days=POLICY.review_days)), pytest.raises(WrongState):
        write(session, booking, booking.customer_id)
    booking.state = "finished"
    session.commit()
    with pytest.raises(WrongState):
        write(session, booking, booking.customer_id)


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_stars_are_one_to_five(session: Session, stars: int) -> None:
    booking = make_done_booking(session)
    with pytest.raises(Invalid):
        write(session, booking, booking.customer_id, stars=stars)


def test_what_is_due_is_what_one_has_not_written(session: Session) -> None:
    booking = make_done_booking(session)
    both = (booking.customer_id, booking.helper_id)
    assert [len(due(session, one, at=clock.now(), policy=POLICY)) for one in both] == [1, 1]
    write(session, booking, booking.customer_id)
    assert [len(due(session, one, at=clock.now(), policy=POLICY)) for one in both] == [0, 1]
