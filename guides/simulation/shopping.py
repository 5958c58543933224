"""One visit to the mini-program: scan, claim, fill a basket, look at the price, order, pay."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate

from django.db import transaction

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import DomainError
from coupons.selectors import coupon_rules
from coupons.services.coupon_claim import coupon_claim
from guides.services.touch_record import touch_record
from guides.simulation.agenda import Agenda
from guides.simulation.gateway import payment_made
from guides.simulation.people import visitor
from guides.simulation.traffic import weighted
from guides.simulation.world import Person, Shop
from mall.locks import order_lock
from mall.models import Payment
from mall.services.cart_set import cart_set
from mall.services.order_end import end_unpaid, order_cancel
from mall.services.order_place import order_place
from mall.services.payment_create import payment_create
from mall.services.quote import Basket, Quote, SkuUnavailable, quote
from mall.states import OrderState
from members.models import Card

# (SKU code, pieces)
Lines = tuple[tuple[str, int], ...]

_LINES = list(accumulate((46, 30, 16, 8)))
_PIECES = list(accumulate((80, 14, 6)))
# Percent of those who come again.
_PAYS_BY_POINTS = 15
# Percent of those who pay by card who top it up with the order.
_TOPS_UP = 12
TOPUPS_FEN = (20_000, 50_000, 50_000, 100_000)
# What becomes of an order that is not paid as it is placed: percent.
_PAY, _CANCEL, _FORGET, _LATE = range(4)
_FATES = list(accumulate((89, 4, 6, 1)))


@dataclass(frozen=True, slots=True)
class Sale:
    """An order that waits to be paid; ``card``: a stored-value card is what it buys."""

    member_id: int
    no: str
    total_fen: int
    expires_at: datetime
    card: bool


def visit(agenda: Agenda, now: datetime) -> None:
    """Somebody comes and means to buy."""
    rng, world = agenda.rng, agenda.world
    person, new = visitor(world, rng, now)
    agenda.tally["new_members" if new else "returning_members"] += 1
    shop = shop_for(agenda, person)
    token = _scan(agenda, person, shop, now)
    _claim(agenda, person, shop, new, now)
    if rng.randrange(1000) < (20 if new else 45):
        products = world.card_products.get(shop.operator) or [""]
        basket = Basket(person.member_id, shop.code, card_product=rng.choice(products))
        if basket.card_product:
            order_try(agenda, person, basket, token, now)
            return
    lines = _wanted(agenda)
    basket = Basket(
        person.member_id,
        shop.code,
        lines=lines,
        coupon_nos=_coupon(agenda, person, shop, lines, now),
        use_card=person.member_id in world.card_holders and rng.randrange(10) < 8,
        use_points=not new and rng.randrange(100) < _PAYS_BY_POINTS,
    )
    if basket.use_card and rng.randrange(100) < _TOPS_UP:
        basket = _topped_up(agenda, basket, shop)
    order_try(agenda, person, basket, token, now)


def stroll(agenda: Agenda, now: datetime) -> None:
    """Somebody looks around, puts something into the cart and leaves."""
    person, _new = visitor(agenda.world, agenda.rng, now)
    shop = shop_for(agenda, person)
    _scan(agenda, person, shop, now)
    actor = Actor.member(person.member_id)
    for code, quantity in _wanted(agenda):
        try:
            cart_set(
                member_id=person.member_id,
                store=shop.code,
                sku=code,
                quantity=quantity,
                actor=actor,
                now=now,
            )
        except SkuUnavailable:
            continue
    agenda.tally["carts"] += 1


def shop_for(agenda: Agenda, person: Person) -> Shop:
    """Mostly the shop they are used to."""
    rng, world = agenda.rng, agenda.world
    away = rng.randrange(100) < 20
    return world.shops[weighted(rng, world.shop_sums) if away else person.shop]


def _scan(agenda: Agenda, person: Person, shop: Shop, now: datetime) -> str:
    """A guide has the visitor scan a code, the better the guide the oftener."""
    rng = agenda.rng
    if not shop.guides:
        return ""
    guide = rng.choice(shop.guides)
    if rng.randrange(1000) >= guide.skill:
        return ""
    token = rng.choice(guide.tokens)
    try:
        touch_record(
            token=token,
            member_id=person.member_id,
            actor=Actor.member(person.member_id),
            now=now - timedelta(seconds=40),
        )
    except DomainError:
        return ""
    agenda.tally["touches"] += 1
    return token


def _claim(agenda: Agenda, person: Person, shop: Shop, new: bool, now: datetime) -> None:
    rng = agenda.rng
    templates = agenda.world.templates.get(shop.operator)
    if not templates or rng.randrange(100) >= (55 if new else 12):
        return
    try:
        with transaction.atomic():
            coupon_claim(
                template_code=templates[0] if new else rng.choice(templates),
                member_id=person.member_id,
                source_token="",
                actor=Actor.member(person.member_id),
                now=now - timedelta(seconds=20),
            )
    except DomainError:
        # They have theirs, or all are gone.
        agenda.tally["claims_refused"] += 1
        return
    agenda.tally["claims"] += 1
    agenda.world.coupon_holders.add(person.member_id)


def _wanted(agenda: Agenda) -> Lines:
    rng = agenda.rng
    wanted: dict[str, int] = {}
    for _line in range(1 + weighted(rng, _LINES)):
        wanted[agenda.world.article(rng).code] = 1 + weighted(rng, _PIECES)
    return tuple(wanted.items())


def order_try(agenda: Agenda, person: Person, basket: Basket, token: str, now: datetime) -> None:
    try:
        priced = _quoted(basket, now)
        if priced is None:
            agenda.tally["lost"] += 1
            return
        placed = order_place(
            basket=priced.basket,
            quote_version=priced.document()["version"],
            source_token=token,
            actor=Actor.member(person.member_id),
            now=now,
        )
    except DomainError:
        # Sold out between the looks, a coupon's budget at its end: the shopper gives up.
        agenda.tally["lost"] += 1
        return
    tally = agenda.tally
    tally["orders"] += 1
    tally["total_fen"] += placed["total_fen"]
    tally[_kind(basket)] += 1
    tally["coupons_used"] += len(priced.coupons)
    if placed["state"] == "paid":
        tally["paid"] += 1
        tally["paid_fen"] += placed["total_fen"]
        return
    sale = Sale(
        person.member_id,
        placed["no"],
        placed["total_fen"],
        datetime.fromisoformat(placed["expires_at"]),
        bool(basket.card_product),
    )
    _decide(agenda, sale, now)


def _kind(basket: Basket) -> str:
    if basket.card_product:
        return "card_orders"
    if basket.points_lines:
        return "points_orders"
    return "goods_orders" if basket.lines else "topup_orders"


def _decide(agenda: Agenda, sale: Sale, now: datetime) -> None:
    """What becomes of an order that waits to be paid."""
    over = sale.expires_at + timedelta(seconds=15)
    fate = weighted(agenda.rng, _FATES)
    if fate == _CANCEL:
        agenda.at(agenda.soon(now, 1, 9), partial(_cancel, agenda, sale))
    elif fate == _FORGET:
        if agenda.rng.randrange(2):
            agenda.at(agenda.soon(now, 1, 3), partial(_open_sheet, agenda, sale))
        agenda.at(over, partial(_expire, agenda, sale))
    elif fate == _LATE:
        agenda.at(agenda.soon(now, 1, 12), partial(_open_sheet, agenda, sale))
        agenda.at(over, partial(_expire, agenda, sale))
        agenda.at(agenda.soon(over, 1, 9), partial(_pay_late, agenda, sale))
    else:
        agenda.at(agenda.soon(now, 1, 5), partial(_pay, agenda, sale))


def _quoted(basket: Basket, now: datetime) -> Quote | None:
    """What the shopper finally agrees to: in stock, with a coupon that fits, or nothing."""
    for _look in range(3):
        try:
            priced = quote(basket=basket, now=now)
        except SkuUnavailable as error:
            gone = str(error.params["skus"]).split(", ")
            lines = tuple((code, n) for code, n in basket.lines if code not in gone)
            if not lines:
                return None
            basket = replace(basket, lines=lines)
            continue
        stock = priced.stock()
        lines = tuple((code, min(n, stock[code])) for code, n in basket.lines if stock[code] > 0)
        if lines != basket.lines:
            if not lines:
                return None
            basket = replace(basket, lines=lines, coupon_nos=())
            continue
        if priced.priced.refusals:
            basket = replace(basket, coupon_nos=())
            continue
        return priced
    return None


def _coupon(
    agenda: Agenda, person: Person, shop: Shop, lines: Lines, now: datetime
) -> tuple[str, ...]:
    """The first of the shopper's coupons that may apply; not everybody thinks of them."""
    if person.member_id not in agenda.world.coupon_holders or agenda.rng.randrange(100) < 25:
        return ()
    worth_fen = sum(agenda.world.prices[code] * pieces for code, pieces in lines)
    for rule in coupon_rules(member_id=person.member_id, now=now):
        reached = rule.threshold_fen <= worth_fen
        if reached and rule.operator_id == shop.operator_id and "mall" in rule.channels:
            return (rule.no,)
    return ()


def card_of(member_id: int, shop: Shop) -> Card | None:
    """The oldest usable one that the shop's company issued."""
    cards = Card.objects.filter(member_id=member_id, operator=shop.operator_id, state="active")
    return cards.order_by("pk").first()


def _topped_up(agenda: Agenda, basket: Basket, shop: Shop) -> Basket:
    """Topping up and paying with it in one order, where there is a card for it."""
    card = card_of(basket.member_id, shop)
    if card is None:
        return basket
    amount = agenda.rng.choice(TOPUPS_FEN)
    return replace(basket, topup_card=card.no, card_no=card.no, amount_fen=amount)


def _open_sheet(agenda: Agenda, sale: Sale, now: datetime) -> Payment:
    return payment_create(
        order_no=sale.no,
        member_id=sale.member_id,
        appid=agenda.world.appid,
        actor=Actor.member(sale.member_id),
        now=now,
    )


def _pay(agenda: Agenda, sale: Sale, now: datetime) -> None:
    """The payment sheet was opened some seconds ago; now the password is typed."""
    payment = _open_sheet(agenda, sale, now - timedelta(seconds=agenda.rng.randrange(5, 25)))
    if payment_made(payment, now=now) != "paid":
        return
    agenda.tally["paid"] += 1
    agenda.tally["paid_fen"] += sale.total_fen
    if sale.card:
        agenda.world.card_holders.add(sale.member_id)


def _pay_late(agenda: Agenda, sale: Sale, now: datetime) -> None:
    """The password was typed just before the order ended; WeChat says so only now."""
    payment = Payment.objects.get(order__no=sale.no)
    payment_made(payment, now=now)
    agenda.tally["late"] += 1


def _cancel(agenda: Agenda, sale: Sale, now: datetime) -> None:
    order_cancel(
        order_no=sale.no,
        reason="不想要了",
        member_id=sale.member_id,
        actor=Actor.member(sale.member_id),
        now=now,
    )
    agenda.tally["cancelled"] += 1


def _expire(agenda: Agenda, sale: Sale, now: datetime) -> None:
    """What the worker's ``orders_expire`` does to every order that is due, for this one: the
    other district lives at another minute."""
    with transaction.atomic():
        end_unpaid(
            order=order_lock(no=sale.no),
            reason="unpaid",
            actor=SYSTEM,
            now=now,
            to_state=OrderState.EXPIRED,
        )
    agenda.tally["expired"] += 1
