"""Contact data in what people write: found in public texts, and masked in messages until a booking is agreed.

A text is read through a *skeleton*: the same text in plain letters and digits (full-width digits, accents and invisible
characters resolved), in which every character knows its place in the original. It keeps people from giving away more
than they meant to; whoever is set on it will find a way round every such filter.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from marketplace.domain.phones import phones_in
from marketplace.domain.streets import STREETS

MASK = "•••"

Kind = Literal["phone", "mail", "link", "handle", "street"]
Span = tuple[Kind, int, int]


@dataclass(frozen=True)
class Contact:
    """One piece of contact data: its kind, its very words, and where in the text they begin."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where in the text it ends."""
        return self.start + len(self.text)


def contacts_in(text: str) -> list[Contact]:
    """Every piece of contact data in `text`, from left to right and without overlap."""
    skeleton, places = _skeleton(text)
    found: list[Contact] = []
    for kind, start, end in sorted(_spans(skeleton), key=lambda span: (span[1], -span[2])):
        first = places[start]
        last = places[end] if end < len(places) else len(text)
        while last > places[end - 1] + 1 and not _is_invisible(text[last - 1]):
            last -= 1
        if found and first < found[-1].end:
            earlier = found.pop()
            found.append(Contact(earlier.kind, text[earlier.start : max(last, earlier.end)], earlier.start))
        else:
            found.append(Contact(kind, text[first:last], first))
    return found


def masked(text: str) -> str:
    """`text` with every piece of contact data replaced by three dots; masking twice changes nothing more."""
    while contacts := contacts_in(text):
        for contact in reversed(contacts):
            text = text[: contact.start] + MASK + text[contact.end :]
    return text


def _skeleton(text: str) -> tuple[str, list[int]]:
    """The text in plain letters and digits, and for each of its characters the place in `text` that it stands for."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in unicodedata.normalize("NFKD", character).replace("。", "."):
            if _is_invisible(letter):
                continue
            digit = unicodedata.digit(letter, None)
            letters.append(letter if digit is None else str(digit))
            places.append(place)
    return "".join(letters), places


def _is_invisible(letter: str) -> bool:
    """Whether this is an accent, a keycap or a zero-width character, which only sits between or upon others."""
    return unicodedata.category(letter) in ("Mn", "Me", "Cf")


def _spans(skeleton: str) -> Iterator[Span]:
    """Every find with its place in the skeleton; finds may overlap."""
    for kind, patterns in PATTERNS.items():
        for pattern in patterns:
            yield from ((kind, *found.span("it")) for found in pattern.finditer(skeleton))
    yield from _bare_sites(skeleton)
    yield from _handles(skeleton)
    yield from (("phone", start, end) for start, end in phones_in(skeleton))


TLD = (
    r"(?:ch|li|de|at|fr|it|com|net|org|eu|info|biz|io|me|app|dev|shop|online|site|swiss|email|cloud|link|tv|co|uk|nl|be|es"
    r"|pl|us)"
)
MAIL_HOST = (
    r"(?:gmail|googlemail|bluewin|gmx|hotmail|outlook|yahoo|icloud|proton(?:mail)?|sunrise|hispeed|swissonline|live"
    r"|web)"
)
AT_SIGN = (
    r"(?:@|[(\[{<]\s?(?:at|a|arobase|chiocciola|klammeraffe)\s?[)\]}>]"
    r"|(?P<wrap>[*/|~_-]{1,2})(?:at|arobase|chiocciola|klammeraffe)(?P=wrap))"
)
AT_WORD = r"(?:at|aet|arobase|arrobas?|chiocciola|klammeraffe)"
DOT = (
    r"(?:\s?\.\s?|\s?[(\[{<]\s?(?:dot|punkt|point|punto)\s?[)\]}>]\s?|\s(?:dot|punkt|point|punto)\s"
    r"|\s?[*/|~_-]{1,2}(?:dot|punkt|point|punto)[*/|~_-]{1,2}\s?)"
)
NAME = r"(?<![\w.+-])[\w.+-]{1,64}"
MESSENGER = (
    r"(?:telegram|whats?\s?app|threema|signal|insta(?:gram)?|snap(?:chat)?|skype|facebook|messenger|discord|tiktok|viber"
    r"|wechat)"
)
# A name that is no plain word: live:anna.muster, anna_b79.
NICKNAME = r"(?:live:[\w.-]{3,40}|(?=[a-z]*\d)(?=[a-z0-9]*_)\w{5,40}|[a-z0-9]{2,30}_\w{2,30})"

PATTERNS: dict[Kind, list[re.Pattern[str]]] = {
    "mail": [
        re.compile(rf"(?P<it>{NAME}\s?{AT_SIGN}\s?[\w-]{{1,63}}(?:{DOT}[\w-]{{1,63}}){{0,3}}{DOT}\w{{2,10}})\b", re.I),
        re.compile(rf"(?P<it>{NAME}(?:@|\s?[(\[{{]\s?at\s?[)\]}}]\s?){MAIL_HOST})\b", re.I),
        re.compile(rf"(?P<it>{NAME}\s{AT_WORD}\s[\w-]{{1,63}}(?:{DOT}[\w-]{{1,63}}){{0,2}}{DOT}{TLD})\b(?!\.\w)", re.I),
        re.compile(rf"(?P<it>{NAME}\s(?:bei|chez|presso)\s{MAIL_HOST}\s(?:dot|punkt|point|punto)\s{TLD})\b", re.I),
        # a n n a @ b l u e w i n . c h
        re.compile(r"(?<!\w)(?P<it>\w(?:\s\w){1,40}\s?@\s?\w(?:\s\w){1,60}\s?\.\s?\w(?:\s\w){1,9})(?!\w)"),
    ],
    "link": [
        re.compile(r"(?P<it>(?:https?|hxxps?|ftp)\s?:\s?//\s?[^\s<>]{1,300})", re.I),
        re.compile(
            r"(?<!\w)(?P<it>(?:wa\.me|t\.me|m\.me|signal\.me|discord\.gg|bit\.ly|tinyurl\.com|linktr\.ee)/[^\s<>]{1,200})",
            re.I,
        ),
        re.compile(
            r"(?<![\w@.-])(?P<it>[\w-]{2,63}\s(?:dot|\(dot\)|\[dot\])\s(?:ch|li|de|at|com|net|org))(?![\w-])", re.I
        ),
        re.compile(rf"(?<!\w)(?P<it>www(?:\s\.\s?|\.\s)[\w-]{{1,63}}\s?\.\s?{TLD})\b", re.I),
    ],
    "handle": [
        re.compile(
            rf"\b{MESSENGER}\b[\s:,-]{{0,4}}(?:name|id|ist|is|unter|nick|user)?[\s:]{{0,3}}(?P<it>{NICKNAME})\b", re.I
        ),
        re.compile(r"\b(?i:threema)(?i:[\s-]?(?:id|kennung))?[\s:]{0,3}(?P<it>(?=[A-Z]*\d)[A-Z0-9]{8})\b"),
    ],
    "street": STREETS,
}

BARE_SITE = re.compile(
    rf"(?<![\w@.-])(?P<it>(?:[a-zA-Z0-9-]{{1,63}}\.){{1,4}}(?:{TLD}|{TLD.upper()})(?P<page>[/?#][^\s<>]{{0,300}})?)"
    r"(?![\w-]|\.\w)"
)
# A site that everybody knows, named without a page on it, is nobody's contact data: "sbb.ch lädt nicht".
KNOWN_SITE = re.compile(
    r"(?:www\.)?(?:"
    r"(?:swisscom|bluewin|sunrise|salt|sbb|ricardo|digitec|galaxus|srf|rts|rsi|post|postfinance|wingo|quickline|zattoo|ubs"
    r"|raiffeisen|twint|admin|search|local|tutti|coop|migros)\.ch"
    r"|(?:google|gmail|youtube|netflix|microsoft|apple|icloud|office|outlook|live|amazon|spotify|whatsapp|facebook|zoom|paypal"
    r"|teamviewer|disneyplus|speedtest|hp|hotmail|yahoo)\.(?:com|ch|de|net)"
    r"|(?:gmx|web)\.(?:ch|de|net)|wikipedia\.org)",
    re.I,
)
AT_NAME = re.compile(r"(?<![\w@.])(?P<it>@[\w.-]{3,40}\w|[\w.]{2,32}#\d{4}(?!\w))")
A_MESSENGER = re.compile(rf"\b{MESSENGER}\b", re.I)


def _bare_sites(skeleton: str) -> Iterator[Span]:
    """Addresses of sites without `https://`, except the names of sites that everybody knows."""
    for found in BARE_SITE.finditer(skeleton):
        if len(found["page"] or "") > 1 or not KNOWN_SITE.fullmatch(found["it"].rstrip("/?#")):
            yield ("link", *found.span("it"))


def _handles(skeleton: str) -> Iterator[Span]:
    """`@name` and `name#1234`, where a messenger is named within a few words of it."""
    for found in AT_NAME.finditer(skeleton):
        if A_MESSENGER.search(skeleton, max(0, found.start() - 60), found.end() + 40):
            yield ("handle", *found.span("it"))
