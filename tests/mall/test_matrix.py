"""SKUs find their cell again, whatever became of the options. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mall.matrix import (
    Option,
    Variant,
    codes_proposed,
    doubled,
    matrix,
    options_of,
    size,
    values_split,
)

COLOUR = Option("颜色", ("红", "蓝"))
SIZE = Option("尺码", ("S", "M"))


def sku(pk: int, live: bool = True, **options: str) -> Variant:
    return Variant(pk, f"p-{pk}", options, 1_000, "", live)


def laid(options, variants):
    """(values of each cell with the key of its SKU, keys of those that leave)."""
    found = matrix(options, variants)
    return (
        {"/".join(c.key): c.sku.pk if c.sku else None for c in found.cells},
        [v.pk for v in found.leaving],
    )


def test_no_options_are_one_cell():
    assert laid([], []) == ({"": None}, [])
    assert laid([], [sku(1)]) == ({"": 1}, [])


def test_options_span_all_combinations_in_their_order():
    cells, _leaving = laid([COLOUR, SIZE], [])
    assert list(cells) == ["红/S", "红/M", "蓝/S", "蓝/M"]
    assert size([COLOUR, SIZE]) == 4


def test_skus_keep_their_cell_whatever_the_order_of_their_options():
    variants = [sku(7, 尺码="M", 颜色="蓝"), sku(8, 颜色="红", 尺码="S")]
    assert laid([COLOUR, SIZE], variants) == (
        {"红/S": 8, "红/M": None, "蓝/S": None, "蓝/M": 7},
        [],
    )


def test_a_value_that_goes_takes_its_skus_along():
    variants = [sku(1, 颜色="红"), sku(2, 颜色="蓝"), sku(3, live=False, 颜色="绿")]
    assert laid([Option("颜色", ("红",))], variants) == ({"红": 1}, [2])


def test_an_archived_sku_is_found_again_when_its_value_comes_back():
    assert laid([COLOUR], [sku(1, live=False, 颜色="红")]) == ({"红": 1, "蓝": None}, [])


def test_of_two_with_the_same_options_the_one_in_use_stays_and_the_other_leaves():
    variants = [sku(1, live=False, 颜色="红"), sku(2, 颜色="红"), sku(3, 颜色="红")]
    assert laid([COLOUR], variants) == ({"红": 2, "蓝": None}, [3])


def test_an_option_that_joins_gives_its_first_value_to_what_is_there():
    assert laid([COLOUR, SIZE], [sku(1, 颜色="红"), sku(2, 颜色="蓝")]) == (
        {"红/S": 1, "红/M": None, "蓝/S": 2, "蓝/M": None},
        [],
    )
    assert laid([COLOUR], [sku(1)]) == ({"红": 1, "蓝": None}, [])


def test_an_option_that_leaves_keeps_the_first_of_those_it_told_apart():
    variants = [
        sku(1, 颜色="红", 尺码="S"),
        sku(2, 颜色="红", 尺码="M"),
        sku(3, 颜色="蓝", 尺码="M"),
    ]
    assert laid([COLOUR], variants) == ({"红": 1, "蓝": 3}, [2])


def test_one_option_for_another():
    material = Option("材质", ("棉", "麻"))
    variants = [sku(1, 颜色="红", 尺码="S"), sku(2, 颜色="蓝", 尺码="S")]
    assert laid([COLOUR, material], variants) == (
        {"红/棉": 1, "红/麻": None, "蓝/棉": 2, "蓝/麻": None},
        [],
    )


def test_a_renamed_option_keeps_its_skus():
    shade = Option("色彩", ("红", "蓝"), was="颜色")
    assert laid([shade], [sku(1, 颜色="红"), sku(2, 颜色="蓝")]) == ({"红": 1, "蓝": 2}, [])


def test_options_are_read_from_the_skus_in_use():
    variants = [sku(1, 颜色="红", 尺码="S"), sku(2, 颜色="蓝", 尺码="S"), sku(3, False, 颜色="绿")]
    assert options_of(variants) == [
        Option("颜色", ("红", "蓝"), was="颜色"),
        Option("尺码", ("S",), was="尺码"),
    ]


def test_declared_options_come_in_their_order_and_may_have_values_without_a_sku():
    variants = [sku(1, 尺码="M", 颜色="红"), sku(2, 尺码="XL", 颜色="红")]
    declared = [COLOUR, SIZE, Option("材质", ("棉",))]
    assert options_of(variants, declared) == [
        Option("颜色", ("红", "蓝"), was="颜色"),
        Option("尺码", ("S", "M", "XL"), was="尺码"),
    ]
    assert options_of([], declared[:1]) == [Option("颜色", ("红", "蓝"), was="颜色")]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("红, 蓝", ("红", "蓝")),
        ("红，蓝、绿；黑", ("红", "蓝", "绿", "黑")),
        ("  S \n M  L ", ("S", "M L")),
        (", ,", ()),
    ],
)
def test_values_are_divided_by_commas_of_both_scripts(text, values):
    assert values_split(text) == values


def test_proposed_codes_are_free_and_short_enough():
    assert codes_proposed("p1", ["p1-1", "p1-3"], 3) == ["p1-2", "p1-4", "p1-5"]
    long = codes_proposed("x" * 32, [], 200)
    assert len(set(long)) == 200
    assert max(map(len, long)) == 32


def test_doubled_names_every_place_of_a_value_that_stands_twice():
    keys = {("红",): "A", ("蓝",): "A", ("绿",): "", ("黑",): "", ("白",): "B"}
    assert doubled(keys) == {("红",), ("蓝",)}


NAMES = st.sampled_from(["颜色", "尺码", "材质"])
VALUES = st.sampled_from(["甲", "乙", "丙"])
VARIANTS = st.lists(st.tuples(st.dictionaries(NAMES, VALUES), st.booleans()), max_size=8).map(
    lambda rows: [sku(pk, live, **options) for pk, (options, live) in enumerate(rows)]
)
OPTIONS = st.lists(
    st.builds(Option, NAMES, st.lists(VALUES, min_size=1, unique=True).map(tuple)),
    max_size=3,
    unique_by=lambda option: option.name,
)


@given(OPTIONS, VARIANTS)
def test_every_sku_in_use_is_in_one_cell_or_leaves(options, variants):
    found = matrix(options, variants)
    placed = [cell.sku.pk for cell in found.cells if cell.sku]
    leaving = [v.pk for v in found.leaving]
    assert len(placed) == len(set(placed))
    assert set(placed) & set(leaving) == set()
    assert {v.pk for v in variants if v.live} <= set(placed) | set(leaving)
    assert len({cell.key for cell in found.cells}) == len(found.cells) == size(options)


@given(VARIANTS)
def test_as_long_as_no_two_are_alike_nothing_leaves_the_matrix_they_span(variants):
    live = [v for v in variants if v.live]
    names = {name for v in live for name in v.options}
    alike = {tuple(sorted(v.options.items())) for v in live}
    whole = all(v.options.keys() == names for v in live)
    if whole and len(alike) == len(live):
        assert matrix(options_of(variants), variants).leaving == ()
