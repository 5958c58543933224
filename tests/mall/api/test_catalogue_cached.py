"""Answers of the catalogue are kept: what ends them, what never gets in, and doing without."""

import logging
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.kernel import read_cache, valkey
from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from config.kernel.reference import reference_archive, reference_record
from config.kernel.throttles import CallerThrottle
from mall.api.catalogue import serializers as shapes
from mall.api.catalogue.views import LIFE, LIFE_OF_STOCK
from mall.models import Product, Review, Sku
from mall.services.catalogue_import import catalogue_import
from mall.services.sku_change import offer_price_set, sku_archive, sku_price_set
from tests.factories import (
    api_client,
    make_brand,
    make_category,
    make_member,
    make_offer,
    make_product,
    make_stock,
    make_store,
)

pytestmark = pytest.mark.django_db
PRODUCTS = "/api/v1/products"


def get(path, client=None, **headers):
    """The answer, and how many statements it took."""
    with CaptureQueriesContext(connection) as caught:
        answer = (client or api_client()).get(path, headers=headers)
    return answer, len(caught)


def kept_answers() -> int:
    return len(list(valkey.client().scan_iter(match=valkey.key("read:*"))))


# --- equal to what the schema says -------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("products", shapes.ProductPageOutput),
        ("products?store=s1&ordering=price&page_size=1", shapes.ProductPageOutput),
        ("products?q=p&price_from_fen=1", shapes.ProductPageOutput),
        ("products/p1", shapes.ProductDetailOutput),
        ("products/p1?store=s1", shapes.ProductDetailOutput),
        ("categories", shapes.CategoryTreeOutput),
    ],
)
def test_the_bytes_are_those_of_the_serializer_of_the_schema(path, shape, now):
    store = make_store(code="s1")
    brand, leaf = make_brand(), make_category(parent=make_category())
    product = make_product(code="p1", name="线\u2028末", skus=[5, 7], brand=brand, category=leaf)
    Product.objects.filter(pk=product.pk).update(
        list_price_fen=9, images=["/a.png"], attributes=[{"name": "产地", "value": "杭州"}]
    )
    make_product(code="p2")
    make_stock(store=store, sku=product.skus.first())
    Review.objects.create(product=product, stars=5, created_at=now)

    first, _count = get(f"/api/v1/{path}")
    again, count = get(f"/api/v1/{path}")
    # HEAD takes the long way, through the renderer of the framework.
    long = api_client().head(f"/api/v1/{path}")

    assert first.status_code == 200
    assert shape(first.json()).data == first.json()
    assert again.content == first.content
    assert count == (1 if "q=" in path else 0)
    assert [again[h] for h in ("ETag", "Cache-Control", "Vary", "Content-Type", "Allow")] == [
        long[h] for h in ("ETag", "Cache-Control", "Vary", "Content-Type", "Allow")
    ]


# --- what ends an answer -----------------------------------------------------------------------


def test_a_changed_price_is_shown_as_soon_as_its_event_is_delivered(now, relayed):
    make_store(code="s1")
    sku = make_product(code="p1", skus=[1_000]).skus.get()
    paths = [PRODUCTS, f"{PRODUCTS}?store=s1", f"{PRODUCTS}/p1", f"{PRODUCTS}/p1?store=s1"]
    assert [get(path)[0].status_code for path in paths] == [200] * 4

    sku_price_set(sku_id=sku.pk, price_fen=900, reason="x", actor=SYSTEM, now=now)
    before = [get(path)[0].json() for path in paths]
    relayed(now)
    after = [get(path)[0].json() for path in paths]

    assert [b.get("price_fen") or b["results"][0]["price_fen"] for b in before] == [1_000] * 4
    assert [a.get("price_fen") or a["results"][0]["price_fen"] for a in after] == [900] * 4
    assert [get(path)[1] for path in paths] == [0] * 4


def test_whatever_shoppers_are_shown_ends_the_kept_answers_once_per_change(now, relayed):
    store = make_store(code="s1")
    product, _other = make_product(code="p1", skus=[1_000, 2_000]), make_product()
    first, second = product.skus.order_by("id")
    offer = make_offer(store=store, sku=first, price_fen=None)

    def told(change) -> list[tuple[str, int]]:
        get(PRODUCTS)
        assert get(PRODUCTS)[1] == 0
        change()
        relayed(now)
        events = Event.objects.filter(kind="mall.catalogue_changed").order_by("-id")
        found = list(events.values_list("payload__cause", "subject_id"))
        Event.objects.all().update(kind="seen")
        assert get(PRODUCTS)[1] > 0
        return found

    command = {"reason": "x", "actor": SYSTEM, "now": now}
    assert told(lambda: sku_archive(sku_id=second.pk, **command)) == [("mall.sku", second.pk)]
    assert told(lambda: offer_price_set(offer_id=offer.pk, price_fen=1, **command)) == [
        ("mall.storeoffer", offer.pk)
    ]
    for row in (product, product.category, make_brand(), store):
        archive = partial(reference_archive, row=row, **command)
        assert told(archive) == [(row._meta.label_lower, row.pk)]


def test_what_is_not_shown_ends_nothing(now):
    member = make_member()
    reference_record(row=member, change="changed", changes={}, actor=SYSTEM, now=now)
    assert Event.objects.filter(kind="mall.catalogue_changed").count() == 0


def test_an_import_ends_the_kept_answers_and_an_idle_one_does_not(now, relayed, tmp_path):
    make_product(code="p1")
    folder = tmp_path / "goods"
    folder.mkdir()
    (folder / "brands.csv").write_text("brand_id,name\nb1,山岚\n", encoding="utf-8")

    def imported() -> list[tuple[str, int | None]]:
        relayed(now)
        Event.objects.all().update(kind="seen")
        report = catalogue_import(folder=folder, actor=SYSTEM, now=now)
        events = Event.objects.filter(kind="mall.catalogue_changed")
        found = list(events.values_list("payload__cause", "subject_id"))
        assert found in ([], [("kernel.batch", report.batch_id)])
        return found

    get(PRODUCTS)
    assert len(imported()) == 1
    relayed(now)
    assert get(PRODUCTS)[1] > 0
    assert imported() == []
    assert get(PRODUCTS)[1] == 0


def test_what_is_gone_is_not_given_out_of_the_cache(now, relayed):
    make_product(code="p1")
    make_product(code="p2")
    for path in (PRODUCTS, f"{PRODUCTS}/p1"):
        get(path)
    reference_archive(row=Product.objects.get(code="p1"), reason="x", actor=SYSTEM, now=now)
    relayed(now)

    assert [get(f"{PRODUCTS}/p1")[0].status_code for _n in range(3)] == [404] * 3
    assert [row["code"] for row in get(PRODUCTS)[0].json()["results"]] == ["p2"]


def test_a_listing_begins_and_ends_to_the_moment_without_any_event(now, clock_at):
    later, end = now + timedelta(seconds=2), now + timedelta(seconds=3)
    make_product(code="always")
    product = make_product(code="soon")
    Product.objects.filter(pk=product.pk).update(listed_from=later, listed_until=end)

    def listed(moment) -> list[str]:
        clock_at(moment)
        return [row["code"] for row in get(PRODUCTS)[0].json()["results"]]

    instant = timedelta(milliseconds=1)
    assert listed(now) == listed(later - instant) == ["always"]
    assert listed(later) == listed(end - instant) == ["soon", "always"]
    assert listed(end) == ["always"]


def test_pieces_are_five_seconds_old_at_most(now, clock_at):
    store = make_store(code="s1")
    first, second = make_product(code="p1", skus=[1, 2]).skus.order_by("id")
    make_stock(store=store, sku=first, on_hand=7)
    clock_at(now)

    def shown(path) -> int:
        return get(path)[0].json()["available"]

    assert shown(f"{PRODUCTS}/p1?store=s1") == 7
    make_stock(store=store, sku=second, on_hand=4)
    clock_at(now + LIFE_OF_STOCK - timedelta(milliseconds=1))
    assert shown(f"{PRODUCTS}/p1?store=s1") == 7
    clock_at(now + LIFE_OF_STOCK)
    assert shown(f"{PRODUCTS}/p1?store=s1") == 11
    assert timedelta(seconds=5) == LIFE_OF_STOCK


def test_an_answer_ends_by_itself_should_its_event_be_lost(now, clock_at):
    make_product(code="p1", name="旧")
    clock_at(now)
    get(f"{PRODUCTS}/p1")
    Product.objects.update(name="新")
    clock_at(now + LIFE)
    assert get(f"{PRODUCTS}/p1")[0].json()["name"] == "新"


# --- what gets in ------------------------------------------------------------------------------


def test_each_language_and_each_host_has_its_own_answer():
    for _n in range(21):
        make_product()
    chinese = get(PRODUCTS, **{"Accept-Language": "zh-hans"})[0]
    english, count = get(PRODUCTS, **{"Accept-Language": "en"})

    assert (chinese["Content-Language"], english["Content-Language"]) == ("zh-hans", "en")
    assert count > 0
    assert (
        get(PRODUCTS, Host="mall.example.com")[0]
        .json()["next"]
        .startswith("http://mall.example.com/")
    )
    assert kept_answers() == 3


def test_a_member_gets_the_answer_of_everybody_and_leaves_nothing_of_theirs():
    make_product(code="p1")
    member, other = api_client(make_member()), api_client(make_member())

    own, own_count = get(PRODUCTS, member)
    others, others_count = get(PRODUCTS, other)
    anonymous, count = get(PRODUCTS)

    assert own.content == others.content == anonymous.content
    # The session and the list with its schedule; then the session; then nothing.
    assert (own_count, others_count, count) == (3, 1, 0)
    assert kept_answers() == 1


def test_what_belongs_to_a_caller_is_never_kept():
    make_store(code="s1")
    member = api_client(make_member())
    for path in ("/api/v1/me", "/api/v1/cart?store=s1", "/api/v1/orders", "/api/v1/me/coupons"):
        assert member.get(path).status_code == 200
    assert kept_answers() == 0


def test_an_ended_session_is_refused_though_the_answer_is_kept():
    make_product()
    get(PRODUCTS)
    client = api_client()
    client.credentials(HTTP_X_SESSION_TOKEN="ended")
    assert client.get(PRODUCTS).json()["errors"][0]["code"] == "session_ended"


@pytest.mark.parametrize(
    "query",
    [
        "q=p1",
        "price_from_fen=1",
        "price_to_fen=9999999",
        "cursor=LWlkOjU1NTU1NTU1NQ",
        "anything=1",
        "store=s1&store=s1",
        "brand=nothing",
        "store=%73%31",
        "store=s1&",
        "store=s1&utm=x",
    ],
)
def test_a_question_that_anybody_can_vary_at_will_is_read_each_time(query):
    make_store(code="s1")
    make_product(code="p1")
    assert get(f"{PRODUCTS}?{query}")[0].status_code == 200
    assert kept_answers() == 0
    assert get(f"{PRODUCTS}?{query}")[1] > 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PRODUCTS}/no", 404),
        (f"{PRODUCTS}?store=no", 404),
        (f"{PRODUCTS}?page_size=0", 400),
    ],
)
def test_a_refusal_is_not_kept_and_counts_once(path, status, monkeypatch):
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"anonymous": "2/day"})
    assert [get(path)[0].status_code for _n in range(3)] == [status, status, 429]
    assert kept_answers() == 0


def test_kept_answers_count_against_the_limit_too(monkeypatch):
    make_product()
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"anonymous": "2/day", "caller": "1/day"})
    member = api_client(make_member())

    assert [get(PRODUCTS)[0].status_code for _n in range(3)] == [200, 200, 429]
    assert [get(PRODUCTS, member)[0].status_code for _n in range(2)] == [200, 429]


def test_what_asks_for_something_else_than_json_is_told_so():
    make_product()
    get(PRODUCTS)
    assert get(PRODUCTS, Accept="text/html")[0].status_code == 406
    assert get(PRODUCTS, Accept="text/html,*/*;q=0.8")[0].status_code == 200


# --- many at once, and none at all -------------------------------------------------------------


def test_while_one_works_an_answer_out_the_others_get_the_old_one(monkeypatch):
    make_product(code="p1", name="旧")
    get(f"{PRODUCTS}/p1")
    Product.objects.update(name="新")
    read_cache.bump("catalogue")
    keep, meanwhile = read_cache.keep, []

    def slowly(*args, **kwargs):
        # Whoever comes before the new answer is kept.
        meanwhile.append(get(f"{PRODUCTS}/p1"))
        keep(*args, **kwargs)

    monkeypatch.setattr(read_cache, "keep", slowly)
    first = get(f"{PRODUCTS}/p1")[0].json()["name"]

    assert [(answer.json()["name"], count) for answer, count in meanwhile] == [("旧", 0)]
    assert first == "新"
    assert get(f"{PRODUCTS}/p1")[0].json()["name"] == "新"


def test_one_who_died_while_working_it_out_holds_the_others_up_for_two_seconds(monkeypatch):
    make_product(code="p1")
    get(f"{PRODUCTS}/p1")
    read_cache.bump("catalogue")
    monkeypatch.setattr(read_cache, "keep", lambda *args, **kwargs: None)
    get(f"{PRODUCTS}/p1")

    (lock,) = valkey.client().scan_iter(match=valkey.key("read:*:filling"))
    assert 0 < valkey.client().ttl(lock) <= 2


def test_without_valkey_everything_is_read(monkeypatch, caplog):
    make_product(code="p1", name="旧")
    get(PRODUCTS)
    read_cache._fetch.cache_clear()
    nobody = Redis(port=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))
    monkeypatch.setattr(valkey, "client", lambda: nobody)
    Product.objects.update(name="新")

    with caplog.at_level(logging.WARNING):
        answers = [get(path)[0].json() for path in (PRODUCTS, f"{PRODUCTS}/p1")]
        assert get(f"{PRODUCTS}/no")[0].status_code == 404
    read_cache._fetch.cache_clear()

    assert answers[0]["results"][0]["name"] == answers[1]["name"] == "新"
    assert "the cache is away" in caplog.text


def test_a_valkey_that_lost_its_version_gives_nothing_old_again():
    make_product(code="p1", name="旧")
    get(f"{PRODUCTS}/p1")
    valkey.client().delete(valkey.key("read-version:catalogue"))
    Product.objects.update(name="新")

    assert get(f"{PRODUCTS}/p1")[0].json()["name"] == "新"


def test_checkout_never_looks_here(now):
    """The quote prices what the database says, whatever is still shown."""
    make_store(code="s1")
    sku: Sku = make_product(code="p1", skus=[1_000]).skus.get()
    get(f"{PRODUCTS}/p1?store=s1")
    sku_price_set(sku_id=sku.pk, price_fen=900, reason="x", actor=SYSTEM, now=now)

    assert get(f"{PRODUCTS}/p1?store=s1")[0].json()["price_fen"] == 1_000
    asked = {"store": "s1", "lines": [{"sku": sku.code, "quantity": 1}]}
    answer = api_client(make_member()).post("/api/v1/quotes", asked)
    assert answer.json()["lines"][0]["unit_price_fen"] == 900
