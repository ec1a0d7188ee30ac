"""The verbs of tasks: drafts, publishing once, taking back, and who may."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import tasks
from marketplace.db import transaction
from marketplace.domain.errors import Invalid, NotAllowed, NotFound, WrongState
from marketplace.domain.places import distance_km
from marketplace.domain.policy import Policy
from marketplace.models import Booking, Draft, JournalEntry, Notice, OutboxItem, Photo, Task, User
from tests.factories import make_bid, make_operator, make_task, make_user

POLICY = Policy(photos_max=2)
SECRET = b"a secret of this installation"


def answers(**changes: Any) -> dict[str, Any]:
    evening = clock.now() + timedelta(days=2)
    slot = [evening.isoformat(), (evening + timedelta(hours=4)).isoformat()]
    return {
        "skill": {"skill": "wifi"},
        "questions": {"where": "one_room"},
        "words": {"title": "Kein WLAN", "description": "Nichts geht.", "device": "", "tried": "", "language": "de"},
        "times": {"flexible": False, "slots": [slot]},
        "place": {
            "country": "CH",
            "postcode": "3011",
            "name": "Bern",
            "region": "BE",
            "lat": 46.948,
            "lon": 7.447,
            "remote": False,
            "budget_cents": 6000,
        },
        **changes,
    }


def make_draft(session: Session, by: User | None = None, **changes: Any) -> Draft:
    draft = tasks.begin_draft(session, by=by, token_hash=str(id(changes)) + str(clock.now()), policy=POLICY)
    tasks.write_draft(session, draft, answers(**changes), policy=POLICY, by=by)
    session.commit()
    return draft


def publish(session: Session, draft: Draft, by: User) -> Task:
    return tasks.publish(session, draft, by=by, policy=POLICY, blur_secret=SECRET)


def test_publishing_makes_an_open_task_and_tells_its_customer(session: Session) -> None:
    customer = make_user(session)
    draft = make_draft(session)
    tasks.add_photo(session, draft, file_name="a.webp", width=10, height=10, policy=POLICY)
    task = publish(session, draft, customer)
    session.commit()
    assert (task.state, task.customer_id, task.title, task.currency) == ("open", customer.id, "Kein WLAN", "CHF")
    assert task.expires_at - task.created_at == timedelta(days=POLICY.task_open_days)
    assert session.scalars(select(Photo)).one().task_id == task.id
    assert (draft.published_task_id, draft.user_id, draft.answers) == (task.id, customer.id, {})
    assert [entry.event for entry in session.scalars(select(JournalEntry))] == ["task_published"]
    assert session.scalars(select(Notice)).one().facts == {"task_id": task.id}
    assert session.scalars(select(OutboxItem)).one().kind == "task_published"


def test_others_see_a_position_that_is_blurred_once_and_for_all(session: Session) -> None:
    task = publish(session, make_draft(session), make_user(session))
    assert 0.3 <= distance_km(task.lat, task.lon, task.shown_lat, task.shown_lon) <= 0.71
    twin = publish(session, make_draft(session), make_user(session))
    assert (twin.shown_lat, twin.shown_lon) != (task.shown_lat, task.shown_lon)


def test_publishing_twice_gives_the_same_task(session: Session) -> None:
    customer, draft = make_user(session), make_draft(session)
    task = publish(session, draft, customer)
    session.commit()
    assert publish(session, draft, customer) is task
    assert session.scalar(select(func.count()).select_from(Task)) == 1
    with pytest.raises(NotAllowed):
        publish(session, draft, make_user(session))


def test_of_many_who_publish_at_once_one_makes_the_task(app: Flask, session: Session) -> None:
    customer_id = make_user(session).id
    draft_id = make_draft(session).id
    session.close()
    together, made, troubles = threading.Barrier(6), [], []

    def click() -> None:
        try:
            with app.app_context():
                together.wait()
                with transaction() as own:
                    draft, customer = own.get_one(Draft, draft_id), own.get_one(User, customer_id)
                    made.append(publish(own, draft, customer).id)
        except Exception as trouble:  # the test shows it below
            troubles.append(trouble)

    threads = [threading.Thread(target=click) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert len(made) == 6
    assert len(set(made)) == 1
    assert session.scalar(select(func.count()).select_from(Task)) == 1
    assert session.scalar(select(func.count()).select_from(Notice)) == 1


@pytest.mark.parametrize("step", ["skill", "words", "times", "place"])
def test_what_is_missing_is_named_by_its_step(session: Session, step: str) -> None:
    draft = make_draft(session, **{step: {}})
    with pytest.raises(Invalid) as refusal:
        publish(session, draft, make_user(session))
    assert refusal.value.field == step


def test_a_draft_lives_seven_days_from_its_last_change_and_then_goes_with_its_photos(session: Session) -> None:
    draft = make_draft(session)
    tasks.add_photo(session, draft, file_name="a.webp", width=10, height=10, policy=POLICY)
    kept = make_draft(session)
    with clock.moved_to(clock.now() + timedelta(days=6)):
        tasks.write_draft(session, kept, {}, policy=POLICY)
    with clock.moved_to(clock.now() + timedelta(days=8)):
        assert tasks.forget_expired_drafts(session) == ["a.webp"]
    session.commit()
    assert list(session.scalars(select(Draft.id))) == [kept.id]
    assert session.scalar(select(func.count()).select_from(Photo)) == 0


def test_a_published_draft_takes_no_more_changes(session: Session) -> None:
    draft = make_draft(session)
    publish(session, draft, make_user(session))
    session.commit()
    with pytest.raises(WrongState):
        tasks.write_draft(session, draft, {}, policy=POLICY)
    with pytest.raises(WrongState):
        tasks.add_photo(session, draft, file_name="b.webp", width=10, height=10, policy=POLICY)


def test_a_draft_becomes_the_persons_who_writes_it_signed_in(session: Session) -> None:
    person, draft = make_user(session), make_draft(session)
    assert draft.user_id is None
    tasks.write_draft(session, draft, {}, policy=POLICY, by=person)
    assert draft.user_id == person.id


def test_photos_have_their_number_and_their_draft(session: Session) -> None:
    draft, other = make_draft(session), make_draft(session)
    photos = [
        tasks.add_photo(session, draft, file_name=f"{n}.webp", width=10, height=10, policy=POLICY) for n in range(2)
    ]
    with pytest.raises(Invalid):
        tasks.add_photo(session, draft, file_name="c.webp", width=10, height=10, policy=POLICY)
    with pytest.raises(NotFound):
        tasks.remove_photo(session, other, photos[0])
    assert tasks.remove_photo(session, draft, photos[0]) == "0.webp"
    session.flush()
    tasks.add_photo(session, draft, file_name="c.webp", width=10, height=10, policy=POLICY)


def test_only_the_customer_takes_a_task_back_and_only_while_it_is_open(session: Session) -> None:
    task = make_task(session)
    with pytest.raises(NotAllowed):
        tasks.cancel(session, task, by=make_user(session))
    tasks.cancel(session, task, by=task_customer(session, task))
    assert task.state == "cancelled"
    with pytest.raises(WrongState):
        tasks.cancel(session, task, by=task_customer(session, task))


def test_a_task_whose_booking_is_being_paid_stays(session: Session) -> None:
    task = make_task(session)
    reserve(session, task)
    for verb in (
        lambda: tasks.cancel(session, task, by=task_customer(session, task)),
        lambda: tasks.expire(session, task),
        lambda: tasks.remove(session, task, by=make_operator(session), reason="Werbung"),
    ):
        with pytest.raises(WrongState):
            verb()
    assert task.state == "open"


def test_a_booked_task_is_not_cancelled_here(session: Session) -> None:
    task = make_task(session, state="booked")
    with pytest.raises(WrongState):
        tasks.cancel(session, task, by=task_customer(session, task))
    assert task.state == "booked"


def test_the_operator_takes_a_task_down_with_a_reason(session: Session) -> None:
    task = make_task(session)
    for person in (make_user(session), make_operator(session, "agent")):
        with pytest.raises(NotAllowed):
            tasks.remove(session, task, by=person, reason="Werbung")
    moderator = make_operator(session)
    with pytest.raises(Invalid):
        tasks.remove(session, task, by=moderator, reason="  ")
    tasks.remove(session, task, by=moderator, reason=" Werbung ")
    assert (task.state, task.removed_reason) == ("removed", "Werbung")
    assert [notice.kind for notice in session.scalars(select(Notice))] == ["task_removed"]
    assert "Werbung" not in str([entry.facts for entry in session.scalars(select(JournalEntry))])


def test_the_moves_of_a_booking(session: Session) -> None:
    task = make_task(session)
    tasks.mark_booked(session, task)
    with pytest.raises(WrongState):
        tasks.mark_booked(session, task)
    tasks.reopen(session, task)
    tasks.mark_booked(session, task)
    tasks.mark_done(session, task)
    tasks.close(session, task)
    assert task.state == "closed"
    events = list(session.scalars(select(JournalEntry.event).order_by(JournalEntry.id)))
    assert events == ["task_booked", "task_reopened", "task_booked", "task_done", "task_closed"]


def test_an_expired_task_tells_its_customer(session: Session) -> None:
    task = make_task(session)
    tasks.expire(session, task)
    assert task.state == "expired"
    assert [(notice.user_id, notice.kind) for notice in session.scalars(select(Notice))] == [
        (task.customer_id, "task_expired")
    ]


def task_customer(session: Session, task: Task) -> User:
    return session.get_one(User, task.customer_id)


def reserve(session: Session, task: Task) -> None:
    bid = make_bid(session, task)
    session.add(
        Booking(
            task_id=task.id,
            bid_id=bid.id,
            customer_id=task.customer_id,
            helper_id=bid.helper_id,
            state="reserved",
            starts_at=bid.starts_at,
            minutes=60,
            price_cents=5500,
            fee_cents=550,
            currency="CHF",
            created_at=clock.now(),
            promised_at=clock.now(),
            reserved_until=clock.now() + timedelta(minutes=30),
        )
    )
    session.commit()
