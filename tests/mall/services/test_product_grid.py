"""Many cells of many stores at once: each as it was seen, or left alone and told."""

from dataclasses import replace

import pytest

from config.kernel.models import Approval, Event
from mall.models import StockMovement, StoreOffer
from mall.selectors.store_grid import GridCell, grid_cells
from mall.services.product_grid import (
    CHANGED,
    MOVED,
    PROMISED,
    CellEdit,
    GridInvalid,
    GridStoreForeign,
    product_grid,
)
from tests.factories import (
    make_member,
    make_offer,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_user,
)
from tests.factories.orders import place_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def stores():
    return [make_store(), make_store()]


@pytest.fixture
def skus():
    """¥100 and ¥80."""
    return list(make_product(skus=[10_000, 8_000]).skus.order_by("pk"))


@pytest.fixture
def boss():
    return make_user(superuser=True)


@pytest.fixture
def save(boss, now):
    def save(*edits, user=None):
        return product_grid(user=user or boss, edits=edits, reason="换季调价", now=now)

    return save


def seen(store, sku, **wanted):
    """An edit of the cell as it is now."""
    cell = grid_cells(store_ids=[store.pk], sku_ids=[sku.pk])[store.pk, sku.pk]
    edit = CellEdit(
        store.pk,
        sku.pk,
        was_fen=cell.price_fen,
        was_listed=cell.listed,
        was_on_hand=cell.on_hand,
        price_fen=cell.price_fen,
        listed=cell.listed,
    )
    return replace(edit, **wanted)


def cells(stores, skus):
    found = grid_cells(store_ids=[s.pk for s in stores], sku_ids=[k.pk for k in skus])
    return [[found[s.pk, k.pk] for s in stores] for k in skus]


def told():
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("pk")
    return [(e.subject_type, e.payload["change"], e.payload["changes"]) for e in events]


def test_prices_listings_and_counts_are_written_together(stores, skus, save, boss):
    here, there = stores
    make_offer(store=there, sku=skus[0], price_fen=9_500)
    stock = make_stock(store=here, sku=skus[0], on_hand=5)
    written = save(
        seen(here, skus[0], price_fen=9_900, counted=7),
        seen(there, skus[0], price_fen=None, listed=False),
        seen(here, skus[1], counted=3),
        seen(there, skus[1]),
    )
    assert (written.offers, written.counts, written.waiting, written.refused) == (2, 2, 0, [])
    assert cells(stores, skus) == [
        [GridCell(9_900, True, 7, 0), GridCell(None, False, 0, 0)],
        [GridCell(None, True, 3, 0), GridCell(None, True, 0, 0)],
    ]
    assert told() == [
        ("mall.storeoffer", "priced", {"price_fen": [None, 9_900]}),
        ("mall.storeoffer", "priced", {"price_fen": [9_500, None], "listed": [True, False]}),
        ("mall.stock", "counted", {"on_hand": [5, 7]}),
        ("mall.stock", "counted", {"on_hand": [None, 3]}),
    ]
    event = Event.objects.filter(kind="kernel.reference_changed").first()
    assert (event.actor_id, event.reason) == (str(boss.pk), "换季调价")
    assert [(m.kind, m.delta) for m in stock.movements.order_by("pk")] == [
        ("opening", 5),
        ("count", 2),
    ]


def test_cells_that_say_what_is_there_write_nothing(stores, skus, save):
    make_stock(store=stores[0], sku=skus[0], on_hand=5)
    written = save(seen(stores[0], skus[0], counted=5), seen(stores[1], skus[0]))
    assert (written.offers, written.counts, written.refused) == (0, 0, [])
    assert (StoreOffer.objects.count(), told()) == (0, [])


def test_a_cell_that_somebody_changed_is_left_alone_and_told(stores, skus, save):
    here, there = stores
    mine = [seen(here, skus[0], price_fen=9_900), seen(there, skus[0], price_fen=9_800)]
    save(seen(here, skus[0], price_fen=9_700))
    written = save(*mine)
    assert written.refused == [(here.pk, skus[0].pk, CHANGED)]
    assert written.offers == 1
    assert cells(stores, skus)[0] == [GridCell(9_700, True, 0, 0), GridCell(9_800, True, 0, 0)]


def test_a_count_is_refused_when_pieces_have_moved_since(stores, skus, save, now):
    here = stores[0]
    make_stock(store=here, sku=skus[0], on_hand=5)
    mine = seen(here, skus[0], counted=4)
    save(seen(here, skus[0], counted=9))
    written = save(mine)
    assert written.refused == [(here.pk, skus[0].pk, MOVED)]
    assert cells([here], skus)[0] == [GridCell(None, True, 9, 0)]


def test_a_count_below_what_is_promised_is_refused(stores, skus, save, now):
    here = stores[0]
    make_stock(store=here, sku=skus[0], on_hand=5)
    place_order(make_member(), store=here, lines=[(skus[0], 3)], now=now)
    written = save(seen(here, skus[0], counted=2))
    assert written.refused == [(here.pk, skus[0].pk, PROMISED)]
    assert cells([here], skus)[0] == [GridCell(None, True, 5, 3)]
    assert save(seen(here, skus[0], counted=3)).counts == 1


def test_a_manager_changes_the_cells_of_their_own_store_alone(stores, skus, save):
    here, there = stores
    make_stock(store=there, sku=skus[0], on_hand=5)
    manager = make_staff(store=here, role="manager")
    assert save(seen(here, skus[0], price_fen=9_900, counted=2), user=manager).offers == 1
    before = (told(), StockMovement.objects.count())
    for foreign in (
        seen(there, skus[0], price_fen=9_900),
        seen(there, skus[0], counted=1),
        seen(there, skus[0], listed=False),
    ):
        with pytest.raises(GridStoreForeign):
            save(seen(here, skus[1], price_fen=7_900), foreign, user=manager)
    assert (told(), StockMovement.objects.count()) == before
    assert cells(stores, skus)[1] == [GridCell(None, True, 0, 0)] * 2


@pytest.mark.parametrize("role", ["clerk", "service", "auditor", "finance"])
def test_who_only_looks_changes_nothing(stores, skus, save, role):
    user = make_staff(store=stores[0], role=role)
    for edit in (seen(stores[0], skus[0], price_fen=9_900), seen(stores[0], skus[0], counted=1)):
        with pytest.raises(GridStoreForeign):
            save(edit, user=user)
    assert told() == []


def test_a_large_step_waits_for_a_second_person_and_the_listing_is_written(stores, skus, save):
    here = stores[0]
    manager = make_staff(store=here, role="manager")
    written = save(
        seen(here, skus[0], price_fen=5_000, listed=False),
        seen(here, skus[1], price_fen=7_900),
        user=manager,
    )
    assert (written.offers, written.waiting, written.refused) == (2, 1, [])
    assert cells([here], skus) == [[GridCell(None, False, 0, 0)], [GridCell(7_900, True, 0, 0)]]
    asked = Approval.objects.get()
    offer = StoreOffer.objects.get(sku=skus[0])
    assert (asked.kind, asked.subject_id, asked.amount_fen, asked.store_id) == (
        "mall.offer_price",
        offer.pk,
        5_000,
        here.pk,
    )
    assert asked.params == {"price_fen": 5_000, "from_fen": None, "standard_fen": 10_000}

    again = save(seen(here, skus[0], price_fen=4_000), user=manager)
    assert [r[:2] for r in again.refused] == [(here.pk, skus[0].pk)]
    assert Approval.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_fen": 0},
        {"price_fen": 2_147_483_648},
        {"counted": -1},
        {"counted": 1_000_000_001},
    ],
)
def test_what_cannot_be_is_refused_as_a_whole(stores, skus, save, wrong):
    with pytest.raises(GridInvalid):
        save(seen(stores[0], skus[0], **wrong), seen(stores[1], skus[0], price_fen=9_900))
    assert told() == []


@pytest.mark.parametrize("wanted", [{"price_fen": 9_900}, {"counted": 3}])
def test_a_sku_that_is_not_there_is_refused(stores, skus, save, wanted):
    with pytest.raises(GridInvalid):
        save(replace(seen(stores[0], skus[0], **wanted), sku_id=skus[1].pk + 1000))
    assert told() == []


def test_a_cell_stands_once_and_there_is_an_end_to_it(stores, skus, save):
    edit = seen(stores[0], skus[0], price_fen=9_900)
    with pytest.raises(GridInvalid):
        save(edit, replace(edit, price_fen=9_800))
    with pytest.raises(GridInvalid):
        save(*[replace(edit, sku_id=n) for n in range(501)])
    assert told() == []


def test_a_grid_takes_as_many_statements_for_many_cells_as_for_one(
    skus, boss, now, django_assert_num_queries
):
    stores = [make_store() for _n in range(6)]
    for store in stores:
        make_stock(store=store, sku=skus[0], on_hand=5)
    edits = [seen(s, skus[0], price_fen=9_900, counted=7) for s in stores]
    make_stock(store=stores[0], sku=skus[1])
    one = seen(stores[0], skus[1], price_fen=7_900, counted=1)
    for asked in (edits, [one]):
        with django_assert_num_queries(14):
            product_grid(user=boss, edits=asked, reason="换季", now=now)
