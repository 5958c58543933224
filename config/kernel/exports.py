"""Lists as files: CSV streamed row by row, XLSX written to disk first; every export is on record.

A cell is a text, an integer, a moment, or an amount of fen, which becomes two columns: yuan with
two decimals for people, fen for programs. A text that a spreadsheet would take for a formula is
led by an apostrophe (OWASP, "CSV Injection").
"""

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.clock import SHANGHAI
from config.kernel.errors import DomainError
from config.kernel.events import EventBase, record

FORMATS = {"csv": "CSV", "xlsx": "XLSX"}
# What a sheet holds, its head among them.
XLSX_MOST = 1_000_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CHUNK = 500


class ExportTooLong(DomainError):
    code = "export_too_long"
    message = _("More than {most} rows: narrow the list or take CSV.")


@dataclass(frozen=True, kw_only=True)
class Exported(EventBase):
    """Somebody took a list away. ``filters`` as asked for, without whole phones in it."""

    kind = "kernel.exported"
    subject_type: str  # type: ignore[misc]  # a field here, a constant of the class elsewhere
    format: str
    count: int
    filters: dict[str, list[str]]
    whole_phones: bool

    def payload(self) -> dict[str, Any]:
        return {name: value for name, value in super().payload().items() if name != "subject_type"}


@dataclass(frozen=True, slots=True)
class Fen:
    """An amount in a cell; None where there is none."""

    amount: int | None

    @property
    def yuan(self) -> Decimal | None:
        return None if self.amount is None else Decimal(self.amount).scaleb(-2)


@dataclass(frozen=True, slots=True)
class Head:
    title: str
    fen: bool = False


def export_record(
    *,
    model: str,
    format: str,
    count: int,
    filters: dict[str, list[str]],
    whole_phones: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Put the export of ``count`` rows of ``model`` (its label) on record.

    Raises ExportTooLong where the format cannot hold them.
    """
    if format == "xlsx" and count > XLSX_MOST:
        raise ExportTooLong(most=XLSX_MOST)
    event = Exported(
        subject_type=model,
        subject_id=0,
        format=format,
        count=count,
        filters=filters,
        whole_phones=whole_phones,
    )
    with transaction.atomic():
        record([event], actor=actor, now=now)


def safe_text(text: str) -> str:
    """``text`` such that no spreadsheet computes it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def titles(heads: Sequence[Head]) -> list[str]:
    """One title per column: an amount has two."""
    found = []
    for head in heads:
        if head.fen:
            found += [f"{head.title} (¥)", f"{head.title} ({_('fen')})"]
        else:
            found.append(head.title)
    return [safe_text(title) for title in found]


def _plain(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return f"{cell.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, date):
        return cell.isoformat()
    if cell is None or isinstance(cell, (int, Decimal)):
        return cell
    return safe_text(str(cell))


def flat(row: Iterable[Any]) -> Iterator[Any]:
    """The cells of ``row`` as columns hold them: texts, integers, decimals and None."""
    for cell in row:
        if isinstance(cell, Fen):
            yield cell.yuan
            yield cell.amount
        else:
            yield _plain(cell)


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, text: str) -> str:
        return text


def csv_lines(heads: Sequence[Head], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Chunks of CSV, with the mark by which Excel knows UTF-8 in front."""
    writer = csv.writer(_Line())
    pending = ["\ufeff", writer.writerow(titles(heads))]
    for row in rows:
        pending.append(writer.writerow(["" if c is None else c for c in flat(row)]))
        if len(pending) >= _CHUNK:
            yield "".join(pending)
            pending = []
    yield "".join(pending)


def xlsx_file(
    heads: Sequence[Head], rows: Iterable[Sequence[Any]], file: IO[bytes] | None = None
) -> IO[bytes]:
    """``file``, or an open temporary one, with one sheet, one row in memory at a time."""
    if file is None:
        # Whoever sends it closes it.
        file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115  its caller closes it
    book = xlsxwriter.Workbook(
        file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet()
    bold, amount = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(titles(heads)):
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(flat(row)):
            if isinstance(cell, Decimal):
                sheet.write_number(number, column, cell, amount)
            elif isinstance(cell, int):
                sheet.write_number(number, column, cell)
            elif cell is not None:
                sheet.write_string(number, column, cell)
    book.close()
    file.seek(0)
    return file
