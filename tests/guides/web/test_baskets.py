"""Baskets on the workbench: put together, priced for the customer, sent, watched, withdrawn."""

import re
from urllib.parse import quote as quoted

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.models import Code
from guides.models import Guide, GuideAssignment, PreparedBasket
from guides.services.basket_order import basket_order
from mall.models import Product
from mall.services.quote import Basket, quote
from tests.factories import (
    make_basket,
    make_binding,
    make_coupon,
    make_member,
    make_offer,
    make_product,
    make_sku,
    make_stock,
    make_store,
    make_template,
    staff_client,
)

pytestmark = pytest.mark.django_db
PAGE = "/guide/baskets/"
NEW = f"{PAGE}new/"
HTMX = {"hx-request": "true"}


@pytest.fixture
def customer(guide):
    member = make_member(nickname="小明", phone="+8613812345678")
    make_binding(member=member, guide=guide)
    return member


@pytest.fixture
def tea(store):
    sku = make_product(skus=[12_000], name="明前龙井").skus.get()
    type(sku).objects.filter(pk=sku.pk).update(code="TEA-1", barcode="6901234567892")
    sku.refresh_from_db()
    make_stock(store=store, sku=sku, on_hand=3)
    return sku


@pytest.fixture
def client(guide):
    return staff_client(guide.user)


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_a_basket_is_put_together_priced_and_sent(client, guide, store, customer, tea):
    template = make_template(operator=store.operator, value=3_000, threshold_fen=20_000)
    type(template).objects.filter(pk=template.pk).update(name="老客券")
    make_coupon(template=template, member=customer)
    whom = client.get(f"{PAGE}for/", {"q": "明"})
    assert f"{NEW}?member={customer.pk}" in whom.content.decode()
    page = client.get(NEW, {"member": customer.pk})
    key = page.context["form"].key

    form = {"member": customer.pk, "store": store.code, "key": key}
    draft = client.post(NEW, {**form, "add": "TEA-1"}, headers=HTMX)
    assert b"<html" not in draft.content and "¥120.00" in words(draft)
    draft = client.post(NEW, {**form, "sku": "TEA-1", "n": "2"}, headers=HTMX)
    said = words(draft)
    assert "优惠券 老客券 −¥30.00" in said and "合计 ¥210.00" in said

    sending = {**form, "sku": "TEA-1", "n": "2", "note": "新茶到了", "days": "7", "send": "1"}
    first, second = client.post(NEW, sending), client.post(NEW, sending, headers=HTMX)
    basket = PreparedBasket.objects.get()
    address = f"{PAGE}{basket.code.token}/"
    assert first.url == second.headers["hx-redirect"] == address
    assert (basket.member, basket.note) == (customer, "新茶到了")
    shown = client.get(address)
    assert f"/?basket={basket.code.token}" in words(shown) and "已发送" in words(shown)
    assert 'class="qr"' in shown.content.decode() and "明前龙井" in words(shown)


def test_what_it_says_of_the_customers_coupons_is_title_and_amount(client, customer, tea, store):
    template = make_template(operator=store.operator, value=3_000, threshold_fen=10_000)
    coupon = make_coupon(template=template, member=customer)
    form = {"member": customer.pk, "store": store.code, "sku": "TEA-1", "n": "1"}
    page = client.post(NEW, form).content.decode()
    assert template.name in page and coupon.no not in page


def test_for_whoever_opens_it_no_coupons_are_used(client, guide, tea, store):
    page = client.post(NEW, {"store": store.code, "sku": "TEA-1", "n": "1"})
    assert "合计 ¥120.00" in words(page) and "新顾客" in words(page)
    sent = client.post(NEW, {"store": store.code, "sku": "TEA-1", "n": "1", "send": "1"})
    assert sent.status_code == 302 and PreparedBasket.objects.get().member is None


@pytest.mark.parametrize("q", ["龙井", "tea-1", "6901234567892"])
def test_articles_are_found_by_name_code_and_barcode(client, guide, store, tea, q):
    make_product(name="方巾")
    page = client.get(f"{PAGE}articles/", {"q": q, "store": store.code})
    assert [offer.sku_code for offer in page.context["found"]] == ["TEA-1"]
    assert "库存 3 件" in words(page)


def test_what_the_store_does_not_sell_is_not_found(client, guide, store, tea):
    make_offer(store=store, sku=tea, listed=False)
    gone = make_product(name="龙井旧款")
    Product.objects.filter(pk=gone.pk).update(on_sale=False)
    page = client.get(f"{PAGE}articles/", {"q": "龙井", "store": store.code})
    assert page.context["found"] == [] and "没有" in words(page)


def test_an_article_off_the_shelf_is_said_and_not_sent(client, guide, store, tea):
    Product.objects.update(on_sale=False)
    form = {"store": store.code, "sku": "TEA-1", "n": "1", "send": "1"}
    page = client.post(NEW, form)
    assert "本店不售" in words(page) and "TEA-1" in words(page)
    assert not PreparedBasket.objects.exists() and not Code.objects.exists()


def test_an_empty_basket_is_not_sent(client, guide, store):
    page = client.post(NEW, {"store": store.code, "sku": "X", "n": "0", "send": "1"}, headers=HTMX)
    assert 'role="alert"' in page.content.decode() and "1 至 50 种" in words(page)
    assert not PreparedBasket.objects.exists()


@pytest.mark.parametrize("data", [{"member": "1" * 18}, {"member": "999999"}])
def test_a_customer_of_others_has_no_page(client, guide, colleague, tea, data):
    theirs = make_member()
    make_binding(member=theirs, guide=colleague)
    assert client.get(NEW, data).status_code == 404
    assert client.post(NEW, {"member": theirs.pk, "sku": "TEA-1", "n": "1"}).status_code == 404


def test_a_guide_of_two_stores_chooses_one(client, guide, store, tea):
    second = make_store(operator=store.operator, name="徐汇店")
    GuideAssignment.objects.create(guide=guide, store=second, since=guide.active_from)
    make_offer(store=second, sku=tea, price_fen=9_900)
    form = {"sku": "TEA-1", "n": "1"}
    assert "合计 ¥99.00" in words(client.post(NEW, {**form, "store": second.code}))
    assert "合计 ¥120.00" in words(client.post(NEW, {**form, "store": store.code}))
    assert "徐汇店" in words(client.get(NEW))


def test_a_store_that_is_not_theirs_any_more_is_not_replaced_by_another(client, guide, store, tea):
    former = make_store(operator=store.operator)
    form = {"store": former.code, "sku": "TEA-1", "n": "1", "send": "1"}
    page = client.post(NEW, form)
    assert 'role="alert"' in page.content.decode()
    assert not PreparedBasket.objects.exists() and not Code.objects.exists()


def test_who_works_nowhere_prepares_none(client, guide):
    GuideAssignment.objects.all().delete()
    assert client.get(NEW).status_code == 404


def ordered(basket, member, now):
    wanted = Basket(
        member_id=member.pk,
        store_code=basket.store.code,
        lines=tuple((line.sku.code, line.quantity) for line in basket.lines.all()),
    )
    version = quote(basket=wanted, now=now).document()["version"]
    with transaction.atomic():
        return basket_order(
            token=basket.code.token, basket=wanted, quote_version=version, actor=SYSTEM, now=now
        )


def test_the_list_says_what_became_of_each(client, guide, store, customer, tea, now):
    sent = make_basket(guide=guide, store=store, member=customer, lines=[(tea, 1)], now=now)
    made = ordered(sent, customer, now)
    make_basket(guide=guide, store=store, lines=[(tea, 1)], now=now)

    said = words(client.get(PAGE))
    assert made["no"] in said and "¥120.00" in said and "已下单" in said and "已发送" in said
    rows = client.get(PAGE, {"state": "ordered"}).context["rows"]
    assert [row.pk for row in rows] == [sent.pk]
    assert not client.get(PAGE, {"state": "paid"}).context["rows"]
    assert len(client.get(PAGE, {"state": "nonsense"}).context["rows"]) == 2


def test_a_basket_is_withdrawn_until_it_is_ordered(client, guide, store, customer, tea, now):
    basket, other = (
        make_basket(guide=guide, store=store, member=customer, lines=[(tea, 1)], now=now)
        for _n in range(2)
    )
    address = f"{PAGE}{basket.code.token}/"
    page = client.post(f"{address}withdraw/", follow=True)
    assert "已撤回" in words(page) and b'class="qr"' not in page.content

    ordered(other, customer, now)
    page = client.post(f"{PAGE}{other.code.token}/withdraw/", follow=True)
    assert "已经下过单" in words(page)
    other.refresh_from_db()
    assert other.withdrawn_at is None


def test_a_colleagues_basket_is_no_page(client, colleague, store, tea, now):
    basket = make_basket(guide=colleague, store=store, lines=[(tea, 1)], now=now)
    assert client.get(f"{PAGE}{basket.code.token}/").status_code == 404
    assert client.post(f"{PAGE}{basket.code.token}/withdraw/").status_code == 404
    assert not client.get(PAGE).context["rows"]
    basket.refresh_from_db()
    assert basket.withdrawn_at is None


def test_baskets_are_none_of_the_codes_page(client, guide, store, tea, now):
    make_basket(guide=guide, store=store, lines=[(tea, 1)], now=now)
    assert not client.get("/guide/codes/").context["rows"]


def test_who_has_left_has_no_page(client, guide, now):
    Guide.objects.update(active_until=now)
    assert [client.get(p).status_code for p in (PAGE, NEW, f"{PAGE}for/")] == [403] * 3


def test_pages_cost_a_fixed_number_of_statements(
    client, guide, store, customer, tea, now, django_assert_num_queries
):
    second = make_sku(product=tea.product, price_fen=5_000)
    make_stock(store=store, sku=second)
    for _n in range(2):
        basket = make_basket(
            guide=guide, store=store, member=customer, lines=[(tea, 1), (second, 2)], now=now
        )
    with django_assert_num_queries(4):  # session, user, guide; baskets
        assert len(client.get(PAGE).context["rows"]) == 2
    with django_assert_num_queries(4):  # … customers
        client.get(f"{PAGE}for/")
    with django_assert_num_queries(5):  # … basket, lines
        client.get(f"{PAGE}{basket.code.token}/")
    form = {"member": customer.pk, "store": store.code, "sku": ["TEA-1", second.code], "n": [1, 2]}
    with django_assert_num_queries(8):  # … stores, customer, offers; quote: offers, coupons
        assert "合计 ¥220.00" in words(client.post(NEW, form))
    with django_assert_num_queries(6):  # … stores, articles, offers
        client.get(f"{PAGE}articles/", {"q": "龙井", "store": store.code})


@pytest.mark.parametrize("odd", ["\0", "x\0y", "\ufffd", "９", "-1", "1e9", "'; --", "x" * 500])
def test_what_nobody_types_is_no_error_of_ours(client, guide, store, tea, odd):
    gets = [
        (PAGE, {"state": odd, "before": odd}),
        (f"{PAGE}for/", {"q": odd, "before": odd}),
        (f"{PAGE}articles/", {"q": odd, "store": odd}),
        (NEW, {"member": odd, "store": odd, "sku": odd, "n": odd, "add": odd}),
        (f"{PAGE}{quoted(odd)}/", {}),
    ]
    for address, query in gets:
        assert client.get(address, query).status_code in (200, 400, 404), address
    fields = ("store", "sku", "n", "add", "note", "days", "key")
    form = {"store": store.code, "sku": "TEA-1", "n": "1", "send": "1"}
    for field in fields:
        answer = client.post(NEW, {**form, field: odd})
        assert answer.status_code in (200, 302, 400), field
    assert client.post(f"{PAGE}{quoted(odd)}/withdraw/").status_code in (400, 404)
