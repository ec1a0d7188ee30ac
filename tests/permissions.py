"""Who may come in where: every route, every method, every kind of person, and the answer each of them gets.

One line a case: method, route, scene (a function of `tests/cast.py`), then the answers of

    anonymous  customer  other_customer  helper  other_helper  agent  moderator  admin

`in` means: led to the sign-in page; `gone`: a page that says so and nothing else. One answer alone is everybody's;
`in 200` is nobody's without and everybody's with an account. The customer is whose task it is, the helper who bids on
it and comes; the other two have nothing to do with it.
"""

from dataclasses import dataclass

from tests.cast import PEOPLE

TABLE = """
# Pages that belong to nobody
GET  /                                        -                  200
GET  /design                                  -                  200
GET  /development/mails                       -                  200
GET  /healthz                                 -                  200
GET  /how-it-works                            -                  200
GET  /imprint                                 -                  200
GET  /privacy                                 -                  200
GET  /readyz                                  -                  200
GET  /static/<path:filename>                  static_file        200
GET  /style-<digest>.css                      style_sheet        200
GET  /terms                                   -                  200

# Signing in and up
GET  /confirm                                 -                  200
POST /confirm                                 visitor            303
GET  /confirm/<token>                         confirmation_link  302
POST /confirm/<token>                         confirmation_link  303
GET  /login                                   -                  200 302
POST /login                                   visitor            303
GET  /login/again                             -                  in  200
POST /login/again                             account            in  303
GET  /login/again/passkey                     -                  in  200
POST /login/again/passkey                     -                  in  200
POST /login/again/passkey/<token>             made_up_link       in  303
GET  /login/code                              halfway            200 in
POST /login/code                              halfway            303 in
GET  /login/help                              -                  in  302
POST /login/help                              -                  in  303
GET  /login/method                            -                  in
POST /login/method                            -                  in
GET  /login/passkey                           -                  200 302
POST /login/passkey                           -                  200 303
POST /login/passkey/<token>                   made_up_link       303
GET  /login/recovery-code                     -                  in  302
POST /login/recovery-code                     -                  in  303
POST /logout                                  -                  303
GET  /mail-sent                               -                  200
GET  /register                                -                  200 302
POST /register                                newcomer           303
GET  /reset                                   -                  200
POST /reset                                   visitor            303
GET  /reset/<token>                           reset_link         200
POST /reset/<token>                           reset_link         303

# The own account
GET  /account                                 -                  in  200
GET  /account/devices                         -                  in  200
POST /account/devices/<public_id>/removal     device             in  303 404 404 404 404 404 404
GET  /account/edit                            -                  in  200
POST /account/edit                            account            in  303
GET  /account/mail                            -                  in  200
POST /account/mail                            account            in  303
GET  /account/mail/<token>                    made_up_link       302
POST /account/other-devices/removal           -                  in  303
GET  /account/passkeys                        -                  in  200
POST /account/passkeys                        passkey            in  200
POST /account/passkeys/<token>                made_up_link       in  303
GET  /account/passkeys/removal                -                  in  302
POST /account/passkeys/removal                -                  in  303
GET  /account/password                        -                  in  200
POST /account/password                        account            in  303
GET  /account/recovery-codes                  -                  in  200
POST /account/recovery-codes                  -                  in  200
GET  /account/start                           -                  in  302
GET  /account/two-factor                      -                  in  200
POST /account/two-factor                      two_factor         in  200
POST /account/two-factor/<token>              made_up_link       in  303
GET  /notices                                 -                  in  200
POST /notices/reading                         account            in  303

# Posting a task
GET  /post                                       -                  200
POST /post                                       new_draft          303
GET  /post/<public_id>/<any(skill,questions,words,photos,times,place):step> draft 404 200 404 404 404 404 404 404
POST /post/<public_id>/<any(skill,questions,words,times,place):step> draft 404 303 404 404 404 404 404 404
GET  /post/<public_id>/account                   draft              404 303 404 404 404 404 404 404
GET  /post/<public_id>/check                     draft              404 200 404 404 404 404 404 404
POST /post/<public_id>/photos                    photo_step         404 303 404 404 404 404 404 404
POST /post/<public_id>/photos/<photo_id>/removal draft              404 303 404 404 404 404 404 404
POST /post/<public_id>/publication               draft              404 303 404 404 404 404 404 404

# Tasks
GET  /my-tasks                                -                  in  200
GET  /photos/<public_id>                      draft_photo        404 200 404 404 404 404 404 404
GET  /tasks                                   -                  200
GET  /tasks/<public_id>                       open_task          200
GET  /tasks/<public_id>                       taken_back         gone 200 gone gone gone 200 200 200
GET  /tasks/<public_id>/cancellation          own_task           in  200 404 404 404 404 404 404
POST /tasks/<public_id>/cancellation          own_task           in  303 404 404 404 404 404 404
GET  /tasks/<public_id>/confirmation          own_task           in  200 404 404 404 404 404 404

# Bids and messages
GET  /bids/<public_id>                        bid                in  200 404 200 404 404 404 404
GET  /bids/<public_id>/acceptance             bid                in  200 404 403 404 404 404 404
POST /bids/<public_id>/acceptance             bid                in  303 404 403 404 404 404 404
POST /bids/<public_id>/agreement              countered_bid      in  403 403 303 404 403 403 403
GET  /bids/<public_id>/counter                bid                in  200 404 404 404 404 404 404
POST /bids/<public_id>/counter                bid                in  303 404 404 404 404 404 404
POST /bids/<public_id>/decline                bid                in  303 404 403 404 404 404 404
GET  /bids/<public_id>/revision               bid                in  403 403 200 404 403 403 403
POST /bids/<public_id>/revision               bid                in  403 403 303 404 403 403 403
POST /bids/<public_id>/withdrawal             bid                in  403 403 303 404 403 403 403
GET  /my-bids                                 -                  in  403 403 200 200 403 403 403
GET  /tasks/<public_id>/bids                  bids_of_task       in  200 404 404 404 404 404 404
POST /tasks/<public_id>/bids                  biddable           in  403 403 303 303 403 403 403
GET  /tasks/<public_id>/bids/new              biddable           in  403 403 200 200 403 403 403
GET  /tasks/<public_id>/messages/<helper>     conversation       in  200 404 200 404 404 404 404
POST /tasks/<public_id>/messages/<helper>     conversation       in  303 404 303 404 404 404 404

# Bookings, payments, reviews
GET  /bookings                                  -                  in  200
GET  /bookings/<public_id>                      booking:reserved   in  200 404 404 404 404 404 404
GET  /bookings/<public_id>                      booking:confirmed  in  200 404 200 404 404 404 404
GET  /bookings/<public_id>/absence              late_visit         in  200 404 200 404 404 404 404
POST /bookings/<public_id>/absence              late_visit         in  303 404 303 404 404 404 404
POST /bookings/<public_id>/abandonment          reservation        in  303 404 404 404 404 404 404
GET  /bookings/<public_id>/cancellation         booking:confirmed  in  200 404 200 404 404 404 404
POST /bookings/<public_id>/cancellation         booking:confirmed  in  303 404 303 404 404 404 404
POST /bookings/<public_id>/departure            near_visit         in  403 403 303 404 403 403 403
GET  /bookings/<public_id>/extra                booking:started    in  403 403 200 404 403 403 403
POST /bookings/<public_id>/extra                booking:started    in  403 403 303 404 403 403 403
POST /bookings/<public_id>/extra/removal        extra_asked        in  303 404 303 404 404 404 404
POST /bookings/<public_id>/finish               booking:started    in  403 403 303 404 403 403 403
GET  /bookings/<public_id>/not-solvable         begun_visit        in  403 403 200 404 403 403 403
POST /bookings/<public_id>/not-solvable         begun_visit        in  403 403 303 404 403 403 403
GET  /bookings/<public_id>/objection            booking:no_show    in  200 404 403 404 404 404 404
POST /bookings/<public_id>/objection            booking:no_show    in  303 404 403 404 404 404 404
POST /bookings/<public_id>/payment              extra_asked        in  303 404 403 404 404 404 404
POST /bookings/<public_id>/payment              reservation        in  303 404 404 404 404 404 404
GET  /bookings/<public_id>/receipt              booking:confirmed  in  200 404 404 404 200 200 200
GET  /bookings/<public_id>/review               booking:signed_off in  200 404 200 404 404 404 404
POST /bookings/<public_id>/review               booking:signed_off in  303 404 303 404 404 404 404
POST /bookings/<public_id>/sign-off             booking:finished   in  303 404 403 404 404 404 404
POST /bookings/<public_id>/sign-off             booking:unsolved   in  303 404 403 404 404 404 404
GET  /bookings/<public_id>/statement            booking:signed_off in  404 404 200 404 200 200 200
POST /bookings/<public_id>/start                late_visit         in  403 403 303 404 403 403 403
GET  /bookings/<public_id>/unsolved             booking:finished   in  200 404 409 404 404 404 404
POST /bookings/<public_id>/unsolved             booking:finished   in  303 404 403 404 404 404 404
GET  /payments/<public_id>/return               payment            in  303 404 404 404 404 404 404
GET  /sandbox/accounts/<token>                  dashboard          200
GET  /sandbox/checkouts/<reference>             checkout           200
POST /sandbox/checkouts/<reference>/abandonment checkout           303
POST /sandbox/checkouts/<reference>/ending      checkout           303
GET  /sandbox/onboarding/<token>                onboarding         200
POST /sandbox/onboarding/<token>/<any(completion,interruption):ending> onboarding 303
POST /webhooks/stripe/connect                   -                  400
POST /webhooks/stripe/platform                  -                  400

# Helpers
GET  /become-a-helper                         -                  in  200
POST /become-a-helper                         own_profile        in  303
GET  /become-a-helper/skills                  -                  in  403 403 200 200 403 403 403
POST /become-a-helper/skills                  own_profile        in  403 403 303 303 403 403 403
GET  /become-a-helper/times                   -                  in  403 403 200 200 403 403 403
POST /become-a-helper/times                   own_profile        in  403 403 303 303 403 403 403
POST /certifications/<public_id>/withdrawal   application        in  403 403 303 404 403 403 403
GET  /helpers                                 -                  200
GET  /helpers/<public_id>                     profile            200
GET  /helpers/<public_id>                     hidden_profile     404 404 404 200 404 200 200 200
GET  /helpers/<public_id>/photo               portrait           200
GET  /helpers/<public_id>/photo               hidden_portrait    404 404 404 200 404 200 200 200
GET  /my-badge                                -                  in  403 403 200 200 403 403 403
GET  /my-bill                                 debtor             in  403 403 200 409 403 403 403
GET  /my-certifications                       -                  in  403 403 200 200 403 403 403
GET  /my-profile                              -                  in  403 403 200 200 403 403 403
GET  /my-statement                            -                  in  403 403 200 200 403 403 403
GET  /payouts                                 -                  in  403 403 200 200 403 403 403
GET  /payouts/account                         -                  in  403 403 200 200 403 403 403
POST /payouts/account                         -                  in  403 403 303 303 403 403 403
GET  /payouts/account/return                  payout_account     in  403 403 303 303 403 403 403
POST /payouts/account/visit                   payout_account     in  403 403 303 409 403 403 403
POST /my-profile                              own_profile        in  403 403 303 303 403 403 403

# The operator's room
GET  /operator                                     -                  in  403 403 403 403 200 200 200
GET  /operator/bookings                            -                  in  403 403 403 403 200 200 200
GET  /operator/bookings/<public_id>                booking:confirmed  in  403 403 403 403 200 200 200
GET  /operator/bookings/<public_id>/credit         goodwill           in  403 403 403 403 403 200 200
POST /operator/bookings/<public_id>/credit         goodwill           in  403 403 403 403 403 303 303
GET  /operator/bookings/<public_id>/credit         own_goodwill       in  403 403 403 403 403 403 200
POST /operator/bookings/<public_id>/credit         own_goodwill       in  403 403 403 403 403 403 303
POST /operator/bookings/<public_id>/settlement     booking:unsolved   in  403 403 403 403 403 303 303
POST /operator/bookings/<public_id>/settlement     own_unsolved       in  403 403 403 403 403 403 303
GET  /operator/certifications                      -                  in  403 403 403 403 200 200 200
GET  /operator/certifications/<public_id>          application        in  403 403 403 403 200 200 200
POST /operator/certifications/<public_id>/decision application        in  403 403 403 403 403 303 303
GET  /operator/disputes                            -                  in  403 403 403 403 403 200 200
GET  /operator/disputes/<public_id>                dispute            in  403 403 403 403 403 200 200
POST /operator/disputes/<public_id>/answer         dispute            in  403 403 403 403 403 303 303
POST /operator/disputes/<public_id>/answer         own_dispute        in  403 403 403 403 403 403 303
GET  /operator/fees                                -                  in  403 403 403 403 403 403 200
POST /operator/fees                                new_fee            in  403 403 403 403 403 403 303
POST /operator/fees/ending                         fee                in  403 403 403 403 403 403 303
GET  /operator/journal                             -                  in  403 403 403 403 200 200 200
GET  /operator/money                               -                  in  403 403 403 403 403 200 200
POST /operator/money/adoption                      bank_payout        in  403 403 403 403 403 303 303
POST /operator/money/comparison                    -                  in  403 403 403 403 403 303 303
GET  /operator/money/debts                         -                  in  403 403 403 403 403 200 200
GET  /operator/money/debts/<public_id>             debtor             in  403 403 403 403 403 200 200
POST /operator/money/debts/<public_id>/payment     debtor             in  403 403 403 403 403 303 303
POST /operator/money/debts/<public_id>/payment     own_debt           in  403 403 403 403 403 403 303
GET  /operator/money/payments                      -                  in  403 403 403 403 403 200 200
GET  /operator/money/payouts                       -                  in  403 403 403 403 403 200 200
GET  /operator/money/postings                      -                  in  403 403 403 403 403 200 200
GET  /operator/money/postings.csv                  -                  in  403 403 403 403 403 200 200
GET  /operator/money/refunds                       -                  in  403 403 403 403 403 200 200
POST /operator/money/retries                       stuck              in  403 403 403 403 403 303 303
POST /operator/money/retries                       own_stuck          in  403 403 403 403 403 403 303
GET  /operator/payments/<public_id>/refund         released           in  403 403 403 403 403 200 200
POST /operator/payments/<public_id>/refund         released           in  403 403 403 403 403 303 303
GET  /operator/payments/<public_id>/refund         own_released       in  403 403 403 403 403 403 200
POST /operator/payments/<public_id>/refund         own_released       in  403 403 403 403 403 403 303
GET  /operator/people                              -                  in  403 403 403 403 200 200 200
GET  /operator/people/<public_id>                  person             in  403 403 403 403 200 200 200
GET  /operator/people/<public_id>/bill             debtor             in  403 403 403 403 200 200 200
GET  /operator/people/<public_id>/statement        debtor             in  403 403 403 403 200 200 200
POST /operator/people/<public_id>/restoration      suspended_person   in  403 403 403 403 403 303 303
POST /operator/people/<public_id>/suspension       person             in  403 403 403 403 403 303 303
POST /operator/people/<public_id>/suspension       operator_person    in  403 403 403 403 403 403 303
GET  /operator/tasks                               -                  in  403 403 403 403 200 200 200
GET  /operator/tasks/<public_id>                   own_task           in  403 403 403 403 200 200 200
POST /operator/tasks/<public_id>/removal           task_removal       in  403 403 403 403 403 303 303
"""


@dataclass(frozen=True)
class Row:
    """One case: what each kind of person gets when they ask for this route in this scene."""

    method: str
    rule: str
    scene: str
    answers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.rule} ({self.scene})"

    @property
    def owner(self) -> str | None:
        """The first one whom the route serves, if it serves anybody."""
        return next((person for person, answer in self.answers.items() if is_served(answer)), None)


def is_served(answer: str) -> bool:
    """Whether this answer gives what was asked for."""
    return answer in ("200", "302", "303")


def rows(table: str = TABLE) -> list[Row]:
    """The table, line by line."""
    return [_row(line) for line in table.splitlines() if line.strip() and not line.startswith("#")]


def _row(line: str) -> Row:
    method, rule, scene, *answers = line.split()
    if len(answers) == 1:
        answers *= len(PEOPLE)
    elif len(answers) == 2:
        answers = [answers[0], *[answers[1]] * (len(PEOPLE) - 1)]
    return Row(method, rule, scene, dict(zip(PEOPLE, answers, strict=True)))
