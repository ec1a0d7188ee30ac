"""Payments between our transactions: opening the gateway's pages, reading how things stand, refunds, payouts, messages.

Write, call, write: whatever instant a process is killed at, running these again brings the same end. What the gateway has
done and we never heard of is found again by our row's own name there.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.actions import disputes, payments, payouts, refunds
from marketplace.db import db, transaction
from marketplace.domain.errors import DomainError, NotAllowed, NotFound, WrongState
from marketplace.domain.gateway import (
    AccountRequest,
    ChargeFact,
    ChargeRequest,
    CheckoutRequest,
    GatewayNotice,
    RefundRequest,
    ReversalRequest,
    SavedCard,
    TransferRequest,
)
from marketplace.domain.lifecycles import DISPUTE, PAYMENT, PAYMENT_UNDER_WAY, PAYOUT, REFUND, REVERSAL
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments import GatewayDenied, GatewayRefused, GatewaySilent
from marketplace.gateways.payments.sandbox.sending import over_http
from marketplace.models import (
    Booking,
    Dispute,
    Payment,
    Payout,
    PayoutAccount,
    Refund,
    Reversal,
    User,
)
from marketplace.permissions import side_of
from marketplace.queries.payments import extra_of, is_held, is_under_way, prepared_of
from marketplace.queries.payouts import is_reached

log = structlog.get_logger()

KEY_LIVES = timedelta(hours=23)  # the gateway forgets keys after a day; from then on we look before we ask again
REFUND_OPEN = (REFUND.asked, REFUND.given)  # one that was given may still come back
NOT_THERE_YET = "balance_insufficient"  # the customer's money has not arrived yet; the account is all right
NOT_OURS_YET = "not_ours_yet"


class NotYet(GatewaySilent):
    """Nothing can be done until something happens that makes it due again at once."""


# ---- Being paid


def open_page(payment_id: int, gateways: Gateways) -> str:
    """Open the page of a payment under way and give its address; a second call gives the same page.

    Raises GatewayRefused, and WrongState when the payment is over already.
    """
    checkout = gateways.payments.open_checkout(_request(payment_id, gateways))
    with transaction() as session:
        payments.note_checkout(session, payment_id, checkout.reference)
    return checkout.url


def settle(payment_id: int, gateways: Gateways, *, close: bool = False, by_id: int | None = None) -> None:
    """Book how a payment's page stands at the gateway; `close` ends one that is still open, for somebody or for nobody.

    Raises GatewayRefused.
    """
    reference = db.session.scalar(select(Payment.checkout).where(Payment.id == payment_id))
    db.session.rollback()
    if reference is None:
        reference = _found_again(payment_id, gateways)
    fact = gateways.payments.close_checkout(reference) if close else gateways.payments.read_checkout(reference)
    with transaction() as session:
        payments.record(session, fact, by_id=by_id)


def give_up(booking_id: int, gateways: Gateways, *, by: User | None = None) -> bool:
    """End a reservation; False when it was paid in the last instant, which confirms it instead.

    Raises GatewayRefused, NotAllowed, WrongState.
    """
    _demand_side(booking_id, by, "customer")
    payment_id = prepared_of(db.session, booking_id)
    if payment_id is not None:
        _end_page(payment_id, gateways)
        if is_held(db.session, payment_id):
            return False
    with transaction() as session:
        payments.lapse(session, session.get_one(Booking, booking_id), by=by)
    return True


def drop_extra(booking_id: int, gateways: Gateways, *, by: User) -> bool:
    """Take back more work that is not paid yet; False when it was paid in the last instant.

    Raises GatewayRefused, NotAllowed, WrongState.
    """
    _demand_side(booking_id, by, "customer", "helper")
    by_id, payment_id = by.id, extra_of(db.session, booking_id)
    if payment_id is not None and _was_opened(payment_id):
        settle(payment_id, gateways, close=True, by_id=by_id)
        return not is_held(db.session, payment_id)
    with transaction() as session:
        payments.drop_extra(session, session.get_one(Booking, booking_id), by=by)
    return True


def settle_pending(gateways: Gateways) -> int:
    """Lapse what was not paid in time, settle pages whose customer never came back; gives how many came to an end."""
    with transaction() as session:
        over, due = payments.take_over(session), payments.take_due(session)
    ended = 0
    for booking_id in over:
        with _refusals_logged(booking_id=booking_id):
            ended += give_up(booking_id, gateways)
    return ended + sum(_ends(payment_id, gateways) for payment_id in due)


def charge_due(gateways: Gateways) -> int:
    """Charge the saved cards whose time has come; gives how many."""
    with transaction() as session:
        due = payments.take_charges_due(session)
    for payment_id in due:
        with _refusals_logged(payment_id=payment_id):
            fact = _charged(payment_id, gateways)
            with transaction() as session:
                payments.record_charge(session, payment_id, fact)
    return len(due)


def _charged(payment_id: int, gateways: Gateways) -> ChargeFact:
    """Charge a saved card once, however often it is tried; a card that surely cannot be charged is one that was declined."""
    request, may_be_there = _charge_request(payment_id, gateways)
    try:
        found = gateways.payments.find_charge(request) if may_be_there else None
        return found or gateways.payments.charge(request)
    except GatewayDenied as denial:
        return ChargeFact("declined", reason=denial.code)


def cancel_unpaid(gateways: Gateways, *, policy: Policy) -> int:
    """Cancel visits near at hand whose later charge failed and was not made good; gives how many."""
    with transaction() as session:
        due = payments.take_unpaid(session, policy=policy)
    cancelled = 0
    for payment_id, booking_id in due:
        with _refusals_logged(payment_id=payment_id):
            if _was_opened(payment_id):
                settle(payment_id, gateways, close=True)
                if is_held(db.session, payment_id):
                    continue
            with transaction() as session:
                payments.cancel_unpaid(session, session.get_one(Booking, booking_id))
            cancelled += 1
    return cancelled


def watch_called_off(gateways: Gateways) -> int:
    """Look after what was called off while it might just be paid, and send back what was; gives for how many all is sure now."""
    with transaction() as session:
        due = payments.take_watched(session)
    return sum(_is_sure(payment_id, gateways) for payment_id in due)


def _is_sure(payment_id: int, gateways: Gateways) -> bool:
    """Book how a payment that was called off stands at the gateway; says whether nothing can happen to it any more."""
    payment = db.session.get_one(Payment, payment_id)
    page, has_card, ended_at = payment.checkout, payment.card_method is not None, payment.settled_at
    db.session.rollback()  # nothing stays open while we talk to the outside
    is_sure = True
    with _refusals_logged(payment_id=payment_id):
        if page is not None:
            fact = gateways.payments.close_checkout(page)
            with transaction() as session:
                payments.record(session, fact)
            is_sure = fact.outcome in ("paid", "abandoned")
        if has_card:
            request, _ = _charge_request(payment_id, gateways)
            found = gateways.payments.find_charge(request)
            if found is not None:
                with transaction() as session:
                    payments.record_charge(session, payment_id, found)
            # What another worker has just asked for may still come.
            is_over = ended_at is not None and ended_at <= clock.now() - payments.WATCH_EVERY
            is_sure = is_sure and (found.outcome != "processing" if found and is_over else is_over)
        if is_sure:
            with transaction() as session:
                payments.stop_watching(session, payment_id)
        return is_sure
    return False


# ---- Giving back and paying out: rows of the outbox, handed over by the worker


def deliver_refund(facts: Mapping[str, Any], gateways: Gateways) -> None:
    """Have the gateway give a refund, or read how it stands; raises GatewaySilent, for another try."""
    refund = db.session.get_one(Refund, facts["id"])
    payment = db.session.get_one(Payment, refund.payment_id)
    if refund.state not in REFUND_OPEN:
        return
    refund_id, tried, reference, intent = refund.id, refund.tries, refund.reference, str(payment.intent)
    name = f"{refund_id}:{tried}"
    request = RefundRequest(f"refund-{name}", name, intent, refund.cents, refund.currency)
    may_be_there = refund.created_at < clock.now() - KEY_LIVES
    db.session.rollback()  # nothing stays open while we talk to the outside
    try:
        if reference is not None:
            fact = gateways.payments.read_refund(reference)
        else:
            found = gateways.payments.find_refund(intent, name) if may_be_there else None
            fact = found or gateways.payments.refund(request)
    except GatewayDenied as denial:
        with transaction() as session:
            refunds.deny(session, refund_id, denial.code, tried=tried)
        return
    with transaction() as session:
        refunds.record(session, refund_id, fact, tried=tried)
    if fact.outcome == "pending":
        raise GatewaySilent("the refund is under way at the bank")


def deliver_payout(facts: Mapping[str, Any], gateways: Gateways) -> None:
    """Send a payout, once the helper's account is ready and no bank disputes the money; raises GatewaySilent until then."""
    payout_id = int(facts["id"])
    payout = db.session.get_one(Payout, payout_id)
    if payout.state not in PAYOUT.befores("take"):
        return
    if payout.state == PAYOUT.waiting and not is_reached(db.session, payout.helper_id):
        read_account(payout.helper_id, gateways)  # the message that it is ready may be late, or lost
    with transaction() as session:  # from here on it may have left: a refund takes it back instead of keeping it
        destination = _destination(session, payout_id)
        payout = payouts.take(session, payout_id, destination=destination)
        helper_id = payout.helper_id
        payment = session.get_one(Payment, payout.payment_id)
        whole = payout.cents <= payment.card_cents  # more than the charge brought: credit of the customer is part of it
        tried, may_be_there = payout.tries, payout.created_at < clock.now() - KEY_LIVES
        name, group = f"{payout_id}:{tried}", _group(payment.booking_id)
        request = TransferRequest(
            key=f"payout-{name}",
            payout=name,
            group=group,
            account=destination,
            charge=payment.charge if whole else None,
            amount_cents=payout.cents,
            currency=payout.currency,
        )
    try:
        found = gateways.payments.find_transfer(group, name) if may_be_there else None
        fact = found or gateways.payments.transfer(request)
    except GatewayDenied as denial:
        with transaction() as session:
            payouts.put_back(session, payout_id, denial.code, tried=tried)
        if denial.code != NOT_THERE_YET:
            read_account(helper_id, gateways)  # perhaps it is not ready any more, or gone, and nobody told us
        raise GatewaySilent(str(denial)) from denial
    with transaction() as session:
        payouts.record_sent(session, payout_id, fact)


def _destination(session: Session, payout_id: int) -> str:
    """The helper's account; raises NotYet while no money can reach it, or a bank disputes the money.

    What may have left already is only asked for again, for the same account, whatever has happened since.
    """
    payout = session.get_one(Payout, payout_id)
    account = session.scalar(select(PayoutAccount).where(PayoutAccount.user_id == payout.helper_id))
    disputed = select(Dispute.id).where(
        Dispute.payment_id == payout.payment_id, Dispute.state.in_(DISPUTE.befores("lose"))
    )
    may_have_left = payout.state == PAYOUT.sending
    if account is None or not (account.is_ready or may_have_left):
        raise NotYet("the helper has not given bank data yet")
    if session.scalar(disputed.limit(1)) is not None and not may_have_left:
        raise NotYet("a bank disputes the money")
    return (payout.destination if may_have_left else None) or account.reference


def deliver_reversal(facts: Mapping[str, Any], gateways: Gateways) -> None:
    """Take a part of a sent payout back; raises GatewaySilent, for another try."""
    reversal = db.session.get_one(Reversal, facts["id"])
    payout = db.session.get_one(Payout, reversal.payout_id)
    if reversal.state not in REVERSAL.befores("take_back"):
        return
    reversal_id, transfer, name = reversal.id, payout.reference, str(reversal.id)
    request = ReversalRequest(f"reversal-{name}", name, transfer or "", reversal.cents)
    may_be_there = reversal.created_at < clock.now() - KEY_LIVES
    db.session.rollback()
    if transfer is None:
        raise GatewaySilent("the payout has not left yet")
    try:
        found = gateways.payments.find_reversal(transfer, name) if may_be_there else None
        fact = found or gateways.payments.reverse(request)
    except GatewayDenied as denial:
        with transaction() as session:
            payouts.deny_taking_back(session, reversal_id, denial.code)
        return
    with transaction() as session:
        payouts.record_taken_back(session, reversal_id, fact)


# ---- A helper's account


def open_account(user: User, gateways: Gateways, *, country: str) -> str:
    """A helper's account at the gateway, opened at the first call; gives its reference. Raises GatewayRefused.

    One that is gone gives way to a new one.
    """
    user_id = user.id
    known = db.session.scalar(select(PayoutAccount).where(PayoutAccount.user_id == user_id))
    if known is not None and known.gone_at is None:
        return known.reference
    number = 1 if known is None else known.number + 1
    key = f"account-{user.public_id}" if number == 1 else f"account-{user.public_id}-{number}"
    request = AccountRequest(key, user.public_id, user.email, country)
    db.session.rollback()
    at = clock.now()
    fact = gateways.payments.open_account(request)
    with transaction() as session:
        return payouts.note_account(session, user_id, fact, at=at, number=number).reference


def bank_data_page(user: User, gateways: Gateways, *, country: str, return_url: str, refresh_url: str) -> str:
    """The address of the page on which a helper gives bank data, for one use. Raises GatewayRefused.

    An account that is found gone only now gives way to a new one.
    """
    user_id, door = user.id, gateways.payments
    reference = open_account(user, gateways, country=country)
    db.session.rollback()  # nothing stays open while we talk to the outside
    try:
        return door.onboarding_page(reference, return_url=return_url, refresh_url=refresh_url)
    except GatewayDenied:
        read_account(user_id, gateways)
        again = open_account(db.session.get_one(User, user_id), gateways, country=country)
        db.session.rollback()
        if again == reference:
            raise
        return door.onboarding_page(again, return_url=return_url, refresh_url=refresh_url)


def read_account(user_id: int, gateways: Gateways) -> None:
    """Read anew how a helper's account stands. Raises GatewaySilent."""
    reference = db.session.scalar(select(PayoutAccount.reference).where(PayoutAccount.user_id == user_id))
    db.session.rollback()
    if reference is not None:
        effect = _account_read(user_id, reference, gateways)
        with transaction() as session:
            effect(session)


# ---- Messages of the gateway


def take_notice(notice: GatewayNotice, gateways: Gateways) -> bool:
    """Work off a verified message of the gateway: read its subject anew, and book the effect with the message's id.

    False when it was worked off before, or concerns nothing of ours. Raises GatewaySilent: then it is to come again.
    """
    act = SUBJECTS.get(notice.subject)
    if act is None:
        return False
    try:
        effect = act(notice, gateways)
        with transaction() as session:
            if not payments.note_event(session, notice):
                return False
            effect(session)
    except NotFound:
        return _foreign(notice)
    except GatewayDenied as denial:
        log.warning("notice_denied", kind=notice.kind, code=denial.code)
        return False
    except WrongState as refusal:
        log.warning("notice_without_effect", kind=notice.kind, why=str(refusal))
        return False
    return True


def _foreign(notice: GatewayNotice) -> bool:
    """A thing that is not ours, or of which our row does not know yet (its page was opened an instant ago): later, perhaps."""
    if notice.at > clock.now() - timedelta(minutes=10):
        raise GatewaySilent(NOT_OURS_YET)
    return False


Effect = Callable[[Any], object]


def _checkout_changed(notice: GatewayNotice, gateways: Gateways) -> Effect:
    fact = gateways.payments.read_checkout(notice.reference)
    return lambda session: payments.record(session, fact)


def _intent_changed(notice: GatewayNotice, gateways: Gateways) -> Effect:
    """A later charge; what is paid on a page comes with the page's own message."""
    later = select(Payment.id).where(Payment.public_id == (notice.ours or ""), Payment.card_method.is_not(None))
    payment_id = _id_or_none(later)
    if payment_id is None:
        return lambda session: None
    fact = gateways.payments.read_charge(notice.reference)
    return lambda session: payments.record_charge(session, payment_id, fact)


def _refund_changed(notice: GatewayNotice, gateways: Gateways) -> Effect:
    number, _, tried = (notice.ours or "").partition(":")
    known = Refund.id == (int(number) if number.isdecimal() else 0)
    refund_id = _id_or_none(select(Refund.id).where(known))
    if refund_id is None or not tried.isdecimal():
        raise NotFound()
    fact = gateways.payments.read_refund(notice.reference)
    return lambda session: refunds.record(session, refund_id, fact, tried=int(tried))


def _account_changed(notice: GatewayNotice, gateways: Gateways) -> Effect:
    user_id = _id_or_none(select(PayoutAccount.user_id).where(PayoutAccount.reference == notice.reference))
    if user_id is None:
        raise NotFound()
    return _account_read(user_id, notice.reference, gateways)


def _account_read(user_id: int, reference: str, gateways: Gateways) -> Effect:
    """Read how a helper's account stands; what comes of it, with the moment before it was read."""
    at = clock.now()
    try:
        fact = gateways.payments.read_account(reference)
    except GatewayDenied:  # it was taken away from us
        return lambda session: payouts.note_gone(session, user_id, reference, at=at)
    return lambda session: payouts.note_account(session, user_id, fact, at=at)


def _dispute_changed(notice: GatewayNotice, gateways: Gateways) -> Effect:
    fact = gateways.payments.read_dispute(notice.reference)
    return lambda session: disputes.record(session, fact)


SUBJECTS: dict[str, Callable[[GatewayNotice, Gateways], Effect]] = {
    "checkout": _checkout_changed,
    "intent": _intent_changed,
    "refund": _refund_changed,
    "account": _account_changed,
    "dispute": _dispute_changed,
}


def deliver_events(gateways: Gateways) -> int:
    """Let the sandbox deliver its events to our own webhook; gives how many were taken. A real gateway does so by itself."""
    return gateways.sandbox.deliver(over_http(gateways.site.url)) if gateways.sandbox else 0


# ---- What they share


def _request(payment_id: int, gateways: Gateways) -> CheckoutRequest:
    """What is asked for a payment: made from our row alone, so that asking again is asking for the same."""
    payment = db.session.get_one(Payment, payment_id)
    booking = db.session.get_one(Booking, payment.booking_id)
    email = db.session.scalars(select(User.email).where(User.id == payment.customer_id)).one()
    if payment.state not in PAYMENT_UNDER_WAY:
        raise WrongState()
    request = CheckoutRequest(
        key=f"payment-{payment.id}-{payment.tries}",
        payment=payment.public_id,
        group=_group(booking.id),
        amount_cents=payment.card_cents,
        currency=payment.currency,
        description=f"{gateways.site.brand} {booking.public_id}",
        return_url=f"{gateways.site.url}/payments/{payment.public_id}/return",
        email=email,
        saves_card=payment.charge_at is not None and payment.state == PAYMENT.prepared,
    )
    db.session.rollback()  # nothing stays open while we talk to the outside
    return request


def _charge_request(payment_id: int, gateways: Gateways) -> tuple[ChargeRequest, bool]:
    """What is asked for, and whether it may have been done so long ago that the gateway has forgotten the key."""
    payment = db.session.get_one(Payment, payment_id)
    booking = db.session.get_one(Booking, payment.booking_id)
    request = ChargeRequest(
        key=f"charge-{payment.id}",
        payment=payment.public_id,
        group=_group(booking.id),
        amount_cents=payment.card_cents,
        currency=payment.currency,
        description=f"{gateways.site.brand} {booking.public_id}",
        card=SavedCard(str(payment.card_customer), str(payment.card_method)),
    )
    may_be_there = payment.asked_at is not None and payment.asked_at < clock.now() - KEY_LIVES
    db.session.rollback()
    return request, may_be_there


def _demand_side(booking_id: int, by: User | None, *sides: str) -> None:
    """Nobody else's page is touched; the worker (nobody) may. Raises NotAllowed."""
    if by is not None and side_of(by, db.session.get_one(Booking, booking_id)) not in sides:
        raise NotAllowed()


def _id_or_none(statement: Select[tuple[int]]) -> int | None:
    found = db.session.scalar(statement)
    db.session.rollback()  # nothing stays open while we talk to the outside
    return found


def _group(booking_id: int) -> str:
    """The name of all money of one booking at the gateway."""
    return f"booking_{booking_id}"


def _ends(payment_id: int, gateways: Gateways) -> bool:
    """Settle one payment; says whether its page has ended."""
    with _refusals_logged(payment_id=payment_id):
        settle(payment_id, gateways)
    return not is_under_way(db.session, payment_id)


def _found_again(payment_id: int, gateways: Gateways) -> str:
    """The page that was opened just before a crash, so that our row never heard of it: the same key gives the same page.

    A page that was never opened is opened by this, in order to be closed: on no other way is it sure that nobody can pay there.
    """
    open_page(payment_id, gateways)
    return db.session.scalars(select(Payment.checkout).where(Payment.id == payment_id)).one() or ""


def _end_page(payment_id: int, gateways: Gateways) -> None:
    """Close a payment's page; one that the gateway surely does not open is none, and nothing has to end. Raises GatewayRefused.

    An address is given to nobody before our row knows its page. Should one be paid all the same, the money goes back by itself.
    """
    try:
        settle(payment_id, gateways, close=True)
    except GatewayDenied as denial:
        if _was_opened(payment_id):
            raise
        log.warning("page_denied", payment_id=payment_id, code=denial.code)


def _was_opened(payment_id: int) -> bool:
    opened = db.session.scalar(select(Payment.checkout).where(Payment.id == payment_id))
    db.session.rollback()
    return opened is not None


@contextmanager
def _refusals_logged(**ids: int) -> Iterator[None]:
    """One payment that cannot be settled now stops no other; the next round tries again."""
    try:
        yield
    except (GatewayRefused, DomainError) as refusal:
        log.warning("payment_not_settled", why=str(refusal), **ids)
