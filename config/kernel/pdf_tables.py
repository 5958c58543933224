"""A table as PDF: pages of A4 with a title, facts about it, rows, and which page of how many it is.

Plain text is set in Helvetica, any other in STSong-Light: faces that every reader has or stands in
for, so nothing is embedded and a page is two kilobytes. What is beyond the Basic Multilingual
Plane, an emoji in a name, becomes a question mark: the face has no glyph for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

LATIN, CHINESE = "Helvetica", "STSong-Light"
WIDTH, HEIGHT = (int(length) for length in A4)
MARGIN = 40
SIZE, TITLE_SIZE, LEADING = 8, 14, 15
# Where what follows the title begins, and what no row goes below.
TOP, BOTTOM = HEIGHT - MARGIN - 2 * LEADING, MARGIN + LEADING
FACTS_PER_LINE = 2
PADDING = 4


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` in points; all of a table's together fill ``WIDTH - 2 * MARGIN`` at most."""

    title: str
    width: int
    right: bool = False


def table_pdf(
    file: IO[bytes],
    *,
    title: str,
    author: str,
    facts: Sequence[tuple[str, str]],
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    count: int,
) -> int:
    """Write ``rows``, of which there are ``count``, to ``file``; returns the number of pages.

    Rows are taken one by one. What is kept until the end are the finished pages, two kilobytes
    each: 100,000 rows are some 2,000 pages.
    """
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
    sheet = _Sheet(Canvas(file, pagesize=A4, pageCompression=1), title, facts, columns, count)
    sheet.canvas.setTitle(title)
    sheet.canvas.setAuthor(author)
    sheet.begin()
    for row in rows:
        sheet.row(row)
    sheet.end()
    return sheet.page


class _Sheet:
    """The pen over the pages."""

    def __init__(self, canvas, title, facts, columns, count) -> None:
        self.canvas, self.title, self.facts, self.columns = canvas, title, facts, columns
        self.page = 0
        self.y = 0
        fact_lines = -(-len(facts) // FACTS_PER_LINE)
        rest = (TOP - LEADING - BOTTOM) // LEADING + 1
        first = rest - fact_lines - 1
        self.pages = 1 + max(0, -(-(count - first) // rest))

    def begin(self) -> None:
        """A new page with its head; the facts stand on the first one."""
        self.page += 1
        self._text(MARGIN, HEIGHT - MARGIN - TITLE_SIZE, self.title, TITLE_SIZE)
        self.y = TOP
        if self.page == 1:
            for n, (name, value) in enumerate(self.facts):
                place = n % FACTS_PER_LINE
                x = MARGIN + place * ((WIDTH - 2 * MARGIN) // FACTS_PER_LINE)
                self._text(x, self.y, f"{name}: {value}")
                if place == FACTS_PER_LINE - 1 or n == len(self.facts) - 1:
                    self.y -= LEADING
            self.y -= LEADING
        self._cells([column.title for column in self.columns])
        self.canvas.line(MARGIN, self.y - PADDING, WIDTH - MARGIN, self.y - PADDING)
        self.y -= LEADING

    def row(self, cells: Sequence[str]) -> None:
        if self.y < BOTTOM:
            self._foot()
            self.begin()
        self._cells(cells)
        self.y -= LEADING

    def end(self) -> None:
        self._foot()
        self.canvas.save()

    def _foot(self) -> None:
        said = _("page {page} of {pages}").format(page=self.page, pages=max(self.page, self.pages))
        self._text(WIDTH - MARGIN, MARGIN - LEADING, said, right=True)
        self.canvas.showPage()

    def _cells(self, cells: Sequence[str]) -> None:
        x = MARGIN
        for column, cell in zip(self.columns, cells, strict=True):
            at = x + column.width - PADDING if column.right else x
            self._text(at, self.y, cell, right=column.right, width=column.width - PADDING)
            x += column.width

    def _text(
        self,
        x: int,
        y: int,
        text: str,
        size: int = SIZE,
        *,
        right: bool = False,
        width: int | None = None,
    ) -> None:
        text = "".join(each if each <= "\uffff" else "?" for each in text)
        font = LATIN if text.isascii() else CHINESE
        if width is not None:
            text = _fitting(text, font, size, width)
        self.canvas.setFont(font, size)
        draw = self.canvas.drawRightString if right else self.canvas.drawString
        draw(x, y, text)


def _fitting(text: str, font: str, size: int, width: int) -> str:
    """As much of ``text`` as fits, with dots where some is missing."""
    if pdfmetrics.stringWidth(text, font, size) <= width:
        return text
    while text and pdfmetrics.stringWidth(text + "...", font, size) > width:
        text = text[:-1]
    return text + "..."
