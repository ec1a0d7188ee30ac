"""Papers on the web: what stands on them, in whose language, to the rappen as the ledger has it, and who may read them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy.orm import Session

from marketplace import clock, create_app
from marketplace.actions import payments
from marketplace.db import transaction
from marketplace.domain.errors import Invalid, NotAllowed, WrongState
from marketplace.domain.money import BANK, owed
from marketplace.domain.policy import Policy
from marketplace.models import Payment, User
from marketplace.queries import papers
from marketplace.queries.ledger import balances, ledger_faults
from marketplace.queries.papers import year_of
from marketplace.queries.payouts import sums_of
from marketplace.web import mails
from tests import money
from tests.factories import (
    make_bid,
    make_booking,
    make_helper,
    make_operator,
    make_task,
    make_user,
    payment_of,
    tomorrow_at,
)
from tests.page import Page

SignIn = Callable[[User], Page]
CASH = Policy(cash_allowed=1, cash_fee_percent=10)


@pytest.fixture
def doors(app: Flask):
    return app.extensions["gateways"]


def text_of(page: Page) -> str:
    """What stands on the PDF of the last answer, white space folded."""
    assert page.response.mimetype == "application/pdf"
    return words_of(page.response.get_data())


def words_of(pdf: bytes) -> str:
    """What stands on a PDF, white space folded."""
    return " ".join(" ".join(one.extract_text() for one in PdfReader(BytesIO(pdf)).pages).split())


def in_cash(session: Session, doors, helper: User, price_cents: int = 5500, hour: int = 9):
    """A visit that was paid on the spot and signed off."""
    bid = make_bid(session, make_task(session), helper, price_cents=price_cents, starts_at=tomorrow_at(hour))
    booking = money.book(session, doors, bid, policy=CASH, in_cash=True)
    return money.sign_off(session, booking)


# ---- Receipts


def test_a_receipt_tells_what_was_paid_how_and_by_whom_the_work_was_done(
    session: Session, sign_in: SignIn, app: Flask
) -> None:
    booking = make_booking(session)
    page = sign_in(session.get_one(User, booking.customer_id))
    text = text_of(page.get(f"/bookings/{booking.public_id}/receipt"))
    for words in (
        *("Receipt", "Clara Kundin", "Hans Helfer", "Kein WLAN im Schlafzimmer", booking.public_id),
        *("Paid online (card or TWINT)", "CHF 55.00", "Musterbetrieb AG", "Beispielgasse 1", "not an invoice"),
    ):
        assert words in text, words
    assert f'filename="receipt-{booking.public_id}.pdf"' in page.response.headers["Content-Disposition"]
    page.get(f"/bookings/{booking.public_id}")
    assert page.all(f"a[href='/bookings/{booking.public_id}/receipt']")
    assert not page.all(f"a[href='/bookings/{booking.public_id}/statement']")


@pytest.mark.parametrize(("code", "words"), [("de", "Quittung"), ("fr", "Quittance"), ("it", "Ricevuta")])
def test_a_receipt_speaks_its_readers_language(session: Session, sign_in: SignIn, code: str, words: str) -> None:
    booking = make_booking(session)
    page = sign_in(session.get_one(User, booking.customer_id))
    assert words in text_of(page.get(f"/bookings/{booking.public_id}/receipt?lang={code}"))


def test_a_receipt_names_what_went_back_and_what_is_on_its_way(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session, state="signed_off")
    with transaction() as rows:
        payment = payment_of(rows, booking)
        payments.refund(
            rows,
            payment,
            by=make_operator(session),
            refund_cents=2000,
            from_helper_cents=1500,
            reason="Nicht alles ging.",
        )
    page = sign_in(session.get_one(User, booking.customer_id))
    text = text_of(page.get(f"/bookings/{booking.public_id}/receipt"))
    for words in ("Given back to where you paid from", "-CHF 20.00", "Paid in all", "CHF 35.00", "on its way"):
        assert words in text.replace("−", "-").replace("CHF-", "-CHF "), words


def test_there_is_no_receipt_before_something_was_paid(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session, state="reserved")
    page = sign_in(session.get_one(User, booking.customer_id))
    page.get(f"/bookings/{booking.public_id}/receipt", status=409)
    page.get(f"/bookings/{booking.public_id}")
    assert not page.all(".paper-links a")


# ---- Statements


def test_a_statement_tells_price_fee_net_and_when_it_was_sent(session: Session, sign_in: SignIn, doors) -> None:
    booking = money.done(session, doors)
    helper = session.get_one(User, booking.helper_id)
    page = sign_in(helper)
    address = f"/bookings/{booking.public_id}/statement"
    text = text_of(page.get(address))
    for words in ("Statement of a booking", "CHF 55.00", "CHF 5.50", "CHF 49.50", "To be sent to your account", "10 %"):
        assert words in text, words
    assert "Clara Kundin" not in text, "the helper reads a customer's short name"
    money.onboard(session, helper.id, doors)
    money.hand_over(doors)
    assert "Sent to your account" in text_of(page.get(address))
    page.get(f"/bookings/{booking.public_id}")
    assert page.all(f"a[href='{address}']")


def test_a_statement_waits_until_the_money_is_shared_out(session: Session, sign_in: SignIn) -> None:
    booking = make_booking(session)
    sign_in(session.get_one(User, booking.helper_id)).get(f"/bookings/{booking.public_id}/statement", status=409)


def test_a_year_matches_the_ledger_to_the_rappen(session: Session, sign_in: SignIn, doors) -> None:
    helper = make_helper(session)
    with clock.moved_to(datetime(2027, 6, 1, 10, tzinfo=UTC)):
        first = money.done(session, doors, helper=helper, price_cents=4_005)
        in_cash(session, doors, helper, price_cents=3_335)
    with clock.moved_to(datetime(2028, 3, 1, 10, tzinfo=UTC)):
        money.done(session, doors, helper=helper, price_cents=9_995)
        money.onboard(session, helper.id, doors)
        money.hand_over(doors)
        with transaction() as rows:
            given = {"refund_cents": 1_000, "from_helper_cents": 900, "reason": "War zu teuer."}
            payments.refund(rows, payment_of(rows, first), by=make_operator(rows), **given)
        money.hand_over(doors)
        in_cash(session, doors, helper, price_cents=2_000)
        years = {number: year_of(session, session.get_one(User, helper.id), *_year(number)) for number in (2027, 2028)}
        assert (years[2027].price_cents, years[2027].opening) == (4_005 + 3_335, 0)
        assert years[2027].fee_cents == 401 + 334  # 10 percent of each
        assert years[2028].opening == years[2027].closing
        assert years[2028].closing == balances(session).get(owed(helper.id), 0)
        for year in years.values():
            moved = year.net_cents - year.sent + year.came_back - year.kept_in_cash + year.paid_to_us
            assert year.opening + moved == year.closing
            assert year.net_cents == year.price_cents - year.fee_cents
        assert years[2028].came_back == 900
        assert years[2028].sent > 0
        assert ledger_faults(session) == []
        page = sign_in(session.get_one(User, helper.id))
        text = text_of(page.get("/my-statement?year=2028"))
        assert "Statement of the year 2028" in text
        for cents in (years[2028].price_cents, years[2028].fee_cents, years[2028].sent, years[2028].closing):
            assert f"{abs(cents) // 100}.{abs(cents) % 100:02}" in text


def _year(number: int) -> tuple[datetime, datetime]:
    """Midnight on the operator's wall clock."""
    return datetime(number - 1, 12, 31, 23, tzinfo=UTC), datetime(number, 12, 31, 23, tzinfo=UTC)


def test_midnight_at_new_year_is_the_operators(session: Session, sign_in: SignIn, doors) -> None:
    with clock.moved_to(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)):  # half past midnight in Zurich
        booking = money.done(session, doors)
        page = sign_in(session.get_one(User, booking.helper_id))
        assert "Kein WLAN" in text_of(page.get("/my-statement?year=2027"))
        assert "Kein WLAN" not in text_of(page.get("/my-statement?year=2026"))
        assert "Statement of the year 2027" in text_of(page.get("/my-statement"))
        assert "Statement of the year 2026" in text_of(page.get("/my-statement?year=last"))
        for link in ("/my-statement", "/my-statement?year=last"):
            assert page.get("/payouts").all(f"a[href='{link}']")


@pytest.mark.parametrize("year", ["", "1999", "9999", "twenty", "2026'", "٢٠٢٦"])
def test_a_year_of_which_there_is_no_statement(session: Session, sign_in: SignIn, year: str) -> None:
    sign_in(make_helper(session)).get("/my-statement", status=404, query_string={"year": year})


# ---- Fees of visits paid in cash


def test_a_fee_owed_is_billed_paid_and_written_down_once(session: Session, sign_in: SignIn, doors) -> None:
    helper, olga = make_helper(session), make_operator(session)
    booking = in_cash(session, doors, helper)
    assert sums_of(session, helper.id).debt_cents == 550
    page = sign_in(helper)
    page.get(f"/bookings/{booking.public_id}")
    assert page.all("a[href='/my-bill']")
    text = text_of(page.get("/my-bill"))
    for words in ("CHF 5.50", "CH58 0079 1123 0008 8901 2", "Hans Helfer", "Kein WLAN im Schlafzimmer"):
        assert words in text, words
    room = sign_in(olga).get("/operator/money/debts")
    assert "Hans Helfer" in room.text
    room.get(f"/operator/money/debts/{helper.public_id}")
    paid = {"cents": "9", "debt": "550"}
    address = f"/operator/money/debts/{helper.public_id}/payment"
    room.post(address, paid, status=422)
    assert room.all("#cents")[0].get("value") == "9"
    assert "no more than is owed" in room.text
    room.post(address, {**paid, "cents": "x"}, status=422)
    room.post(address, {**paid, "cents": ""}, status=422)
    room.post(address, {**paid, "cents": "2.50"})
    room.post(address, {**paid, "cents": "2.50"}, status=409)  # the same form once more
    room.post(address, {"cents": "3", "debt": "300"}).follow()
    assert sums_of(session, helper.id).debt_cents == 0
    assert balances(session)[BANK] == 550
    assert ledger_faults(session) == []
    page.get("/my-bill", status=409)


def test_there_is_no_bill_without_an_account_to_pay_to(session: Session, sign_in: SignIn, app: Flask, doors) -> None:
    booking = in_cash(session, doors, make_helper(session))
    page = sign_in(session.get_one(User, booking.helper_id))
    account, app.config["OPERATOR_IBAN"] = app.config["OPERATOR_IBAN"], ""
    try:
        page.get("/my-bill", status=409)
        assert "no account" in page.text
        page.get(f"/bookings/{booking.public_id}")
        assert not page.all("a[href='/my-bill']")
    finally:
        app.config["OPERATOR_IBAN"] = account


def test_an_account_that_takes_no_bills_stops_the_start(tmp_path) -> None:
    settings = {"ENVIRONMENT": "test", "VAR_FOLDER": str(tmp_path), "DATABASE_URL": "sqlite://"}
    with pytest.raises(ValueError):
        create_app({**settings, "OPERATOR_IBAN": "CH5800791123000889013"})
    with pytest.raises(ValueError):
        create_app({**settings, "OPERATOR_IBAN": "CH5800791123000889012", "OPERATOR_ADDRESS": "Bern"})


def test_nobody_writes_down_what_they_owe_themselves(session: Session, doors) -> None:
    helper = make_helper(session)
    in_cash(session, doors, helper)
    helper.roles = make_operator(session).roles
    agent, customer = make_operator(session, "agent"), make_user(session)
    session.commit()
    for person in (helper, agent, customer):
        with pytest.raises(NotAllowed), transaction() as rows:
            payments.record_fee_paid(rows, helper, by=person, cents=550, debt_cents=550)
    assert BANK not in balances(session)


@pytest.mark.parametrize(
    ("cents", "debt", "refusal"), [(551, 550, Invalid), (0, 550, Invalid), (-1, 550, Invalid), (5, 5, WrongState)]
)
def test_never_more_than_the_debt_is_written_down(session: Session, doors, cents: int, debt: int, refusal) -> None:
    helper, olga = make_helper(session), make_operator(session)
    in_cash(session, doors, helper)
    with pytest.raises(refusal), transaction() as rows:
        payments.record_fee_paid(rows, helper, by=olga, cents=cents, debt_cents=debt)
    assert sums_of(session, helper.id).debt_cents == 550


def test_a_bill_lists_the_newest_visits_that_explain_the_debt(session: Session, doors) -> None:
    helper, olga = make_helper(session), make_operator(session)
    first = in_cash(session, doors, helper, price_cents=10_000)
    second = in_cash(session, doors, helper, price_cents=5_000, hour=14)
    with transaction() as rows:
        payments.record_fee_paid(rows, helper, by=olga, cents=1_000, debt_cents=1_500)
    read = papers.owing_of(session, helper)
    assert (read.cents, [row.booking for row in read.rows]) == (500, [second.public_id])
    assert first.public_id not in {row.booking for row in read.rows}


# ---- Who may read them


def test_papers_are_for_their_own_person_and_the_operator(session: Session, sign_in: SignIn, doors) -> None:
    booking = money.done(session, doors)
    customer, helper = session.get_one(User, booking.customer_id), session.get_one(User, booking.helper_id)
    receipt, statement = (f"/bookings/{booking.public_id}/{name}" for name in ("receipt", "statement"))
    sign_in(customer).get(statement, status=404)
    sign_in(helper).get(receipt, status=404)
    stranger = sign_in(make_helper(session))
    stranger.get(receipt, status=404)
    stranger.get(statement, status=404)
    agent = sign_in(make_operator(session, "agent"))
    for address in (receipt, statement, f"/operator/people/{helper.public_id}/statement"):
        text_of(agent.get(address))
    stranger.get(f"/operator/people/{helper.public_id}/statement", status=403)


def test_extra_work_stands_on_both_papers(session: Session, sign_in: SignIn, doors) -> None:
    booking = money.start(session, money.book(session, doors))
    helper, customer = session.get_one(User, booking.helper_id), session.get_one(User, booking.customer_id)
    with transaction() as rows:
        values = {"cents": 1_500, "what": "Drucker eingerichtet", "policy": Policy()}
        payments.ask_extra(rows, booking, by=helper, **values)
    money.pay(session.get_one(Payment, payment_of(session, booking).id), doors)
    money.sign_off(session, booking)
    text = text_of(sign_in(customer).get(f"/bookings/{booking.public_id}/receipt"))
    assert "Drucker eingerichtet" in text
    assert "CHF 70.00" in text
    text = text_of(sign_in(helper).get(f"/bookings/{booking.public_id}/statement"))
    assert "CHF 13.50" in text
    assert "CHF 63.00" in text


def test_a_paper_of_a_long_time_ago_is_still_there(session: Session, sign_in: SignIn, doors) -> None:
    booking = money.done(session, doors)
    with clock.moved_to(clock.now() + timedelta(days=400)):
        page = sign_in(session.get_one(User, booking.customer_id))
        assert "CHF 55.00" in text_of(page.get(f"/bookings/{booking.public_id}/receipt"))


@pytest.mark.parametrize(
    ("kind", "paper", "facts"),
    [
        ("booking_confirmed", "receipt", {}),
        ("review_due", "receipt", {}),
        ("booking_cancelled", "receipt", {"refund_cents": 5500}),
        ("visit_signed_off", "statement", {"helper_cents": 4950}),
        ("payout_sent", "statement", {"cents": 4950}),
        ("visit_given_up", "receipt", {"refund_cents": 3500, "helper_cents": 2000}),
        ("visit_given_up", "statement", {"refund_cents": 3500, "helper_cents": 2000}),
        ("visit_settled", "receipt", {}),
        ("visit_settled", "statement", {}),
        ("money_given_back", "receipt", {"refund_cents": 1000}),
        ("silence_signed_off", "receipt", {}),
    ],
)
def test_the_mails_about_money_lead_to_the_paper(
    session: Session, doors, kind: str, paper: str, facts: dict[str, int]
) -> None:
    booking = money.done(session, doors)
    reader = session.get_one(User, booking.customer_id if paper == "receipt" else booking.helper_id)
    _subject, body, enclosed = mails.words(
        kind, reader, {"booking_id": booking.id, "task_id": booking.task_id, **facts}
    )
    assert f"http://localhost/bookings/{booking.public_id}/{paper}" in body
    [paper_with_it] = enclosed
    assert paper_with_it.name == f"{paper}-{booking.public_id}.pdf"
    title = {"receipt": "Quittung", "statement": "Abrechnung"}[paper]
    assert title in words_of(paper_with_it.pdf)


def test_a_paper_that_is_not_there_yet_holds_no_mail_up(session: Session, doors) -> None:
    booking = money.book(session, doors)
    helper = session.get_one(User, booking.helper_id)
    about = {"booking_id": booking.id, "task_id": booking.task_id, "helper_cents": 4950}
    letter = mails.words("visit_signed_off", helper, about)
    assert (letter.body != "", letter.enclosed) == (True, ())


def test_who_pays_on_the_spot_gets_no_receipt_before(session: Session, doors) -> None:
    booking = money.done(session, doors)
    customer, helper = (session.get_one(User, number) for number in (booking.customer_id, booking.helper_id))
    about = {"booking_id": booking.id, "task_id": booking.task_id}
    assert "/receipt" not in mails.words("booking_confirmed", customer, {**about, "cash_cents": 5500})[1]
    assert "/receipt" not in mails.words("review_due", helper, about)[1]
