"""Files under static/: each address carries the hash of its content and may be kept for ever; text goes out compressed.

Pages themselves are not compressed here: they hold a secret (the CSRF token) beside what a visitor typed, and the length of a
compressed page would tell about it. Files hold no secrets.
"""

import gzip
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from marketplace.web.assets import FOR_EVER, short_hash

COMPRESSED = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")
WORTH_IT = 1_000  # bytes


def register(app: Flask) -> None:
    """Version the addresses of static files, and compress them on their way out."""
    folder = Path(str(app.static_folder))

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            values["v"] = _version(folder / values["filename"])

    app.after_request(_finish)


@cache
def _version(file: Path) -> str | None:
    return short_hash(file.read_bytes()) if file.is_file() else None


@cache
def _squeezed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _finish(response: Response) -> Response:
    """Let browsers keep versioned files, and send text compressed to whoever takes it so."""
    if request.endpoint not in ("static", "assets.stylesheet") or response.status_code != 200:
        return response
    if request.endpoint == "static" and request.args.get("v"):
        response.headers["Cache-Control"] = FOR_EVER
    if response.mimetype not in COMPRESSED:
        return response
    response.headers.add("Vary", "Accept-Encoding")
    if "gzip" in request.accept_encodings and "Content-Encoding" not in response.headers:
        response.direct_passthrough = False
        content = response.get_data()
        if len(content) > WORTH_IT:
            response.set_data(_squeezed(content))
            response.headers["Content-Encoding"] = "gzip"
            response.headers.remove("ETag")  # it named the other form; the address names this content already
    return response
