"""Sales for the tests of the money path, made by the real services."""

from dataclasses import dataclass
from datetime import datetime

from config.kernel.actors import SYSTEM
from config.kernel.models import User
from config.kernel.wechat.facts import RefundFact
from coupons.models import Coupon
from mall.models import AfterSale, Order, Refund, Sku
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.services.order_handover import order_handover, order_ready
from mall.services.refund_send import refund_apply
from members.cards import LotValue
from members.models import Card, Member
from members.selectors import card_lots
from stores.models import Pickup, Store
from stores.services.pickup_token import pickup_token
from tests.factories import (
    make_card,
    make_coupon,
    make_member,
    make_operator,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
    make_topup,
)
from tests.factories.orders import pay_order, place_order

POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@dataclass
class Sale:
    """Three pieces of ``first`` at ¥99.00 and two of ``second`` at ¥33.33: 36,366 fen.

    The promotion takes 2,000 off and the coupon 15 % of the rest (5,154), which leaves 29,212:
    16,277 out of two lots of one card, 12,935 by WeChat. ``lots`` is the card before it paid.
    """

    store: Store
    member: Member
    card: Card
    coupon: Coupon
    first: Sku
    second: Sku
    lots: list[LotValue]
    order: Order


def mixed_order(*, now: datetime, openid: str = "") -> Sale:
    """The order of :class:`Sale`, placed and not paid."""
    operator = make_operator()
    store = make_store(operator=operator)
    member = make_member(openid=openid)
    first, second = make_product(skus=(9_900, 3_333)).skus.order_by("pk")
    for sku in (first, second):
        make_stock(store=store, sku=sku, on_hand=10)
    make_promotion(operator=operator, value=2_000, threshold_fen=20_000)
    template = make_template(operator=operator, kind="percent", value=1_500)
    coupon = make_coupon(member, template=template)
    card = make_card(member, principal_fen=5_000, bonus_fen=500, operator=operator)
    make_topup(card, principal_fen=10_000, bonus_fen=777, now=now)
    lots = card_lots(member_id=member.pk)
    order = place_order(
        member,
        store=store,
        lines=[(first, 3), (second, 2)],
        coupons=(coupon.no,),
        use_card=True,
        now=now,
    )
    return Sale(store, member, card, coupon, first, second, lots, order)


def mixed_sale(*, now: datetime) -> Sale:
    """The order of :class:`Sale`, paid."""
    sale = mixed_order(now=now)
    pay_order(sale.order, now=now)
    return sale


def plain_order(*, now: datetime, units: int = 2, openid: str = "") -> Order:
    """``units`` pieces at ¥50.00, all of it to be paid by WeChat; a store with 10 of them."""
    store = make_store()
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return place_order(make_member(openid=openid), store=store, lines=[(sku, units)], now=now)


def handed_over(order: Order, user: User, now: datetime) -> None:
    """``user`` gives what waits at the store to whoever shows its code."""
    order_ready(order_no=order.no, user=user, actor=SYSTEM, now=now)
    pickup = Pickup.objects.get(order_no=order.no)
    order_handover(text=pickup_token(pickup), user=user, actor=SYSTEM, now=now)
    order.refresh_from_db()


def give_back(
    order: Order, lines: list[tuple[int, int]], *, now: datetime, restock: bool = True
) -> AfterSale:
    """``lines`` (position, units) come back: asked for and approved."""
    asked = aftersale_request(
        order_no=order.no, lines=lines, reason="太小", actor=SYSTEM, now=now, restock=restock
    )
    approved = aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=now)
    order.refresh_from_db()
    return approved


def refund_fact(refund: Refund, *, status: str = "SUCCESS", amount_fen: int = 0) -> RefundFact:
    """What WeChat says of a refund."""
    payment = refund.payment
    assert payment is not None
    return RefundFact(
        out_refund_no=refund.no,
        out_trade_no=payment.no,
        refund_id=f"50300000{refund.pk:020d}",
        transaction_id=payment.transaction_id or "",
        status=status,
        amount_fen=amount_fen or refund.amount_fen,
        total_fen=payment.amount_fen,
        success_at=None,
        raw={},
    )


def refunds_arrive(order: Order, *, now: datetime) -> None:
    """WeChat pays out everything that is on its way."""
    for refund in order.refunds.filter(payment__isnull=False).exclude(state="done"):
        refund_apply(fact=refund_fact(refund), now=now)
