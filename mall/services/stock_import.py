"""Set what stores have on hand from a counted list, by one movement per difference.

A row with ``counted_at`` speaks of that moment: what was sold or returned since then is kept, so
the same list imported twice, or while the shop sells, changes nothing more.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from config.kernel.actors import Actor
from config.kernel.locks import advisory
from mall.guards_stock_count import Count, Level, stock_count, stock_levels
from mall.models import Sku
from mall.services.catalogue_import import batch_finish, batch_open
from mall.services.catalogue_import_csv import (
    MAX_PIECES,
    Progress,
    Refused,
    Reject,
    Row,
    Table,
    code,
    read_rows,
    whole,
)
from mall.services.catalogue_import_rows import local_time
from stores.models import Store

REQUIRED = ("store_code", "sku_code", "on_hand")


@dataclass
class StockReport:
    """rows = created + updated + unchanged + rejected; ``pieces`` is the sum of all changes."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    pieces: int = 0
    rejects: list[Reject] = field(default_factory=list)
    batch_id: int | None = None

    def summary(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": len(self.rejects),
            "pieces": self.pieces,
        }


def stock_import(
    *,
    path: Path,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = lambda n: None,
) -> StockReport:
    """Import ``path``: columns store_code, sku_code, on_hand and optionally counted_at.

    One transaction; ``progress`` counts bytes read. Raises ImportUnreadable.
    """
    table = Table(path.name)
    with transaction.atomic():
        advisory("mall.stock_import", [1])
        counts = _read(path, table, now, progress)
        report = StockReport(rows=table.rows)
        batch = batch_open(kind="import_stock", source=path, actor=actor, now=now)
        _apply(counts, table, report, reference=f"count:{batch.pk}")
        report.rejects = sorted(table.rejects, key=lambda r: r.line)
        if dry_run:
            transaction.set_rollback(True)
        else:
            report.batch_id = batch.pk
            batch_finish(batch, total=report.rows, summary=report.summary(), rejects=report.rejects)
    return report


def _read(path: Path, table: Table, now: datetime, progress: Progress) -> dict[int, Count]:
    """Acceptable rows by line, one per store and SKU."""
    stores = dict(Store.objects.filter(archived_at=None).values_list("code", "pk"))
    skus = dict(Sku.objects.values_list("code", "pk").iterator(chunk_size=10_000))
    counts: dict[int, Count] = {}
    lines: dict[tuple[int, int], int] = {}
    for line, row in read_rows(path, table, required=REQUIRED, progress=progress):
        try:
            count = _count(row, stores, skus, now)
            first = lines.setdefault((count.store_id, count.sku_id), line)
            if first != line:
                raise Refused(
                    _("this store and SKU stand on line {line} already").format(line=first)
                )
            counts[line] = count
        except Refused as refused:
            table.reject(line, str(refused))
    return counts


def _count(row: Row, stores: dict[str, int], skus: dict[str, int], now: datetime) -> Count:
    store, sku = code(row, "store_code"), code(row, "sku_code")
    if store not in stores:
        raise Refused(_("store {code} is unknown").format(code=store))
    if sku not in skus:
        raise Refused(_("SKU {code} is unknown").format(code=sku))
    on_hand = whole(row, "on_hand", most=MAX_PIECES)
    text = row.get("counted_at", "")
    counted_at = local_time(text, "counted_at", now) if text else now
    return Count(stores[store], skus[sku], on_hand, counted_at)


def _apply(counts: dict[int, Count], table: Table, report: StockReport, *, reference: str) -> None:
    levels = stock_levels(list(counts.values()))
    changes: list[tuple[Level, int, datetime]] = []
    first: list[Count] = []
    for line, count in counts.items():
        level = levels.get((count.store_id, count.sku_id))
        if level is None:
            first.append(count)
            report.pieces += count.on_hand
            continue
        delta = count.on_hand - (level.on_hand - level.moved_since)
        try:
            if delta:
                _check(level, delta)
                changes.append((level, delta, count.counted_at))
                report.pieces += delta
            else:
                report.unchanged += 1
        except Refused as refused:
            table.reject(line, str(refused))
    report.created, report.updated = len(first), len(changes)
    stock_count(changes, first, reference=reference)


def _check(level: Level, delta: int) -> None:
    if level.counted_since:
        raise Refused(_("it has been counted again after that"))
    left = level.on_hand + delta
    if left < level.reserved:
        raise Refused(
            _("{left} pieces would be left and {reserved} are promised to orders").format(
                left=left, reserved=level.reserved
            )
        )
