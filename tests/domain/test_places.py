"""The arithmetic of places: distances against geopy, boxes, blurring, and what a spelling is reduced to."""

import math
import random

import pytest
from geopy.distance import geodesic, great_circle
from hypothesis import example, given
from hypothesis import strategies as st

from marketplace.domain.places import Place, blurred, bounding_box, distance_km, fold, spellings

ALPINE = (45.6, 55.1, 5.8, 17.2)  # the box around the four countries: south, north, west, east
ZURICH, BERN = (47.3721, 8.5417), (46.9477, 7.4458)

latitudes = st.floats(-89.9, 89.9)
longitudes = st.floats(-180, 180)
keys = st.text(max_size=40).filter(lambda text: text.isprintable())


def random_position(draw: random.Random) -> tuple[float, float]:
    south, north, west, east = ALPINE
    return draw.uniform(south, north), draw.uniform(west, east)


def test_distances_agree_with_geopy_on_a_thousand_pairs():
    draw = random.Random(20261121)
    for _ in range(1000):
        a, b = random_position(draw), random_position(draw)
        ours = distance_km(*a, *b)
        assert ours == pytest.approx(great_circle(a, b).km, rel=1e-6)
        assert ours == pytest.approx(geodesic(a, b).km, rel=0.004), "the ellipsoid differs by at most 0.4 % here"


def test_near_distances_are_exact_enough_to_sort_neighbours():
    draw = random.Random(7)
    for _ in range(1000):
        lat, lon = random_position(draw)
        near = lat + draw.uniform(-0.3, 0.3), lon + draw.uniform(-0.4, 0.4)
        assert abs(distance_km(lat, lon, *near) - geodesic((lat, lon), near).km) < 0.2


def test_known_distance():
    assert distance_km(*ZURICH, *BERN) == pytest.approx(95.3, abs=0.5)
    assert distance_km(*ZURICH, *ZURICH) == 0


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_symmetric_and_never_beyond_half_the_globe(a_lat, a_lon, b_lat, b_lon):
    there, back = distance_km(a_lat, a_lon, b_lat, b_lon), distance_km(b_lat, b_lon, a_lat, a_lon)
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= 20_016


@given(latitudes, longitudes, st.floats(0.1, 500), st.floats(0, 2 * math.pi), st.floats(0, 1))
@example(47.0, 179.9, 50.0, 1.5, 1.0)
@example(89.5, 0.0, 100.0, 0.0, 1.0)
def test_the_box_holds_everything_within_reach(lat, lon, km, direction, share):
    south, west, north, east = bounding_box(lat, lon, km)
    target = great_circle(kilometers=km * share * 0.9999).destination((lat, lon), bearing=math.degrees(direction))
    assert south - 1e-9 <= target.latitude <= north + 1e-9
    assert west - 1e-9 <= target.longitude <= east + 1e-9


def test_the_box_is_not_wasteful():
    south, west, north, east = bounding_box(*ZURICH, 10)
    assert distance_km(south, ZURICH[1], north, ZURICH[1]) == pytest.approx(20, rel=0.001)
    assert distance_km(ZURICH[0], west, ZURICH[0], east) == pytest.approx(20, rel=0.001)


@given(st.floats(45.6, 55.1), st.floats(5.8, 17.2), keys)
def test_blurring_moves_by_300_to_700_metres(lat, lon, key):
    moved = blurred(lat, lon, secret=b"test", key=key)
    assert 0.295 <= distance_km(lat, lon, *moved) <= 0.705


def test_blurring_is_fixed_for_each_key_and_secret():
    shown = {blurred(*ZURICH, secret=b"one", key="task-1") for _ in range(50)}
    assert len(shown) == 1, "loading a page again must not give a second position to average with"
    assert blurred(*ZURICH, secret=b"one", key="task-2") not in shown
    assert blurred(*ZURICH, secret=b"two", key="task-1") not in shown


def test_blurring_points_in_every_direction_alike():
    quarters = [0, 0, 0, 0]
    near = 0
    for number in range(4000):
        lat, lon = blurred(*ZURICH, secret=b"test", key=str(number))
        quarters[2 * (lat > ZURICH[0]) + (lon > ZURICH[1])] += 1
        near += distance_km(*ZURICH, lat, lon) < 0.5
    assert min(quarters) > 900, quarters
    # Evenly over the ring: the part of it within 500 m is (5² - 3²) / (7² - 3²) = 40 %.
    assert 0.36 < near / 4000 < 0.44


def test_blurring_refuses_an_empty_secret():
    with pytest.raises(ValueError, match="secret"):
        blurred(*ZURICH, secret=b"", key="task-1")


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Zürich", "zurich"),
        ("ZU\u0308RICH", "zurich"),
        ("Genève", "geneve"),
        ("  La Chaux-de-Fonds ", "la chaux de fonds"),
        ("Biel/Bienne", "biel bienne"),
        ("St. Gallen", "st gallen"),
        ("Sankt Gallen", "st gallen"),
        ("Saint-Imier", "st imier"),
        ("Straßgang", "strassgang"),
        ("İzmir", "izmir"),
        ("'; --", ""),
        ("😀", ""),
    ],
)
def test_fold(typed, folded):
    assert fold(typed) == folded


def test_spellings_know_how_umlauts_are_typed_without_them():
    assert spellings("Köniz") == {"koniz", "koeniz"}
    assert spellings("Ko\u0308niz") == {"koniz", "koeniz"}
    assert spellings("Bern") == {"bern"}
    assert spellings("---") == set()


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


def test_a_place_says_itself():
    zurich = Place("CH", "8004", "Zürich", "ZH", 47.3789, 8.5204)
    assert (zurich.label, zurich.full_label, zurich.key) == ("8004 Zürich", "8004 Zürich (ZH)", "CH-8004 Zürich")
    assert Place("AT", "1010", "Wien", "Wien", 48.2, 16.4).full_label == "1010 Wien (AT)"
