"""The payment part and receipt of a Swiss QR-bill, drawn by the measures of SIX's style guide; `qrbill` checks what is in it."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import qrcode
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from qrbill import QRBill
from qrbill.bill import LABELS
from stdnum import iso11649
from stdnum.ch import esr

from marketplace.gateways.papers import Address, Bill

WIDTH, HEIGHT, RECEIPT_WIDTH, EDGE = 210, 105, 62, 5  # millimetres
CODE_SIZE, CROSS_SIZE = 46, 7
FONT = "Helvetica"  # the style guide allows four typefaces, of which every reader of PDF has this one
QR_IBANS = range(30000, 32000)  # bank numbers that want a reference of 27 digits


def reference_for(account: str, number: int) -> str:
    """The reference that names this number (of our own row) to an account: digits for a QR-IBAN, else after ISO 11649."""
    if _is_qr_iban(account):
        digits = str(number).zfill(26)
        return digits + str(esr.calc_check_digit(digits))
    digits = str(number).zfill(10)
    checked = 98 - int(f"{digits}271500") % 97
    return str(iso11649.validate(f"RF{checked:02}{digits}"))


def creditor(name: str, address: str, country: str = "CH") -> Address:
    """The operator as a bill names them, from an address such as `Beispielgasse 1, 3000 Bern`; raises ValueError."""
    parts = re.fullmatch(r"\s*(.+?)(?:\s+(\d+\S*))?\s*,\s*(\d{4,5})\s+(.+?)\s*", address)
    if parts is None:
        raise ValueError(f"an address for bills is 'Street 1, 3000 Town', not {address!r}")
    street, number, postcode, town = parts.groups()
    return Address(name, postcode, town, country, street, number or "")


def check_account(account: str, name: str, address: str) -> None:
    """Raises ValueError unless bills can be written to this account of this operator."""
    somebody = Address("Somebody", "3000", "Bern")
    _checked(Bill(account, creditor(name, address), somebody, 100, "CHF", reference_for(account, 1), ""), "en")


def draw_bill(sheet: FPDF, bill: Bill, language: str) -> None:
    """Draw the bill at the foot of the sheet's present page; raises ValueError when a bank would not take it."""
    checked = _checked(bill, language)
    sheet.set_text_color(0, 0, 0)
    sheet.set_draw_color(0, 0, 0)
    top = sheet.h - HEIGHT
    pen = _Pen(sheet, checked, language, top)
    pen.cuts()
    pen.receipt()
    pen.payment_part()
    _draw_code(sheet, checked.qr_data(), RECEIPT_WIDTH + EDGE, top + 17)


class _Pen:
    """Writes the two parts of one bill."""

    def __init__(self, sheet: FPDF, bill: QRBill, language: str, top: float) -> None:
        self.sheet, self.bill, self.language, self.top = sheet, bill, language, top

    def cuts(self) -> None:
        """Where to cut, and that it is to be cut."""
        sheet = self.sheet
        sheet.set_line_width(0.15)
        sheet.set_dash_pattern(1, 1)
        sheet.line(0, self.top, WIDTH, self.top)
        sheet.line(RECEIPT_WIDTH, self.top, RECEIPT_WIDTH, self.top + HEIGHT)
        sheet.set_dash_pattern()
        self._at(0, self.top - 4.5, WIDTH, self._label("Separate before paying in"), 7, align=Align.C)

    def receipt(self) -> None:
        """The left part, which a post office keeps."""
        self._at(EDGE, self.top + 5, 52, self._label("Receipt"), 11, bold=True)
        self._pairs((EDGE, self.top + 12, 52), (6, 8), with_message=False)
        self._amount(EDGE, self.top + 68, 6, 8)
        self._at(EDGE, self.top + 82, 52, self._label("Acceptance point"), 6, bold=True, align=Align.R)

    def payment_part(self) -> None:
        """The right part, with the code."""
        left = RECEIPT_WIDTH + EDGE
        self._at(left, self.top + 5, 51, self._label("Payment part"), 11, bold=True)
        self._amount(left, self.top + 68, 8, 10)
        self._pairs((left + 51, self.top + 5, 87), (8, 10), with_message=True)

    def _pairs(self, place: tuple[float, float, float], sizes: tuple[float, float], *, with_message: bool) -> None:
        """Account, reference, message and who pays, one below the other."""
        bill, (left, y, width) = self.bill, place
        to = [_in_groups(bill.account), *bill.creditor.as_paragraph(36 if with_message else 38)]
        y = self._pair((left, y, width), "Account / Payable to", to, sizes)
        if bill.reference_number:
            y = self._pair((left, y, width), "Reference", [_spaced(bill)], sizes)
        if with_message and bill.additional_information:
            y = self._pair((left, y, width), "Additional information", [bill.additional_information], sizes)
        self._pair((left, y, width), "Payable by", bill.debtor.as_paragraph(36), sizes)

    def _pair(
        self, place: tuple[float, float, float], head: str, lines: Iterable[str], sizes: tuple[float, float]
    ) -> float:
        """A heading and the lines under it; gives where the next pair begins."""
        left, y, width = place
        y = self._at(left, y, width, self._label(head), sizes[0], bold=True)
        for line in lines:
            y = self._at(left, y, width, line, sizes[1])
        return y + sizes[1] * 0.35

    def _amount(self, left: float, y: float, small: float, big: float) -> None:
        bill = self.bill
        self._at(left, y, 18, self._label("Currency"), small, bold=True)
        self._at(left, y + 4, 18, bill.currency, big)
        self._at(left + 18, y, 33, self._label("Amount"), small, bold=True)
        self._at(left + 18, y + 4, 33, f"{Decimal(bill.amount):,.2f}".replace(",", " "), big)

    def _at(
        self, x: float, y: float, width: float, text: str, size: float, *, bold: bool = False, align: Any = Align.L
    ) -> float:
        """Write at a place; gives where the next line begins."""
        sheet = self.sheet
        sheet.set_font(FONT if _is_plain(text) else "SourceSans", "B" if bold else "", size)
        sheet.set_xy(x, y)
        sheet.multi_cell(width, size * 0.39, text, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)
        return float(sheet.get_y())

    def _label(self, english: str) -> str:
        return str(LABELS[english].get(self.language, english))


def _checked(bill: Bill, language: str) -> QRBill:
    """The bill as the standard's own data; raises ValueError."""
    return QRBill(
        account=bill.account,
        creditor=_party(bill.creditor),
        debtor=_party(bill.debtor),
        amount=f"{bill.amount_cents // 100}.{bill.amount_cents % 100:02}",
        currency=bill.currency,
        reference_number=bill.reference,
        additional_information=bill.message,
        language=language,
    )


def _party(address: Address) -> dict[str, str]:
    return {
        "name": address.name,
        "street": address.street,
        "house_num": address.number,
        "pcode": address.postcode,
        "city": address.town,
        "country": address.country,
    }


def _draw_code(sheet: FPDF, data: str, left: float, top: float) -> None:
    """The code of 46 mm with the Swiss cross of 7 mm in its middle."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=0)
    code.add_data(data.encode("utf-8"))
    picture = code.make_image().get_image()
    sheet.image(picture, left, top, CODE_SIZE, CODE_SIZE)
    middle_x, middle_y = left + CODE_SIZE / 2, top + CODE_SIZE / 2
    for size, colour in ((CROSS_SIZE, 255), (CROSS_SIZE - 0.9, 0)):
        sheet.set_fill_color(colour, colour, colour)
        sheet.rect(middle_x - size / 2, middle_y - size / 2, size, size, style="F")
    sheet.set_fill_color(255, 255, 255)
    long, thick = 3.9, 1.17  # of the cross inside its square
    sheet.rect(middle_x - long / 2, middle_y - thick / 2, long, thick, style="F")
    sheet.rect(middle_x - thick / 2, middle_y - long / 2, thick, long, style="F")


def _is_plain(text: str) -> bool:
    """Whether a typeface of every reader of PDF has these signs."""
    return all(ord(sign) < 256 for sign in text)


def _is_qr_iban(account: str) -> bool:
    return int(account.replace(" ", "")[4:9]) in QR_IBANS


def _in_groups(account: str) -> str:
    return " ".join(re.findall(".{1,4}", account))


def _spaced(bill: QRBill) -> str:
    """The reference as it is printed: in fours after ISO 11649, in fives from the right for 27 digits."""
    if bill.ref_type == "QRR":
        return str(esr.format(bill.reference_number))
    return _in_groups(bill.reference_number)
