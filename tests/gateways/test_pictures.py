"""Pictures that strangers send: good ones are drawn anew, hostile ones refused quickly and with a sentence."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from marketplace.gateways.pictures import BadPicture, redrawn, small_of

LIMIT = 12  # megabytes


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), 90 if len(mode) == 1 else None)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, idat: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG written by hand, so that it may lie about itself."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def bomb_png() -> bytes:
    """A small file that would become 100 million pixels."""
    rows = zlib.compressobj(1)
    return png(10_000, 10_000, idat=b"".join([rows.compress(b"\0" * 10_001 * 1000) for _ in range(10)]) + rows.flush())


def text_bomb_png() -> bytes:
    """A small picture whose text would become 80 MB."""
    packed = zlib.compress(b"A" * 80_000_000, 1)
    text = chunk(b"zTXt", b"comment\0\0" + packed)
    return png(64, 64, idat=zlib.compress(b"\0" * 65 * 64), extra=text)


def moving(kind: str, frames: int) -> bytes:
    pictures = [Image.new("RGB", (200, 200), (n, 0, 0)) for n in range(frames)]
    return encoded(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=20)


def many_scans_jpeg() -> bytes:
    """A JPEG that has the same pass drawn a thousand times."""
    data = encoded(plain(), "JPEG", progressive=True)
    begin = data.rindex(b"\xff\xda")
    return data[:begin] + data[begin:-2] * 1000 + data[-2:]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    data = bytearray(encoded(plain(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\xff",
    "text": lambda: b"Hello, I am a picture." * 100,
    "zeros": lambda: bytes(1_000_000),
    "svg with a script": lambda: (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    ),
    "svg of entities": lambda: b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg>&b;</svg>',
    "html with the head of a gif": lambda: b"GIF89a/*<html><script>alert(1)</script></html>*/=0;",
    "pdf": lambda: b"%PDF-1.7\n1 0 obj\n<</Type /Catalog>>\nendobj\n",
    "zip": lambda: b"PK\x03\x04" + bytes(500),
    "program": lambda: b"MZ" + bytes(500),
    "gif": lambda: encoded(plain(), "GIF"),
    "gif that moves for long": lambda: moving("GIF", 60),
    "webp that moves": lambda: moving("WEBP", 30),
    "png that moves": lambda: moving("PNG", 30),
    "tiff": lambda: encoded(plain(), "TIFF"),
    "bmp": lambda: encoded(plain(), "BMP"),
    "ico": lambda: encoded(plain(64, 64), "ICO"),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
    "png bomb": bomb_png,
    "png with a text bomb": text_bomb_png,
    "png larger than it says": lambda: png(2**31 - 1, 2**31 - 1, idat=b"\0" * 50),
    "png cut off": lambda: encoded(plain(), "PNG")[:-200],
    "jpeg cut off": lambda: encoded(plain(), "JPEG")[:900],
    "jpeg with a false size": lambda: jpeg_of_size(65_000, 65_000),
    "jpeg with a thousand passes": many_scans_jpeg,
    "webp cut off": lambda: encoded(plain(), "WEBP")[:60],
    "too large a file": lambda: encoded(plain(), "PNG") + bytes(LIMIT * 1024 * 1024),
    "a single dot": lambda: encoded(plain(1, 1), "PNG"),
    "a thread": lambda: encoded(plain(9000, 2), "PNG"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence_in_less_than_a_second(name: str) -> None:
    file = io.BytesIO(HOSTILE[name]())
    begun = time.monotonic()
    with pytest.raises(BadPicture) as refusal:
        redrawn(file, megabytes=LIMIT)
    assert time.monotonic() - begun < 1
    assert len(str(refusal.value)) > 20


def test_a_picture_that_is_also_something_else_leaves_as_a_picture_only() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        polyglot = encoded(plain(), kind) + b"<script>alert(1)</script>PK\x03\x04"
        picture = redrawn(io.BytesIO(polyglot), megabytes=LIMIT)
        assert picture.data[:4] == b"RIFF"
        assert picture.data[8:12] == b"WEBP"
        assert b"script" not in picture.data
        assert b"script" not in picture.small


def test_exif_place_and_profile_are_gone() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera maker"
    exif.get_ifd(0x8825)[2] = (46.0, 57.0, 3.0)
    data = encoded(plain(), "JPEG", exif=exif, icc_profile=b"x" * 200, comment=b"a comment")
    picture = redrawn(io.BytesIO(data), megabytes=LIMIT)
    for copy in (picture.data, picture.small):
        image = Image.open(io.BytesIO(copy))
        assert not image.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
        for rest in (b"EXIF", b"ICCP", b"Camera", b"comment"):
            assert rest not in copy


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright(orientation: int) -> None:
    image = plain(400, 200)
    image.paste("white", (0, 0, 400, 200))
    image.paste("red", (0, 0, 60, 60))  # the corner where the camera says that the picture begins
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation]
    picture = redrawn(io.BytesIO(encoded(image, "JPEG", exif=exif, quality=95)), megabytes=LIMIT)
    drawn = Image.open(io.BytesIO(picture.data))
    assert drawn.size == ((200, 400) if orientation > 4 else (400, 200)) == (picture.width, picture.height)
    at = (upright[0] * (drawn.width - 1) or 5, upright[1] * (drawn.height - 1) or 5)
    red, green, _ = drawn.convert("RGB").getpixel((min(at[0], drawn.width - 6), min(at[1], drawn.height - 6)))
    assert red > 150 > green


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_becomes_smaller_and_keeps_its_shape(kind: str) -> None:
    picture = redrawn(io.BytesIO(encoded(plain(2000, 1500), kind)), megabytes=LIMIT)
    assert (picture.width, picture.height) == (1600, 1200)
    assert Image.open(io.BytesIO(picture.small)).size == (480, 360)
    assert len(picture.small) < len(picture.data)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
def test_every_usual_kind_of_colour_is_taken(mode: str) -> None:
    image = Image.new(mode, (300, 200))
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert redrawn(io.BytesIO(encoded(image, kind)), megabytes=LIMIT).width == 300


def test_what_is_transparent_becomes_white() -> None:
    picture = redrawn(io.BytesIO(encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG")), megabytes=LIMIT)
    assert min(Image.open(io.BytesIO(picture.data)).convert("RGB").getpixel((25, 25))) > 250


def test_the_small_copy_lies_beside_the_picture() -> None:
    assert small_of("abc.webp") == "small-abc.webp"
