"""Two merchandisers save the same matrix, or the same cell of the grid: one wins, one is told.
Of pictures that both add to a product, none is lost."""

import time
from io import BytesIO

import pytest
from django.db import transaction
from PIL import Image

from config.kernel.actors import Actor
from config.kernel.models import Event
from mall.matrix import Option
from mall.models import Product, Sku, StoreOffer
from mall.services import product_grid as product_grid_module
from mall.services import product_images as product_images_module
from mall.services import product_skus as product_skus_module
from mall.services.product_grid import CHANGED, CellEdit, product_grid
from mall.services.product_images import product_images_add
from mall.services.product_skus import (
    CellWish,
    SkusChanged,
    product_skus,
    variants_of,
    variants_version,
)
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_product, make_store, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bosses():
    return [make_user(superuser=True), make_user(superuser=True)]


# --- the matrix ----------------------------------------------------------------------------------


@pytest.fixture
def matrices(bosses, now, monkeypatch):
    """Two saves of the one SKU that a product without SKUs is to have, each with its own code."""
    product = make_product(code="tee")
    product.skus.all().delete()
    shown = variants_version([])

    def slow(product_id):
        found = variants_of(product_id)
        time.sleep(0.3)
        return found

    # Time enough for the other one between looking and writing.
    monkeypatch.setattr(product_skus_module, "variants_of", slow)

    def save(user, code):
        return lambda: product_skus(
            product_id=product.pk,
            options=[Option("颜色", ("红",))],
            wishes={("红",): CellWish(True, 9_900, code=code)},
            shown=shown,
            reason="新品",
            user=user,
            now=now,
        )

    return [save(user, f"tee-{n}") for n, user in enumerate(bosses)]


def test_one_of_two_matrices_is_written_and_the_other_told(matrices):
    results = race(matrices)
    assert len(succeeded(results)) == 1
    assert [type(e) for e in failed(results)] == [SkusChanged]
    assert Sku.objects.count() == 1
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("pk")
    assert [e.subject_type for e in events] == ["mall.sku", "mall.product"]


def test_control_without_the_lock_one_cell_becomes_two_skus(matrices, monkeypatch):
    monkeypatch.setattr(
        product_skus_module,
        "product_hold",
        lambda *, product_id: Product.objects.get(pk=product_id),
    )
    results = race(matrices)
    assert len(succeeded(results)) == 2
    assert list(Sku.objects.values_list("options", flat=True)) == [{"颜色": "红"}] * 2


# --- the grid ------------------------------------------------------------------------------------


@pytest.fixture(params=["new", "known"])
def grids(request, bosses, now):
    """Two prices for the same SKU at the same store, both seen as the SKU's own."""
    store, sku = make_store(), make_product(skus=[10_000]).skus.get()
    if request.param == "known":
        StoreOffer.objects.create(store=store, sku=sku)

    def save(user, price_fen):
        edit = CellEdit(store.pk, sku.pk, None, True, 0, price_fen, True)
        return lambda: product_grid(user=user, edits=[edit], reason="换季", now=now)

    return [save(user, 9_000 + n) for n, user in enumerate(bosses)]


def test_one_of_two_prices_is_written_and_the_other_told(grids):
    results = race(grids)
    assert failed(results) == []
    assert sorted(written.offers for written in results) == [0, 1]
    told = next(written for written in results if not written.offers)
    offer = StoreOffer.objects.get()
    assert told.refused == [(offer.store_id, offer.sku_id, CHANGED)]
    priced = Event.objects.get(kind="kernel.reference_changed")
    assert priced.payload["changes"] == {"price_fen": [None, offer.price_fen]}


def _naive_set(changes):
    """What most grids do: write what was typed."""
    ids = {}
    for c in changes:
        with transaction.atomic():
            row, _new = StoreOffer.objects.update_or_create(
                store_id=c.store_id,
                sku_id=c.sku_id,
                defaults={"price_fen": c.price_fen, "listed": c.listed},
            )
        ids[c.store_id, c.sku_id] = row.pk
    return ids


def test_control_without_the_comparison_the_first_price_is_lost_unseen(grids, monkeypatch):
    monkeypatch.setattr(product_grid_module, "offers_set", _naive_set)
    results = race(grids)
    assert failed(results) == []
    assert [(written.offers, written.refused) for written in results] == [(1, [])] * 2
    assert Event.objects.filter(kind="kernel.reference_changed").count() == 2


# --- the pictures --------------------------------------------------------------------------------


@pytest.fixture
def uploads(bosses, now, settings, tmp_path, monkeypatch):
    """Two pictures, each added by somebody else to the one product without any."""
    settings.MEDIA_ROOT = tmp_path
    product = make_product(code="tee")
    write = product_images_module._write

    def slow(*args):
        # Time enough for the other one between looking and writing.
        time.sleep(0.3)
        write(*args)

    monkeypatch.setattr(product_images_module, "_write", slow)

    def add(user, colour):
        body = BytesIO()
        Image.new("RGB", (300, 300), colour).save(body, "JPEG")
        files = [(f"{colour}.jpg", body.getvalue())]
        by = Actor.user(user)
        return lambda: product_images_add(product_id=product.pk, files=files, actor=by, now=now)

    return [add(user, colour) for user, colour in zip(bosses, ("red", "blue"), strict=True)]


def test_pictures_added_at_once_are_both_there(uploads):
    assert race(uploads) == [1, 1]
    assert len(Product.objects.get().images) == 2


def test_control_without_the_lock_one_picture_is_lost(uploads, monkeypatch):
    monkeypatch.setattr(
        product_images_module,
        "product_hold",
        lambda *, product_id: Product.objects.get(pk=product_id),
    )
    assert race(uploads) == [1, 1]
    assert len(Product.objects.get().images) == 1
