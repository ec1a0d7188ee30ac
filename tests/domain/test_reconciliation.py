"""Comparing the two books: what agrees is silent, and every way to differ is told apart, from both sides."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from marketplace.domain.gateway import Movement
from marketplace.domain.reconciliation import COUNTED, Booked, Comparison, compare

AT = datetime(2026, 3, 29, tzinfo=UTC)


def movement(kind: str = "charge", source: str = "ch_1", cents: int = 5_500, fee: int = 190) -> Movement:
    return Movement(f"txn_{kind}_{source}", kind, source, cents, fee, "CHF", AT)  # type: ignore[arg-type]


def line(kind: str = "charge", source: str = "ch_1", cents: int = 5_500, fee: int = 190) -> Booked:
    return Booked(kind, source, cents, fee, "CHF", posting_id=1, booking_id=2)


def told(comparison: Comparison) -> list[tuple[str, str, int, int]]:
    return [(one.what, one.source, one.gateway_cents, one.ledger_cents) for one in comparison.differences]


def test_empty_books_agree() -> None:
    comparison = compare([], [])
    assert (comparison.movements, comparison.matched, told(comparison)) == (0, 0, [])


def test_equal_lines_agree_in_any_order() -> None:
    movements = [movement(), movement("refund", "re_1", -2_000, 0)]
    lines = [line("refund", "re_1", -2_000, 0), line()]
    comparison = compare(movements, lines)
    assert (comparison.movements, comparison.matched, told(comparison)) == (2, 2, [])
    assert comparison.gateway_cents == comparison.ledger_cents == 5_500 - 190 - 2_000


@pytest.mark.parametrize(
    ("movements", "lines", "expected"),
    [
        ([movement()], [], [("not_in_ledger", "ch_1", 5_310, 0)]),
        ([], [line()], [("not_at_gateway", "ch_1", 0, 5_310)]),
        ([movement()], [line(cents=5_501)], [("other_amount", "ch_1", 5_310, 5_311)]),
        ([movement()], [line(fee=191)], [("other_amount", "ch_1", 5_310, 5_309)]),
        ([movement(cents=5_600, fee=290)], [line()], [("other_amount", "ch_1", 5_310, 5_310)]),  # the same in the end
        ([movement()], [replace(line(), currency="EUR")], [("other_currency", "ch_1", 5_310, 5_310)]),
        ([movement(), movement()], [line()], [("twice_at_gateway", "ch_1", 5_310, 0)]),
        ([movement()], [line(), line()], [("twice_in_ledger", "ch_1", 0, 5_310)]),
        ([movement(), movement()], [], [("not_in_ledger", "ch_1", 5_310, 0), ("twice_at_gateway", "ch_1", 5_310, 0)]),
        ([], [line(), line()], [("not_at_gateway", "ch_1", 0, 5_310), ("twice_in_ledger", "ch_1", 0, 5_310)]),
        (
            [movement("refund", "x", -1, 0)],
            [line("transfer", "x", -1, 0)],
            [("not_in_ledger", "x", -1, 0), ("not_at_gateway", "x", 0, -1)],
        ),
        (
            [movement()],
            [line(source="ch_2")],
            [("not_in_ledger", "ch_1", 5_310, 0), ("not_at_gateway", "ch_2", 0, 5_310)],
        ),
    ],
)
def test_every_way_to_differ(
    movements: list[Movement], lines: list[Booked], expected: list[tuple[str, str, int, int]]
) -> None:
    comparison = compare(movements, lines)
    assert told(comparison) == expected
    assert comparison.matched == 0 or expected[0][0].startswith("twice")


def test_a_difference_leads_to_its_posting_and_booking() -> None:
    [one] = compare([], [line()]).differences
    assert (one.posting_id, one.booking_id) == (1, 2)
    assert one.facts() == {
        "what": "not_at_gateway",
        "kind": "charge",
        "source": "ch_1",
        "gateway_cents": 0,
        "ledger_cents": 5_310,
        "posting_id": 1,
        "booking_id": 2,
    }


def test_clean_books_give_no_alarm_and_a_single_wrong_line_is_found(
    full: bool, figure: Callable[[str, int], None]
) -> None:
    chance, count = random.Random(2026), 10_000 if full else 500
    movements = [
        movement(chance.choice(COUNTED), f"x_{number}", chance.randint(-100_000, 100_000), chance.randint(0, 900))
        for number in range(count)
    ]
    lines = [line(one.kind, one.source, one.amount_cents, one.fee_cents) for one in movements]
    chance.shuffle(lines)
    comparison = compare(movements, lines)
    assert (comparison.matched, comparison.differences) == (count, [])
    figure("clean entries compared without a false alarm", count)
    wrong = chance.randrange(count)
    lines[wrong] = replace(lines[wrong], amount_cents=lines[wrong].amount_cents + 1)
    comparison = compare(movements, lines)
    assert [one.source for one in comparison.differences] == [lines[wrong].source]
    assert comparison.matched == count - 1
