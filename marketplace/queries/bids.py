"""Reading bids: one with its negotiation, those on a task to compare, and a helper's own."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from marketplace.domain.bidding import Order, fit, quarters
from marketplace.domain.errors import NotFound
from marketplace.domain.lifecycles import BID, BID_LIVE, BOOKING_AGREED
from marketplace.domain.places import distance_km
from marketplace.domain.policy import Policy
from marketplace.models import Bid, BidStep, Booking, Profile, Standing, TakenQuarter, Task, User
from marketplace.permissions import may_see_bid

# ---- One bid

_AGREED = and_(Booking.task_id == Bid.task_id, Booking.helper_id == Bid.helper_id, Booking.state.in_(BOOKING_AGREED))
_PAGE = (
    select(Bid, Profile, Standing, Booking.public_id)
    .join(Bid.task)
    .outerjoin(Profile, Profile.user_id == Bid.helper_id)
    .outerjoin(Standing, Standing.helper_id == Bid.helper_id)
    .outerjoin(Booking, _AGREED)
    .where(Bid.public_id == bindparam("public_id"))
    .options(
        contains_eager(Bid.task).options(joinedload(Task.customer), joinedload(Task.skill), selectinload(Task.slots)),
        joinedload(Bid.helper),
        selectinload(Bid.steps),
    )
)


@dataclass(frozen=True)
class BidPage:
    """A bid with its task, people, slots and steps, the helper's profile and standing, and the booking of the two."""

    bid: Bid
    profile: Profile | None
    standing: Standing | None
    booking: str | None


def bid_page(session: Session, public_id: str, user: User) -> BidPage:
    """A bid for its helper or its task's customer; raises NotFound for anybody else."""
    row = session.execute(_PAGE, {"public_id": public_id}).first()
    if row is None or not may_see_bid(user, row[0], row[0].task):
        raise NotFound()
    return BidPage(*row)


def terms_number(session: Session, bid: Bid) -> int:
    """The number of the step whose terms stand now: what an acceptance is compared with."""
    return session.scalar(select(func.max(BidStep.number)).where(BidStep.bid_id == bid.id)) or 0


def has_visit_at(session: Session, helper_id: int, starts_at: datetime, minutes: int) -> bool:
    """Whether the helper's calendar has a visit in that time."""
    wanted = quarters(starts_at, minutes)
    taken = select(TakenQuarter.id).where(TakenQuarter.helper_id == helper_id, TakenQuarter.quarter_at.in_(wanted))
    return session.scalar(taken.limit(1)) is not None


# ---- Those on a task, to compare

_OF_TASK = (
    select(Bid, Profile, Standing)
    .join(Bid.helper)
    .outerjoin(Profile, Profile.user_id == Bid.helper_id)
    .outerjoin(Standing, Standing.helper_id == Bid.helper_id)
    .where(
        Bid.task_id == bindparam("task_id"),
        Bid.state.in_((*BID_LIVE, BID.accepted)),
        or_(User.suspended_at.is_(None), Bid.state == BID.accepted),
    )
    .options(contains_eager(Bid.helper))
    .order_by(Bid.id)
)


@dataclass(frozen=True)
class BidToCompare:
    """A standing bid and the facts that a customer compares; distance in km, ratings in hundredths of a star."""

    bid: Bid
    profile: Profile | None
    standing: Standing | None
    km: float | None

    @property
    def cautious(self) -> int | None:
        """The cautious rating; None without reviews."""
        return self.standing.cautious_hundredths if self.standing and self.standing.reviews else None

    @property
    def is_friend(self) -> bool:
        """Whether the helper holds the Friend badge."""
        return bool(self.standing and self.standing.is_friend)


def of_task(session: Session, task: Task, *, order: Order, now: datetime, policy: Policy) -> list[BidToCompare]:
    """The bids that stand on a task, in the order asked for; one statement however many there are."""
    found = [
        BidToCompare(bid, profile, standing, _km(task, profile))
        for bid, profile, standing in session.execute(_OF_TASK, {"task_id": task.id})
    ]
    cheapest = min((one.bid.price_cents for one in found), default=0)

    def points(one: BidToCompare) -> int:
        return fit(
            price_cents=one.bid.price_cents,
            cheapest_cents=cheapest,
            cautious_hundredths=one.cautious,
            is_friend=one.is_friend,
            starts_at=one.bid.starts_at,
            now=now,
            policy=policy,
        )

    keys = {
        "fit": lambda one: -points(one),
        "price": lambda one: one.bid.price_cents,
        "soonest": lambda one: one.bid.starts_at,
        "rating": lambda one: -(one.cautious or 0),
    }
    return sorted(found, key=keys[order])


def _km(task: Task, profile: Profile | None) -> float | None:
    if task.remote or profile is None:
        return None
    return distance_km(task.lat, task.lon, profile.lat, profile.lon)


# ---- A helper's own

_TURN = case((Bid.state == BID.countered, 0), (Bid.state == BID.placed, 1), (Bid.state == BID.accepted, 2), else_=3)
_MINE = (
    select(Bid)
    .join(Bid.task)
    .where(Bid.helper_id == bindparam("helper_id"))
    .options(contains_eager(Bid.task).joinedload(Task.skill))
    .order_by(_TURN, Bid.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)


def mine(session: Session, helper_id: int, *, limit: int, offset: int = 0) -> list[Bid]:
    """A helper's bids with their tasks: those that wait for the helper, then for the customer, then what is over."""
    return list(session.scalars(_MINE, {"helper_id": helper_id, "limit": limit, "offset": offset}))


def own_live(session: Session, task_id: int, helper_id: int) -> Bid | None:
    """The bid of this helper that stands on the task."""
    return session.scalar(
        select(Bid).where(Bid.task_id == task_id, Bid.helper_id == helper_id, Bid.state.in_((*BID_LIVE, BID.accepted)))
    )
