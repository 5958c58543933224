from datetime import datetime

import pytest

from config.kernel.clock import SHANGHAI
from mall.selectors.catalogue_stores import open_at
from stores.models import Store
from tests.factories import (
    api_client,
    make_offer,
    make_operator,
    make_product,
    make_sku,
    make_stock,
    make_store,
)

STORES = "/api/v1/stores"
# People's Square, Shanghai.
HERE = {"latitude": "31.230416", "longitude": "121.473701"}


def place(store: Store, latitude: str, longitude: str) -> Store:
    Store.objects.filter(pk=store.pk).update(latitude=latitude, longitude=longitude)
    return store


def refusal(response) -> tuple[int, str, str | None]:
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]


@pytest.mark.django_db
def test_stores_come_nearest_first_with_whole_metres(django_assert_num_queries):
    place(make_store(code="far"), "30.246026", "120.210792")
    place(make_store(code="here"), "31.230416", "121.473701")
    place(make_store(code="near"), "31.239416", "121.473701")
    Store.objects.filter(pk=make_store(code="online").pk).update(
        kind="online", latitude=None, longitude=None
    )
    Store.objects.filter(pk=make_store(code="depot").pk).update(kind="warehouse")

    with django_assert_num_queries(1):
        rows = api_client().get(STORES, HERE).json()["results"]

    # 0.009 degrees of latitude are 2π · 6,371,008.8 m · 0.009 / 360.
    assert [(r["code"], r["distance_m"]) for r in rows] == [
        ("here", 0),
        ("near", 1001),
        ("far", 162939),
        ("online", None),
    ]
    assert all(r["offer"] is None for r in rows)


@pytest.mark.django_db
def test_a_sku_shows_price_and_pieces_at_each_store(django_assert_num_queries):
    operator = make_operator()
    sku = make_sku(price_fen=1_000, code="k1")
    full = place(make_store(code="a", operator=operator), "31.230416", "121.473701")
    dear = place(make_store(code="b", operator=operator), "31.231416", "121.473701")
    never = place(make_store(code="c", operator=operator), "31.232416", "121.473701")
    make_stock(store=full, sku=sku, on_hand=5)
    make_stock(store=full, sku=make_sku(), on_hand=50)
    make_offer(store=dear, sku=sku, price_fen=1_200)
    make_offer(store=never, sku=sku, listed=False)

    with django_assert_num_queries(2):
        rows = api_client().get(STORES, HERE | {"sku": "k1"}).json()["results"]

    assert [(r["code"], r["offer"]) for r in rows] == [
        ("a", {"price_fen": 1_000, "available": 5}),
        ("b", {"price_fen": 1_200, "available": 0}),
        ("c", None),
    ]


@pytest.mark.django_db
def test_a_sku_off_sale_is_offered_nowhere():
    product = make_product(on_sale=False)
    make_stock(store=make_store(), sku=product.skus.get())

    rows = api_client().get(STORES, {"sku": product.skus.get().code}).json()["results"]

    assert [r["offer"] for r in rows] == [None]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"latitude": "31"}, (400, "required", "longitude")),
        ({"longitude": "121"}, (400, "required", "latitude")),
        ({"latitude": "91", "longitude": "121"}, (400, "max_value", "latitude")),
        ({"latitude": "31", "longitude": "-181"}, (400, "min_value", "longitude")),
        ({"latitude": "nan", "longitude": "121"}, (400, "invalid", "latitude")),
        ({"latitude": "1e999", "longitude": "121"}, (400, "max_value", "latitude")),
        ({"latitude": "north", "longitude": "121"}, (400, "invalid", "latitude")),
        ({"limit": "0"}, (400, "min_value", "limit")),
        ({"sku": "nothing"}, (404, "sku_unknown", None)),
    ],
)
def test_bad_places_and_unknown_skus_are_refused(asked, expected):
    assert refusal(api_client().get(STORES, asked)) == expected


@pytest.mark.django_db
def test_a_coordinate_as_a_phone_sends_it_is_taken():
    place(make_store(code="a"), "31.230416", "121.473701")
    asked = {"latitude": "31.23041600000000123", "longitude": "1.21473701e2"}
    rows = api_client().get(STORES, asked).json()["results"]
    assert rows[0]["distance_m"] == 0


@pytest.mark.django_db
def test_one_store_and_an_unknown_one(django_assert_num_queries):
    make_store(code="a")
    with django_assert_num_queries(1):
        body = api_client().get(f"{STORES}/a", HERE).json()
    assert body["code"] == "a"
    assert refusal(api_client().get(f"{STORES}/b")) == (404, "store_unknown", None)


DAY = {"mon": ["10:00", "22:00"], "fri": ["18:00", "02:00"], "sun": ["09:00", "24:00"]}


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        # 2026-11-23 is a Monday.
        ((2026, 11, 23, 9, 59), False),
        ((2026, 11, 23, 10, 0), True),
        ((2026, 11, 23, 21, 59), True),
        ((2026, 11, 23, 22, 0), False),
        ((2026, 11, 24, 12, 0), False),
        ((2026, 11, 27, 23, 30), True),
        ((2026, 11, 28, 1, 59), True),
        ((2026, 11, 28, 2, 0), False),
        ((2026, 11, 22, 23, 59), True),
        ((2026, 11, 23, 0, 0), False),
    ],
)
def test_open_now_goes_by_the_wall_clock_in_shanghai(moment, is_open):
    assert open_at(DAY, datetime(*moment, tzinfo=SHANGHAI)) is is_open


@pytest.mark.parametrize("hours", [{}, {"mon": []}, {"mon": "10-22"}, {"mon": ["10:00"]}])
def test_hours_that_say_nothing_are_closed(hours):
    assert open_at(hours, datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)) is False
