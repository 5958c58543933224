"""Pictures of a product: uploaded, ordered, taken away, and refused by name."""

import json
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from mall.admin import product_editor
from mall.models import Product
from tests.mall.admin.products.pages import changes, url

pytestmark = pytest.mark.django_db


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
