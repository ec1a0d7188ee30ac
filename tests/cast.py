"""The people of a permission test and the scenes they meet: fresh rows, reached by the verbs that really lead there."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import count
from typing import Any

from flask import Flask, current_app
from flask_security import hash_password
from flask_security.confirmable import generate_confirmation_token
from flask_security.recoverable import generate_reset_password_token
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import disputes, payments
from marketplace.db import by_public_id, transaction
from marketplace.domain.lifecycles import CERTIFICATION
from marketplace.domain.policy import Policy
from marketplace.jobs.payments import open_account, open_page, read_account
from marketplace.jobs.reconciliation import reconcile
from marketplace.models import (
    Bid,
    BidStep,
    Booking,
    Certification,
    Draft,
    FeeRule,
    Payment,
    Payout,
    Photo,
    Profile,
    Task,
    User,
    UserSession,
)
from tests import money
from tests.factories import (
    make_bid,
    make_booking,
    make_certification,
    make_helper,
    make_operator,
    make_task,
    make_user,
    payment_of,
    tomorrow_at,
)
from tests.page import Page

PEOPLE = ("anonymous", "customer", "other_customer", "helper", "other_helper", "agent", "moderator", "admin")
PASSWORD = "vier gelbe Enten schwimmen"
PICTURE = "0" * 32 + ".webp"

_numbers = count(1)


class Cast:
    """One of each kind of person; each comes on stage when first asked for. No two casts share a name."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app, self.session = app, session
        self.number = next(_numbers)

    @cached_property
    def customer(self) -> User:
        """Whose task it is."""
        return make_user(self.session, self._called("Zeltner"), phone="+41791112233", password=self._password)

    @cached_property
    def other_customer(self) -> User:
        """Somebody who has nothing to do with it."""
        return make_user(self.session, self._called("Yersin"), password=self._password)

    @cached_property
    def helper(self) -> User:
        """Who bids and comes."""
        return make_helper(self.session, self._called("Xaver"), phone="+41794445566", password=self._password)

    @cached_property
    def other_helper(self) -> User:
        """Certified for the same, but not involved."""
        return make_helper(self.session, self._called("Wyttenbach"), password=self._password)

    @cached_property
    def agent(self) -> User:
        """The operator's least powerful role."""
        return make_operator(self.session, "agent", name=self._called("Uebersax"), password=self._password)

    @cached_property
    def moderator(self) -> User:
        """Decides about certifications, tasks, people and money."""
        return make_operator(self.session, "moderator", name=self._called("Tschudi"), password=self._password)

    @cached_property
    def admin(self) -> User:
        """May do all that the operator may."""
        return make_operator(self.session, "admin", name=self._called("Schaub"), password=self._password)

    def browser(self, person: str) -> Page:
        """A browser in which this person is signed in, or nobody."""
        page = Page(self.app)
        if person != "anonymous":
            page.sign_in(getattr(self, person))
        return page

    @property
    def _password(self) -> str:
        return _hash_of_password(self.app)

    def _called(self, surname: str) -> str:
        return f"Kim {surname}{self.number}z"


_hashes: dict[str, str] = {}


def _hash_of_password(app: Flask) -> str:
    """Everybody has the same password, hashed once."""
    if PASSWORD not in _hashes:
        with app.test_request_context():
            _hashes[PASSWORD] = hash_password(PASSWORD)
    return _hashes[PASSWORD]


@dataclass
class Scene:
    """What lies there: the values for the address, those for the form, and words that only those concerned may read."""

    ids: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    signed_in_halfway: User | None = None  # whose password the visitor without an account has just typed


def scene_of(name: str, cast: Cast) -> Scene:
    """Set the scene that a row of the table names; `-` needs none."""
    kind, _, state = name.partition(":")
    if kind == "-":
        return Scene()
    return booking_in(state, cast) if state else SCENES[kind](cast)


# ---- Tasks and drafts


def _task(cast: Cast, **values: Any) -> Task:
    words = {
        "title": f"Drucker{cast.number}q schweigt",
        "description": f"Seit gestern{cast.number}q druckt er nichts mehr.",
    }
    return make_task(cast.session, cast.customer, **{**words, **values})


def _task_secrets(cast: Cast, task: Task) -> list[str]:
    return [task.title, task.description, cast.customer.name, cast.customer.email]


def open_task(cast: Cast) -> Scene:
    """A task that is open to everybody."""
    task = _task(cast)
    return Scene({"public_id": task.public_id}, {}, [cast.customer.name, cast.customer.email])


def taken_back(cast: Cast) -> Scene:
    """A task that its customer has taken back, so that nobody else reads it any more."""
    task = _task(cast, state="cancelled")
    return Scene({"public_id": task.public_id}, {}, _task_secrets(cast, task))


def own_task(cast: Cast) -> Scene:
    """An open task, where only its customer has business."""
    task = _task(cast)
    return Scene({"public_id": task.public_id}, {}, _task_secrets(cast, task))


def task_removal(cast: Cast) -> Scene:
    """The same with a moderator's reason to take it down."""
    scene = own_task(cast)
    return Scene(scene.ids, {"reason": "Das ist Werbung."}, scene.secrets)


def new_draft(cast: Cast) -> Scene:
    """The first answer of somebody who posts a task."""
    return Scene({}, {"skill": "wifi"})


def _answers(cast: Cast) -> dict[str, Any]:
    evening = tomorrow_at(19)
    return {
        "skill": {"skill": "wifi"},
        "questions": {},
        "words": {
            "title": f"Fernseher{cast.number}q flimmert",
            "description": f"Seit dem Umzug{cast.number}q flimmert das Bild.",
            "device": "",
            "tried": "",
            "language": "de",
        },
        "times": {"flexible": True, "slots": [(evening.isoformat(), evening.replace(hour=21).isoformat())]},
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


def draft(cast: Cast) -> Scene:
    """A finished draft with a photo that belongs to the customer's account."""
    draft = Draft(
        token_hash=f"{cast.number:064}",
        user_id=cast.customer.id,
        answers=_answers(cast),
        created_at=clock.now(),
        expires_at=clock.now().replace(year=clock.now().year + 1),
    )
    cast.session.add(draft)
    cast.session.flush()
    photo = _photo(cast, draft_id=draft.id)
    words = draft.answers["words"]
    return Scene(
        {"public_id": draft.public_id, "photo_id": photo.public_id, "step": "words"},
        {"title": words["title"], "description": words["description"]},
        [words["title"], words["description"]],
    )


def photo_step(cast: Cast) -> Scene:
    """The same draft at the photos, of which none is sent."""
    scene = draft(cast)
    return Scene({**scene.ids, "step": "photos"}, {}, scene.secrets)


def draft_photo(cast: Cast) -> Scene:
    """The photo of a draft, for its customer only."""
    scene = draft(cast)
    return Scene({"public_id": scene.ids["photo_id"]})


def _photo(cast: Cast, **of: int) -> Photo:
    name = f"{cast.number:032}.webp"
    for stored in (name, f"{cast.number:032}-small.webp"):
        current_app.extensions["gateways"].photos.keep(stored, b"RIFF....WEBP")
    photo = Photo(file_name=name, width=1, height=1, created_at=clock.now(), **of)
    cast.session.add(photo)
    cast.session.commit()
    return photo


# ---- Bids


def _bid(cast: Cast, **values: Any) -> Bid:
    return make_bid(cast.session, _task(cast), cast.helper, message=f"Ich komme{cast.number}q gern.", **values)


def _bid_secrets(cast: Cast, bid: Bid) -> list[str]:
    task = cast.session.get_one(Task, bid.task_id)
    return [*_task_secrets(cast, task), bid.message, cast.helper.name]


def _terms(**changes: Any) -> dict[str, Any]:
    """What either side types about a bid, and the customer who accepts it."""
    return {
        "price": "60",
        "minutes": "60",
        "included": "Anfahrt und Einrichtung",
        "when": "other",
        "on": tomorrow_at(19, days=3).date().isoformat(),
        "start": "19:30",
        "message": "Passt das auch?",
        "valid_days": "7",
        "checked": "yes",
        "terms": "1",
        "address": "Rosenweg 3",
        "phone": "079 123 45 67",
        **changes,
    }


def bid(cast: Cast) -> Scene:
    """A bid that waits for its customer's answer."""
    one = _bid(cast)
    return Scene({"public_id": one.public_id}, _terms(), _bid_secrets(cast, one))


def countered_bid(cast: Cast) -> Scene:
    """A bid to which its customer has proposed another price."""
    one = _bid(cast, state="countered", price_cents=4800)
    cast.session.add(
        BidStep(
            bid_id=one.id,
            number=2,
            side="customer",
            price_cents=one.price_cents,
            minutes=one.minutes,
            included=one.included,
            starts_at=one.starts_at,
            message="",
            expires_at=one.expires_at,
            at=clock.now(),
        )
    )
    cast.session.commit()
    return Scene({"public_id": one.public_id}, _terms(terms="2"), _bid_secrets(cast, one))


def bids_of_task(cast: Cast) -> Scene:
    """A task with a bid on it; the address names the task."""
    one = _bid(cast)
    task = cast.session.get_one(Task, one.task_id)
    return Scene({"public_id": task.public_id}, _terms(), _bid_secrets(cast, one))


def biddable(cast: Cast) -> Scene:
    """An open task on which nobody has bid."""
    one = _task(cast)
    return Scene({"public_id": one.public_id}, _terms(), [cast.customer.name, cast.customer.email])


def conversation(cast: Cast) -> Scene:
    """Where customer and helper write to each other about a bid."""
    one = _bid(cast)
    task = cast.session.get_one(Task, one.task_id)
    ids = {"public_id": task.public_id, "helper": cast.helper.public_id}
    return Scene(ids, {"body": "Guten Tag, geht es auch morgen?"}, _bid_secrets(cast, one))


# ---- Bookings and payments


def _booking(cast: Cast, state: str) -> Booking:
    return make_booking(cast.session, _bid(cast), state=state, address=f"Rosenweg {cast.number}00, 3011 Bern")


def booking_in(state: str, cast: Cast) -> Scene:
    """A booking that has come to this state."""
    one = _booking(cast, state)
    values = {
        "refund_cents": str(one.price_cents),
        "note": "Es geht noch nicht.",
        "what": "Zweites Gerät",
        "price": "25",
        "checked": "yes",
        "stars": "5",
        "words": "Sehr gut.",
        "reason": "Beide haben uns geschrieben.",
        "in_favour_of": "helper",
    }
    secrets = [*_bid_secrets(cast, cast.session.get_one(Bid, one.bid_id)), str(one.address), str(one.phone)]
    return Scene({"public_id": one.public_id}, values, secrets)


def late_visit(cast: Cast) -> Scene:
    """A visit whose hour has come and gone, the helper being on the way."""
    return _whose_hour_has_come("on_the_way", cast)


def near_visit(cast: Cast) -> Scene:
    """A visit whose hour has come, and nobody has set out."""
    return _whose_hour_has_come("confirmed", cast)


def begun_visit(cast: Cast) -> Scene:
    """A visit whose hour has come, the helper being at work."""
    return _whose_hour_has_come("started", cast)


def _whose_hour_has_come(state: str, cast: Cast) -> Scene:
    scene = booking_in(state, cast)
    with transaction() as rows:
        booking = by_public_id(rows, Booking, scene.ids["public_id"])
        booking.starts_at = booking.promised_at = clock.now() - timedelta(minutes=20)
    return scene


def extra_asked(cast: Cast) -> Scene:
    """More work that the helper has proposed and the customer has not answered."""
    scene = booking_in("started", cast)
    with transaction() as rows:
        booking = by_public_id(rows, Booking, scene.ids["public_id"])
        words = {"cents": 2500, "what": "Zweites Gerät", "policy": Policy()}
        payments.ask_extra(rows, booking, by=rows.get_one(User, booking.helper_id), **words)
    return scene


def _checkout(cast: Cast) -> Payment:
    payment = payment_of(cast.session, _booking(cast, "reserved"))
    payment.checkout = None
    cast.session.commit()
    open_page(payment.id, cast.app.extensions["gateways"])
    cast.session.rollback()
    return payment


def checkout(cast: Cast) -> Scene:
    """The sandbox's payment page of a reserved visit; whoever knows its long address may pay."""
    payment = _checkout(cast)
    return Scene({"reference": str(payment.checkout)}, {"card": "4242 4242 4242 4242"})


def payment(cast: Cast) -> Scene:
    """A payment under way, to which its customer comes back."""
    one = _checkout(cast)
    booking = cast.session.get_one(Booking, one.booking_id)
    return Scene({"public_id": one.public_id}, {}, _bid_secrets(cast, cast.session.get_one(Bid, booking.bid_id)))


def reservation(cast: Cast) -> Scene:
    """A visit set aside while its payment page is open."""
    booking = cast.session.get_one(Booking, _checkout(cast).booking_id)
    secrets = _bid_secrets(cast, cast.session.get_one(Bid, booking.bid_id))
    return Scene({"public_id": booking.public_id}, {}, [*secrets, str(booking.address)])


def _account(cast: Cast) -> str:
    reference = open_account(cast.helper, cast.app.extensions["gateways"], country="CH")
    cast.session.rollback()
    return reference


def payout_account(cast: Cast) -> Scene:
    """The helper has given bank data to the payment service."""
    doors = cast.app.extensions["gateways"]
    doors.sandbox.onboard(_account(cast))
    read_account(cast.helper.id, doors)
    return Scene()


def onboarding(cast: Cast) -> Scene:
    """The payment service's page for bank data; whoever knows its long address may fill it in."""
    gateway = cast.app.extensions["gateways"].payments
    link = gateway.onboarding_page(_account(cast), return_url="http://localhost/", refresh_url="http://localhost/")
    return Scene({"token": link.rpartition("/")[2], "ending": "completion"})


def dashboard(cast: Cast) -> Scene:
    """The payment service's page on which the helper sees what has arrived."""
    doors = cast.app.extensions["gateways"]
    reference = _account(cast)
    doors.sandbox.onboard(reference)
    return Scene({"token": doors.payments.account_page(reference).rpartition("/")[2]})


# ---- What the operator decides about money. `own_...`: the moderator is the helper or customer of that visit.


def _visit(cast: Cast, state: str, *, helper: User | None = None, customer: User | None = None) -> Booking:
    """A visit that has come to this state, of these two."""
    task = make_task(cast.session, customer or cast.customer, title=f"Router{cast.number}q blinkt")
    return make_booking(
        cast.session, make_bid(cast.session, task, _certified(cast, helper or cast.helper)), state=state
    )


def _certified(cast: Cast, helper: User) -> User:
    """Whoever comes is certified, once."""
    known = select(Certification.id).where(Certification.state == CERTIFICATION.granted)
    if cast.session.scalar(known.where(Certification.helper_id == helper.id)) is None:
        make_certification(cast.session, helper, state=CERTIFICATION.granted)
    return helper


def released(cast: Cast, helper: User | None = None) -> Scene:
    """A payment that was released, and how much of it is to go back."""
    one = payment_of(cast.session, _visit(cast, "signed_off", helper=helper))
    values = {"refund_cents": "10", "from_helper_cents": "9", "reason": "Nicht alles ging.", "checked": "yes"}
    return Scene({"public_id": one.public_id}, values)


def own_released(cast: Cast) -> Scene:
    """The same of a visit at which the moderator helped."""
    return released(cast, cast.moderator)


def own_unsolved(cast: Cast) -> Scene:
    """An unsolved visit at which the moderator helped."""
    one = _visit(cast, "unsolved", helper=cast.moderator)
    return Scene({"public_id": one.public_id}, {"in_favour_of": "helper", "reason": "Ich war da."})


def goodwill(cast: Cast, customer: User | None = None) -> Scene:
    """A booking whose customer is to get credit."""
    one = _visit(cast, "signed_off", customer=customer)
    return Scene({"public_id": one.public_id}, {"cents": "10", "reason": "Kam zu spät."})


def own_goodwill(cast: Cast) -> Scene:
    """A booking whose customer is the moderator."""
    return goodwill(cast, cast.moderator)


def stuck(cast: Cast, helper: User | None = None) -> Scene:
    """A payout that waits, tried again by its row."""
    one = payment_of(cast.session, _visit(cast, "signed_off", helper=helper))
    payout = cast.session.scalars(select(Payout).where(Payout.payment_id == one.id)).one()
    return Scene({}, {"channel": "payout", "row": str(payout.id)})


def own_stuck(cast: Cast) -> Scene:
    """A payout to the moderator."""
    return stuck(cast, cast.moderator)


def debtor(cast: Cast, helper: User | None = None) -> Scene:
    """A helper who owes the fee of a visit that was paid in cash."""
    about, policy = _certified(cast, helper or cast.helper), Policy(cash_allowed=1, cash_fee_percent=10)
    task = make_task(cast.session, cast.customer, title=f"Kabel{cast.number}q fehlt")
    made = money.accept(cast.session, make_bid(cast.session, task, about), policy=policy, in_cash=True)
    money.sign_off(cast.session, cast.session.get_one(Booking, made.booking_id))
    return Scene({"public_id": about.public_id}, {"cents": "5.50", "debt": "550"})


def own_debt(cast: Cast) -> Scene:
    """What the moderator owes."""
    return debtor(cast, cast.moderator)


def dispute(cast: Cast, helper: User | None = None) -> Scene:
    """A payment that its customer's bank has taken back."""
    gateways = cast.app.extensions["gateways"]
    task = make_task(cast.session, cast.customer, title=f"Bildschirm{cast.number}q ist schwarz")
    booking = money.book(cast.session, gateways, make_bid(cast.session, task, _certified(cast, helper or cast.helper)))
    charge = str(payment_of(cast.session, booking).charge)
    cast.session.rollback()
    fact = gateways.payments.read_dispute(money.sandbox_of(gateways).open_dispute(charge))
    with transaction() as rows:
        public_id = disputes.record(rows, fact).public_id
    return Scene({"public_id": public_id}, {"note": "He was there."}, [task.title, cast.customer.email])


def own_dispute(cast: Cast) -> Scene:
    """A disputed payment of a visit at which the moderator helped."""
    return dispute(cast, cast.moderator)


def bank_payout(cast: Cast) -> Scene:
    """Money that was sent from the gateway to our own bank, as the comparison of the books has found out."""
    gateways = cast.app.extensions["gateways"]
    money.book(cast.session, gateways, make_bid(cast.session, _task(cast), cast.helper))
    reference = money.sandbox_of(gateways).pay_out(100 + cast.number)
    reconcile(gateways.payments)
    return Scene({}, {"kind": "payout", "source": reference}, [reference])


def new_fee(cast: Cast) -> Scene:
    """What an admin types for a rule about fees."""
    return Scene({}, {"percent": "12", "skill_id": "0", "reason": "Neues Jahr"})


def fee(cast: Cast) -> Scene:
    """A rule about fees that is in force."""
    rule = FeeRule(percent=12, valid_from=clock.now(), reason="Neues Jahr")
    cast.session.add(rule)
    cast.session.commit()
    return Scene({}, {"rule": str(rule.id)})


# ---- People


def profile(cast: Cast) -> Scene:
    """A certified helper's public profile."""
    one = cast.session.scalars(select(Profile).where(Profile.user_id == cast.helper.id)).one()
    return Scene({"public_id": one.public_id}, {}, [cast.helper.name, cast.helper.email, str(cast.helper.phone)])


def hidden_profile(cast: Cast) -> Scene:
    """The profile of a helper who is suspended: only they and the operator see it."""
    scene = profile(cast)
    cast.helper.suspended_at = clock.now()
    cast.session.commit()
    return scene


def portrait(cast: Cast) -> Scene:
    """A helper's picture, public as the profile is."""
    one = cast.session.scalars(select(Profile).where(Profile.user_id == cast.helper.id)).one()
    one.photo_name = PICTURE
    current_app.extensions["gateways"].photos.keep(PICTURE, b"RIFF....WEBP")
    cast.session.commit()
    return Scene({"public_id": one.public_id})


def hidden_portrait(cast: Cast) -> Scene:
    """The picture of a helper who is suspended."""
    scene = portrait(cast)
    cast.helper.suspended_at = clock.now()
    cast.session.commit()
    return scene


def own_profile(cast: Cast) -> Scene:
    """What somebody types who becomes a helper or changes the profile."""
    values = {
        "headline": "Ich bringe Ihr WLAN zum Laufen",
        "about": "Seit zwanzig Jahren richte ich Geräte ein.",
        "languages": ["de"],
        "place": "3011 Bern",
        "radius_km": "20",
        "skills": ["tv"],
        "hours": [],
    }
    return Scene({}, values)


def application(cast: Cast) -> Scene:
    """A helper's application for another skill, undecided."""
    one = make_certification(cast.session, cast.helper, "tv")
    one.note = f"Fernseher{cast.number}q richte ich oft ein."
    cast.session.commit()
    values = {"verdict": "grant", "reason": "Gute Erfahrung."}
    return Scene({"public_id": one.public_id}, values, [one.note, cast.helper.email])


def person(cast: Cast) -> Scene:
    """A customer as the operator sees them."""
    about = cast.customer
    values = {"reason": "Hat andere beschimpft."}
    return Scene({"public_id": about.public_id}, values, [about.name, about.email, str(about.phone)])


def suspended_person(cast: Cast) -> Scene:
    """Somebody whom the operator has shut out. (The customer of this cast cannot sign in any more.)"""
    about = make_user(
        cast.session, f"Kim Ruegg{cast.number}z", active=False, suspended_at=clock.now(), suspended_reason="Streit"
    )
    return Scene({"public_id": about.public_id}, {"reason": "Der Streit ist geklärt."}, [about.name, about.email])


def operator_person(cast: Cast) -> Scene:
    """One of the operator's own people."""
    about = make_operator(cast.session, "agent", name=f"Kim Quadri{cast.number}z")
    return Scene({"public_id": about.public_id}, {"reason": "Hat gekündigt."}, [about.email])


def device(cast: Cast) -> Scene:
    """Another browser in which the customer is signed in."""
    cast.browser("customer")
    mine = select(UserSession).where(UserSession.user_id == cast.customer.id).order_by(UserSession.id.desc()).limit(1)
    return Scene({"public_id": cast.session.scalars(mine).one().public_id})


def account(cast: Cast) -> Scene:
    """What somebody types about their own account."""
    values = {
        "name": "Kim Neu",
        "phone": "",
        "language": "de",
        "password": PASSWORD,
        "new_password": "sieben rote Ziegel fallen",
        "new_password_confirm": "sieben rote Ziegel fallen",
        "email": f"neu{cast.number}@example.org",
        "last": "0",
    }
    return Scene({}, values)


def passkey(cast: Cast) -> Scene:
    """The name of a passkey to be made."""
    return Scene({}, {"name": "Handy", "usage": "first"})


def two_factor(cast: Cast) -> Scene:
    """The wish for codes of an authenticator app."""
    return Scene({}, {"setup": "authenticator"})


def visitor(cast: Cast) -> Scene:
    """What somebody types who has an account but is not signed in."""
    return Scene({}, {"email": cast.customer.email, "password": PASSWORD})


def halfway(cast: Cast) -> Scene:
    """Somebody has typed the right password and is asked for a code now."""
    totp = cast.app.extensions["security"].totp_factory
    secret = totp.generate_totp_secret()
    about = make_user(
        cast.session,
        f"Kim Oberli{cast.number}z",
        password=_hash_of_password(cast.app),
        tf_primary_method="authenticator",
        tf_totp_secret=secret,
    )
    code = totp._totp.from_source(secret).generate(time.time()).token
    return Scene({}, {"code": code}, [about.name, about.email], about)


def newcomer(cast: Cast) -> Scene:
    """What somebody types who has no account yet."""
    return Scene({}, {"name": "Kim Neu", "email": f"neu{cast.number}@example.org", "password": PASSWORD})


def confirmation_link(cast: Cast) -> Scene:
    """The link in the mail to somebody who has registered."""
    about = make_user(cast.session, f"Kim Piguet{cast.number}z", confirmed_at=None)
    with cast.app.test_request_context():
        token = generate_confirmation_token(about)
    return Scene({"token": token}, {}, [about.name])


def reset_link(cast: Cast) -> Scene:
    """The link in the mail to somebody who has forgotten the password."""
    about = cast.customer
    with cast.app.test_request_context():
        token = generate_reset_password_token(about)
    new = "sieben rote Ziegel fallen"
    return Scene({"token": token}, {"password": new, "password_confirm": new}, [about.name])


def made_up_link(cast: Cast) -> Scene:
    """A link that nobody was sent."""
    return Scene({"token": "made-up"}, {"code": "123456"})


def style_sheet(cast: Cast) -> Scene:
    """The style sheet under its present name."""
    page = Page(cast.app).get("/")
    href = next(link.get("href") for link in page.all("link[rel=stylesheet]") if "/style-" in link.get("href"))
    return Scene({"digest": href.partition("/style-")[2].removesuffix(".css")})


def static_file(cast: Cast) -> Scene:
    """A file that everybody gets."""
    return Scene({"filename": "icons/logo.svg"})


SCENES: dict[str, Callable[[Cast], Scene]] = {
    scene.__name__: scene
    for scene in (
        open_task,
        taken_back,
        own_task,
        task_removal,
        new_draft,
        draft,
        photo_step,
        draft_photo,
        bid,
        countered_bid,
        bids_of_task,
        biddable,
        conversation,
        late_visit,
        near_visit,
        begun_visit,
        extra_asked,
        checkout,
        payment,
        reservation,
        payout_account,
        onboarding,
        dashboard,
        released,
        own_released,
        own_unsolved,
        goodwill,
        own_goodwill,
        stuck,
        own_stuck,
        debtor,
        own_debt,
        dispute,
        own_dispute,
        bank_payout,
        new_fee,
        fee,
        profile,
        hidden_profile,
        portrait,
        hidden_portrait,
        own_profile,
        application,
        person,
        suspended_person,
        operator_person,
        device,
        account,
        passkey,
        two_factor,
        visitor,
        halfway,
        newcomer,
        confirmation_link,
        reset_link,
        made_up_link,
        style_sheet,
        static_file,
    )
}
