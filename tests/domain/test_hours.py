"""Ticks of the weekly grid become spans and come back as the same ticks."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.hours import CODES, codes_of, spans_of


@given(st.sets(st.sampled_from(CODES)))
def test_ticks_survive_the_way_to_spans_and_back(codes: set[str]) -> None:
    assert codes_of(spans_of(codes)) == codes


def test_the_grid_reaches_into_the_late_evening() -> None:
    assert spans_of({"6-late"}) == [(6, 1260, 1380)]


def test_a_longer_span_ticks_every_part_it_holds() -> None:
    assert codes_of([(2, 480, 1260)]) == {"2-morning", "2-afternoon", "2-evening"}


def test_unknown_ticks_stand_for_nothing() -> None:
    assert spans_of({"9-morning", "nonsense"}) == []
