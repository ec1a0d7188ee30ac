"""The words of papers, in the language of the person who reads them. Nothing is escaped here: a paper is no page."""

from datetime import datetime

from flask import current_app

from marketplace import clock
from marketplace.domain.lifecycles import PAYOUT, REFUND, REVERSAL
from marketplace.gateways.papers import Address, Bill, Paper, Section
from marketplace.gateways.papers.qr_bill import creditor, reference_for
from marketplace.models import Booking, Payment, User
from marketplace.queries.ledger import Line
from marketplace.queries.money import PaymentMoney
from marketplace.queries.papers import BookingPaper, Owing, Year
from marketplace.web.current import policy
from marketplace.web.filters import day, duration, fee_words, local, moment, money
from marketplace.web.languages import language
from marketplace.web.languages import plain_gettext as _


def receipt(read: BookingPaper, story: list[Line]) -> Paper:
    """For the customer: what it was for, what was paid how, what went back, and who did the work."""
    booking = read.booking
    paid = {
        "held": _("Paid online (card or TWINT)"),
        "held_from_credit": _("Paid from your credit"),
        "cash_paid": _("Paid to the helper in cash"),
        "dispute_won": _("Decided for us by your bank"),
        "refund_dropped": _("Came back through your bank instead"),
    }
    back = {
        "refunded": _("Given back to where you paid from"),
        "credited": _("Given back as credit"),
        "dispute_opened": _("Taken back by your bank"),
    }
    moved = [
        ((paid | back)[line.kind], -line.cents if line.kind in back else line.cents, line.at)
        for line in story
        if line.kind in paid | back
    ]
    total = sum(cents for _words, cents, _at in moved)
    refunds = {refund.state for money_of in read.payments for refund in money_of.refunds}
    notes = [
        _(
            "This is a receipt for your payment, made out for the helper; it is not an invoice of %(operator)s.",
            **_us(),
        ),
        _("The work was agreed with and done by the helper; %(operator)s arranged it and held the money.", **_us()),
    ]
    if REFUND.asked in refunds:
        notes.insert(0, _("What goes back to you is on its way; a bank needs up to ten working days."))
    if REFUND.failed in refunds:
        notes.insert(0, _("What goes back to you could not reach you yet. We take care of it and write to you."))
    return _paper(
        _("Receipt"),
        booking.customer,
        facts=[*_about(booking), (_("Done by"), booking.helper.name)],
        sections=[
            Section(
                _("What it was for"),
                (_("What"), _("Price")),
                tuple(
                    (_what(one.payment, booking), _money(one.payment.amount_cents, booking)) for one in read.payments
                ),
            ),
            Section(
                _("What was paid"),
                (_("What"), _("When"), _("Amount")),
                tuple((words, _on(at), _money(cents, booking)) for words, cents, at in moved),
                ((_("Paid in all"), "", _money(total, booking)),),
            ),
        ],
        notes=notes,
    )


def statement(read: BookingPaper) -> Paper:
    """For the helper: price, fee and net of a booking, and what was sent when."""
    booking = read.booking
    shared = [one for one in read.payments if one.settlements]
    price, fee, net = (
        sum(one.helper_cents + one.fee_cents for one in shared),
        sum(one.fee_cents for one in shared),
        sum(one.helper_cents for one in shared),
    )
    return _paper(
        _("Statement of a booking"),
        booking.helper,
        facts=[*_about(booking), (_("Customer"), booking.customer.short_name)],
        sections=[
            Section(
                _("What you earned"),
                (_("What"), _("Price"), _("Fee"), _("For you")),
                tuple(_earned(one, booking) for one in shared),
                ((_("In all"), *(_money(cents, booking) for cents in (price, fee, net))),),
                figures=3,
            ),
            *_sent(shared, booking),
        ],
        notes=[fee_words(booking.bid.fee, booking.currency), *_back_notes(shared, booking)],
    )


def year(read: Year, number: int) -> Paper:
    """For the helper: every booking of a year, its totals, and how the account moved."""
    rows = tuple(
        (f"{_on(row.at)}  {row.title}", money(row.price_cents), money(row.fee_cents), money(row.net_cents))
        for row in read.rows
    )
    moves = [
        (_("Open at the beginning of the year"), read.opening),
        (_("Earned"), read.net_cents),
        (_("Sent to your account"), -read.sent),
        (_("Taken back from your account"), read.came_back),
        (_("Kept by you in cash"), -read.kept_in_cash),
        (_("Fees that you paid to us"), read.paid_to_us),
    ]
    return _paper(
        _("Statement of the year %(year)s", year=number),
        read.helper,
        facts=[(_("Reference"), read.helper.public_id)],
        sections=[
            Section(
                _("Bookings"),
                (_("Booking"), _("Price"), _("Fee"), _("For you")),
                rows,
                ((_("In all"), money(read.price_cents), money(read.fee_cents), money(read.net_cents)),),
                figures=3,
            ),
            Section(
                _("Your account with us"),
                (_("What"), _("Amount")),
                tuple((words, money(cents)) for words, cents in moves if cents),
                ((_("Open at the end of the year"), money(read.closing)),),
            ),
        ],
        notes=[
            _("A booking counts in the year in which its money was shared out. Please keep this paper for your taxes."),
        ],
    )


def bill(read: Owing, account: str) -> Paper:
    """For the helper: what is owed for visits paid in cash, with the payment part of a Swiss QR-bill."""
    currency, helper = policy().currency, read.helper
    other = read.cents - sum(row.fee_cents for row in read.rows)
    rows = [(row.title, _on(row.at), money(row.price_cents), money(row.fee_cents)) for row in read.rows]
    if other:
        words = _("Already settled") if other < 0 else _("Money to give back")
        rows.append((words, "", "", money(other)))
    settings = current_app.config
    postcode, town, country = (
        (read.profile.postcode, read.profile.place_name, read.profile.country) if read.profile else ("", "", "CH")
    )
    return _paper(
        _("Bill for fees of visits paid in cash"),
        helper,
        facts=[(_("Reference"), helper.public_id)],
        sections=[
            Section(
                "",
                (_("Visit"), _("When"), _("Price"), _("Fee")),
                tuple(rows),
                ((_("Please pay"), "", "", money(read.cents)),),
                figures=2,
            )
        ],
        notes=[_("What is not paid yet is kept back from your next payout.")],
        bill=Bill(
            account=account,
            creditor=creditor(settings["OPERATOR_NAME"], settings["OPERATOR_ADDRESS"]),
            debtor=Address(helper.name, postcode or "-", town or "-", country),
            amount_cents=read.cents,
            currency=currency,
            reference=reference_for(account, helper.id),
            message=f"{settings['BRAND_NAME']} {helper.public_id}",
        ),
    )


# ---- What the papers share


def _paper(
    title: str,
    reader: User,
    *,
    facts: list[tuple[str, str]],
    sections: list[Section],
    notes: list[str],
    bill: Bill | None = None,
) -> Paper:
    settings = current_app.config
    return Paper(
        title=title,
        language=language(),
        author=settings["OPERATOR_NAME"],
        sender=(settings["OPERATOR_NAME"], *settings["OPERATOR_ADDRESS"].split(", "), settings["OPERATOR_MAIL"]),
        reader=(reader.name, reader.email),
        made_at=clock.now(),
        facts=((_("Date"), str(day(clock.now()))), *facts),
        sections=tuple(sections),
        notes=tuple(str(note) for note in notes),
        bill=bill,
    )


def _us() -> dict[str, str]:
    return {"operator": current_app.config["OPERATOR_NAME"]}


def _about(booking: Booking) -> list[tuple[str, str]]:
    when = f"{moment(booking.starts_at)} ({duration(booking.minutes)})"
    return [(_("Booking"), booking.public_id), (_("Visit"), booking.task.title), (_("When"), when)]


def _what(payment: Payment, booking: Booking) -> str:
    """The visit, or the additional work in the helper's words."""
    return _("Additional work: %(what)s", what=payment.what or "") if payment.kind == "extra" else booking.task.title


def _earned(one: PaymentMoney, booking: Booking) -> tuple[str, str, str, str]:
    price = one.helper_cents + one.fee_cents
    return (
        _what(one.payment, booking),
        _money(price, booking),
        _money(one.fee_cents, booking),
        _money(one.helper_cents, booking),
    )


def _sent(shared: list[PaymentMoney], booking: Booking) -> list[Section]:
    """What has reached the helper, and what has not yet."""
    rows = []
    for one in shared:
        if one.payment.method == "cash" and one.settlements:
            rows.append(
                (_("Paid to you in cash"), _on(one.settlements[0].at), _money(one.payment.amount_cents, booking))
            )
        for payout in one.payouts:
            if payout.state == PAYOUT.sent and payout.sent_at:
                rows.append((_("Sent to your account"), _on(payout.sent_at), _money(payout.cents, booking)))
            elif payout.cents:
                rows.append((_("To be sent to your account"), "", _money(payout.cents, booking)))
        rows += [
            (
                _("Taken back from your account"),
                _on(back.taken_back_at or back.created_at),
                _money(-back.cents, booking),
            )
            for back in one.reversals
            if back.state != REVERSAL.failed
        ]
    heads = (_("What"), _("When"), _("Amount"))
    return [Section(_("What reached you"), heads, tuple(rows))] if rows else []


def _back_notes(shared: list[PaymentMoney], booking: Booking) -> list[str]:
    """What went back to the customer, when something did."""
    back = sum(one.payment.refunded_cents for one in shared)
    return [_("%(amount)s went back to the customer.", amount=_money(back, booking))] if back else []


def _money(cents: int, booking: Booking) -> str:
    return money(cents, booking.currency)


def _on(at: datetime) -> str:
    """`21.11.2026`."""
    return f"{local(at):%d.%m.%Y}"
