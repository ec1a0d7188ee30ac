"""The worker: one round does everything that is due; the loop does a round a second."""

import signal
from dataclasses import asdict
from datetime import timedelta
from threading import Event
from types import FrameType

import structlog

from marketplace import clock
from marketplace.db import db
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.jobs import badges, deadlines, payments, payouts, reconciliation
from marketplace.jobs.delivery import Words, deliver_due
from marketplace.jobs.parts import each_by_itself

log = structlog.get_logger()


def round_of_work(gateways: Gateways, words: Words, *, policy: Policy) -> dict[str, int]:
    """Settle payments, work off deadlines, refresh standings, deliver the outbox; gives what was done, without the zeros.

    A part that fails stops no other; what failed is raised at the end (ExceptionGroup).
    """
    parts = each_by_itself(
        (
            lambda: {"events_delivered": payments.deliver_events(gateways)},
            # Before the settling: what was read a moment ago is not asked for again, and so would not be cancelled.
            lambda: {"unpaid_cancelled": payments.cancel_unpaid(gateways, policy=policy)},
            lambda: {"payments_settled": payments.settle_pending(gateways)},
            lambda: {"cards_charged": payments.charge_due(gateways)},
            lambda: {"called_off_settled": payments.watch_called_off(gateways)},
            lambda: deadlines.work_off(gateways.photos, policy=policy),
            lambda: {"standings_refreshed": badges.refresh_stale(policy=policy)},
            lambda: {"reconciled": reconciliation.reconcile_when_due(gateways.payments)},
            lambda: {"helpers_reminded": payouts.remind_helpers(policy=policy)},
            lambda: asdict(deliver_due(gateways, words)),
        )
    )
    return {what: count for part in parts for what, count in part.items() if count}


def until_idle(gateways: Gateways, words: Words, *, policy: Policy, rounds: int = 1_000) -> int:
    """Rounds of work until nothing is due; gives how many. For the demo, tests and `flask work --once`."""
    for number in range(rounds):
        if not round_of_work(gateways, words, policy=policy):
            return number
    return rounds


def work(gateways: Gateways, words: Words, *, policy: Policy, pause: float = 1.0) -> None:
    """Work until asked to stop (SIGTERM, SIGINT); a round that fails is logged, and the next one tries again."""
    stop = Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    rebuilt_at = clock.now()
    while not stop.is_set():
        try:
            done = round_of_work(gateways, words, policy=policy)
            if clock.now() - rebuilt_at > timedelta(days=1):
                done["standings_rebuilt"] = badges.rebuild(policy=policy)
                rebuilt_at = clock.now()
        except Exception:
            log.exception("worker_round_failed")
            done = {}
        finally:
            db.session.rollback()
        if done:
            log.info("worked", **done)
        else:
            stop.wait(pause)
