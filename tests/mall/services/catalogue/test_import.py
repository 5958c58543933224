"""The catalogue comes in from its files: linked, in fen, and only what differs is written."""

import pytest

from config.kernel.actors import Actor
from config.kernel.models import Batch, Event
from mall.models import Brand, Product, Review, Sku
from mall.services.catalogue_import import catalogue_import
from stores.models import Region
from tests.factories import make_user
from tests.mall.services.catalogue.files import HEADERS, SMALL, counts, rejects, run, versions

pytestmark = pytest.mark.django_db


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
