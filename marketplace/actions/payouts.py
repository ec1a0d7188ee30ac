"""Writing payouts: what helpers are owed, sent once they can be reached, and taken back when the operator decides so."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import journal, ledger, outbox
from marketplace.db import move
from marketplace.domain.gateway import AccountFact, ReversalFact, TransferFact
from marketplace.domain.lifecycles import PAYOUT, REVERSAL
from marketplace.domain.money import GATEWAY, owed
from marketplace.models import Entry, Notice, Payment, Payout, PayoutAccount, Reversal, Settlement, User

PAYOUT_CHANNEL, REVERSAL_CHANNEL = "payout", "reversal"
REMINDER, REMIND_AFTER = "payout_waiting", timedelta(hours=1)


# ---- A helper's account


def note_account(session: Session, user_id: int, fact: AccountFact, *, at: datetime, number: int = 1) -> PayoutAccount:
    """Write down how a helper's account stood at the gateway `at` that moment; when money can reach it, what waits is sent.

    What was read before what is written down already changes nothing. `number` is that of an account that was just opened:
    the next one takes the place of one that is gone.
    """
    account = _account_locked(session, user_id)
    if account is None:
        account = PayoutAccount(user_id=user_id, reference=fact.reference, created_at=clock.now(), read_at=at)
        session.add(account)
        session.flush()
        journal.record(session, "payout_account_opened", account, by=None)
    elif account.gone_at is not None and number == account.number + 1:
        _replace(session, account, fact.reference, at)
    if account.reference != fact.reference:  # opened twice at the same instant: the first one stays
        return account
    if at < account.read_at:
        return account
    became_ready = fact.ready and not account.is_ready
    account.is_ready, account.has_begun, account.read_at, account.gone_at = fact.ready, fact.begun, at, None
    if became_ready:
        journal.record(session, "payout_account_ready", account, by=None)
        outbox.hurry(session, PAYOUT_CHANNEL, _waiting_of(session, user_id))
    return account


def note_gone(session: Session, user_id: int, reference: str, *, at: datetime) -> None:
    """A helper's account with this reference was found taken away from us `at` that moment: no money can reach it any more."""
    account = _account_locked(session, user_id)
    if account is None or account.reference != reference or at < account.read_at:
        return
    account.read_at = at
    if account.gone_at is None:
        account.is_ready, account.has_begun, account.gone_at = False, False, at
        journal.record(session, "payout_account_gone", account, by=None)


def _replace(session: Session, account: PayoutAccount, reference: str, at: datetime) -> None:
    """Another account was opened for a helper whose account is gone."""
    before, account.reference, account.number = account.reference, reference, account.number + 1
    account.created_at, account.read_at, account.gone_at = clock.now(), at, None
    session.flush()
    facts = {"number": account.number, "instead_of": before}
    journal.record(session, "payout_account_opened", account, by=None, facts=facts)


def reminders_due(session: Session, *, days: int, limit: int = 50) -> list[int]:
    """The ids of helpers whose money waits for their bank data, and who were not reminded of it for so many days."""
    since = clock.now() - timedelta(days=days)
    ready = select(PayoutAccount.user_id).where(PayoutAccount.is_ready)
    told = select(Notice.user_id).where(Notice.kind == REMINDER, Notice.at > since)
    waiting = (
        select(Payout.helper_id)
        .where(Payout.state == PAYOUT.waiting, Payout.created_at <= clock.now() - REMIND_AFTER)
        .where(Payout.helper_id.not_in(ready), Payout.helper_id.not_in(told))
        .group_by(Payout.helper_id)
        .order_by(Payout.helper_id)
        .limit(limit)
    )
    return list(session.scalars(waiting))


def remind(session: Session, helper_id: int) -> None:
    """Remind a helper that money waits for bank data."""
    waiting = session.scalar(
        select(func.sum(Payout.cents)).where(Payout.helper_id == helper_id, Payout.state == PAYOUT.waiting)
    )
    if waiting:
        outbox.tell(session, helper_id, REMINDER, cents=int(waiting))


# ---- Payouts


def ask(session: Session, payment: Payment, settlement: Settlement, helper_id: int) -> Payout | None:
    """Have the worker pay a helper a share, less what the helper owes us; None when nothing is left of it.

    Called after the share is in the ledger, inside the booking's lock. Of two shares at once the second sees what the first left.
    """
    session.execute(select(User.id).where(User.id == helper_id).with_for_update(key_share=True))
    cents = min(settlement.helper_cents, free_cents(session, helper_id))
    if cents <= 0:
        return None
    payout = Payout(
        helper_id=helper_id,
        payment_id=payment.id,
        settlement_id=settlement.id,
        cents=cents,
        currency=payment.currency,
        created_at=clock.now(),
    )
    session.add(payout)
    session.flush()
    outbox.ask(session, PAYOUT_CHANNEL, payout.id)
    return payout


def free_cents(session: Session, helper_id: int) -> int:
    """What is owed to a helper and not on its way yet; below zero when the helper owes us.

    One statement, so that it is read at one moment: what is sent or comes back meanwhile is seen whole or not at all.
    """
    session.flush()
    account = owed(helper_id)
    came = select(func.coalesce(func.sum(Entry.cents), 0)).where(Entry.to_account == account)
    went = select(func.coalesce(func.sum(Entry.cents), 0)).where(Entry.from_account == account)
    on_its_way = select(func.coalesce(func.sum(Payout.cents), 0)).where(
        Payout.helper_id == helper_id, Payout.state.in_((PAYOUT.waiting, PAYOUT.sending))
    )
    coming_back = (
        select(func.coalesce(func.sum(Reversal.cents), 0))
        .join(Payout, Payout.id == Reversal.payout_id)
        .where(Payout.helper_id == helper_id, Reversal.state == REVERSAL.asked)
    )
    came_in, went_out, leaving, returning = (part.scalar_subquery() for part in (came, went, on_its_way, coming_back))
    return int(session.execute(select(came_in - went_out - leaving + returning)).scalar_one())


def take(session: Session, payout_id: int, *, destination: str) -> Payout:
    """Begin to send a payout to this account: from here on it may have left. Raises WrongState when it was dropped or sent."""
    move(session, Payout, payout_id, PAYOUT, "take", destination=destination)
    return session.get_one(Payout, payout_id)


def put_back(session: Session, payout_id: int, why: str, *, tried: int) -> None:
    """The try with this number has surely not left; the next one has a new key."""
    payout = _locked(session, payout_id)
    if payout.state in PAYOUT.befores("put_back") and payout.tries == tried:
        move(session, Payout, payout_id, PAYOUT, "put_back", waits_for=why[:80], tries=tried + 1, destination=None)


def record_sent(session: Session, payout_id: int, fact: TransferFact) -> None:
    """The transfer was made; safe to run again."""
    payout = _locked(session, payout_id)
    if payout.state not in PAYOUT.befores("send"):
        return
    move(session, Payout, payout_id, PAYOUT, "send", reference=fact.reference, sent_at=clock.now(), waits_for=None)
    booking_id = session.get_one(Payment, payout.payment_id).booking_id
    ledger.post(
        session,
        "payout_sent",
        payout.id,
        (owed(payout.helper_id), GATEWAY, payout.cents),
        currency=payout.currency,
        booking_id=booking_id,
        reference=fact.reference,
    )
    journal.record(session, "payout_sent", payout, by=None, facts={"cents": payout.cents})
    outbox.tell(session, payout.helper_id, "payout_sent", booking_id=booking_id, cents=payout.cents)


# ---- Taking back


def take_back(session: Session, payment: Payment, settlement: Settlement, cents: int) -> None:
    """So much of what a payment brought its helper is not theirs any more: out of what still waits, then out of what was sent."""
    payouts = list(
        session.scalars(
            select(Payout)
            .where(Payout.payment_id == payment.id, Payout.state != PAYOUT.dropped)
            .order_by(Payout.id.desc())
            .with_for_update(of=Payout, key_share=True)
            .execution_options(populate_existing=True)
        )
    )
    for payout in payouts:
        part = min(cents, payout.cents - payout.taken_back_cents)
        if part <= 0:
            continue
        if payout.state == PAYOUT.waiting:
            _lower(session, payout, part)
        else:
            _reverse(session, payout, settlement, part)
        cents -= part


def record_taken_back(session: Session, reversal_id: int, fact: ReversalFact) -> None:
    """The helper's part came back; safe to run again."""
    reversal = _locked_reversal(session, reversal_id)
    if reversal.state not in REVERSAL.befores("take_back"):
        return
    move(session, Reversal, reversal_id, REVERSAL, "take_back", reference=fact.reference, taken_back_at=clock.now())
    payout = session.get_one(Payout, reversal.payout_id)
    booking_id = session.get_one(Payment, payout.payment_id).booking_id
    ledger.post(
        session,
        "payout_taken_back",
        reversal.id,
        (GATEWAY, owed(payout.helper_id), reversal.cents),
        currency=payout.currency,
        booking_id=booking_id,
        reference=fact.reference,
    )
    journal.record(session, "payout_taken_back", payout, by=None, facts={"cents": reversal.cents})


def deny_taking_back(session: Session, reversal_id: int, why: str) -> None:
    """It surely does not come back: it stays a debt, which later payouts are lowered by."""
    reversal = _locked_reversal(session, reversal_id)
    if reversal.state in REVERSAL.befores("fail"):
        move(session, Reversal, reversal_id, REVERSAL, "fail", failure=why[:80])
        journal.record(session, "payout_kept", session.get_one(Payout, reversal.payout_id), by=None)


def _lower(session: Session, payout: Payout, cents: int) -> None:
    if cents == payout.cents:
        move(session, Payout, payout.id, PAYOUT, "drop", cents=0)
    else:
        move(session, Payout, payout.id, PAYOUT, "lower", cents=payout.cents - cents)


def _reverse(session: Session, payout: Payout, settlement: Settlement, cents: int) -> None:
    payout.taken_back_cents += cents
    reversal = Reversal(payout_id=payout.id, settlement_id=settlement.id, cents=cents, created_at=clock.now())
    session.add(reversal)
    session.flush()
    outbox.ask(session, REVERSAL_CHANNEL, reversal.id)


def _account_locked(session: Session, user_id: int) -> PayoutAccount | None:
    """The helper's account as it stands now; nobody else opens or changes it meanwhile."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    mine = select(PayoutAccount).where(PayoutAccount.user_id == user_id)
    return session.scalar(mine.execution_options(populate_existing=True))


def _locked(session: Session, payout_id: int) -> Payout:
    """The payout as it stands now; nobody else changes it meanwhile."""
    mine = select(Payout).where(Payout.id == payout_id).with_for_update(of=Payout, key_share=True)
    return session.scalars(mine.execution_options(populate_existing=True)).one()


def _locked_reversal(session: Session, reversal_id: int) -> Reversal:
    mine = select(Reversal).where(Reversal.id == reversal_id).with_for_update(of=Reversal, key_share=True)
    return session.scalars(mine.execution_options(populate_existing=True)).one()


def _waiting_of(session: Session, helper_id: int) -> list[int]:
    return list(session.scalars(select(Payout.id).where(Payout.helper_id == helper_id, Payout.state == PAYOUT.waiting)))
