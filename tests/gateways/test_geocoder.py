"""The door to places: the bundled file, what typed text means, and online services spoken to over real HTTP."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import config
from marketplace.domain.places import Place, distance_km
from marketplace.gateways.geocoder import BundledPlaces, Found, OnlineGeocoder, open_geocoder
from marketplace.gateways.geocoder.bundled import DATA, load
from marketplace.gateways.geocoder.memory import Answers
from marketplace.gateways.geocoder.typed import REGION_NAMES

SWISS = BundledPlaces(("CH", "LI"))
ALL = BundledPlaces(("CH", "LI", "AT", "DE"))
CANTONS = {"AG", "AI", "AR", "BE", "BL", "BS", "FR", "GE", "GL", "GR", "JU", "LU", "NE"} | {
    "NW", "OW", "SG", "SH", "SO", "SZ", "TG", "TI", "UR", "VD", "VS", "ZG", "ZH",
}  # fmt: skip
BOXES = {  # south, north, west, east
    "CH": (45.8, 47.85, 5.9, 10.55),
    "LI": (47.04, 47.28, 9.46, 9.65),
    "AT": (46.3, 49.05, 9.5, 17.2),
    "DE": (47.2, 55.1, 5.8, 15.1),
}


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    return [line.split(",") for line in gzip.decompress(DATA.read_bytes()).decode().splitlines()[1:]]


def labels(found: Found) -> list[str]:
    return [place.full_label for place in found.choices]


# The file


def test_the_file_holds_what_its_readme_says(rows):
    counts = {c: (sum(r[0] == c for r in rows), len({r[1] for r in rows if r[0] == c})) for c in BOXES}
    assert counts == {"CH": (4285, 3362), "LI": (13, 13), "AT": (18673, 2217), "DE": (15050, 8172)}


def test_the_file_is_small_and_has_no_time_stamp():
    packed = DATA.read_bytes()
    assert len(packed) < 600_000
    assert packed[4:8] == bytes(4), "a time stamp would make each build differ"


def test_no_row_repeats_and_every_row_is_whole(rows):
    assert all(len(row) == 10 for row in rows)
    assert len({(country, postcode, name) for country, postcode, name, *_ in rows}) == len(rows)
    assert all(name and region for _, _, name, region, *_ in rows)


def test_every_position_lies_in_its_country(rows):
    for country, postcode, name, _, lat, lon, *_ in rows:
        south, north, west, east = BOXES[country]
        assert south <= float(lat) <= north, (postcode, name)
        assert west <= float(lon) <= east, (postcode, name)


def test_regions_are_canton_codes_and_state_names(rows):
    by_country = {country: {row[3] for row in rows if row[0] == country} for country in BOXES}
    assert by_country["CH"] == CANTONS
    assert by_country["LI"] == {"LI"}
    assert len(by_country["AT"]) == 9
    assert len(by_country["DE"]) == 16


def test_post_boxes_and_companies_are_not_names(rows):
    swiss = [row[2] for row in rows if row[0] == "CH"]
    assert {name for name in swiss if any(c.isdigit() for c in name)} == {"Root D4"}, "which is an official name"
    assert not [name for name in swiss if "PostFinance" in name or "UBS" in name]
    assert not [row for row in rows if row[0] == "DE" and "GmbH" in row[2]]


def test_every_place_is_found_again_by_its_key(rows):
    for country, postcode, name, region, lat, lon, *_ in rows[::7]:
        place = Place(country, postcode, name, region, float(lat), float(lon))
        assert ALL.find(place.key) == Found(place=place)


@pytest.mark.parametrize(
    ("postcode", "lat", "lon", "km"),
    [
        ("8004", 47.378, 8.522, 0.5),
        ("3011", 46.948, 7.448, 0.5),
        ("4051", 47.556, 7.588, 0.5),
        ("6900", 46.004, 8.951, 0.6),
        ("7000", 46.850, 9.533, 0.7),
        ("1201", 46.209, 6.143, 0.6),
        ("9000", 47.424, 9.377, 0.8),
        ("6003", 47.050, 8.305, 0.9),
        ("8400", 47.499, 8.729, 0.9),
        ("1950", 46.233, 7.360, 1.0),
        ("3098", 46.924, 7.414, 1.3),
        ("A-6020", 47.268, 11.393, 1.0),
        ("A-8010", 47.070, 15.439, 1.0),
        ("A-1010", 48.208, 16.372, 0.5),
        ("FL-9490", 47.141, 9.521, 0.6),
        ("D-10117", 52.517, 13.389, 0.6),
    ],
)
def test_known_postcodes_lie_where_they_are(postcode, lat, lon, km):
    found = ALL.find(postcode if postcode[0] in "ADF" else f"CH-{postcode}")
    place = found.place or found.choices[0]
    assert distance_km(place.lat, place.lon, lat, lon) <= km


# What a text means


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("8004", "8004 Zürich (ZH)"),
        (" 8004 ", "8004 Zürich (ZH)"),
        ("CH-8004", "8004 Zürich (ZH)"),
        ("ch 8004", "8004 Zürich (ZH)"),
        ("８００４", "8004 Zürich (ZH)"),
        ("8004 Zürich", "8004 Zürich (ZH)"),
        ("8004, zurich", "8004 Zürich (ZH)"),
        ("8004\u00a0Zuerich", "8004 Zürich (ZH)"),
        ("8058", "8058 Zürich (ZH)"),
        ("Zürich", "8001 Zürich (ZH)"),
        ("zurich", "8001 Zürich (ZH)"),
        ("ZUERICH", "8001 Zürich (ZH)"),
        ("Zurigo", "8001 Zürich (ZH)"),
        ("Oerlikon", "8050 Zürich (ZH)"),
        ("Örlikon", "8050 Zürich (ZH)"),
        ("Zürich Oerlikon", "8050 Zürich (ZH)"),
        ("Höngg", "8049 Zürich (ZH)"),
        ("Bern", "3011 Bern (BE)"),
        ("Berne", "3011 Bern (BE)"),
        ("Basel", "4051 Basel (BS)"),
        ("Basle", "4051 Basel (BS)"),
        ("Bâle", "4051 Basel (BS)"),
        ("Basilea", "4051 Basel (BS)"),
        ("Genève", "1204 Genève (GE)"),
        ("Geneve", "1204 Genève (GE)"),
        ("Genf", "1204 Genève (GE)"),
        ("Geneva", "1204 Genève (GE)"),
        ("Ginevra", "1204 Genève (GE)"),
        ("Biel", "2502 Biel/Bienne (BE)"),
        ("Bienne", "2502 Biel/Bienne (BE)"),
        ("Biel/Bienne", "2502 Biel/Bienne (BE)"),
        ("Köniz", "3098 Köniz (BE)"),
        ("Koeniz", "3098 Köniz (BE)"),
        ("koniz", "3098 Köniz (BE)"),
        ("Luzern", "6003 Luzern (LU)"),
        ("Lucerne", "6003 Luzern (LU)"),
        ("St. Gallen", "9000 St. Gallen (SG)"),
        ("St.Gallen", "9000 St. Gallen (SG)"),
        ("Sankt Gallen", "9000 St. Gallen (SG)"),
        ("San Gallo", "9000 St. Gallen (SG)"),
        ("Sion", "1950 Sion (VS)"),
        ("Sitten", "1950 Sion (VS)"),
        ("Freiburg", "1700 Fribourg (FR)"),
        ("Coire", "7000 Chur (GR)"),
        ("Gümligen", "3073 Gümligen (BE)"),
        ("Liebefeld", "3097 Liebefeld (BE)"),
        ("Wabern", "3084 Wabern (BE)"),
        ("9490", "9490 Vaduz (LI)"),
        ("FL-9490", "9490 Vaduz (LI)"),
        ("1010", "1010 Lausanne (VD)"),
    ],
)
def test_one_place(typed, label):
    found = SWISS.find(typed)
    assert found.is_one, labels(found)
    assert found.place
    assert found.place.full_label == label


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Wint", "8400 Winterthur (ZH)"),
        ("Zü", "8001 Zürich (ZH)"),
        ("Wil", "9500 Wil SG (SG)"),
        ("Buchs", "9470 Buchs SG (SG)"),
        ("Rüti", "8630 Rüti ZH (ZH)"),
        ("Affoltern", "8910 Affoltern am Albis (ZH)"),
        ("Zurich HB", "8001 Zürich (ZH)"),
        ("8004 Bern", "8004 Zürich (ZH)"),
        ("8004 xyzzy", "8004 Zürich (ZH)"),
        ("Bahnhofstrasse 1, 8001 Zürich", "8001 Zürich (ZH)"),
    ],
)
def test_a_choice_never_a_guess(typed, first):
    found = SWISS.find(typed)
    assert found.is_choice
    assert labels(found)[0] == first


REGIONS = [
    "Tessin", "tessin", "Ticino", "Vaud", "Waadt", "Uri", "Wallis", "Valais", "Graubünden", "Aargau", "Jura", "Thurgau",
    "Baselland", "Basel-Landschaft", "Bâle-Campagne", "Schweiz", "Suisse", "Svizzera", "Romandie", "Liechtenstein",
    "Hessen", "Thüringen", "Thueringen", "Bayern", "Deutschland", "Tirol", "Österreich",
    "Kanton Bern", "KANTON ZÜRICH", "Kt. Luzern", "Canton Jura", "canton de Vaud", "Canton du Valais", "canton d'Uri",
    "Cantone Ticino", "Cantone dei Grigioni", "Bundesland Salzburg",
]  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
def test_a_whole_region_is_no_place_and_known_as_one(region):
    assert ALL.find(region) == Found(is_region=True)


def test_a_region_is_one_where_its_country_is_served_and_a_village_of_that_name_has_its_postcode():
    assert BundledPlaces(("DE",)).find("Tessin").place.full_label == "18195 Tessin (DE)"
    assert SWISS.find("Hessen") == Found()
    assert ALL.find("18195 Tessin").place.full_label == "18195 Tessin (DE)"
    assert ALL.find("Kanton Bern", countries=[]) == Found()


def test_a_region_hides_no_place_of_its_own_country_but_villages_somebody_knows_of():
    hidden = {
        (country, name)
        for country, names in REGION_NAMES.items()
        for name in names
        if load(DATA, frozenset({country})).by_name(name, 8).place
    }
    assert hidden == {("CH", "vaud"), ("DE", "hessen"), ("DE", "sachsen")}


@pytest.mark.parametrize("typed", ["Basel-Stadt", "Bâle-Ville", "Zürich 4", "Zürich (ZH)"])
def test_what_is_not_quite_the_name_of_one_place_is_asked_about(typed):
    assert len(ALL.find(typed).choices) == 1


def test_a_label_that_our_pages_print_is_understood_as_just_that_place(rows):
    for country, postcode, name, region, lat, lon, *_ in rows[::5]:
        place = Place(country, postcode, name, region, float(lat), float(lon))
        assert ALL.find(place.full_label) == Found(place=place)
    for typed in ("8001 zuerich (zh)", " 8001  Zürich (ZH) "):
        assert ALL.find(typed).place.full_label == "8001 Zürich (ZH)"
    assert ALL.find("8630 Rüti (GL)").is_choice, "the other Rüti may be meant"


def test_a_town_that_its_canton_is_named_after_is_that_town():
    towns = ("Zürich", "Luzern", "Zug", "Glarus", "Schwyz", "Solothurn", "Schaffhausen", "Neuchâtel", "Genève")
    assert all(ALL.find(town).is_one for town in towns)


def test_a_postcode_of_two_countries_is_a_choice_unless_the_countries_settle_it():
    assert labels(ALL.find("1010")) == ["1010 Lausanne (VD)", "1010 Wien (AT)"]
    assert ALL.find("1010", countries=["AT"]).place.name == "Wien"
    assert ALL.find("A-1010").place.name == "Wien"
    assert ALL.find("1010 Wien").place.country == "AT"
    assert SWISS.find("A-1010").is_none


def test_towns_of_the_neighbours():
    german = {"München": "80331", "Munich": "80331", "Koeln": "50667", "Wien": "1010", "Vienna": "1010", "Graz": "8010"}
    assert {name: ALL.find(name).place.postcode for name in german} == german
    assert labels(ALL.find("Frankfurt")) == ["60306 Frankfurt am Main (DE)", "15230 Frankfurt (Oder) (DE)"]
    assert {"79098 Freiburg im Breisgau (DE)", "1700 Fribourg (FR)"} <= set(labels(ALL.find("Freiburg")))
    assert labels(ALL.find("Berne")) == ["3011 Bern (BE)", "27804 Berne (DE)"], "a village must not hide a capital"
    assert ALL.find("Bienne").place.name == "Biel/Bienne", "also a spelling of Vienna somewhere"


def test_localities_far_apart_under_one_postcode_are_a_choice():
    brig = SWISS.find("3900")
    assert brig.is_choice
    assert brig.choices[0].name == "Brig"
    assert any(distance_km(brig.choices[0].lat, brig.choices[0].lon, p.lat, p.lon) > 5 for p in brig.choices)
    assert SWISS.find("6900").place.name == "Lugano", "Massagno and Paradiso lie close enough for one point"


NO_PLACES = [
    "", " ", "a", "--", "(((((", "0000", "99999", "8004800480048004", "1234567890" * 9, "8" * 5000, "Zürich" * 900,
    "Bümpliz-Nirgends", "'; DROP TABLE places;--", "1 OR 1=1", "%", "*", "Zür%", "<script>alert(1)</script>",
    "../../etc", "😀", "Zürich 😀", "Zü\x00rich", "Zürich\x1b[0m", "\u202ehciriZ", "\ud800", "٨٠٠٤", "\u200b", "²³¼½",
]  # fmt: skip


@pytest.mark.parametrize("typed", NO_PLACES)
def test_what_is_no_place_is_none(typed):
    assert SWISS.find(typed).is_none
    assert ALL.find(typed).is_none


text_like_places = st.text(alphabet="CHDAFLI- 0123456789,.'/()äöüéèßZzurich", max_size=30)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.text(max_size=120), text_like_places, st.binary(max_size=60).map(lambda b: b.decode("latin-1"))),
    st.integers(-3, 20),
    st.sampled_from([None, [], ["CH"], ["XX"], ["ch", "AT"]]),
)
def test_no_text_raises(text, limit, countries):
    found = ALL.find(text, limit=limit, countries=countries)
    assert found.is_one + found.is_choice + found.is_none == 1
    assert len(found.choices) <= max(1, limit)


def test_countries_are_kept_to():
    for place in ALL.find("Neu", countries=["LI", "CH"], limit=50).choices:
        assert place.country in ("CH", "LI")
    assert ALL.find("Zürich", countries=[]).is_none


def test_the_nearest_place_to_a_position():
    assert SWISS.nearest(47.3721, 8.5417).label == "8001 Zürich"
    assert SWISS.nearest(52.5, 13.4) is None


def test_found_is_exactly_one_thing():
    place = SWISS.find("8004").place
    for more in ({"choices": (place,)}, {"is_region": True}):
        with pytest.raises(ValueError, match="either"):
            Found(place=place, **more)


# Online services, spoken to over real HTTP on the loopback


class Service:
    """A small geocoding service: answers by path, counts what it is asked, and breaks when told to."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[tuple[str, dict[str, list[str]], str, float]] = []
        self.status = 200
        self.body: bytes | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                agent = self.headers["User-Agent"]
                service.asked.append((parts.path, parse_qs(parts.query), agent, time.monotonic()))
                body = service.body or json.dumps(service.answers.get(parts.path, [])).encode()
                self.send_response(service.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        return Handler


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def opened(service: Service, kind: str, **more: object) -> OnlineGeocoder:
    geocoder = open_geocoder({"GEOCODER": kind, "GEOCODER_URL": service.url, "COUNTRIES": "CH,LI"} | more)
    assert isinstance(geocoder, OnlineGeocoder)
    return geocoder


def nominatim_hit(name: str, kind: str, lat: float, lon: float, **address: str) -> dict[str, object]:
    return {
        "lat": str(lat), "lon": str(lon), "name": name, "addresstype": kind, "display_name": f"{name}, Schweiz",
        "address": {"country_code": "ch"} | address,
    }  # fmt: skip


BUMPLIZ = nominatim_hit("Bümpliz", "suburb", 46.9403, 7.3899, postcode="3018", city="Bern")


def test_nominatim_finds_what_the_bundled_places_do_not_know(service):
    service.answers["/search"] = [BUMPLIZ, nominatim_hit("Bümplizstrasse", "road", 46.94, 7.4)]
    found = opened(service, "nominatim").find("Bümpliz")
    assert found.place == Place("CH", "3018", "Bümpliz", "BE", 46.9403, 7.3899)
    ((path, query, agent, _),) = service.asked
    assert path == "/search"
    assert query["q"] == ["Bümpliz"]
    assert query["countrycodes"] == ["ch,li"]
    assert agent.startswith("Hilfreich/")


def test_a_postcode_is_asked_as_one(service):
    service.answers["/search"] = [nominatim_hit("8004", "postcode", 47.377, 8.52, postcode="8004", city="Zürich")]
    found = opened(service, "nominatim").find("8004")
    assert found.place == Place("CH", "8004", "Zürich", "ZH", 47.377, 8.52)
    assert service.asked[0][1]["postalcode"] == ["8004"]


def test_several_hits_are_a_choice_and_a_chosen_one_is_not_asked_again(service):
    service.answers["/search"] = [
        nominatim_hit("Rüti", "village", 47.256, 8.855, postcode="8630"),
        nominatim_hit("Rüti", "village", 46.936, 9.012),
        nominatim_hit("Rüti", "municipality", 47.258, 8.856),
    ]
    geocoder = opened(service, "nominatim")
    found = geocoder.find("Rüti")
    assert [(p.postcode, p.region) for p in found.choices] == [("8630", "ZH"), ("8782", "GL")]
    assert geocoder.find(found.choices[1].key).place == found.choices[1]
    assert len(service.asked) == 1


def test_places_abroad_are_left_out(service):
    service.answers["/search"] = [nominatim_hit("Bümpliz", "suburb", 48.2, 16.37, country_code="at")]
    assert opened(service, "nominatim").find("Bümpliz").is_none


def test_photon(service):
    def hit(name: str, kind: str, lat: float, lon: float, country: str) -> dict[str, object]:
        facts = {"name": name, "osm_key": "place", "osm_value": kind, "countrycode": country}
        return {"geometry": {"coordinates": [lon, lat]}, "properties": facts}

    service.answers["/api"] = {
        "features": [hit("Bümpliz", "suburb", 46.9403, 7.3899, "CH"), hit("Bümpliz", "hamlet", 52.5, 13.4, "DE")]
    }
    found = opened(service, "photon").find("bumpliz")
    assert found.place == Place("CH", "3018", "Bümpliz", "BE", 46.9403, 7.3899)
    assert service.asked[0][1]["osm_tag"] == ["place"]


def test_swisstopo(service):
    def hit(label: str, origin: str, lat: float, lon: float, number: str = "1") -> dict[str, object]:
        return {"attrs": {"label": label, "origin": origin, "lat": lat, "lon": lon, "featureId": number}}

    service.answers["/rest/services/api/SearchServer"] = {
        "results": [
            hit("<b>8303 - Bassersdorf</b>", "zipcode", 47.4401, 8.6259),
            hit("<b>Bassersdorf (ZH)</b>", "gg25", 47.4440, 8.6289, "52"),
            hit("<b>Zürichsee (ZH)</b>", "gg25", 47.25, 8.68, "9051"),
        ]
    }
    geocoder = opened(service, "swisstopo")
    assert geocoder.find("Bassersdorf").place == Place("CH", "8303", "Bassersdorf", "ZH", 47.4401, 8.6259)
    assert service.asked[0][1]["sr"] == ["4326"]
    assert service.asked[0][1]["type"] == ["locations"]


def test_swisstopo_does_not_hide_the_neighbours_it_does_not_know(service):
    hit = {"label": "<b>1010 - Lausanne</b>", "origin": "zipcode", "lat": 46.5377, "lon": 6.6553, "featureId": "1"}
    service.answers["/rest/services/api/SearchServer"] = {"results": [{"attrs": hit}]}
    geocoder = opened(service, "swisstopo", COUNTRIES="CH,AT")
    assert labels(geocoder.find("1010")) == ["1010 Lausanne (VD)", "1010 Wien (AT)"]
    assert geocoder.find("Wien").place.postcode == "1010"


def test_a_signed_postcode_is_asked_in_its_country_only(service):
    geocoder = opened(service, "nominatim", COUNTRIES="CH,AT")
    assert geocoder.find("A-1010").place.name == "Wien"
    assert service.asked[0][1]["countrycodes"] == ["at"]
    assert geocoder.find("D-10117").is_none
    assert len(service.asked) == 1


def test_a_region_is_not_asked_and_a_label_of_ours_is_the_place_that_was_offered(service):
    service.answers["/search"] = [
        nominatim_hit("Rüti", "village", 47.256, 8.855, postcode="8630"),
        nominatim_hit("Rüti", "village", 46.936, 9.012),
    ]
    geocoder = opened(service, "nominatim")
    assert geocoder.find("Canton de Vaud") == Found(is_region=True)
    assert service.asked == []
    one, other = geocoder.find("Rüti").choices
    assert [geocoder.find(place.full_label).place for place in (one, other)] == [one, other]
    assert len(service.asked) == 1


def test_nobody_is_asked_more_than_once_a_second(service):
    geocoder = opened(service, "nominatim")
    for typed in ("Bassersdorf", "Kloten"):
        geocoder.find(typed)
    first, second = (at for *_, at in service.asked)
    assert second - first >= 0.95


def test_two_processes_with_one_file_share_the_second(tmp_path):
    one, other = Answers(tmp_path / "answers.sqlite"), Answers(tmp_path / "answers.sqlite")
    assert one.take_turn(1.0) == 0
    assert 0.5 < other.take_turn(1.0) <= 1.0
    assert 1.5 < one.take_turn(1.0) <= 2.0


def test_an_online_service_has_a_file_for_all_processes_where_the_operator_names_none(service, tmp_path):
    there = {"ENVIRONMENT": "test", "VAR_FOLDER": str(tmp_path)}
    assert config.settings(there)["GEOCODER_CACHE"] == ""
    named = config.settings({**there, "GEOCODER": "photon", "GEOCODER_CACHE": "/srv/places.sqlite"})
    assert named["GEOCODER_CACHE"] == "/srv/places.sqlite"
    kept = config.settings({**there, "GEOCODER": "nominatim", "GEOCODER_URL": service.url, "GEOCODER_CACHE": ""})
    assert Path(kept["GEOCODER_CACHE"]).parent == tmp_path
    for typed in ("Bassersdorf", "Kloten"):
        open_geocoder(kept).find(typed)
    first, second = (at for *_, at in service.asked)
    assert second - first >= 0.95


def test_answers_survive_a_restart_and_keep_no_typed_text(service, tmp_path):
    cache = tmp_path / "cache" / "answers.sqlite"
    service.answers["/search"] = [BUMPLIZ]
    first = opened(service, "nominatim", GEOCODER_CACHE=str(cache)).find("Bümpliz")
    service.status = 500
    again = opened(service, "nominatim", GEOCODER_CACHE=str(cache)).find("bümpliz")
    assert again == first
    assert len(service.asked) == 1
    opened(service, "nominatim", GEOCODER_CACHE=str(cache)).find("Geheimweg 7, Bern")
    assert b"Geheimweg" not in cache.read_bytes()


def test_memory_is_bounded():
    answers = Answers()
    for number in range(2_100):
        answers.put(str(number), Found())
    assert answers.get("0") is None
    assert answers.get("2099") == Found()


@pytest.mark.parametrize("kind", ["nominatim", "photon", "swisstopo"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (429, b"{}"),
        (403, b"no"),
        (200, b"<html>"),
        (200, b'{"features": 3, "results": 3}'),
        (200, b"[7]"),
    ],
)
def test_a_broken_service_is_answered_from_the_bundled_places(service, kind, status, body):
    service.status, service.body = status, body
    geocoder = opened(service, kind)
    assert geocoder.find("8004").place.label == "8004 Zürich"
    assert geocoder.find("Genf").place.label == "1204 Genève"
    assert len(service.asked) == 1, "a broken service is left alone for a while"


def test_a_service_that_is_not_there_is_answered_from_the_bundled_places():
    geocoder = open_geocoder({"GEOCODER": "nominatim", "GEOCODER_URL": "http://127.0.0.1:1", "COUNTRIES": ["CH"]})
    assert geocoder.find("Zürich").place.label == "8001 Zürich"
    assert geocoder.find("1010").place.name == "Lausanne"


def test_hostile_text_never_reaches_the_service(service):
    geocoder = opened(service, "nominatim")
    for text in ("8" * 500, "Zü\x00rich", "😀", "<script>"):
        assert geocoder.find(text).is_none
    assert service.asked == []


def test_the_operator_chooses():
    assert isinstance(open_geocoder({}), BundledPlaces)
    assert open_geocoder({}).countries == ("CH", "LI")
    assert open_geocoder({"COUNTRIES": "at, de"}).countries == ("AT", "DE")
    with pytest.raises(ValueError, match="bundled, nominatim, photon, swisstopo"):
        open_geocoder({"GEOCODER": "oracle"})
