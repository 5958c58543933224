"""What is wrong in a file of the catalogue is rejected with its line, and nothing else."""

import pytest
from django.core.management import CommandError, call_command

from config.kernel.models import Batch
from mall.models import Brand, Category, Product, Review, Sku
from mall.services.catalogue_import_csv import ImportUnreadable
from tests.mall.services.catalogue.files import PRODUCT, SKU, SMALL, rejects, run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change",
    [
        {"product_id": ""},
        {"product_id": "p 2"},
        {"product_id": "x" * 33},
        {"product_id": "p1"},
        {"name": " \u3000\u200b"},
        {"name": "长" * 121},
        {"name": "毛\x00巾"},
        {"category_id": "c9"},
        {"category_id": "0"},
        {"brand_id": "b9"},
        {"brief": "长" * 256},
        {"unit": "长" * 17},
        {"retail_price": ""},
        {"retail_price": "0.00"},
        {"retail_price": "-1"},
        {"retail_price": "1.999"},
        {"retail_price": "1,299.00"},
        {"retail_price": "¥9"},
        {"retail_price": "1e3"},
        {"retail_price": "NaN"},
        {"retail_price": "１２"},
        {"retail_price": "99999999.99"},
        {"list_price": "free"},
        {"on_sale": "yes"},
    ],
)
def test_a_bad_product_is_rejected_with_its_line_and_nothing_else(folder, now, change):
    bad = tuple((PRODUCT | {"product_id": "p2"} | change).values())
    good = tuple((PRODUCT | {"product_id": "p3"}).values())

    report = run(folder(products=[SMALL["products"][0], bad, good]), now)

    assert rejects(report) == [("products.csv", 3)]
    assert set(Product.objects.values_list("code", flat=True)) == {"p1", "p3"}


@pytest.mark.parametrize(
    "change",
    [
        {"sku_id": "k1"},
        {"product_id": "p9"},
        {"price": "0"},
        {"stock": "-1"},
        {"stock": "1.5"},
        {"stock": "many"},
        {"options": "{'颜色': '白'}"},
        {"options": '["白"]'},
        {"options": '{"颜色": null}'},
        {"options": '{"颜色": {"a": "b"}}'},
        {"options": '{"颜色": ""}'},
        {"options": '{"颜色": "白", "颜色": "黑"}'},
        {"options": '{"颜色": "\\u0000"}'},
        {"options": '{"颜色": "\\ud800"}'},
        {"options": '{"颜色": "' + "白" * 81 + '"}'},
        {"options": "[" * 5000},
        # Nobody could choose between it and k1.
        {"options": '{"颜色":  " 白 "}'},
    ],
)
def test_a_bad_sku_is_rejected_with_its_line_and_nothing_else(folder, now, change):
    bad = tuple((SKU | {"sku_id": "k9", "options": '{"颜色": "绿"}'} | change).values())

    report = run(folder(skus=[*SMALL["skus"], bad]), now)

    assert rejects(report) == [("skus.csv", 4)]
    assert set(Sku.objects.values_list("code", flat=True)) == {"k1", "k2"}


@pytest.mark.parametrize(
    "row",
    [
        ("p9", 5, "好", "2018-02-01 00:00:00"),
        ("p1", 0, "好", "2018-02-01 00:00:00"),
        ("p1", 6, "好", "2018-02-01 00:00:00"),
        ("p1", "五", "好", "2018-02-01 00:00:00"),
        ("p1", 5, "好" * 2001, "2018-02-01 00:00:00"),
        ("p1", 5, "好", "昨天"),
        ("p1", 5, "好", "2018-02-30 00:00:00"),
        ("p1", 5, "好", "9999-02-01 00:00:00"),
        ("p1", 5, "好", "0001-01-01T00:00:00+08:00"),
    ],
)
def test_a_bad_review_is_rejected(folder, now, row):
    report = run(folder(reviews=[row]), now)
    assert rejects(report) == [("reviews.csv", 2)]
    assert not Review.objects.exists()


def test_a_category_whose_parents_lead_nowhere_is_rejected_with_all_below_it(folder, now):
    rows = [
        ("a", "b", "甲", "", "L1", 1),
        ("b", "a", "乙", "", "L1", 1),
        ("c", "a", "丙", "", "L2", 1),
        ("d", "nowhere", "丁", "", "L2", 1),
        ("e", "d", "戊", "", "L2", 1),
        ("f", "f", "己", "", "L1", 1),
        ("c2", 0, "毛巾", "", "L1", 1),
    ]
    report = run(folder(categories=rows), now)

    assert rejects(report) == [("categories.csv", line) for line in (2, 3, 4, 5, 6, 7)]
    assert [c.code for c in Category.objects.all()] == ["c2"]


def test_a_file_cannot_close_a_circle_with_what_is_there(folder, now):
    run(folder(), now)
    report = run(folder(categories=[("c1", "c2", "家居", "", "L1", 1)]), now)

    assert rejects(report) == [("categories.csv", 2)]
    assert Category.objects.get(code="c1").parent is None


def test_a_sku_does_not_move_to_another_product(folder, now):
    run(folder(), now)
    products = [SMALL["products"][0], tuple((PRODUCT | {"product_id": "p2"}).values())]
    report = run(folder(products=products, skus=[("k1", "p2", "{}", "1", 0)]), now)

    assert rejects(report) == [("skus.csv", 2)]
    assert Sku.objects.get(code="k1").product.code == "p1"


def test_lines_are_those_an_editor_shows(folder, now):
    text = (
        "brand_id,name,description\n"
        'b1,松岚,"两\n行"\n'
        "\n"
        "b2,少一列\n"
        'b3,"引号"坏了,x\n'
        "b4,\xff,x\n"
        "b5,好,x\n"
        'b6,"没有关上,x\n'
    )
    raw = text.encode("utf-8").replace("\xff".encode(), b"\xff")
    report = run(folder(brands=raw, products=None, skus=None, attributes=None, reviews=None), now)

    assert rejects(report) == [("brands.csv", line) for line in (5, 6, 7, 9)]
    assert [b.code for b in Brand.objects.order_by("code")] == ["b1", "b5"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"brand_id,title\nb1,x\n",
        b"brand_id,name,name\nb1,x,y\n",
        "brand_id,name,描述\nb1,松岚,x\n".encode("gbk"),
        "brand_id,name\nb1,x\n".encode("utf-16"),
    ],
)
def test_what_is_no_such_file_stops_the_import(folder, now, content):
    with pytest.raises(ImportUnreadable):
        run(folder(brands=content), now)
    assert not Category.objects.exists()
    assert not Batch.objects.exists()


def test_an_empty_or_missing_folder_is_said(tmp_path, now):
    with pytest.raises(ImportUnreadable):
        run(tmp_path, now)
    with pytest.raises(CommandError):
        call_command("import_catalog", str(tmp_path / "no"))
