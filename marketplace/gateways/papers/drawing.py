"""Drawing a paper as PDF: A4, our own typeface embedded with the signs that it uses, and the same bytes for the same words."""

from typing import Any

from fpdf import FPDF, FontFace
from fpdf.enums import Align, TableBordersLayout, XPos, YPos
from fpdf.fonts import TTFFont

from config import ROOT
from marketplace.gateways.papers import Bill, Paper, Section
from marketplace.gateways.papers.qr_bill import HEIGHT as BILL_HEIGHT
from marketplace.gateways.papers.qr_bill import draw_bill

FONTS = ROOT / "static" / "fonts"
FAMILY = "SourceSans"
INK, SOFT, LINE = (28, 32, 38), (88, 96, 108), (190, 196, 204)
MARGIN, LINE_HEIGHT = 20, 5.2
FACT_WIDTH = 48


def to_pdf(paper: Paper) -> bytes:
    """The paper as the bytes of a PDF. Raises ValueError when its bill is none that a Swiss bank would take."""
    sheet = _Sheet(paper)
    try:
        return _drawn(sheet, paper)
    finally:
        sheet.close_fonts()


class _Sheet(FPDF):
    """The sheets of one paper, with page numbers at their foot."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(format="A4")
        self.author, self.has_foot, self.c_margin = paper.author, True, 0
        self.add_font(FAMILY, "", FONTS / "source-sans-3-3.52.0-regular.ttf")
        self.add_font(FAMILY, "B", FONTS / "source-sans-3-3.52.0-semibold.ttf")
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=MARGIN)
        self.set_title(paper.title)
        self.set_author(paper.author)
        self.set_lang(paper.language)
        self.set_creation_date(paper.made_at)

    def footer(self) -> None:
        """The operator's name and the number of the page; nothing beside a bill."""
        if not self.has_foot:
            return
        self.set_y(-14)
        self.set_font(FAMILY, "", 8.5)
        self.set_text_color(*SOFT)
        self.cell(0, 5, f"{self.author}  ·  {self.page_no()}/{{nb}}", align=Align.C)

    def close_fonts(self) -> None:
        """Close the files of the typefaces, which the library leaves open."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def words(self, text: str, *, size: float = 10.5, colour: tuple[int, int, int] = INK, **options: Any) -> None:
        """A paragraph from here on."""
        self.set_font(FAMILY, "B" if options.pop("bold", False) else "", size)
        self.set_text_color(*colour)
        width = options.pop("width", 0)
        self.multi_cell(
            width, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align=options.pop("align", Align.L)
        )


def _drawn(sheet: _Sheet, paper: Paper) -> bytes:
    sheet.add_page()
    _head(sheet, paper)
    _facts(sheet, paper)
    for section in paper.sections:
        _section(sheet, section)
    for note in paper.notes:
        sheet.ln(2)
        sheet.words(note, size=9.5, colour=SOFT)
    if paper.bill is not None:
        _bill(sheet, paper.bill, paper.language)
    return bytes(sheet.output())


def _head(sheet: _Sheet, paper: Paper) -> None:
    """Who writes, to whom, and what about; the reader's lines stand in the window of a Swiss envelope."""
    for number, line in enumerate(paper.sender):
        sheet.words(line, size=9.5, colour=SOFT, bold=number == 0)
    sheet.set_y(max(52, sheet.get_y() + 8))
    for line in paper.reader:
        sheet.words(line)
    sheet.set_y(max(84, sheet.get_y() + 12))
    sheet.words(paper.title, size=18, bold=True)
    sheet.ln(3)


def _facts(sheet: _Sheet, paper: Paper) -> None:
    for name, value in paper.facts:
        sheet.set_font(FAMILY, "", 10.5)
        sheet.set_text_color(*SOFT)
        sheet.cell(FACT_WIDTH, LINE_HEIGHT, name)
        sheet.set_text_color(*INK)
        sheet.multi_cell(0, LINE_HEIGHT, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align=Align.L)
    sheet.ln(3)


def _section(sheet: _Sheet, section: Section) -> None:
    if section.title:
        sheet.ln(2)
        sheet.words(section.title, size=12, bold=True)
    sheet.set_font(FAMILY, "", 9.5)
    sheet.set_text_color(*INK)
    sheet.set_draw_color(*LINE)
    words, columns = len(section.heads) - section.figures, len(section.heads)
    widths = tuple(_width(section, number) for number in range(columns))
    aligned = tuple(Align.L if number < words else Align.R for number in range(columns))
    with sheet.table(
        col_widths=widths,
        text_align=aligned,
        borders_layout=TableBordersLayout.SINGLE_TOP_LINE,
        line_height=LINE_HEIGHT,
        padding=(0.9, 1.5, 0.9, 0),
        headings_style=FontFace(emphasis="BOLD", color=INK),
    ) as table:
        for row in (section.heads, *section.rows):
            table.row(row)
        for row in section.totals:
            table.row(row, style=FontFace(emphasis="BOLD"))
    sheet.ln(2)


def _width(section: Section, number: int) -> int:
    """A column's share of the width: by its longest word or figure, within reason."""
    cells = [row[number] for row in (section.heads, *section.rows, *section.totals)]
    longest = max(len(cell) for cell in cells)
    return min(max(longest, 9), 17 if number >= len(section.heads) - section.figures else 38)


def _bill(sheet: _Sheet, bill: Bill, language: str) -> None:
    """The payment part at the foot of a page, where nothing else stands."""
    if sheet.get_y() > sheet.h - BILL_HEIGHT - 4:
        sheet.add_page()
    sheet.set_auto_page_break(False)
    sheet.has_foot = False
    draw_bill(sheet, bill, language)
