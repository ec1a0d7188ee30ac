"""The sandbox's payment pages: play money in the demo, and not one page of it in a production."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.gateways.sandbox import GOOD_CARD
from marketplace.models import Bid, Entry, Payment, SandboxCheckout, Task, User
from tests.factories import make_bid, make_task, make_user
from tests.page import Page

StartedIn = Callable[[str], Flask]
REACH = {"address": "Rosenweg 3", "phone": "079 123 45 67"}


@pytest.fixture
def customer(session: Session) -> User:
    return make_user(session, "Clara Kundin")


@pytest.fixture
def bid(session: Session, customer: User) -> Bid:
    return make_bid(session, make_task(session, customer))


@pytest.fixture
def accepting(customer: User, bid: Bid) -> Callable[[Flask], Page]:
    """Somebody about to accept the bid, in this application."""

    def browser(app: Flask) -> Page:
        page = Page(app)
        page.sign_in(customer)
        return page.get(f"/bids/{bid.public_id}/acceptance")

    return browser


@pytest.mark.parametrize("environment", ["demo", "development", "test"])
def test_play_money_pays_where_nothing_is_at_stake(
    session: Session, accepting: Callable[[Flask], Page], started_in: StartedIn, environment: str
) -> None:
    page = accepting(started_in(environment)).submit(REACH).follow()
    page.submit({"card": GOOD_CARD}, form=f"{page.path}/ending").follow(303).follow()
    assert session.scalars(select(Payment.state)).one() == "held"


def test_a_production_has_no_page_of_the_sandbox_and_takes_no_play_money(
    app: Flask, session: Session, accepting: Callable[[Flask], Page], started_in: StartedIn
) -> None:
    address = accepting(app).submit(REACH).location  # a page opened where the sandbox runs
    Page(app).get(address)
    page = Page(started_in("production"))
    page.get(address, 404)
    page.post(f"{address}/ending", {"card": GOOD_CARD}, 404)
    page.post(f"{address}/abandonment", status=404)
    assert session.scalars(select(SandboxCheckout.outcome)).one() == "open"


def test_accepting_a_bid_in_a_production_without_a_gateway_charges_and_confirms_nothing(
    session: Session, accepting: Callable[[Flask], Page], started_in: StartedIn
) -> None:
    page = accepting(started_in("production")).submit(REACH, status=503)
    assert "Nothing was charged" in page.text
    assert page.all("main a.button")
    assert session.scalars(select(SandboxCheckout)).all() == []
    assert session.scalars(select(Payment.state)).one() == "prepared"
    assert session.scalars(select(Entry)).all() == []
    assert session.scalars(select(Task.state)).one() == "open"
