"""The steps of posting, what is missing, and the grid of times."""

from datetime import UTC, datetime, timedelta

import pytest

from marketplace.domain import posting
from marketplace.domain.money import cents_typed

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
WHOLE = {
    "skill": {"skill": "wifi"},
    "words": {"title": "a", "description": "b"},
    "times": {"flexible": False, "slots": [["2026-03-24T16:00:00+00:00", "2026-03-24T20:00:00+00:00"]]},
    "place": {"name": "Bern"},
}


def test_the_steps_lead_from_the_first_to_the_check_page_and_back() -> None:
    assert posting.step_before(posting.STEPS[0]) is None
    assert posting.step_after(posting.STEPS[-1]) is None
    for before, after in zip(posting.STEPS, posting.STEPS[1:], strict=False):
        assert posting.step_after(before) == after
        assert posting.step_before(after) == before
    assert [posting.number_of(step) for step in posting.STEPS] == [1, 2, 3, 4, 5, 6]


def test_only_what_is_needed_is_missing() -> None:
    assert posting.missing(WHOLE, now=NOW) == []
    assert posting.missing({}, now=NOW) == ["skill", "words", "times", "place"]
    for step in posting.NEEDED:
        assert posting.missing({**WHOLE, step: {}}, now=NOW) == [step]


def test_times_that_have_passed_count_as_none() -> None:
    assert posting.missing(WHOLE, now=NOW + timedelta(days=10)) == ["times"]
    flexible = {**WHOLE, "times": {"flexible": True, "slots": WHOLE["times"]["slots"]}}
    assert posting.missing(flexible, now=NOW + timedelta(days=10)) == []
    assert posting.slots_ahead(flexible, now=NOW) == []


def test_the_grid_follows_the_wall_clock_over_the_change_to_summer_time() -> None:
    days = posting.days_offered(NOW, days=14, zone="Europe/Zurich")
    assert len(days) == 14
    assert days[0].on == NOW.date() + timedelta(days=1)
    evenings = {day.on.isoformat(): day.spans[2] for day in days}
    assert evenings["2026-03-28"].starts_at == datetime(2026, 3, 28, 16, tzinfo=UTC)  # 17:00 in winter
    assert evenings["2026-03-29"].starts_at == datetime(2026, 3, 29, 15, tzinfo=UTC)  # 17:00 in summer
    assert all(len(day.spans) == 3 for day in days), "weekends too"
    codes = [span.code for day in days for span in day.spans]
    assert len(set(codes)) == len(codes) == 42


@pytest.mark.parametrize(
    ("regions", "served"), [((), True), (("BE",), True), (("CH",), True), (("ZH",), False), (("ZH", "LI"), False)]
)
def test_a_region_is_served_by_its_code_or_its_country(regions: tuple[str, ...], served: bool) -> None:
    assert posting.is_served("CH", "BE", regions) is served


def test_answers_are_told_in_the_readers_language() -> None:
    questions = [
        {
            "code": "where",
            "ask": {"de": "Wo?", "fr": "Où ?"},
            "choices": [
                {"code": "here", "text": {"de": "Hier", "fr": "Ici"}},
                {"code": "unknown", "text": {"de": "Weiss nicht"}},
            ],
        }
    ]
    assert posting.told(questions, {"where": "here"}, "fr") == [("Où ?", "Ici")]
    assert posting.told(questions, {}, "fr") == []
    assert posting.told(questions, {}, "fr", with_unknown=True) == [("Où ?", "Weiss nicht")]
    assert posting.told(questions, {"where": "gone"}, "de") == []


@pytest.mark.parametrize(
    ("text", "cents"),
    [("60", 6000), ("60.50", 6050), ("60,5", 6050), ("CHF 1'200.-", 120_000), ("1’200.–", 120_000), ("Fr. 45", 4500)],
)
def test_amounts_are_read_as_people_type_them(text: str, cents: int) -> None:
    assert cents_typed(text) == cents


@pytest.mark.parametrize("text", ["", "viel", "-5", "1.234", "1e3", "60.5.5", "99999999", "٣٤", "60 pro Stunde"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        cents_typed(text)
