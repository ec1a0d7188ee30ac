"""Every kind of notice that a person may be sent, and whom it concerns.

Each kind has a mail `templates/emails/<kind>.txt`; the subject on its first line is also the line that the notices page shows.
The facts of a notice are ids and figures only.
"""

NOTICES = {
    "task_published": "customer: the task is online",
    "task_expired": "customer: the task found nobody in time",
    "task_removed": "customer: the operator took the task down",
    "bid_placed": "customer: a helper has bid",
    "bid_revised": "customer: a helper has changed a bid",
    "bid_agreed": "customer: a helper agrees to what you proposed",
    "bid_withdrawn": "customer: a helper took a bid back",
    "bid_countered": "helper: the customer proposes another price or time",
    "bid_declined": "helper: the customer took somebody else, or said no",
    "bid_expired": "helper: the bid ran out",
    "message_received": "either side: a new message",
    "booking_confirmed": "customer: the money is held, the helper comes",
    "booking_won": "helper: your bid was accepted and the money is held",
    "payment_failed": "customer: the payment did not work",
    "payment_returned": "customer: paid too late, so the money goes back",
    "helper_on_the_way": "customer: the helper is on the way",
    "visit_started": "customer: the helper has begun",
    "visit_finished": "customer: please sign off",
    "visit_signed_off": "helper: signed off, the money is yours",
    "visit_unsolved": "both sides: the customer says that it is not solved",
    "visit_settled": "both sides: the operator has decided about the money of an unsolved visit",
    "booking_cancelled": "both sides: the booking is cancelled, with the money effect",
    "review_due": "both sides: how was it?",
    "review_received": "either side: both reviews are open now",
    "review_opened": "either side: the time is over, so what the other side alone has written is open now",
    "badge_earned": "helper: you are a Friend now",
    "badge_lost": "helper: the badge has lapsed, and why",
    "certification_applied": "operator: somebody applied",
    "certification_granted": "helper: certified for a skill",
    "certification_declined": "helper: not certified, and why",
    "certification_suspended": "helper: a certification is suspended, and why",
    "certification_reinstated": "helper: a certification is back in force",
    "account_suspended": "person: your account is suspended, and why",
    "account_restored": "person: your account is open again",
}
