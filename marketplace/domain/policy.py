"""Every number of the business that an operator may want to change, with its default and its reason.

Configuration overrides a number by its name in capitals (`FEE_PERCENT=12`).
"""

from dataclasses import dataclass, fields, replace
from datetime import timedelta


@dataclass(frozen=True)
class Policy:
    """The numbers in force."""

    # Money
    currency: str = "CHF"
    fee_percent: int = 10  # the platform's part of the price; Mila took 10 to 20
    price_min_cents: int = 1_000
    price_max_cents: int = 100_000
    late_cancellation_percent: int = 50  # what the helper keeps when the customer cancels late
    free_cancellation_hours: int = 24
    second_thoughts_minutes: int = 5  # after booking, cancelling is free however near the visit is
    extra_min_cents: int = 500  # the least for more work agreed on the spot
    call_out_cents: int = 2_000  # for a visit to what no neighbour can solve
    no_show_minutes: int = 15  # so long after the agreed time may the other side be reported as not there
    objection_hours: int = 24  # so long may somebody object to having been reported
    early_minutes: int = 180  # so long before the agreed time may a helper set out or begin, and no earlier
    forgotten_hours: int = 24  # so long after its agreed end is a visit that nobody ended referred to the operator
    hold_days: int = 75  # longest time between paying and sign-off; the gateway must be emptied after 90
    charge_ahead_days: int = 30  # a saved card is charged so long before the visit
    charge_grace_days: int = 3  # and a charge that fails may be mended so long before the visit is cancelled
    cash_allowed: int = 0  # 1 lets customers pay on the spot
    cash_fee_percent: int = 0  # invoiced to the helper by QR-bill
    payout_reminder_days: int = 7  # so often is a helper reminded of money that waits for bank data
    goodwill_max_cents: int = 10_000  # the most that one act of goodwill gives away

    # Times
    draft_days: int = 7
    task_open_days: int = 30
    bid_valid_days: int = 7
    reservation_minutes: int = 30  # how long a payment page may stay open
    sign_off_hours: int = 72  # silence signs off
    review_days: int = 14  # both reviews stay hidden until both are in or this long has passed
    session_days: int = 30
    visitor_days: int = 8  # the session of somebody not signed in; a day longer than a draft lives
    bookable_days: int = 14  # how far ahead slots are proposed

    # Nearness
    search_radius_km: int = 20
    radius_min_km: int = 1
    radius_max_km: int = 100

    # Sizes
    photos_max: int = 5
    photo_megabytes: int = 12
    text_max: int = 4_000
    title_max: int = 90
    bids_per_task_max: int = 20
    bids_per_helper_max: int = 3  # on one task, taken back and declined ones too: each new one mails the customer
    bid_steps_max: int = 20  # of one negotiation; after that it is yes or no
    page_size: int = 20

    # Limits: passwords and codes tried for one account, on all machines together; the rest per visitor and hour
    guesses_max: int = 10
    guess_minutes: int = 15
    mails_max: int = 5  # asked for by anybody to one address (recover, confirm, register) within an hour
    sign_ins_per_hour: int = 120
    registrations_per_hour: int = 30
    recoveries_per_hour: int = 30
    posts_per_hour: int = 60
    messages_per_hour: int = 120
    bids_per_hour: int = 60

    # Best fit: how many of 100 points each part of a bid can earn
    fit_price: int = 40
    fit_rating: int = 40
    fit_badge: int = 10
    fit_soon: int = 10
    fit_soon_days: int = 14  # a visit this far ahead earns none of the points for coming soon

    # Friend badge (MISSION: certified, 5 signed off, 4 customers, cautious rating 4.3, 90 % completed)
    friend_bookings: int = 5
    friend_customers: int = 4
    friend_rating_hundredths: int = 430
    friend_completion_percent: int = 90
    fair_stars: int = 3  # the word of a reviewer whom others rate lower on average counts half

    @property
    def reservation(self) -> timedelta:
        """How long an accepted bid waits for its payment."""
        return timedelta(minutes=self.reservation_minutes)


def policy_from(settings: dict[str, object]) -> Policy:
    """The policy with every number that `settings` names in capitals put in place of its default."""
    given = {field.name: settings.get(field.name.upper()) for field in fields(Policy)}
    changes = {
        name: value if name == "currency" else int(str(value))
        for name, value in given.items()
        if value not in (None, "")
    }
    return replace(Policy(), **changes)  # type: ignore[arg-type]
