"""A code of a company's batch makes one card, and none once it is voided."""

from functools import partial
from uuid import uuid4

import pytest

from config.kernel.actors import SYSTEM
from members.activation import activation_code
from members.models import Card, CardActivation
from members.services import card_activate, card_batch
from stores.models import Account
from tests.concurrency.race import failed, in_flight, look_then_set, race, succeeded
from tests.factories import make_card_batch, make_member
from tests.planting import fired


@pytest.fixture
def batch(transactional_db, now):
    return make_card_batch(count=3, now=now)


def activations(batch, now, times):
    return [
        partial(
            card_activate.card_activate,
            code=activation_code(batch.no, 1),
            member_id=make_member().pk,
            actor=SYSTEM,
            now=now,
        )
        for _n in range(times)
    ]


def test_a_code_makes_one_card(batch, now):
    results = race(activations(batch, now, 4))
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {card_activate.ActivationUsed}
    assert Card.objects.count() == 1
    assert Account.objects.get(pk=batch.account_id).balance == 100_000


@pytest.mark.corrupts
def test_control_without_compare_and_set_a_code_makes_two(batch, now, monkeypatch):
    made = card_activate.Purchase

    def with_another_key(principal, bonus, funding, reference, key, code, source):
        return made(principal, bonus, funding, reference, f"{key}:{uuid4()}", code, source)

    monkeypatch.setattr(card_activate, "compare_and_set", look_then_set)
    monkeypatch.setattr(card_activate, "Purchase", with_another_key)
    assert failed(race(activations(batch, now, 2))) == []
    assert Card.objects.count() == 2
    assert {"card.activations", "card.batches"} <= set(fired())


def activated_as_it_is_voided(batch, now):
    (activate,) = activations(batch, now, 1)
    void = partial(card_batch.card_batch_void, batch_id=batch.pk, reason="?", actor=SYSTEM, now=now)
    return in_flight(activate, void)


def test_a_code_that_is_being_used_is_not_voided(batch, now):
    results = activated_as_it_is_voided(batch, now)
    assert failed(results) == []
    assert results[1] == 100_000
    states = CardActivation.objects.order_by("serial").values_list("state", flat=True)
    assert list(states) == ["used", "void", "void"]


@pytest.mark.corrupts
def test_control_without_looking_again_a_used_code_is_voided(batch, now, monkeypatch):
    def by_what_was_read(*, batch, reason, actor, now):
        codes = CardActivation.objects.filter(batch=batch, state="open")
        return CardActivation.objects.filter(
            pk__in=list(codes.values_list("pk", flat=True))
        ).update(state="void", ended_at=now, member=None)

    monkeypatch.setattr(card_batch, "_void_transition", by_what_was_read)
    activated_as_it_is_voided(batch, now)
    assert "card.activations" in fired()
