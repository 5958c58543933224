from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.actors import SYSTEM
from config.kernel.models import Batch
from mall.models import Stock, StockMovement
from mall.services.catalogue_import_csv import ImportUnreadable
from mall.services.stock_import import stock_import
from tests.factories import make_sku, make_stock, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    def write(*rows: str, header: str = "store_code,sku_code,on_hand") -> Path:
        path = tmp_path / "stock.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def run(path: Path, now, **options):
    return stock_import(path=path, actor=SYSTEM, now=now, **options)


def held() -> dict[tuple[str, str], int]:
    rows = Stock.objects.values_list("store__code", "sku__code", "on_hand")
    return {(store, sku): n for store, sku, n in rows}


def moved() -> list[tuple[str, int]]:
    return list(StockMovement.objects.order_by("id").values_list("kind", "delta"))


def sell(stock: Stock, pieces: int, at) -> None:
    Stock.objects.filter(pk=stock.pk).update(on_hand=stock.on_hand - pieces)
    stock.on_hand -= pieces
    StockMovement.objects.create(
        stock=stock, kind="sale", delta=-pieces, key=f"sale:{at}", occurred_at=at
    )


def test_counts_become_movements_of_the_difference(file, now):
    store = make_store(code="s1")
    make_stock(store=store, sku=make_sku(code="k1"), on_hand=10)
    make_stock(store=store, sku=make_sku(code="k2"), on_hand=3)
    make_stock(store=store, sku=make_sku(code="k3"), on_hand=7)
    make_sku(code="k4"), make_sku(code="k5")

    report = run(file("s1,k1,8", "s1,k2,5", "s1,k3,7", "s1,k4,6", "s1,k5,0"), now)

    assert report.summary() == {
        "rows": 5,
        "created": 2,
        "updated": 2,
        "unchanged": 1,
        "rejected": 0,
        "pieces": 6,
    }
    assert held() == {
        ("s1", "k1"): 8,
        ("s1", "k2"): 5,
        ("s1", "k3"): 7,
        ("s1", "k4"): 6,
        ("s1", "k5"): 0,
    }
    assert moved()[3:] == [("count", -2), ("count", 2), ("opening", 6)]


def test_a_second_import_changes_nothing(file, now):
    make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)
    path = file("s1,k1,8")
    run(path, now)
    before = moved()

    report = run(path, now + timedelta(seconds=1))

    assert (report.unchanged, report.updated) == (1, 0)
    assert moved() == before


def test_what_was_sold_after_the_count_stays_sold(file, now):
    stock = make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)
    counted = now + timedelta(hours=1)
    sell(stock, 4, now + timedelta(hours=2))
    path = file(f"s1,k1,9,{counted.isoformat()}", header="store_code,sku_code,on_hand,counted_at")

    later = now + timedelta(hours=3)
    first, second = run(path, later), run(path, later + timedelta(hours=1))

    # Nine were there at the count, one less than the books said; four went since.
    assert held() == {("s1", "k1"): 5}
    assert (first.pieces, second.unchanged) == (-1, 1)
    movement = StockMovement.objects.get(kind="count")
    assert (movement.delta, movement.occurred_at) == (-1, counted)


def test_an_older_count_does_not_undo_a_newer_one(file, now):
    make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)
    header = "store_code,sku_code,on_hand,counted_at"
    at = [(now + timedelta(hours=n)).isoformat() for n in range(3)]
    later = now + timedelta(hours=4)
    run(file(f"s1,k1,6,{at[2]}", header=header), later)

    report = run(file(f"s1,k1,9,{at[1]}", header=header), later)

    assert [(r.file, r.line) for r in report.rejects] == [("stock.csv", 2)]
    assert held() == {("s1", "k1"): 6}


def test_a_corrected_list_corrects(file, now):
    make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)
    header = "store_code,sku_code,on_hand,counted_at"
    at, later = (now + timedelta(hours=1)).isoformat(), now + timedelta(hours=2)

    for pieces in (8, 9, 8):
        run(file(f"s1,k1,{pieces},{at}", header=header), later)

    assert held() == {("s1", "k1"): 8}
    assert moved()[1:] == [("count", -2), ("count", 1), ("count", -1)]


def test_what_is_promised_to_orders_is_never_counted_away(file, now):
    """Reserved without a reservation only inside this test; released before the audit looks."""
    stock = make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)
    Stock.objects.filter(pk=stock.pk).update(reserved=4)

    refused = run(file("s1,k1,3"), now)
    taken = run(file("s1,k1,4"), now)

    assert [r.line for r in refused.rejects] == [2]
    assert (taken.updated, held()) == (1, {("s1", "k1"): 4})
    Stock.objects.filter(pk=stock.pk).update(reserved=0)


@pytest.mark.parametrize(
    "row",
    [
        "no,k1,1,",
        "s1,no,1,",
        ",k1,1,",
        "s1,k1,-1,",
        "s1,k1,1.5,",
        "s1,k1,,",
        "s1,k1,9999999999,",
        "s1,k1,1,tomorrow",
        "s1,k1,1,9999-01-01 00:00:00",
        "s1,k1,1",
        "s1,k2,1,",
    ],
)
def test_rows_that_cannot_be_taken_are_listed(file, now, row):
    make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)
    make_sku(code="k2")

    report = run(file("s1,k2,3,", row, header="store_code,sku_code,on_hand,counted_at"), now)

    assert [(r.file, r.line) for r in report.rejects] == [("stock.csv", 3)]
    assert held() == {("s1", "k1"): 10, ("s1", "k2"): 3}
    assert Batch.objects.get().rejects[0]["line"] == 3


def test_a_dry_run_and_an_unreadable_file_keep_nothing(file, now, tmp_path):
    make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)

    report = run(file("s1,k1,8"), now, dry_run=True)
    for path in (tmp_path / "no.csv", file("s1,k1,8", header="store,sku,on_hand")):
        with pytest.raises(ImportUnreadable):
            run(path, now)

    assert report.updated == 1
    assert held() == {("s1", "k1"): 10}
    assert not Batch.objects.exists()


def test_the_number_of_statements_does_not_grow_with_the_file(file, now):
    make_store(code="s1")
    for n in range(30):
        make_sku(code=f"k{n}")

    def statements(n: int) -> int:
        with CaptureQueriesContext(connection) as caught:
            run(file(*[f"s1,k{i},{n}" for i in range(n)]), now)
        return len(caught)

    run(file("s1,k0,1"), now)
    assert statements(2) == statements(30)


def test_the_command_prints_rejects_and_sums(file, capsys):
    make_stock(store=make_store(code="s1"), sku=make_sku(code="k1"), on_hand=10)

    call_command("import_stock", str(file("s1,k1,8", "s9,k1,1")))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("stock.csv:3: ")
    assert [line.split() for line in lines[1:]] == [
        ["rows", "2"],
        ["created", "0"],
        ["updated", "1"],
        ["unchanged", "0"],
        ["rejected", "1"],
        ["pieces", "-2"],
    ]
