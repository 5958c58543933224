"""Promotions at tills: applied where the till asks for them, by the engine of the mall, kept on the
ticket and given back to the fen."""

from datetime import timedelta

import pytest

from coupons.models import CouponTicket, Redemption
from mall.models import Promotion
from members.models import Member
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_coupon,
    make_operator,
    make_product,
    make_promotion,
    make_stock,
    make_template,
    make_tier,
)

pytestmark = pytest.mark.django_db
QUOTES = "/api/v1/pos/quotes"
COUPONS = "/api/v1/pos/coupons"


@pytest.fixture
def tea(store):
    """¥99.99 a piece."""
    sku = make_product(skus=(9_999,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=50)
    return sku


@pytest.fixture
def promotion(store):
    """Of stores, unless it is said otherwise."""

    def make(**columns) -> Promotion:
        return make_promotion(**{"operator": store.operator, "channels": ["store"], **columns})

    return make


def visit_of(till, member, now) -> str:
    code = member_code_issue(member_id=member.pk, now=now)
    return till.command("/api/v1/pos/members", {"code": code.token}).json()["visit"]


def quoted(till, lines, **body) -> dict:
    answer = till.post(QUOTES, {"lines": lines, "with_promotions": True, **body}, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def goods(sku, quantity=1, **line) -> dict:
    return {"sku": sku.code, "quantity": quantity, **line}


def of_member(fact: str, value) -> dict:
    return {"v": 1, "all": [{"fact": fact, "op": "eq", "value": value}]}


def test_a_till_that_does_not_ask_gets_the_total_of_its_own_prices(till, tea, promotion):
    promotion(value=1_000, threshold_fen=5_000)

    sale = quoted(till, [goods(tea)], with_promotions=False)
    old = till.post(QUOTES, {"lines": [goods(tea)]}, format="json").json()

    assert old == sale
    assert (sale["total_fen"], sale["discount_fen"], sale["promotion_fen"]) == (9_999, 0, 0)
    assert (sale["discounts"], sale["hints"], sale["gifts"]) == ([], [], [])


def test_what_works_is_said_with_its_rule_and_what_is_missing_for_more(
    till, tea, promotion, django_assert_num_queries
):
    rule = promotion(value=1_000, threshold_fen=5_000, steps=[[20_000, 5_000]])

    # The key twice (who it is, when it was seen), and the sale in one.
    with django_assert_num_queries(3):
        sale = quoted(till, [goods(tea)])

    named = {"kind": "promotion", "reference": rule.code, "title": rule.name, "amount_fen": 1_000}
    words = "满 ¥50.00：减 ¥10.00; 满 ¥200.00：减 ¥50.00"
    assert sale["discounts"] == [{**named, "coupon": "", "words": words}]
    assert sale["lines"][0]["discounts"] == [named]
    assert sale["lines"][0]["net_fen"] == sale["total_fen"] == sale["to_pay_fen"] == 8_999
    assert (sale["promotion_fen"], sale["discount_fen"]) == (1_000, 1_000)
    (hint,) = sale["hints"]
    assert (hint["reference"], hint["missing_fen"], hint["value"]) == (rule.code, 10_001, 5_000)
    assert hint["message"] == "还差 ¥100.01 减 ¥50.00"


@pytest.mark.parametrize(
    ("columns", "quantity", "total_fen"),
    [
        ({"kind": "price", "value": 5_000}, 2, 10_000),
        ({"kind": "percent", "value": 1_000}, 1, 9_000),
        ({"kind": "multi", "value": 15_000, "pieces": 2}, 3, 24_999),
        ({"kind": "nth", "value": 5_000, "pieces": 2}, 2, 14_999),
        ({"kind": "amount", "value": 3_000, "threshold_pieces": 2}, 2, 16_998),
    ],
)
def test_every_kind_works_at_a_till(till, tea, promotion, columns, quantity, total_fen):
    promotion(**columns)

    assert quoted(till, [goods(tea, quantity)])["total_fen"] == total_fen


def test_a_bundle_and_a_price_of_its_own_work_at_a_till(till, store, tea, promotion):
    cup = make_product(skus=(3_000,)).skus.get()
    promotion(kind="bundle", value=10_000, skus={tea.code: 1, cup.code: 1})
    promotion(kind="price", value=0, skus={cup.code: 2_500}, stacking_group="marked")

    sale = quoted(till, [goods(tea), goods(cup, 2)])

    assert sale["lines"][1]["price_fen"] == 2_500
    assert sale["total_fen"] == 12_500
    assert "专享价" in {row["words"] for row in sale["discounts"]}


def test_a_gift_is_said_to_be_handed_out_and_is_on_no_line(
    till, tea, promotion, django_assert_num_queries
):
    cup = make_product(skus=(3_000,)).skus.get()
    rule = promotion(kind="gift", value=0, threshold_fen=9_000, skus={cup.code: 2})

    with django_assert_num_queries(4):
        sale = quoted(till, [goods(tea)])

    assert sale["gifts"] == [
        {
            "promotion": rule.code,
            "title": rule.name,
            "sku": cup.code,
            "name": cup.product.name,
            "quantity": 2,
        }
    ]
    assert (len(sale["lines"]), sale["total_fen"], sale["discount_fen"]) == (1, 9_999, 0)


def test_promotions_that_do_not_name_stores_never_work_at_a_till(till, tea, promotion, now):
    promotion(value=1_000, channels=["mall"])
    promotion(value=900, ends_at=now - timedelta(seconds=1))
    promotion(value=800, operator=make_operator())
    promotion(value=700, archived_at=now)

    sale = quoted(till, [goods(tea)])

    assert (sale["total_fen"], sale["hints"]) == (9_999, [])


def test_who_buys_says_which_price_holds(till, tea, member, promotion, now):
    gold = make_tier(code="gold")
    promotion(kind="price", value=7_000, scope=of_member("tier", "gold"))
    promotion(kind="price", value=6_000, scope=of_member("member_days", 0), stacking_group="new")
    promotion(kind="price", value=9_000, scope=of_member("channel", "pos"), stacking_group="till")
    visit = visit_of(till, member, now)

    no_gold = {"v": 1, "not": {"fact": "tier", "op": "eq", "value": "gold"}}
    promotion(kind="price", value=1, scope=no_gold, archived_at=now, code="nongold")

    assert quoted(till, [goods(tea)])["total_fen"] == 9_000  # nobody known
    Promotion.objects.filter(code="nongold").update(archived_at=None)
    assert quoted(till, [goods(tea)])["total_fen"] == 9_000  # not even by what they are not
    assert quoted(till, [goods(tea)], visit=visit)["total_fen"] == 1
    Promotion.objects.filter(code="nongold").update(archived_at=now)
    assert quoted(till, [goods(tea)], visit=visit)["total_fen"] == 6_000  # new here
    Promotion.objects.filter(stacking_group="new").update(archived_at=now)
    assert quoted(till, [goods(tea)], visit=visit)["total_fen"] == 9_000
    Member.objects.update(tier=gold)
    assert quoted(till, [goods(tea)], visit=visit)["total_fen"] == 7_000


def test_a_line_with_a_final_price_is_left_alone_and_counts_for_no_threshold(till, tea, promotion):
    promotion(value=1_000, threshold_fen=15_000)
    promotion(kind="percent", value=1_000, stacking_group="ten")

    both = quoted(till, [goods(tea), goods(tea, unit_price_fen=8_000)])
    one = quoted(till, [goods(tea), goods(tea, unit_price_fen=8_000, promotions=False)])

    # ¥10 off 17,999, then 10 % off the rest, rounded down.
    assert (both["total_fen"], both["lines"][1]["discount_fen"] > 0) == (15_300, True)
    assert [line["net_fen"] for line in one["lines"]] == [9_000, 8_000]
    assert one["hints"][0]["missing_fen"] == 5_001


@pytest.fixture
def coupon(store, member):
    """¥10.01 off from ¥80, from a budget."""
    terms = {"value": 1_001, "threshold_fen": 8_000, "budget_fen": 100_000}
    return make_coupon(member, template=make_template(operator=store.operator, **terms))


def redeem(till, visit, coupon, lines, ticket_no="T-1", **body):
    given = {"ticket_no": ticket_no, "visit": visit, "coupons": [coupon.no], "lines": lines}
    return till.command(f"{COUPONS}/redeem", {**given, "with_promotions": True, **body})


def test_a_ticket_keeps_what_promotions_did_and_the_quote_it_was_confirmed_with(
    till, store, tea, coupon, member, promotion, now
):
    cup = make_product(skus=(3_000,)).skus.get()
    rule = promotion(kind="percent", value=1_000)
    promotion(kind="gift", value=0, stacking_group="gift", skus={cup.code: 1})
    visit = visit_of(till, member, now)
    asked = {"visit": visit, "coupons": [coupon.no], "lines": [goods(tea)]}
    answer = till.post(f"{COUPONS}/preview", {**asked, "with_promotions": True}, format="json")
    shown = answer.json()
    assert (shown["promotion_fen"], shown["discount_fen"]) == (999, 2_000)
    assert shown["total_fen"] == 7_999

    body = redeem(till, visit, coupon, [goods(tea)], discount_fen=2_000).json()

    assert (body["gross_fen"], body["promotion_fen"], body["discount_fen"]) == (9_999, 999, 2_000)
    assert body["total_fen"] == 7_999
    assert body["promotions"] == [
        {"promotion": rule.code, "title": rule.name, "words": "减 10 %", "amount_fen": 999}
    ]
    assert [gift["sku"] for gift in body["gifts"]] == [cup.code]
    ticket = CouponTicket.objects.get()
    assert (ticket.discount_fen, ticket.promotion_fen) == (1_001, 999)
    assert ticket.quote == shown
    # Nobody but the store bears the promotion: the coupon was used for its own part.
    assert Redemption.objects.get().amount_fen == 1_001
    # The very same again is the same; without promotions it is another sale.
    assert redeem(till, visit, coupon, [goods(tea)], discount_fen=2_000).json() == body
    other = redeem(till, visit, coupon, [goods(tea)], with_promotions=False)
    assert other.json()["errors"][0]["code"] == "redemption_exists"
    assert till.get(f"{COUPONS}/T-1").json() == body


def test_what_comes_back_piece_by_piece_ends_on_what_was_paid(
    till, tea, coupon, member, promotion, now
):
    cup = make_product(skus=(3_333,)).skus.get()
    promotion(kind="multi", value=20_000, pieces=3, scope=of_sku(tea))
    promotion(value=777, stacking_group="rest")
    visit = visit_of(till, member, now)
    body = redeem(till, visit, coupon, [goods(tea, 3), goods(cup, 2)]).json()
    # 29,997 + 6,666 gross; 9,997 and 777 by promotions, 1,001 by the coupon.
    assert (body["gross_fen"], body["promotion_fen"], body["total_fen"]) == (36_663, 10_774, 24_888)

    refunds = []
    for n, (line, quantity) in enumerate([(0, 1), (1, 1), (0, 1), (1, 1), (0, 1)]):
        said = {"return_no": f"R{n}", "units": [{"line": line, "quantity": quantity}]}
        body = till.command(f"{COUPONS}/T-1/returns", said).json()
        refunds.append(body["returns"][-1]["refund_fen"])

    assert sum(refunds) == body["returned_total_fen"] == 24_888
    assert all(fen >= 0 for fen in refunds)
    assert (body["state"], body["returned_promotion_fen"]) == ("returned", 10_774)
    assert body["returned_discount_fen"] == 11_775
    ticket = CouponTicket.objects.get()
    assert (ticket.returned_discount_fen, ticket.returned_promotion_fen) == (1_001, 10_774)
    coupon.refresh_from_db()
    assert coupon.state == "returned"


def of_sku(sku) -> dict:
    return {"v": 1, "all": [{"fact": "sku", "op": "eq", "value": sku.code}]}


def test_a_promotion_that_ended_meanwhile_is_not_given_and_nothing_changes(
    till, tea, coupon, member, promotion, now
):
    rule = promotion(value=1_000)
    visit = visit_of(till, member, now)
    rule.archived_at = now
    rule.save()

    answer = redeem(till, visit, coupon, [goods(tea)], discount_fen=2_001)

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "redemption_changed"
    assert (CouponTicket.objects.count(), Redemption.objects.count()) == (0, 0)


def test_an_amount_is_final_whatever_is_asked_for(till, coupon, member, promotion, now):
    promotion(value=1_000)
    visit = visit_of(till, member, now)

    body = redeem(till, visit, coupon, [], amount_fen=9_000).json()

    assert (body["promotion_fen"], body["total_fen"]) == (0, 7_999)


def test_a_coupon_that_a_promotion_leaves_below_its_threshold_is_refused(
    till, tea, coupon, member, promotion, now
):
    promotion(kind="price", value=7_999)
    visit = visit_of(till, member, now)

    answer = redeem(till, visit, coupon, [goods(tea)])

    assert answer.json()["errors"][0]["code"] == "coupon_not_applicable"
    assert answer.json()["extra"]["missing_fen"] == 1
    assert CouponTicket.objects.count() == 0
    assert redeem(till, visit, coupon, [goods(tea)], with_promotions=False).status_code == 201


def test_a_price_for_a_first_order_is_not_had_at_every_sale_of_a_till(
    till, member, tea, promotion, now
):
    promotion(kind="price", value=1, scope=of_member("first_order", 1))
    promotion(kind="price", value=9_000, scope=of_member("member_days", 0))

    sale = quoted(till, [goods(tea)], visit=visit_of(till, member, now))

    assert (sale["total_fen"], [d["amount_fen"] for d in sale["discounts"]]) == (9_000, [999])
