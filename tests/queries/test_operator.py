"""What the operator's lists count and find, and the journal's lines with what they point to."""

from datetime import timedelta

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal as writing
from marketplace.models import User
from marketplace.queries import journal, operator
from tests.factories import make_bid, make_booking, make_certification, make_helper, make_operator, make_task, make_user


def test_the_figures_count_what_they_say(session: Session) -> None:
    now = clock.now()
    since, until = now - timedelta(hours=1), now + timedelta(hours=1)
    with clock.moved_to(now - timedelta(days=2)):
        make_bid(session, make_task(session))
        first = make_certification(session, make_helper(session, skills=()))
    make_task(session)
    make_certification(session, make_helper(session, skills=()), "tv")
    make_certification(session, make_helper(session, skills=()), "tv", state="declined")
    make_booking(session, state="started")
    make_booking(session, state="unsolved")
    figures = operator.figures(session, since=since, until=until)
    assert (figures.open_tasks, figures.tasks_without_bid, figures.bids_today) == (2, 1, 2)
    assert (figures.waiting_certifications, figures.oldest_application_at) == (2, first.applied_at)
    assert (figures.visits_under_way, figures.unsolved_visits, figures.held_cents) == (1, 1, 11_000)
    assert figures.visits_today == 0
    tomorrow = now + timedelta(days=3)
    assert operator.figures(session, since=now, until=tomorrow).visits_today == 2


def test_an_empty_house_has_figures_too(session: Session) -> None:
    figures = operator.figures(session, since=clock.now(), until=clock.now())
    assert (figures.held_cents, figures.oldest_application_at) == (0, None)


def test_people_are_found_by_parts_of_name_and_mail(session: Session) -> None:
    anna = make_user(session, "Anna 100% Muster", email="Anna.Muster@example.org")
    make_user(session, "Beat")

    def found(search: str) -> list[str]:
        listed = operator.people(session, kind=None, search=search, since=None, limit=10)
        assert listed.total == len(listed.rows)
        return [one.name for one in listed.rows]

    assert found("muster@EXAMPLE") == ["Anna 100% Muster"]
    assert found(anna.public_id.upper()) == ["Anna 100% Muster"]
    assert found("100%") == ["Anna 100% Muster"]
    assert found("_") == []
    assert found("") == ["Beat", "Anna 100% Muster"]


def test_the_kinds_of_people(session: Session) -> None:
    make_user(session, "Kundin")
    make_helper(session, "Helfer")
    make_operator(session, name="Agentin")
    make_user(session, "Gesperrt", suspended_at=clock.now())

    def found(kind: str) -> list[str]:
        return [one.name for one in operator.people(session, kind=kind, search="", since=None, limit=10).rows]

    assert (found("helpers"), found("operators"), found("suspended")) == (["Helfer"], ["Agentin"], ["Gesperrt"])


def test_roles_are_read_with_the_list_that_shows_them_and_nowhere_else(session: Session) -> None:
    agent = make_operator(session, name="Agentin").id
    session.expunge_all()
    assert "roles" in inspect(session.get_one(User, agent)).unloaded
    session.expunge_all()
    [listed] = operator.people(session, kind="operators", search="", since=None, limit=10).rows
    assert "roles" not in inspect(listed).unloaded
    assert listed.role_names == {"moderator"}


def test_a_person_page_holds_both_sides(session: Session) -> None:
    booking = make_booking(session)
    helper = operator.person_page(session, _public_id(session, booking.helper_id))
    customer = operator.person_page(session, _public_id(session, booking.customer_id))
    assert (len(helper.bids), len(helper.tasks), len(helper.bookings)) == (1, 0, 1)
    assert (len(customer.bids), len(customer.tasks), len(customer.bookings)) == (0, 1, 1)
    assert helper.profile
    assert customer.profile is None


def test_the_journal_names_actor_and_subject(session: Session) -> None:
    olga, task = make_operator(session, name="Olga"), make_task(session)
    writing.record(session, "task_removed", task, by=olga)
    writing.record(session, "task_expired", task, by=None)
    writing.record(session, "account_suspended", olga, by=None)
    session.commit()
    lines = journal.lines(session)
    assert [one.entry.event for one in lines] == ["account_suspended", "task_expired", "task_removed"]
    assert [one.actor_name for one in lines] == [None, None, "Olga"]
    assert [one.subject_public_id for one in lines] == [olga.public_id, task.public_id, task.public_id]
    mine = journal.lines(session, person_id=olga.id)
    assert [one.entry.event for one in mine] == ["account_suspended", "task_removed"]
    assert journal.subject_called(session, task.public_id) == ("tasks", task.id)
    assert journal.subject_called(session, "nothing") is None
    assert [one.entry.event for one in journal.lines(session, limit=1, offset=2)] == ["task_removed"]
    assert journal.lines(session, since=clock.now() + timedelta(minutes=1)) == []


def _public_id(session: Session, user_id: int) -> str:
    return session.get_one(operator.User, user_id).public_id
