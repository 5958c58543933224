"""The matrix of SKUs: options become rows, rows become SKUs, and what was typed stays."""

import json

import pytest

from mall.models import Sku
from mall.services.product_skus import variants_of, variants_version
from tests.factories import make_sku, make_user, staff_client
from tests.mall.admin.products.pages import changes, sent, url

pytestmark = pytest.mark.django_db


def matrix(product, *rows, options=(("颜色", "红，蓝", ""),), **more):
    """The form as it is sent: ``rows`` are (options, code, price, barcode, in use)."""
    data = {
        "version": variants_version(variants_of(product.pk)),
        "option-name": [name for name, _values, _was in options],
        "option-values": [values for _name, values, _was in options],
        "option-was": [was for _name, _values, was in options],
        "row": [json.dumps(row[0]) for row in rows],
        "reason": "夏季新款",
        "action": "save",
        **more,
    }
    for n, (_options, code, price, barcode, used) in enumerate(rows):
        data |= {f"code-{n}": code, f"price-{n}": price, f"barcode-{n}": barcode}
        if used:
            data[f"use-{n}"] = "1"
    return data


@pytest.fixture
def bare(product):
    product.skus.all().delete()
    return product


def test_options_become_rows_and_rows_become_skus(client, bare):
    preview = client.post(
        url("skus", bare.pk), matrix(bare, ({}, "tee-1", "99", "", True), action="preview")
    )
    assert preview.status_code == 200
    rows = preview.context["sheet"].rows
    assert [(r.cell.options, r.code, r.price, r.in_use) for r in rows] == [
        ({"颜色": "红"}, "tee-1", "99", True),
        ({"颜色": "蓝"}, "tee-2", "99", True),
    ]
    assert Sku.objects.count() == 0

    data = sent(preview) | {"action": "save", "reason": "新品", "price-1": "88.50"}
    answer = client.post(url("skus", bare.pk), data, follow=True)
    assert "2 个新增" in answer.content.decode()
    found = bare.skus.order_by("pk").values_list("code", "options", "price_fen")
    assert list(found) == [
        ("tee-1", {"颜色": "红"}, 9_900),
        ("tee-2", {"颜色": "蓝"}, 8_850),
    ]


def test_rows_that_nobody_has_seen_are_not_saved(client, bare):
    answer = client.post(url("skus", bare.pk), matrix(bare, ({}, "tee-1", "99", "", True)))
    assert answer.status_code == 200
    assert "请先查看各行" in answer.content.decode()
    assert len(answer.context["sheet"].rows) == 2
    assert Sku.objects.count() == 0


def test_an_untouched_page_sent_back_changes_nothing(client, product):
    page = client.get(url("skus", product.pk))
    data = sent(page) | {"action": "save", "reason": "看看"}
    answer = client.post(url("skus", product.pk), data, follow=True)
    assert "没有变化" in answer.content.decode()
    assert changes() == []


def test_one_price_is_filled_into_all_rows_in_use(client, product):
    data = sent(client.get(url("skus", product.pk))) | {"action": "fill", "fill": "79"}
    answer = client.post(url("skus", product.pk), data)
    assert [row.price for row in answer.context["sheet"].rows] == ["79", "79"]
    assert changes() == []


def test_a_value_taken_away_is_announced_and_then_archived(client, product):
    data = sent(client.get(url("skus", product.pk))) | {"option-values": ["1号", "", ""]}
    preview = client.post(url("skus", product.pk), data | {"action": "preview"})
    assert "tee-2" in preview.content.decode() and "保存后将停用" in preview.content.decode()
    assert [v.code for v in preview.context["sheet"].leaving] == ["tee-2"]
    data = sent(preview) | {"action": "save", "reason": "清仓"}
    assert client.post(url("skus", product.pk), data).status_code == 302
    assert dict(product.skus.values_list("code", "archived_at"))["tee-2"] is not None
    assert changes() == [("mall.sku", "archived"), ("mall.product", "changed")]


def test_a_renamed_option_keeps_its_skus_and_what_was_typed(client, product):
    data = sent(client.get(url("skus", product.pk))) | {
        "option-name": ["大小", "", ""],
        "price-0": "101",
        "action": "save",
        "reason": "改名",
    }
    assert client.post(url("skus", product.pk), data).status_code == 302
    assert list(product.skus.order_by("pk").values_list("code", "options", "price_fen")) == [
        ("tee-1", {"大小": "1号"}, 10_100),
        ("tee-2", {"大小": "2号"}, 8_800),
    ]


@pytest.mark.parametrize("wrong", ["abc", "0", "-1", "1.005", "1e999999", "99999999", "100000000"])
def test_an_error_stands_on_its_row_and_what_was_typed_stays(client, product, wrong):
    Sku.objects.filter(pk=make_sku(code="other").pk).update(barcode="690777")
    data = sent(client.get(url("skus", product.pk)))
    data |= {"price-0": wrong, "barcode-1": "690777", "action": "save", "reason": "错误"}
    answer = client.post(url("skus", product.pk), data)
    assert answer.status_code == 400
    rows = answer.context["sheet"].rows
    assert (rows[0].price, set(rows[0].errors)) == (wrong, {"price_fen"})
    assert (rows[1].barcode, set(rows[1].errors)) == ("690777", {"barcode"})
    assert changes() == []


@pytest.mark.parametrize(
    "options",
    [
        [("", "红，蓝", "")],
        [("颜色", "", "")],
        [("颜色", "红", ""), ("颜色", "蓝", "")],
        [("颜" * 21, "红", "")],
        [("颜色", "，".join(str(n) for n in range(201)), "")],
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(client, bare, options):
    data = matrix(bare, ({}, "tee-1", "99", "", True), options=options)
    answer = client.post(url("skus", bare.pk), data)
    assert answer.status_code == 200
    assert answer.context["sheet"].errors
    assert Sku.objects.count() == 0


def test_a_stale_matrix_is_refused_and_what_was_typed_stays(client, product):
    data = sent(client.get(url("skus", product.pk))) | {"price-0": "50"}
    Sku.objects.filter(code="tee-2").update(price_fen=7_700)
    answer = client.post(url("skus", product.pk), data | {"action": "save", "reason": "调价"})
    assert answer.status_code == 409
    assert "其他人已修改这些 SKU" in answer.content.decode()
    assert answer.context["sheet"].rows[0].price == "50"
    assert list(product.skus.order_by("pk").values_list("price_fen", flat=True)) == [9_900, 7_700]


def test_without_a_reason_nothing_is_saved(client, product):
    data = sent(client.get(url("skus", product.pk))) | {"price-0": "50", "action": "save"}
    answer = client.post(url("skus", product.pk), data | {"reason": ""})
    assert answer.status_code == 200
    assert "reason" in answer.context["form"].errors
    assert changes() == []


def test_a_new_price_asks_who_is_there_and_a_barcode_does_not(product):
    client = staff_client(make_user(superuser=True), signed_in=1)
    data = sent(client.get(url("skus", product.pk))) | {"action": "save", "reason": "调价"}
    answer = client.post(url("skus", product.pk), data | {"price-0": "50"})
    assert answer.status_code == 302 and "/accounts/reauthenticate/" in answer["Location"]
    assert changes() == []
    answer = client.post(url("skus", product.pk), data | {"barcode-0": "690001"})
    assert answer["Location"] == url("skus", product.pk)
    assert changes() == [("mall.sku", "changed")]
