"""The pages of bids: a helper bids, both negotiate, the customer compares."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from config import LANGUAGES
from marketplace import clock
from marketplace.db import db
from marketplace.domain.bidding import ORDERS, Terms, check_terms
from marketplace.domain.errors import Invalid
from marketplace.domain.policy import Policy
from marketplace.models import Bid, BidStep, Booking, Slot, Standing, TakenQuarter, Task, User
from tests.factories import make_bid, make_helper, make_task, make_user, tomorrow_at
from tests.page import Page

SignIn = Callable[[User], Page]
ZURICH = ZoneInfo("Europe/Zurich")


@pytest.fixture
def helper(session: Session) -> User:
    return make_helper(session, language="en")


@pytest.fixture
def task(session: Session) -> Task:
    return make_task(session, make_user(session, "Clara Kundin", language="en"))


@pytest.fixture
def customer(session: Session, task: Task) -> User:
    return session.get_one(User, task.customer_id)


def filled(task: Task, **values: str) -> dict[str, str]:
    """What a helper types."""
    slot = db.session.scalars(select(Slot).where(Slot.task_id == task.id)).one()
    return {
        "price": "55.50",
        "minutes": "60",
        "included": "Anfahrt und Einrichtung",
        "when": slot.starts_at.isoformat(),
        "message": "Ich komme gern vorbei.",
        **values,
    }


def bids() -> list[Bid]:
    return list(db.session.scalars(select(Bid).order_by(Bid.id)))


def booked(session: Session, bid: Bid, task: Task) -> Booking:
    """An agreed booking for a bid."""
    now = clock.now()
    booking = Booking(
        task_id=task.id,
        bid_id=bid.id,
        customer_id=task.customer_id,
        helper_id=bid.helper_id,
        state="confirmed",
        starts_at=bid.starts_at,
        minutes=bid.minutes,
        price_cents=bid.price_cents,
        fee_cents=550,
        currency="CHF",
        created_at=now,
        promised_at=bid.starts_at,
        reserved_until=now,
    )
    session.add(booking)
    session.commit()
    return booking


# ---- Placing one


def test_a_helper_sees_the_payout_before_the_bid_is_sent(task: Task, helper: User, sign_in: SignIn) -> None:
    page = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    page.submit(filled(task), status=200)
    assert "49.95" in page.text  # 55.50 less 10 %
    assert bids() == []
    page.submit().follow()
    [bid] = bids()
    assert (bid.price_cents, bid.fee_percent, bid.minutes, bid.state) == (5550, 10, 60, "placed")
    assert "Anfahrt und Einrichtung" in page.text


def test_going_back_from_the_check_page_keeps_what_was_typed(task: Task, helper: User, sign_in: SignIn) -> None:
    page = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    page.submit(filled(task), status=200).submit({"change": "yes"}, status=200)
    [price] = page.all("input[name=price]")
    assert price.get("value") == "55.50"
    assert page.all("textarea[name=included]")[0].text_content().strip() == "Anfahrt und Einrichtung"
    assert bids() == []


def test_another_time_is_on_the_wall_clock(task: Task, helper: User, sign_in: SignIn) -> None:
    day = (clock.now() + timedelta(days=3)).astimezone(ZURICH).date()
    page = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    page.submit(filled(task, when="other", on=day.isoformat(), start="10:15"), status=200).submit()
    [bid] = bids()
    assert bid.starts_at.astimezone(ZURICH).strftime("%Y-%m-%d %H:%M") == f"{day} 10:15"


def test_the_start_may_lie_within_a_time_of_the_customer(task: Task, helper: User, sign_in: SignIn) -> None:
    start = (tomorrow_at(19) + timedelta(minutes=45)).astimezone(ZURICH).strftime("%H:%M")
    page = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    page.submit(filled(task, start=start), status=200).submit()
    assert bids()[0].starts_at == tomorrow_at(19) + timedelta(minutes=45)


WRONG = [
    ({"price": "5"}, "price"),
    ({"price": "abc"}, "price"),
    ({"price": "9999999999999999999999"}, "price"),
    ({"price": ""}, "price"),
    ({"minutes": "7"}, "minutes"),
    ({"included": " "}, "included"),
    ({"included": "x" * 301}, "included"),
    ({"when": ""}, "when"),
    ({"when": "2020-01-01T10:00:00+00:00"}, "when"),
    ({"when": "other"}, "when"),
    ({"when": "other", "on": "2020-01-01", "start": "10:00"}, "when"),
    ({"when": "other", "on": "9999-12-31", "start": "23:59"}, "when"),
    ({"when": "other", "on": "0001-01-01", "start": "00:00"}, "when"),
    ({"start": "03:00"}, "when"),
    ({"start": "99:99"}, "start"),
    ({"on": "31.31.2026"}, "on"),
    ({"message": "x" * 4001}, "message"),
    ({"valid_days": "400"}, "valid_days"),
]


@pytest.mark.parametrize(("typed", "field"), WRONG)
def test_what_cannot_be_agreed_on_is_said_at_its_field(
    typed: dict[str, str], field: str, task: Task, helper: User, sign_in: SignIn
) -> None:
    page = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    page.submit(filled(task, **typed), status=422)
    assert page.document.findtext(".//title").startswith("Error:")
    assert page.all(f"#{field}-error"), page.text
    page.post(f"/tasks/{task.public_id}/bids", {**filled(task, **typed), "checked": "yes"}, status=422)
    assert bids() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bounds_of_a_price_read_as_money_reads_everywhere(
    app: Flask, session: Session, task: Task, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "policy", Policy(price_min_cents=1_050, price_max_cents=100_000))
    page = Page(app, language)
    page.sign_in(make_helper(session, "Hanna Helferin", language=language))
    page.get(f"/tasks/{task.public_id}/bids/new").submit(filled(task, price="10"), status=422)
    assert "CHF 10.50" in page.all("#price-error")[0].text_content().replace("\N{NO-BREAK SPACE}", " ")
    assert "CHF 1’000.00" in page.all("#price-error")[0].text_content().replace("\N{NO-BREAK SPACE}", " ")
    with pytest.raises(Invalid, match=r"CHF.10\.50 to CHF.1’000\.00"):
        check_terms(Terms(1_049, 60, "Alles", clock.now()), now=clock.now(), policy=app.extensions["policy"])


def test_a_time_taken_in_the_own_calendar_is_refused(
    session: Session, task: Task, helper: User, sign_in: SignIn
) -> None:
    other = make_task(session)
    booking = booked(session, make_bid(session, other, helper), other)
    session.add(
        TakenQuarter(helper_id=helper.id, quarter_at=tomorrow_at(19) + timedelta(minutes=45), booking_id=booking.id)
    )
    session.commit()
    page = sign_in(helper).get(f"/tasks/{task.public_id}/bids/new")
    page.submit(filled(task), status=422)
    assert page.all("#when-error")
    page.submit({"minutes": "45"}, status=200)


def test_a_second_bid_leads_to_the_first(session: Session, task: Task, helper: User, sign_in: SignIn) -> None:
    bid = make_bid(session, task, helper)
    page = sign_in(helper)
    assert page.get(f"/tasks/{task.public_id}/bids/new", 303).location.endswith(f"/bids/{bid.public_id}")
    page.post(f"/tasks/{task.public_id}/bids", {**filled(task), "checked": "yes"})
    assert page.location.endswith(f"/bids/{bid.public_id}")
    assert len(bids()) == 1


def test_who_may_not_bid_is_told_why(session: Session, task: Task, customer: User, sign_in: SignIn) -> None:
    address = f"/tasks/{task.public_id}/bids/new"
    sign_in(make_user(session)).get(address, 403)
    sign_in(make_helper(session, skills=("tv",))).get(address, 403)
    customer.is_helper = True
    session.commit()
    sign_in(customer).get(address, 403)
    sign_in(make_helper(session)).get(address)


# ---- Negotiating


def test_both_sides_negotiate_and_every_step_is_kept(
    session: Session, task: Task, customer: User, helper: User, sign_in: SignIn
) -> None:
    bid = make_bid(session, task, helper)
    buyer, seller = sign_in(customer), sign_in(helper)
    buyer.get(f"/bids/{bid.public_id}/counter").submit({"price": "45", "message": "Geht es auch für 45?"}).follow()
    assert bid.state == "countered"
    seller.get(f"/bids/{bid.public_id}")
    assert "Geht es auch für 45?" in seller.text
    seller.get(f"/bids/{bid.public_id}/revision").submit({"price": "50"}, status=200).submit().follow()
    assert (bid.state, bid.price_cents) == ("placed", 5000)
    events = [event.text_content() for event in buyer.get(f"/bids/{bid.public_id}").all(".timeline .event")]
    assert ["Stands until" in event for event in events] == [False, False, True]
    buyer.get(f"/bids/{bid.public_id}/counter").submit({"price": "48"})
    seller.post(f"/bids/{bid.public_id}/agreement").follow()
    assert (bid.state, bid.price_cents) == ("placed", 4800)
    steps = session.scalars(select(BidStep).where(BidStep.bid_id == bid.id).order_by(BidStep.number)).all()
    assert all(step.at < step.expires_at <= step.starts_at for step in steps[1:])
    assert steps[-1].expires_at == bid.expires_at
    assert [(step.number, step.side, step.price_cents) for step in steps] == [
        (1, "helper", 5500),
        (2, "customer", 4500),
        (3, "helper", 5000),
        (4, "customer", 4800),
        (5, "helper", 4800),
    ]
    events = [event.text_content() for event in buyer.get(f"/bids/{bid.public_id}").all(".timeline .event")]
    assert len(events) == 5
    assert ["Included" in event for event in events] == [True, False, False, False, False]  # said where it is new


def test_proposing_the_same_again_is_refused_with_the_input_kept(
    session: Session, task: Task, customer: User, sign_in: SignIn
) -> None:
    bid = make_bid(session, task)
    page = sign_in(customer).get(f"/bids/{bid.public_id}/counter").submit({"message": "Und?"}, status=422)
    assert page.all("#price-error")
    assert "Und?" in page.text
    assert bid.state == "placed"


def test_declining_and_taking_back(session: Session, task: Task, customer: User, helper: User, sign_in: SignIn) -> None:
    bid = make_bid(session, task, helper)
    sign_in(helper).get(f"/bids/{bid.public_id}").submit(form=f"/bids/{bid.public_id}/withdrawal").follow()
    assert bid.state == "withdrawn"
    second = make_bid(session, task, helper)
    sign_in(customer).get(f"/bids/{second.public_id}").submit(form=f"/bids/{second.public_id}/decline").follow()
    assert second.state == "declined"
    sign_in(customer).post(f"/bids/{second.public_id}/decline", status=409)


def test_nobody_else_sees_a_bid(session: Session, task: Task, helper: User, customer: User, sign_in: SignIn) -> None:
    bid = make_bid(session, task, helper)
    others = [make_user(session), make_helper(session, "Hella Helferin")]
    addresses = [f"/bids/{bid.public_id}", f"/bids/{bid.public_id}/counter", f"/bids/{bid.public_id}/revision"]
    for address in addresses:
        for other in others:
            sign_in(other).get(address, 403 if address.endswith("revision") and not other.is_helper else 404)
    for verb in ("agreement", "withdrawal", "decline", "counter", "revision"):
        sign_in(others[1]).post(f"/bids/{bid.public_id}/{verb}", status=404)
    sign_in(helper).get(f"/bids/{bid.public_id}/counter", 404)
    sign_in(customer).get(f"/bids/{bid.public_id}")
    assert bid.state == "placed"


def test_the_customer_is_shown_by_first_name_and_initial_until_booked(
    session: Session, task: Task, helper: User, sign_in: SignIn
) -> None:
    bid = make_bid(session, task, helper, state="accepted")
    page = sign_in(helper)
    assert "Clara Kundin" not in page.get(f"/bids/{bid.public_id}").text
    assert "Clara K." in page.text
    booking = booked(session, bid, task)
    assert "Clara Kundin" in page.get(f"/bids/{bid.public_id}").text
    assert page.all(f"a[href='/bookings/{booking.public_id}']")


def test_terms_that_have_run_out_cannot_be_accepted_from_the_page(
    session: Session, task: Task, customer: User, helper: User, sign_in: SignIn
) -> None:
    bid = make_bid(session, task, helper)
    accept = f"a[href='/bids/{bid.public_id}/acceptance']"
    assert sign_in(customer).get(f"/bids/{bid.public_id}").all(accept)
    bid.expires_at = clock.now() - timedelta(minutes=1)
    session.commit()
    assert not sign_in(customer).get(f"/bids/{bid.public_id}").all(accept)
    assert not sign_in(customer).get(f"/tasks/{task.public_id}/bids").all(accept)
    sign_in(helper).get(f"/bids/{bid.public_id}/revision").submit(status=200).submit()
    assert sign_in(customer).get(f"/bids/{bid.public_id}").all(accept)


def test_a_helpers_own_bids_say_whose_turn_it_is(session: Session, task: Task, helper: User, sign_in: SignIn) -> None:
    sign_in(helper).get("/my-bids")
    make_bid(session, task, helper, state="countered")
    make_bid(session, make_task(session, title="Drucker druckt nicht"), helper, state="declined")
    page = sign_in(helper).get("/my-bids")
    assert [heading.text_content() for heading in page.all(".card-title")] == [
        "Kein WLAN im Schlafzimmer",
        "Drucker druckt nicht",
    ]
    assert "Your turn" in page.text


# ---- Comparing


def rated(session: Session, name: str, cautious: int, **values: object) -> User:
    helper = make_helper(session, name)
    session.add(
        Standing(
            helper_id=helper.id,
            certified=True,
            reviews=5,
            average_hundredths=480,
            cautious_hundredths=cautious,
            reply_minutes=30,
            rule_version=1,
            computed_at=clock.now(),
            **values,
        )
    )
    session.commit()
    return helper


def test_the_customer_compares_the_same_six_facts_in_the_stated_order(
    session: Session, task: Task, customer: User, sign_in: SignIn
) -> None:
    make_bid(session, task, rated(session, "Anna Alt", 310), price_cents=5000)
    make_bid(session, task, rated(session, "Beat Best", 460, is_friend=True), price_cents=5200)
    make_bid(session, task, make_helper(session, "Nina Neu"), price_cents=9900, starts_at=tomorrow_at(8, days=1))
    make_bid(session, task, make_helper(session, "Weg Gegangen"), state="withdrawn")
    page = sign_in(customer)

    def names(order: str) -> list[str]:
        page.get(f"/tasks/{task.public_id}/bids?order={order}")
        return [link.text_content() for link in page.all(".bid-name a")]

    assert names("price") == ["Anna A.", "Beat B.", "Nina N."]
    assert names("soonest") == ["Nina N.", "Anna A.", "Beat B."]
    assert names("rating") == ["Beat B.", "Anna A.", "Nina N."]
    assert names("fit") == names("nonsense") == ["Beat B.", "Anna A.", "Nina N."]
    assert [head.text_content() for head in page.all(".bid-table tbody th")] == [
        "Total price",
        "Earliest time",
        "Badge",
        "Rating",
        "Distance",
        "Reply time",
        "Included",
        "Stands until",
    ]
    assert "Why this order?" in page.text
    for place in (".bid-table", ".bid"):  # side by side and one by one
        told = " ".join(one.text_content() for one in page.all(place))
        assert all(told.count(fact) == 3 for fact in ("1 h", "Anfahrt")), told
        assert "4.6 (average 4.8, 5 reviews)" in " ".join(told.split())


def test_the_order_of_the_bids_is_stated(session: Session, task: Task, customer: User, sign_in: SignIn) -> None:
    stated = {
        "Best fit": "First the bids that fit best: price, rating, badge and time together.",
        "Lowest price": "First the lowest total price.",
        "Soonest": "First the helper who can come soonest.",
        "Best rating": "First the best cautious rating; helpers without reviews come last.",
    }
    make_bid(session, task)
    page = sign_in(customer)
    for order, chosen in zip(ORDERS, stated, strict=True):
        page.get(f"/tasks/{task.public_id}/bids?order={order}")
        assert [tab.text_content().strip() for tab in page.all(".tabs [aria-current]")] == [chosen]
        assert [why for why in stated.values() if why in page.text] == [stated[chosen]]


def test_a_bid_says_its_six_terms(session: Session, task: Task, customer: User, sign_in: SignIn) -> None:
    bid = make_bid(session, task, price_cents=6200, minutes=90, message="Ich bringe einen Repeater mit.")
    page = sign_in(customer).get(f"/bids/{bid.public_id}")
    told = {row.cssselect("dt")[0].text_content().strip(): row.text_content() for row in page.all(".summary-row")}
    assert "CHF 62.00" in page.text
    assert "1 h 30 min" in told["Duration"]
    assert bid.included in told["Included"]
    assert "Ich bringe einen Repeater mit." in told["Message"]
    assert {"When", "Stands until"} <= told.keys()


def test_the_customer_chooses_which_bids_stand_side_by_side(
    session: Session, task: Task, customer: User, sign_in: SignIn
) -> None:
    made = [make_bid(session, task, make_helper(session, f"Hans H{n}")) for n in range(7)]
    page = sign_in(customer).get(f"/tasks/{task.public_id}/bids")
    assert len(page.all(".bid-table thead th")) == 3
    page.get(f"/tasks/{task.public_id}/bids", query_string={"with": [bid.public_id for bid in made]})
    assert len(page.all(".bid-table thead th")) == 5
    page.get(f"/tasks/{task.public_id}/bids", query_string={"with": [made[0].public_id, made[6].public_id]})
    assert len(page.all(".bid-table thead th")) == 2


def test_only_the_customer_compares(
    session: Session, task: Task, customer: User, helper: User, sign_in: SignIn
) -> None:
    make_bid(session, task, helper)
    sign_in(helper).get(f"/tasks/{task.public_id}/bids", 404)
    sign_in(make_user(session)).get(f"/tasks/{task.public_id}/bids", 404)
    sign_in(customer).get(f"/tasks/{task.public_id}/bids")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the block sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_comparing_takes_no_more_statements_for_more_bids(
    session: Session, task: Task, customer: User, sign_in: SignIn
) -> None:
    page = sign_in(customer)
    counts = []
    for many in (1, 12):
        for number in range(many):
            make_bid(session, task, rated(session, f"Hans H{number}", 400))
        page.get(f"/tasks/{task.public_id}/bids")
        with counted() as sent:
            page.get(f"/tasks/{task.public_id}/bids")
        counts.append(sum(statement.startswith("SELECT") for statement in sent))
    assert counts[0] == counts[1]
    assert counts[1] <= 9


# ---- Whatever is typed


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
TYPED = st.fixed_dictionaries(
    {},
    optional={
        "price": st.one_of(TEXT, st.decimals(allow_nan=True).map(str), st.integers().map(str)),
        "minutes": st.one_of(TEXT, st.integers().map(str), st.sampled_from(["15", "60", "480"])),
        "included": TEXT,
        "when": st.one_of(TEXT, st.sampled_from(["other", "as_before"])),
        "start": st.one_of(TEXT, st.times().map(lambda at: at.strftime("%H:%M"))),
        "on": st.one_of(TEXT, st.dates().map(str)),
        "message": TEXT,
        "body": TEXT,
        "valid_days": st.one_of(TEXT, st.integers().map(str)),
        "checked": st.sampled_from(["yes", "", "no"]),
        "change": TEXT,
    },
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=TYPED, way=st.sampled_from(["bids", "revision", "counter", "messages"]))
def test_nothing_that_is_typed_breaks_a_page(
    typed: dict[str, str], way: str, session: Session, app: object, sign_in: SignIn
) -> None:
    task, helper = make_task(session), make_helper(session)
    if way == "bids":
        page, address = sign_in(helper), f"/tasks/{task.public_id}/bids"
    elif way == "messages":
        page, address = sign_in(helper), f"/tasks/{task.public_id}/messages/{helper.public_id}"
    else:
        bid = make_bid(session, task, helper)
        person = helper if way == "revision" else session.get_one(User, task.customer_id)
        page, address = sign_in(person), f"/bids/{bid.public_id}/{way}"
    page.ask("POST", address, data={"csrf_token": page.csrf(), **typed})
    assert page.response.status_code in (200, 303, 422)


def test_no_bid_stands_without_its_first_step(task: Task, helper: User, sign_in: SignIn) -> None:
    sign_in(helper).post(f"/tasks/{task.public_id}/bids", {**filled(task), "checked": "yes", "valid_days": "7"})
    assert db.session.scalar(select(func.count()).select_from(BidStep)) == len(bids()) == 1
