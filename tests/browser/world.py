"""The small world of the browser tests: a task, bid and booking in every state, and somebody to look at each."""

import hashlib
from datetime import timedelta
from functools import partial

from flask_security.recoverable import generate_reset_password_token
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import accounts, bids, bookings, disputes, fees, messages, payments, refunds, reviews, tasks
from marketplace.db import by_public_id, db, transaction
from marketplace.domain.gateway import ChargeFact
from marketplace.domain.policy import Policy
from marketplace.gateways.payments.sandbox.cards import GOOD_CARD
from marketplace.jobs.payments import give_up, open_account, open_page, read_account
from marketplace.jobs.payments import settle as settle_payment
from marketplace.jobs.reconciliation import reconcile
from marketplace.models import Bid, Booking, Payment, Profile, Refund, Task, User
from tests.browser.town import Town
from tests.factories import (
    make_bid,
    make_certification,
    make_done_booking,
    make_helper,
    make_operator,
    make_review,
    make_task,
    make_user,
    payment_of,
    tomorrow_at,
)
from tests.money import accept, sign_off

# What each side did, step by step, until a booking stood in this state.
VISITS = {
    "confirmed": (),
    "on_the_way": ("set_out",),
    "started": ("set_out", "start"),
    "finished": ("start", "finish"),
    "unsolved": ("start", "finish", "report_unsolved"),
    "no_show": ("set_out", "report_no_show"),
    "not_solvable": ("start", "give_up"),
    "signed_off": ("start", "finish", "sign_off"),
    "cancelled": ("cancel",),
    "extra": ("start", "ask_extra"),
    "late": ("set_out",),
}


def settle(town: Town) -> None:
    """Fill an empty town."""
    for part in (
        _people,
        _compare_bids,
        _bids_in_every_state,
        _bookings_in_every_state,
        _payouts,
        _money,
        _tasks_in_every_state,
        _drafts,
        _decisions,
    ):
        town.inside(partial(part, town))
    town.work()


def nearly_friend(session: Session, full_name: str, *, visits: int = 4) -> User:
    """A helper with signed-off visits to as many customers and five stars for each: with four the next one earns the badge."""
    helper = make_helper(session, full_name, skills=("wifi", "tv"))
    for number in range(visits):
        with clock.moved_to(clock.now() - timedelta(days=30 + number)):
            booking = make_done_booking(session, helper=helper, customer=make_user(session, f"Karl Kunde{number}"))
            make_review(session, booking, words="Pünktlich, freundlich, und das WLAN läuft.")
            make_review(session, booking, side="helper")
    return helper


def profile_id(session: Session, user_id: int) -> str:
    """What stands in the address of a helper's public profile."""
    return session.scalars(select(Profile.public_id).where(Profile.user_id == user_id)).one()


def _people(town: Town) -> None:
    town.newcomer("anna", "Anna Keller").phone = "+41791234567"
    town.newcomer("nora", "Nora Neu")
    town.settle_in("hans", nearly_friend(db.session, "Hans Helfer", visits=3))  # Anna reviews a fourth one
    lea = town.settle_in("lea", nearly_friend(db.session, "Lea Zimmermann"))
    make_review(db.session, make_done_booking(db.session, helper=lea))
    town.settle_in("paul", make_helper(db.session, "Paul Tanner", skills=("wifi", "tv")))
    town.settle_in("hugo", make_helper(db.session, "Hugo Wartet", skills=()))
    toni = town.newcomer("toni", "Toni Zweimal")
    toni.tf_primary_method = "authenticator"
    toni.tf_totp_secret = town.app.extensions["security"].totp_factory.generate_totp_secret()
    db.session.commit()
    town.things["token/reset"] = generate_reset_password_token(db.session.get_one(User, town.people["nora"]))
    for role in ("agent", "moderator", "admin"):
        town.settle_in(role, make_operator(db.session, role, name=f"Olga {role.title()}"))
    for name, person in town.people.items():
        town.things[f"person/{name}"] = db.session.get_one(User, person).public_id
    for helper in ("hans", "lea", "hugo"):
        town.things[f"profile/{helper}"] = profile_id(db.session, town.people[helper])


def _person(town: Town, name: str) -> User:
    return db.session.get_one(User, town.people[name])


def _compare_bids(town: Town) -> None:
    """Anna's open task with three bids, one of them countered, and a conversation."""
    task = make_task(db.session, _person(town, "anna"))
    town.things["task/open"] = task.public_id
    for number, helper in enumerate(("hans", "lea", "paul")):
        bid = make_bid(db.session, task, _person(town, helper), price_cents=5500 + 700 * number)
        town.things[f"bid/{helper}"] = bid.public_id
    policy = town.app.extensions["policy"]
    with transaction() as session:
        countered = session.scalars(select(Bid).where(Bid.public_id == town.things["bid/paul"])).one()
        anna = _person(town, "anna")
        bids.counter(
            session,
            countered,
            by=anna,
            price_cents=6000,
            starts_at=countered.starts_at + timedelta(hours=1),
            message="Ginge es auch etwas später?",
            policy=policy,
        )
        for sender, text in (
            ("anna", "Haben Sie Erfahrung mit Repeatern?"),
            ("hans", "Ja, rufen Sie an: 079 123 45 67."),
        ):
            messages.send(
                session,
                session.get_one(Task, task.id),
                town.people["hans"],
                by=_person(town, sender),
                body=text,
                policy=policy,
            )


def _bids_in_every_state(town: Town) -> None:
    for state in ("declined", "withdrawn", "expired"):
        task = make_task(db.session, _person(town, "anna"), title=f"Der Fernseher bleibt dunkel ({state})", code="tv")
        bid = make_bid(db.session, task, _person(town, "hans"), state=state)
        town.things[f"bid/{state}"] = bid.public_id


def _bookings_in_every_state(town: Town) -> None:
    """One booking in each state between Anna and Hans, each brought there by its two sides."""
    for day, (state, steps) in enumerate(VISITS.items()):
        booking_id = _booked(town, day)
        for step in steps:
            _take_step(town, booking_id, step)
        _remember_booking(town, state, booking_id)
    _let_it_be_late(town)
    lapsed = _reserved(town, len(VISITS))
    give_up(lapsed, town.app.extensions["gateways"])
    _remember_booking(town, "lapsed", lapsed)
    _remember_booking(town, "card_saved", _booked(town, 100))
    _remember_booking(town, "action_needed", _booked(town, 101))
    _let_the_bank_ask(town)
    reserved = _reserved(town, len(VISITS) + 1)
    page = select(Payment.checkout).where(Payment.booking_id == reserved)
    town.things["checkout/open"] = str(db.session.scalars(page).one())
    _remember_booking(town, "reserved", reserved)
    same_task = db.session.get_one(Task, db.session.get_one(Booking, reserved).task_id)
    town.things["bid/beside the reserved one"] = make_bid(db.session, same_task, _person(town, "lea")).public_id
    reviewed = make_done_booking(db.session, helper=_person(town, "hans"), customer=_person(town, "anna"))
    _remember_booking(town, "closed", reviewed.id)
    policy = town.app.extensions["policy"]
    with transaction() as session:
        booking = session.get_one(Booking, reviewed.id)
        for side, stars, words in (("anna", 5, "Alles bestens erklärt."), ("hans", 4, "Alles war gut vorbereitet.")):
            reviews.write(session, booking, by=_person(town, side), stars=stars, words=words, policy=policy)


def _let_it_be_late(town: Town) -> None:
    """The hour of one visit is over, and nobody has opened the door."""
    with transaction() as session:
        booking = by_public_id(session, Booking, town.things["booking/late"])
        booking.starts_at = booking.promised_at = clock.now() - timedelta(minutes=30)


def _let_the_bank_ask(town: Town) -> None:
    """One saved card could not be charged without its owner."""
    with transaction() as session:
        booking = by_public_id(session, Booking, town.things["booking/action_needed"])
        payment = session.scalars(select(Payment).where(Payment.booking_id == booking.id)).one()
        payments.record_charge(session, payment.id, ChargeFact("declined", reason="insufficient_funds"))


def _reserved(town: Town, day: int) -> int:
    """A bid that Anna has accepted and not yet paid; gives the booking's id."""
    task = make_task(db.session, _person(town, "anna"), title=f"Das Tablet findet den Drucker nicht ({day})")
    bid = make_bid(db.session, task, _person(town, "hans"), starts_at=tomorrow_at(9, days=2 + day))
    with transaction() as session:
        payment = payments.accept_bid(
            session,
            session.get_one(Bid, bid.id),
            by=_person(town, "anna"),
            address="Rosenweg 3",
            phone="+41791234567",
            terms=1,
            policy=town.app.extensions["policy"],
        )
    open_page(payment.id, town.app.extensions["gateways"])
    return payment.booking_id


def _booked(town: Town, day: int) -> int:
    """A visit that Anna has paid for; gives the booking's id."""
    booking_id = _reserved(town, day)
    payment = db.session.scalars(select(Payment).where(Payment.booking_id == booking_id)).one()
    doors = town.app.extensions["gateways"]
    reference, payment_id = payment.checkout, payment.id
    db.session.rollback()
    doors.sandbox.pay(reference, GOOD_CARD)
    settle_payment(payment_id, doors)
    return booking_id


def _payouts(town: Town) -> None:
    """Lea has given all bank data and Paul a part; Hans, who has earned something, has not. Two pages lie open."""
    doors = town.app.extensions["gateways"]
    for name, complete in (("lea", True), ("paul", False)):
        account = open_account(_person(town, name), doors, country="CH")
        doors.sandbox.onboard(account, complete=complete)
        read_account(town.people[name], doors)
        if complete:
            town.things["dashboard/lea"] = doors.payments.account_page(account).rpartition("/")[2]
    waits = open_account(_person(town, "hugo"), doors, country="CH")
    with clock.moved_to(
        clock.now() + timedelta(hours=2)
    ):  # such a link lives five minutes, and looking at every page takes longer
        link = doors.payments.onboarding_page(waits, return_url=town.url, refresh_url=town.url)
    town.things["onboarding/hugo"] = link.rpartition("/")[2]


def _money(town: Town) -> None:
    """What the operator sees of the money: a released payment, one that a bank disputes, a debt, a failed refund, a fee to come."""
    doors, policy = town.app.extensions["gateways"], Policy(cash_allowed=1, cash_fee_percent=10)
    released = by_public_id(db.session, Booking, town.things["booking/signed_off"])
    town.things["payment/released"] = payment_of(db.session, released).public_id
    disputed = _booked(town, len(VISITS) + 2)
    for step in ("start", "finish", "sign_off"):
        _take_step(town, disputed, step)
    charge = str(payment_of(db.session, db.session.get_one(Booking, disputed)).charge)
    db.session.rollback()
    fact = doors.payments.read_dispute(doors.sandbox.open_dispute(charge, "product_not_received"))
    with transaction() as session:
        town.things["dispute/open"] = disputes.record(session, fact).public_id
    bid = make_bid(db.session, make_task(db.session, _person(town, "anna")), _person(town, "paul"), price_cents=6500)
    sign_off(db.session, db.session.get_one(Booking, accept(db.session, bid, policy=policy, in_cash=True).booking_id))
    with transaction() as session:
        refund = session.scalars(select(Refund).order_by(Refund.id).limit(1)).one()
        refunds.deny(session, refund.id, "expired_or_canceled_card", tried=refund.tries)
        admin, later = _person(town, "admin"), clock.now() + timedelta(days=9)
        terms = {"percent": 8, "min_cents": 200, "max_cents": 900, "skill_id": None, "friends_only": True}
        fees.set_rule(session, by=admin, **terms, valid_from=later, valid_until=None, reason="Dank an alle Friends")
        fees.set_rule(session, by=admin, **terms, valid_from=None, valid_until=later, reason="Bis es so weit ist")
    reconcile(doors.payments)


def _take_step(town: Town, booking_id: int, step: str) -> None:
    policy = town.app.extensions["policy"]
    with transaction() as session:
        booking, anna, hans = session.get_one(Booking, booking_id), _person(town, "anna"), _person(town, "hans")
        if step == "sign_off":
            payments.sign_off(session, booking, by=anna)
        elif step == "cancel":
            payments.call_off(session, booking, by=anna, policy=policy)
        elif step == "report_unsolved":
            bookings.report_unsolved(session, booking, by=anna, note="Im Schlafzimmer ist immer noch kein Empfang.")
        elif step == "finish":
            bookings.finish(session, booking, by=hans, policy=policy)
        elif step == "give_up":
            payments.give_up(session, booking, by=hans, note="Das Netzteil ist durchgebrannt.", policy=policy)
        elif step == "ask_extra":
            payments.ask_extra(session, booking, by=hans, cents=2500, what="Zweiter Fernseher", policy=policy)
        elif step == "report_no_show":
            with clock.moved_to(booking.starts_at + timedelta(hours=1)):
                bookings.report_no_show(session, booking, by=hans, policy=policy)
        else:
            getattr(bookings, step)(session, booking, by=hans, policy=policy)


def _remember_booking(town: Town, state: str, booking_id: int) -> None:
    town.things[f"booking/{state}"] = db.session.get_one(Booking, booking_id).public_id


def _tasks_in_every_state(town: Town) -> None:
    for state in ("expired", "cancelled", "removed"):
        reason = "Bitte keine Werbung." if state == "removed" else None
        task = make_task(db.session, _person(town, "anna"), state=state, removed_reason=reason)
        town.things[f"task/{state}"] = task.public_id
    without_bids = make_task(
        db.session, _person(town, "anna"), title="Wer richtet mir das neue Telefon ein?", remote=True
    )
    town.things["task/quiet"] = without_bids.public_id


def _drafts(town: Town) -> None:
    """A stranger's finished draft and one with nothing but its skill; Anna has one too."""
    policy, begin = town.app.extensions["policy"], tomorrow_at(18)
    answers = {
        "skill": {"skill": "wifi"},
        "questions": {},
        "words": {
            "title": "Im Keller kein Empfang",
            "description": "Rufen Sie mich an: 079 123 45 67.",
            "device": "",
            "tried": "",
            "language": "de",
        },
        "times": {"flexible": False, "slots": [(begin.isoformat(), (begin + timedelta(hours=3)).isoformat())]},
        "place": {
            "country": "CH",
            "postcode": "3011",
            "name": "Bern",
            "region": "BE",
            "lat": 46.948,
            "lon": 7.447,
            "remote": False,
            "budget_cents": None,
        },
    }
    with transaction() as session:
        begun = {"skill": {"skill": "wifi"}}
        for name, given, by in (
            ("full", answers, None),
            ("begun", begun, None),
            ("annas", answers, _person(town, "anna")),
        ):
            token_hash = hashlib.sha256(f"secret-{name}".encode()).hexdigest()
            draft = tasks.begin_draft(session, by=by, token_hash=token_hash, policy=policy)
            tasks.write_draft(session, draft, given, policy=policy)
            town.things[f"draft/{name}"] = draft.public_id
    town.give_cookie("stranger", "drafts", "secret-full.secret-begun")


def _decisions(town: Town) -> None:
    """Hugo waits for the operator, somebody was suspended, one certification was."""
    waiting = make_certification(db.session, _person(town, "hugo"), "wifi")
    town.things["certification/waiting"] = waiting.public_id
    decided = make_certification(db.session, _person(town, "hugo"), "tv", state="granted")
    town.things["certification/granted"] = decided.public_id
    out = make_user(db.session, "Sven Draussen")
    with transaction() as session:
        person = session.get_one(User, out.id)
        accounts.suspend(session, person, by=_person(town, "admin"), reason="Mehrere Beschwerden.")
        town.things["person/suspended"] = person.public_id
