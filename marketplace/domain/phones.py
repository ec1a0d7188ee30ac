"""Telephone numbers in a text of plain letters and digits, however they are parted or spelled out, for `masking`.

Dates, times, amounts and network addresses are put aside first; what remains of digits is tried group by group against
the shapes of the numbers of Switzerland and its neighbours.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
INNOCENT = re.compile(
    r"(?<![\d.])\d{1,2}\.\s?\d{1,2}\.\s?(?:\d{4}|\d{2})(?![.\d/-])"  # 01.12.2026
    r"|(?<![\d./-])\d{1,2}[/-]\d{1,2}[/-]\d{4}(?![\d/-])|(?<![\d-])\d{4}-\d{2}-\d{2}(?![\d-])"
    r"|(?<![\d.])(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?!\d)"  # 01.12.
    r"|(?<![\d:])(?:[01]?\d|2[0-4]):[0-5]\d(?![\d:])|(?<![\d.])\d{1,2}[.h][0-5]\d\s?(?:Uhr|uhr|h)\b"  # 19:30
    rf"|(?<![\d.]){OCTET}(?:\.{OCTET}){{3}}(?![\d.])"  # 192.168.1.1
    r"|(?<![\w:-])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![\w:-])"  # a network card's address
    r"|(?:CHF|Fr\.|EUR|€)\s?\d[\d'’]{0,12}(?:[.,]\d{2})?"
)
RUN = re.compile(r"(?<![\w+])[+(]{0,2}[\doO](?:[\s().\-/–—_*·|:,'’~#=]{0,4}\d){6,40}(?!\w)")
GROUP = re.compile(r"[oO]?\d+|[oO]")
DIGITS_MIN, DIGITS_MAX = 9, 17
# A company's line is nobody's own number.
SERVICE = ("0800", "0840", "0842", "0844", "0848", "0900", "0901", "0906", "0180", "0190")
COUNTRY_CODES = (
    *("41", "423", "43", "49", "33", "39", "34", "31", "32", "35", "36", "38", "40", "42", "44", "45", "46", "47"),
    *("48", "90", "1"),
)
SWISS_MOBILE = re.compile(r"07[4-9]\d{7}")
NAMED_OTHERWISE = re.compile(
    r"(?i:serie|serial|seriennummer|imei|artikel|kunden|bestell|rechnung|modell?|modele|modello|vertrag|auftrag|iban|konto"
    r"|version|firmware|client|contrat|contratto|fattura|cliente|facture|commande|order|barcode|lizenz|schlussel"
    r"|(?<!\w)(?:s/?n|mac|ref|ean|key))"
    r"[\w\s.:#°-]{0,14}$"
)
NAMED_PHONE = re.compile(
    r"(?i:whats|natel|handy|tel|ruf|nummer|numero|mobil|appel|chiam|call|phone|cell|sms|signal|joign)[\w\s.:,'’-]{0,24}$"
)

GERMAN_WORD = (
    r"(?:drei|vier|funf|sech|sieb|acht|neun)zehn|(?:ein|eins)?hundert\w{0,30}"
    r"|(?:(?:ein|zwei|drei|vier|funf|sechs|sieben|acht|neun)und)?(?:zwan|drei|vier|funf|sech|sieb|acht|neun)(?:zig|ssig|ßig)"
    r"|null|eins?|zwei|zwo|drei|vier|fue?nf|sechs|sieben|acht|neun|zehn|elf|zwolf"
)
FRENCH_WORD = (
    r"un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|quarante|cinquante"
    r"|soixante|septante|huitante|octante|nonante|cent|et"
)
ITALIAN_WORD = (
    r"(?:venti|trenta|quaranta|cinquanta|sessanta|settanta|ottanta|novanta)(?:uno|due|tre|quattro|cinque|sei|sette|otto|nove)?"
    r"|cento\w{0,30}|uno|due|tre|quattro|cinque|sei|sette|otto|nove|dieci"
)
ENGLISH_WORD = r"zero|oh|one|two|three|four|five|seven|eight|nine|double"
WORD = rf"(?:{GERMAN_WORD}|{FRENCH_WORD}|{ITALIAN_WORD}|{ENGLISH_WORD})"
SPOKEN = re.compile(
    r"(?<!\w)(?P<it>(?:null|zero|oh|plus|0\d{0,3}|\+\d{0,4})"
    rf"(?:[\s,.\-–/]{{1,4}}(?:{WORD}|\d{{1,4}})(?!\w)){{4,24}})",
    re.I,
)
A_WORD = re.compile(rf"(?<!\w){WORD}(?!\w)", re.I)


def phones_in(text: str) -> Iterator[tuple[int, int]]:
    """Where telephone numbers stand in `text` (start and end), in digits or spelled out in words; finds may overlap."""
    plain = INNOCENT.sub(lambda found: "x" * len(found[0]), text)
    yield from _numbers_in(plain, _is_phone)
    yield from _numbers_in(text, _is_surely_phone)  # nobody hides a mobile number by writing it like a date
    for found in SPOKEN.finditer(plain):
        if A_WORD.search(found["it"]):
            yield found.span("it")


@dataclass(frozen=True)
class Digits:
    """Neighbouring digit groups that might be a telephone number, with what stands before them."""

    groups: tuple[str, ...]
    plus: bool
    before: str

    @property
    def joined(self) -> str:
        """All digits together."""
        return "".join(self.groups)


def _numbers_in(text: str, is_phone: Callable[[Digits], bool]) -> Iterator[tuple[int, int]]:
    """Where in `text` runs of digit groups hold what `is_phone` takes for a telephone number."""
    for run in RUN.finditer(text):
        groups = list(GROUP.finditer(text, *run.span()))
        number = 0
        while number < len(groups):
            start = groups[number].start()
            plus = "+" in text[run.start() : start] if number == 0 else text[start - 1] == "+"
            before = text[max(0, run.start() - 40) : run.start()] if number == 0 else ""
            digits = tuple(re.sub("[oO]", "0", group[0]) for group in groups[number : number + 17])
            taken = _length_of_phone(Digits(digits, plus, before), is_phone)
            if taken:
                yield (run.start() if number == 0 and plus else start), groups[number + taken - 1].end()
            number += taken or 1


def _length_of_phone(digits: Digits, is_phone: Callable[[Digits], bool]) -> int:
    """How many of the groups, from the first on, make a telephone number; 0 when none does.

    The Swiss length is tried first, so that a postcode after the number does not become part of it.
    """
    tries = [replace(digits, groups=digits.groups[:count]) for count in range(1, len(digits.groups) + 1)]
    tries = [one for one in tries if DIGITS_MIN <= len(one.joined) <= DIGITS_MAX]
    tries.sort(key=lambda one: (len(one.joined) != _swiss_length(one), -len(one.groups)))
    return next((len(one.groups) for one in tries if is_phone(one)), 0)


def _swiss_length(digits: Digits) -> int:
    """How long a number that begins like this is in Switzerland; `+41(0)79` has its zero too much."""
    code = "41" if digits.plus else "0041"
    if digits.joined.startswith(code):
        return len(code) + (10 if digits.joined[len(code) :].startswith("0") else 9)
    return 10


def _is_surely_phone(digits: Digits) -> bool:
    """Whether this is a Swiss mobile's number or one with Switzerland's code, and cannot be read otherwise."""
    if digits.plus or digits.joined.startswith("0041"):
        return len(digits.joined) == _swiss_length(digits)
    return len(digits.groups[0]) != 2 and bool(SWISS_MOBILE.fullmatch(digits.joined))


def _is_phone(digits: Digits) -> bool:
    """Whether these digits are a number of Switzerland or its neighbours, or one written with its country's code."""
    joined = digits.joined
    if digits.plus:
        return len(joined) <= 15 and joined[0] != "0"
    if joined.startswith("00"):
        return 11 <= len(joined) <= 15 and joined[2:].startswith(COUNTRY_CODES)
    if SWISS_MOBILE.fullmatch("0" + joined):  # 79 123 45 67: the zero left away
        return [len(group) for group in digits.groups] == [2, 3, 2, 2] or bool(NAMED_PHONE.search(digits.before))
    if SWISS_MOBILE.fullmatch(joined):
        return True
    national = joined.startswith("0") and len(joined) <= 13 and not joined.startswith(SERVICE)
    italian_mobile = re.fullmatch(r"3[2-9]\d{8}", joined) and len(digits.groups[0]) in (3, 10)
    without_plus = re.fullmatch(r"41[237]\d{8}", joined)
    return bool(national or italian_mobile or without_plus) and not NAMED_OTHERWISE.search(digits.before)
