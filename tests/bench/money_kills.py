"""kill -9 of web and worker at random moments, while customers, helpers and moderators move money over HTTP.

    python -m tests.bench.money_kills --engine sqlite --kills 200 --operations 2000

Afterwards nothing may be lost, doubled or stuck for longer than a minute: each visit has come to exactly the money that its story
says, both books agree, and the ledger holds. `--without-guard` runs a copy of the code in which what a killed worker had in hand
never comes free again: that must be found out (exit 1).
"""

import argparse
import math
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from flask import Flask
from flask_security import hash_password
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from config import ROOT
from marketplace import clock, create_app
from marketplace.db import Base, db
from marketplace.domain.bidding import QUARTER, quarter_of
from marketplace.gateways import Gateways
from marketplace.jobs.reconciliation import reconcile
from marketplace.models import (
    Booking,
    Notice,
    OutboxItem,
    Payment,
    Posting,
    Role,
    SandboxEvent,
    SandboxObject,
    Settlement,
    User,
)
from marketplace.models.accounts import ROLES
from marketplace.queries.ledger import ledger_faults
from tests.bench.accept_race import PASSWORD
from tests.bench.guards import Guard, copy_without
from tests.bench.money_house import House, Part, running
from tests.bench.money_lanes import ENDS, PRICE, Lane, Score, Visit
from tests.factories import AT_ONCE, install_skills, make_bid, make_helper, make_operator, make_task, make_user
from tests.needs import postgres_database

# What a killed worker had in hand comes free again by itself.
LEASE = Guard(
    "marketplace/actions/outbox.py",
    "            func.coalesce(OutboxItem.leased_until, datetime.min.replace(tzinfo=now.tzinfo)) <= now,\n",
    "            OutboxItem.leased_until.is_(None),\n",
)
SWITCHES = "duplicates=50,delay=1,reorder=3"
LANES = 6
CHAPTER = 700  # operations between two leaps of the clock
OPERATIONS_PER_VISIT = 4.2
AIMING = 5.0  # seconds in which a kill waits for something to be cut off
STUCK_AFTER = 60.0  # seconds
MONEY = ("refund", "payout", "reversal")
INSIDE_PERCENT_MIN = 60
A_SHARE_NEEDS = 20  # kills; of fewer, a share says nothing
ENDED = {"closed": "signed_off"}  # a visit of an early chapter is closed by the end


Life = Callable[[], object]


def run(
    engine: str,
    *,
    kills: int,
    operations: int,
    parts: tuple[Part, ...] = ("web", "worker"),
    guarded: bool = True,
    port: int = 0,
    in_a_hurry: bool = False,
) -> Score:
    """Live so many operations through so many kills, on a fresh database of this engine; gives the score."""
    score = Score()
    with tempfile.TemporaryDirectory() as name, _database(engine, Path(name)) as url:
        folder = Path(name)
        environ = {
            **{"VAR_FOLDER": name, "DATABASE_URL": url, "DEFAULT_LANGUAGE": "en", "SANDBOX_SWITCHES": SWITCHES},
            **{"SIGN_INS_PER_HOUR": "1000000", "SECOND_THOUGHTS_MINUTES": "0", "POSTS_PER_HOUR": "1000000"},
            "EARLY_MINUTES": str(AT_ONCE.early_minutes),
        }
        app = create_app({**environ, "ENVIRONMENT": "test"})
        with app.app_context():
            Base.metadata.create_all(db.engine)
            people = _people(LANES)
            code = ROOT if guarded else copy_without(LEASE, folder)
            began = monotonic()
            try:
                with running(code, environ, port) as house:
                    town = Run(app, house, score, parts=parts, in_a_hurry=in_a_hurry)
                    town.live(people, kills, operations)
                    _judge_all(app, town.visits, score)
            finally:
                score.seconds = monotonic() - began
                db.session.close()
                db.engine.dispose()
    return score


class Run:
    """Lanes that live, and somebody who kills."""

    def __init__(self, app: Flask, house: House, score: Score, *, parts: tuple[Part, ...], in_a_hurry: bool) -> None:
        self.app, self.house, self.score, self.parts, self.in_a_hurry = app, house, score, parts, in_a_hurry
        self.engine = create_engine(app.config["DATABASE_URL"])
        self.ahead = timedelta()
        self.chance = random.Random()
        self.lanes: list[Lane] = []
        self.visits: list[Visit] = []
        self.alive = threading.Event()

    def live(self, people: list[tuple[str, str, str]], kills: int, operations: int) -> None:
        """Chapter after chapter until there were so many operations; the kills are spread over them."""
        self.lanes = [Lane(self.house.port, self.engine, trio, self.score) for trio in people]
        self._together([lane.onboard for lane in self.lanes])
        chapters = max(1, round(operations / CHAPTER))
        each = math.ceil(operations / chapters / LANES / OPERATIONS_PER_VISIT)
        number = 0
        while (self.done < operations or self.score.kills.total() < kills) and not self.score.faults:
            number += 1
            self._chapter(each, math.ceil(kills * min(1.0, number / chapters)))
        self.score.operations = sum((lane.operations for lane in self.lanes), Counter())
        for browser in (browser for lane in self.lanes for browser in lane.people):
            browser.connection.close()
        self.engine.dispose()

    @property
    def done(self) -> int:
        """How many operations there were."""
        return sum(lane.operations.total() for lane in self.lanes)

    def _chapter(self, each: int, kills: int) -> None:
        """Today's steps, then what is done at the agreed time, then what silence brings about."""
        visits = self._visits(each)
        self.visits += [visit for mine in visits for visit in mine]
        pairs = list(zip(self.lanes, visits, strict=True))
        before = self.score.kills.total()
        self._lived([partial(_each, lane.live, mine) for lane, mine in pairs], before + round((kills - before) * 0.9))
        self._forward(timedelta(days=2, hours=2) + each * QUARTER)
        self._lived([partial(_each, lane.live_later, mine) for lane, mine in pairs], kills)
        self._forward(timedelta(hours=80))
        self._rest()

    # ---- Living and killing

    def _lived(self, lives: list[Life], kills: int) -> None:
        """Let the lanes live while there are kills to be had."""
        self.alive.set()
        killer = threading.Thread(target=self._kill_until, args=(kills,))
        killer.start()
        self._together(lives)
        self.alive.clear()
        killer.join()
        self._rest()

    def _together(self, lives: list[Life]) -> None:
        def one(life: Life) -> None:
            try:
                life()
            except Exception as problem:
                self.score.faults.append(f"a lane broke off: {problem!r}")

        threads = [threading.Thread(target=one, args=(life,)) for life in lives]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _kill_until(self, kills: int) -> None:
        """Kill one of the two at a random moment, start it again, and so on."""
        while self.alive.is_set() and self.score.kills.total() < kills:
            sleep(self.chance.uniform(0.05, 0.8))
            part = self.chance.choice(self.parts)
            if self._wait_for_work(part):
                self._kill(part)

    def _wait_for_work(self, part: Part) -> bool:
        """Until this part is seen at work, for some seconds; false when the lanes have come to their end meanwhile."""
        until = monotonic() + AIMING
        while self.alive.is_set() and monotonic() < until:
            if part == "web" and any(lane.under_way for lane in self.lanes):
                sleep(self.chance.uniform(0, 0.03))
                return True
            if part == "worker" and self._has_leased():
                return True
            sleep(0.001)
        return self.alive.is_set()

    def _kill(self, part: Part) -> None:
        for lane in self.lanes:
            lane.was_cut = False
        under_way = [lane for lane in self.lanes if lane.under_way]
        self.house.kill(part)
        self.score.kills[part] += 1
        if part == "web":
            until = monotonic() + 1
            while monotonic() < until and not any(lane.was_cut for lane in under_way):
                sleep(0.005)
            self.score.inside[part] += any(lane.was_cut for lane in under_way)
        else:
            self.score.inside[part] += self._in_hand()
        self.house.start(part)
        if part == "web":
            self.house.wait_for_web()
        else:
            self._wait_for_worker()

    def _in_hand(self) -> bool:
        """Whether the worker has something in hand right now: leased, and not done."""
        return self._has_leased() or self._is_telling()

    def _has_leased(self) -> bool:
        """A refund, payout or reversal on its way to the gateway."""
        now = datetime.now(UTC) + self.ahead
        leased = select(OutboxItem.id).where(
            OutboxItem.channel.in_(MONEY), OutboxItem.delivered_at.is_(None), OutboxItem.leased_until > now
        )
        with Session(self.engine) as session:
            return session.scalar(leased.limit(1)) is not None

    def _is_telling(self) -> bool:
        """A message of the gateway, taken within this last second and not brought yet; one that was refused waits for longer."""
        now = datetime.now(UTC) + self.ahead
        taken = select(SandboxEvent.due_at, SandboxEvent.attempts).where(
            SandboxEvent.delivered_at.is_(None), SandboxEvent.attempts > 0, SandboxEvent.due_at > now
        )
        with Session(self.engine) as session:
            rows = session.execute(taken).all()
        waits = [(due, timedelta(seconds=min(2.0**attempts, 30))) for due, attempts in rows]
        return any(due - wait > now - timedelta(seconds=1) for due, wait in waits)

    def _wait_for_worker(self) -> None:
        """Until it has begun to work: it asks for what is due once a second at least."""
        sleep(0.3)

    # ---- Coming to rest

    def _rest(self) -> None:
        """Both are up and nobody does anything: within a minute nothing may be open any more."""
        self.house.wait_for_web()
        began = monotonic()
        is_hurried, limit = False, STUCK_AFTER / 3 if self.in_a_hurry else STUCK_AFTER
        while (still := self._open()) and monotonic() - began <= limit:
            if self.in_a_hurry and not is_hurried and monotonic() - began > 3:
                is_hurried = True
                self._forward(timedelta(seconds=40))  # a sample does not wait for what is leased to come free
            sleep(0.2)
        took = monotonic() - began
        self.score.slowest = max(self.score.slowest, took)
        if still:
            self.score.faults.append(f"stuck for longer than a minute: {still[:5]}")
        if self.house.dead:
            self.score.faults.append(f"ended by itself: {self.house.dead}")

    def _open(self) -> list[str]:
        """What is still to be done by web, worker or gateway."""
        now = datetime.now(UTC) + self.ahead
        with Session(self.engine) as session:
            items = session.scalars(select(OutboxItem).where(OutboxItem.delivered_at.is_(None))).all()
            found = [f"{item.channel} {item.facts} {item.error}" for item in items]
            events = select(SandboxEvent.kind).where(SandboxEvent.delivered_at.is_(None))
            found += [f"message {kind}" for kind in session.scalars(events)]
            found += [
                f"payment {one} is {state}"
                for one, state in session.execute(select(Payment.id, Payment.state))
                if state == "prepared"
            ]
            due = select(Booking.id).where(Booking.state == "finished", Booking.sign_off_due_at <= now)
            found += [f"silence on {one}" for one in session.scalars(due)]
            absent = select(Booking.id).where(Booking.state == "no_show", Booking.objection_until <= now)
            return found + [f"absence at {one}" for one in session.scalars(absent)]

    def _forward(self, by: timedelta) -> None:
        self.ahead += by
        clock.forward(self.app.config["CLOCK_FILE"], by)

    # ---- What there is to live

    def _visits(self, each: int) -> list[list[Visit]]:
        """So many visits for each lane, of all kinds; all of them in two days from now but one kind, which is near."""
        with clock.moved_to(datetime.now(UTC) + self.ahead), _writing() as session:
            return [[self._visit(session, lane, number) for number in range(each)] for lane in self.lanes]

    def _visit(self, session: Session, lane: Lane, number: int) -> Visit:
        kind = list(ENDS)[(number + self.lanes.index(lane)) % len(ENDS)]
        emails = lane.people[lane.customer], lane.people[lane.helper]
        customer, helper = (session.scalars(select(User).where(User.email == email)).one() for email in emails)
        days = timedelta(hours=4) if kind == "cancelled_late" else timedelta(days=2)
        starts_at = quarter_of(clock.now() + days) + number * QUARTER
        task = make_task(session, customer)
        bid = make_bid(session, task, helper, starts_at=starts_at, minutes=15, expires_at=starts_at)
        return Visit(kind, bid.id, bid.public_id)


def _each(live: Callable[[Visit], None], visits: list[Visit]) -> None:
    for visit in visits:
        live(visit)


def _people(lanes: int) -> list[tuple[str, str, str]]:
    """A customer, a helper and a moderator for each lane."""
    with _writing() as session:
        session.add_all(Role(name=name) for name in ROLES)
        install_skills(session)
        known = {"language": "en", "password": hash_password(PASSWORD)}
        moderator = make_operator(session, **known).email
        return [
            (
                make_user(session, f"Clara Kundin{number}", **known).email,
                make_helper(session, f"Hans Helfer{number}", **known).email,
                moderator,
            )
            for number in range(lanes)
        ]


@contextmanager
def _writing() -> Iterator[Session]:
    """A session whose commits all take effect together at the end, though others write meanwhile."""
    engine = db.engine.execution_options(sqlite_begin="IMMEDIATE")
    with engine.begin() as connection, Session(connection, join_transaction_mode="create_savepoint") as session:
        yield session


# ---- The judgement


def _judge_all(app: Flask, visits: list[Visit], score: Score) -> None:
    """Each visit has come to what its story says, once; both books agree; the ledger holds."""
    session = db.session
    charges = Counter[int]()
    for visit in visits:
        charges.update(ENDS[visit.kind][1])
        score.faults += [f"{visit.kind} (bid {visit.bid_id}): {fault}" for fault in _faults_of(session, visit)]
    there = Counter(
        data["amount"]
        for data in session.scalars(select(SandboxObject.data).where(SandboxObject.kind == "charge"))
        if data["paid"]
    )
    if there != charges:
        score.faults.append(f"charged {dict(there - charges)} too often, {dict(charges - there)} not at all")
    score.faults += [f"the ledger: {fault}" for fault in ledger_faults(session)]
    session.rollback()
    doors: Gateways = app.extensions["gateways"]
    score.faults += [f"the books: {one}" for one in reconcile(doors.payments).differences]
    percent = 100 * score.inside.total() // max(1, score.kills.total())
    if score.kills.total() >= A_SHARE_NEEDS and percent < INSIDE_PERCENT_MIN:
        score.faults.append(f"only {percent} % of the kills came inside an operation")


def _faults_of(session: Session, visit: Visit) -> Iterator[str]:
    state, charges, refunds, helper, ours = ENDS[visit.kind]
    bookings = session.scalars(select(Booking).where(Booking.bid_id == visit.bid_id, Booking.state != "lapsed")).all()
    if [ENDED.get(one.state, one.state) for one in bookings] != [state]:
        yield f"bookings {[one.state for one in bookings]}"
        return
    booking = bookings[0]
    intents = session.scalars(
        select(Payment.intent).where(Payment.booking_id == booking.id, Payment.intent.is_not(None))
    )
    of_intents = select(SandboxObject.kind, SandboxObject.data).where(SandboxObject.parent.in_(list(intents)))
    found = session.execute(of_intents).all()
    transfers = session.scalars(
        select(SandboxObject.data).where(
            SandboxObject.kind == "transfer", SandboxObject.bundle == f"booking_{booking.id}"
        )
    ).all()
    settled = select(Settlement).where(Settlement.booking_id == booking.id)
    counted = {
        "charges": (sorted(one["amount"] for kind, one in found if kind == "charge" and one["paid"]), sorted(charges)),
        "refunds": (sorted(one["amount"] for kind, one in found if kind == "refund"), sorted(refunds)),
        "sent": (sum(one["amount"] - one["amount_reversed"] for one in transfers), helper),
        "transfers": (len(transfers), len(_shares(helper, charges))),
        "ours": (sum(one.fee_cents for one in session.scalars(settled)), ours),
    }
    yield from (f"{what}: {there} instead of {wanted}" for what, (there, wanted) in counted.items() if there != wanted)
    facts = Counter(session.scalars(select(Posting.kind).where(Posting.booking_id == booking.id)))
    wanted_facts = {"payment_held": len(charges), "gateway_fee": len(charges), "refund_given": len(refunds)}
    wanted_facts["payout_sent"] = len(transfers)
    yield from (f"{facts[kind]} x {kind}" for kind, count in wanted_facts.items() if facts[kind] != count)
    won = select(Notice.facts).where(Notice.kind == "booking_won", Notice.user_id == booking.helper_id)
    told = sum(1 for one in session.scalars(won) if one["booking_id"] == booking.id)
    if told != 1:
        yield f"the helper was told {told} times"


def _shares(helper: int, charges: tuple[int, ...]) -> tuple[int, ...]:
    """The charges of which the helper has a share: of additional work that goes back with the visit there is none."""
    return charges if helper > PRICE else charges[:1] if helper else ()


@contextmanager
def _database(engine: str, folder: Path) -> Iterator[str]:
    """The address of an empty database, removed afterwards."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'kills.sqlite'}"
        return
    with postgres_database("kills") as url:
        yield url


def report(engine: str, score: Score) -> Iterator[str]:
    """What was counted, line by line."""
    yield f"{engine}: {score.kills.total()} kills over {score.operations.total()} operations in {score.seconds:.0f} s"
    yield f"{score.kills['web']:>8}  of the web server, {score.inside['web']} of them inside an operation"
    yield f"{score.kills['worker']:>8}  of the worker, {score.inside['worker']} of them inside an operation"
    yield f"{score.cut:>8}  answers that were cut off, and asked for again"
    yield f"{score.slowest:>8.1f}  seconds at most until nothing was open any more"
    yield from (f"{count:>8}  {what}" for what, count in score.operations.most_common())
    yield f"{len(score.faults):>8}  faults"
    yield from (f"          {fault}" for fault in score.faults[:30])


def main() -> int:
    """Kill, print what was counted, and say whether the gate holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--port", type=int, default=0, help="the web server's; any free one unless named")
    parser.add_argument("--hurry", action="store_true", help="move the clock on instead of waiting for what is leased")
    parser.add_argument("--without-guard", action="store_true", help="try a copy whose guard is taken out")
    asked = parser.parse_args()
    score = run(
        asked.engine,
        kills=asked.kills,
        operations=asked.operations,
        guarded=not asked.without_guard,
        port=asked.port,
        in_a_hurry=asked.hurry,
    )
    print("\n".join(report(asked.engine, score)))
    return 1 if score.faults else 0


if __name__ == "__main__":
    sys.exit(main())
