"""A mall in which every operation of the API can be called, and how each is called rightly.

``calls(world)`` says for each operation what makes it succeed; what is wrong with a request is then
wrong by its own doing, and not because nothing of what it names exists.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from config.kernel import clock
from config.kernel.actors import SYSTEM, Actor
from config.kernel.batches import batch_claim, batch_work
from config.kernel.relay import drain
from config.sandbox.wechat import FakeWechat
from coupons.models import ClaimDecision
from coupons.redeem_codes import redeem_code
from coupons.services.code_pool import code_pool_create, code_pool_make
from coupons.services.coupon_gift import coupon_gift_offer
from coupons.services.coupon_scan import place_code_issue
from guides.services.code_create import code_create
from mall.services.order_deliver import order_ship
from members.services.card_codes import activation_codes
from members.services.card_gift import card_gift_offer
from members.services.member_code_issue import member_code_issue
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from tests.factories import (
    MallClient,
    api_client,
    make_basket,
    make_card,
    make_card_batch,
    make_card_product,
    make_coupon,
    make_guide,
    make_member,
    make_membership_plan,
    make_operator,
    make_points_offer,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_template,
    make_terminal,
    moment,
    publish_policy,
    till_client,
)
from tests.factories.orders import FREIGHT, make_address, pay_order, place_order
from tests.shoppers import APP

API = "/api/v1"
POINTS = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "tender": {"fen_per_point": 1, "max_share_bp": 10_000, "step_points": 100},
    "min_days_after_return": 30,
}
LINES = [{"sku": "tea", "title": "茶", "quantity": 2, "unit_price_fen": 5_000}]


@dataclass(frozen=True)
class Call:
    """What makes an operation succeed. ``path`` and ``query`` by the names of the schema; a
    ``body`` of None: there is none. A body that can be made only once per call is a function."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | Callable[[], dict[str, Any]] | None = None

    def sent(self) -> Any:
        return self.body() if callable(self.body) else self.body


def build(wechat: FakeWechat) -> SimpleNamespace:
    """One member, friend, store and till; of everything that can be named, one."""
    now = moment()
    w = SimpleNamespace(wechat=wechat, now=now)
    publish_policy(kind="points", body=POINTS, effective_from=now - timedelta(days=9))
    accounts_ensure([AccountSpec("points.spent", "points"), AccountSpec("bank:x")])
    w.openid = wechat.post("users", name="fuzzed", phone="+8613800138001")["openids"][APP]
    operator = make_operator(code="acc")
    w.store = make_store(operator=operator, code="st1")
    w.guide = make_guide(store=w.store)
    w.member, w.friend = make_member(openid=w.openid), make_member()
    w.client, w.till = api_client(w.member), till_client(make_terminal(store=w.store)[1])
    publish_policy(kind="freight", body=FREIGHT, scope=operator.code)
    points_settle([PointsTarget(w.member.pk, w.member.no, "SO0", 500_000, now)], now=now)

    w.product = make_product(skus=(5_000,))
    w.sku = w.product.skus.get()
    make_stock(store=w.store, sku=w.sku, on_hand=1_000)
    make_points_offer(sku=w.sku, operator=operator)
    make_membership_plan(operator=operator)
    w.card = make_card(w.member, operator=operator)
    w.spare = make_card(w.member, operator=operator)
    w.card_product = make_card_product(operator=operator, code="gold")
    _coupons(w, operator)
    _gifts(w)
    _sales(w)
    return w


def _coupons(w: SimpleNamespace, operator: Any) -> None:
    own = {"operator": operator, "value": 1_000, "per_member": 50, "gift_days": 3}
    w.template = make_template(**own, code="open")
    w.dear = make_template(**own, code="dear", points_price=500)
    w.hot = make_template(**own, code="hot", judge_claims=True)
    w.coupons = [make_coupon(w.member, template=w.template).no for _ in range(4)]
    pool = code_pool_create(template_id=w.template.pk, name="池", count=1, now=w.now)
    code_pool_make(pool_id=pool.pk)
    w.redeem_code = redeem_code(pool.no, 1)
    w.place = place_code_issue(template_id=w.template.pk, place="墙", now=w.now).token
    w.touch = code_create(guide_id=w.guide.pk, actor=SYSTEM, now=w.now).token
    rule = {"fact": "claim_device_members", "op": "gte", "value": 1}
    rules = [{"name": "r", "when": {"v": 1, "all": [rule]}, "score": 60}]
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": rules}
    publish_policy(kind="claim_risk", body=body)
    claimed = w.client.command(f"{API}/coupon-templates/hot/claim", {}, HTTP_X_DEVICE_ID="phone")
    assert claimed.status_code == 403, claimed.json()
    w.challenge = ClaimDecision.objects.get().no


def _gifts(w: SimpleNamespace) -> None:
    given = make_coupon(w.friend, template=w.template)
    terms = {"greeting": "喝茶", "actor": SYSTEM, "now": w.now}
    w.coupon_gift = coupon_gift_offer(coupon_no=given.no, member_id=w.friend.pk, **terms)
    w.own_coupon_gift = coupon_gift_offer(coupon_no=w.coupons.pop(), member_id=w.member.pk, **terms)
    card, own = make_card(w.friend), make_card(w.member)
    w.gift = card_gift_offer(card_id=card.pk, member_id=w.friend.pk, **terms)
    w.own_gift = card_gift_offer(card_id=own.pk, member_id=w.member.pk, **terms)
    batch = make_card_batch(price_fen=1_000, now=w.now)
    [(_serial, w.activation, _state)] = activation_codes(batch_id=batch.pk)


def _sales(w: SimpleNamespace) -> None:
    w.basket = make_basket(guide=w.guide, store=w.store, lines=[(w.sku, 2)])
    w.open_order = place_order(w.member, store=w.store, lines=[(w.sku, 1)])
    w.paid_order = place_order(w.member, store=w.store, lines=[(w.sku, 2)])
    pay_order(w.paid_order)
    w.sent_order = place_order(w.member, store=w.store, lines=[(w.sku, 2)], address=make_address())
    pay_order(w.sent_order)
    drain(now=w.now)
    clerk = make_staff(store=w.store)
    order_ship(
        order_no=w.sent_order.no,
        carrier="顺丰速运",
        tracking_no="SF1020304050",
        user=clerk,
        actor=Actor.user(clerk),
        now=w.now,
    )
    for path, body in (
        ("coupons/redeem", {"ticket_no": "C-1", "coupons": [w.coupons.pop()], "lines": LINES}),
        ("tickets", {"ticket_no": "P-1", "total_fen": 1_000}),
        ("cards", {"ticket_no": "S-1", "product": "gold", "way": "cash"}),
    ):
        answer = w.till.command(f"{API}/pos/{path}", {**body, "visit": visit(w)})
        assert answer.status_code == 201, answer.json()
    asked = w.client.post(
        f"{API}/me/cards/{w.card.no}/statements",
        {"since": "2026-01-01", "until": "2026-03-31"},
        format="json",
    )
    assert asked.status_code == 201, asked.json()
    w.statement = asked.json()["no"]
    work = batch_claim(now=w.now)
    assert work is not None
    batch_work(work, clock=lambda: w.now)


def shown(w: SimpleNamespace) -> str:
    # It is good for a minute, and all of the calls take longer.
    return member_code_issue(member_id=w.member.pk, now=clock.now()).token


def visit(w: SimpleNamespace) -> str:
    answer = w.till.command(f"{API}/pos/members", {"code": shown(w)}, key=f"visit-{uuid4()}")
    return answer.json()["visit"]


def client_of(w: SimpleNamespace, path: str) -> MallClient:
    return w.till if "/pos/" in path else w.client


def calls(w: SimpleNamespace) -> dict[str, Call]:
    """Operation id → the call that succeeds. What needs nothing is not among them."""
    home = {"adcode": "310104", "recipient": "李小明", "phone": "13800001234", "detail": "501 室"}
    basket = {
        "store": "st1",
        "lines": [{"sku": w.sku.code, "quantity": 2}],
        "delivery": home,
    }
    coupon, card = w.coupons[0], {"no": w.card.no}
    period = {"since": "2026-01-01", "until": "2026-03-31"}
    page = {"page_size": "5"}

    def order() -> dict[str, Any]:
        body = {**basket, "coupons": [coupon], "use_card": True, "use_points": True, "points": 500}
        quoted = w.client.post(f"{API}/quotes", body, format="json")
        return {**body, "quote_version": quoted.json()["version"], "source_token": w.touch}

    def login_code() -> str:
        return w.wechat.post("js_code", user="fuzzed", appid=APP)["js_code"]

    def phone() -> dict[str, Any]:
        made = w.wechat.post("phone_code", user="fuzzed", appid=APP)
        return {"app_id": APP, "phone_code": made["code"]}

    member = {
        "basket_get": Call({"token": w.basket.code.token}),
        "basket_order": Call({"token": w.basket.code.token}, body=order),
        "card_code_activate": Call(body={"code": w.activation}),
        "cart_retrieve": Call(query={"store": "st1"}),
        "cart_update": Call(body={"store": "st1", "sku": w.sku.code, "quantity": 2}),
        "coupon_claim_challenge": Call(
            body=lambda: {"challenge": w.challenge, "app_id": APP, "code": login_code()}
        ),
        "coupon_code_redeem": Call(body={"code": w.redeem_code}),
        "coupon_gift_get": Call({"token": w.coupon_gift.token}),
        "coupon_gift_accept": Call({"token": w.coupon_gift.token}),
        "coupon_place_scan": Call(body={"token": w.place}),
        "coupon_templates_list": Call(query={"channel": "mall", "days": "30", "q": "券", **page}),
        "coupon_templates_claim_create": Call({"code": "open"}, body={"source_token": w.touch}),
        "coupon_templates_exchange_create": Call({"code": "dear"}, body={"points": 500}),
        "gift_get": Call({"token": w.gift.token}),
        "gift_accept": Call({"token": w.gift.token}),
        "me_birthday_create": Call(body={"month": 5, "day": 6}),
        "me_cards_retrieve": Call(card),
        "me_cards_entries_list": Call(card, {**period, **page}),
        "me_cards_entries_csv": Call(card, period),
        "me_card_freeze": Call(card, body={"reason": "手机丢了"}),
        "me_card_lost": Call(card, body={"reason": "卡丢了"}),
        "me_card_statement_ask": Call(card, body=period),
        "me_cards_topup_offers_list": Call(card, {"store": "st1", **page}),
        "me_consents_create": Call(body={"kind": "messages", "version": "1"}),
        "me_consents_destroy": Call({"kind": "messages"}),
        "me_coupon_gift_offer": Call(body={"coupon": coupon, "greeting": "一起喝茶"}),
        "me_coupon_gift_take_back": Call({"no": w.own_coupon_gift.no}),
        "me_coupons_list": Call(query={"state": "claimed", "days": "9", "q": "券", **page}),
        "me_gift_offer": Call(body={"card": w.spare.no, "greeting": "生日快乐"}),
        "me_gift_take_back": Call({"no": w.own_gift.no}),
        "me_phone_create": Call(body=phone),
        "me_points_entries_list": Call(query={**period, **page}),
        "me_card_statement_get": Call({"no": w.statement}),
        "me_card_statement_file": Call({"no": w.statement}),
        "order_place": Call(body=order),
        "order_get": Call({"no": w.paid_order.no}),
        "after_sale_request": Call(
            {"no": w.paid_order.no},
            body={"reason": "压坏了", "lines": [{"position": 0, "quantity": 1}]},
        ),
        "order_received": Call({"no": w.sent_order.no}),
        "order_cancel": Call({"no": w.open_order.no}, body={"reason": "买错了"}),
        "order_pay": Call({"no": w.open_order.no}, body={"app_id": APP}),
        "points_shop_list": Call(query={"store": "st1", "affordable": "true", **page}),
        "products_list": Call(
            query={"store": "st1", "ordering": "price", "price_from_fen": "1", **page}
        ),
        "products_retrieve": Call({"code": w.product.code}, {"store": "st1"}),
        "products_reviews_list": Call({"code": w.product.code}, page),
        "quote_create": Call(body={**basket, "best_coupons": True, "use_card": True}),
        "stores_list": Call(query={"latitude": "31.2", "longitude": "121.4", "sku": w.sku.code}),
        "stores_retrieve": Call({"code": "st1"}, {"latitude": "31.2", "longitude": "121.4"}),
        "touches_create": Call(body={"token": w.touch, "product": w.product.code}),
        "wechat_payment_notify": Call({"mchid": "1900000001"}, body={"id": "EV-1"}),
        "wechat_refund_notify": Call({"mchid": "1900000001"}, body={"id": "EV-1"}),
    }
    return member | _till_calls(w)


def _till_calls(w: SimpleNamespace) -> dict[str, Call]:
    def sale(**more: Any) -> Callable[[], dict[str, Any]]:
        return lambda: {"visit": visit(w), **more}

    basket = {"coupons": [w.coupons[0]], "lines": LINES}
    return {
        "pos_card_sell": Call(body=sale(ticket_no="S-2", product="gold", way="cash")),
        "pos_coupon_ticket": Call({"number": "C-1"}),
        "pos_coupon_return": Call(
            {"number": "C-1"},
            body={"return_no": "R-1", "units": [{"line": 0, "quantity": 1}], "reason": "退一盒"},
        ),
        "pos_coupon_reverse": Call({"number": "C-1"}, body={"reason": "换一张券"}),
        "pos_coupon_preview": Call(body=sale(**basket)),
        "pos_coupon_redeem": Call(body=sale(**basket, ticket_no="C-2", discount_fen=1_000)),
        "pos_scan": Call(body=lambda: {"code": shown(w)}),
        "pos_quote": Call(body=sale(**basket)),
        "pos_sale": Call({"number": "S-1"}),
        "pos_sale_void": Call({"number": "S-1"}, body={"reason": "选错卡种"}),
        "pos_pay": Call(body=sale(ticket_no="P-2", total_fen=2_000, card_fen=500)),
        "pos_ticket": Call({"number": "P-1"}),
        "pos_refund": Call(
            {"number": "P-1"}, body={"refund_no": "R-1", "amount_fen": 500, "reason": "退"}
        ),
        "pos_void": Call({"number": "P-1"}, body={"reason": "输错金额"}),
        "pos_topup": Call(
            body=sale(ticket_no="S-3", card=w.card.no, amount_fen=10_000, way="cash")
        ),
    }
