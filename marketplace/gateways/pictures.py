"""The door that pictures come in by: what a stranger sends is read with care and drawn anew, or refused.

Pillow stays behind it. What leaves is a WebP of our own making, turned the right way up, without EXIF, place data,
colour profile or anything else that lay in the file.
"""

import io
from dataclasses import dataclass
from typing import IO

from PIL import Image, ImageOps

from marketplace.domain.errors import N_, DomainError

FORMATS = ("JPEG", "PNG", "WEBP")
EDGE, SMALL_EDGE = 1600, 480  # the longer side of the picture and of its small copy, in pixels
# A JPEG can be decoded at a fraction of its size; the others, and JPEGs built up in passes, are decoded whole.
JPEG_PIXELS_MAX, PIXELS_MAX = 120_000_000, 32_000_000
SCANS_MAX = 64  # passes of a JPEG; cameras make 1 to 10, a bomb hundreds
SIDE_MIN = 16

Image.MAX_IMAGE_PIXELS = JPEG_PIXELS_MAX


class BadPicture(DomainError):
    """A file that is not a picture we can take."""

    sentence = N_("This is not a picture that we can read. Please use a photo in JPEG, PNG or WebP format.")


@dataclass(frozen=True)
class Picture:
    """A picture drawn anew: the WebP, its size in pixels, and a small copy for lists."""

    data: bytes
    small: bytes
    width: int
    height: int


def redrawn(file: IO[bytes], *, megabytes: int, edge: int = EDGE) -> Picture:
    """Draw the picture in `file` anew, no side longer than `edge` pixels; raises BadPicture."""
    data = file.read(megabytes * 1024 * 1024 + 1)
    if not data:
        raise BadPicture(N_("This file is empty. Please choose the photo again."))
    if len(data) > megabytes * 1024 * 1024:
        raise BadPicture(N_("This photo is too large. At most %(megabytes)s MB are possible."), megabytes=megabytes)
    try:
        image = _decoded(data, edge)
    except BadPicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Exception as problem:  # a decoder fed with rubbish raises anything: OSError, SyntaxError, struct.error ...
        raise BadPicture() from problem
    small = image.copy()
    small.thumbnail((SMALL_EDGE, SMALL_EDGE))
    return Picture(_webp(image), _webp(small), *image.size)


def small_of(name: str) -> str:
    """The file name of the small copy that lies beside the picture `name`."""
    return f"small-{name}"


def _decoded(data: bytes, edge: int) -> Image.Image:
    """The pixels, upright, in plain colours, not larger than asked for."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    _refuse_bombs(image, data)
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise BadPicture(N_("This picture moves. Please choose a still photo."))
    if min(image.size) < SIDE_MIN:
        raise BadPicture(N_("This picture is too small to see anything on it."))
    image.draft("RGB", (edge, edge))  # lets a JPEG be decoded at a half, a quarter or an eighth
    orientation = image.getexif().get(0x0112)
    image.load()
    image.thumbnail((edge, edge))
    plain = _without_transparency(image)
    if orientation in range(2, 9):
        plain.getexif()[0x0112] = orientation
        plain = ImageOps.exif_transpose(plain)
    return plain


def _refuse_bombs(image: Image.Image, data: bytes) -> None:
    """Refuse what is small as a file but would fill the memory, before a single pixel is decoded."""
    whole = image.format not in ("JPEG", "MPO") or "progressive" in image.info
    width, height = image.size
    if width * height > (PIXELS_MAX if whole else JPEG_PIXELS_MAX):
        raise _too_many_pixels()
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > SCANS_MAX:
        raise BadPicture()


def _too_many_pixels() -> BadPicture:
    return BadPicture(N_("This picture has too many pixels. Please send a smaller one, or a screenshot of it."))


def _without_transparency(image: Image.Image) -> Image.Image:
    """The picture in red, green and blue, on white where it was transparent."""
    if image.mode == "RGB":
        return image
    if "transparency" not in image.info and not image.mode.endswith(("A", "a")):
        return image.convert("RGB")
    whole = image.convert("RGBA")
    paper = Image.new("RGB", whole.size, "white")
    paper.paste(whole, mask=whole.getchannel("A"))
    return paper


def _webp(image: Image.Image) -> bytes:
    """The picture as WebP with nothing but its pixels."""
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    out = io.BytesIO()
    bare.save(out, "WEBP", quality=80, method=3, exif=b"", icc_profile=b"")
    return out.getvalue()
