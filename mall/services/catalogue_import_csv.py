"""Reading CSV files that people made: every row is either clean text or a reject with a reason.

UTF-8 with or without BOM, a header line, any line ends, quoted fields may span lines. A file
that is not such a file at all raises ImportUnreadable; a row that is not costs only itself.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.errors import DomainError
from config.kernel.money import fen_from_yuan

MAX_FEN = 2_147_483_647
MAX_PIECES = 1_000_000_000
_MAX_FIELD = 1_000_000
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,31}")
_YUAN = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_WHOLE = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Unlike the ideographic space, these are no white space to Python, and just as invisible.
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


class ImportUnreadable(DomainError):
    code = "import_unreadable"
    message = gettext_lazy("{file} cannot be read: {problem}")


class Refused(Exception):
    """This row cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Reject:
    """``line`` is where the row begins, counted as an editor does: the header is line 1."""

    file: str
    line: int
    reason: str

    def document(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "reason": self.reason}


@dataclass(slots=True)
class Table:
    """What became of one file."""

    file: str
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        self.rejects.append(Reject(self.file, line, reason))


Row = dict[str, str]
Progress = Callable[[int], None]


def read_rows(
    path: Path, table: Table, *, required: Sequence[str], progress: Progress
) -> Iterator[tuple[int, Row]]:
    """Yield (line, row) with trimmed values; bad rows go to ``table.rejects``.

    ``progress`` is told the bytes as they are read. Raises ImportUnreadable for a file that is
    missing, without header or columns, or in another encoding from its first line on.
    """
    csv.field_size_limit(_MAX_FIELD)
    try:
        handle = path.open("rb")
    except OSError as error:
        raise ImportUnreadable(file=path.name, problem=error.strerror) from None
    with handle:
        broken: set[int] = set()
        reader = csv.reader(_lines(handle, broken, progress), strict=True)
        header = _header(reader, broken, path.name, required)
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                table.rows += 1
                table.reject(line, _("not CSV: {problem}").format(problem=error))
                continue
            if not any(values):
                continue
            table.rows += 1
            try:
                yield line, _clean(header, values, broken, line, reader.line_num)
            except Refused as refused:
                table.reject(line, str(refused))


def _lines(handle: BinaryIO, broken: set[int], progress: Progress) -> Iterator[str]:
    for number, raw in enumerate(handle, start=1):
        progress(len(raw))
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            broken.add(number)
            yield raw.decode(errors="replace")


def _header(reader: Any, broken: set[int], file: str, required: Sequence[str]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise ImportUnreadable(file=file, problem=_("it is empty")) from None
    except csv.Error as error:
        raise ImportUnreadable(file=file, problem=str(error)) from None
    if broken:
        raise ImportUnreadable(file=file, problem=_("it is not UTF-8"))
    missing = [name for name in required if name not in header]
    if missing:
        problem = _("the header lacks {columns}").format(columns=", ".join(missing))
        raise ImportUnreadable(file=file, problem=problem)
    if len(set(header)) != len(header):
        raise ImportUnreadable(file=file, problem=_("a column stands twice in the header"))
    return header


def _clean(header: list[str], values: list[str], broken: set[int], first: int, last: int) -> Row:
    if broken and not broken.isdisjoint(range(first, last + 1)):
        raise Refused(_("not UTF-8"))
    if len(values) != len(header):
        raise Refused(_("{n} fields instead of {wanted}").format(n=len(values), wanted=len(header)))
    if any(map(_CONTROL.search, values)):
        raise Refused(_("a control character"))
    return {name: trim(value) for name, value in zip(header, values, strict=True)}


def trim(value: str) -> str:
    before = None
    while before != value:
        before, value = value, value.strip().strip(_INVISIBLE)
    return value


# --- one field each ----------------------------------------------------------------------------
# Each raises Refused with a text for whoever made the file.


def code(row: Row, name: str) -> str:
    """A code of ours: letters, digits, ``. _ -``, at most 32."""
    value = row[name]
    if not value:
        raise Refused(_("{column} is empty").format(column=name))
    if not _CODE.fullmatch(value):
        raise Refused(_("{column} is no code: {value}").format(column=name, value=value[:40]))
    return value


def words(row: Row, name: str, *, most: int, required: bool = False) -> str:
    """One line of text of at most ``most`` characters."""
    value = " ".join(row.get(name, "").split())
    if required and not value:
        raise Refused(_("{column} is empty").format(column=name))
    return within(value, name, most)


def within(value: str, name: str, most: int) -> str:
    if len(value) > most:
        raise Refused(
            _("{column} has {n} characters, {most} are possible").format(
                column=name, n=len(value), most=most
            )
        )
    return value


def fen(row: Row, name: str) -> int:
    """A price in yuan, more than zero and with at most two decimals, as fen."""
    value = row[name]
    if not _YUAN.fullmatch(value) or not 0 < (amount := fen_from_yuan(value)) <= MAX_FEN:
        raise Refused(_("{column} is no price: {value}").format(column=name, value=value[:40]))
    return amount


def whole(row: Row, name: str, *, most: int, least: int = 0) -> int:
    value = row[name]
    if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
        raise Refused(
            _("{column} is no whole number from {least} to {most}: {value}").format(
                column=name, least=least, most=most, value=value[:40]
            )
        )
    return int(value)


def flag(row: Row, name: str) -> bool:
    if row[name] not in ("0", "1"):
        raise Refused(_("{column} is neither 0 nor 1").format(column=name))
    return row[name] == "1"
