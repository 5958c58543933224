"""The matrix of SKUs: identity kept, nothing deleted, all of it or nothing, told once each."""

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Approval, Event
from mall.matrix import Option
from mall.models import Product, Sku
from mall.services.product_skus import (
    CellsInvalid,
    CellWish,
    OptionsInvalid,
    SkusChanged,
    SkusWritten,
    options_declared,
    product_skus,
    variants_of,
    variants_version,
)
from mall.services.sku_change import sku_price_set
from tests.factories import make_product, make_sku, make_staff, make_user

pytestmark = pytest.mark.django_db
REFERENCE = "kernel.reference_changed"
COLOUR = Option("颜色", ("红", "蓝"))
SIZE = Option("尺码", ("S", "M"))


@pytest.fixture
def boss():
    """Needs nobody's approval."""
    return make_user(superuser=True)


@pytest.fixture
def product():
    """Without SKUs yet."""
    product = make_product(code="tee", name="T恤")
    product.skus.all().delete()
    Product.objects.filter(pk=product.pk).update(price_fen=0)
    return product


@pytest.fixture
def save(product, boss, now):
    """``save(options, {values: wish})`` by somebody who sees the SKUs as they are."""

    def save(options, wishes, shown=None, user=None):
        return product_skus(
            product_id=product.pk,
            options=options,
            wishes=wishes,
            shown=shown or variants_version(variants_of(product.pk)),
            reason="夏季新款",
            user=user or boss,
            now=now,
        )

    return save


def wish(code="", price=9_900, barcode="", in_use=True):
    return CellWish(in_use=in_use, price_fen=price, barcode=barcode, code=code)


@pytest.fixture
def filled(product, save):
    """红/S and 蓝/M are sold, the other two combinations are not made."""
    save(
        [COLOUR, SIZE],
        {("红", "S"): wish("tee-1", 9_900, "690001"), ("蓝", "M"): wish("tee-2", 8_800, "690002")},
    )
    Event.objects.all().delete()
    return product


def rows(product):
    return [
        (
            s.code,
            "/".join(s.options[n] for n in ("颜色", "尺码") if n in s.options),
            s.price_fen,
            s.barcode,
            s.archived_at is None,
        )
        for s in product.skus.order_by("pk")
    ]


def told():
    found = Event.objects.filter(kind=REFERENCE, subject_type="mall.sku").order_by("pk")
    return [
        (Sku.objects.get(pk=e.subject_id).code, e.payload["change"], e.payload["changes"])
        for e in found
    ]


def test_a_matrix_becomes_skus_and_the_product_costs_what_the_cheapest_does(product, save):
    written = save(
        [COLOUR, SIZE],
        {("红", "S"): wish("tee-1", 9_900), ("蓝", "M"): wish("tee-2", 8_800, "690002")},
    )
    assert written == SkusWritten(added=2)
    product.refresh_from_db()
    assert product.price_fen == 8_800
    assert {s.code: s.options for s in product.skus.all()} == {
        "tee-1": {"颜色": "红", "尺码": "S"},
        "tee-2": {"颜色": "蓝", "尺码": "M"},
    }
    assert [(o.name, o.values) for o in options_declared(product)] == [
        ("颜色", ("红", "蓝")),
        ("尺码", ("S", "M")),
    ]
    assert told() == [
        ("tee-1", "added", {"price_fen": [None, 9_900]}),
        ("tee-2", "added", {"price_fen": [None, 8_800]}),
    ]
    assert {e.reason for e in Event.objects.filter(kind=REFERENCE)} == {"夏季新款"}


def test_a_product_without_options_is_one_sku(product, save):
    assert save([], {(): wish("tee-1", 5_000)}) == SkusWritten(added=1)
    assert rows(product) == [("tee-1", "", 5_000, "", True)]


def test_saving_what_is_there_changes_nothing(filled, save):
    before = rows(filled)
    written = save(
        [COLOUR, SIZE],
        {("红", "S"): wish("", 9_900, "690001"), ("蓝", "M"): wish("", 8_800, "690002")},
    )
    assert (written, rows(filled), told()) == (SkusWritten(), before, [])


def test_values_in_another_order_are_a_change_of_the_product_alone(filled, save):
    turned = Option("尺码", ("M", "S"))
    same = {("红", "S"): wish("", 9_900, "690001"), ("蓝", "M"): wish("", 8_800, "690002")}
    assert save([COLOUR, turned], same) == SkusWritten()
    filled.refresh_from_db()
    assert options_declared(filled) == [COLOUR, turned]
    events = Event.objects.filter(kind=REFERENCE)
    assert [(e.subject_type, e.payload["changes"]) for e in events] == [
        ("mall.product", {"options": True})
    ]


def test_a_price_goes_the_way_of_every_price(filled, save):
    written = save(
        [COLOUR, SIZE],
        {("红", "S"): wish("", 7_700, "690001"), ("蓝", "M"): wish("", 8_800, "690002")},
    )
    assert written == SkusWritten(priced=1)
    filled.refresh_from_db()
    assert filled.price_fen == 7_700
    assert told() == [("tee-1", "priced", {"price_fen": [9_900, 7_700]})]


def test_a_large_step_of_a_price_waits_for_a_second_person_and_the_rest_is_written(filled, save):
    merchandiser = make_staff(role="headquarters")
    wishes = {("红", "S"): wish("", 3_000, "690001"), ("蓝", "M"): wish("", 8_000, "690009")}
    written = save([COLOUR, SIZE], wishes, user=merchandiser)
    assert written == SkusWritten(priced=1, changed=1, waiting=1)
    assert [(r[2], r[3]) for r in rows(filled)] == [(9_900, "690001"), (8_000, "690009")]
    asked = Approval.objects.get()
    assert (asked.kind, asked.params["price_fen"]) == ("mall.sku_price", 3_000)

    with pytest.raises(CellsInvalid) as refusal:
        save(
            [COLOUR, SIZE],
            {("红", "S"): wish("", 2_000, "690001"), ("蓝", "M"): wish("", 8_100, "690009")},
            user=merchandiser,
        )
    assert [(k, f) for k, f, _why in refusal.value.problems] == [(("红", "S"), "price_fen")]
    assert [r[2] for r in rows(filled)] == [9_900, 8_000]


def test_a_value_that_goes_archives_its_skus_and_a_value_that_returns_finds_them_again(
    filled, save, now
):
    red = Option("颜色", ("红",))
    assert save([red, SIZE], {("红", "S"): wish("", 9_900, "690001")}) == SkusWritten(archived=1)
    assert rows(filled) == [
        ("tee-1", "红/S", 9_900, "690001", True),
        ("tee-2", "蓝/M", 8_800, "690002", False),
    ]
    filled.refresh_from_db()
    assert filled.price_fen == 9_900
    back = {("红", "S"): wish("", 9_900, "690001"), ("蓝", "M"): wish("", 8_800, "690002")}
    assert save([COLOUR, SIZE], back) == SkusWritten(restored=1)
    assert [r[4] for r in rows(filled)] == [True, True]
    assert [change for _code, change, _changes in told()] == ["archived", "restored"]


def test_an_option_that_joins_keeps_every_sku(filled, save):
    ids = dict(filled.skus.values_list("code", "pk"))
    material = Option("材质", ("棉", "麻"))
    save(
        [COLOUR, SIZE, material],
        {
            ("红", "S", "棉"): wish("", 9_900, "690001"),
            ("蓝", "M", "棉"): wish("", 8_800, "690002"),
            ("蓝", "M", "麻"): wish("tee-3", 9_000),
        },
    )
    assert ids.items() <= dict(filled.skus.values_list("code", "pk")).items()
    assert {s.code: s.options["材质"] for s in filled.skus.all()} == {
        "tee-1": "棉",
        "tee-2": "棉",
        "tee-3": "麻",
    }
    assert told() == [
        ("tee-1", "changed", {"options": True}),
        ("tee-2", "changed", {"options": True}),
        ("tee-3", "added", {"price_fen": [None, 9_000]}),
    ]


def test_two_skus_exchange_their_barcodes(filled, save):
    save(
        [COLOUR, SIZE],
        {("红", "S"): wish("", 9_900, "690002"), ("蓝", "M"): wish("", 8_800, "690001")},
    )
    assert [(r[0], r[3]) for r in rows(filled)] == [("tee-1", "690002"), ("tee-2", "690001")]


def test_a_barcode_of_a_sku_that_leaves_is_free_at_once(filled, save):
    save([Option("颜色", ("红",)), SIZE], {("红", "S"): wish("", 9_900, "690002")})
    assert [(r[0], r[3], r[4]) for r in rows(filled)] == [
        ("tee-1", "690002", True),
        ("tee-2", "690002", False),
    ]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (wish("tee-9", None), "price_fen"),
        (wish("tee-9", 0), "price_fen"),
        (wish("tee-9", 2_147_483_648), "price_fen"),
        (wish("", 9_900), "code"),
        (wish("红色", 9_900), "code"),
        (wish("x" * 33, 9_900), "code"),
        (wish("tee-2", 9_900), "code"),
        (wish("other", 9_900), "code"),
        (wish("tee-9", 9_900, "条码"), "barcode"),
        (wish("tee-9", 9_900, "690002"), "barcode"),
        (wish("tee-9", 9_900, "690777"), "barcode"),
    ],
)
def test_what_cannot_be_is_said_of_its_row_and_nothing_is_written(filled, save, cell, problem):
    make_sku(code="other")
    Sku.objects.filter(code="other").update(barcode="690777")
    before = rows(filled)
    with pytest.raises(CellsInvalid) as refusal:
        save(
            [COLOUR, SIZE],
            {
                ("红", "S"): wish("", 1_000, "690001"),
                ("红", "M"): cell,
                ("蓝", "M"): wish("", 8_800, "690002"),
            },
        )
    named = {(key, field) for key, field, _why in refusal.value.problems}
    assert (("红", "M"), problem) in named
    assert named <= {(("红", "M"), problem), (("蓝", "M"), problem)}
    assert (rows(filled), told()) == (before, [])


def test_two_new_rows_with_one_code_are_both_marked(product, save):
    with pytest.raises(CellsInvalid) as refusal:
        save([COLOUR], {("红",): wish("tee-1"), ("蓝",): wish("tee-1")})
    assert [(k, f) for k, f, _why in refusal.value.problems] == [
        (("红",), "code"),
        (("蓝",), "code"),
    ]
    assert rows(product) == []


@pytest.mark.parametrize(
    "options",
    [
        [Option(f"选项{n}", ("甲",)) for n in range(4)],
        [COLOUR, COLOUR],
        [Option("颜色", ())],
        [Option("颜色", ("红", "红"))],
        [Option("", ("红",))],
        [Option("颜" * 21, ("红",))],
        [Option("颜色", ("红" * 41,))],
        [Option("颜色", ("红\x00",))],
        [Option("甲", tuple("0123456789")), Option("乙", tuple("0123456789abcdefghijk"))],
    ],
)
def test_options_that_span_no_matrix_are_refused(product, save, options):
    with pytest.raises(OptionsInvalid):
        save(options, {})
    assert rows(product) == []


def test_two_hundred_skus_are_possible(product, save):
    letters, digits = "ABCDEFGHIJKLMNOPQRST", "0123456789"
    cells = {(a, b): wish(f"tee-{a}{b}") for a in letters for b in digits}
    options = [Option("款", tuple(letters)), Option("号", tuple(digits))]
    assert save(options, cells) == SkusWritten(added=200)


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(filled, save, now):
    seen = variants_version(variants_of(filled.pk))
    red = filled.skus.get(code="tee-1")
    sku_price_set(sku_id=red.pk, price_fen=6_600, reason="促销", actor=SYSTEM, now=now)
    with pytest.raises(SkusChanged):
        save([], {(): wish("tee-9")}, shown=seen)
    assert [r[2] for r in rows(filled)] == [6_600, 8_800]
    assert len(told()) == 1
