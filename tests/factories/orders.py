from datetime import datetime

from config.kernel.actors import SYSTEM, Actor
from config.kernel.numbers import new_no
from config.kernel.wechat.facts import Trade, trade_read
from config.kernel.wechat.pay import Notification as GatewayNotification
from mall.models import Order, Payment, Sku
from mall.services.delivery_address import Address
from mall.services.order_place import order_place
from mall.services.payment_apply import payment_apply
from mall.services.payment_create import payment_create
from mall.services.quote import Basket, quote
from members.models import Member
from stores.models import Store
from tests.factories.fresh import moment

APPID = "wx0000000000mall01"
# A policy of freight: ¥8.00 in Shanghai and Zhejiang, free from ¥300.00; ¥12.00 for the first two
# pieces and ¥1.50 for each more elsewhere; nothing to Xinjiang and one county of Zhejiang.
FREIGHT = {
    "v": 1,
    "confirm_days": 10,
    "zones": [
        {"regions": ["31", "33"], "fee_fen": 800, "free_from_fen": 30_000},
        {"regions": [], "fee_fen": 1_200, "first_pieces": 2, "more_fen": 150},
    ],
    "not_to": ["65", "331022"],
}


def make_address(adcode: str = "310104") -> Address:
    return Address("李小明", "13800001234", adcode, "上海市 上海市 徐汇区", "天平路 1 号 501 室")


def place_order(
    member: Member,
    *,
    store: Store,
    lines: list[tuple[Sku, int]] | None = None,
    card_product: str = "",
    coupons: tuple[str, ...] = (),
    use_card: bool = False,
    card_fen: int | None = None,
    topup_card: str = "",
    amount_fen: int | None = None,
    use_points: bool = False,
    points: int | None = None,
    points_lines: list[tuple[str, int]] | None = None,
    address: Address | None = None,
    now: datetime | None = None,
) -> Order:
    """An order through the real services: quoted, then placed exactly as quoted."""
    now = now or moment()
    basket = Basket(
        member_id=member.pk,
        store_code=store.code,
        lines=tuple((sku.code, quantity) for sku, quantity in lines or []),
        card_product=card_product,
        coupon_nos=coupons,
        use_card=use_card,
        card_fen=card_fen,
        topup_card=topup_card,
        amount_fen=amount_fen,
        use_points=use_points,
        points=points,
        points_lines=tuple(points_lines or ()),
        region=address.adcode if address else "",
    )
    version = quote(basket=basket, now=now).document()["version"]
    placed = order_place(
        basket=basket,
        quote_version=version,
        actor=Actor.member(member.pk),
        address=address,
        now=now,
    )
    return Order.objects.get(no=placed["no"])


def open_payment(order: Order, *, now: datetime | None = None) -> Payment:
    """The order's open payment; the member needs an openid of the first mini-program."""
    return payment_create(
        order_no=order.no,
        member_id=order.member_id,
        appid=APPID,
        actor=SYSTEM,
        now=now or moment(),
    )


def trade_document(payment: Payment, *, transaction_id: str = "", **changes) -> dict:
    """What WeChat says of a paid payment, before encryption."""
    return {
        "mchid": payment.mchid,
        "appid": payment.appid,
        "out_trade_no": payment.no,
        "transaction_id": transaction_id or f"42000000{payment.pk:020d}",
        "trade_state": "SUCCESS",
        "amount": {"total": payment.amount_fen, "currency": "CNY"},
        "payer": {"openid": payment.payer_openid},
        "success_time": moment().isoformat(),
        **changes,
    }


def trade(payment: Payment, **changes) -> Trade:
    return trade_read(trade_document(payment, **changes))


def notification(payment: Payment, *, id: str = "", **changes) -> GatewayNotification:
    """A callback as it is once its signature was verified and its resource decrypted."""
    return GatewayNotification(
        id=id or new_no("EV"),
        event_type="TRANSACTION.SUCCESS",
        mchid=payment.mchid,
        resource=trade_document(payment, **changes),
        raw=b"{}",
    )


def pay_order(order: Order, *, now: datetime | None = None) -> Payment:
    """The shopper pays what is left for WeChat."""
    now = now or moment()
    payment = open_payment(order, now=now)
    payment_apply(trade=trade(payment), now=now)
    payment.refresh_from_db()
    order.refresh_from_db()
    return payment
