"""Messages of the gateway may come twice, in any order, late or never at first: the end is the same; forged ones never count."""

from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from flask import Flask

from marketplace.gateways.payments.sandbox.switches import Switches
from tests.bench.guards import Guard, tried_without
from tests.bench.money_events import FIVE, again_after, eventful, in_order, messages
from tests.bench.money_faults import doors_with
from tests.bench.money_stories import STORIES, lived

# A dispute that is known already is found again by the bank's name for it.
KNOWN = Guard(
    "marketplace/actions/disputes.py",
    "    dispute = session.scalar(select(Dispute).where(Dispute.reference == fact.reference))\n",
    "    dispute = None\n",
)
SIGNATURE = Guard(
    "marketplace/gateways/payments/stripe_door.py",
    "            event = self.client.construct_event(raw, signature, self.secrets[endpoint], TOLERANCE)\n",
    "            event = stripe.Event.construct_from(__import__('json').loads(raw), None)\n",
)
ROADS = {
    "twice": Switches(duplicates=100),
    "late and out of order": Switches(delay=20, reorder=600),
    "never": Switches(loss=100),
}
BANKS = {"charged_back", "disputed_before"}  # what banks do by themselves we only hear of by a message
SAMPLE = {"twice": "charged_back", "late and out of order": "slow_refund", "never": "far_ahead"}


@pytest.mark.parametrize("road", ROADS)
def test_however_messages_travel_the_end_is_the_same(
    app: Flask, start_anew: Callable[[], None], road: str, full: bool, figure: Callable[[str, int], None]
) -> None:
    stories = [SAMPLE[road]] if not full else STORIES.keys() - BANKS if road == "never" else STORIES
    faults, told = {}, Counter[str]()
    for story in stories:
        start_anew()
        end = lived(app, story, doors=doors_with(app, Switches()))
        start_anew()
        other = lived(app, story, doors=doors_with(app, ROADS[road]))
        told.update(one.kind for one in messages())
        if found := other.faults_against(end):
            faults[story] = found
    assert faults == {}
    figure(f"messages of the gateway that came {road}, the end was the same", told.total())
    figure(f"kinds of messages that came {road}", len(told))


def test_any_order_of_five_messages_of_one_booking(
    app: Flask, start_anew: Callable[[], None], full: bool, figure: Callable[[str, int], None]
) -> None:
    orders = list(permutations(FIVE))
    chosen = orders if full else orders[::24]
    first, faults, _ = in_order(app, orders[0])
    assert faults == []
    assert first.rows["disputes"] == {("won", 5500, 2000): 1}
    assert first.rows["payouts"] == {("sent", "Hans Helfer", 4950, 0): 1}
    assert first.rows["refunds"] == {("failed", 500, "lost_or_stolen_card"): 1, ("given", 2000, None): 1}
    differing = {}
    for order in chosen:
        start_anew()
        end, faults, answers = in_order(app, order)
        if found := [*faults, *first.differences(end), *(f"answered {one}" for one in answers if one != 200)]:
            differing[order] = found
    assert differing == {}
    figure("orders of five messages of one booking, the end was the same", len(chosen))


def test_all_messages_once_more_after_ten_days(
    app: Flask, start_anew: Callable[[], None], full: bool, figure: Callable[[str, int], None]
) -> None:
    with eventful(app) as town:
        town.hears = True
        town.work()
        assert again_after(town, days=10) == []
        figure("messages that came once more after ten days, without effect", len(messages()))


def test_a_dispute_that_is_not_found_again_is_noticed(tmp_path: Path, full: bool) -> None:
    if not full:
        pytest.skip("a copy of the code without the guard is tried with --full")
    tried_without(KNOWN, tmp_path, "tests/bench/test_money_events.py", "-k", "any_order")


def test_a_webhook_that_believes_everybody_is_noticed(tmp_path: Path) -> None:
    said = tried_without(SIGNATURE, tmp_path, "tests/jobs/test_notices.py", "-k", "forged")
    assert "no signature" in said
