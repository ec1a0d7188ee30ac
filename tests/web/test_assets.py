"""The style sheet is one small cached answer, and no configured colour makes a page unreadable."""

import gzip
import re
from pathlib import Path

import pytest

from marketplace.web import assets
from tests.page import Page

STATIC = Path(__file__).resolve().parents[2] / "static"
COLOURS = ("#7a2550", "#ffd200", "#e20074", "#001155", "#808080", "#00aa55", "#ffffff", "#000000")


def test_the_style_sheet_keeps_its_order_and_its_weight():
    sheet, digest = assets.join_styles(STATIC)
    text = sheet.decode()
    assert text.startswith("@layer reset, tokens, base, layout, components;")
    assert text.index("--paper") < text.index("@font-face") < text.index(".site-header") < text.index(".alert")
    assert "/*" not in text
    assert digest == assets.short_hash(sheet)
    assert len(gzip.compress(sheet, 9)) <= 12 * 1024


def served(client):
    """The style sheet that the pages of this client ask for."""
    (link,) = client.get("/").all("link[rel=stylesheet]")
    return client.get(link.get("href")).response.text


def test_no_text_waits_for_the_font_or_moves_when_it_comes(client):
    faces = re.findall(r"@font-face \{(.*?)\}", served(client), re.DOTALL)
    assert faces
    assert all("font-display: optional;" in face for face in faces)


def test_every_colour_has_its_own_for_dark_pages(client):
    tokens = served(client).partition("@layer tokens")[2].partition("@font-face")[0]
    plain, _, by_scheme = tokens.partition("@supports (color: light-dark(#000, #fff))")
    assert "color-scheme: light;" in plain
    assert "color-scheme: light dark;" in by_scheme
    pairs = dict(re.findall(r"(--[a-z-]+): light-dark\((#\w+, #\w+)\);", by_scheme))
    assert {
        "--paper",
        "--surface",
        "--sunken",
        "--ink",
        "--soft",
        "--line",
        "--edge",
        "--brand",
        "--bad",
    } <= pairs.keys()
    by_day, by_night = ({name: pair.split(", ")[side] for name, pair in pairs.items()} for side in (0, 1))
    assert {name for name in pairs if by_day[name] == by_night[name]} == set()
    assert by_day == {name: colour for name, colour in re.findall(r"(--[a-z-]+): (#\w+);", plain) if name in pairs}
    assert {"light": long(by_day["--surface"]), "dark": long(by_night["--surface"])} == assets.SURFACE
    for colours in (by_day, by_night):
        for text in ("--ink", "--soft", "--brand-text", "--info", "--good", "--warn", "--bad"):
            for ground in ("--paper", "--surface", "--sunken"):
                assert assets.contrast(long(colours[text]), long(colours[ground])) >= 4.5, (text, ground)


def long(colour):
    """`#fff` as `#ffffff`."""
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


def test_an_operators_colour_is_another_one_on_dark_pages(started_in):
    client = Page(started_in("test", BRAND_COLOUR="#7a2550", BRAND_COLOUR_DARK="#ffd200"))
    sheets = [client.get(one.get("href")).response.text for one in client.get("/").all("link[rel=stylesheet]")]
    by_day, _, by_night = sheets[1].partition("@media (prefers-color-scheme:dark)")
    assert "--brand:#7a2550;" in by_day
    assert "--brand:#ffd200;" in by_night


def test_every_component_style_belongs_to_a_component():
    styles = {path.stem for path in (STATIC / "css" / "components").glob("*.css")}
    macros = {path.stem for path in (STATIC.parent / "templates" / "components").glob("*.html")}
    assert styles - macros <= {"operator", "profile", "swatch", "task"}  # of single pages and rooms


def test_the_design_page_shows_itself_in_every_language(client):
    for language in ("de", "fr", "it", "en"):
        client.get(f"/design?part=forms&lang={language}")
        assert client.document.cssselect(".form-errors a")
        client.get("/design?part=nowhere")
        assert client.document.cssselect(".swatches")


def test_our_own_scripts_stay_small():
    scripts = b"".join(path.read_bytes() for path in (STATIC / "js").glob("page.js"))
    assert len(gzip.compress(scripts, 9)) <= 3 * 1024


def test_the_style_sheet_is_served_for_ever_under_its_hash(client):
    _, digest = assets.join_styles(STATIC)
    assert "immutable" in client.get(f"/style-{digest}.css").response.headers["Cache-Control"]
    client.get("/style-000000000000.css", 404)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("ground", ["light", "dark"])
def test_an_operators_colour_is_readable_as_ground_and_as_text(colour, ground):
    values = dict(pair.split(":") for pair in assets._properties(colour, ground).split(";"))
    assert assets.contrast(values["--brand"], values["--brand-ink"]) >= 4.5
    assert assets.contrast(values["--brand-text"], values["--brand-soft"]) >= 4.5
    assert assets.contrast(values["--brand-text"], assets.SURFACE[ground]) >= 4.5


def test_contrast_is_the_published_one():
    assert assets.contrast("#000000", "#ffffff") == 21
    assert round(assets.contrast("#767676", "#ffffff"), 2) == 4.54


def test_what_is_not_a_colour_is_refused():
    with pytest.raises(ValueError, match="a colour is written like"):
        assets.brand_colours("red;}", "#ffffff")
