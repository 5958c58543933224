"""What a card pays of a quote, and a card that is bought."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from mall.services.quote import Basket, quote
from members.selectors import card_lots
from members.services.card_freeze import card_freeze
from members.services.card_identity import CardIdentityMissing
from tests.factories import make_card, make_card_product, make_member, make_operator, make_promotion

pytestmark = pytest.mark.django_db


def test_a_card_pays_as_far_as_it_goes_and_each_fen_is_allocated(ask, store, member, skus):
    first, second = skus
    make_card(member, principal_fen=6_000, bonus_fen=601, operator=store.operator)

    document = ask((first, 1), (second, 1), use_card=True)

    tenders = [(t["kind"], t["amount_fen"]) for t in document["tenders"]]
    assert tenders == [("card_principal", 6_000), ("card_bonus", 601), ("wechat", 8_299)]
    assert (document["card_fen"], document["to_pay_fen"]) == (6_601, 8_299)
    rows = [line["tenders_fen"] for line in document["lines"]]
    assert [sum(row) for row in rows] == [line["net_fen"] for line in document["lines"]]
    assert [sum(column) for column in zip(*rows, strict=True)] == [6_000, 601, 8_299]


@pytest.mark.parametrize(
    ("limit", "by_card"), [(None, 5_500), (0, 0), (1_100, 1_100), (999_999, 5_500)]
)
def test_a_member_may_spend_less_of_it(ask, store, member, skus, limit, by_card):
    make_card(member, principal_fen=5_000, bonus_fen=500, operator=store.operator)

    document = ask((skus[0], 1), use_card=True, card_fen=limit)

    assert (document["card_fen"], document["to_pay_fen"]) == (by_card, 9_900 - by_card)


def test_one_card_pays_the_one_that_was_named_or_the_oldest(ask, store, member, skus, now):
    older = make_card(member, principal_fen=1_000, bonus_fen=0, operator=store.operator)
    newer = make_card(
        member,
        principal_fen=2_000,
        bonus_fen=0,
        operator=store.operator,
        now=now + timedelta(seconds=1),
    )
    assert len(card_lots(member_id=member.pk)) == 2

    assert ask((skus[0], 1), use_card=True)["card_fen"] == 1_000
    named = ask((skus[0], 1), use_card=True, card_no=newer.no)
    assert (named["card_fen"], named["tenders"][0]["card"]) == (2_000, newer.no)
    assert ask((skus[0], 1))["card_fen"] == 0
    assert older.no != newer.no


def test_neither_another_members_card_nor_a_frozen_one_pays(ask, store, member, skus, now):
    theirs = make_card(make_member(), operator=store.operator)
    frozen = make_card(member, operator=store.operator)
    card_freeze(card_id=frozen.pk, reason="lost", actor=SYSTEM, now=now)

    for no in ("", theirs.no, frozen.no):
        document = ask((skus[0], 1), use_card=True, card_no=no)
        assert (document["card_fen"], document["to_pay_fen"]) == (0, 9_900)


def test_who_may_not_hold_a_card_is_told_before_paying_for_it(ask, store, member):
    product = make_card_product(operator=store.operator, price_fen=30_000)
    member.phone = None
    member.save()
    with pytest.raises(CardIdentityMissing):
        ask(card_product=product.code)


def test_a_card_is_bought_by_wechat_from_its_issuer(ask, store, member, now):
    # given a card of the group's operator, bought in another operator's store
    issuer = make_operator(mchid="1900000002")
    product = make_card_product(operator=issuer, price_fen=30_000)
    make_promotion(operator=store.operator, value=1_000)

    basket = Basket(member_id=member.pk, store_code=store.code, card_product=product.code)
    priced = quote(basket=basket, now=now)

    # then no discount touches it
    assert (priced.operator_id, priced.mchid) == (issuer.pk, "1900000002")
    assert (priced.to_pay_fen, priced.priced.discount_fen) == (30_000, 0)
    assert priced.stock() == {}
