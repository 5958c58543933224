"""The matrix of a product's SKUs as a page holds it: from the database, or as it was typed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from config.kernel.admin import YuanField
from mall.admin.product_forms import typed_fen
from mall.matrix import (
    MAX_OPTIONS,
    MAX_SKUS,
    Cell,
    Option,
    Options,
    Variant,
    codes_proposed,
    matrix,
    options_of,
    size,
    values_split,
)
from mall.models import Product
from mall.services.product_skus import (
    CellWish,
    Key,
    options_declared,
    variants_version,
)


@dataclass
class Row:
    """One cell: what is there, and what is typed over it."""

    cell: Cell
    code: str = ""
    price: str = ""
    barcode: str = ""
    in_use: bool = False
    price_fen: int | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def document(self) -> str:
        """What its place in the form is called by: its options."""
        return json.dumps(self.cell.options, ensure_ascii=False)

    @property
    def new(self) -> bool:
        return self.cell.sku is None

    @property
    def reprices(self) -> bool:
        sku = self.cell.sku
        return sku is not None and self.in_use and self.price_fen != sku.price_fen


@dataclass
class Sheet:
    options: list[Option]
    rows: list[Row]
    leaving: Sequence[Variant]
    version: str
    errors: list[str] = field(default_factory=list)
    # The rows are not those that were sent: somebody has to look at them first.
    unseen: bool = False

    @property
    def option_rows(self) -> list[dict[str, str]]:
        """Three, as many as there can be."""
        shown = [
            {"name": o.name, "values": "，".join(o.values), "was": o.was} for o in self.options
        ]
        return shown + [{"name": "", "values": "", "was": ""}] * (MAX_OPTIONS - len(shown))

    @property
    def reprices(self) -> bool:
        return any(row.reprices for row in self.rows)

    def wishes(self) -> dict[Key, CellWish]:
        return {
            row.cell.key: CellWish(row.in_use, row.price_fen, row.barcode, row.code)
            for row in self.rows
        }

    def blame(self, problems: Sequence[tuple[Key, str, Any]]) -> None:
        by_key = {row.cell.key: row for row in self.rows}
        for key, name, why in problems:
            by_key[key].errors.setdefault(name, str(why))


def sheet_of(product: Product, variants: Sequence[Variant]) -> Sheet:
    """As it is. What could be a SKU and is none is not in use."""
    options = options_of(variants, options_declared(product))
    found = matrix(options, variants)
    rows = [_known(cell) if cell.sku else Row(cell) for cell in found.cells[:MAX_SKUS]]
    if not variants:
        rows[0].in_use = True
    _propose(product, variants, rows)
    return Sheet(options, rows, found.leaving, variants_version(variants))


def sheet_sent(product: Product, variants: Sequence[Variant], data: QueryDict) -> Sheet:
    """As it was typed; rows of values that are new are in use, at the lowest price typed."""
    options, errors = _options(data)
    sheet = Sheet(options, [], (), data.get("version", ""), errors)
    if errors:
        sheet.rows, sheet.leaving = sheet_of(product, variants).rows, ()
        sheet.unseen = True
        return sheet
    found = matrix(options, variants)
    sheet.leaving = found.leaving
    typed = _typed(data, {option.was: option.name for option in options if option.was})
    fill = data.get("fill", "").strip() if data.get("action") == "fill" else ""
    for cell in found.cells:
        mine = typed.get(_frozen(cell.options))
        if mine is not None:
            row = Row(cell, mine["code"], mine["price"], mine["barcode"], mine["use"] == "1")
        elif cell.sku is not None:
            row = _known(cell)
        else:
            # An option joined: what was typed for the rest of it holds for each of its values.
            wider = (t for o, t in typed.items() if o < _frozen(cell.options))
            row = Row(cell, price=next(wider, {"price": ""})["price"], in_use=True)
        if fill and row.in_use:
            row.price = fill
        sheet.rows.append(row)
    sheet.unseen = typed.keys() != {_frozen(cell.options) for cell in found.cells}
    _propose(product, variants, sheet.rows)
    for row in sheet.rows:
        _read_price(row)
    return sheet


def _known(cell: Cell) -> Row:
    sku = cell.sku
    assert sku is not None
    return Row(cell, sku.code, _yuan(sku.price_fen), sku.barcode, sku.live, sku.price_fen)


def _yuan(fen: int) -> str:
    return YuanField().prepare_value(fen)


def _read_price(row: Row) -> None:
    row.price_fen = None
    if not row.price:
        return
    try:
        row.price_fen = typed_fen(row.price)
    except ValueError:
        if row.in_use:
            row.errors["price_fen"] = _(
                "Enter an amount of yuan above zero with at most two decimals."
            )


def _propose(product: Product, variants: Sequence[Variant], rows: Sequence[Row]) -> None:
    """Codes for new rows, and for those without a price the lowest that stands there."""
    new = [row for row in rows if row.new and not row.code]
    taken = [v.code for v in variants] + [row.code for row in rows]
    for row, code in zip(new, codes_proposed(product.code, taken, len(new)), strict=True):
        row.code = code
    for row in rows:
        _read_price(row)
    prices = [row.price_fen for row in rows if row.in_use and row.price_fen]
    for row in rows:
        if row.new and not row.price and prices:
            row.price = _yuan(min(prices))


def _options(data: QueryDict) -> tuple[list[Option], list[str]]:
    parts = [data.getlist(f"option-{part}") for part in ("name", "values", "was")]
    found: list[Option] = []
    errors: list[str] = []
    for name, text, was in zip(*parts, strict=False):
        name, values = " ".join(name.split()), values_split(text)
        if not name and not values:
            continue
        if not name or not values:
            errors.append(_("An option has a name and at least one value."))
        elif len(name) > 20 or any(len(value) > 40 for value in values):
            errors.append(_("A name has at most 20 characters, a value at most 40."))
        found.append(Option(name, tuple(dict.fromkeys(values)), was))
    if len({option.name for option in found}) < len(found):
        errors.append(_("Two options have the same name."))
    if not errors and size(found) > MAX_SKUS:
        errors.append(
            _("These options span {cells} SKUs, {most} are possible.").format(
                cells=size(found), most=MAX_SKUS
            )
        )
    return found[:MAX_OPTIONS], errors


_Frozen = frozenset[tuple[str, str]]


def _frozen(options: Options) -> _Frozen:
    return frozenset(options.items())


def _typed(data: QueryDict, renamed: Mapping[str, str]) -> dict[_Frozen, Mapping[str, str]]:
    found: dict[_Frozen, Mapping[str, str]] = {}
    for place, document in enumerate(data.getlist("row")[:MAX_SKUS]):
        try:
            options = json.loads(document)
            key = _frozen({renamed.get(n, str(n)): str(value) for n, value in options.items()})
        except (ValueError, AttributeError):
            continue
        found[key] = {
            part: data.get(f"{part}-{place}", "").strip()
            for part in ("code", "price", "barcode", "use")
        }
    return found
