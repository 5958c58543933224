from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.card_offers import bonus_of, steps_check
from members.models import CardLot, TopUpOfferUse
from members.selectors import card_lots
from members.selectors_cards import OfferChoice, topup_offer_choose
from members.services.card_issue import card_issue
from members.services.card_offer import TopUpOfferGone, card_offer_return, card_offer_take
from stores.ledger import AccountSpec, accounts_ensure
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_store,
    make_tier,
    make_topup,
    make_topup_offer,
)

pytestmark = pytest.mark.django_db
STEPS = [(10_000, 500), (50_000, 4_000), (100_000, 10_000)]


@pytest.fixture
def card():
    return make_card(make_member(), principal_fen=10_000, bonus_fen=0)


@pytest.fixture
def offer(card):
    return make_topup_offer(operator=card.operator, steps=STEPS)


def choose(card, now, principal_fen=100_000, store_id=None):
    return topup_offer_choose(
        product=card.product,
        member=card.member,
        store_id=store_id,
        principal_fen=principal_fen,
        now=now,
    )


def take(card, offer, now, key="SO1:0", principal_fen=100_000, **fields):
    return card_offer_take(
        offer_id=offer.pk,
        card_product_id=card.product_id,
        member_id=card.member_id,
        store_id=fields.pop("store_id", None),
        principal_fen=principal_fen,
        key=key,
        actor=SYSTEM,
        now=now,
        **fields,
    )


@pytest.mark.parametrize(
    ("principal", "bonus"),
    [(9_999, 0), (10_000, 500), (49_999, 500), (50_000, 4_000), (300_000, 10_000)],
)
def test_the_highest_step_that_is_reached_counts_once(principal, bonus):
    steps = [{"from_fen": start, "bonus_fen": on_top} for start, on_top in STEPS]
    assert bonus_of(steps, principal) == bonus


@pytest.mark.parametrize(
    "steps",
    [
        [],
        {},
        [{"from_fen": 1}],
        [{"from_fen": 0, "bonus_fen": 1}],
        [{"from_fen": 1, "bonus_fen": "1"}],
        [{"from_fen": 1, "bonus_fen": 1, "gift": 1}],
        [{"from_fen": 2, "bonus_fen": 1}, {"from_fen": 1, "bonus_fen": 2}],
        [{"from_fen": 1, "bonus_fen": 2}, {"from_fen": 2, "bonus_fen": 2}],
    ],
)
def test_steps_rise(steps):
    with pytest.raises(ValidationError):
        steps_check(steps)


def test_of_several_offers_the_best_is_chosen_and_of_equals_the_oldest(card, offer, now):
    make_topup_offer(operator=card.operator, steps=[(100_000, 9_999)])
    make_topup_offer(operator=card.operator, steps=[(100_000, 10_000)])
    assert choose(card, now) == OfferChoice(10_000, offer.pk)
    assert choose(card, now, principal_fen=9_999) == OfferChoice(0, None)


def test_choosing_is_one_statement(card, offer, now, django_assert_num_queries):
    make_topup_offer(operator=card.operator, steps=[(1, 1)])
    with django_assert_num_queries(1):
        choose(card, now)


def test_an_offer_is_for_its_operator_period_store_tier_and_product(card, now):
    here = {"operator": card.operator, "steps": [(1, 1)]}
    store, tier = make_store(operator=card.operator), make_tier()
    make_topup_offer(operator=make_operator(), steps=[(1, 9)])
    make_topup_offer(**here, ends_at=now - timedelta(seconds=1))
    make_topup_offer(**here, starts_at=now + timedelta(seconds=1))
    make_topup_offer(**here, archived_at=now)
    make_topup_offer(**here).products.add(make_card_product(operator=card.operator))
    at_store = make_topup_offer(operator=card.operator, steps=[(1, 2)])
    at_store.stores.add(store)
    of_tier = make_topup_offer(operator=card.operator, steps=[(1, 3)])
    of_tier.tiers.add(tier)

    assert choose(card, now) == OfferChoice(0, None)
    assert choose(card, now, store_id=make_store().pk) == OfferChoice(0, None)
    assert choose(card, now, store_id=store.pk) == OfferChoice(2, at_store.pk)
    card.member.tier = tier
    assert choose(card, now) == OfferChoice(3, of_tier.pk)


def test_a_top_up_takes_its_offer(card, offer, now):
    lot = make_topup(card, principal_fen=50_000, bonus_fen=0, offer_id=offer.pk, now=now)
    use = TopUpOfferUse.objects.get()
    assert (use.key, use.principal_fen, use.bonus_fen) == (lot.key, 50_000, 4_000)
    assert [x.bonus_fen for x in card_lots(member_id=card.member_id)] == [0, 4_000]
    assert Event.objects.get(kind="members.topup_offer_taken").payload == {
        "offer_id": offer.pk,
        "member_id": card.member_id,
    }


def test_a_bought_card_takes_an_offer_too(offer, now):
    product = make_card_product(operator=offer.operator, price_fen=50_000, bonus_fen=1)
    member = make_member()
    funding = accounts_ensure([AccountSpec("test:funding")])["test:funding"]
    card_issue(
        member_id=member.pk,
        card_product_id=product.pk,
        funding_account_id=funding,
        reference="SO1",
        key="SO1:0",
        offer_id=offer.pk,
        actor=SYSTEM,
        now=now,
    )
    assert [x.bonus_fen for x in card_lots(member_id=member.pk)] == [4_000]


def test_what_an_order_took_when_it_was_placed_holds_when_it_is_paid(card, offer, now):
    use = take(card, offer, now, key="test-topup:promised", principal_fen=50_000)
    offer.archived_at = now
    offer.steps = [{"from_fen": 1, "bonus_fen": 1}]
    offer.save()
    assert take(card, offer, now, key=use.key, principal_fen=50_000) == use
    assert use.bonus_fen == 4_000
    with pytest.raises(TopUpOfferGone):
        take(card, offer, now, key=use.key, principal_fen=50_001)


def test_an_offer_that_is_over_is_not_taken(card, offer, now):
    offer.archived_at = now
    offer.save()
    with pytest.raises(TopUpOfferGone):
        make_topup(card, principal_fen=50_000, offer_id=offer.pk, now=now)
    with pytest.raises(TopUpOfferGone):
        take(card, offer, now)
    assert not TopUpOfferUse.objects.exists()
    assert CardLot.objects.filter(card=card).count() == 1


def test_too_little_takes_no_offer(card, offer, now):
    with pytest.raises(TopUpOfferGone) as refused:
        take(card, offer, now, principal_fen=9_999)
    assert (refused.value.code, refused.value.status) == ("topup_offer_gone", 409)


def test_once_per_member_is_once(card, now):
    once = make_topup_offer(operator=card.operator, steps=STEPS, once_per_member=True)
    make_topup(card, principal_fen=10_000, offer_id=once.pk, now=now)
    assert choose(card, now) == OfferChoice(0, None)
    with pytest.raises(TopUpOfferGone):
        make_topup(card, principal_fen=10_000, offer_id=once.pk, now=now)
    assert TopUpOfferUse.objects.count() == 1
    make_topup(
        make_card(make_member(), operator=card.operator),
        principal_fen=10_000,
        offer_id=once.pk,
        now=now,
    )
    assert TopUpOfferUse.objects.count() == 2


def test_an_order_that_comes_to_nothing_returns_its_offer(card, now):
    once = make_topup_offer(operator=card.operator, steps=STEPS, once_per_member=True)
    take(card, once, now)
    assert card_offer_return(key="SO1:0", actor=SYSTEM, now=now) is True
    assert card_offer_return(key="SO1:0", actor=SYSTEM, now=now) is False
    assert choose(card, now) == OfferChoice(10_000, once.pk)
    take(card, once, now, key="SO2:0")
    assert Event.objects.filter(kind="members.topup_offer_returned").count() == 1


def test_what_was_paid_for_stays_used(card, offer, now):
    lot = make_topup(card, principal_fen=10_000, offer_id=offer.pk, now=now)
    assert card_offer_return(key=lot.key, actor=SYSTEM, now=now) is False
    assert TopUpOfferUse.objects.get().returned_at is None


def test_nobody_takes_an_offer_for_nothing_we_sell(card, offer, now):
    with pytest.raises(NotFound):
        card_offer_take(
            offer_id=offer.pk,
            card_product_id=0,
            member_id=card.member_id,
            store_id=None,
            principal_fen=10_000,
            key="k",
            actor=SYSTEM,
            now=now,
        )
