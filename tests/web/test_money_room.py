"""The operator's money: figures that lead to lists, what is stuck, the books compared, fees, disputes, giving back, exports."""

import ast
import csv
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from flask import Flask
from lxml.html import HtmlElement
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from config import ROOT
from marketplace import clock
from marketplace.actions import payments, retries
from marketplace.actions.reconciliation import TAKEN_OVER
from marketplace.db import db, transaction
from marketplace.domain.errors import NotAllowed, NotFound
from marketplace.domain.gateway import MovementKind
from marketplace.domain.money import BANK, FEES
from marketplace.domain.policy import Policy
from marketplace.domain.reconciliation import Kind
from marketplace.domain.spreadsheets import amount, csv_lines
from marketplace.models import (
    Booking,
    Credit,
    Dispute,
    Entry,
    FeeRule,
    JournalEntry,
    OutboxItem,
    Payment,
    Payout,
    Posting,
    Reconciliation,
    Refund,
    User,
)
from marketplace.queries import money as queries
from marketplace.queries.ledger import STORY, balances, ledger_faults
from marketplace.queries.payments import latest_of
from marketplace.queries.reconciliation import MOVEMENTS as FACTS
from marketplace.queries.reconciliation import booked
from marketplace.web.languages import speaking
from marketplace.web.operator.money_words import DIFFERENCES, MOVEMENTS, POSTINGS
from tests import money
from tests.factories import make_bid, make_booking, make_helper, make_operator, make_task, make_user, payment_of
from tests.page import Page

SignIn = Callable[[User], Page]


@pytest.fixture
def doors(app: Flask):
    return app.extensions["gateways"]


@pytest.fixture
def olga(session: Session, sign_in: SignIn) -> Page:
    """A moderator in the money room."""
    return sign_in(make_operator(session))


def folded(element: HtmlElement) -> str:
    """What a person reads of it."""
    return " ".join(element.text_content().split())


def figures(page: Page) -> dict[str, str]:
    """The figures of a page by their words."""
    return {
        folded(one.cssselect(".stat-text")[0]): folded(one.cssselect(".stat-figure")[0]) for one in page.all(".stat")
    }


def rows_of(page: Page) -> list[str]:
    return [folded(row) for row in page.all("tbody tr")]


# ---- Figures and the lists behind them


def test_the_room_shows_where_the_money_stands_and_leads_to_the_lists(session: Session, olga: Page, doors) -> None:
    money.book(session, doors)
    ready, waiting = money.done(session, doors, price_cents=10_000), money.done(session, doors, price_cents=4_000)
    money.onboard(session, ready.helper_id, doors)
    back = money.book(session, doors)
    with transaction() as rows:
        customer = rows.get_one(User, back.customer_id)
        payments.call_off(rows, rows.get_one(Booking, back.id), by=customer, policy=money.POLICY)
    olga.get("/operator/money")
    shown = figures(olga)
    assert shown["held for bookings"] == "CHF 55.00"
    assert shown["owed, to be sent now"] == "CHF 90.00"
    assert shown["owed, waiting for bank data"] == "CHF 36.00"
    assert shown["on its way to customers"] == "CHF 55.00"
    assert shown["paid by customers"] == "CHF 250.00"
    assert shown["our fees"] == "CHF 14.00"
    assert shown["sent to helpers"] == "CHF 0.00"
    links = [one.get("href") for one in olga.all(".stat-text a")]
    assert len(links) >= 17
    for link in links:
        olga.get(link)
    olga.get(next(link for link in links if "without_account" in link))
    assert len(rows_of(olga)) == 1
    assert "CHF 36.00" in rows_of(olga)[0]
    money.hand_over(doors)
    shown = figures(olga.get("/operator/money"))
    assert (shown["sent to helpers"], shown["owed, to be sent now"]) == ("CHF 90.00", "CHF 0.00")
    assert shown["given back to customers"] == "CHF 55.00"
    assert waiting.state == "signed_off"
    assert ledger_faults(session) == []


def test_a_period_narrows_what_moved(session: Session, olga: Page, doors) -> None:
    with clock.moved_to(clock.now() - timedelta(days=400)):
        money.book(session, doors)
    money.book(session, doors)
    assert figures(olga.get("/operator/money"))["paid by customers"] == "CHF 55.00"
    assert figures(olga.get("/operator/money?from=2020-01-01"))["paid by customers"] == "CHF 110.00"
    assert figures(olga.get("/operator/money?to=2020-01-01"))["paid by customers"] == "CHF 0.00"
    for words in ("This month", "Last month", "This year", "Last year"):
        [preset] = [one for one in olga.get("/operator/money").all(".tabs a") if one.text_content() == words]
        olga.get(preset.get("href"))
        assert [one.text_content() for one in olga.all(".tabs [aria-current=page]")] == ["Overview", words]


@pytest.mark.parametrize(
    ("query", "said", "kept"),
    [
        ("from=yesterday", "“yesterday” is no day", ["", ""]),
        ("from=2026-01-01&to=2026-02-30", "“2026-02-30” is no day", ["2026-01-01", ""]),
        ("from=2026-12-01&to=2026-11-01", "The last day comes before the first", ["2026-12-01", "2026-11-01"]),
        ("to=9999-12-31", "“9999-12-31” is no day", ["", ""]),
        ("from=0001-01-01", "is no day", ["", ""]),
        ("from=20260101T00", "is no day", ["", ""]),
    ],
)
def test_what_is_no_period_is_said(olga: Page, query: str, said: str, kept: list[str]) -> None:
    for address in ("/operator/money", "/operator/money/payments", "/operator/money/postings", "/operator/disputes"):
        olga.get(f"{address}?{query}")
        assert said in folded(olga.all(".alert-bad")[0]), address
        assert [one.get("value") for one in olga.all("input[type=date]")] == kept
    olga.get(f"/operator/money/postings.csv?{query}", status=422)


@pytest.mark.parametrize("room", ["payments", "refunds", "payouts"])
def test_a_list_is_narrowed_by_state_days_and_words(session: Session, olga: Page, doors, room: str) -> None:
    booking = money.done(session, doors)
    with transaction() as rows:
        given = {"refund_cents": 500, "from_helper_cents": 0, "reason": "Kulanz"}
        payments.refund(rows, payment_of(rows, booking), by=make_operator(rows), **given)
    payment, row = (
        payment_of(session, booking),
        {
            "payments": payment_of(session, booking),
            "refunds": session.scalars(select(Refund)).one(),
            "payouts": session.scalars(select(Payout)).one(),
        }[room],
    )
    name = "Hans Helfer" if room == "payouts" else "Clara Kundin"
    today = clock.now().date()
    for query, found in (
        ("", 1),
        (f"state={row.state}", 1),
        ("state=nonsense", 1),
        ("state=sending" if room == "payouts" else "state=failed", 0),
        (f"search={booking.public_id.upper()}", 1),
        (f"search={payment.public_id}", 1),
        (f"search={name.split()[1].upper()}", 1),
        ("search=%25", 0),
        ("search=nobody", 0),
        (f"from={today}", 1),
        (f"to={today - timedelta(days=2)}", 0),
        ("page=2", 0),
    ):
        olga.get(f"/operator/money/{room}?{query}")
        assert len(rows_of(olga)) == found, query


def test_lists_have_pages(session: Session, olga: Page, app: Flask) -> None:
    for _ in range(21):
        make_booking(session)
    olga.get("/operator/money/payments")
    assert len(rows_of(olga)) == 20
    olga.get(olga.all("a[rel=next]")[0].get("href"))
    assert len(rows_of(olga)) == 1
    olga.get("/operator/money/postings?account=held")
    assert "21 lines" in olga.text


def test_the_ledger_is_read_line_by_line(session: Session, olga: Page, doors) -> None:
    booking = money.done(session, doors)
    olga.get("/operator/money/postings")
    lines = rows_of(olga)
    assert len(lines) == 4
    assert "Payment held" in lines[-1]
    assert len(rows_of(olga.get("/operator/money/postings?account=revenue"))) == 1
    assert len(rows_of(olga.get("/operator/money/postings?account=held"))) == 3
    assert len(rows_of(olga.get("/operator/money/postings?account=nonsense"))) == 4
    charge = payment_of(session, booking).charge
    assert len(rows_of(olga.get(f"/operator/money/postings?search={charge}"))) == 2
    assert len(rows_of(olga.get(f"/operator/money/postings?search={booking.public_id}"))) == 4
    assert rows_of(olga.get("/operator/money/postings?search=nothing")) == []


def test_every_fact_of_the_ledger_has_words() -> None:
    posted = {posted for posted, _account in TAKEN_OVER.values()}
    for file in (ROOT / "marketplace" / "actions").glob("*.py"):
        posted |= set(kinds_posted(ast.parse(file.read_text(encoding="utf-8"))))
    assert {fact for fact, _from, _to in STORY} | FACTS.keys() <= posted
    assert posted == POSTINGS.keys()
    assert set(DIFFERENCES) == set(Kind.__args__)
    assert MOVEMENTS.keys() == {*FACTS.values(), "other"} == set(MovementKind.__args__)


def kinds_posted(tree: ast.Module) -> Iterator[str]:
    """What a file of verbs calls the facts that it posts: the first text among what its calls of `post` are given."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("post", "_post"):
            texts = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            yield from texts[:1]


# ---- Stuck


def test_a_failed_refund_is_tried_again_with_one_click(session: Session, olga: Page, doors) -> None:
    booking = money.book(session, doors)
    booking_id = booking.id
    with transaction() as rows:
        customer = rows.get_one(User, booking.customer_id)
        payments.call_off(rows, rows.get_one(Booking, booking_id), by=customer, policy=money.POLICY)
    money.hand_over(doors)
    refund = session.scalars(select(Refund)).one()
    reference = str(refund.reference)
    session.rollback()
    money.sandbox_of(doors).finish_refund(reference, done=False)
    money.sandbox_of(doors).deliver(money.through(olga.app))
    refund = session.scalars(select(Refund)).one()
    assert refund.state == "failed"
    olga.get("/operator")
    assert figures(olga)["refund or payout is stuck"] == "1"
    olga.get("/operator/money")
    [line] = olga.all("#stuck tbody tr")
    assert "CHF 55.00" in folded(line)
    olga.submit(form="/operator/money/retries").follow()
    assert "tried again" in olga.text
    money.hand_over(doors)
    refund = session.scalars(select(Refund)).one()
    assert (refund.state, refund.tries) == ("given", 2)
    assert "Nothing is stuck" in olga.get("/operator/money").text
    olga.post("/operator/money/retries", {"channel": "refund", "row": str(refund.id)}, status=409)
    assert session.scalars(select(JournalEntry.event).where(JournalEntry.event == "refund_asked_again")).all()
    assert ledger_faults(session) == []


def test_a_payout_that_waits_for_money_is_stuck_and_one_without_bank_data_is_not(
    session: Session, olga: Page, doors
) -> None:
    poor = money.done(session, doors)
    money.done(session, doors)  # whose helper has given no bank data
    money.onboard(session, poor.helper_id, doors)
    payout = money.payout_by(session, poor)
    payout.waits_for = "balance_insufficient"
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()
    item.due_at = clock.now() + timedelta(hours=1)
    for one in session.scalars(select(OutboxItem).where(OutboxItem.channel == "payout")):
        one.attempts = 5
    session.commit()
    olga.get("/operator/money")
    [line] = olga.all("#stuck tbody tr")
    assert "not enough money at the payment service" in folded(line)
    olga.submit(form="/operator/money/retries")
    session.refresh(item)
    assert item.due_at <= clock.now()
    assert session.scalars(select(JournalEntry.event).where(JournalEntry.event == "delivery_hurried")).all()
    assert [one.row_id for one in queries.stuck(session)] == [payout.id]


def test_what_was_tried_in_vain_is_shown_with_what_the_gateway_said(session: Session, olga: Page, doors) -> None:
    booking = money.done(session, doors)
    money.onboard(session, booking.helper_id, doors)
    payout = money.payout_by(session, booking)
    item = session.scalars(select(OutboxItem).where(OutboxItem.key == f"payout-{payout.id}")).one()
    item.attempts, item.error = 3, "no connection"
    session.commit()
    [one] = queries.stuck(session)
    assert (one.why, one.attempts, one.may_retry) == ("no connection", 3, True)
    assert "no connection" in olga.get("/operator/money").text
    item.attempts = 2
    session.commit()
    assert queries.stuck(session) == []


def test_nobody_hurries_their_own_money(session: Session, doors) -> None:
    booking = money.done(session, doors)
    payout = money.payout_by(session, booking)
    helper, agent = session.get_one(User, booking.helper_id), make_operator(session, "agent")
    helper.roles = make_operator(session).roles
    session.commit()
    for person in (helper, agent):
        with pytest.raises(NotAllowed), transaction() as rows:
            retries.try_again(rows, "payout", payout.id, by=person)
    for channel, number in (("mail", 1), ("payout", 0), ("payout", 99_999)):
        with pytest.raises(NotFound), transaction() as rows:
            retries.try_again(rows, channel, number, by=make_operator(rows))


@pytest.mark.parametrize("row", ["", "x", "-1", "99999999999999999999"])
def test_a_made_up_row_is_not_there(olga: Page, row: str) -> None:
    olga.post("/operator/money/retries", {"channel": "refund", "row": row}, status=404)


# ---- The books


def test_the_books_are_compared_on_demand(session: Session, olga: Page, doors) -> None:
    money.done(session, doors)
    assert "not compared yet" in olga.get("/operator/money").text
    olga.submit(form="/operator/money/comparison").follow()
    assert "The books agree: 1 lines compared" in olga.text
    assert "They agree" in olga.text
    assert session.scalars(select(Reconciliation)).one().differences == []


def test_each_difference_says_what_to_do(session: Session, olga: Page, doors) -> None:
    booking = money.book(session, doors)
    result = {"at": clock.now(), "movements": 9, "matched": 3, "gateway_cents": 100, "ledger_cents": 90}
    differences = [
        {
            **{"what": what, "kind": "charge", "source": f"ch_{what}", "gateway_cents": 5500, "ledger_cents": 5400},
            **{"posting_id": None, "booking_id": booking.id if what == "other_amount" else None},
        }
        for what in DIFFERENCES
    ]
    session.add(Reconciliation(**result, owed_cents=5500, differences=differences, currency="CHF"))
    session.commit()
    olga.get("/operator/money")
    lines = [folded(row) for row in olga.all("#books tbody tr")]
    assert len(lines) == len(DIFFERENCES) == 6
    said = speaking("en", lambda: {what: (str(title), str(advice)) for what, (title, advice) in DIFFERENCES.items()})
    for what, (title, advice) in said.items():
        [line] = [one for one in lines if f"ch_{what}" in one]
        assert title in line
        assert advice in line
    assert olga.all(f"#books a[href='/operator/bookings/{booking.public_id}']")
    assert "Less is there than belongs to others" in olga.text


def test_what_was_sent_to_our_own_bank_is_taken_over_once(session: Session, olga: Page, doors) -> None:
    money.done(session, doors)
    reference = money.sandbox_of(doors).pay_out(300)
    olga.post("/operator/money/comparison").follow()
    assert "The books differ" in olga.text
    olga.submit(form="/operator/money/adoption").follow()
    assert "The books agree: 2 lines compared" in olga.text
    assert balances(session)[BANK] == 300
    assert session.scalars(select(Posting.reference).where(Posting.kind == "bank_payout")).all() == [reference]
    assert ledger_faults(session) == []
    again = {"kind": "payout", "source": reference}
    olga.post("/operator/money/adoption", again, status=404)
    assert "Paid out to our bank" in rows_of(olga.get("/operator/money/postings?account=bank"))[0]


def take_over_all(olga: Page) -> None:
    """Compare, and press each button that takes something over."""
    olga.post("/operator/money/comparison").follow()
    while forms := olga.all("form[action='/operator/money/adoption']"):
        olga.post("/operator/money/adoption", dict(forms[0].form_values())).follow()


def test_what_we_transfer_to_the_payment_service_is_taken_over(session: Session, olga: Page, doors) -> None:
    """The float that we advise: our bank may have given more than it ever got."""
    money.done(session, doors)
    reference = money.sandbox_of(doors).top_up(20_000)
    take_over_all(olga)
    assert "The books agree: 2 lines compared" in olga.text
    assert balances(session)[BANK] == -20_000
    assert session.scalars(select(Posting.reference).where(Posting.kind == "bank_topup")).all() == [reference]
    assert ledger_faults(session) == []
    assert "Topped up from our bank" in rows_of(olga.get("/operator/money/postings?account=bank"))[0]


def test_a_payout_to_our_bank_that_came_back_is_taken_over_with_it(session: Session, olga: Page, doors) -> None:
    money.done(session, doors)
    reference = money.sandbox_of(doors).pay_out(300)
    money.sandbox_of(doors).fail_payout(reference)
    money.sandbox_of(doors).fail_payout(reference)  # a bank sends nothing back twice
    olga.post("/operator/money/comparison").follow()
    lines = [folded(row) for row in olga.all("#books tbody tr")]
    assert ["Payout to our bank that came back" in line for line in lines] == [False, True]
    take_over_all(olga)
    assert "The books agree: 3 lines compared" in olga.text
    assert balances(session)[BANK] == 0
    facts = session.scalars(select(Posting.kind).where(Posting.reference == reference)).all()
    assert sorted(facts) == ["bank_payout", "bank_payout_failed"]
    assert ledger_faults(session) == []
    assert "Payout to our bank that came back" in rows_of(olga.get("/operator/money/postings?account=bank"))[0]


def test_bills_that_come_from_nothing_are_taken_over_one_by_one(session: Session, olga: Page, doors) -> None:
    money.done(session, doors)
    references = {money.sandbox_of(doors).bill(cents) for cents in (120, 80)}
    take_over_all(olga)
    assert "The books agree: 3 lines compared" in olga.text
    posted = session.scalars(select(Posting.reference).where(Posting.kind == "other_fee")).all()
    assert set(posted) == references
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("kind", "source"),
    [("charge", "ch_x"), ("payout", ""), ("payout", "po_y"), ("payout", "po_z"), ("fee", "po_x"), ("", "")],
)
def test_only_what_the_comparison_found_is_taken_over(session: Session, olga: Page, kind: str, source: str) -> None:
    found = [
        {"what": "not_in_ledger", "kind": kind, "source": source, "gateway_cents": -300}
        for kind, source in (("charge", "ch_x"), ("payout", "po_x"), ("payout", ""))
    ]
    found += [{"what": "other_amount", "kind": "payout", "source": "po_z", "gateway_cents": -300}]
    figures = {"movements": 3, "matched": 0, "gateway_cents": 0, "ledger_cents": 0, "owed_cents": 0}
    session.add(Reconciliation(at=clock.now(), differences=found, currency="CHF", **figures))
    session.commit()
    olga.post("/operator/money/adoption", {"kind": kind, "source": source}, status=404)
    assert session.scalars(select(Posting)).all() == []


def test_a_bill_of_the_payment_service_is_taken_over_as_a_fee(session: Session, olga: Page) -> None:
    found = {"what": "not_in_ledger", "kind": "fee", "source": "fee_x", "gateway_cents": -250}
    figures = {"movements": 1, "matched": 0, "gateway_cents": 0, "ledger_cents": 0, "owed_cents": 0}
    session.add(Reconciliation(at=clock.now(), differences=[found], currency="CHF", **figures))
    session.commit()
    olga.post("/operator/money/adoption", {"kind": "fee", "source": "fee_x"})
    [line] = booked(session)
    assert (line.kind, line.source, line.amount_cents, line.fee_cents) == ("fee", "fee_x", -250, 0)
    assert balances(session)[FEES] == 250
    assert ledger_faults(session) == []


def test_a_silent_gateway_breaks_nothing(session: Session, olga: Page, doors) -> None:
    money.book(session, doors)
    money.sandbox_of(doors).fail_next("*", "reset", times=20)
    try:
        olga.post("/operator/money/comparison").follow()
    finally:
        money.sandbox_of(doors).faults.waiting.clear()
    assert "does not answer" in olga.text
    assert session.scalars(select(Reconciliation)).all() == []


# ---- Bookkeeping


def read_csv(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(page.response.get_data(as_text=True))))


def test_the_ledger_is_exported_whole_with_the_same_heads_in_every_language(
    session: Session, olga: Page, doors
) -> None:
    booking = money.done(session, doors)
    heads = set()
    for code in ("de", "fr", "it", "en"):
        page = olga.get(f"/operator/money/postings.csv?from=2020-01-01&lang={code}", buffered=True)
        heads.add(page.response.get_data(as_text=True).splitlines()[0])
    assert heads == {"entry,posting,at_utc,fact,key,booking,gateway_reference,from_account,to_account,amount,currency"}
    assert page.response.mimetype == "text/csv"
    assert page.response.content_length is None, "streamed"
    lines = read_csv(page)
    assert len(lines) == len(session.scalars(select(Entry)).all()) == 4
    helper = session.get_one(User, booking.helper_id)
    [owed] = [line for line in lines if line["to_account"].startswith("owed")]
    assert (owed["to_account"], owed["amount"], owed["currency"]) == (f"owed:{helper.public_id}", "49.50", "CHF")
    assert owed["from_account"] == f"held:{booking.public_id}"
    assert read_csv(olga.get("/operator/money/postings.csv?to=2020-01-01", buffered=True)) == []
    assert len(read_csv(olga.get("/operator/money/postings.csv?from=2020-01-01&account=revenue", buffered=True))) == 1


def test_a_cell_is_never_worked_out_by_a_spreadsheet(session: Session, olga: Page) -> None:
    booking = make_booking(session)
    session.add(Posting(kind="settled", key="9", booking_id=booking.id, reference='=HYPERLINK("x")', at=clock.now()))
    session.flush()
    posting = session.scalars(select(Posting).where(Posting.key == "9")).one()
    session.add(Entry(posting_id=posting.id, from_account="gateway", to_account="bank", cents=5, currency="CHF"))
    session.commit()
    lines = read_csv(olga.get("/operator/money/postings.csv", buffered=True))
    assert lines[-1]["gateway_reference"] == '\'=HYPERLINK("x")'
    shown = list(csv_lines(["a"], [["=1"], ["+1"], ["-1"], ["@x"], ["\t=1"], ["-1.00"], ["a,b"], ["5.00"]]))
    assert [line.strip() for line in shown] == ["a", "'=1", "'+1", "'-1", "'@x", "'\t=1", "-1.00", '"a,b"', "5.00"]


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (5, "0.05"), (123_456, "1234.56"), (-5, "-0.05"), (-250, "-2.50")]
)
def test_an_amount_reads_as_bookkeeping_wants_it(cents: int, text: str) -> None:
    assert amount(cents) == text


def test_what_is_on_its_way_back_to_a_customer_is_owed_too(session: Session, app: Flask, doors) -> None:
    booking = money.book(session, doors)
    customer = session.get_one(User, booking.customer_id).public_id
    with transaction() as rows:
        mine = rows.get_one(Booking, booking.id)
        payments.call_off(rows, mine, by=rows.get_one(User, mine.customer_id), policy=Policy())
    owed = json.loads(app.test_cli_runner().invoke(args=["export", "owed"]).stdout)
    assert (owed["totals"]["refund"], owed["totals"]["held"]) == (5500, 0)
    assert [(one["public_id"], one["refund"]) for one in owed["customers"]] == [(customer, 5500)]
    money.hand_over(doors)
    owed = json.loads(app.test_cli_runner().invoke(args=["export", "owed"]).stdout)
    assert (owed["totals"]["refund"], owed["customers"]) == (0, [])


def test_who_is_owed_what_is_exported_and_signed(session: Session, app: Flask, doors, tmp_path) -> None:
    waiting = money.done(session, doors)
    money.book(session, doors)
    sent = money.done(session, doors)
    money.onboard(session, sent.helper_id, doors)
    money.hand_over(doors)
    helper = session.get_one(User, waiting.helper_id)
    name, email, public_id = helper.name, helper.email, helper.public_id
    flask, file = app.test_cli_runner(), tmp_path / "owed.json"
    said = flask.invoke(args=["export", "owed", "--file", str(file)])
    assert said.exit_code == 0, said.output
    assert "public key" in said.output
    read = json.loads(file.read_text())
    assert read["totals"] == {"owed": 4950, "waiting": 4950, "sent": 0, "held": 5500, "credit": 0, "refund": 0}
    assert read["helpers"] == [
        {"public_id": public_id, "name": name, "email": email, "owed": 4950, "waiting": 4950, "sent": 0}
    ]
    assert [one["held"] for one in read["customers"]] == [5500]
    assert flask.invoke(args=["export", "verify", str(file)]).exit_code == 0
    key = said.output.split("public key ")[1].split()[0]
    assert flask.invoke(args=["export", "verify", str(file), "--key", key]).exit_code == 0
    other = "A" * 43 + "="
    assert flask.invoke(args=["export", "verify", str(file), "--key", other]).exit_code == 1
    file.write_text(file.read_text().replace("4950", "9950"))
    changed = flask.invoke(args=["export", "verify", str(file)])
    assert changed.exit_code == 1
    assert "was changed" in changed.output
    assert flask.invoke(args=["export", "verify", str(tmp_path / "none")]).exit_code == 1
    table = tmp_path / "owed.csv"
    assert flask.invoke(args=["export", "owed", "--file", str(table)]).exit_code == 0
    [one, _customer] = list(csv.DictReader(StringIO(table.read_text())))
    assert (one["public_id"], one["owed"], one["currency"]) == (public_id, "49.50", "CHF")
    printed = flask.invoke(args=["export", "owed"])
    assert json.loads(printed.stdout)["totals"]["owed"] == 4950


def test_the_commands_for_bookkeeping(session: Session, app: Flask, doors, tmp_path) -> None:
    money.done(session, doors)
    flask, file = app.test_cli_runner(), tmp_path / "ledger.csv"
    arguments = ["export", "postings", "--from", "2020-01-01", "--to"]
    said = flask.invoke(args=[*arguments, f"{clock.now():%Y-%m-%d}", "--file", str(file)])
    assert said.exit_code == 0, said.output
    assert len(file.read_text().splitlines()) == 5
    assert len(flask.invoke(args=[*arguments, "2020-02-01"]).output.splitlines()) == 1
    assert flask.invoke(args=[*arguments, "2019-01-01"]).exit_code == 2
    assert flask.invoke(args=[*arguments, "today"]).exit_code == 2
    agreed = flask.invoke(args=["reconcile"])
    assert agreed.exit_code == 0, agreed.output
    assert "The books agree" in agreed.output
    money.sandbox_of(doors).pay_out(100)
    differs = flask.invoke(args=["reconcile"])
    assert differs.exit_code == 1
    assert "not_in_ledger: payout" in differs.output


# ---- Giving back, settling, credit


def test_a_part_is_given_back_after_its_effect_was_seen(session: Session, olga: Page, doors) -> None:
    booking = money.done(session, doors)
    payment = payment_of(session, booking)
    olga.get(f"/operator/bookings/{booking.public_id}")
    address = f"/operator/payments/{payment.public_id}/refund"
    assert olga.all(f"a[href='{address}']")
    olga.get(address)
    assert [folded(row) for row in olga.all("tbody tr")] == [
        "Customer, given back CHF 0.00",
        "Helper CHF 49.50",
        "We CHF 5.50",
    ]
    typed = {"refund_cents": "20", "from_helper_cents": "18", "reason": "Nicht alles ging."}
    olga.post(address, typed, status=200)
    assert session.scalars(select(Refund)).all() == []
    assert [folded(row) for row in olga.all("tbody tr")] == [
        "Customer, given back CHF 0.00 CHF 20.00",
        "Helper CHF 49.50 CHF 31.50",
        "We CHF 5.50 CHF 3.50",
    ]
    sent = olga.typed()
    olga.submit().follow()
    assert "The money goes back" in olga.text
    assert "Nicht alles ging." in olga.text
    olga.post(address, sent, status=409)
    refund = session.scalars(select(Refund)).one()
    assert (refund.cents, payment.refunded_cents, payment.state) == (2_000, 2_000, "partly_refunded")
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"refund_cents": ""}, "refund_cents"),
        ({"refund_cents": "0"}, "refund_cents"),
        ({"refund_cents": "much"}, "refund_cents"),
        ({"refund_cents": "-5"}, "refund_cents"),
        ({"refund_cents": "99", "from_helper_cents": "49.50"}, "refund_cents"),
        ({"refund_cents": "24"}, "refund_cents"),
        ({"from_helper_cents": "49.51", "refund_cents": "55"}, "from_helper_cents"),
        ({"from_helper_cents": "21"}, "from_helper_cents"),
        ({"reason": "  "}, "reason"),
    ],
)
@pytest.mark.parametrize("checked", ["", "yes"])
def test_what_cannot_be_given_back_is_said_at_its_field(
    session: Session, olga: Page, typed: dict[str, str], field: str, checked: str
) -> None:
    payment = payment_of(session, make_booking(session, state="signed_off"))
    given = {"refund_cents": "20", "from_helper_cents": "18", "reason": "Kulanz.", "checked": checked, **typed}
    olga.post(f"/operator/payments/{payment.public_id}/refund", given, status=422)
    assert [one.get("id") for one in olga.all(".field-error")] == [f"{field}-error"]
    for name in ("refund_cents", "from_helper_cents"):
        assert (olga.all(f"#{name}")[0].get("value") or "") == given[name], name
    assert session.scalars(select(Refund)).all() == []


def test_money_that_is_held_is_not_given_back_here(session: Session, olga: Page) -> None:
    payment = payment_of(session, make_booking(session))
    olga.get(f"/operator/payments/{payment.public_id}/refund", status=409)


def test_a_split_is_seen_before_it_counts(session: Session, olga: Page) -> None:
    booking = make_booking(session, state="unsolved")
    address = f"/operator/bookings/{booking.public_id}"
    olga.get(address)
    assert "CHF 55.00 go back" in olga.text
    assert "CHF 49.50 go to the helper" in olga.text
    typed = {"in_favour_of": "both", "refund_cents": "30", "helper_cents": "20.50", "reason": "Beide haben Recht."}
    olga.post(f"{address}/settlement", typed, status=200)
    assert booking.state == "unsolved"
    assert [folded(one) for one in olga.all(".money-effect dd")][:3] == ["CHF 30.00", "CHF 20.50", "CHF 4.50"]
    olga.submit(form=f"{address}/settlement").follow()
    assert "Beide haben Recht." in olga.text
    assert "to the customer CHF 30.00, to the helper CHF 20.50, to us CHF 4.50" in olga.text
    assert ledger_faults(session) == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"refund_cents": "50", "helper_cents": "5.01"}, "refund_cents"),
        ({"refund_cents": "", "helper_cents": "5"}, "refund_cents"),
        ({"refund_cents": "5", "helper_cents": ""}, "helper_cents"),
        ({"refund_cents": "a lot", "helper_cents": "5"}, "refund_cents"),
    ],
)
def test_a_split_that_does_not_add_up_is_said_at_its_field(
    session: Session, olga: Page, typed: dict[str, str], field: str
) -> None:
    booking = make_booking(session, state="unsolved")
    given = {"in_favour_of": "both", "reason": "Beide.", **typed}
    olga.post(f"/operator/bookings/{booking.public_id}/settlement", given, status=422)
    assert [one.get("id") for one in olga.all(".field-error")] == [f"{field}-error"]
    for name, value in typed.items():
        assert (olga.all(f"#{name}")[0].get("value") or "") == value
    assert olga.all("#reason")[0].text_content().strip() == "Beide."
    assert booking.state == "unsolved"


def test_credit_is_given_and_used(session: Session, olga: Page, doors) -> None:
    booking = money.done(session, doors)
    address = f"/operator/bookings/{booking.public_id}/credit"
    olga.get(address)
    for cents, reason in (("", "Kulanz."), ("0", "Kulanz."), ("100.01", "Kulanz."), ("x", "Kulanz."), ("10", " ")):
        olga.post(address, {"cents": cents, "reason": reason}, status=422)
        assert (olga.all("#cents")[0].get("value") or "") == cents
        assert len(olga.all(".field-error")) == 1
    olga.get(address)
    sent = {**olga.typed(), "cents": "10", "reason": "Kam zu spät."}
    olga.post(address, sent).follow()
    assert "The credit is given" in olga.text
    olga.post(address, sent, status=409)
    gift = session.scalars(select(Credit)).one()
    assert (gift.cents, gift.customer_id, gift.reason) == (1_000, booking.customer_id, "Kam zu spät.")
    customer = session.get_one(User, booking.customer_id)
    again = money.book(session, doors, make_bid(session, make_task(session, customer)))
    used = latest_of(session, again.id)
    assert used is not None
    assert used.credit_cents == 1_000
    assert "Paid from the customer's credit" in olga.get(f"/operator/bookings/{again.public_id}").text
    assert ledger_faults(session) == []


def test_a_booking_tells_every_part_of_its_money(session: Session, olga: Page, doors) -> None:
    booking = money.done(session, doors)
    money.onboard(session, booking.helper_id, doors)
    money.hand_over(doors)
    with transaction() as rows:
        given = {"refund_cents": 2_000, "from_helper_cents": 1_800, "reason": "Nicht alles ging."}
        payments.refund(rows, payment_of(rows, booking), by=make_operator(rows), **given)
    money.hand_over(doors)
    payment, payout = payment_of(session, booking), money.payout_by(session, booking)
    refund = session.scalars(select(Refund)).one()
    olga.get(f"/operator/bookings/{booking.public_id}")
    for reference in (payment.charge, payout.reference, refund.reference):
        assert reference
        assert reference in olga.text
    for words in ("Signed off", "Decided by us: Nicht alles ging.", "Payout", "Refund", "Taking back", "Came back"):
        assert words in olga.text, words
    story = [folded(row) for row in olga.all("table:has(#money) tbody tr")]
    assert any("Sent to the helper" in line for line in story)
    assert any("Kept by the gateway" in line for line in story)


def test_agents_see_a_bookings_money_and_move_none(session: Session, sign_in: SignIn, doors) -> None:
    booking = money.done(session, doors)
    page = sign_in(make_operator(session, "agent")).get(f"/operator/bookings/{booking.public_id}")
    assert "CHF 49.50" in page.text
    assert not page.all("main form")
    assert not [one for one in page.all("main a") if "refund" in one.get("href") or "credit" in one.get("href")]
    for address in ("/operator/money", "/operator/disputes", "/operator/fees"):
        assert not page.all(f"a[href='{address}']")


def test_nobody_decides_about_a_visit_of_their_own(session: Session, sign_in: SignIn) -> None:
    for side in ("customer_id", "helper_id"):
        booking, unsolved = make_booking(session, state="signed_off"), make_booking(session, state="unsolved")
        for one in (booking, unsolved):
            session.get_one(User, getattr(one, side)).roles = make_operator(session, "admin").roles
        session.commit()
        payment = payment_of(session, booking)
        page = sign_in(session.get_one(User, getattr(booking, side)))
        values = {"refund_cents": "5", "from_helper_cents": "0", "reason": "Ich.", "checked": "yes", "cents": "5"}
        page.get(f"/operator/payments/{payment.public_id}/refund", status=403)
        page.post(f"/operator/payments/{payment.public_id}/refund", values, status=403)
        if side == "customer_id":
            page.get(f"/operator/bookings/{booking.public_id}/credit", status=403)
            page.post(f"/operator/bookings/{booking.public_id}/credit", values, status=403)
        page = sign_in(session.get_one(User, getattr(unsolved, side)))
        assert not page.get(f"/operator/bookings/{unsolved.public_id}").all("main textarea")
        values = {"in_favour_of": "customer", "reason": "Ich."}
        page.post(f"/operator/bookings/{unsolved.public_id}/settlement", values, status=403)
        assert unsolved.state == "unsolved"
    assert session.scalars(select(Refund)).all() == []


# ---- Fees


@pytest.fixture
def admin(session: Session, sign_in: SignIn) -> Page:
    """An admin, who sets the fees."""
    return sign_in(make_operator(session, "admin"))


RULE = {
    "percent": "12",
    "min_cents": "2",
    "max_cents": "",
    "skill_id": "0",
    "starts_on": "",
    "ends_on": "",
    "reason": "Neu",
}


def test_a_rule_is_set_shown_with_its_sample_and_ended(session: Session, admin: Page) -> None:
    assert "Where no rule fits" in admin.get("/operator/fees").text
    admin.post("/operator/fees", RULE).follow()
    rule = session.scalars(select(FeeRule)).one()
    assert (rule.percent, rule.min_cents, rule.max_cents, rule.skill_id, rule.valid_until) == (
        12,
        200,
        None,
        None,
        None,
    )
    line = next(one for one in rows_of(admin) if "Neu" in one)
    assert "CHF 6.00" in line
    assert "at least CHF 2.00" in line
    bid = make_bid(session, make_task(session))
    admin.submit(form="/operator/fees/ending").follow()
    session.refresh(rule)
    assert rule.valid_until is not None
    assert "Past" in admin.text
    admin.post("/operator/fees/ending", {"rule": str(rule.id)}, status=409)
    assert bid.state == "placed"


def test_a_rule_may_begin_later_and_end_by_itself(session: Session, admin: Page) -> None:
    first, last = (clock.now() + timedelta(days=days) for days in (10, 20))
    dated = {"starts_on": f"{first:%Y-%m-%d}", "ends_on": f"{last:%Y-%m-%d}", "friends_only": "y"}
    admin.post("/operator/fees", {**RULE, **dated}).follow()
    rule = session.scalars(select(FeeRule)).one()
    assert rule.friends_only
    assert rule.valid_until - rule.valid_from == timedelta(days=11)  # the last day counts whole
    assert "To come" in admin.text
    assert not admin.all("form[action='/operator/fees/ending']")
    admin.post("/operator/fees/ending", {"rule": str(rule.id)}, status=409)
    today = {"starts_on": f"{clock.now():%Y-%m-%d}"}
    admin.post("/operator/fees", {**RULE, **today})


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"percent": ""}, "percent"),
        ({"percent": "51"}, "percent"),
        ({"percent": "-1"}, "percent"),
        ({"percent": "ten"}, "percent"),
        ({"min_cents": "5", "max_cents": "4"}, "max_cents"),
        ({"min_cents": "x"}, "min_cents"),
        ({"skill_id": "9999"}, "skill_id"),
        ({"starts_on": "2020-01-01"}, "starts_on"),
        ({"starts_on": "soon"}, "starts_on"),
        ({"starts_on": "0001-01-01"}, "starts_on"),
        ({"ends_on": "2020-01-01"}, "ends_on"),
        ({"ends_on": "9999-12-31"}, "ends_on"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
def test_a_rule_that_cannot_be_is_said_at_its_field(
    session: Session, admin: Page, typed: dict[str, str], field: str
) -> None:
    admin.post("/operator/fees", {**RULE, **typed}, status=422)
    assert [one.get("id") for one in admin.all(".field-error")] == [f"{field}-error"]
    for name in ("percent", "min_cents", "max_cents", "reason"):
        assert (admin.all(f"#{name}")[0].get("value") or "") == {**RULE, **typed}[name]
    assert session.scalars(select(FeeRule)).all() == []


@pytest.mark.parametrize("rule", ["", "x", "99999", "99999999999999999"])
def test_a_rule_that_is_not_there_is_not_ended(admin: Page, rule: str) -> None:
    admin.post("/operator/fees/ending", {"rule": rule}, status=404)


def test_only_an_admin_sees_and_sets_fees(session: Session, sign_in: SignIn) -> None:
    for role in ("agent", "moderator"):
        page = sign_in(make_operator(session, role))
        page.get("/operator/fees", status=403)
        page.post("/operator/fees", RULE, status=403)
    assert session.scalars(select(FeeRule)).all() == []


# ---- Disputes


def disputed(session: Session, doors, app: Flask, reason: str = "product_not_received") -> Dispute:
    """A payment that its customer's bank has taken back."""
    booking = money.done(session, doors)
    charge = str(payment_of(session, booking).charge)
    session.rollback()
    money.sandbox_of(doors).open_dispute(charge, reason)
    money.sandbox_of(doors).deliver(money.through(app))
    return session.scalars(select(Dispute).order_by(Dispute.id.desc()).limit(1)).one()


def test_a_dispute_is_answered_with_what_its_booking_tells(session: Session, olga: Page, app: Flask, doors) -> None:
    dispute = disputed(session, doors, app)
    booking = session.get_one(Booking, session.get_one(Payment, dispute.payment_id).booking_id)
    customer = session.get_one(User, booking.customer_id)
    olga.get("/operator")
    assert figures(olga)["dispute to answer"] == "1"
    assert "The next one until" in olga.text
    olga.get("/operator/disputes")
    assert "The customer says that nobody came." in rows_of(olga)[0]
    address = f"/operator/disputes/{dispute.public_id}"
    olga.get(address)
    for words in (customer.name, customer.email, "signed off by the customer", "Messages between", "CHF 55.00"):
        assert words in olga.text, words
    assert str(booking.address) not in olga.response.text
    assert str(booking.phone) not in olga.response.text
    olga.submit({"note": "He thanked the helper by mail."}, form=f"{address}/answer").follow()
    assert "The answer is handed in" in olga.text
    session.refresh(dispute)
    assert dispute.state == "answered"
    assert not olga.all("main form")
    olga.post(f"{address}/answer", {"note": ""}, status=409)
    assert rows_of(olga.get("/operator/disputes")) == []
    assert len(rows_of(olga.get("/operator/disputes?all=1"))) == 1
    assert len(rows_of(olga.get("/operator/disputes?state=answered"))) == 1
    session.rollback()
    with money.sandbox_of(doors).books() as books:
        evidence = books.get("dispute", dispute.reference).data["evidence"]
    assert "He thanked the helper" in str(evidence)
    assert customer.name in str(evidence)
    assert ledger_faults(session) == []


def test_the_nearest_deadline_comes_first(session: Session, olga: Page, app: Flask, doors) -> None:
    later, sooner = disputed(session, doors, app), disputed(session, doors, app)
    sooner.due_at = clock.now() + timedelta(days=1)
    session.commit()
    links = [one.get("href") for one in olga.get("/operator/disputes").all("tbody th a")]
    assert links == [f"/operator/disputes/{one.public_id}" for one in (sooner, later)]


def test_a_silent_gateway_loses_no_words(session: Session, olga: Page, app: Flask, doors) -> None:
    dispute = disputed(session, doors, app)
    money.sandbox_of(doors).fail_next("*", "reset", times=20)
    try:
        olga.post(f"/operator/disputes/{dispute.public_id}/answer", {"note": "Was da stand."}, status=503)
    finally:
        money.sandbox_of(doors).faults.waiting.clear()
    assert "Was da stand." in olga.all("#note")[0].text_content()
    session.refresh(dispute)
    assert dispute.state == "open"


def test_nobody_answers_for_a_visit_of_their_own(session: Session, sign_in: SignIn, app: Flask, doors) -> None:
    dispute = disputed(session, doors, app)
    booking = session.get_one(Booking, session.get_one(Payment, dispute.payment_id).booking_id)
    helper = session.get_one(User, booking.helper_id)
    helper.roles = make_operator(session).roles
    session.commit()
    page = sign_in(helper).get(f"/operator/disputes/{dispute.public_id}")
    assert not page.all("main form")
    page.post(f"/operator/disputes/{dispute.public_id}/answer", {"note": ""}, status=403)
    session.refresh(dispute)
    assert dispute.state == "open"


def test_the_evidence_says_when_silence_signed_off(session: Session, doors, app: Flask, olga: Page) -> None:
    booking = money.finish(session, money.book(session, doors))
    with transaction() as rows:
        payments.sign_off(rows, rows.get_one(Booking, booking.id), by=None)
    charge = str(payment_of(session, booking).charge)
    session.rollback()
    money.sandbox_of(doors).open_dispute(charge)
    money.sandbox_of(doors).deliver(money.through(app))
    dispute = session.scalars(select(Dispute)).one()
    olga.get(f"/operator/disputes/{dispute.public_id}")
    assert "signed off after a time without an objection" in olga.text


def test_the_evidence_says_that_nobody_reported_how_a_visit_ended(
    session: Session, doors, app: Flask, olga: Page
) -> None:
    booking = money.start(session, money.book(session, doors))
    with clock.moved_to(booking.ends_at + timedelta(hours=25)):
        with transaction() as rows:
            payments.refer(rows, rows.get_one(Booking, booking.id), policy=Policy())
        charge = str(payment_of(session, booking).charge)
        session.rollback()
        money.sandbox_of(doors).open_dispute(charge)
        money.sandbox_of(doors).deliver(money.through(app))
        dispute = session.scalars(select(Dispute)).one()
        olga.get(f"/operator/disputes/{dispute.public_id}")
    assert "nobody reported how the visit ended" in olga.text
    assert "the customer reported that it is not solved" not in olga.text


# ---- Who comes in


@pytest.mark.parametrize("room", ["", "/payments", "/refunds", "/payouts", "/postings", "/debts", "/postings.csv"])
def test_moderators_see_the_money(session: Session, client: Page, sign_in: SignIn, room: str) -> None:
    client.get(f"/operator/money{room}", status=302)
    for person in (make_user(session), make_helper(session), make_operator(session, "agent")):
        sign_in(person).get(f"/operator/money{room}", status=403)
    for role in ("moderator", "admin"):
        sign_in(make_operator(session, role)).get(f"/operator/money{room}", buffered=True)


def test_the_statements_of_the_overview_do_not_grow_with_the_money(session: Session, olga: Page, doors) -> None:
    seen: list[Any] = []

    def note(*args: Any) -> None:
        seen.append(args)

    def statements() -> int:
        seen.clear()
        event.listen(db.engine, "before_cursor_execute", note)
        olga.get("/operator/money")
        event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    money.done(session, doors)
    statements()  # the first page of a browser opens its session
    few = statements()
    for _ in range(4):
        money.done(session, doors)
        make_booking(session, state="unsolved")
    assert statements() == few
    assert few < 35
