import re
from xml.etree import ElementTree

import pytest

from mall.demo import goods
from mall.models import Product
from mall.pictures import picture_url, product_svg
from tests.factories import api_client, make_category, make_product


def demo_pictures() -> dict[str, str]:
    parents = {code: parent for code, parent, _name, _slogan in goods.CATEGORIES}
    return {
        row[0]: product_svg(code=row[0], name=row[3], shelves=[row[1], parents[row[1]] or ""])
        for row in goods.PRODUCTS
    }


def test_every_product_of_the_demo_has_a_small_picture_of_its_own():
    pictures = demo_pictures()
    assert len(set(pictures.values())) == len(goods.PRODUCTS)
    for svg in pictures.values():
        assert len(svg.encode()) <= 3_072
        root = ElementTree.fromstring(svg)
        assert root.attrib["viewBox"] == "0 0 400 400"


def test_a_picture_calls_no_outside_address_and_runs_nothing():
    for svg in demo_pictures().values():
        assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
        assert not re.search(r"<script|<image|href|url\(|@import|\son\w+=", svg)


def test_the_same_product_is_drawn_the_same_and_another_one_differently():
    shelves = ["food-tea", "food"]
    first = product_svg(code="D3001", name="高山绿茶", shelves=shelves)
    assert first == product_svg(code="D3001", name="高山绿茶", shelves=shelves)
    assert first != product_svg(code="D3002", name="高山绿茶", shelves=shelves)


def test_names_are_text_and_an_unknown_shelf_gets_a_bag():
    svg = product_svg(code="x", name="<b>&", shelves=["nowhere"])
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "<b>&"
    assert [text.text for text in root.iter(f"{space}text")] == ["b"]
    assert "M128 170h144l16 130H112z" in svg


def test_an_address_carries_any_code():
    assert picture_url("D1001") == "/media/products/D1001.svg"
    assert picture_url("A/1 号") == "/media/products/A%2F1%20%E5%8F%B7.svg"


@pytest.mark.django_db
def test_a_picture_is_served_with_one_statement_and_kept_by_its_etag(
    client, django_assert_num_queries
):
    make_product(code="p1", name="毛巾")
    make_product(code="A/1 号")
    assert client.get("/media/products/A%2F1%20%E5%8F%B7.svg").status_code == 200
    with django_assert_num_queries(1):
        first = client.get("/media/products/p1.svg")
    assert first.status_code == 200
    assert first["Content-Type"] == "image/svg+xml"
    assert first["Cache-Control"] == "public, max-age=604800"
    assert "毛巾" in first.content.decode()

    again = client.get("/media/products/p1.svg", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304 and again.content == b""
    assert again["ETag"] == first["ETag"]

    Product.objects.filter(code="p1").update(name="浴巾")
    changed = client.get("/media/products/p1.svg", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


@pytest.mark.django_db
def test_there_is_no_picture_of_nothing_and_nothing_to_post(client):
    assert client.get("/media/products/none.svg").status_code == 404
    make_product(code="p1")
    assert client.post("/media/products/p1.svg").status_code == 405


@pytest.mark.django_db
def test_the_catalogue_names_uploaded_pictures_first(client):
    tea = make_category(code="food-tea")
    make_product(code="drawn", category=tea)
    make_product(code="taken", category=tea)
    Product.objects.filter(code="taken").update(images=["/media/1.jpg", "/media/2.jpg"])
    rows = api_client().get("/api/v1/products").json()["results"]
    assert {row["code"]: row["image"] for row in rows} == {
        "drawn": "/media/products/drawn.svg",
        "taken": "/media/1.jpg",
    }
    detail = api_client().get("/api/v1/products/taken").json()
    assert detail["images"] == ["/media/1.jpg", "/media/2.jpg"]
    drawn = api_client().get("/api/v1/products/drawn").json()
    assert drawn["images"] == ["/media/products/drawn.svg"]
    assert client.get(drawn["image"]).status_code == 200
