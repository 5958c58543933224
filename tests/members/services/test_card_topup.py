from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.cards import card_split
from members.guards import CardNotUsable, card_refund, card_spend
from members.models import CardIdentity, CardLot
from members.selectors import card_lots
from members.selectors_cards import card_value_fen
from members.services.card_freeze import card_freeze
from members.services.card_identity import CardIdentityMissing, card_identity_record
from members.services.card_issue import card_issue, card_sale_check
from members.services.card_lot import CardAmountRefused, CardCashRefused, CardLimitExceeded
from members.services.card_topup import card_topup
from stores.ledger import AccountSpec, DuplicateTransfer, accounts_ensure
from stores.models import Transfer
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_topup,
    publish_policy,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def card():
    """¥100 of principal and ¥10 of bonus on a named card, issued by "issuer"."""
    return make_card(
        make_member(), principal_fen=10_000, bonus_fen=1_000, operator=make_operator(code="issuer")
    )


def issue(product, member, now, **fields):
    funding = accounts_ensure([AccountSpec("test:funding")])["test:funding"]
    return card_issue(
        member_id=member.pk,
        card_product_id=product.pk,
        funding_account_id=funding,
        reference="SO1",
        key="SO1:0",
        actor=SYSTEM,
        now=now,
        **fields,
    )


def nothing_added(card):
    return CardLot.objects.filter(card=card).count() == 1 and card_value_fen(card.pk) == 11_000


def test_a_top_up_is_a_lot_of_its_own(card, now):
    lot = make_topup(card, principal_fen=20_000, bonus_fen=3_000, now=now)

    assert (lot.limit_fen, lot.source, lot.identity) == (500_000, "", None)
    assert [(x.principal_fen, x.bonus_fen) for x in card_lots(member_id=card.member_id)] == [
        (10_000, 1_000),
        (20_000, 3_000),
    ]
    rows = Transfer.objects.filter(reference=lot.reference).order_by("id")
    assert [(t.code, t.debit.code, t.credit_id, t.amount) for t in rows] == [
        ("card.topup", "cash:issuer", lot.principal_id, 20_000),
        ("card.bonus", "bonus.granted:issuer", lot.bonus_id, 3_000),
    ]
    event = Event.objects.get(kind="members.card_topped_up")
    assert (event.subject_id, event.payload) == (
        card.pk,
        {"lot_id": lot.pk, "principal_fen": 20_000, "bonus_fen": 3_000},
    )


def test_a_top_up_takes_a_fixed_number_of_statements(card, now, django_assert_max_num_queries):
    make_topup(card, now=now)
    with django_assert_max_num_queries(16):
        make_topup(card, now=now)


def test_a_key_tops_up_once(card, now):
    lot = make_topup(card, now=now)
    funding = accounts_ensure([AccountSpec("cash:issuer")])["cash:issuer"]
    with pytest.raises(DuplicateTransfer):
        card_topup(
            card_id=card.pk,
            principal_fen=1,
            bonus_fen=0,
            funding_account_id=funding,
            reference="other",
            key=lot.key,
            actor=SYSTEM,
            now=now,
        )
    assert card.lots.count() == 2


@pytest.mark.parametrize(
    ("principal", "bonus", "fits"),
    [(488_000, 1_000, True), (488_001, 1_000, False), (489_001, 0, False)],
)
def test_the_limit_counts_what_is_on_the_card_afterwards(card, now, principal, bonus, fits):
    if fits:
        make_topup(card, principal_fen=principal, bonus_fen=bonus, now=now)
        assert card_value_fen(card.pk) == 500_000
        return
    with pytest.raises(CardLimitExceeded) as refused:
        make_topup(card, principal_fen=principal, bonus_fen=bonus, now=now)
    assert refused.value.params == {"limit": "¥5,000.00"}
    assert nothing_added(card)


def test_what_was_spent_makes_room(card, now):
    parts = card_split(card_lots(member_id=card.member_id), 11_000)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    make_topup(card, principal_fen=500_000, bonus_fen=0, now=now)
    assert card_value_fen(card.pk) == 500_000


@pytest.mark.corrupts  # for the mall's lines alone: there is no order behind this refund
def test_a_refund_may_exceed_the_limit_and_a_top_up_never(card, now):
    parts = card_split(card_lots(member_id=card.member_id), 11_000)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    make_topup(card, principal_fen=500_000, bonus_fen=0, now=now)
    items = [(part.account_id, part.amount_fen) for part in parts]
    card_refund(items=items, reference="SO1", key="AS1", acceptor_code="shop", now=now)
    assert card_value_fen(card.pk) == 511_000
    with pytest.raises(CardLimitExceeded):
        make_topup(card, principal_fen=1, bonus_fen=0, now=now)
    assert card_value_fen(card.pk) == 511_000


def test_the_policy_and_the_product_may_be_stricter(card, now):
    publish_policy(kind="cards", scope="issuer", body={"v": 1, "named_limit_fen": 20_000})
    with pytest.raises(CardLimitExceeded) as refused:
        make_topup(card, principal_fen=9_001, bonus_fen=0, now=now)
    assert refused.value.params == {"limit": "¥200.00"}
    assert make_topup(card, principal_fen=9_000, bonus_fen=0, now=now).limit_fen == 20_000


def test_another_issuers_policy_is_none_of_ours(card, now):
    publish_policy(kind="cards", scope="other", body={"v": 1, "named_limit_fen": 20_000})
    assert make_topup(card, principal_fen=100_000, bonus_fen=0, now=now).limit_fen == 500_000


def test_a_stopped_or_expired_card_is_not_topped_up(card, now):
    card_freeze(card_id=card.pk, reason="fraud", actor=SYSTEM, now=now)
    with pytest.raises(CardNotUsable):
        make_topup(card, now=now)
    assert nothing_added(card)

    unnamed = make_card(
        make_member(), principal_fen=10_000, bonus_fen=1_000, named=False, limit_fen=100_000
    )
    with pytest.raises(CardNotUsable):
        make_topup(unnamed, now=now + timedelta(days=1_200))
    assert nothing_added(unnamed)


def test_an_unknown_card_is_refused(now):
    with pytest.raises(NotFound):
        card_topup(
            card_id=0,
            principal_fen=1,
            bonus_fen=0,
            funding_account_id=0,
            reference="SO1",
            key="k",
            actor=SYSTEM,
            now=now,
        )


@pytest.mark.parametrize("amount", [0, -1, 999, 30_001])
def test_a_free_amount_stays_between_its_bounds(now, amount):
    product = make_card_product(price_fen=5_000, bonus_fen=0, min_fen=1_000, max_fen=30_000)
    member = make_member()
    with pytest.raises(CardAmountRefused):
        issue(product, member, now, principal_fen=amount)
    assert not CardLot.objects.exists()


def test_a_free_amount_is_what_the_buyer_chose_without_the_bonus_of_the_price(now):
    product = make_card_product(price_fen=5_000, bonus_fen=500, min_fen=1_000, max_fen=30_000)
    member = make_member()
    issue(product, member, now, principal_fen=7_000)
    (lot,) = card_lots(member_id=member.pk)
    assert (lot.principal_fen, lot.bonus_fen) == (7_000, 0)


def test_a_fixed_price_is_paid_as_it_is(now):
    with pytest.raises(CardAmountRefused):
        issue(make_card_product(price_fen=5_000), make_member(), now, principal_fen=5_001)
    assert not CardLot.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_fen": 1_000},
        {"max_fen": 60_000},
        {"min_fen": 0, "max_fen": 60_000},
        {"min_fen": 50_001, "max_fen": 60_000},
        {"min_fen": 1_000, "max_fen": 49_999},
    ],
)
def test_a_product_has_both_bounds_around_its_price_or_none(wrong):
    with pytest.raises(IntegrityError, match="free_amount"), transaction.atomic():
        make_card_product(price_fen=50_000, **wrong)


@pytest.mark.parametrize("wrong", [{"named": True, "valid_days": 2_000}, {"valid_days": 1_095}])
def test_no_product_expires_earlier_than_the_law_allows(wrong):
    with pytest.raises(IntegrityError, match="valid_long"), transaction.atomic():
        make_card_product(**{"named": False, "limit_fen": 100_000, **wrong})


def test_much_cash_is_refused(card, now):
    publish_policy(kind="cards", body={"v": 1, "transfer_from_person_fen": 10_000})
    with pytest.raises(CardCashRefused):
        make_topup(card, principal_fen=10_000, way="cash", now=now)
    assert nothing_added(card)
    make_topup(card, principal_fen=9_999, way="cash", now=now)
    make_topup(card, principal_fen=10_000, way="transfer", now=now)


def test_a_named_card_is_for_somebody_known(now):
    nobody = make_member(phone=None)
    product = make_card_product()
    with pytest.raises(CardIdentityMissing) as refused:
        issue(product, nobody, now)
    assert (refused.value.code, refused.value.status) == ("card_identity_missing", 409)
    unnamed = make_card_product(named=False, price_fen=50_000, bonus_fen=0, limit_fen=100_000)
    issue(unnamed, nobody, now)
    assert CardLot.objects.get().card.product == unnamed


def test_where_the_register_is_wanted_a_phone_is_not_enough(now):
    publish_policy(kind="cards", body={"v": 1, "identity_named": "register"})
    member, product = make_member(), make_card_product()
    with pytest.raises(CardIdentityMissing):
        issue(product, member, now)
    assert not CardLot.objects.exists()
    identity = card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    later = now + timedelta(days=30)
    issue(product, member, later)
    assert CardLot.objects.get().identity == identity
    # Five years count from the last purchase.
    kept = CardIdentity.objects.get(pk=identity.pk).keep_until
    assert kept == later + timedelta(days=5 * 366)


def test_whether_a_card_could_be_sold_is_asked_before_anybody_pays(now, django_assert_num_queries):
    product = make_card_product(price_fen=50_000, bonus_fen=5_000, min_fen=10_000, max_fen=499_000)

    def check(member, principal_fen, bonus_fen=0):
        card_sale_check(
            product=product,
            member_id=member.pk,
            principal_fen=principal_fen,
            bonus_fen=bonus_fen,
            now=now,
        )

    member = make_member()
    with django_assert_num_queries(3):
        check(member, 10_000)
    for principal, bonus, error in (
        (9_999, 0, CardAmountRefused),
        (499_000, 1_001, CardLimitExceeded),
    ):
        with pytest.raises(error):
            check(member, principal, bonus)
    with pytest.raises(CardIdentityMissing):
        check(make_member(phone=None), 10_000)


def test_a_top_up_pays_in_the_same_transaction(card, now):
    """On the payment page: what is missing comes onto the card and off it at once."""
    with transaction.atomic():
        make_topup(card, principal_fen=20_000, bonus_fen=2_000, now=now)
        parts = card_split(card_lots(member_id=card.member_id), 25_000)
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    # The older lot first, all of it; then ¥140 of the younger in proportion.
    assert [(x.principal_fen, x.bonus_fen) for x in card_lots(member_id=card.member_id)] == [
        (7_273, 727)
    ]


def test_many_small_cards_at_once_are_one_purchase_to_the_law(now):
    nobody = make_member(phone=None)
    product = make_card_product(named=False, price_fen=50_000, bonus_fen=0, limit_fen=100_000)
    ask = {"product": product, "member_id": nobody.pk, "bonus_fen": 0, "now": now}
    card_sale_check(principal_fen=50_000, total_fen=999_999, **ask)
    with pytest.raises(CardIdentityMissing):
        card_sale_check(principal_fen=50_000, total_fen=1_000_000, **ask)
    with pytest.raises(CardIdentityMissing):
        issue(product, nobody, now, total_fen=1_000_000)
    with pytest.raises(CardCashRefused):
        issue(product, nobody, now, total_fen=5_000_000, way="cash")
    assert not CardLot.objects.exists()
    issue(product, nobody, now, total_fen=999_999)
