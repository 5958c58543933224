"""A "cards" policy is as strict as its house likes, and never laxer than the law."""

from datetime import timedelta

import pytest

from config.kernel.policies import PolicyInvalid, policy_draft
from members.card_rules import CardPolicyUnlawful, CardRules
from members.cards import payback_split
from tests.factories import moment, publish_policy


def test_what_a_body_does_not_name_is_what_the_law_says():
    rules = CardRules.read({"v": 1})
    assert rules == CardRules()
    assert (rules.limit_fen(named=True), rules.limit_fen(named=False)) == (500_000, 100_000)
    assert (rules.refund_days, rules.consume, rules.gift_days) == (7, "proportional", 3)
    assert rules.custody_bp == {"scale": 2_000, "group": 3_000, "brand": 4_000}


def test_which_class_of_issuer_an_operator_is_can_be_said():
    kinds = ("direct", "brand", "franchise")
    law = CardRules.read({"v": 1})
    assert [law.custody_share_bp(kind) for kind in kinds] == [3_000, 4_000, 2_000]
    rules = CardRules.read({"v": 1, "custody_class": {"direct": "scale"}})
    assert [rules.custody_share_bp(kind) for kind in kinds] == [2_000, 4_000, 2_000]


def test_a_body_may_be_stricter():
    rules = CardRules.read(
        {"v": 1, "named_limit_fen": 200_000, "refund_days": 30, "alerts": {"dormant_days": 90}}
    )
    assert (rules.limit_fen(named=True), rules.refund_days) == (200_000, 30)
    assert (rules.alerts["dormant_days"], rules.alerts["spends_per_hour"]) == (90, 10)


@pytest.mark.parametrize(
    "laxer",
    [
        {"named_limit_fen": 500_001},
        {"unnamed_limit_fen": 100_001},
        {"unnamed_valid_days": 1_095},
        {"refund_days": 6},
        {"identity_unnamed_from_fen": 1_000_001},
        {"transfer_from_company_fen": 500_001},
        {"transfer_from_person_fen": 5_000_001},
        {"cash_refund_most_fen": 10_001},
        {"custody_bp": {"brand": 3_999}},
        {"named_limit_fen": 0},
    ],
)
def test_the_law_is_not_exceeded(laxer):
    with pytest.raises(CardPolicyUnlawful) as refused:
        CardRules.read({"v": 1, **laxer})
    assert refused.value.code == "card_policy_unlawful"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"v": 2},
        {"v": 1, "limit": 1},
        {"v": 1, "consume": "newest"},
        {"v": 1, "identity_named": "none"},
        {"v": 1, "refund_days": "7"},
        {"v": 1, "refund_days": True},
        {"v": 1, "refund_days": -7},
        {"v": 1, "custody_bp": {"other": 5_000}},
        {"v": 1, "custody_class": "group"},
        {"v": 1, "custody_class": {"other": "group"}},
        {"v": 1, "custody_class": {"brand": "other"}},
        {"v": 1, "alerts": 3},
    ],
)
def test_what_nobody_understands_is_refused(body):
    with pytest.raises(PolicyInvalid) as refused:
        CardRules.read(body)
    assert refused.value.code == "policy_invalid"


@pytest.mark.django_db
def test_the_kind_is_registered_with_its_validator(now):
    assert publish_policy(kind="cards", body={"v": 1, "refund_days": 14}).version == 1
    with pytest.raises(CardPolicyUnlawful):
        policy_draft(kind="cards", body={"v": 1, "refund_days": 1}, now=now)


def test_named_cards_do_not_expire_and_others_not_before_three_years():
    rules, sold = CardRules(), moment()
    assert rules.expires_at(named=True, valid_days=None, sold_at=sold) is None
    unnamed = [
        rules.expires_at(named=False, valid_days=days, sold_at=sold) - sold
        for days in (None, 1_096, 2_000)
    ]
    assert unnamed == [timedelta(days=1_096), timedelta(days=1_096), timedelta(days=2_000)]


@pytest.mark.parametrize(
    ("payer", "way", "amount", "allowed"),
    [
        ("company", "cash", 499_999, True),
        ("company", "cash", 500_000, False),
        ("company", "transfer", 500_000, True),
        ("person", "cash", 4_999_999, True),
        ("person", "cash", 5_000_000, False),
        ("person", "source", 5_000_000, True),
    ],
)
def test_who_pays_how(payer, way, amount, allowed):
    assert CardRules().payable_by(way=way, payer=payer, amount_fen=amount) is allowed


@pytest.mark.parametrize(
    ("named", "amount", "needed"), [(True, 1, True), (False, 999_999, False), (False, 10**6, True)]
)
def test_whose_identity_is_wanted(named, amount, needed):
    assert CardRules().identity_needed(named=named, amount_fen=amount) is needed


@pytest.mark.parametrize(
    ("left", "free", "rule", "parts"),
    [
        # ¥100 + ¥10 of which ¥55 was spent in proportion.
        ((5_000, 500, 1_000), True, "withdraw", (5_000, 0, 500)),
        ((5_000, 500, 1_000), False, "proportional", (5_000, 0, 500)),
        ((5_000, 500, 1_000), False, "withdraw", (4_500, 500, 500)),
        # Bonus was spent first, and is more than the principal that is left.
        ((300, 0, 1_000), False, "withdraw", (0, 300, 0)),
        ((10_000, 1_000, 1_000), False, "withdraw", (10_000, 0, 1_000)),
    ],
)
def test_what_is_paid_back_of_a_lot(left, free, rule, parts):
    principal, bonus, granted = left
    part = payback_split(
        principal_fen=principal,
        bonus_fen=bonus,
        bonus_granted_fen=granted,
        free=free,
        rule=rule,
    )
    assert (part.amount, part.charged, part.withdrawn) == parts
