"""The style sheet: one answer made from the files under static/css, and the operator's own colours on top of it.

There is no build step: the files are read once at start, joined in a fixed order, and served under an address that
holds their hash, so that browsers may keep them for ever. An operator's colour is used as it is for surfaces; where it
has to be read as text it is darkened or lightened until it has enough contrast, so that no configuration can make a
page unreadable.
"""

import hashlib
import re
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app

from marketplace.web.access import public

bp = Blueprint("assets", __name__)

FOR_EVER = "public, max-age=31536000, immutable"
FIRST = ("tokens", "base", "layout")
CONTRAST = 5.0  # WCAG AA asks 4.5 for text
SURFACE = {"light": "#ffffff", "dark": "#261c23"}  # as in tokens.css
SOFT = {"light": 0.9, "dark": 0.78}  # how much of the surface is in the brand's soft ground
INKS = ("#ffffff", "#000000")  # one of them has at least 4.58 on any colour


def register(app: Flask) -> None:
    """Read the style sheet and the sprite's version once, and make them known to the templates."""
    static = Path(str(app.static_folder))
    sheet, digest = join_styles(static)
    light, dark = app.config["BRAND_COLOUR"], app.config["BRAND_COLOUR_DARK"]
    own = brand_colours(light, dark or light) if light else ""
    app.extensions["assets"] = {digest: sheet, short_hash(own.encode()): own.encode()}
    sprite = short_hash((static / "icons" / "sprite.svg").read_bytes())
    app.jinja_env.globals.update(
        style_version=digest,
        brand_version=short_hash(own.encode()) if own else None,
        icon_sprite=f"{app.static_url_path}/icons/sprite.svg?v={sprite}",
    )
    app.register_blueprint(bp)


@bp.get("/style-<digest>.css")
@public
def stylesheet(digest: str) -> Response:
    """The style sheet, or the operator's colours, of exactly this version."""
    content = current_app.extensions["assets"].get(digest)
    if content is None:
        abort(404)
    return Response(content, mimetype="text/css", headers={"Cache-Control": FOR_EVER})


def join_styles(static: Path) -> tuple[bytes, str]:
    """The joined style sheet under `static`/css without its comments, and its hash."""
    css = static / "css"
    files = [css / f"{name}.css" for name in FIRST] + sorted((css / "components").glob("*.css"))
    joined = _versioned("".join(_lean(file.read_text()) for file in files), static).encode()
    return joined, short_hash(joined)


def _versioned(sheet: str, static: Path) -> str:
    """The style sheet with the hash of each file in its address, as pages write it: a browser fetches a font once."""
    return re.sub(
        r'url\("static/([^"?]+)"\)',
        lambda found: f'url("static/{found[1]}?v={short_hash((static / found[1]).read_bytes())}")',
        sheet,
    )


def _lean(text: str) -> str:
    """A style sheet without comments and indentation."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).lstrip()


def brand_colours(light: str, dark: str) -> str:
    """The operator's colour for light and for dark pages, with readable companions, as custom properties."""
    by_day, by_night = _properties(light, "light"), _properties(dark, "dark")
    return f":root{{{by_day}}}\n@media (prefers-color-scheme:dark){{:root{{{by_night}}}}}\n"


def _properties(colour: str, ground: str) -> str:
    """A brand colour as a surface, as ink upon it, as a soft ground, and as text that is readable even there."""
    ink = max(INKS, key=lambda ink: contrast(ink, colour))
    soft = _mix(colour, SURFACE[ground], SOFT[ground])
    return f"--brand:{colour};--brand-ink:{ink};--brand-soft:{soft};--brand-text:{readable(colour, soft)}"


def readable(colour: str, ground: str) -> str:
    """`colour`, mixed with black or white just as far as it needs to be read on `ground`."""
    target = max(("#000000", "#ffffff"), key=lambda end: contrast(end, ground))
    for step in range(21):
        mixed = _mix(colour, target, step / 20)
        if contrast(mixed, ground) >= CONTRAST:
            return mixed
    return target


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours like `#a03c2b`, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(colour: str, target: str, share: float) -> str:
    mixed = (a + (b - a) * share for a, b in zip(_parts(colour), _parts(target), strict=True))
    return "#" + "".join(f"{round(part * 255):02x}" for part in mixed)


def _parts(colour: str) -> tuple[float, float, float]:
    """Red, green and blue, 0 to 1; raises ValueError for anything but `#rrggbb`."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"a colour is written like #a03c2b, not {colour!r}")
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def short_hash(content: bytes) -> str:
    """Enough of the sha256 to tell two versions apart."""
    return hashlib.sha256(content).hexdigest()[:12]
