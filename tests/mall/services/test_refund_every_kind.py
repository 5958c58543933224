"""An order on which every kind of discount works comes back piece by piece, in any order: each
fen that was paid, and nothing more, by the way it came."""

import random
from datetime import timedelta

import pytest

from coupons.models import Coupon, Redemption, Template
from mall.models import OrderLine, Refund, Tender
from tests.mall.discounted import discounted_sale
from tests.mall.sales import give_back, refunds_arrive

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(3))
def test_piece_by_piece_exactly_what_was_paid_comes_back(now, relayed, seed):
    # given
    sale = discounted_sale(now=now)
    relayed(now)
    pieces = [
        position
        for position, n in OrderLine.objects.values_list("position", "quantity")
        for _piece in range(n)
    ]
    random.Random(seed).shuffle(pieces)
    paid = dict(Tender.objects.values_list("pk", "amount_fen"))
    assert sum(paid.values()) == sale.order.total_fen == 40_054

    # when
    back = 0
    for n, position in enumerate(pieces):
        at = now + timedelta(minutes=n)
        give_back(sale.order, [(position, 1)], now=at)
        refunds_arrive(sale.order, now=at)
        given = sum(Refund.objects.values_list("amount_fen", flat=True))
        assert back <= given <= 40_054
        back = given
    relayed(now + timedelta(days=1))

    # then
    of_tenders = dict.fromkeys(paid, 0)
    for tender, fen in Refund.objects.values_list("tender_id", "amount_fen"):
        of_tenders[tender] += fen
    assert of_tenders == paid
    lines = OrderLine.objects.values_list(
        "net_fen", "refunded_fen", "quantity", "refunded_quantity"
    )
    assert all(net == fen and n == done for net, fen, n, done in lines)
    assert set(Coupon.objects.values_list("state", flat=True)) == {"returned"}
    assert not Redemption.objects.filter(reversed_at__isnull=True).exists()
    assert set(Template.objects.values_list("spent_fen", flat=True)) == {0}
