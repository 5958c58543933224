import csv
import json
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import Batch, Event
from mall.models import Brand, Category, Product, Review, Sku, Stock, StockMovement
from mall.offers import StoreUnknown
from mall.services import catalogue_import_write
from mall.services.catalogue_import import catalogue_import
from mall.services.catalogue_import_csv import ImportUnreadable
from stores.models import Region
from tests.factories import make_product, make_store, make_user

pytestmark = pytest.mark.django_db

HEADERS = {
    "categories": "category_id,parent_id,name,slogan,level,sort_order",
    "brands": "brand_id,name,description",
    "products": "product_id,name,category_id,brand_id,brief,keywords,unit,list_price,"
    "retail_price,on_sale",
    "skus": "sku_id,product_id,options,price,stock",
    "attributes": "product_id,name,value",
    "reviews": "product_id,stars,text,created_at",
    "regions": "region_id,parent_id,name,level,adcode",
}
SMALL = {
    "categories": [("c2", "c1", "毛巾", "吸水", "L2", 2), ("c1", 0, "家居", "", "L1", 1)],
    "brands": [("b1", "松岚", "全棉")],
    "products": [("p1", "长绒棉毛巾", "c2", "b1", "不掉毛", "", "条", "39.00", "29.90", 1)],
    "skus": [
        ("k1", "p1", '{"颜色": "白"}', "29.90", 5),
        ("k2", "p1", '{"颜色": "蓝"}', "19.90", 0),
    ],
    "attributes": [("p1", "材质", "棉"), ("p1", "尺寸", "34×76")],
    "reviews": [("p1", 5, "好，软", "2018-02-01 00:00:00")],
}


@pytest.fixture
def folder(tmp_path):
    """``folder(skus=[...])`` writes files; the rest comes from SMALL, ``None`` leaves one out."""

    def write(**files) -> Path:
        for name, rows in (SMALL | files).items():
            path = tmp_path / f"{name}.csv"
            path.unlink(missing_ok=True)
            if rows is None:
                continue
            if isinstance(rows, bytes):
                path.write_bytes(rows)
                continue
            with path.open("w", newline="", encoding="utf-8") as handle:
                writer = csv.writer(handle)
                writer.writerow(HEADERS[name].split(","))
                writer.writerows(rows)
        return tmp_path

    return write


def run(folder: Path, now, **options):
    return catalogue_import(folder=folder, actor=SYSTEM, now=now, **options)


def counts(report, name: str) -> tuple[int, int, int, int]:
    f = report.files[f"{name}.csv"]
    return f.created, f.updated, f.unchanged, f.rejected


def rejects(report) -> list[tuple[str, int]]:
    return [(r.file, r.line) for r in report.rejects]


def versions() -> dict[str, list]:
    """Row versions: PostgreSQL gives a row that is written a new ctid."""
    found = {}
    with connection.cursor() as cursor:
        for table in ("mall_category", "mall_brand", "mall_product", "mall_sku", "mall_review"):
            cursor.execute(f"SELECT id, ctid::text FROM {table} ORDER BY id")
            found[table] = cursor.fetchall()
    return found


# --- what goes in ------------------------------------------------------------------------------


def test_everything_arrives_linked_and_in_fen(folder, now):
    report = run(folder(), now)

    product = Product.objects.get(code="p1")
    assert report.rejects == []
    assert (product.category.code, product.category.parent.code) == ("c2", "c1")
    assert (product.brand.name, product.on_sale) == ("松岚", True)
    assert (product.price_fen, product.list_price_fen) == (1_990, 3_900)
    assert product.attributes == [
        {"name": "材质", "value": "棉"},
        {"name": "尺寸", "value": "34×76"},
    ]
    assert product.search_text == "长绒棉毛巾 不掉毛 松岚 毛巾"
    assert [(k.code, k.options, k.price_fen) for k in product.skus.order_by("id")] == [
        ("k1", {"颜色": "白"}, 2_990),
        ("k2", {"颜色": "蓝"}, 1_990),
    ]
    review = product.reviews.get()
    assert (review.stars, review.text) == (5, "好，软")
    assert review.created_at.isoformat() == "2018-01-31T16:00:00+00:00"


def test_a_second_run_writes_no_row(folder, now):
    path = folder()
    run(path, now)
    before = versions()

    report = run(path, now)

    assert versions() == before
    assert not report.changed
    assert counts(report, "skus") == (0, 0, 2, 0)
    assert counts(report, "categories") == (0, 0, 2, 0)


def test_only_what_differs_is_written(folder, now):
    run(folder(), now)
    before = versions()
    second = ("k2", "p1", '{"颜色": "雾蓝"}', "25.00", 0)
    path = folder(
        brands=[("b1", "松岚家纺", "全棉")],
        skus=[SMALL["skus"][0], second, ("k3", "p1", '{"颜色": "绿"}', "30", 1)],
        reviews=[("p1", 4, "好，软", "2018-02-01 00:00:00")],
    )

    report = run(path, now)

    assert counts(report, "brands") == (0, 1, 0, 0)
    assert counts(report, "skus") == (1, 1, 1, 0)
    assert counts(report, "reviews") == (0, 1, 0, 0)
    product = Product.objects.get(code="p1")
    assert product.price_fen == 2_500
    assert "松岚家纺" in product.search_text
    after = versions()
    assert after["mall_category"] == before["mall_category"]
    assert after["mall_sku"][0] == before["mall_sku"][0]
    assert after["mall_sku"][1] != before["mall_sku"][1]


def test_a_changed_price_leaves_its_event_and_a_new_one_does_not(folder, now):
    user = make_user()
    run(folder(), now)
    path = folder(skus=[SMALL["skus"][0], ("k2", "p1", '{"颜色": "蓝"}', "25.00", 0)])

    report = catalogue_import(folder=path, actor=Actor.user(user), now=now)
    run(path, now)

    event = Event.objects.get(kind="kernel.reference_changed")
    assert (event.subject_type, event.subject_id) == ("mall.sku", Sku.objects.get(code="k2").pk)
    assert event.payload == {"change": "priced", "changes": {"price_fen": [1_990, 2_500]}}
    assert (event.actor_id, event.reason) == (str(user.pk), f"import_catalog {report.batch_id}")
    assert Batch.objects.get(pk=report.batch_id).started_by == user


def test_a_cost_is_taken_where_it_stands_and_kept_where_it_does_not(folder, now, monkeypatch):
    run(folder(), now)
    monkeypatch.setitem(HEADERS, "skus", "sku_id,product_id,options,price,stock,cost")
    rows = [(*row, cost) for row, cost in zip(SMALL["skus"], ["12.50", ""], strict=True)]
    report = run(folder(skus=rows), now)
    assert counts(report, "skus") == (0, 1, 1, 0)
    costs = Sku.objects.order_by("code").values_list("code", "cost_fen")
    assert list(costs) == [("k1", 1_250), ("k2", None)]
    monkeypatch.setitem(HEADERS, "skus", "sku_id,product_id,options,price,stock")
    assert counts(run(folder(), now), "skus") == (0, 0, 2, 0)
    assert Sku.objects.get(code="k1").cost_fen == 1_250
    monkeypatch.setitem(HEADERS, "skus", "sku_id,product_id,options,price,stock,cost")
    report = run(folder(skus=[(*SMALL["skus"][0], "free")]), now)
    assert rejects(report) == [("skus.csv", 2)]


def test_files_may_come_one_by_one_and_touch_what_is_there(folder, now):
    run(folder(), now)
    Product.objects.filter(code="p1").update(archived_at=None)
    alone = dict.fromkeys(SMALL, None)

    report = run(folder(**alone | {"skus": [("k2", "p1", '{"颜色": "蓝"}', "9.90", 0)]}), now)
    assert (report.products_touched, Product.objects.get(code="p1").price_fen) == (1, 990)

    report = run(folder(**alone | {"brands": [("b1", "山岚", "")]}), now)
    assert report.products_touched == 1
    assert Product.objects.get(code="p1").search_text == "长绒棉毛巾 不掉毛 山岚 毛巾"

    report = run(folder(**alone | {"attributes": [("p1", "产地", "浙江")]}), now)
    assert Product.objects.get(code="p1").attributes == [{"name": "产地", "value": "浙江"}]


def test_an_archived_sku_stays_archived_and_sets_no_price(folder, now):
    path = folder()
    run(path, now)
    Sku.objects.filter(code="k2").update(archived_at=now)

    first, second = run(path, now), run(path, now)

    assert Sku.objects.get(code="k2").archived_at == now
    assert Product.objects.get(code="p1").price_fen == 2_990
    assert counts(first, "products") == (0, 1, 0, 0)
    assert not second.changed


def test_a_product_without_skus_costs_what_the_file_says(folder, now):
    report = run(folder(skus=None), now)
    assert Product.objects.get(code="p1").price_fen == 2_990
    assert report.products_without_sku == 1


def test_equal_reviews_are_told_apart_by_their_order(folder, now):
    twice = [SMALL["reviews"][0], SMALL["reviews"][0]]
    run(folder(reviews=twice), now)
    report = run(folder(reviews=[*twice, SMALL["reviews"][0]]), now)

    assert counts(report, "reviews") == (1, 0, 2, 0)
    assert Review.objects.count() == 3


def test_a_file_from_a_spreadsheet_is_read(folder, now):
    text = '\ufeffbrand_id , name,description,extra\r\n"b1","松岚\n家纺",\u3000全棉 ,x\r\n\r\n'
    run(folder(brands=text.encode()), now)

    brand = Brand.objects.get(code="b1")
    assert (brand.name, brand.description) == ("松岚 家纺", "全棉")


def test_regions_link_by_their_numbers_and_a_doubled_city_stays_one(folder, now):
    rows = [
        (1, 0, "广东省", 1, "440000"),
        (2, 1, "东莞市", 2, "441900"),
        (3, 2, "东莞市", 3, "441900"),
        (4, 9, "无处", 3, "449999"),
    ]
    report = run(folder(regions=rows), now)

    assert rejects(report) == [("regions.csv", 4), ("regions.csv", 5)]
    assert Region.objects.get(adcode="441900").parent.adcode == "440000"
    assert Region.objects.get(adcode="441900").level == 2


# --- what does not -----------------------------------------------------------------------------

PRODUCT = dict(zip(HEADERS["products"].split(","), SMALL["products"][0], strict=True))
SKU = dict(zip(HEADERS["skus"].split(","), SMALL["skus"][0], strict=True))


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


# --- all or nothing ----------------------------------------------------------------------------


def test_a_failure_on_the_way_leaves_nothing(folder, now, monkeypatch):
    def fail(_catalogue):
        raise RuntimeError("disk full")

    monkeypatch.setattr(catalogue_import_write, "write_reviews", fail)

    with pytest.raises(RuntimeError), transaction.atomic():
        run(folder(), now)

    assert not Category.objects.exists()
    assert not Sku.objects.exists()
    assert not Batch.objects.exists()


def test_a_dry_run_tells_all_and_keeps_nothing(folder, now):
    path = folder(skus=[*SMALL["skus"], ("k3", "p9", "{}", "1", 0)])

    report = run(path, now, dry_run=True, stock_store=make_store().code)

    assert counts(report, "skus") == (2, 0, 0, 1)
    assert (report.stock_opened, report.batch_id) == (2, None)
    for model in (Category, Brand, Product, Sku, Review, Stock, Batch):
        assert not model.objects.exists()


def test_the_batch_keeps_what_happened(folder, now):
    report = run(folder(skus=[*SMALL["skus"], ("k3", "p9", "{}", "1", 0)]), now)

    batch = Batch.objects.get(pk=report.batch_id)
    assert (batch.kind, batch.total, batch.done) == ("import_catalog", 10, 9)
    assert batch.finished_at == now
    assert batch.summary["files"]["skus.csv"] == {
        "rows": 3,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 1,
    }
    assert [(r["file"], r["line"]) for r in batch.rejects] == [("skus.csv", 4)]


def test_the_number_of_statements_does_not_grow_with_the_files(folder, now):
    def statements(n: int) -> int:
        products = [tuple((PRODUCT | {"product_id": f"p{i}"}).values()) for i in range(n)]
        skus = [(f"k{i}", f"p{i}", "{}", "1.00", 1) for i in range(n)]
        path = folder(products=products, skus=skus, attributes=None, reviews=None)
        with CaptureQueriesContext(connection) as caught:
            run(path, now)
        return len(caught)

    assert statements(2) == statements(60)


# --- opening stock -----------------------------------------------------------------------------


def test_opening_stock_goes_to_one_store_once(folder, now):
    store, path = make_store(code="s1"), folder()

    first = run(path, now, stock_store="s1")
    Stock.objects.filter(sku__code="k2").delete()
    second = run(path, now, stock_store="s1")

    assert (first.stock_opened, second.stock_opened) == (2, 1)
    held = dict(Stock.objects.filter(store=store).values_list("sku__code", "on_hand"))
    assert held == {"k1": 5, "k2": 0}
    movement = StockMovement.objects.get()
    assert (movement.kind, movement.delta, movement.stock.sku.code) == ("opening", 5, "k1")


def test_opening_stock_at_an_unknown_store_stops_the_import(folder, now):
    with pytest.raises(StoreUnknown):
        run(folder(), now, stock_store="nowhere")
    assert not Sku.objects.exists()


# --- the command -------------------------------------------------------------------------------


def test_the_command_lists_rejects_with_file_line_and_reason(folder, capsys):
    call_command("import_catalog", str(folder(skus=[*SMALL["skus"], ("k3", "p9", "{}", "1", 0)])))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("skus.csv:4: ")
    assert "p9" in lines[0]
    assert "skus.csv                3        2        0         0        1" in lines


def test_the_command_says_when_nothing_changed(folder, capsys):
    path = str(folder())
    call_command("import_catalog", path)
    capsys.readouterr()

    call_command("import_catalog", path)

    assert capsys.readouterr().out.splitlines()[-1] == "nothing changed"


def test_existing_products_of_the_mall_are_left_alone(folder, now):
    other = make_product(code="own", name="自家")
    run(folder(), now)
    other.refresh_from_db()
    assert (other.name, other.price_fen, json.dumps(other.attributes)) == ("自家", 10_000, "[]")


def test_a_real_catalogue_of_the_same_form(now, tmp_path):
    """Runs on the folder named by CATALOG_DIR when there is one, else on a generated likeness."""
    folder = Path(os.environ.get("CATALOG_DIR") or _likeness(tmp_path))

    first, second = run(folder, now), run(folder, now)

    assert counts(first, "skus")[0] == Sku.objects.count() > 200
    assert counts(first, "products")[0] == Product.objects.count() > 200
    assert not second.changed
    assert rejects(first) == rejects(second)


def _likeness(folder: Path) -> Path:
    for name, header in HEADERS.items():
        rows: list[tuple] = []
        if name == "categories":
            rows = [
                (f"c{i}", f"c{i // 2}" if i > 1 else 0, f"分类{i}", "", "L1", i)
                for i in range(1, 60)
            ]
        if name == "products":
            rows = [
                (
                    1000 + i,
                    f"商品{i}",
                    f"c{i % 59 + 1}",
                    0,
                    "简介",
                    "",
                    "件",
                    "99.00",
                    "89.00",
                    i % 2,
                )
                for i in range(239)
            ]
        if name == "skus":
            rows = [(i, 1000 + i, '{"规格": "标准"}', "89.00", 100) for i in range(239)]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(header.split(","))
            writer.writerows(rows)
    return folder
