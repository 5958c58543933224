"""Coupons that their budgets do not cover any more are left out, and soon."""

from types import SimpleNamespace

from mall.pricing import Item, Rule
from mall.services import quote_rules
from mall.services.quote_rules import MOST_LOOKS, price_within_budgets

BASKET = [Item("S1", 2, 5_000, {})]


def amount(n: int, value: int) -> Rule:
    """One of many that are of one group; of all of them the largest is chosen."""
    return Rule("coupon", f"C{n:03}", f"C{n}", "amount", value, 0, None, {}, "coupon")


def held(rules: list[Rule], left: dict[str, int]) -> list:
    return [
        SimpleNamespace(no=r.reference, template_id=n, budget_left_fen=left.get(r.reference))
        for n, r in enumerate(rules)
    ]


def test_a_pile_of_coupons_with_a_little_left_is_looked_at_a_few_times_only(monkeypatch):
    rules = [amount(n, 500 + n) for n in range(100)]
    looks = []
    real = quote_rules.price

    def price(*basket):
        looks.append(basket)
        return real(*basket)

    monkeypatch.setattr(quote_rules, "price", price)
    # All have three fen left but the smallest two, which have enough.
    left = {r.reference: 3 for r in rules[2:]} | {"C001": 501}

    priced = price_within_budgets(BASKET, rules, held(rules, left))

    assert [(d.rule.reference, d.total_fen) for d in priced.discounts] == [("C001", 501)]
    reasons = {r.rule.reference: r.reason for r in priced.refusals}
    assert (reasons["C000"], reasons["C002"], reasons["C099"]) == ("stacking", "budget", "budget")
    assert len(looks) == MOST_LOOKS + 1


def test_what_takes_no_more_than_is_left_is_used():
    rules = [amount(0, 500), amount(1, 700), amount(2, 900)]

    priced = price_within_budgets(BASKET, rules, held(rules, {"C001": 700, "C002": 899}))

    assert [d.rule.reference for d in priced.discounts] == ["C001"]
