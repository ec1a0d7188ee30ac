"""The sandbox's pages: play money said loudly, and none of it where there are keys."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import create_app
from marketplace.actions import outbox
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox.cards import SLOW_REFUND_CARD
from marketplace.jobs import worker
from marketplace.jobs.payments import open_account
from marketplace.models import Booking, Refund, User
from marketplace.queries.ledger import ledger_faults
from marketplace.web.mails import words
from tests.factories import make_bid, make_helper, make_task
from tests.page import Page

SignIn = Callable[[User], Page]
KEYS = {
    "STRIPE_SECRET_KEY": "sk_test_nobody",
    "STRIPE_WEBHOOK_SECRET": "whsec_platform",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_connect",
}


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


@pytest.fixture
def with_keys(database_url: str, folder: Path) -> Flask:
    """The application as an operator runs it who has keys of Stripe."""
    return create_app({"ENVIRONMENT": "test", "VAR_FOLDER": str(folder), "DATABASE_URL": database_url, **KEYS})


@pytest.mark.parametrize("path", ["checkouts/cs_1", "onboarding/link_1", "accounts/login_1"])
def test_there_are_no_pages_of_play_money_where_there_are_keys(with_keys: Flask, path: str) -> None:
    assert with_keys.test_client().get(f"/sandbox/{path}").status_code == 404


def test_our_forms_lead_to_the_gateways_pages_only_where_there_are_keys(app: Flask, with_keys: Flask) -> None:
    """A browser follows no form to a site that the policy does not name."""

    def forms_of(one: Flask) -> str:
        policy = one.test_client().get("/imprint").headers["Content-Security-Policy"]
        return next(part.strip() for part in policy.split(";") if "form-action" in part)

    assert forms_of(app) == "form-action 'self'"
    assert forms_of(with_keys) == "form-action 'self' https://checkout.stripe.com https://connect.stripe.com"


def test_every_page_says_loudly_that_it_is_play_money(session: Session, client: Page, doors: Gateways) -> None:
    account = open_account(make_helper(session), doors, country="CH")
    link = doors.payments.onboarding_page(account, return_url="http://localhost/", refresh_url="http://localhost/")
    assert "This is play money." in client.get(link).text
    assert "The IBAN of your bank account" in client.text
    client.submit(form=f"{link}/interruption")
    again = doors.payments.onboarding_page(account, return_url="http://localhost/", refresh_url="http://localhost/")
    assert "A photo of your passport or identity card" in client.get(again).text  # only this is left
    assert "The IBAN of your bank account" not in client.text
    assert "This is play money." in client.get(doors.payments.account_page(account)).text


def test_a_refund_is_shown_on_its_way_given_and_when_it_could_not_arrive(
    session: Session, app: Flask, sign_in: SignIn, doors: Gateways
) -> None:
    task = make_task(session)
    bid, page = make_bid(session, task), sign_in(session.get_one(User, task.customer_id))
    page.get(f"/bids/{bid.public_id}/acceptance").submit({"address": "Rosenweg 3", "phone": "079 123 45 67"}).follow()
    [pay] = [form.get("action") for form in page.document.forms if str(form.get("action")).endswith("/ending")]
    page.submit({"taken": SLOW_REFUND_CARD}, form=pay).follow(303)
    booking = session.scalars(select(Booking)).one()
    page.get(f"/bookings/{booking.public_id}/cancellation").submit().follow()
    assert "CHF 55.00 is on its way back to your card." in page.text
    worker.until_idle(doors, words, policy=app.extensions["policy"])
    assert "CHF 55.00 went back to your card on" in page.get(f"/bookings/{booking.public_id}").text
    refund = session.scalars(select(Refund)).one()
    doors.sandbox.finish_refund(str(refund.reference), done=False)
    session.rollback()
    _hurry(session, doors, app)
    assert "could not reach your card" in page.get(f"/bookings/{booking.public_id}").text
    assert ledger_faults(session) == []


def _hurry(session: Session, doors: Gateways, app: Flask) -> None:
    """The worker asks again without waiting."""
    outbox.hurry(session, "refund", [session.scalars(select(Refund.id)).one()])
    session.commit()
    worker.until_idle(doors, words, policy=app.extensions["policy"])
