"""An order on which every kind of discount works comes back piece by piece, in any order: each
fen that was paid, and nothing more, by the way it came."""

import random
from datetime import timedelta

import pytest

from coupons.models import Coupon, Redemption, Template
from mall.models import Adjustment, OrderLine, Refund, Tender
from tests.factories import make_operator
from tests.mall.discounted import discounted_sale
from tests.mall.sales import give_back, refunds_arrive
from tests.mall.test_borne import borne

pytestmark = pytest.mark.django_db


SPONSORS = {"brand:acme": 3_333, "operator:east": 3_333, "platform": 3_334}


def of_coupons() -> tuple[int, int]:
    """(fen that coupons are worth by now, fen that came back of them)."""
    worth = came = 0
    for fen, returned, ended in Redemption.objects.values_list(
        "amount_fen", "returned_fen", "reversed_at"
    ):
        worth += 0 if ended else fen - returned
        came += returned
    return worth, came


@pytest.mark.parametrize(("seed", "points"), [(0, 0), (1, 1_234), (2, 1)])
def test_piece_by_piece_exactly_what_was_paid_comes_back(now, relayed, seed, points):
    # given two coupons, of one of which three bear a third each
    make_operator(code="east")
    sale = discounted_sale(now=now, points=points)
    Template.objects.filter(kind="percent").update(sponsor_shares=SPONSORS)
    relayed(now)
    lines = {x.position: x for x in OrderLine.objects.all()}
    pieces = [position for position, line in lines.items() for _piece in range(line.quantity)]
    random.Random(seed).shuffle(pieces)
    paid = dict(Tender.objects.values_list("pk", "amount_fen"))
    kinds = set(Tender.objects.values_list("kind", flat=True))
    assert kinds == {"card_principal", "card_bonus", "wechat"} | ({"points"} if points else set())
    assert sum(paid.values()) == sale.order.total_fen == 40_054
    off = sum(Adjustment.objects.filter(kind="promotion").values_list("amount_fen", flat=True))
    whole, _none = of_coupons()
    assert sum(borne().values()) == whole

    # when
    back = gross = by_promotions = 0
    for n, position in enumerate(pieces):
        at = now + timedelta(minutes=n)
        give_back(sale.order, [(position, 1)], now=at)
        refunds_arrive(sale.order, now=at)
        given = sum(Refund.objects.values_list("amount_fen", flat=True))
        assert back <= given <= 40_054
        back = given
        # What is not paid back of the pieces is what discounts gave back of them, all together.
        gross += lines[position].unit_price_fen
        assert by_promotions <= gross - back - of_coupons()[1] <= off
        by_promotions = gross - back - of_coupons()[1]
        if n % 4 == 0:
            relayed(at)
            assert sum(borne().values()) == of_coupons()[0]
    relayed(now + timedelta(days=1))

    # then
    assert by_promotions == off
    assert borne() == {}
    of_tenders = dict.fromkeys(paid, 0)
    for tender, fen in Refund.objects.values_list("tender_id", "amount_fen"):
        of_tenders[tender] += fen
    assert of_tenders == paid
    assert sum(Refund.objects.values_list("points", flat=True)) == points
    of_lines = OrderLine.objects.values_list(
        "net_fen", "refunded_fen", "quantity", "refunded_quantity"
    )
    assert all(net == fen and n == done for net, fen, n, done in of_lines)
    assert set(Coupon.objects.values_list("state", flat=True)) == {"returned"}
    assert not Redemption.objects.filter(reversed_at__isnull=True).exists()
    assert set(Template.objects.values_list("spent_fen", flat=True)) == {0}
