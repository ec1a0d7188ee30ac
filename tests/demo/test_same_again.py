"""The dice of the sample marketplace are seeded: the same moment gives the same people and tasks. With `--full` only."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.demo import builder
from marketplace.domain.policy import Policy
from marketplace.models import Bid, Review, Standing, Task, User
from tests.fresh import begin_anew

MOMENT = datetime(2026, 6, 20, 9, 30, tzinfo=UTC)


def test_the_same_moment_gives_the_same_marketplace(app: Flask, session: Session, folder: Path, full: bool) -> None:
    if not full:
        pytest.skip("filling it twice comes with --full")
    first = filled(app, session)
    begin_anew(folder)
    assert filled(app, session) == first


def filled(app: Flask, session: Session) -> tuple[object, ...]:
    """What is said of the filled marketplace, its tasks, bids and reviews, and how its helpers stand."""
    said: list[str] = []
    with clock.moved_to(MOMENT):
        builder.fill(Policy(), app.extensions["gateways"], blur_secret=b"secret", echo=said.append)
    tasks = session.execute(select(Task.public_id, Task.title, Task.state).order_by(Task.id)).tuples()
    terms = (Bid.price_cents, Bid.minutes, Bid.starts_at, Bid.included, Bid.message, Bid.state)
    bids = session.execute(select(Bid.public_id, Bid.task_id, Bid.helper_id, *terms).order_by(Bid.id)).tuples()
    given = (Review.stars, Review.knowledge, Review.punctuality, Review.friendliness, Review.words)
    reviews = session.execute(
        select(Review.public_id, Review.booking_id, Review.side, *given).order_by(Review.id)
    ).tuples()
    standings = session.execute(
        select(User.public_id, Standing.signed_off, Standing.is_friend).join(User, User.id == Standing.helper_id)
    ).tuples()
    found = tuple(tasks), tuple(bids), tuple(reviews), tuple(sorted(standings))
    assert all(found), "an empty list is always the same"
    return (*said, *found)
