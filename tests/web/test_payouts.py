"""What a helper sees of earned money, and the way to the payment service and back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import payments, payouts
from marketplace.db import db, transaction
from marketplace.domain.gateway import TransferFact
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs import worker
from marketplace.models import (
    Booking,
    Dispute,
    JournalEntry,
    Notice,
    Payment,
    Payout,
    PayoutAccount,
    Profile,
    Reversal,
    SandboxObject,
    User,
)
from marketplace.queries.ledger import ledger_faults
from marketplace.web.mails import words
from tests.factories import (
    make_bid,
    make_booking,
    make_done_booking,
    make_helper,
    make_operator,
    make_task,
    make_user,
    payment_of,
)
from tests.page import Page

SignIn = Callable[[User], Page]


@pytest.fixture
def doors(app: Flask) -> Gateways:
    return app.extensions["gateways"]


@pytest.fixture
def helper(session: Session) -> User:
    return make_helper(session)


@pytest.fixture
def page(sign_in: SignIn, helper: User) -> Page:
    return sign_in(helper)


def earn(session: Session, helper: User) -> Payout:
    """A visit that was signed off: 49.50 wait for the helper."""
    booking = make_done_booking(session, helper=helper)
    return session.scalars(select(Payout).where(Payout.payment_id == payment_of(session, booking).id)).one()


def sums_on(page: Page) -> dict[str, str]:
    """The figures at the head of the page, by their words."""
    rows = page.all(".money-effect dl > div")
    return {one.cssselect("dt")[0].text_content(): " ".join(one[1].text_content().split()) for one in rows}


def hand_in(page: Page, ending: str = "completion") -> Page:
    """From our page to the payment service's, and back to ours."""
    page.get("/payouts/account").submit().follow()
    assert "This is play money." in page.text
    page.submit(form=next(form.get("action") for form in page.document.forms if ending in str(form.get("action"))))
    return page.follow(303).follow()


def test_nothing_earned_yet_says_what_comes(page: Page) -> None:
    page.get("/payouts")
    assert "No payouts yet" in page.text
    assert "You have given no bank data yet." in page.text


def test_money_waits_for_bank_data_and_says_so(session: Session, page: Page, helper: User) -> None:
    earn(session, helper)
    page.get("/payouts")
    assert "Your money waits for your bank data." in page.text
    assert sums_on(page) == {"Waiting": "CHF 49.50", "Owed to you now": "CHF 49.50"}
    assert "It waits for your bank data." in page.text
    assert "Kein WLAN im Schlafzimmer" in page.text


def booked_and_paid(session: Session, sign_in: SignIn) -> Booking:
    """A visit whose money really lies in the sandbox."""
    task = make_task(session)
    bid, page = make_bid(session, task), sign_in(session.get_one(User, task.customer_id))
    page.get(f"/bids/{bid.public_id}/acceptance").submit({"address": "Rosenweg 3", "phone": "079 123 45 67"}).follow()
    page.submit(
        {"taken": GOOD_CARD},
        form=next(form.get("action") for form in page.document.forms if form.get("action").endswith("/ending")),
    )
    page.follow(303)
    return session.scalars(select(Booking)).one()


def test_from_no_bank_data_to_the_money_sent(session: Session, app: Flask, sign_in: SignIn, doors: Gateways) -> None:
    """Accepted, paid, signed off, bank data given in two goes, sent: everything by the pages and the worker."""
    booking = booked_and_paid(session, sign_in)
    helper, customer = (session.get_one(User, one) for one in (booking.helper_id, booking.customer_id))
    page = sign_in(helper)
    with clock.moved_to(booking.starts_at):
        for act in ("departure", "start", "finish"):
            page.post(f"/bookings/{booking.public_id}/{act}")
        sign_in(customer).post(f"/bookings/{booking.public_id}/sign-off")
        assert worker.until_idle(doors, words, policy=Policy()) < 10
        hand_in(page, "interruption")
        assert "The payment service checks your data, or something is still missing." in page.text
        assert "It waits until the payment service has checked your data." in page.text
        hand_in(page)
        assert "Payouts are set up." in page.text
        worker.until_idle(doors, words, policy=Policy())
        page.get("/payouts")
        assert sums_on(page) == {"Sent so far": "CHF 49.50", "Owed to you now": "CHF 0.00"}
        page.submit(form="/payouts/account/visit").follow()
        assert "Has reached your accountCHF 49.50" in page.text
    assert ledger_faults(session) == []


def test_coming_back_again_and_again_changes_nothing(session: Session, page: Page, helper: User) -> None:
    hand_in(page)
    stands = select(PayoutAccount.reference, PayoutAccount.is_ready, PayoutAccount.has_begun)
    before = session.execute(stands).one(), session.scalar(select(func.count(JournalEntry.id)))
    for _ in range(2):
        page.get("/payouts/account/return", 303)
    assert (session.execute(stands).one(), session.scalar(select(func.count(JournalEntry.id)))) == before
    page.get("/payouts/account").submit()  # and the account is opened once
    assert session.scalar(select(func.count(SandboxObject.id)).where(SandboxObject.kind == "account")) == 1


def test_coming_back_without_having_been_there(page: Page) -> None:
    page.get("/payouts/account/return", 303).follow()
    assert "You have given no bank data yet." in page.text


def test_a_page_used_once_leads_back_to_ours(page: Page) -> None:
    page.get("/payouts/account").submit()
    link = page.location
    page.follow().submit(form=f"{link}/completion")
    page.get(link, 303).follow()
    assert page.path == "/payouts/account"
    page.get(link + "x", 404)


def test_a_link_that_lay_open_for_too_long_leads_back_to_ours(page: Page) -> None:
    page.get("/payouts/account").submit()
    link = page.location
    with clock.moved_to(clock.now() + timedelta(minutes=6)):
        page.get(link, 303).follow()
        assert page.path == "/payouts/account"
        page.submit().follow()
        assert "This is play money." in page.text


def test_there_is_no_account_to_see_before_bank_data(page: Page) -> None:
    page.post("/payouts/account/visit", status=409)


@pytest.mark.parametrize("fault", ["reset", "timeout_after", "server_error", "rate_limited"])
def test_the_gateway_silent_loses_nothing(
    session: Session, page: Page, helper: User, doors: Gateways, fault: str
) -> None:
    doors.sandbox.fail_next("accounts.create", fault)  # type: ignore[arg-type]
    page.get("/payouts/account").submit(status=503)
    assert "what you have earned stays yours" in page.text
    hand_in(page)
    assert "Payouts are set up." in page.text
    assert session.scalar(select(func.count(PayoutAccount.id))) == 1


def test_a_country_that_cannot_be_paid_out_to_is_told(session: Session, page: Page, helper: User) -> None:
    session.execute(update(Profile).where(Profile.user_id == helper.id).values(country="AT"))
    session.commit()
    page.get("/payouts/account").submit(status=503)
    assert "The payment service says no" in page.text
    assert "hallo@example.org" in page.text


def test_every_payout_says_how_it_stands_and_why(session: Session, page: Page, helper: User) -> None:
    ready = {"user_id": helper.id, "reference": "acct_1", "is_ready": True, "has_begun": True}
    session.add(PayoutAccount(**ready, created_at=clock.now(), read_at=clock.now()))
    waiting, poor, disputed, sent, dropped = (earn(session, helper) for _ in range(5))
    poor.waits_for = "balance_insufficient"
    sent.state, sent.taken_back_cents = "sent", 950
    dropped.state, dropped.cents = "dropped", 0
    opened = {"reference": "dp_1", "reason": "fraudulent", "cents": 5500, "fee_cents": 0, "currency": "CHF"}
    session.add(Dispute(payment_id=disputed.payment_id, opened_at=clock.now(), **opened))
    session.commit()
    page.get("/payouts")
    for says in (
        "It leaves with the next round, within minutes.",
        "has not released the customer's money yet",
        "the customer's bank asks for the money back",
        "CHF 9.50 of it was taken back.",
        "The money went back to the customer.",
    ):
        assert page.text.count(says) == 1, says
    assert len(page.all("main .card")) == 5
    assert waiting.waits_for is None


def test_a_list_of_any_length_takes_the_same_statements(session: Session, page: Page, helper: User) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            earn(session, helper)
        statements: list[str] = []
        listen = lambda *args, seen=statements: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        page.get("/payouts")
        event.remove(db.engine, "before_cursor_execute", listen)
        counts.append(len([one for one in statements if one.startswith("SELECT")]))
    assert counts[0] == counts[1]


def test_a_debt_is_shown_with_what_follows_from_it(session: Session, page: Page, helper: User) -> None:
    """Money that was sent and does not come back is taken off later payouts."""
    booking = make_booking(session, state="signed_off")
    helper = session.get_one(User, booking.helper_id)
    payout = session.scalars(select(Payout).where(Payout.helper_id == helper.id)).one()
    _send_and_lose(session, payout, 1000)
    owner = Page(page.app)
    owner.sign_in(helper)
    assert sums_on(owner.get("/payouts"))["You owe us; it is taken off your next payouts"] == "CHF 10.00"


def _send_and_lose(session: Session, payout: Payout, cents: int) -> None:
    from_us = TransferFact("tr_1", str(payout.id), payout.cents, 0, "CHF")
    operator = make_operator(session)
    with transaction() as rows:
        payouts.take(rows, payout.id, destination="acct-1")
        payouts.record_sent(rows, payout.id, from_us)
        payment = rows.get_one(Payment, payout.payment_id)
        payments.refund(
            rows, payment, by=operator, refund_cents=cents, from_helper_cents=cents, reason="Nur halb gelöst."
        )
    with transaction() as rows:
        payouts.deny_taking_back(rows, rows.scalars(select(Reversal.id)).one(), "balance_insufficient")


def test_only_helpers_have_payouts(session: Session, sign_in: SignIn, client: Page) -> None:
    for path in ("/payouts", "/payouts/account", "/payouts/account/return"):
        client.get(path, 302)
        sign_in(make_user(session)).get(path, 403)


# ---- The weekly reminder


def reminders(session: Session) -> int:
    return session.scalar(select(func.count(Notice.id)).where(Notice.kind == "payout_waiting")) or 0


def test_a_helper_is_reminded_once_a_week_until_the_bank_data_are_there(
    session: Session, helper: User, doors: Gateways
) -> None:
    earn(session, helper)
    now, counted = clock.now(), []
    for hours in (0.5, 2, 26, 24 * 7, 24 * 8 + 2, 24 * 15 + 3):
        with clock.moved_to(now + timedelta(hours=hours)):
            worker.round_of_work(doors, words, policy=Policy())
            counted.append(reminders(session))
    assert counted == [0, 1, 1, 1, 2, 3]
    ready = {"user_id": helper.id, "reference": "acct_1", "is_ready": True, "has_begun": True}
    session.add(PayoutAccount(**ready, created_at=now, read_at=now))
    session.commit()
    with clock.moved_to(now + timedelta(days=60)):
        worker.round_of_work(doors, words, policy=Policy())
    assert reminders(session) == 3


def test_two_payouts_are_one_reminder_with_their_sum(session: Session, helper: User, doors: Gateways) -> None:
    earn(session, helper)
    earn(session, helper)
    with clock.moved_to(clock.now() + timedelta(days=2)):
        worker.round_of_work(doors, words, policy=Policy())
    assert session.scalars(select(Notice.facts).where(Notice.kind == "payout_waiting")).all() == [{"cents": 9900}]
