"""A product's pictures: all of an upload or none, in the order of the merchandiser."""

from io import BytesIO

import pytest
from django.test import Client
from PIL import Image

from config.kernel.actors import Actor
from config.kernel.models import Event
from mall.images import ImageRefused
from mall.models import Product
from mall.services.product_images import (
    ImagesChanged,
    TooManyImages,
    product_images_add,
    product_images_arrange,
)
from tests.factories import api_client, make_product

pytestmark = pytest.mark.django_db
BOSS = Actor("user", "7")
REFERENCE = "kernel.reference_changed"


def picture(colour="red", form="JPEG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (300, 300), colour).save(out, form)
    return out.getvalue()


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def product():
    return make_product(code="cup")


@pytest.fixture
def add(product, now):
    def add(*bodies):
        files = [(f"{n}.jpg", body) for n, body in enumerate(bodies)]
        return product_images_add(product_id=product.pk, files=files, actor=BOSS, now=now)

    return add


def images(product):
    return Product.objects.get(pk=product.pk).images


def test_uploads_are_appended_in_their_order_and_shown_to_shoppers(product, add):
    assert add(picture("red"), picture("blue", "PNG")) == 2
    assert add(picture("green", "WEBP")) == 1
    found = images(product)
    assert len(set(found)) == 3
    body = api_client().get("/api/v1/products/cup").json()
    assert (body["images"], body["image"]) == (found, found[0])
    events = Event.objects.filter(kind=REFERENCE).order_by("pk")
    assert [(e.subject_id, e.payload) for e in events] == [
        (product.pk, {"change": "changed", "changes": {"images": True}})
    ] * 2


def test_a_picture_is_served_for_ever_and_as_nothing_but_a_picture(product, add):
    add(picture())
    answer = Client().get(images(product)[0])
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'"
    body = b"".join(answer.streaming_content)
    assert body.startswith(b"\xff\xd8\xff") and int(answer["Content-Length"]) == len(body)


@pytest.mark.parametrize(
    "name", ["x.jpg", f"{'0' * 40}.jpg", f"{'0' * 40}.png", "..%2f..%2fsecrets.json"]
)
def test_nothing_else_is_served_from_there(name):
    assert Client().get(f"/media/images/{name}").status_code == 404


def test_the_same_picture_again_is_there_already(product, add):
    add(picture())
    assert add(picture(), picture()) == 0
    assert len(images(product)) == 1
    assert Event.objects.filter(kind=REFERENCE).count() == 1


def test_one_bad_file_refuses_the_whole_upload(product, add):
    with pytest.raises(ImageRefused):
        add(picture(), b"not a picture")
    assert (images(product), Event.objects.filter(kind=REFERENCE).count()) == ([], 0)


def test_there_is_an_end_to_it(product, add):
    add(*[picture((n, 0, 0)) for n in range(0, 240, 24)])
    with pytest.raises(TooManyImages):
        add(*[picture((0, n, 9)) for n in (0, 80, 160)])
    with pytest.raises(TooManyImages):
        add(*[b"" for _n in range(13)])
    assert len(images(product)) == 10


def arrange(product, wanted, shown, now):
    product_images_arrange(product_id=product.pk, images=wanted, shown=shown, actor=BOSS, now=now)


def test_pictures_change_places_and_leave_but_their_files_stay(product, add, media, now):
    add(picture("red"), picture("blue"), picture("green"))
    red, blue, green = images(product)
    arrange(product, [green, red], [red, blue, green], now)
    assert images(product) == [green, red]
    assert Client().get(blue).status_code == 200


def test_an_arrangement_of_others_than_were_shown_is_refused(product, add, now):
    add(picture("red"), picture("blue"))
    red, blue = images(product)
    add(picture("green"))
    seen_now = images(product)
    for wanted, shown in [
        ([blue, red], [red, blue]),
        (["/media/products/evil.svg"], seen_now),
        ([red, red, blue], seen_now),
    ]:
        with pytest.raises(ImagesChanged):
            arrange(product, wanted, shown, now)
    assert images(product) == seen_now
