"""The codes of a batch are made by a worker, portion by portion."""

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.batches import batch_claim, batch_work
from config.kernel.errors import NotFound
from members.activation import code_hash
from members.models import CardActivation, CardBatch
from members.services import card_codes as codes
from members.services.card_batch import card_batch_make, card_batch_sell
from stores.ledger import AccountSpec, accounts_ensure
from tests.factories import make_card_product, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(now):
    product = make_card_product(named=False, price_fen=1_000, bonus_fen=0, limit_fen=100_000)
    return card_batch_sell(
        card_product_id=product.pk,
        count=5,
        payer="company",
        way="transfer",
        funding_account_id=accounts_ensure([AccountSpec("bank:x")])["bank:x"],
        reference="HT-1",
        key="HT-1",
        actor=SYSTEM,
        now=now,
    )


def test_a_worker_makes_the_codes_and_says_how_far_it_is(batch, now):
    # given two codes that an earlier run made
    card_batch_make(batch_id=batch.pk, limit=2)
    asked = codes.card_codes(batch_id=batch.pk, user=make_user(), now=now)
    assert (asked.kind, asked.source, asked.total) == ("card_codes", batch.no, 5)

    work = batch_claim(now=now, batch_id=asked.pk)
    batch_work(work, clock=lambda: now)

    asked.refresh_from_db()
    assert (asked.done, asked.summary, asked.error) == (5, {"codes": 5}, "")
    assert asked.finished_at == now
    assert CardActivation.objects.count() == CardBatch.objects.get().made == 5


def test_the_buyers_list_has_every_code(batch):
    card_batch_make(batch_id=batch.pk)
    rows = list(codes.activation_codes(batch_id=batch.pk))
    assert [(serial, state) for serial, _code, state in rows] == [(n, "open") for n in range(1, 6)]
    hashes = CardActivation.objects.order_by("serial").values_list("code_hash", flat=True)
    assert [code_hash(code) for _serial, code, _state in rows] == list(hashes)


def test_an_unknown_batch(now):
    with pytest.raises(NotFound):
        codes.card_codes(batch_id=0, user=make_user(), now=now)
