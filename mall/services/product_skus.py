"""A product's SKUs as one matrix: what its options span, each cell with code, price, barcode.

Written as a whole or not at all. SKUs keep their identity (``mall.matrix``); whatever no longer
has a cell is archived and never deleted; each change is its own event.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalPending
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.models import Approval
from config.kernel.reference import ReferenceChanged, reference_record
from mall.matrix import (
    MAX_OPTIONS,
    MAX_SKUS,
    Cell,
    Option,
    Variant,
    doubled,
    matrix,
    options_of,
    size,
)
from mall.models import Product, Sku
from mall.services.price_change import price_change
from mall.services.product_edit import product_hold
from mall.services.sku_change import price_settle, sku_archive, sku_restore

MAX_FEN = 2_147_483_647
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,31}")
_BARCODE = re.compile(r"[0-9A-Za-z-]{0,32}")

Key = tuple[str, ...]


class SkusChanged(Conflict):
    code = "skus_changed"
    message = _("Somebody else has changed these SKUs meanwhile. Load them anew to see how.")


class OptionsInvalid(DomainError):
    code = "options_invalid"
    message = _("At most {options} options with different names and values, {skus} SKUs in all.")


class CellsInvalid(DomainError):
    """``problems`` are (values of the cell, field, what is wrong)."""

    code = "cells_invalid"
    message = _("Some rows cannot be saved as they are.")

    def __init__(self, problems: Sequence[tuple[Key, str, Any]]) -> None:
        self.problems = list(problems)
        super().__init__()


@dataclass(frozen=True, slots=True)
class CellWish:
    """What a cell is to be. ``code`` counts for a new SKU alone: an existing one keeps its own."""

    in_use: bool
    price_fen: int | None = None
    barcode: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class SkusWritten:
    """How many SKUs were touched, and in which way."""

    added: int = 0
    priced: int = 0
    changed: int = 0
    archived: int = 0
    restored: int = 0
    # Prices that a second person has to agree to first.
    waiting: int = 0


def variants_of(product_id: int) -> list[Variant]:
    """All SKUs of the product, archived ones too, the oldest first. One statement."""
    rows = Sku.objects.filter(product_id=product_id).order_by("pk")
    columns = ("pk", "code", "options", "price_fen", "barcode", "archived_at")
    return [
        Variant(pk, code, options, price_fen, barcode, archived_at is None)
        for pk, code, options, price_fen, barcode, archived_at in rows.values_list(*columns)
    ]


def options_declared(product: Product) -> list[Option]:
    """The product's options in the order in which they were defined."""
    return [Option(o["name"], tuple(o["values"])) for o in product.options]


def variants_version(variants: Sequence[Variant]) -> str:
    """32 hexadecimal digits that change with anything an editor shows of them."""
    shown = [[v.pk, v.options, v.price_fen, v.barcode, v.live] for v in variants]
    document = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(document.encode()).hexdigest()[:32]


def product_skus(
    *,
    product_id: int,
    options: Sequence[Option],
    wishes: Mapping[Key, CellWish],
    shown: str,
    reason: str,
    user: Any,
    now: datetime,
) -> SkusWritten:
    """Make the product's SKUs what ``options`` span and ``wishes`` say, by the values of a cell.

    ``shown``: the version that whoever edits has seen. A cell without a wish is not in use. A
    price that takes too large a step for ``user`` alone is asked for instead of set.
    Raises ProductMissing, SkusChanged, OptionsInvalid, CellsInvalid, Conflict (another product
    took a code or barcode in the same moment).
    """
    _check_options(options)
    try:
        with transaction.atomic():
            product = product_hold(product_id=product_id)
            variants = variants_of(product_id)
            if variants_version(variants) != shown:
                raise SkusChanged()
            wanted = matrix(options, variants)
            cells = [(cell, wishes.get(cell.key, CellWish(False))) for cell in wanted.cells]
            problems = list(_problems(cells, own=[v.pk for v in variants]))
            if problems:
                raise CellsInvalid(problems)
            said: dict[str, Any] = {"reason": reason, "actor": Actor.user(user), "now": now}
            written = _write(product.pk, cells, wanted.leaving, user, said)
            price_settle(product.pk)
            _declare(product, options, variants, said)
    except IntegrityError as error:
        raise Conflict() from error
    return written


def _declare(
    product: Product, options: Sequence[Option], before: Sequence[Variant], said: dict[str, Any]
) -> None:
    """Keep the order of options and values, where it is not the one that they had anyway."""
    declared, shown = (
        [{"name": o.name, "values": list(o.values)} for o in found]
        for found in (options, options_of(before, options_declared(product)))
    )
    if declared != shown:
        Product.objects.filter(pk=product.pk).update(options=declared)
        reference_record(row=product, change="changed", changes={"options": True}, **said)


def _check_options(options: Sequence[Option]) -> None:
    names = [option.name for option in options]
    if (
        len(options) > MAX_OPTIONS
        or len(set(names)) < len(names)
        or any(not _named(o.name, 20) for o in options)
        or any(not o.values or len(set(o.values)) < len(o.values) for o in options)
        or any(not _named(value, 40) for o in options for value in o.values)
        or size(options) > MAX_SKUS
    ):
        raise OptionsInvalid(options=MAX_OPTIONS, skus=MAX_SKUS)


def _named(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable() and text == text.strip()


def _problems(
    cells: Sequence[tuple[Cell, CellWish]], *, own: Sequence[int]
) -> Iterator[tuple[Key, str, Any]]:
    used = [(cell, wish) for cell, wish in cells if wish.in_use]
    for cell, wish in used:
        if wish.price_fen is None or not 0 < wish.price_fen <= MAX_FEN:
            yield cell.key, "price_fen", _("A SKU in use needs a price above zero.")
        if cell.sku is None and not _CODE.fullmatch(wish.code):
            yield cell.key, "code", _("Letters, digits and . _ - only, at most 32.")
        if not _BARCODE.fullmatch(wish.barcode):
            yield cell.key, "barcode", _("Letters, digits and - only, at most 32.")
    new = {cell.key: wish.code for cell, wish in used if cell.sku is None}
    # Codes of this product's own SKUs are taken too, in use or not.
    taken = set(Sku.objects.filter(code__in=set(new.values())).values_list("code", flat=True))
    double = doubled(new)
    for key, code in new.items():
        if code in taken or key in double:
            yield key, "code", _("Another SKU has this code.")
    barcodes = {cell.key: wish.barcode for cell, wish in used}
    others = Sku.objects.filter(barcode__in=set(barcodes.values()) - {""}, archived_at=None)
    elsewhere = set(others.exclude(pk__in=own).values_list("barcode", flat=True))
    double = doubled(barcodes)
    for key, barcode in barcodes.items():
        if barcode in elsewhere or key in double:
            yield key, "barcode", _("Another SKU in use has this barcode.")


def _write(
    product_id: int,
    cells: Sequence[tuple[Cell, CellWish]],
    leaving: Sequence[Variant],
    user: Any,
    said: dict[str, Any],
) -> SkusWritten:
    """Those that leave first: what they held is free then."""
    out = [*leaving, *(c.sku for c, wish in cells if c.sku and c.sku.live and not wish.in_use)]
    for variant in out:
        sku_archive(sku_id=variant.pk, **said)
    kept = [(c, c.sku, wish) for c, wish in cells if c.sku is not None and wish.in_use]
    changed = _write_words([(cell, sku, wish) for cell, sku, wish in kept], said)
    back = [sku for _cell, sku, _wish in kept if not sku.live]
    for variant in back:
        sku_restore(sku_id=variant.pk, **said)
    asked = _write_prices(kept, user, said)
    new = [(cell, wish) for cell, wish in cells if cell.sku is None and wish.in_use]
    _add(product_id, new, said)
    return SkusWritten(
        added=len(new),
        priced=asked.count(None),
        changed=changed,
        archived=len(out),
        restored=len(back),
        waiting=len(asked) - asked.count(None),
    )


def _write_prices(
    kept: Sequence[tuple[Cell, Variant, CellWish]], user: Any, said: dict[str, Any]
) -> list[Approval | None]:
    """For each price that changes what ``price_change`` answers."""
    answers, problems = [], []
    for cell, sku, wish in kept:
        if wish.price_fen is None or wish.price_fen == sku.price_fen:
            continue
        try:
            answers.append(
                price_change(
                    sku_id=sku.pk,
                    price_fen=wish.price_fen,
                    reason=said["reason"],
                    user=user,
                    now=said["now"],
                )
            )
        except ApprovalPending as error:
            problems.append((cell.key, "price_fen", str(error)))
    if problems:
        raise CellsInvalid(problems)
    return answers


def _write_words(kept: Sequence[tuple[Cell, Variant, CellWish]], said: dict[str, Any]) -> int:
    """Options and barcodes of SKUs that stay; two may exchange their barcodes."""
    different = [
        (cell, sku, wish)
        for cell, sku, wish in kept
        if sku.options != cell.options or sku.barcode != wish.barcode
    ]
    freed = [sku.pk for _cell, sku, wish in different if sku.barcode != wish.barcode]
    Sku.objects.filter(pk__in=freed).update(barcode="")
    for cell, sku, wish in different:
        Sku.objects.filter(pk=sku.pk).update(options=cell.options, barcode=wish.barcode)
    _record(
        [
            (
                sku.pk,
                "changed",
                ({"options": True} if sku.options != cell.options else {})
                | ({"barcode": [sku.barcode, wish.barcode]} if sku.barcode != wish.barcode else {}),
            )
            for cell, sku, wish in different
        ],
        said,
    )
    return len(different)


def _add(product_id: int, new: Sequence[tuple[Cell, CellWish]], said: dict[str, Any]) -> None:
    rows = Sku.objects.bulk_create(
        [
            Sku(
                code=wish.code,
                product_id=product_id,
                options=cell.options,
                price_fen=wish.price_fen,
                barcode=wish.barcode,
            )
            for cell, wish in new
            if wish.price_fen is not None  # none is left without: _problems
        ]
    )
    _record([(row.pk, "added", {"price_fen": [None, row.price_fen]}) for row in rows], said)


def _record(what: Sequence[tuple[int, str, dict[str, Any]]], said: dict[str, Any]) -> None:
    events = [
        ReferenceChanged(
            subject_type=Sku._meta.label_lower,
            subject_id=pk,
            reason=said["reason"],
            change=change,
            changes=changes,
        )
        for pk, change, changes in what
    ]
    record(events, actor=said["actor"], now=said["now"])
