"""Papers: the words arrive in the PDF, its typeface is embedded, the bill's code says what a bank must read."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
import zxingcpp
from pypdf import PdfReader

from marketplace.gateways.papers import Address, Bill, Paper, Section
from marketplace.gateways.papers.drawing import to_pdf
from marketplace.gateways.papers.qr_bill import check_account, creditor, reference_for
from marketplace.gateways.signatures import Signer, is_signed

IBAN = "CH5800791123000889012"
QR_IBAN = "CH4431999123000889012"  # the one of SIX's own examples
NAME, ADDRESS = "Musterbetrieb AG", "Beispielgasse 1, 3000 Bern"


def paper(**values) -> Paper:
    given = {
        "title": "Quittung",
        "language": "de",
        "author": NAME,
        "sender": (NAME, "Beispielgasse 1", "3000 Bern"),
        "reader": ("Žofia Müller",),
        "made_at": datetime(2026, 11, 25, tzinfo=UTC),
        "facts": (("Datum", "25. November 2026"),),
        "sections": (
            Section("Das Geld", ("Was", "Betrag"), (("Besuch", "CHF 1’234.50"),), (("Total", "CHF 1’234.50"),)),
        ),
        "notes": ("Eine Quittung, keine Rechnung.",),
    }
    return Paper(**{**given, **values})


def bill(account: str = IBAN, **values) -> Bill:
    given = {
        "account": account,
        "creditor": creditor(NAME, ADDRESS),
        "debtor": Address("Žofia Müller", "3011", "Bern"),
        "amount_cents": 123450,
        "currency": "CHF",
        "reference": reference_for(account, 17),
        "message": "Gebühren",
    }
    return Bill(**{**given, **values})


def read(made: Paper) -> PdfReader:
    return PdfReader(BytesIO(to_pdf(made)))


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def test_every_word_stands_on_the_paper_and_its_typeface_in_the_file() -> None:
    reader = read(paper())
    text = text_of(reader)
    for words in ("Quittung", "Žofia Müller", "25. November 2026", "CHF 1’234.50", "keine Rechnung", "1/1"):
        assert words in text, words
    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    assert all("SourceSans3" in font.get_object()["/BaseFont"] for font in fonts)
    assert reader.metadata.title == "Quittung"
    assert len(to_pdf(paper())) < 60_000, "the whole typeface, not only the signs used"


def test_the_same_words_give_the_same_bytes() -> None:
    assert to_pdf(paper()) == to_pdf(paper())
    assert to_pdf(paper()) != to_pdf(paper(title="Andere"))


def test_a_long_table_repeats_its_heads_on_the_next_page() -> None:
    rows = tuple((f"Besuch {number}", "CHF 55.00") for number in range(90))
    reader = read(paper(sections=(Section("Jahr", ("Was", "Betrag"), rows),)))
    assert len(reader.pages) > 1
    assert all("Betrag" in page.extract_text() for page in reader.pages)
    assert "Besuch 89" in reader.pages[-1].extract_text()
    assert f"{len(reader.pages)}/{len(reader.pages)}" in reader.pages[-1].extract_text()


@pytest.mark.parametrize(
    ("account", "kind", "reference"),
    [(IBAN, "SCOR", "RF300000000017"), (QR_IBAN, "QRR", "000000000000000000000000173")],
)
def test_the_code_of_a_bill_says_what_a_bank_must_read(account: str, kind: str, reference: str) -> None:
    reader = read(paper(bill=bill(account)))
    [picture] = reader.pages[-1].images
    [code] = zxingcpp.read_barcodes(picture.image)
    lines = code.text.split("\r\n")
    assert lines[:4] == ["SPC", "0200", "1", account]
    assert lines[4:11] == ["S", NAME, "Beispielgasse", "1", "3000", "Bern", "CH"]
    assert lines[18:20] == ["1234.50", "CHF"]
    assert lines[20:27] == ["S", "Žofia Müller", "", "", "3011", "Bern", "CH"]
    assert lines[27:] == [kind, reference, "Gebühren", "EPD"]
    text = text_of(reader)
    for words in ("Zahlteil", "Empfangsschein", "Konto / Zahlbar an", "1 234.50", "Žofia Müller"):
        assert words in text, words


@pytest.mark.parametrize("language", ["de", "fr", "it", "en"])
def test_a_bill_speaks_its_readers_language(language: str) -> None:
    heads = {"de": "Zahlteil", "fr": "Section paiement", "it": "Sezione pagamento", "en": "Payment part"}
    assert heads[language] in text_of(read(paper(language=language, bill=bill())))


def test_a_bill_that_no_bank_would_take_is_refused() -> None:
    for wrong in (
        replace(bill(), account="CH5800791123000889013", reference=""),
        replace(bill(), account="DE89370400440532013000"),
        replace(bill(), reference="RF000000000017"),
        replace(bill(), currency="USD"),
        replace(bill(), debtor=Address("", "3011", "Bern")),
    ):
        with pytest.raises(ValueError):
            to_pdf(paper(bill=wrong))


def test_an_account_is_checked_before_anybody_gets_a_bill() -> None:
    check_account(IBAN, NAME, ADDRESS)
    check_account("CH58 0079 1123 0008 8901 2", NAME, ADDRESS)
    for account, address in ((IBAN[:-1] + "3", ADDRESS), (IBAN, "irgendwo"), ("", ADDRESS)):
        with pytest.raises(ValueError):
            check_account(account, NAME, address)


def test_a_reference_names_each_row_and_is_checked_by_its_own_digits() -> None:
    assert len({reference_for(IBAN, number) for number in range(1, 200)}) == 199
    assert reference_for(QR_IBAN, 1) != reference_for(QR_IBAN, 2)
    for number in (1, 96, 97, 98, 123_456_789):
        to_pdf(
            paper(bill=bill(reference=reference_for(IBAN, number)))
        )  # it refuses a reference whose digits do not add up


def test_the_installation_signs_with_a_key_of_its_own(tmp_path) -> None:
    signer, other = Signer(tmp_path / "one"), Signer(tmp_path / "two")
    signature = signer.sign(b"owed 5")
    assert Signer(tmp_path / "one").public_key == signer.public_key != other.public_key
    assert is_signed(b"owed 5", signature, signer.public_key)
    assert not is_signed(b"owed 6", signature, signer.public_key)
    assert not is_signed(b"owed 5", signature, other.public_key)
    assert not is_signed(b"owed 5", "not base64 !", signer.public_key)
    assert (tmp_path / "one" / "export-key").stat().st_mode & 0o077 == 0
