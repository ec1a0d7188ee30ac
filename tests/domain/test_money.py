"""Money in whole cents: a percentage is rounded as one would, and what people type is read as they mean it."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.money import (
    GATEWAY,
    OURS,
    REFUNDS,
    REVENUE,
    cents_typed,
    credit,
    held,
    owed,
    percent_of,
    written,
)


@given(cents=st.integers(0, 10_000_000), percent=st.integers(0, 100))
def test_a_percentage_is_rounded_half_up(cents, percent):
    exact = Decimal(cents) * percent / 100
    assert percent_of(cents, percent) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("60", 6_000),
        (" 60 ", 6_000),
        ("60.5", 6_050),
        ("60,50", 6_050),
        ("60.-", 6_000),
        ("60.–", 6_000),
        ("CHF 60", 6_000),
        ("60 Fr.", 6_000),
        ("Fr. 60.50", 6_050),
        ("1'200.-", 120_000),
        ("1’234.50", 123_450),
        ("€ 60", 6_000),
        ("0", 0),
    ],
)
def test_what_people_type_for_an_amount(typed, cents):
    assert cents_typed(typed) == cents


@pytest.mark.parametrize(
    "typed", ["", "sixty", "-60", "60.555", "1e3", "6O", "60.", "٦٠", "12345678", "60 60.5.5", "NaN"]
)
def test_anything_else_is_not_an_amount(typed):
    with pytest.raises(ValueError):
        cents_typed(typed)


@given(st.integers(0, 999_999_999))
def test_an_amount_written_with_two_places_is_read_back(cents):
    assert cents_typed(f"{cents // 100}.{cents % 100:02d}") == cents


def test_the_accounts_of_the_ledger_are_told_apart():
    numbered = [account(number) for account in (held, owed, credit) for number in (1, 2, 11)]
    names = {*OURS, GATEWAY, REVENUE, REFUNDS, *numbered}
    assert len(names) == len(OURS) + 2 + len(numbered)
    assert not OURS & {REVENUE, REFUNDS, *numbered}


@pytest.mark.parametrize(
    ("cents", "currency", "shown"),
    [
        (0, "CHF", "CHF 0.00"),
        (5, "CHF", "CHF 0.05"),
        (99, "CHF", "CHF 0.99"),
        (100, "EUR", "EUR 1.00"),
        (123450, "CHF", "CHF 1’234.50"),
        (123456789, "CHF", "CHF 1’234’567.89"),
        (-1, "CHF", "CHF-0.01"),
        (-123450, "CHF", "CHF-1’234.50"),
    ],
)
def test_money_reads_as_switzerland_writes_it(cents, currency, shown):
    assert written(cents, currency) == shown.replace(" ", "\N{NO-BREAK SPACE}")
    babel = format_currency(Decimal(cents).scaleb(-2), currency, locale="de_CH")
    assert written(cents, currency) == babel
