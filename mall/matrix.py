"""Options and the SKUs they span: pure, no ORM.

A product's options (colour: red, blue; size: S, M) span a matrix; each cell is a SKU or could be
one. Existing SKUs keep their identity: they are found again in the new matrix by their options,
also when an option joined, left or was renamed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as crossed

MAX_OPTIONS = 3
MAX_SKUS = 200
CODE_LENGTH = 32

Options = dict[str, str]


@dataclass(frozen=True, slots=True)
class Option:
    """An option and its values in their order; ``was`` is its former name when it is renamed."""

    name: str
    values: tuple[str, ...]
    was: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """A SKU that exists. ``live``: not archived."""

    pk: int
    code: str
    options: Options
    price_fen: int
    barcode: str
    live: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination of values and the SKU that it is, if any."""

    options: Options
    sku: Variant | None

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(self.options.values())


@dataclass(frozen=True, slots=True)
class Matrix:
    """All combinations, and the SKUs in use that none of them is: those leave the range."""

    cells: tuple[Cell, ...]
    leaving: tuple[Variant, ...]


def options_of(variants: Sequence[Variant], declared: Sequence[Option] = ()) -> list[Option]:
    """The options that the SKUs in use have, as ``declared`` orders them and their values; what
    was not declared follows in the order in which it came up. A declared value may have no SKU."""
    values: dict[str, dict[str, None]] = {}
    live = [variant.options for variant in variants if variant.live]
    names = {name for options in live for name in options}
    for option in declared:
        if option.name in names or not live:
            values[option.name] = dict.fromkeys(option.values)
    for options in live:
        for name, value in options.items():
            values.setdefault(name, {})[value] = None
    return [Option(name, tuple(found), was=name) for name, found in values.items()]


def values_split(text: str) -> tuple[str, ...]:
    """ "红, 蓝、绿" as its values; commas of both scripts, 、 ; and line ends divide them."""
    parts = re.split(r"[,，、;；\n]", text)
    return tuple(filter(None, (" ".join(part.split()) for part in parts)))


def size(options: Sequence[Option]) -> int:
    """How many cells the options span; without any there is one, the product itself."""
    cells = 1
    for option in options:
        cells *= len(option.values)
    return cells


def matrix(options: Sequence[Option], variants: Sequence[Variant]) -> Matrix:
    """Lay ``variants`` into the cells that ``options`` span.

    A SKU goes to the cell with its very options; else to one that says the same and has the first
    value of each option that joined; else, of several that an option which left told apart, the
    first one stays. SKUs in use come before archived ones, older before younger.
    """
    renamed = {option.was: option.name for option in options if option.was}
    first = {option.name: option.values[0] for option in options}
    waiting = sorted(variants, key=lambda v: (not v.live, v.pk))
    known = {
        v.pk: {renamed.get(name, name): value for name, value in v.options.items()} for v in waiting
    }
    cells = list(_combinations(options))
    taken: dict[int, Variant] = {}
    for fits in (_same, _joined, _left):
        for place, cell in enumerate(cells):
            if place in taken:
                continue
            found = next((v for v in waiting if fits(cell, known[v.pk], first)), None)
            if found is not None:
                taken[place] = found
                waiting.remove(found)
    return Matrix(
        tuple(Cell(cell, taken.get(place)) for place, cell in enumerate(cells)),
        tuple(v for v in waiting if v.live),
    )


def _combinations(options: Sequence[Option]) -> Iterator[Options]:
    names = [option.name for option in options]
    for values in crossed(*(option.values for option in options)):
        yield dict(zip(names, values, strict=True))


def _same(cell: Options, has: Options, first: Options) -> bool:
    return has == cell


def _joined(cell: Options, has: Options, first: Options) -> bool:
    return has.keys() < cell.keys() and first | has == cell


def _left(cell: Options, has: Options, first: Options) -> bool:
    """Also when one option left and another joined."""
    kept = {name: value for name, value in has.items() if name in cell}
    return not has.keys() <= cell.keys() and first | kept == cell


def codes_proposed(product_code: str, taken: Sequence[str], count: int) -> list[str]:
    """``count`` codes for new SKUs: the product's with the next numbers that are not ``taken``."""
    used, number = set(taken), 0
    found: list[str] = []
    stem = product_code[: CODE_LENGTH - 4]
    while len(found) < count:
        number += 1
        code = f"{stem}-{number}"
        if code not in used:
            found.append(code)
    return found


def doubled(values: Mapping[tuple[str, ...], str]) -> set[tuple[str, ...]]:
    """Keys whose value, other than "", stands at another key too."""
    first: dict[str, tuple[str, ...]] = {}
    found = set()
    for key, value in values.items():
        if value and first.setdefault(value, key) != key:
            found |= {key, first[value]}
    return found
