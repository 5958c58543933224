"""What a "points" policy says, by arithmetic alone."""

from datetime import UTC, datetime, timedelta

import pytest

from config.kernel.policies import PolicyInvalid
from members.points_rules import NEVER, PointsLine, PointsRules, TenderRules

V1 = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 10}
V2 = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "year_end", "years": 1},
    "rules": [
        {
            "when": {"v": 1, "all": [{"fact": "category", "op": "eq", "value": "tea"}]},
            "rate_bp": 30_000,
        },
        {
            "when": {"v": 1, "all": [{"fact": "tier", "op": "in", "value": ["gold"]}]},
            "rate_bp": 20_000,
        },
        {
            "when": {"v": 1, "all": [{"fact": "brand", "op": "eq", "value": "plain"}]},
            "rate_bp": 0,
        },
    ],
    "tender": {"fen_per_point": 1, "max_share_bp": 5_000, "step_points": 100},
    "min_days_after_return": 45,
}
# 31 December 2026, 23:30 in Shanghai.
LATE = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)


def test_version_1_stays_what_it_was():
    rules = PointsRules.read(V1)
    assert (rules.rules, rules.exclude_card_bonus, rules.tender) == ((), False, None)
    assert rules.first_expiry(LATE) == LATE + timedelta(days=365)
    assert rules.target([PointsLine("", 12_399, card_bonus_fen=400)], 15_000, {}) == 185


@pytest.mark.parametrize(
    ("expiry", "ends"),
    [
        ({"kind": "days", "days": 10}, LATE + timedelta(days=10)),
        # Midnight in Shanghai, after the last day of next year: of 2026's next year, or of this.
        ({"kind": "year_end", "years": 1}, datetime(2027, 12, 31, 16, tzinfo=UTC)),
        ({"kind": "year_end", "years": 0}, datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ({"kind": "never"}, NEVER),
    ],
)
def test_points_end_as_the_policy_says(expiry, ends):
    assert PointsRules.read({**V2, "expiry": expiry}).first_expiry(LATE) == ends


def test_half_an_hour_later_it_is_another_year_in_shanghai():
    rules = PointsRules.read(V2)
    assert rules.first_expiry(LATE + timedelta(minutes=30)) == datetime(
        2028, 12, 31, 16, tzinfo=UTC
    )


def test_the_first_rule_that_holds_gives_a_lines_rate():
    rules = PointsRules.read(V2)
    lines = [
        PointsLine("1", 1_000, facts={"category": {"tea", "food"}, "brand": "plain"}),
        PointsLine("2", 1_000, facts={"category": {"cups"}, "brand": "plain"}),
        PointsLine("3", 1_000, facts={"category": {"cups"}, "brand": "other"}),
    ]
    assert rules.line_rates(lines) == {"1": 30_000, "2": 0}
    assert rules.line_rates(lines, "gold") == {"1": 30_000, "2": 20_000, "3": 20_000}


def test_lines_are_rounded_together_and_bonus_money_earns_nothing():
    rules = PointsRules.read(V2)
    lines = [PointsLine("1", 50), PointsLine("2", 150, card_bonus_fen=100), PointsLine("3", 49)]
    # 50 + 50 + 49 fen; half of them twice.
    assert rules.target(lines, 10_000, {}) == 1
    assert rules.target(lines, 10_000, {"1": 20_000}) == 1
    assert rules.target(lines, 10_100, {"1": 20_000}) == 2
    with_bonus = PointsRules.read({**V2, "exclude_card_bonus": False})
    assert with_bonus.target(lines, 10_000, {}) == 2


def test_points_pay_a_share_of_an_order_in_whole_steps():
    tender = TenderRules(fen_per_point=2, max_share_bp=3_000, step_points=50)
    assert tender.most_points(10_000, 5_000) == 1_500
    assert tender.most_points(9_999, 5_000) == 1_450
    assert tender.most_points(10_000, 149) == 100
    assert tender.most_points(100, 5_000) == 0
    assert tender.worth_fen(1_500) == 3_000


def test_points_given_back_never_live_shorter():
    rules = PointsRules.read(V2)
    assert rules.returned_expiry(LATE, LATE) == LATE + timedelta(days=45)
    later = LATE + timedelta(days=46)
    assert rules.returned_expiry(later, LATE) == later


@pytest.mark.parametrize(
    "change",
    [
        {"v": 3},
        {"extra": 1},
        {"fen_per_point": 0},
        {"fen_per_point": True},
        {"min_days_after_return": 29},
        {"expiry": "never"},
        {"expiry": {"kind": "never", "days": 3}},
        {"expiry": {"kind": "days"}},
        {"expiry": {"kind": "days", "days": 0}},
        {"expiry": {"kind": "days", "days": 10**9}},
        {"expiry": {"kind": "year_end", "years": 51}},
        {"rules": {}},
        {"rules": [{"when": {}}]},
        {"rules": [{"when": {}, "rate_bp": -1}]},
        {"rules": [{"when": {}, "rate_bp": 100_001}]},
        {"rules": [{"when": {"v": 1, "all": []}, "rate_bp": 1}]},
        {"exclude_card_bonus": 1},
        {"tender": {"fen_per_point": 1}},
        {"tender": {"fen_per_point": 1, "max_share_bp": 10_001, "step_points": 1}},
        {"tender": {"fen_per_point": 1, "max_share_bp": 5_000, "step_points": 0}},
    ],
)
def test_a_body_that_could_not_be_obeyed_is_refused(change):
    PointsRules.read(V2)
    with pytest.raises(PolicyInvalid):
        PointsRules.read({**V2, **change})
