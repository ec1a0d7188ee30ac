"""The Friend badge follows the rows of record: it is earned, lapses, and comes out the same when rebuilt from nothing."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import accounts
from marketplace.domain.policy import Policy
from marketplace.domain.ratings import WeightedStars, rate
from marketplace.jobs import badges
from marketplace.models import JournalEntry, Notice, Review, Standing, User
from marketplace.queries.badges import rating_of, standing
from tests.factories import make_certification, make_done_booking, make_helper, make_operator, make_review, make_user

POLICY = Policy()


def well_done(session: Session, helper: User, times: int, *, stars: int = 5, customer: User | None = None) -> None:
    for _ in range(times):
        booking = make_done_booking(session, helper=helper, customer=customer)
        make_review(session, booking, stars=stars)


def test_the_fifth_good_booking_makes_a_friend(session: Session) -> None:
    helper = make_helper(session)
    well_done(session, helper, 4)
    badges.refresh_stale(policy=POLICY)
    assert not standing(session, helper.id).is_friend
    well_done(session, helper, 1)
    badges.refresh_stale(policy=POLICY)
    now = standing(session, helper.id)
    assert (now.is_friend, now.signed_off, now.customers, now.cautious_hundredths) == (True, 5, 5, 433)
    assert session.scalars(select(Notice.kind).where(Notice.user_id == helper.id)).all() == ["badge_earned"]
    facts = session.scalars(select(JournalEntry.facts).where(JournalEntry.event == "badge_earned")).one()
    assert facts["cautious_hundredths"] == 433


def test_five_bookings_of_one_customer_make_no_friend(session: Session) -> None:
    helper, customer = make_helper(session), make_user(session)
    well_done(session, helper, 6, customer=customer)
    badges.refresh_stale(policy=POLICY)
    now = standing(session, helper.id)
    assert (now.is_friend, now.customers, now.cautious_hundredths < 430) == (False, 1, True)


def test_the_badge_lapses_with_the_rating(session: Session) -> None:
    helper = make_helper(session)
    well_done(session, helper, 5)
    badges.refresh_stale(policy=POLICY)
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        well_done(session, helper, 2, stars=2)
        badges.refresh_stale(policy=POLICY)
    now = standing(session, helper.id)
    assert (now.is_friend, now.friend_since) == (False, None)
    assert session.scalars(select(Notice.kind).order_by(Notice.id)).all()[-1] == "badge_lost"


def test_a_hidden_review_counts_nothing(session: Session) -> None:
    helper = make_helper(session)
    well_done(session, helper, 5)
    for review in session.scalars(select(Review)):
        review.opens_at = clock.now() + timedelta(days=1)
    session.commit()
    badges.refresh_stale(policy=POLICY)
    assert standing(session, helper.id).reviews == 0


def test_the_word_of_a_customer_whom_others_rate_poorly_counts_half(session: Session) -> None:
    helper, disliked = make_helper(session), make_user(session, "Quentin Querulant")
    well_done(session, helper, 5)
    booking = make_done_booking(session, helper=helper, customer=disliked)
    make_review(session, booking, stars=1)
    make_review(session, booking, side="helper", stars=1)  # the helper's own word about him changes nothing
    badges.refresh_stale(policy=POLICY)
    full = standing(session, helper.id).cautious_hundredths
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        make_review(session, make_done_booking(session, customer=disliked), side="helper", stars=2)
        assert badges.refresh_stale(policy=POLICY) == 2  # the helper whom he reviewed, and the other one's visit
    session.expire_all()
    half = standing(session, helper.id).cautious_hundredths
    assert (full, half) == (expected([(5, 1)] * 5 + [(1, 1)]), expected([(5, 1)] * 5 + [(1, 0.5)]))
    assert half > full


def test_the_word_of_a_suspended_customer_counts_nothing(session: Session) -> None:
    helper, customer = make_helper(session), make_user(session)
    well_done(session, helper, 4)
    well_done(session, helper, 1, customer=customer)
    badges.refresh_stale(policy=POLICY)
    assert standing(session, helper.id).is_friend
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        accounts.suspend(session, customer, by=make_operator(session), reason="Gekaufte Bewertungen")
        session.commit()
        assert badges.refresh_stale(policy=POLICY) == 1
        assert badges.refresh_stale(policy=POLICY) == 0
        now = standing(session, helper.id)
        assert (now.is_friend, now.reviews, now.average_hundredths, now.cautious_hundredths) == (False, 5, 500, 420)
    with clock.moved_to(clock.now() + timedelta(minutes=2)):
        accounts.restore(session, customer, by=make_operator(session), reason="Ein Irrtum")
        session.commit()
        assert badges.refresh_stale(policy=POLICY) == 1
        assert standing(session, helper.id).is_friend


def test_what_is_said_of_somebody_as_a_customer_counts_nothing_for_their_help(session: Session) -> None:
    helper, other = make_helper(session), make_helper(session, "Olaf Other")
    well_done(session, helper, 2, stars=3)
    for _ in range(5):  # a friend praises the helper as a customer
        make_review(session, make_done_booking(session, helper=other, customer=helper), side="helper", stars=5)
    badges.refresh_stale(policy=POLICY)
    now = standing(session, helper.id)
    assert (now.reviews, now.average_hundredths) == (2, 300)
    assert rating_of(session, helper.id, "customer", at=clock.now(), policy=POLICY).count == 5
    # And whoever helps badly is heard as a customer all the same.
    make_review(session, make_done_booking(session, helper=other, customer=helper), stars=1)
    well_done(session, helper, 3, stars=1)
    as_helper = rating_of(session, other.id, "helper", at=clock.now(), policy=POLICY)
    assert as_helper.cautious_hundredths == expected([(1, 1)])


def expected(reviews: list[tuple[int, float]]) -> int:
    return rate([WeightedStars(stars, weight) for stars, weight in reviews]).cautious_hundredths


def test_nothing_is_refreshed_while_nothing_is_new(session: Session) -> None:
    helper = make_helper(session)
    well_done(session, helper, 1)
    assert badges.refresh_stale(policy=POLICY) == 1
    assert badges.refresh_stale(policy=POLICY) == 0
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        make_certification(session, helper, "tv", state="granted")
        assert badges.refresh_stale(policy=POLICY) == 1


def test_what_lies_ahead_is_refreshed_once_it_has_come(session: Session) -> None:
    helper = make_helper(session)
    with clock.moved_to(clock.now() + timedelta(hours=2)):
        well_done(session, helper, 1)
    assert [badges.refresh_stale(policy=POLICY) for _ in range(2)] == [1, 0]
    with clock.moved_to(clock.now() + timedelta(hours=3)):
        assert [badges.refresh_stale(policy=POLICY) for _ in range(2)] == [1, 0]


def test_rebuilt_from_nothing_it_is_the_same(session: Session) -> None:
    for bookings in (5, 2):
        well_done(session, make_helper(session), bookings)
    badges.refresh_stale(policy=POLICY)
    before = figures(session)
    session.execute(delete(Standing))
    session.commit()
    assert badges.rebuild(policy=POLICY) == 2
    assert figures(session) == before


def figures(session: Session) -> list[tuple[int, ...]]:
    rows = session.scalars(select(Standing).order_by(Standing.helper_id)).all()
    return [(one.helper_id, one.reviews, one.cautious_hundredths, one.signed_off, one.is_friend) for one in rows]
