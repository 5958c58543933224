"""Place an order: reserve stock, lock coupons, hold the card, write the order. One transaction.

An order that stored value covers in full is paid in the same transaction, by the direct form of
each guard. Hot rows (stock) come last.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from coupons import guards as coupon_guards
from coupons.states import Channel
from mall.events import OrderPaid, OrderPlaced
from mall.guards import StockLine, order_insert, stock_reserve, stock_take
from mall.services.delivery_address import Address, address_check, address_write
from mall.services.order_points import order_points_take
from mall.services.order_value import value_key
from mall.services.quote import (
    Basket,
    Quote,
    quote,
    quote_recall,
)
from mall.services.quote_changes import difference_words, quote_difference
from mall.services.quote_rules import refuse_unused
from mall.shoppers import first_order_lock
from mall.states import LineKind, OrderChannel, OrderState
from members import guards as card_guards
from members.services.card_offer import TopUpOfferGone, card_offer_take


class QuoteChanged(Conflict):
    code = "quote_changed"
    message = _("The price has changed since the quote. Look at it again.")


class StoreWithoutPickup(Conflict):
    code = "pickup_not_offered"
    message = _("This store does not hand over orders.")


def order_place(
    *,
    basket: Basket,
    quote_version: str,
    actor: Actor,
    now: datetime,
    source_token: str = "",
    device: str = "",
    channel: str = OrderChannel.MINI_PROGRAM,
    address: Address | None = None,
    before_stock: Callable[[dict[str, Any]], None] = lambda placed: None,
) -> dict[str, Any]:
    """Turn a quote into an order. Returns {no, state, total_fen, to_pay_fen, expires_at}.
    ``address`` is where it is sent, of the basket's region; without one it is collected.

    Raises what :func:`quote` raises, QuoteChanged (with the difference), OutOfStock,
    CouponUnavailable, TopUpOfferGone, PointsShort, InsufficientFunds, StoreWithoutPickup,
    AddressInvalid. On any of them nothing remains.
    ``before_stock`` gets the result for what else has to be written: after the stock, which a
    rush waits for, there is only the commit.
    """
    # No savepoint: a refusal here refuses the whole request.
    with transaction.atomic(savepoint=False):
        priced = quote(basket=basket, now=now)
        scopes = [d.rule.scope for d in priced.priced.discounts]
        if first_order_lock(member_id=basket.member_id, scopes=scopes):
            priced = quote(basket=basket, now=now)
        document = priced.document()
        if document["version"] != quote_version:
            old = quote_recall(quote_version, member_id=basket.member_id)
            changes = quote_difference(old, document)
            words = difference_words(changes, old, document)
            raise QuoteChanged(changes=changes, words=words, quote=document)
        _refuse_what_quotes_only_warn_about(priced)
        address_check(address, region=basket.region)
        paid = priced.to_pay_fen == 0
        no = new_no("SO")
        expires_at = now + timedelta(minutes=settings.ORDER_PAY_MINUTES)
        order_id, line_ids = _write(
            priced, document, no, paid, source_token, device, channel, now, expires_at
        )
        if address is not None:
            address_write(address, order_id=order_id)
        record(_events(order_id, basket.member_id, paid), actor=actor, now=now)
        _guard_coupons(priced, no, paid, now)
        _guard_offers(priced, no, actor, now)
        _guard_points(priced, no, paid, expires_at, actor, now)
        _guard_card(priced, no, paid, expires_at, actor, now)
        stock = [
            StockLine(line_id, priced.offers.store_id, x.offer.sku_id, x.code, x.quantity)
            for line_id, x in zip(line_ids, priced.lines, strict=True)
            if x.offer is not None
        ]
        placed = {
            "no": no,
            "state": str(OrderState.PAID if paid else OrderState.PLACED),
            "total_fen": priced.priced.total_fen,
            "to_pay_fen": priced.to_pay_fen,
            "expires_at": expires_at.isoformat(),
        }
        before_stock(placed)
        nudge()
        (stock_take if paid else stock_reserve)(stock, reference=no, now=now)
    return placed


def _refuse_what_quotes_only_warn_about(priced: Quote) -> None:
    if not priced.basket.best_coupons:
        refuse_unused(priced.priced)
    is_goods = any(line.kind == LineKind.GOODS for line in priced.lines)
    if is_goods and not priced.basket.region and not priced.offers.pickup_enabled:
        raise StoreWithoutPickup()


def _events(order_id: int, member_id: int, paid: bool) -> list[OrderPlaced | OrderPaid]:
    common: dict[str, Any] = {"subject_id": order_id, "member_id": member_id}
    events: list[OrderPlaced | OrderPaid] = [OrderPlaced(to_state=OrderState.PLACED, **common)]
    if paid:
        events.append(OrderPaid(from_state=OrderState.PLACED, to_state=OrderState.PAID, **common))
    return events


def _write(
    priced: Quote,
    document: dict[str, Any],
    no: str,
    paid: bool,
    source_token: str,
    device: str,
    channel: str,
    now: datetime,
    expires_at: datetime,
) -> tuple[int, list[int]]:
    order = {
        "no": no,
        "member_id": priced.basket.member_id,
        "operator_id": priced.operator_id,
        "store_id": priced.offers.store_id,
        "channel": channel,
        "source_token": source_token,
        "device": device,
        "state": OrderState.PAID if paid else OrderState.PLACED,
        "gross_fen": priced.gross_fen,
        "discount_fen": priced.priced.discount_fen,
        "freight_fen": priced.freight_fen,
        "total_fen": priced.priced.total_fen,
        "points": priced.points,
        "points_fen": priced.points_fen,
        "snapshot": document,
        "placed_at": now,
        "expires_at": expires_at,
        "paid_at": now if paid else None,
        "completed_at": None,
    }
    lines = [
        {
            "position": i,
            "kind": x.kind,
            "sku_id": x.offer.sku_id if x.offer else None,
            "card_product_id": x.card_product_id,
            "card_id": x.card_id,
            "bonus_fen": x.bonus_fen,
            "membership_plan_id": x.membership_plan_id,
            "membership_days": x.membership_days,
            "points_offer_id": x.points_offer.pk if x.points_offer else None,
            "points_price": x.points_price,
            "title": x.title,
            "options": x.options,
            "quantity": x.quantity,
            "unit_price_fen": x.unit_price_fen,
            "gross_fen": x.gross_fen,
            "discount_fen": x.gross_fen - x.net_fen,
            "net_fen": x.net_fen,
        }
        for i, x in enumerate(priced.lines)
    ]
    adjustments = [
        {
            "position": i,
            "kind": d.rule.kind,
            "reference": d.rule.reference,
            "title": d.rule.title,
            "amount_fen": amount,
        }
        for d in priced.priced.discounts
        for i, amount in enumerate(d.amounts)
        if amount
    ]
    tenders = [
        {
            "position": i,
            "kind": t.kind,
            "amount_fen": t.amount_fen,
            "points": t.points,
            # The account of what the order itself puts on the card comes with the payment.
            "account_id": t.part.account_id if t.part and not t.from_topup else None,
            "card_no": t.part.card_no if t.part else "",
            "from_topup": t.from_topup,
        }
        for i, t in enumerate(priced.tenders)
    ]
    allocations = [
        {"line": i, "tender": j, "amount_fen": amount}
        for i, row in enumerate(priced.allocations)
        for j, amount in enumerate(row)
        if amount
    ]
    return order_insert(
        order=order,
        lines=lines,
        adjustments=adjustments,
        tenders=tenders,
        allocations=allocations,
    )


def _guard_coupons(priced: Quote, no: str, paid: bool, now: datetime) -> None:
    if not priced.coupons:
        return
    off = {
        d.rule.reference: d.total_fen for d in priced.priced.discounts if d.rule.kind == "coupon"
    }
    uses = [(c.pk, off[c.no]) for c in priced.coupons]
    member_id = priced.basket.member_id
    if paid:
        coupon_guards.coupon_redeem(
            uses=uses, member_id=member_id, reference=no, channel=Channel.MALL, now=now
        )
    else:
        coupon_guards.coupon_lock(uses=uses, member_id=member_id, reference=no, now=now)


def _guard_offers(priced: Quote, no: str, actor: Actor, now: datetime) -> None:
    """The top-up offer is this order's from here on, and its bonus settled."""
    for position, line in enumerate(priced.lines):
        if line.offer_id is not None and line.card_product_id is not None:
            use = card_offer_take(
                offer_id=line.offer_id,
                card_product_id=line.card_product_id,
                member_id=priced.basket.member_id,
                store_id=priced.offers.store_id,
                principal_fen=line.net_fen,
                key=value_key(no, position),
                actor=actor,
                now=now,
            )
            if use.bonus_fen != line.bonus_fen:
                raise TopUpOfferGone()


def _guard_points(
    priced: Quote, no: str, paid: bool, expires_at: datetime, actor: Actor, now: datetime
) -> None:
    if not priced.points:
        return
    order_points_take(
        order_no=no,
        member_id=priced.basket.member_id,
        points=priced.points,
        points_fen=priced.points_fen,
        operator_id=priced.operator_id,
        operator_code=priced.operator_code,
        offers=[x.points_offer for x in priced.lines if x.points_offer is not None],
        expires_at=None if paid else expires_at,
        actor=actor,
        now=now,
    )


def _guard_card(
    priced: Quote, no: str, paid: bool, expires_at: datetime, actor: Actor, now: datetime
) -> None:
    parts = [t.part for t in priced.tenders if t.part is not None and not t.from_topup]
    if not parts:
        return
    acceptor, store = priced.offers.operator_code, priced.offers.store_code
    if paid:
        card_guards.card_spend(
            parts=parts, reference=no, acceptor_code=acceptor, store_code=store, now=now
        )
    else:
        card_guards.card_hold(
            card_id=parts[0].card_id,
            parts=parts,
            reference=no,
            expires_at=expires_at,
            actor=actor,
            now=now,
            acceptor_code=acceptor,
            store_code=store,
        )
