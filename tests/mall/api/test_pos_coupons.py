"""Coupons redeemed at tills for sales that the mall knows nothing of, kept to the fen."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from coupons.models import Coupon, CouponTicket, CouponTicketReturn, Redemption, Template
from coupons.services.template_stop import template_stop
from mall.services.pos_till import till_of_store
from mall.services.redemption_reverse import (
    RedemptionReasonMissing,
    RedemptionTooLate,
    redemption_reverse,
)
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_coupon,
    make_member,
    make_operator,
    make_store,
    make_template,
    make_terminal,
    publish_policy,
    till_client,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/pos/coupons"
BASKET = [
    {"title": "茶", "quantity": 3, "unit_price_fen": 1_000},
    {"title": "杯", "quantity": 1, "unit_price_fen": 7_000},
]


@pytest.fixture
def coupon(store, member):
    """¥10.01 off, from a budget."""
    template = make_template(operator=store.operator, value=1_001, budget_fen=100_000, quota=9)
    return make_coupon(member, template=template)


def scan(till, member, now) -> str:
    code = member_code_issue(member_id=member.pk, now=now)
    return till.command("/api/v1/pos/members", {"code": code.token}).json()["visit"]


def redeem(till, visit, coupon, ticket_no="T-1", **body):
    given = {"ticket_no": ticket_no, "visit": visit, "coupons": [coupon.no], "lines": BASKET}
    return till.command(f"{API}/redeem", {**given, **body})


def refused(answer, status: int, code: str) -> dict:
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code), answer.json()
    return answer.json()


def states(coupon) -> tuple[str, int, int]:
    """(coupon's state, budget spent, live uses)."""
    coupon.refresh_from_db()
    return (
        coupon.state,
        Template.objects.get(pk=coupon.template_id).spent_fen,
        Redemption.objects.filter(coupon=coupon, reversed_at__isnull=True).count(),
    )


def test_a_preview_says_the_discount_and_changes_nothing(till, member, coupon, now):
    visit = scan(till, member, now)

    answer = till.post(
        f"{API}/preview", {"visit": visit, "coupons": [coupon.no], "lines": BASKET}, format="json"
    )

    assert answer.status_code == 200, answer.json()
    shown = answer.json()
    assert (shown["gross_fen"], shown["discount_fen"], shown["total_fen"]) == (10_000, 1_001, 8_999)
    assert states(coupon) == ("claimed", 0, 0)
    assert CouponTicket.objects.count() == 0


def test_a_coupon_is_redeemed_for_a_basket_of_the_till(till, store, member, coupon, now):
    visit = scan(till, member, now)

    answer = redeem(till, visit, coupon, discount_fen=1_001)

    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert (body["state"], body["total_fen"], body["member"]) == ("redeemed", 8_999, member.no)
    assert body["coupons"] == [
        {"coupon": coupon.no, "title": coupon.template.name, "amount_fen": 1_001}
    ]
    use = Redemption.objects.get(coupon=coupon)
    assert (use.channel, use.reference, use.amount_fen) == ("store", body["no"], 1_001)
    assert states(coupon) == ("used", 1_001, 1)
    # The visit is good for a payment still, and the ticket is found by either number.
    for number in ("T-1", body["no"]):
        assert till.get(f"{API}/{number}").json() == body


def test_the_same_sent_again_uses_a_coupon_once(till, member, coupon, now):
    visit = scan(till, member, now)
    first = redeem(till, visit, coupon)

    again = redeem(till, visit, coupon)

    assert again.json() == first.json()
    assert Redemption.objects.count() == 1
    refused(redeem(till, visit, coupon, lines=BASKET[:1]), 409, "redemption_exists")


def test_a_second_scan_says_where_when_and_by_whom(till, store, member, coupon, now):
    visit = scan(till, member, now)
    redeem(till, visit, coupon)

    body = refused(redeem(till, visit, coupon, ticket_no="T-2"), 409, "coupon_used")

    assert body["extra"]["where"] == store.name
    assert body["extra"]["by"].endswith("/0007")
    assert body["extra"]["when"].startswith(str(now.year))
    assert Redemption.objects.count() == 1


def test_an_amount_will_do(till, member, coupon, now):
    visit = scan(till, member, now)

    body = redeem(till, visit, coupon, lines=[], amount_fen=5_000).json()
    back = till.command(f"{API}/T-1/returns", {"return_no": "R1", "amount_fen": 2_500}).json()

    assert (body["gross_fen"], body["discount_fen"]) == (5_000, 1_001)
    # Half of the sale: the coupon keeps 500 of its 1,001, the customer gets the rest of the half.
    assert back["returns"][0]["discount_fen"] == 501
    assert back["returned_total_fen"] == 1_999
    assert states(coupon) == ("used", 500, 1)


def test_parts_that_come_back_end_on_the_whole_and_then_the_coupon_does(till, member, coupon, now):
    visit = scan(till, member, now)
    body = redeem(till, visit, coupon).json()
    assert [d["amounts"] for d in CouponTicket.objects.get().discounts] == [[300, 701]]

    def back(no, line, quantity):
        units = [{"line": line, "quantity": quantity}]
        return till.command(f"{API}/{body['no']}/returns", {"return_no": no, "units": units})

    first = back("R1", 0, 2).json()
    assert (first["returned_gross_fen"], first["returned_discount_fen"]) == (2_000, 200)
    assert states(coupon) == ("used", 801, 1)
    assert back("R1", 0, 2).json() == first  # the same once more
    refused(back("R1", 0, 1), 409, "redemption_return_exists")
    refused(back("R2", 0, 2), 409, "redemption_return_too_large")
    back("R2", 1, 1)
    last = back("R3", 0, 1).json()

    assert (last["state"], last["returned_gross_fen"]) == ("returned", 10_000)
    assert (last["returned_discount_fen"], last["returned_total_fen"]) == (1_001, 8_999)
    assert states(coupon) == ("returned", 0, 0)
    refused(back("R4", 0, 1), 409, "redemption_ended")
    refused(till.command(f"{API}/T-1/reverse", {}), 409, "redemption_ended")


def test_pieces_that_cost_nothing_have_nothing_to_give_back(till, member, coupon, now):
    lines = [*BASKET, {"title": "赠品", "quantity": 1, "unit_price_fen": 0}]
    redeem(till, scan(till, member, now), coupon, lines=lines)

    def back(no, *units):
        asked = [{"line": line, "quantity": quantity} for line, quantity in units]
        return till.command(f"{API}/T-1/returns", {"return_no": no, "units": asked})

    refused(back("R1", (2, 1)), 409, "redemption_return_free")
    assert not CouponTicketReturn.objects.exists()
    assert states(coupon) == ("used", 1_001, 1)

    # Beside what did cost something they come back.
    assert back("R2", (1, 1), (2, 1)).json()["returned_gross_fen"] == 7_000
    assert back("R3", (0, 3)).json()["state"] == "returned"


def test_a_coupon_that_stays_used_stays_so_when_all_is_returned(till, store, member, now):
    keeps = make_template(operator=store.operator, on_refund="keep", budget_fen=9_000)
    coupon = make_coupon(member, template=keeps)
    redeem(till, scan(till, member, now), coupon, lines=[], amount_fen=5_000)

    body = till.command(f"{API}/T-1/returns", {"return_no": "R1", "amount_fen": 5_000}).json()

    assert (body["state"], body["returned_total_fen"]) == ("returned", 3_000)
    assert states(coupon) == ("used", 0, 1)


def test_a_redemption_is_undone_within_the_minutes_of_the_policy(
    till, store, member, coupon, now, clock_at
):
    publish_policy(kind="redemption", body={"v": 1, "reverse_minutes": 10}, scope="acc")
    visit = scan(till, member, now)
    redeem(till, visit, coupon)

    clock_at(now + timedelta(minutes=9))
    body = till.command(f"{API}/T-1/reverse", {"reason": "wrong coupon"}).json()

    assert body["state"] == "reversed"
    assert states(coupon) == ("returned", 0, 0)
    assert till.command(f"{API}/T-1/reverse", {}).json() == body
    # Its number is taken; the coupon is good for another.
    assert redeem(till, visit, coupon).json()["state"] == "reversed"
    assert redeem(till, visit, coupon, ticket_no="T-2").json()["state"] == "redeemed"


def test_later_a_manager_undoes_it_and_says_why(till, store, member, coupon, now, clock_at):
    clock_at(now)
    no = redeem(till, scan(till, member, now), coupon).json()["no"]
    later = now + timedelta(minutes=30)
    clock_at(later)
    refused(till.command(f"{API}/T-1/reverse", {"reason": "late"}), 409, "redemption_too_late")
    desk = till_of_store(store=store, actor=SYSTEM)
    known = {"till": desk, "number": no, "actor": SYSTEM, "now": later}
    with pytest.raises(RedemptionTooLate):
        redemption_reverse(reason="late", **known)
    with pytest.raises(RedemptionReasonMissing):
        redemption_reverse(manager=True, **known)
    assert states(coupon) == ("used", 1_001, 1)

    redemption_reverse(manager=True, reason="the customer came back", **known)

    assert states(coupon) == ("returned", 0, 0)


def test_stores_of_other_operators_take_what_says_so(member, coupon, now, store):
    other = make_store(operator=make_operator(code="other"))
    till = till_client(make_terminal(store=other)[1])
    visit = scan(till, member, now)

    refused(redeem(till, visit, coupon), 409, "coupon_not_applicable")
    assert states(coupon) == ("claimed", 0, 0)
    Template.objects.update(other_operators=True)
    assert redeem(till, visit, coupon).status_code == 201


def test_what_is_not_redeemed_changes_nothing(till, store, member, coupon, now):
    visit = scan(till, member, now)
    dear = make_template(operator=store.operator, threshold_fen=10_001)
    unreached = make_coupon(member, template=dear)
    strangers = make_coupon(make_member(), template=dear)

    refused(redeem(till, visit, coupon, discount_fen=1_000), 409, "redemption_changed")
    refused(redeem(till, visit, coupon, lines=[]), 400, "redemption_basket")
    refused(redeem(till, visit, coupon, amount_fen=5), 400, "redemption_basket")
    refused(redeem(till, "MVNONE", coupon), 409, "visit_over")
    refused(redeem(till, "", coupon), 400, "pos_member_missing")
    refused(redeem(till, visit, unreached), 409, "coupon_not_applicable")
    refused(redeem(till, visit, strangers), 409, "coupon_not_applicable")
    template_stop(template_id=coupon.template_id, use=True, reason="wrong", actor=SYSTEM, now=now)
    refused(redeem(till, visit, coupon), 409, "coupon_not_applicable")
    refused(till.get(f"{API}/T-1"), 404, "redemption_unknown")
    refused(till.command(f"{API}/T-1/reverse", {}), 404, "redemption_unknown")

    assert CouponTicket.objects.count() == Redemption.objects.count() == 0
    assert set(Coupon.objects.values_list("state", flat=True)) == {"claimed"}


def test_a_till_reads_a_ticket_of_its_own_store_only(till, member, coupon, now):
    no = redeem(till, scan(till, member, now), coupon).json()["no"]
    elsewhere = till_client(make_terminal()[1])

    refused(elsewhere.get(f"{API}/{no}"), 404, "redemption_unknown")
    refused(elsewhere.command(f"{API}/{no}/reverse", {}), 404, "redemption_unknown")
    assert states(coupon)[0] == "used"


def test_a_key_needs_the_scope(store, member, coupon, now):
    looks = till_client(make_terminal(store=store, scopes=["look"])[1])
    visit = scan(looks, member, now)

    refused(redeem(looks, visit, coupon), 403, "terminal_scope")
    refused(looks.command(f"{API}/T-1/reverse", {}), 403, "terminal_scope")
    assert states(coupon) == ("claimed", 0, 0)


def test_coupons_together_give_back_no_more_than_the_pieces_cost(till, store, member, now):
    """Two coupons that nearly pay the whole: rounded one by one they would give back 10 fen for
    goods of 9."""
    terms = {"operator": store.operator, "channels": ["store"]}
    templates = [
        make_template(**terms, kind="percent", value=1_250, stacking_group="a"),
        make_template(**terms, value=900),
    ]
    coupons = [make_coupon(member, template=template) for template in templates]
    body = {"coupons": [row.no for row in coupons], "lines": [], "amount_fen": 901}
    visit = scan(till, member, now)
    assert redeem(till, visit, coupons[0], **body).json()["discount_fen"] == 901

    parts = [
        till.command(f"{API}/T-1/returns", {"return_no": f"R{n}", "amount_fen": fen}).json()
        for n, fen in enumerate((9, 9, 1, 882))
    ]

    assert [row["returned_discount_fen"] for row in parts] == [9, 18, 19, 901]
    assert [row["state"] for row in parts] == ["redeemed"] * 3 + ["returned"]
    uses = Redemption.objects.order_by("amount_fen").values_list("amount_fen", "returned_fen")
    assert list(uses) == [(112, 112), (789, 789)]
