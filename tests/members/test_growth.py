"""What a "tiers" policy says, by arithmetic alone."""

from datetime import UTC, datetime, timedelta

import pytest

from config.kernel.policies import PolicyInvalid
from members.growth import TierRules
from members.points_rules import PointsLine

BODY = {
    "v": 1,
    "fen_per_growth": 100,
    "window_days": 365,
    "period_days": 180,
    "grace_days": 30,
    "tiers": [
        {"code": "normal", "growth_from": 0},
        {"code": "silver", "growth_from": 500},
        {"code": "gold", "growth_from": 2_000, "price_level": "vip", "upgrade_coupons": ["a"]},
    ],
}
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_growth_is_what_was_paid_without_bonus_money():
    lines = [PointsLine("1", 9_950), PointsLine("2", 5_000, card_bonus_fen=3_000)]
    assert TierRules.read(BODY).target(lines) == 119
    assert TierRules.read({**BODY, "exclude_card_bonus": False}).target(lines) == 149


@pytest.mark.parametrize(
    ("growth", "code", "following"),
    [
        (0, "normal", "silver"),
        (499, "normal", "silver"),
        (500, "silver", "gold"),
        (2_000, "gold", None),
    ],
)
def test_growth_reaches_a_tier(growth, code, following):
    rules = TierRules.read(BODY)
    ahead = rules.following(growth)
    assert (rules.reached(growth).code, ahead.code if ahead else None) == (code, following)


def test_below_the_first_tier_there_is_none():
    rules = TierRules.read({**BODY, "tiers": BODY["tiers"][1:]})
    assert rules.reached(499) is None
    assert [rules.rank(code) for code in ("silver", "gold", "normal", "")] == [0, 1, -1, -1]


def test_a_period_ends_after_its_days_and_grace_but_for_the_lowest():
    rules = TierRules.read(BODY)
    until = NOW + timedelta(days=180)
    assert rules.period(rules.tiers[2], NOW) == (until, until + timedelta(days=30))
    assert rules.period(rules.tiers[0], NOW) is None
    assert rules.period(None, NOW) is None


def test_the_window_may_be_all_of_time():
    assert TierRules.read(BODY).window_start(NOW) == NOW - timedelta(days=365)
    assert TierRules.read({**BODY, "window_days": None}).window_start(NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"extra": 1},
        {"fen_per_growth": 0},
        {"window_days": 0},
        {"window_days": "365"},
        {"period_days": 0},
        {"grace_days": -1},
        {"exclude_card_bonus": "yes"},
        {"tiers": []},
        {"tiers": [{"code": "a"}]},
        {"tiers": [{"code": "", "growth_from": 0}]},
        {"tiers": [{"code": "a", "growth_from": -1}]},
        {"tiers": [{"code": "a", "growth_from": 0, "price_level": 1}]},
        {"tiers": [{"code": "a", "growth_from": 0, "upgrade_coupons": "b"}]},
        {"tiers": [{"code": "a", "growth_from": 1}, {"code": "b", "growth_from": 1}]},
        {"tiers": [{"code": "a", "growth_from": 2}, {"code": "b", "growth_from": 1}]},
        {"tiers": [{"code": "a", "growth_from": 1}, {"code": "a", "growth_from": 2}]},
    ],
)
def test_a_body_that_could_not_be_obeyed_is_refused(change):
    TierRules.read(BODY)
    with pytest.raises(PolicyInvalid):
        TierRules.read({**BODY, **change})
