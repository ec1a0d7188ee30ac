"""Contact data is found in every usual spelling, and what only looks like it is left alone."""

import itertools
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marketplace.domain.masking import MASK, contacts_in, masked
from marketplace.domain.phones import NAMED_OTHERWISE

# (kind, text, what is found in it; the whole text when not said)
CONTACTS: list[tuple[str, ...]] = [
    ("phone", "079 123 45 67"),
    ("phone", "Rufen Sie 079 123 45 67 an, 8004 Zürich", "079 123 45 67"),
    ("phone", "079 123 45 67, 8004 Zürich", "079 123 45 67"),
    ("phone", "0791234567"),
    ("phone", "079.123.45.67"),
    ("phone", "079/1234567"),
    ("phone", "079 / 123 / 45 / 67"),
    ("phone", "079-123-45-67"),
    ("phone", "079:123:45:67"),
    ("phone", "0 7 9 1 2 3 4 5 6 7"),
    ("phone", "0-7-9-1-2-3-4-5-6-7"),
    ("phone", "079~123~45~67"),
    ("phone", "079#123#45#67"),
    ("phone", "079=123=45=67"),
    ("phone", "o79 123 45 67"),
    ("phone", "(079) 123 45 67", "079) 123 45 67"),
    ("phone", "+41 79 123 45 67"),
    ("phone", "+41(0)79 123 45 67"),
    ("phone", "+41 79 123 45 67, 8004 Zürich", "+41 79 123 45 67"),
    ("phone", "0041-79-123 45 67"),
    ("phone", "0041 (0)79 123 45 67"),
    ("phone", "41 79 123 45 67"),
    ("phone", "79 123 45 67"),
    ("phone", "Natel 791234567", "791234567"),
    ("phone", "044 123 45 67"),
    ("phone", "091 123 45 67"),
    ("phone", "00423 123 45 67"),
    ("phone", "0151 23456789"),
    ("phone", "+49 151 23456789"),
    ("phone", "030 1234567"),
    ("phone", "0761/12345"),
    ("phone", "06 12 34 56 78"),
    ("phone", "06.12.34.56.78"),
    ("phone", "+33 6 12 34 56 78"),
    ("phone", "333 123 4567"),
    ("phone", "+39 333 1234567"),
    ("phone", "０７９ １２３ ４５ ６７"),
    ("phone", "٠٧٩ ١٢٣ ٤٥ ٦٧"),
    ("phone", "0\u200b7\u200b9\u200b1\u200b2\u200b3\u200b4\u200b5\u200b6\u200b7"),
    ("phone", "0️⃣7️⃣9️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣"),
    ("phone", "null sieben neun eins zwei drei vier fünf sechs sieben"),
    ("phone", "null neunundsiebzig hundertdreiundzwanzig fünfundvierzig siebenundsechzig"),
    ("phone", "079 eins zwei drei 45 67"),
    ("phone", "zéro septante-neuf cent vingt-trois quarante-cinq soixante-sept"),
    ("phone", "zero sette nove uno due tre quattro cinque sei sette"),
    ("phone", "zero seven nine one two three four five six seven"),
    ("mail", "anna@example.ch"),
    ("mail", "Mail: anna.muster+hilfe@bluewin.ch bitte", "anna.muster+hilfe@bluewin.ch"),
    ("mail", "anna (at) bluewin [dot] ch"),
    ("mail", "anna[at]bluewin.ch"),
    ("mail", "anna at bluewin dot ch"),
    ("mail", "anna ät bluewin punkt ch"),
    ("mail", "anna arobase bluewin point ch"),
    ("mail", "anna chiocciola bluewin punto ch"),
    ("mail", "anna @ gmail . com"),
    ("mail", "anna@gmail"),
    ("mail", "anna＠bluewin．ch"),
    ("mail", "anna@bluewin。ch"),
    ("mail", "anna<at>bluewin<dot>ch"),
    ("mail", "anna *at* bluewin *punkt* ch"),
    ("mail", "anna /at/ bluewin /dot/ ch"),
    ("mail", "anna-at-bluewin-punkt-ch"),
    ("mail", "anna_at_bluewin_dot_ch"),
    ("mail", "anna arroba bluewin punto ch"),
    ("mail", "anna bei gmail punkt com"),
    ("mail", "a n n a @ b l u e w i n . c h"),
    ("link", "https://example.org/anna"),
    ("link", "www . meine-hilfe . ch"),
    ("link", "meine-hilfe dot ch"),
    ("link", "http://192.0.2.1:8080/x"),
    ("link", "www.meine-hilfe.ch"),
    ("link", "meine-hilfe.ch"),
    ("link", "MEINE-HILFE.CH"),
    ("link", "facebook.com/anna.muster"),
    ("link", "wa.me/41791234567"),
    ("link", "t.me/annab"),
    ("handle", "Auf Telegram bin ich @annab", "@annab"),
    ("handle", "@annab auf Instagram", "@annab"),
    ("handle", "Telegram: anna_b79", "anna_b79"),
    ("handle", "Auf Discord heisse ich anna#1234", "anna#1234"),
    ("handle", "Threema-ID ABCD1234", "ABCD1234"),
    ("handle", "Skype live:anna.muster", "live:anna.muster"),
    ("street", "Bahnhofstrasse 12"),
    ("street", "bahnhofstrasse 12a"),
    ("street", "Bahnhofstraße 12"),
    ("street", "Ich wohne an der Langstrasse 12, 3. Stock", "Langstrasse 12"),
    ("street", "Langstrasse Nr. 12"),
    ("street", "Zürcher Strasse 4"),
    ("street", "Hauptstr.7"),
    ("street", "Marktgasse 12-14"),
    ("street", "Marktgasse zwölf"),
    ("street", "Birkenweg 12"),
    ("street", "Dorfplatz 3"),
    ("street", "Alter Weg 5"),
    ("street", "Sonnenberg 12, 8004 Zürich", "Sonnenberg 12"),
    ("street", "Im Grund 3, 8600 Dübendorf", "Im Grund 3"),
    ("street", "rue de la Gare 4"),
    ("street", "12, rue de la Gare"),
    ("street", "12 rue du Lac"),
    ("street", "avenue du Léman 23b"),
    ("street", "ch. des Vignes 7"),
    ("street", "route de Berne 12"),
    ("street", "place de la Gare 4"),
    ("street", "4 bis, avenue de France"),
    ("street", "via Roma 12"),
    ("street", "Via Stefano Franscini 30"),
    ("street", "viale dei Tigli 4"),
    ("street", "piazza della Riforma 1"),
    ("street", "via San Gottardo 8"),
    ("street", "12 Station Road"),
]

INNOCENT = [
    "Das kostet CHF 120",
    "CHF 1'200.00 oder 1’350.50",
    "100-150 Franken",
    "am 01.12.2026 um 19:30",
    "06.12.2026 19.30 Uhr",
    "vom 12. bis 14. März 2026",
    "am 12.03. und 14.03. frei",
    "01.12. 08:00 bis 02.12. 10:00",
    "12/03/2026",
    "2026-03-12",
    "um 20 Uhr",
    "zwischen 18 und 20 Uhr oder 10 bis 12 Uhr",
    "Am Montag 5. März 19 Uhr",
    "Fritzbox 7590",
    "iPhone 15 Pro Max",
    "HP OfficeJet Pro 8720",
    "Canon PIXMA TS5350",
    "Samsung UE55TU7170",
    "Windows 10 und Windows 11",
    "Version 10.0.19045",
    "Firmware 7.57",
    "Office 365, 2019 und 2021",
    "5 GHz und 2.4 GHz",
    "10 Mbit/s statt 500 Mbit/s",
    "1080p, 55 Zoll",
    "2x 4 TB Festplatte",
    "Speicherplatz 64 GB",
    "Fehler 0x80070005",
    "Fehlercode 651",
    "192.168.1.1",
    "10.0.0.138 und 255.255.255.0",
    "00:11:22:33:44:55",
    "fritz.box",
    "Seriennummer 0123456789",
    "IMEI 012345678901234",
    "Bestellung 100234567",
    "IBAN CH93 0076 2011 6238 5295 7",
    "0800 800 800",
    "8004 Zürich",
    "CH-3011 Bern",
    "sbb.ch lädt nicht",
    "Punkt, Strich, fertig: net so schlimm",
    "www.swisscom.ch ist langsam",
    "Netflix.com geht nicht",
    "setup.exe und README.md",
    "Das geht nicht.Es ist kaputt",
    "Ca ne marche pas.De plus",
    "WhatsApp geht nicht",
    "Telegram: keine Verbindung",
    "Threema FUNKTION",
    "Telegram oder Signal",
    "Ich bin @home",
    "my account at gmail does not work",
    "look at the router.",
    "Ich bin bei Gmail angemeldet",
    "ein Konto bei gmail.com",
    "Rechnung #1234 von Discord-Nitro",
    "Drucker#1 und #2",
    "plug-and-play, look-at-me",
    "Bahnhofstrasse",
    "Strassenbahn 12",
    "Bahnhof 5 Minuten entfernt",
    "Fussweg 10 Minuten",
    "Heimweg 2 km",
    "Parkplatz 3",
    "Router am Platz 2",
    "3. Stock links",
    "im Zimmer 3",
    "Train 12",
    "via Skype 12 Minuten",
    "via Zoom 15 Uhr",
    "via USB 3.0",
    "via Bluetooth 5",
    "in via di prova 3 volte",
    "strada facendo 2 ore",
    "mise en place de Windows 11",
    "passage de Windows 10 à 11",
    "à la place de Windows 10",
    "sur place 2 heures",
    "en route depuis 20 minutes",
    "il y a 12 rues",
    "plus un autre",
    "null Problem",
    "0 oder 1",
    "zwei oder drei Geräte",
]


@pytest.mark.parametrize("case", CONTACTS, ids=lambda case: case[1])
def test_contact_data_is_found_word_for_word(case: tuple[str, ...]) -> None:
    kind, text, *part = case
    found = contacts_in(text)
    assert [(contact.kind, contact.text) for contact in found] == [(kind, part[0] if part else text)]
    assert text[found[0].start : found[0].end] == found[0].text


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_contact_data_stays(text: str) -> None:
    assert contacts_in(text) == []
    assert masked(text) == text


def test_the_tables_are_as_long_as_promised() -> None:
    assert len(CONTACTS) >= 60
    assert len(INNOCENT) >= 60


def test_several_contacts_are_masked_and_the_rest_stays() -> None:
    text = "Kommen Sie an die Bahnhofstrasse 12 oder schreiben Sie an anna@example.ch, sonst 079 123 45 67. Gruss, Anna"
    assert masked(text) == f"Kommen Sie an die {MASK} oder schreiben Sie an {MASK}, sonst {MASK}. Gruss, Anna"


SEPARATORS = st.sampled_from(["", " ", ".", "-", "/", " - ", "\u200b", "\u00a0", " / "])
WORDS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzäöü ,"), max_size=40)


@given(
    before=WORDS,
    after=WORDS,
    start=st.sampled_from(["079", "078", "076", "+4179", "004179", "+41 44"]),
    digits=st.text("0123456789", min_size=7, max_size=7),
    parts=st.lists(SEPARATORS, min_size=7, max_size=7),
)
def test_a_mobile_number_never_gets_through(before: str, after: str, start: str, digits: str, parts: list[str]) -> None:
    number = start + "".join(part + digit for part, digit in zip(parts, digits, strict=True))
    assert not [letter for letter in masked(f"{before} {number} {after}") if letter.isdigit()]


@given(
    before=WORDS,
    start=st.sampled_from(["044", "031", "061", "022", "091"]),
    digits=st.text("0123456789", min_size=7, max_size=7),
    separator=st.sampled_from(["", " ", ".", "-", "/", "\u200b", "\u00a0"]),
)
def test_a_number_at_home_never_gets_through(before: str, start: str, digits: str, separator: str) -> None:
    assume(not NAMED_OTHERWISE.search(f"{before} "))  # "SN 044 ..." is a serial number
    number = separator.join((start, digits[:3], digits[3:5], digits[5:]))
    assert not [letter for letter in masked(f"{before} {number}") if letter.isdigit()]


@given(
    before=WORDS,
    name=st.from_regex(r"[a-z]{2,10}(\.[a-z]{2,10})?", fullmatch=True),
    host=st.from_regex(r"[a-z]{2,12}\.(ch|com|de|fr|it|org)", fullmatch=True),
    at=st.sampled_from(["@", " @ ", "(at)", " [at] ", "＠"]),
)
def test_a_mail_address_never_gets_through(before: str, name: str, host: str, at: str) -> None:
    left = masked(f"{before} {name}{at}{host}")
    assert host not in left
    assert not left.endswith(host[-3:])


MIXED = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("0123456789 .@-/()+:abcABC\u200b•")),
    max_size=120,
)


@given(MIXED)
def test_any_text_is_read_and_masking_twice_changes_nothing_more(text: str) -> None:
    found = contacts_in(text)
    assert all(text[contact.start : contact.end] == contact.text != "" for contact in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    once = masked(text)
    assert contacts_in(once) == []
    assert masked(once) == once
    if not found:
        assert once == text


PIECES = [
    "0 ",
    "a",
    "a.",
    "rue a ",
    "Bahnhof ",
    "null eins ",
    "via A b ",
    "1, rue ",
    "+1 ",
    "12.12.",
    "a@",
    "1:1:",
    "a ",
    "a@a ",
    "a-at-",
    "www . a",
]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * 4000)[:4000]
    began = time.process_time()
    masked(text)
    assert time.process_time() - began < 2
