"""The grid of prices and stock: what was typed is written, marked, or refused; own stores alone."""

import re

import pytest
from django.urls import reverse

from config.kernel.models import Approval, Event
from mall.models import Stock, StoreOffer
from mall.services.product_grid import MOVED
from tests.factories import (
    make_offer,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db
GRID = "admin:mall_storeoffer_grid"


@pytest.fixture
def product():
    return make_product(code="tee", name="T恤", skus=[10_000, 8_000])


@pytest.fixture
def skus(product):
    return list(product.skus.order_by("pk"))


@pytest.fixture
def store():
    return make_store(code="a-here", name="这里店")


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


def grid(**query):
    return reverse(GRID, query=query)


def sent(page) -> dict[str, str]:
    """What a browser would send back of the page's cells, untouched."""
    data = {}
    for tag in re.findall(r'<input[^>]+name="(?:was|price|listed|count)-[^>]+>', page):
        attrs = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attrs["type"] != "checkbox" or " checked" in tag:
            data[attrs["name"]] = attrs.get("value", "")
    return data


def cells(page):
    """What each cell offers to be typed into: price and count."""
    found = {}
    for what, store, sku in re.findall(r'name="(price|count)-(\d+)-(\d+)"', page):
        found.setdefault((int(store), int(sku)), set()).add(what)
    return found


def told():
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("pk")
    return [(e.subject_type, e.payload["change"], e.reason) for e in events]


def test_a_product_at_its_stores_is_edited_cell_by_cell(client, product, skus, store):
    there = make_store(code="b-there")
    make_offer(store=there, sku=skus[0], price_fen=9_500)
    stock = make_stock(store=store, sku=skus[1], on_hand=6)
    page = client.get(grid(product="tee")).content.decode()
    assert "这里店" in page and "tee-1" in page and "T恤" in page
    data = sent(page)
    assert data[f"price-{there.pk}-{skus[0].pk}"] == "95.00"
    data[f"price-{store.pk}-{skus[0].pk}"] = "99.50"
    data[f"price-{there.pk}-{skus[0].pk}"] = ""
    del data[f"listed-{there.pk}-{skus[1].pk}"]
    data[f"count-{store.pk}-{skus[1].pk}"] = "4"
    answer = client.post(grid(product="tee"), data | {"reason": "换季"}, follow=True)
    assert "已保存 3 处价格或上架设置, 已保存 1 处盘点" in answer.content.decode()
    offers = StoreOffer.objects.order_by("store__code", "sku")
    assert list(offers.values_list("store__code", "sku__code", "price_fen", "listed")) == [
        ("a-here", "tee-1", 9_950, True),
        ("b-there", "tee-1", None, True),
        ("b-there", "tee-2", None, False),
    ]
    stock.refresh_from_db()
    assert stock.on_hand == 4
    assert [t[:2] for t in told()] == [
        ("mall.storeoffer", "priced"),
        ("mall.storeoffer", "priced"),
        ("mall.storeoffer", "changed"),
        ("mall.stock", "counted"),
    ]
    assert {t[2] for t in told()} == {"换季"}


def test_a_store_shows_its_skus_and_finds_them_by_word_code_and_barcode(client, skus, store):
    other = make_product(code="cup", name="盖碗")
    skus[1].barcode = "690777"
    skus[1].save()

    def found(**query):
        page = client.get(grid(store="a-here", **query)).content.decode()
        return {sku for _store, sku in cells(page)}

    assert found() == {*(s.pk for s in skus), other.skus.get().pk}
    assert found(q="盖碗") == {other.skus.get().pk}
    assert found(q="690777") == {skus[1].pk}
    assert found(q="tee-1") == {skus[0].pk}
    assert found(q="tee") == {s.pk for s in skus}
    assert found(q="没有") == set()


def test_many_stores_and_skus_come_in_pages(client, store):
    make_product(code="many", skus=[100] * 30)
    for n in range(6):
        make_store(code=f"z{n}")
    first = client.get(grid(product="many"))
    assert len(cells(first.content.decode())) == 5 * 25
    assert "stores=2" in first.content.decode() and "skus=2" in first.content.decode()
    last = client.get(grid(product="many", stores=2, skus=2)).content.decode()
    assert len(cells(last)) == 2 * 5
    assert "stores=3" not in last and "stores=1" in last
    for strange in ("0", "x", "99999999"):
        assert client.get(grid(product="many", stores=strange)).status_code == 200
    assert len(cells(client.get(grid(product="many", q="z3")).content.decode())) == 25


@pytest.mark.parametrize("was", ["-3000000000|1|0", "|1|-3000000000", "|1|3000000000", "x|1|0"])
def test_what_no_page_of_ours_sends_changes_nothing(client, product, skus, store, was):
    place = f"{store.pk}-{skus[0].pk}"
    data = {f"was-{place}": was, f"price-{place}": "95.00", f"listed-{place}": "1"}
    answer = client.post(grid(product="tee"), data | {"reason": "换季"})
    assert answer.status_code in (302, 409)
    assert not StoreOffer.objects.exists() and told() == []


def test_a_stale_cell_is_marked_with_what_is_there_and_the_others_are_written(
    client, product, skus, store
):
    stock = make_stock(store=store, sku=skus[0], on_hand=6)
    data = sent(client.get(grid(product="tee")).content.decode())
    make_offer(store=store, sku=skus[0], price_fen=9_000)
    Stock.objects.filter(pk=stock.pk).update(on_hand=6)
    data[f"price-{store.pk}-{skus[0].pk}"] = "95"
    data[f"price-{store.pk}-{skus[1].pk}"] = "79"
    answer = client.post(grid(product="tee"), data | {"reason": "换季"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "其他人已修改" in page and "现为：¥90.00，库存 6 件。" in page
    # What was typed stays, over what is there now; saving it again is then deliberate.
    again = sent(page)
    assert again[f"price-{store.pk}-{skus[0].pk}"] == "95"
    assert again[f"was-{store.pk}-{skus[0].pk}"] == "9000|1|6"
    assert dict(StoreOffer.objects.values_list("sku__code", "price_fen")) == {
        "tee-1": 9_000,
        "tee-2": 7_900,
    }
    assert client.post(grid(product="tee"), again | {"reason": "换季"}).status_code == 302
    assert StoreOffer.objects.get(sku=skus[0]).price_fen == 9_500


@pytest.mark.corrupts
def test_a_count_after_pieces_moved_is_marked(client, product, skus, store):
    stock = make_stock(store=store, sku=skus[0], on_hand=6)
    data = sent(client.get(grid(product="tee")).content.decode())
    Stock.objects.filter(pk=stock.pk).update(on_hand=5)
    data[f"count-{store.pk}-{skus[0].pk}"] = "6"
    answer = client.post(grid(product="tee"), data | {"reason": "盘点"})
    assert answer.status_code == 409 and str(MOVED) in answer.content.decode()
    assert told() == []


@pytest.mark.parametrize(
    ("part", "typed"),
    [
        ("price", "abc"),
        ("price", "0"),
        ("price", "-5"),
        ("price", "1.001"),
        ("price", "1e3000"),
        ("price", "1e999999"),
        ("count", "-1"),
        ("count", "1.5"),
        ("count", "x"),
        ("count", "9999999999"),
    ],
)
def test_what_cannot_be_read_is_marked_and_nothing_is_written(
    client, product, skus, store, part, typed
):
    data = sent(client.get(grid(product="tee")).content.decode())
    data[f"{part}-{store.pk}-{skus[0].pk}"] = typed
    data[f"price-{store.pk}-{skus[1].pk}"] = "79"
    answer = client.post(grid(product="tee"), data | {"reason": "换季"})
    assert answer.status_code == 400
    assert sent(answer.content.decode())[f"{part}-{store.pk}-{skus[0].pk}"] == typed
    assert (StoreOffer.objects.count(), told()) == (0, [])


def test_without_a_reason_nothing_is_written(client, product, skus, store):
    data = sent(client.get(grid(product="tee")).content.decode())
    data[f"price-{store.pk}-{skus[1].pk}"] = "79"
    answer = client.post(grid(product="tee"), data | {"reason": ""})
    assert answer.status_code == 200
    assert sent(answer.content.decode())[f"price-{store.pk}-{skus[1].pk}"] == "79"
    assert StoreOffer.objects.count() == 0


def test_a_manager_edits_their_store_and_does_not_see_others(product, skus, store):
    there = make_store(code="b-there")
    manager = staff_client(make_staff(store=store, role="manager"))
    page = manager.get(grid(product="tee")).content.decode()
    assert set(cells(page)) == {(store.pk, sku.pk) for sku in skus}
    assert manager.get(grid(store="b-there")).status_code == 404
    data = sent(page)
    data[f"was-{there.pk}-{skus[0].pk}"] = "|1|0"
    data[f"price-{there.pk}-{skus[0].pk}"] = "99"
    data[f"listed-{there.pk}-{skus[0].pk}"] = "1"
    answer = manager.post(grid(product="tee"), data | {"reason": "越权"})
    assert answer.status_code == 403
    assert (StoreOffer.objects.count(), told()) == (0, [])


def test_a_manager_here_who_is_a_clerk_there_edits_here_alone(product, skus):
    operator = make_operator()
    here, there = make_store(operator=operator, code="a"), make_store(operator=operator, code="b")
    user = make_staff(store=here, role="manager")
    make_staff(store=there, role="clerk", user=user)
    page = staff_client(user).get(grid(product="tee")).content.decode()
    assert "b" in page
    assert cells(page) == {(here.pk, sku.pk): {"price", "count"} for sku in skus}


@pytest.mark.parametrize("role", ["clerk", "auditor", "service", "finance"])
def test_who_only_looks_has_nothing_to_type_into(product, store, role):
    client = staff_client(make_staff(store=store, role=role))
    page = client.get(grid(product="tee"))
    assert page.status_code == 200
    assert cells(page.content.decode()) == {}
    assert 'name="reason"' not in page.content.decode()


def test_a_large_step_of_a_manager_waits(product, skus, store):
    manager = staff_client(make_staff(store=store, role="manager"))
    data = sent(manager.get(grid(product="tee")).content.decode())
    data[f"price-{store.pk}-{skus[0].pk}"] = "10"
    answer = manager.post(grid(product="tee"), data | {"reason": "清仓"}, follow=True)
    assert "1 个价格待审批" in answer.content.decode()
    assert Approval.objects.get().params["price_fen"] == 1_000
    assert StoreOffer.objects.get().price_fen is None


def test_a_price_asks_who_is_there_and_a_count_does_not(product, skus, store):
    client = staff_client(make_user(superuser=True), signed_in=1)
    data = sent(client.get(grid(product="tee")).content.decode()) | {"reason": "换季"}
    answer = client.post(grid(product="tee"), data | {f"price-{store.pk}-{skus[0].pk}": "95"})
    assert "/accounts/reauthenticate/" in answer["Location"]
    assert StoreOffer.objects.count() == 0
    answer = client.post(grid(product="tee"), data | {f"count-{store.pk}-{skus[0].pk}": "5"})
    assert answer["Location"] == grid(product="tee")
    assert Stock.objects.get().on_hand == 5


def test_strangers_and_unknown_names_find_nothing(client, product, store):
    assert client.get(grid(product="nix")).status_code == 404
    assert client.get(grid(store="nix")).status_code == 404
    nobody = staff_client(make_user(is_staff=True))
    assert nobody.get(grid(product="tee")).status_code in (403, 404)


def test_garbage_in_a_form_is_passed_over(client, product, store):
    answer = client.post(
        grid(product="tee"),
        {
            "was-x-y": "1|1|1",
            f"was-{10**30}-1": "|1|0",
            "was-1-3": f"{10**12}|1|0",
            "was-1-2": "a|b",
            "was-1": "",
            "was-": "|1|0",
            "reason": "乱填",
        },
    )
    assert answer.status_code == 302
    assert told() == []


def test_the_grid_takes_a_fixed_number_of_statements(client, store, django_assert_num_queries):
    few, many = make_product(code="few"), make_product(code="many", skus=[100] * 25)
    for n in range(5):
        make_store(code=f"z{n}")
    assert few.skus.count() < many.skus.count()
    for query in ({"product": "few"}, {"product": "many"}):
        with django_assert_num_queries(9):
            client.get(grid(**query))
    with django_assert_num_queries(8):
        client.get(grid(store="z1"))
