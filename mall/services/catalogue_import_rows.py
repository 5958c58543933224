"""The rows of a catalogue's CSV files, checked against each other and what exists already.

Pure but for the codes it is given: no database, no clock. Each ``take_*`` fills its part of the
Catalogue and leaves what it cannot take in the table's rejects.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from config.kernel.clock import SHANGHAI
from mall.services.catalogue_import_csv import (
    MAX_PIECES,
    Refused,
    Row,
    Table,
    code,
    fen,
    flag,
    whole,
    within,
    words,
)

Rows = Iterator[tuple[int, Row]]


@dataclass
class Known:
    """What the database has already, by code: parents of categories and regions, products of
    SKUs with their options."""

    categories: dict[str, str | None] = field(default_factory=dict)
    brands: set[str] = field(default_factory=set)
    regions: dict[str, str | None] = field(default_factory=dict)
    products: set[str] = field(default_factory=set)
    skus: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Catalogue:
    """Accepted rows as tuples in the order of their columns, by code; ``None`` = file absent."""

    known: Known
    now: datetime
    categories: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    brands: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    regions: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    products: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    skus: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, list[dict[str, str]]] | None = None
    reviews: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def has_product(self, product: str) -> bool:
        return product in self.products or product in self.known.products


def canonical(options: dict[str, str]) -> str:
    """Equal for options that a shopper could not tell apart."""
    return json.dumps(options, ensure_ascii=False, sort_keys=True)


def _once(key: str, seen: dict[str, int], line: int) -> None:
    """Refuse the second row of a key."""
    if key in seen:
        raise Refused(_("{key} stands on line {line} already").format(key=key, line=seen[key]))
    seen[key] = line


# --- trees: a child may stand before its parent ------------------------------------------------


def take_categories(c: Catalogue, rows: Rows, table: Table) -> None:
    lines: dict[str, int] = {}
    found: dict[str, tuple[Any, ...]] = {}
    for line, row in rows:
        try:
            key = code(row, "category_id")
            _once(key, lines, line)
            parent = None if row["parent_id"] in ("", "0") else code(row, "parent_id")
            found[key] = (
                key,
                parent,
                words(row, "name", most=40, required=True),
                words(row, "slogan", most=120),
                whole(row, "sort_order", most=1_000_000) if row.get("sort_order") else 0,
            )
        except Refused as refused:
            table.reject(line, str(refused))
    c.categories = _rooted(found, c.known.categories, lines, table)


def take_regions(c: Catalogue, rows: Rows, table: Table) -> None:
    """Regions are known by adcode here; ``region_id`` only links the rows of the file."""
    lines: dict[str, int] = {}
    by_id: dict[str, int] = {}
    adcode_of: dict[str, str] = {}
    raw: list[tuple[int, str, str, str, int]] = []
    for line, row in rows:
        try:
            region_id, adcode = code(row, "region_id"), code(row, "adcode")
            _once(region_id, by_id, line)
            if len(adcode) > 12:
                raise Refused(
                    _("{column} is no code: {value}").format(column="adcode", value=adcode)
                )
            # A city without districts appears again as its own district.
            _once(adcode, lines, line)
            name = words(row, "name", most=40, required=True)
            level = whole(row, "level", least=1, most=9)
            adcode_of[region_id] = adcode
            raw.append(
                (line, adcode, "" if row["parent_id"] == "0" else row["parent_id"], name, level)
            )
        except Refused as refused:
            table.reject(line, str(refused))
    found: dict[str, tuple[Any, ...]] = {}
    for line, adcode, parent_id, name, level in raw:
        if parent_id and parent_id not in adcode_of:
            table.reject(line, _("parent {code} is unknown").format(code=parent_id[:40]))
            continue
        found[adcode] = (adcode, adcode_of.get(parent_id), name, "", level)
    c.regions = _rooted(found, c.known.regions, lines, table)


def _rooted(
    found: dict[str, tuple[Any, ...]],
    known: dict[str, str | None],
    lines: dict[str, int],
    table: Table,
) -> dict[str, tuple[Any, ...]]:
    """Only the rows (code, parent, …) whose line of parents ends at a root; others are rejected."""
    parents = known | {key: row[1] for key, row in found.items()}
    good: set[str] = set()
    bad: dict[str, str] = {}
    for start in found:
        path: list[str] = []
        node: str | None = start
        reason = ""
        while node is not None and node not in good:
            if node in bad or node not in parents:
                reason = _("parent {code} is unknown").format(code=node)
            elif node in path:
                reason = _("its parents form a circle")
            if reason:
                break
            path.append(node)
            node = parents[node]
        if reason:
            bad.update(dict.fromkeys(path, reason))
        else:
            good.update(path)
    for key in found:
        if key not in good:
            table.reject(lines[key], bad[key])
    return {key: row for key, row in found.items() if key in good}


# --- the shelf ---------------------------------------------------------------------------------


def take_brands(c: Catalogue, rows: Rows, table: Table) -> None:
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            key = code(row, "brand_id")
            _once(key, lines, line)
            name = words(row, "name", most=80, required=True)
            description = within(row.get("description", ""), "description", 2000)
            c.brands[key] = (key, name, description)
        except Refused as refused:
            table.reject(line, str(refused))


def take_products(c: Catalogue, rows: Rows, table: Table) -> None:
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            key = code(row, "product_id")
            _once(key, lines, line)
            name = words(row, "name", most=120, required=True)
            category = code(row, "category_id")
            if category not in c.categories and category not in c.known.categories:
                raise Refused(_("category {code} is unknown").format(code=category))
            brand = None if row["brand_id"] in ("", "0") else code(row, "brand_id")
            if brand is not None and brand not in c.brands and brand not in c.known.brands:
                raise Refused(_("brand {code} is unknown").format(code=brand))
            c.products[key] = (
                line,
                key,
                name,
                category,
                brand,
                words(row, "brief", most=255),
                words(row, "keywords", most=255),
                words(row, "unit", most=16),
                fen(row, "retail_price"),
                fen(row, "list_price") if row.get("list_price") else None,
                flag(row, "on_sale"),
            )
        except Refused as refused:
            table.reject(line, str(refused))


def take_skus(c: Catalogue, rows: Rows, table: Table) -> None:
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            key = code(row, "sku_id")
            _once(key, lines, line)
            product = code(row, "product_id")
            if not c.has_product(product):
                raise Refused(_("product {code} is unknown or was not taken").format(code=product))
            before = c.known.skus.get(key)
            if before is not None and before[0] != product:
                raise Refused(_("it is a SKU of product {code}").format(code=before[0]))
            options = _options(row["options"])
            price = fen(row, "price")
            pieces = whole(row, "stock", most=MAX_PIECES) if row.get("stock") else 0
            # Left empty, or without the column, what is known of it stays.
            cost = fen(row, "cost") if row.get("cost") else None
            c.skus[key] = (line, key, product, canonical(options), price, cost)
            c.stock[key] = pieces
        except Refused as refused:
            table.reject(line, str(refused))
    _tell_apart(c, lines, table)


def _tell_apart(c: Catalogue, lines: dict[str, int], table: Table) -> None:
    """Two SKUs of one product with equal options could not be chosen between: first come stays."""
    taken = {
        (product, options): key
        for key, (product, options) in c.known.skus.items()
        if key not in c.skus
    }
    for key, (_line, _key, product, options, *_money) in list(c.skus.items()):
        other = taken.setdefault((product, options), key)
        if other != key:
            table.reject(lines[key], _("the same options as SKU {code}").format(code=other))
            del c.skus[key], c.stock[key]


def _options(text: str) -> dict[str, str]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, str]:
        if len(dict(items)) != len(items):
            raise Refused(_("an option stands twice"))
        return dict(items)

    try:
        # Numbers keep the spelling they have in the file.
        found = json.loads(text or "{}", object_pairs_hook=pairs, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise Refused(_("options are no JSON: {value}").format(value=text[:40])) from None
    if not isinstance(found, dict):
        raise Refused(_("options are no JSON object: {value}").format(value=text[:40]))
    options = {}
    for name, value in found.items():
        if not isinstance(value, str):
            raise Refused(_("option {name} is no text").format(name=name[:40]))
        name, value = " ".join(name.split()), " ".join(value.split())
        if not name or not value:
            raise Refused(_("an option without name or value"))
        # JSON can spell what neither UTF-8 nor PostgreSQL can hold: \\u0000, half a pair.
        if not (name + value).isprintable():
            raise Refused(_("option {name} is no text").format(name=ascii(name)[:40]))
        if len(name) > 40 or len(value) > 80:
            raise Refused(_("option {name} is too long").format(name=name[:40]))
        options[name] = value
    return options


def take_attributes(c: Catalogue, rows: Rows, table: Table) -> None:
    lines: dict[str, int] = {}
    attributes: dict[str, list[dict[str, str]]] = {}
    for line, row in rows:
        try:
            product = code(row, "product_id")
            if not c.has_product(product):
                raise Refused(_("product {code} is unknown or was not taken").format(code=product))
            name = words(row, "name", most=40, required=True)
            _once(f"{product} {name}", lines, line)
            value = words(row, "value", most=500, required=True)
            attributes.setdefault(product, []).append({"name": name, "value": value})
        except Refused as refused:
            table.reject(line, str(refused))
    c.attributes = attributes


def take_reviews(c: Catalogue, rows: Rows, table: Table) -> None:
    """A review has no id: it is known by product, time and text, and equal ones by their order."""
    times: dict[str, int] = {}
    for line, row in rows:
        try:
            product = code(row, "product_id")
            if not c.has_product(product):
                raise Refused(_("product {code} is unknown or was not taken").format(code=product))
            stars = whole(row, "stars", least=1, most=5)
            text = within(row["text"], "text", 2000)
            created = local_time(row["created_at"], "created_at", c.now)
            content = f"{product}\n{created.isoformat()}\n{text}"
            nth = times[content] = times.get(content, 0) + 1
            key = hashlib.sha256(f"{content}\n{nth}".encode()).hexdigest()
            c.reviews[key] = (line, key, product, stars, text, created)
        except Refused as refused:
            table.reject(line, str(refused))


def local_time(text: str, name: str, now: datetime) -> datetime:
    """A moment that has been; without an offset it is Shanghai's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            _("{column} is no time: {value}").format(column=name, value=text[:40])
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=SHANGHAI)
    if moment.year < 1990 or moment > now:
        raise Refused(_("{column} is no time past: {value}").format(column=name, value=text[:40]))
    return moment
