"""Import a catalogue from a folder of CSV files: all of it or nothing, again and again.

The files say what is; what they do not name stays. Rows that cannot be taken are listed and the
rest goes in, in one transaction. A second run of the same files writes no row.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from config.kernel.actors import Actor
from config.kernel.events import record
from config.kernel.locks import advisory
from config.kernel.models import Batch
from config.kernel.reference import ReferenceChanged
from mall.events import CatalogueChanged
from mall.guards_stock_count import stock_open
from mall.models import Brand, Category, Product, Sku
from mall.offers import StoreUnknown
from mall.services import catalogue_import_rows as take
from mall.services import catalogue_import_write as write
from mall.services.catalogue_import_csv import ImportUnreadable, Progress, Reject, Table, read_rows
from mall.services.catalogue_import_rows import Catalogue, Known, Rows, canonical
from mall.services.catalogue_import_write import Written
from stores.models import Region, Store

# Referenced files come first. Each: required columns and who takes the rows.
FILES: dict[str, tuple[tuple[str, ...], Callable[[Catalogue, Rows, Table], None]]] = {
    "regions.csv": (("region_id", "parent_id", "name", "level", "adcode"), take.take_regions),
    "categories.csv": (("category_id", "parent_id", "name"), take.take_categories),
    "brands.csv": (("brand_id", "name"), take.take_brands),
    "products.csv": (
        ("product_id", "name", "category_id", "brand_id", "retail_price", "on_sale"),
        take.take_products,
    ),
    "skus.csv": (("sku_id", "product_id", "options", "price"), take.take_skus),
    "attributes.csv": (("product_id", "name", "value"), take.take_attributes),
    "reviews.csv": (("product_id", "stars", "text", "created_at"), take.take_reviews),
}
# A batch keeps this many rejects to look at; the command lists every one.
KEPT_REJECTS = 1000


@dataclass(frozen=True)
class FileReport:
    """Rows of one file: read = created + updated + unchanged + rejected."""

    rows: int
    created: int
    updated: int
    rejected: int

    @property
    def unchanged(self) -> int:
        return self.rows - self.created - self.updated - self.rejected

    def document(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
        }


@dataclass
class ImportReport:
    """``products_touched`` changed without a row in products.csv, e.g. by a cheaper SKU."""

    files: dict[str, FileReport] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    products_touched: int = 0
    products_without_sku: int = 0
    stock_opened: int = 0
    batch_id: int | None = None

    @property
    def changed(self) -> int:
        rows = sum(f.created + f.updated for f in self.files.values())
        return rows + self.products_touched + self.stock_opened

    def summary(self) -> dict[str, Any]:
        return {
            "files": {name: f.document() for name, f in self.files.items()},
            "products_touched": self.products_touched,
            "products_without_sku": self.products_without_sku,
            "stock_opened": self.stock_opened,
            "rejected": len(self.rejects),
        }


def files_of(folder: Path) -> list[Path]:
    """The catalogue's files in ``folder``, in the order of import. Raises ImportUnreadable."""
    found = [folder / name for name in FILES if (folder / name).is_file()]
    if not found:
        problem = _("there is none of {files} in it").format(files=", ".join(FILES))
        raise ImportUnreadable(file=str(folder), problem=problem)
    return found


def catalogue_import(
    *,
    folder: Path,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    stock_store: str = "",
    progress: Progress = lambda n: None,
) -> ImportReport:
    """Import every file of ``FILES`` that is in ``folder``; ``progress`` counts bytes read.

    ``stock_store`` opens the ``stock`` of skus.csv at that store where it has no stock row yet.
    ``dry_run`` does all of it and then rolls back. Raises ImportUnreadable, StoreUnknown.
    """
    paths = files_of(folder)
    with transaction.atomic():
        advisory("mall.catalogue_import", [1])
        store_id = _store_id(stock_store) if stock_store else None
        catalogue = Catalogue(known=_known(), now=now)
        tables = {}
        for path in paths:
            required, taker = FILES[path.name]
            table = tables[path.name] = Table(path.name)
            taker(catalogue, read_rows(path, table, required=required, progress=progress), table)
        batch = batch_open(kind="import_catalog", source=folder, actor=actor, now=now)
        report = _write(catalogue, tables, batch, actor, now)
        if store_id is not None:
            report.stock_opened = stock_open(
                catalogue.stock, store_id=store_id, reference="import", now=now
            )
        if dry_run:
            transaction.set_rollback(True)
        else:
            report.batch_id = batch.pk
            if report.changed:
                changed = CatalogueChanged(subject_id=batch.pk, cause=Batch._meta.label_lower)
                record([changed], actor=actor, now=now)
            batch_finish(
                batch,
                total=sum(f.rows for f in report.files.values()),
                summary=report.summary(),
                rejects=report.rejects,
            )
    return report


def _store_id(code: str) -> int:
    store_id = (
        Store.objects.filter(code=code, archived_at=None).values_list("pk", flat=True).first()
    )
    if store_id is None:
        raise StoreUnknown(store=code)
    return store_id


def _known() -> Known:
    return Known(
        categories=dict(Category.objects.values_list("code", "parent__code")),
        brands=set(Brand.objects.values_list("code", flat=True)),
        regions=dict(Region.objects.values_list("adcode", "parent__adcode")),
        products=set(Product.objects.values_list("code", flat=True)),
        skus={
            code: (product, canonical(options))
            for code, product, options in Sku.objects.values_list(
                "code", "product__code", "options"
            ).iterator(chunk_size=10_000)
        },
    )


def _write(
    catalogue: Catalogue, tables: dict[str, Table], batch: Batch, actor: Actor, now: datetime
) -> ImportReport:
    written: dict[str, Written] = {
        "regions.csv": write.write_regions(catalogue),
        "categories.csv": write.write_categories(catalogue),
        "brands.csv": write.write_brands(catalogue),
        "products.csv": write.write_products(catalogue),
    }
    _record_prices(batch, actor, now)
    written["skus.csv"] = write.write_skus()
    written["reviews.csv"] = write.write_reviews(catalogue)
    report = ImportReport(products_touched=write.settle_products())
    for name, table in tables.items():
        # Attributes are part of their products and counted there.
        done = written.get(name, Written())
        report.files[name] = FileReport(table.rows, done.created, done.updated, len(table.rejects))
        report.rejects += sorted(table.rejects, key=lambda r: r.line)
    report.products_without_sku = Product.objects.filter(
        code__in=catalogue.products, archived_at=None, skus=None
    ).count()
    return report


def _record_prices(batch: Batch, actor: Actor, now: datetime) -> None:
    """Every change of a price has its event, as when a person makes it."""
    changes = write.price_changes()
    for start in range(0, len(changes), 1000):
        record(
            [
                ReferenceChanged(
                    subject_type=Sku._meta.label_lower,
                    subject_id=sku_id,
                    change="priced",
                    changes={"price_fen": [before, after]},
                    reason=f"import_catalog {batch.pk}",
                )
                for sku_id, before, after in changes[start : start + 1000]
            ],
            actor=actor,
            now=now,
        )


def batch_open(*, kind: str, source: Path, actor: Actor, now: datetime) -> Batch:
    """The batch of an import, in whose transaction it also ends."""
    return Batch.objects.create(
        kind=kind,
        source=str(source)[-200:],
        started_by_id=int(actor.id) if actor.kind == "user" else None,
        started_at=now,
        finished_at=now,
    )


def batch_finish(
    batch: Batch, *, total: int, summary: dict[str, Any], rejects: list[Reject]
) -> None:
    batch.total, batch.done = total, total - len(rejects)
    batch.summary = summary
    batch.rejects = [r.document() for r in rejects[:KEPT_REJECTS]]
    batch.save(update_fields=["total", "done", "summary", "rejects"])
