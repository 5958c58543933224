"""A file of somebody else's codes is kept and read into its pool in the background."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import IO

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.batches import Clock, Outcome, batch_ask, batch_progress
from config.kernel.batches import register_kind as register_batch
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.export_files import folder
from config.kernel.models import Batch, User
from coupons.models import CodePool
from coupons.services.code_pool import CHUNK, MOST, code_pool_import
from coupons.states import PoolKind

KIND = "coupon_codes_import"
# A million codes of 32 characters, with what stands around them.
MOST_BYTES = 64 * 1024 * 1024
# Lines whose reason is kept; how many there were in all is in the summary.
REJECTS_KEPT = 1_000
_REASONS = {
    "code": _("This is no code of 4 to 32 letters and digits."),
    "taken": _("This code is there already."),
    "full": _("The pool has no room left."),
}
_HEADS = {"code", "codes", "兑换码", "券码", "卡券码"}


class CodeFileInvalid(DomainError):
    code = "coupon_code_file_invalid"
    message = _("The file must be text, a code per line, at most {most} lines.")


class CodeFileGone(Conflict):
    code = "coupon_code_file_gone"
    message = _("The file is not there any more: upload it again.")


def code_pool_upload(
    *, pool_id: int, name: str, pieces: Iterable[bytes], user: User, now: datetime
) -> Batch:
    """Keep the file and have its codes read into the imported pool: UTF-8 text, one code per
    line, or in the first column of a CSV. It may be sent again: what is there already is refused
    line by line.

    Raises NotFound, CodeFileInvalid.
    """
    if not _pools().filter(pk=pool_id).exists():
        raise NotFound()
    stored = f"upload-{token_hex(16)}.txt"
    path = folder().joinpath(stored)
    try:
        lines = _keep(path, pieces)
        with transaction.atomic():
            return batch_ask(
                kind=KIND,
                source=name,
                subject="coupons.codepool",
                request={"pool": pool_id, "upload": stored},
                total=lines,
                user=user,
                now=now,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _pools():
    return CodePool.objects.filter(kind=PoolKind.UNIQUE, imported=True, stopped_at__isnull=True)


def _keep(path: Path, pieces: Iterable[bytes]) -> int:
    """Write the file for nobody else's eyes; returns how many lines it has."""
    size, lines, last = 0, 0, b"\n"
    with path.open("xb") as file:
        path.chmod(0o600)
        for piece in pieces:
            size, lines, last = size + len(piece), lines + piece.count(b"\n"), piece or last
            if size > MOST_BYTES or b"\x00" in piece:
                raise CodeFileInvalid(most=MOST)
            file.write(piece)
    lines += not last.endswith(b"\n")
    if not 0 < lines <= MOST + 1:
        raise CodeFileInvalid(most=MOST)
    return lines


def code_pool_upload_work(batch: Batch, clock: Clock) -> Outcome:
    """Lines in pieces of some thousands, a transaction each together with how far it is; taken up
    again it goes on at the line where it stopped."""
    path = folder().joinpath(batch.request["upload"])
    if not path.is_file():
        raise CodeFileGone()
    # Also of those before it was taken up again.
    refusals = batch.summary.get("refused", 0)
    # What is no UTF-8 is no code either, and refused with its line.
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        lines = islice(_lines(file), batch.done, None)
        while piece := list(islice(lines, CHUNK)):
            with transaction.atomic():
                refused = _take(batch, piece)
                room = max(0, REJECTS_KEPT - len(batch.rejects))
                rejects = [
                    {"line": batch.done + place + 1, "code": why, "reason": str(_REASONS[why])}
                    for place, why in refused[:room]
                ]
                refusals += len(refused)
                batch_progress(
                    batch,
                    done=batch.done + len(piece),
                    rejects=rejects,
                    figures={"refused": refusals},
                    now=clock(),
                )
    path.unlink(missing_ok=True)
    made = CodePool.objects.get(pk=batch.request["pool"]).made
    return Outcome({"codes": made, "refused": refusals})


def _lines(file: IO[str]) -> Iterator[str]:
    for line in file:
        yield line.split(",", 1)[0].split("\t", 1)[0].strip().strip('"')


def _take(batch: Batch, piece: list[str]) -> list[tuple[int, str]]:
    """What was refused of ``piece``; empty lines and a heading are no codes and no refusals."""
    places = [
        place
        for place, text in enumerate(piece)
        if text and not (batch.done + place == 0 and text.lower() in _HEADS)
    ]
    refused = code_pool_import(
        pool_id=batch.request["pool"], codes=[piece[place] for place in places]
    )
    return [(places[n], why) for n, why in refused]


def register() -> None:
    register_batch(KIND, _("import of coupon codes"), code_pool_upload_work)
