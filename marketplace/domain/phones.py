"""Telephone numbers in a text of plain letters and digits, however they are parted or spelled out, for `masking`.

Dates, times, amounts and network addresses are put aside first; what remains of digits is tried group by group against
the shapes of the numbers of Switzerland and its neighbours.
"""

import re
from collections.abc import Iterator

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
RUN = re.compile(r"(?<![\w+])[+(]{0,2}[\doO](?:[\s().\-/–—_*·|:,'’]{0,4}\d){6,40}(?!\w)")
# A company's line is nobody's own number.
SERVICE = ("0800", "0840", "0842", "0844", "0848", "0900", "0901", "0906", "0180", "0190")
COUNTRY_CODES = (
    *("41", "423", "43", "49", "33", "39", "34", "31", "32", "35", "36", "38", "40", "42", "44", "45", "46", "47"),
    *("48", "90", "1"),
)
SWISS_MOBILE = re.compile(r"07[4-9]\d{7}")
NAMED_OTHERWISE = re.compile(
    r"(?i:serie|serial|seriennummer|s/?n|imei|mac|artikel|kunden|bestell|rechnung|modell?|modele|modello|vertrag|auftrag|ref|iban|konto"
    r"|version|firmware|client|contrat|contratto|fattura|cliente|facture|commande|order|barcode|ean|lizenz|key|schlussel)"
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
    """Where telephone numbers stand in `text` (start and end), in digits or spelled out in words."""
    plain = INNOCENT.sub(lambda found: "x" * len(found[0]), text)
    for run in RUN.finditer(plain):
        for start, end in _numbers_in(run[0], plain[max(0, run.start() - 40) : run.start()]):
            yield run.start() + start, run.start() + end
    for found in SPOKEN.finditer(plain):
        if A_WORD.search(found["it"]):
            yield found.span("it")


def _numbers_in(run: str, before: str) -> Iterator[tuple[int, int]]:
    """The telephone numbers within a run of digit groups, as places in the run."""
    groups = list(re.finditer(r"[oO]?\d+|[oO]", run))
    number = 0
    while number < len(groups):
        start = groups[number].start()
        plus = "+" in run[:start] if number == 0 else run[start - 1] == "+"
        digits = [re.sub("[oO]", "0", group[0]) for group in groups[number : number + 17]]
        taken = _phone_at(digits, plus, before if number == 0 else "")
        if taken:
            yield (0 if number == 0 and plus else start), groups[number + taken - 1].end()
        number += taken or 1


def _phone_at(groups: list[str], plus: bool, before: str) -> int:
    """How many of the digit groups, from the first on, make a telephone number; 0 when none does.

    The Swiss length is tried first, so that a postcode after the number does not become part of it.
    """
    joined = [(count, "".join(groups[:count])) for count in range(1, len(groups) + 1)]
    joined.sort(key=lambda pair: (len(pair[1]) != _swiss_length(pair[1], plus), -pair[0]))
    for count, digits in joined:
        if len(digits) <= 17 and _is_phone(digits, groups[:count], plus, before):
            return count
    return 0


def _swiss_length(digits: str, plus: bool) -> int:
    """How long a number that begins like this is in Switzerland; `+41(0)79` has its zero too much."""
    code = "41" if plus else "0041"
    if digits.startswith(code):
        return len(code) + (10 if digits[len(code) :].startswith("0") else 9)
    return 10


def _is_phone(digits: str, groups: list[str], plus: bool, before: str) -> bool:
    """Whether these digits are a number of Switzerland or its neighbours, or one written with its country's code."""
    if plus:
        return 9 <= len(digits) <= 15 and digits[0] != "0"
    if digits.startswith("00"):
        return 11 <= len(digits) <= 15 and digits[2:].startswith(COUNTRY_CODES)
    if SWISS_MOBILE.fullmatch("0" + digits):  # 79 123 45 67: the zero left away
        return [len(group) for group in groups] == [2, 3, 2, 2] or bool(NAMED_PHONE.search(before))
    if SWISS_MOBILE.fullmatch(digits):
        return True
    national = digits.startswith("0") and 9 <= len(digits) <= 13 and not digits.startswith(SERVICE)
    italian_mobile = re.fullmatch(r"3[2-9]\d{8}", digits) and len(groups[0]) in (3, 10)
    without_plus = re.fullmatch(r"41[237]\d{8}", digits)
    return bool(national or italian_mobile or without_plus) and not NAMED_OTHERWISE.search(before)
