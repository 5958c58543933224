"""A run of the import: all or nothing, opening stock, and its command."""

import json
import os
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kernel.models import Batch
from mall.models import Brand, Category, Product, Review, Sku, Stock, StockMovement
from mall.offers import StoreUnknown
from mall.services import catalogue_import_write
from tests.factories import make_product, make_store
from tests.mall.services.catalogue.files import PRODUCT, SMALL, counts, likeness, rejects, run

pytestmark = pytest.mark.django_db


def test_a_failure_on_the_way_leaves_nothing(folder, now, monkeypatch):
    def fail(_catalogue):
        raise RuntimeError("disk full")

    monkeypatch.setattr(catalogue_import_write, "write_reviews", fail)

    with pytest.raises(RuntimeError), transaction.atomic():
        run(folder(), now)

    assert not Category.objects.exists()
    assert not Sku.objects.exists()
    assert not Batch.objects.exists()


def test_a_dry_run_tells_all_and_keeps_nothing(folder, now):
    path = folder(skus=[*SMALL["skus"], ("k3", "p9", "{}", "1", 0)])

    report = run(path, now, dry_run=True, stock_store=make_store().code)

    assert counts(report, "skus") == (2, 0, 0, 1)
    assert (report.stock_opened, report.batch_id) == (2, None)
    for model in (Category, Brand, Product, Sku, Review, Stock, Batch):
        assert not model.objects.exists()


def test_the_batch_keeps_what_happened(folder, now):
    report = run(folder(skus=[*SMALL["skus"], ("k3", "p9", "{}", "1", 0)]), now)

    batch = Batch.objects.get(pk=report.batch_id)
    assert (batch.kind, batch.total, batch.done) == ("import_catalog", 10, 9)
    assert batch.finished_at == now
    assert batch.summary["files"]["skus.csv"] == {
        "rows": 3,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 1,
    }
    assert [(r["file"], r["line"]) for r in batch.rejects] == [("skus.csv", 4)]


def test_the_number_of_statements_does_not_grow_with_the_files(folder, now):
    def statements(n: int) -> int:
        products = [tuple((PRODUCT | {"product_id": f"p{i}"}).values()) for i in range(n)]
        skus = [(f"k{i}", f"p{i}", "{}", "1.00", 1) for i in range(n)]
        path = folder(products=products, skus=skus, attributes=None, reviews=None)
        with CaptureQueriesContext(connection) as caught:
            run(path, now)
        return len(caught)

    assert statements(2) == statements(60)


# --- opening stock -----------------------------------------------------------------------------


def test_opening_stock_goes_to_one_store_once(folder, now):
    store, path = make_store(code="s1"), folder()

    first = run(path, now, stock_store="s1")
    Stock.objects.filter(sku__code="k2").delete()
    second = run(path, now, stock_store="s1")

    assert (first.stock_opened, second.stock_opened) == (2, 1)
    held = dict(Stock.objects.filter(store=store).values_list("sku__code", "on_hand"))
    assert held == {"k1": 5, "k2": 0}
    movement = StockMovement.objects.get()
    assert (movement.kind, movement.delta, movement.stock.sku.code) == ("opening", 5, "k1")


def test_opening_stock_at_an_unknown_store_stops_the_import(folder, now):
    with pytest.raises(StoreUnknown):
        run(folder(), now, stock_store="nowhere")
    assert not Sku.objects.exists()


# --- the command -------------------------------------------------------------------------------


def test_the_command_lists_rejects_with_file_line_and_reason(folder, capsys):
    call_command("import_catalog", str(folder(skus=[*SMALL["skus"], ("k3", "p9", "{}", "1", 0)])))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("skus.csv:4: ")
    assert "p9" in lines[0]
    assert "skus.csv                3        2        0         0        1" in lines


def test_the_command_says_when_nothing_changed(folder, capsys):
    path = str(folder())
    call_command("import_catalog", path)
    capsys.readouterr()

    call_command("import_catalog", path)

    assert capsys.readouterr().out.splitlines()[-1] == "nothing changed"


def test_existing_products_of_the_mall_are_left_alone(folder, now):
    other = make_product(code="own", name="自家")
    run(folder(), now)
    other.refresh_from_db()
    assert (other.name, other.price_fen, json.dumps(other.attributes)) == ("自家", 10_000, "[]")


def test_a_real_catalogue_of_the_same_form(now, tmp_path):
    """Runs on the folder named by CATALOG_DIR when there is one, else on a generated likeness."""
    folder = Path(os.environ.get("CATALOG_DIR") or likeness(tmp_path))

    first, second = run(folder, now), run(folder, now)

    assert counts(first, "skus")[0] == Sku.objects.count() > 200
    assert counts(first, "products")[0] == Product.objects.count() > 200
    assert not second.changed
    assert rejects(first) == rejects(second)
