import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mall.models import Category, Product, Review
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


def codes(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["code"] for row in response.json()["results"]]


def refusal(response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def statements(get) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert get().status_code == 200
    return len(caught)


# --- the list ----------------------------------------------------------------------------------


def test_a_product_is_listed_with_its_lowest_price_and_names():
    brand = make_brand(code="b1", name="山岚")
    category = make_category(code="c1", name="毛巾")
    make_product(code="p1", name="纯棉毛巾", skus=[2_900, 1_900], brand=brand, category=category)

    body = api_client().get(PRODUCTS).json()

    assert body == {
        "next": None,
        "results": [
            {
                "code": "p1",
                "name": "纯棉毛巾",
                "brief": "",
                "unit": "",
                "image": "/media/products/p1.svg",
                "price_fen": 1_900,
                "list_price_fen": None,
                "brand": {"code": "b1", "name": "山岚"},
                "category": {"code": "c1", "name": "毛巾"},
                "available": None,
            }
        ],
    }


def test_what_cannot_be_bought_is_not_listed(now):
    make_product(code="on")
    make_product(code="off", on_sale=False)
    Product.objects.filter(pk=make_product(code="gone").pk).update(archived_at=now)
    make_product(code="bare").skus.update(archived_at=now)

    assert codes(api_client().get(PRODUCTS)) == ["on"]
    assert refusal(api_client().get(f"{PRODUCTS}/off")) == (404, "product_unknown")


def test_a_category_includes_everything_below_it(now):
    top = make_category(code="top")
    middle = make_category(code="middle", parent=top)
    leaf = make_category(code="leaf", parent=middle)
    closed = make_category(code="closed", parent=top)
    Category.objects.filter(pk=closed.pk).update(archived_at=now)
    for name, category in (("a", top), ("b", middle), ("c", leaf), ("d", closed)):
        make_product(code=name, category=category)
    make_product(code="elsewhere")

    assert codes(api_client().get(PRODUCTS, {"category": "top"})) == ["c", "b", "a"]
    assert codes(api_client().get(PRODUCTS, {"category": "leaf"})) == ["c"]


def test_brand_and_prices_narrow_the_list():
    brand = make_brand(code="b1")
    make_product(code="cheap", skus=[999], brand=brand)
    make_product(code="middle", skus=[1_000], brand=brand)
    make_product(code="dear", skus=[2_001], brand=brand)
    make_product(code="other", skus=[1_500])

    asked = {"brand": "b1", "price_from_fen": 1_000, "price_to_fen": 2_000}
    assert codes(api_client().get(PRODUCTS, asked)) == ["middle"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("毛巾", ["towel"]),
        ("巾", ["towel"]),
        ("山岚 毛巾", ["towel"]),
        ("ＡＢＣ", ["towel"]),
        ("abc", ["towel"]),
        ("山岚 水杯", []),
        ("100%", ["cup"]),
        ("%", ["cup"]),
        ("_", []),
        ("'; --", []),
        ("", ["cup", "towel"]),
    ],
)
def test_search_takes_two_chinese_characters_and_wants_every_word(q, found):
    make_product(code="towel", name="纯棉毛巾 ABC", brand=make_brand(name="山岚"))
    make_product(code="cup", name="水杯 100%不锈钢")

    assert codes(api_client().get(PRODUCTS, {"q": q})) == found


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("price", ["a", "c", "e", "b", "d"]),
        ("-price", ["d", "b", "e", "c", "a"]),
        ("-id", ["e", "d", "c", "b", "a"]),
    ],
)
def test_pages_follow_each_other_without_gap_or_repeat_among_equal_prices(ordering, expected):
    for name, fen in (("a", 100), ("b", 300), ("c", 200), ("d", 300), ("e", 200)):
        make_product(code=name, skus=[fen])

    seen, url, pages = [], f"{PRODUCTS}?ordering={ordering}&page_size=2", 0
    while url:
        body = api_client().get(url).json()
        seen += [row["code"] for row in body["results"]]
        url, pages = body["next"], pages + 1

    assert seen == expected
    assert pages == 3


def test_a_store_shows_its_own_prices_and_pieces_and_hides_what_it_does_not_sell():
    store, other = make_store(code="s1"), make_store()
    product = make_product(code="p1", skus=[1_000, 2_000])
    first, second = product.skus.order_by("id")
    make_offer(store=store, sku=first, price_fen=1_500)
    make_offer(store=other, sku=second, price_fen=1)
    make_stock(store=store, sku=first, on_hand=3)
    make_stock(store=store, sku=second, on_hand=4)
    make_stock(store=other, sku=second, on_hand=50)
    hidden = make_product(code="hidden")
    make_offer(store=store, sku=hidden.skus.get(), listed=False)
    make_product(code="empty", skus=[700])

    rows = api_client().get(PRODUCTS, {"store": "s1", "ordering": "price"}).json()["results"]

    assert [(r["code"], r["price_fen"], r["available"]) for r in rows] == [
        ("empty", 700, 0),
        ("p1", 1_500, 7),
    ]
    dear = api_client().get(PRODUCTS, {"store": "s1", "price_from_fen": 1_200})
    assert codes(dear) == ["p1"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"store": "nowhere"}, (404, "store_unknown")),
        ({"category": "nothing"}, (404, "category_unknown")),
        ({"cursor": "!!"}, (400, "cursor_invalid")),
        ({"cursor": "LWlkOi01"}, (400, "cursor_invalid")),
        ({"cursor": "LWlkOjU", "ordering": "price"}, (400, "cursor_invalid")),
        ({"ordering": "name"}, (400, "invalid_choice")),
        ({"page_size": 101}, (400, "max_value")),
        ({"price_from_fen": -1}, (400, "min_value")),
        ({"q": "长" * 61}, (400, "max_length")),
        ({"category": "a\x00"}, (400, "null_characters_not_allowed")),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(asked, expected):
    assert refusal(api_client().get(PRODUCTS, asked)) == expected


def test_the_list_takes_two_statements_with_login_however_much_there_is():
    store, category = make_store(code="s1"), make_category(code="c1")
    member = api_client(make_member())
    asked = {"store": "s1", "category": "c1", "q": "商品", "ordering": "price"}
    make_stock(store=store, sku=make_product(category=category).skus.get())
    few = statements(lambda: member.get(PRODUCTS, asked))
    for _ in range(15):
        make_stock(store=store, sku=make_product(category=category).skus.get())

    assert few == statements(lambda: member.get(PRODUCTS, asked)) == 2
    assert statements(lambda: api_client().get(PRODUCTS, asked)) == 1


def test_a_list_that_is_kept_costs_one_statement_more_once_and_then_none():
    """When it is worked out, the next change of the schedule of listings is asked for."""
    make_product()
    member = api_client(make_member())

    assert statements(lambda: api_client().get(PRODUCTS)) == 2
    assert statements(lambda: api_client().get(PRODUCTS)) == 0
    assert statements(lambda: member.get(PRODUCTS)) == 1


def test_an_ended_session_is_not_taken_for_a_visitor():
    client = api_client()
    client.credentials(HTTP_X_SESSION_TOKEN="ended")
    assert refusal(client.get(PRODUCTS)) == (401, "session_ended")


# --- one product -------------------------------------------------------------------------------


def test_a_product_with_its_skus_reviews_and_the_stores_stock(now):
    store = make_store(code="s1")
    product = make_product(code="p1", skus=[1_000, 2_000, 3_000])
    first, second, third = product.skus.order_by("id")
    make_offer(store=store, sku=first, price_fen=900)
    make_offer(store=store, sku=third, listed=False)
    make_stock(store=store, sku=second, on_hand=6)
    for stars in (5, 4, 4):
        Review.objects.create(product=product, stars=stars, text="好", created_at=now)

    body = api_client().get(f"{PRODUCTS}/p1", {"store": "s1"}).json()

    assert body["skus"] == [
        {"code": "p1-1", "options": {"规格": "1号"}, "price_fen": 900, "available": 0},
        {"code": "p1-2", "options": {"规格": "2号"}, "price_fen": 2_000, "available": 6},
    ]
    assert (body["price_fen"], body["available"]) == (900, 6)
    assert (body["review_count"], body["stars"]) == (3, "4.3")
    assert "id" not in body


def test_a_product_without_store_or_reviews():
    make_product(code="p1", skus=[1_000])

    body = api_client().get(f"{PRODUCTS}/p1").json()

    assert body["skus"][0]["available"] is None
    assert (body["review_count"], body["stars"]) == (0, None)


def test_one_product_takes_three_statements_with_login_and_store_and_then_the_login():
    make_store(code="s1")
    make_product(code="p1", skus=[1, 2, 3])
    member = api_client(make_member())
    assert statements(lambda: member.get(f"{PRODUCTS}/p1", {"store": "s1"})) == 3
    assert statements(lambda: member.get(f"{PRODUCTS}/p1", {"store": "s1"})) == 1


def test_unknown_product_or_store_is_said():
    make_product(code="p1")
    assert refusal(api_client().get(f"{PRODUCTS}/no")) == (404, "product_unknown")
    assert refusal(api_client().get(f"{PRODUCTS}/no/reviews")) == (404, "product_unknown")
    assert refusal(api_client().get(f"{PRODUCTS}/p1?store=no")) == (404, "store_unknown")


def test_reviews_come_newest_first_in_pages_with_their_local_time(now):
    product = make_product(code="p1")
    for text in ("旧", "中", "新"):
        Review.objects.create(product=product, stars=5, text=text, created_at=now)

    first = api_client().get(f"{PRODUCTS}/p1/reviews?page_size=2").json()
    second = api_client().get(first["next"]).json()

    assert [r["text"] for r in first["results"]] == ["新", "中"]
    assert [r["text"] for r in second["results"]] == ["旧"]
    assert second["next"] is None
    assert first["results"][0]["created_at"].endswith("+08:00")
    strange = api_client().get(f"{PRODUCTS}/p1/reviews?cursor=LWlkOjU")
    assert refusal(strange) == (400, "cursor_invalid")


# --- categories --------------------------------------------------------------------------------


def test_categories_are_a_tree_in_their_order(now, django_assert_num_queries):
    second = make_category(code="second")
    first = make_category(code="first")
    make_category(code="leaf", name="毛巾", parent=first)
    closed = make_category(code="closed", parent=second)
    make_category(code="below", parent=closed)
    Category.objects.filter(code="first").update(position=0)
    Category.objects.filter(code="closed").update(archived_at=now)

    with django_assert_num_queries(2):
        tree = api_client().get("/api/v1/categories").json()["results"]

    leaf = {"code": "leaf", "name": "毛巾", "slogan": "", "children": []}
    assert [(c["code"], c["children"]) for c in tree] == [("first", [leaf]), ("second", [])]
