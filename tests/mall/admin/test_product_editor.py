"""The product editor: what a merchandiser types becomes one call of a service, or an error where
it was typed."""

import json
import re
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from config.kernel.clock import SHANGHAI
from config.kernel.models import Event
from mall.admin import product_editor
from mall.models import Product, Sku
from mall.services.product_skus import variants_of, variants_version
from tests.factories import (
    make_brand,
    make_category,
    make_product,
    make_sku,
    make_staff,
    make_store,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def product():
    return make_product(code="tee", name="T恤", skus=[9_900, 8_800])


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


def url(name, *args):
    return reverse(f"admin:mall_product_{name}", args=args)


def changes():
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("pk")
    return [(e.subject_type, e.payload["change"]) for e in events]


def sent(page) -> dict:
    """What the browser would send back of a page's form, untouched."""
    html = page.content.decode()
    data: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]+>", html):
        attrs = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" not in attrs or attrs.get("type") in ("file", "submit"):
            continue
        if attrs.get("type") == "checkbox" and " checked" not in tag:
            continue
        value = attrs.get("value", "").replace("&quot;", '"').replace("&amp;", "&")
        data.setdefault(attrs["name"], []).append(value)
    for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>\n?([^<]*)<', html):
        data.setdefault(name, []).append(text)
    data.pop("csrfmiddlewaretoken", None)
    return data


# --- basics ------------------------------------------------------------------------------------


def basics(**given):
    return {
        "name": "盖碗",
        "brief": "",
        "keywords": "",
        "unit": "",
        "list_price_fen": "",
        "on_sale": "on",
        "attributes-name": ["材质", ""],
        "attributes-value": ["白瓷", ""],
        **given,
    }


def test_a_new_product_leads_on_to_its_skus(client):
    shelf, brand = make_category(name="茶具"), make_brand()
    assert client.get(url("add")).status_code == 200
    answer = client.post(
        url("add"), basics(code="cup-1", category=shelf.pk, brand=brand.pk, list_price_fen="128")
    )
    product = Product.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, url("skus", product.pk))
    assert (product.code, product.brand, product.list_price_fen) == ("cup-1", brand, 12_800)
    assert product.attributes == [{"name": "材质", "value": "白瓷"}]
    assert "盖碗" in product.search_text
    assert changes() == [("mall.product", "added")]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"code": "红色"}, "code"),
        ({"code": "tee"}, "code"),
        ({"name": ""}, "name"),
        ({"attributes-name": ["材质"], "attributes-value": [""]}, "attributes"),
        ({"attributes-name": ["材" * 41], "attributes-value": ["白瓷"]}, "attributes"),
        ({"attributes-name": ["材质"] * 41, "attributes-value": ["白瓷"] * 41}, "attributes"),
    ],
)
def test_what_a_product_cannot_be_is_said_at_its_field(client, product, wrong, where):
    data = basics(code="cup-1", category=product.category.pk) | wrong
    answer = client.post(url("add"), data)
    assert answer.status_code == 200
    assert where in answer.context["adminform"].form.errors
    assert (Product.objects.count(), changes()) == (1, [])


def edit(client, product, **given):
    page = sent(client.get(url("change", product.pk)))
    return page | basics(category=product.category.pk, name=product.name, **given)


def test_basics_are_edited_with_attributes_as_rows_and_times_of_shanghai(client, product):
    data = edit(
        client,
        product,
        listed_from_0="2026-12-01",
        listed_from_1="08:00:00",
        listed_until_0="2026-12-24",
        listed_until_1="22:00:00",
    )
    assert client.post(url("change", product.pk), data).status_code == 302
    product.refresh_from_db()
    assert product.attributes == [{"name": "材质", "value": "白瓷"}]
    assert product.listed_from == datetime(2026, 12, 1, 8, tzinfo=SHANGHAI)
    assert product.listed_until == datetime(2026, 12, 24, 22, tzinfo=SHANGHAI)
    assert changes() == [("mall.product", "changed")]
    page = client.get(url("change", product.pk)).content.decode()
    assert 'value="材质"' in page and 'value="白瓷"' in page and "[{" not in page
    assert 'value="2026/12/01"' in page and 'value="08:00"' in page


def test_a_schedule_that_ends_before_it_starts_is_refused_in_words(client, product):
    data = edit(
        client,
        product,
        listed_from_0="2026-12-24",
        listed_from_1="08:00:00",
        listed_until_0="2026-12-01",
        listed_until_1="08:00:00",
    )
    answer = client.post(url("change", product.pk), data)
    assert answer.status_code == 200
    assert "下架时间必须晚于上架时间" in answer.content.decode()
    assert changes() == []


def test_basics_that_somebody_changed_meanwhile_are_not_overwritten(client, product):
    data = edit(client, product, brief="柔软")
    Product.objects.filter(pk=product.pk).update(keywords="夏季")
    answer = client.post(url("change", product.pk), data)
    assert answer.status_code == 200
    assert "其他人已修改此商品" in answer.content.decode()
    product.refresh_from_db()
    assert (product.brief, product.keywords, changes()) == ("", "夏季", [])


# --- SKUs --------------------------------------------------------------------------------------


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


# --- pictures ----------------------------------------------------------------------------------


def jpeg(colour="red") -> bytes:
    out = BytesIO()
    Image.new("RGB", (300, 300), colour).save(out, "JPEG")
    return out.getvalue()


def upload(client, product, *files):
    images = [SimpleUploadedFile(name, body, "image/png") for name, body in files]
    return client.post(url("images", product.pk), {"action": "upload", "images": images})


def images(product):
    return Product.objects.get(pk=product.pk).images


def test_pictures_are_uploaded_ordered_and_taken_away_by_buttons(client, product):
    answer = upload(client, product, ("a.jpg", jpeg("red")), ("b.jpg", jpeg("blue")))
    assert answer.status_code == 302
    red, blue = images(product)
    page = client.get(url("images", product.pk))
    assert red in page.content.decode() and blue in page.content.decode()

    def press(button, **more):
        shown = json.dumps(images(product))
        data = {"shown": shown, "action": button, **more}
        return client.post(url("images", product.pk), data)

    assert press("up:1").status_code == 302
    assert images(product) == [blue, red]
    assert press("order", order="1,0").status_code == 302
    assert images(product) == [red, blue]
    for nothing in ("up:0", "down:1", "remove:9", "explode:1", ""):
        press(nothing)
        assert images(product) == [red, blue]
    press("order", order="0,0")
    assert images(product) == [red, blue]
    press("remove:0")
    assert images(product) == [blue]
    basics_page = client.get(url("change", product.pk)).content.decode()
    assert f'<img src="{blue}"' in basics_page


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("cup.png", b"I am a text file"),
        ("cup.jpg", b""),
        ("cup.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("cup.jpg", jpeg()[:500]),
        ("cup.jpg", jpeg() + bytes(5 * 1024 * 1024)),
    ],
)
def test_a_bad_upload_is_named_and_nothing_is_kept(client, product, name, body):
    answer = upload(client, product, ("good.jpg", jpeg()), (name, body))
    assert answer.status_code == 400
    assert f"{name}：" in answer.content.decode()
    assert (images(product), changes()) == ([], [])


def test_of_too_many_pictures_only_as_many_are_read_as_it_takes_to_refuse(
    client, product, monkeypatch
):
    read = []
    content = product_editor._content
    monkeypatch.setattr(product_editor, "_content", lambda f: read.append(f.name) or content(f))
    answer = upload(client, product, *((f"{n}.jpg", b"x") for n in range(40)))
    assert answer.status_code == 400 and len(read) == 13
    assert (images(product), changes()) == ([], [])


def test_pictures_that_somebody_changed_meanwhile_are_shown_as_they_are(client, product):
    upload(client, product, ("a.jpg", jpeg("red")))
    shown = json.dumps(images(product))
    upload(client, product, ("b.jpg", jpeg("blue")))
    answer = client.post(url("images", product.pk), {"shown": shown, "action": "remove:0"})
    assert answer.status_code == 409
    assert len(images(product)) == 2
    assert images(product)[1] in answer.content.decode()


# --- list and calendar -------------------------------------------------------------------------


def test_the_list_filters_by_schedule_and_shows_the_calendar(client, now):
    day = timedelta(days=1)
    for code, begins, ends in [
        ("plain", None, None),
        ("coming", now + day, now + 3 * day),
        ("running", now - day, now + 2 * day),
        ("over", None, now - day),
    ]:
        make_product(code=code)
        Product.objects.filter(code=code).update(listed_from=begins, listed_until=ends)

    def found(schedule):
        page = client.get(url("changelist"), {"schedule": schedule})
        return {row.code for row in page.context["cl"].queryset}

    assert found("coming") == {"coming"}
    assert found("running") == {"running"}
    assert found("over") == {"over"}
    assert found("scheduled") == {"coming", "running", "over"}
    turns = client.get(url("changelist")).context["turns"]
    assert [(t.code, t.begins) for t in turns] == [
        ("coming", True),
        ("running", False),
        ("coming", False),
    ]


# --- who ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "bound"),
    [("manager", "store"), ("headquarters", "operator"), ("clerk", "store"), ("auditor", "group")],
)
def test_who_may_only_look_sees_pages_without_buttons(product, role, bound):
    store = make_store()
    place = {"store": {"store": store}, "operator": {"operator": store.operator}, "group": {}}
    client = staff_client(make_staff(role=role, **place[bound]))
    for name in ("skus", "images"):
        page = client.get(url(name, product.pk))
        assert page.status_code == 200
        assert 'name="action"' not in page.content.decode()
        assert client.post(url(name, product.pk), {"action": "save"}).status_code == 403
    assert client.get(url("add")).status_code == 403
    assert changes() == []


def test_strangers_and_unknown_products_find_nothing(client, product):
    assert client.get(url("skus", product.pk + 1)).status_code == 404
    assert client.get(url("images", product.pk + 1)).status_code == 404
    nobody = staff_client(make_user(is_staff=True))
    for name in ("skus", "images"):
        assert nobody.get(url(name, product.pk)).status_code == 403


@pytest.mark.parametrize("name", ["skus", "images", "change"])
def test_a_page_takes_as_many_statements_for_many_skus(client, name, django_assert_num_queries):
    few, many = make_product(skus=[100]), make_product(skus=[100] * 60)
    with django_assert_num_queries(STATEMENTS[name]):
        client.get(url(name, few.pk))
    with django_assert_num_queries(STATEMENTS[name]):
        client.get(url(name, many.pk))


STATEMENTS = {"skus": 5, "images": 4, "change": 6}
