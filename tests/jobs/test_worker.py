"""A round of work does everything that is due; a part that fails stops no other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.gateway import Movement
from marketplace.domain.policy import Policy
from marketplace.gateways.payments import GatewaySilent, PaymentGateway
from marketplace.jobs.worker import round_of_work, until_idle
from marketplace.queries.badges import standing
from marketplace.web.mails import words
from tests.factories import make_booking

POLICY = Policy()


def test_a_round_does_what_is_due_and_then_there_is_nothing_left(app: Flask, session: Session) -> None:
    booking = make_booking(session, state="finished")
    with clock.moved_to(booking.ends_at + timedelta(hours=73)):
        done = round_of_work(app.extensions["gateways"], words, policy=POLICY)
        assert done["bookings_signed_off"] == 1
        assert done["delivered"] > 0
        until_idle(app.extensions["gateways"], words, policy=POLICY)
        assert round_of_work(app.extensions["gateways"], words, policy=POLICY) == {}
    session.rollback()
    assert standing(session, booking.helper_id).signed_off == 1


class Away(PaymentGateway):
    """A payment gateway that fails in a way nobody has thought of."""

    def close_checkout(self, reference: str) -> object:
        raise ZeroDivisionError

    read_checkout = close_checkout

    def movements(self, since: datetime | None = None) -> Iterator[Movement]:
        raise GatewaySilent("nobody answers")


def test_a_part_that_fails_stops_no_other(app: Flask, session: Session) -> None:
    make_booking(session, state="reserved")
    finished = make_booking(session, state="finished")
    doors = replace(app.extensions["gateways"], payments=Away())
    with clock.moved_to(finished.ends_at + timedelta(hours=73)), pytest.raises(ExceptionGroup) as failed:
        round_of_work(doors, words, policy=POLICY)
    assert [type(problem) for problem in failed.value.exceptions] == [ZeroDivisionError]
    session.rollback()
    assert finished.state == "signed_off"
    assert (app.config["MAIL_FOLDER"]).exists(), "and its mails are delivered"
