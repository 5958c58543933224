"""What members do with what they own: pay at tills, top cards up, give them away, hand them back,
and take coupons for points."""

from datetime import datetime, timedelta
from functools import partial

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from coupons.services.points_exchange import points_exchange
from guides.simulation.agenda import Agenda
from guides.simulation.shopping import TOPUPS_FEN, card_of, order_try, shop_for
from guides.simulation.traffic import visit_moment, weighted
from guides.simulation.world import Person, Shop
from mall.models import PosTicket
from mall.services.pos_pay import pos_pay
from mall.services.pos_refund import pos_refund, pos_void
from mall.services.pos_till import Till
from mall.services.quote import Basket
from mall.states import PosTicketState
from members.selectors import card_lots, points_balance
from members.services.card_close import card_close_refund
from members.services.card_gift import (
    card_gift_accept,
    card_gift_offer,
    card_gift_take_back,
)
from members.services.member_code_issue import member_code_issue

# In thousandths of a day's visits.
_TILL, _TOPUP, _GIFT, _CLOSE, _EXCHANGE = 160, 30, 8, 5, 45
# What becomes of a ticket on its day, and of a gift: percent, added up.
_TICKET_FATES = [91, 95, 100]
_GIFT_FATES = [65, 80, 100]
_BROUGHT_BACK, _BROUGHT_BACK_DAYS = 15, 5
_REASONS = ("不常来了", "搬家", "急用钱", "换一张")


def plan(agenda: Agenda, visits: int) -> None:
    """Put on the agenda what members will do today, and what they bring back of other days."""
    rng = agenda.rng
    for share, act in ((_TILL, _at_the_till), (_CLOSE, _hand_back)):
        for _time in range(share_of(agenda, visits, share)):
            agenda.at(agenda.in_shop_hours(), partial(act, agenda))
    for share, act in ((_TOPUP, _top_up), (_GIFT, _give), (_EXCHANGE, _exchange)):
        for _time in range(share_of(agenda, visits, share)):
            agenda.at(visit_moment(agenda.day, rng), partial(act, agenda))
    _tickets_of_other_days(agenda)


def share_of(agenda: Agenda, visits: int, thousandths: int) -> int:
    """So many of the visits, and of what is left over as often as it should be one more."""
    whole, rest = divmod(visits * thousandths, 1000)
    return whole + (agenda.rng.randrange(1000) < rest)


def _holder(agenda: Agenda) -> Person | None:
    holders = [p for p in agenda.world.people if p.member_id in agenda.world.card_holders]
    return agenda.rng.choice(holders) if holders else None


# -- at the till ----------------------------------------------------------------------------------


def till_at(shop: Shop) -> Till | None:
    if shop.terminal is None:
        return None
    pk, no = shop.terminal
    return Till(f"terminal:{no}", shop.pk, shop.code, shop.operator_id, shop.operator, pk)


def cashier_of(shop: Shop) -> Actor:
    assert shop.terminal is not None  # whoever calls this has its till
    return Actor("terminal", f"{shop.terminal[1]}/0001")


def _at_the_till(agenda: Agenda, now: datetime) -> None:
    """Somebody shows their code and pays by card, as far as it goes."""
    rng, person = agenda.rng, _holder(agenda)
    if person is None:
        return
    shop = shop_for(agenda, person)
    till = till_at(shop)
    if till is None:
        return
    total = rng.randrange(1_900, 26_000)
    member_id = person.member_id
    lots = card_lots(
        member_id=member_id, acceptor_code=till.operator_code, store_code=till.store_code
    )
    spendable = sum(lot.value_fen for lot in lots)
    if not spendable:
        agenda.tally["tills_without_value"] += 1
        return
    agenda.tally["tickets"] += 1
    number = f"S{agenda.day:%y%m%d}{agenda.world.district}{agenda.tally['tickets']:04d}"
    shown = member_code_issue(member_id=member_id, now=now - timedelta(seconds=15))
    ticket = pos_pay(
        till=till,
        ticket_no=number,
        total_fen=total,
        card_fen=min(total, spendable),
        code=shown.token,
        actor=cashier_of(shop),
        now=now,
    )
    agenda.tally["tickets_card_fen"] += ticket.card_fen
    fate = weighted(rng, _TICKET_FATES)
    if fate == 1:
        agenda.at(agenda.soon(now, 2, 20), partial(_void, agenda, shop, number))
    elif fate == 2:
        agenda.at(agenda.soon(now, 5, 120), partial(_refund, agenda, shop, ticket.no))


def _void(agenda: Agenda, shop: Shop, number: str, now: datetime) -> None:
    till = till_at(shop)
    assert till is not None  # it sold the ticket
    try:
        pos_void(till=till, number=number, reason="录错了", actor=cashier_of(shop), now=now)
    except DomainError:
        # After midnight.
        return
    agenda.tally["tickets_voided"] += 1


def _refund(agenda: Agenda, shop: Shop, number: str, now: datetime) -> None:
    """A part of the ticket or all of it, by card and by what the till took, as it was paid."""
    till = till_at(shop)
    ticket = PosTicket.objects.get(no=number)
    if till is None or ticket.state != PosTicketState.PAID:
        return
    by_card = ticket.card_fen - ticket.refunded_fen
    other = ticket.total_fen - ticket.card_fen - ticket.other_refunded_fen
    if agenda.rng.randrange(3):
        by_card, other = agenda.rng.randrange(by_card) + 1, 0
    pos_refund(
        till=till,
        number=number,
        refund_no=f"R{agenda.day:%y%m%d}",
        amount_fen=by_card,
        other_fen=other,
        reason="顾客退货",
        actor=cashier_of(shop),
        now=now,
    )
    agenda.tally["tickets_refunded"] += 1


def _tickets_of_other_days(agenda: Agenda) -> None:
    shops = {shop.pk: shop for shop in agenda.world.shops}
    since = agenda.opening - timedelta(days=_BROUGHT_BACK_DAYS)
    tickets = PosTicket.objects.filter(
        state=PosTicketState.PAID, store__in=shops, paid_at__gte=since, refunded_fen=0
    )
    for no, store_id in tickets.order_by("pk").values_list("no", "store_id"):
        if agenda.rng.randrange(1000) < _BROUGHT_BACK:
            agenda.at(agenda.in_shop_hours(), partial(_refund, agenda, shops[store_id], no))


# -- cards ----------------------------------------------------------------------------------------


def _top_up(agenda: Agenda, now: datetime) -> None:
    person = _holder(agenda)
    if person is None:
        return
    shop = shop_for(agenda, person)
    card = card_of(person.member_id, shop)
    if card is None:
        return
    amount = agenda.rng.choice(TOPUPS_FEN)
    basket = Basket(person.member_id, shop.code, topup_card=card.no, amount_fen=amount)
    order_try(agenda, person, basket, "", now)


def _give(agenda: Agenda, now: datetime) -> None:
    """A card goes to a friend, who takes it, or not; some givers think better of it."""
    rng, person = agenda.rng, _holder(agenda)
    if person is None:
        return
    friend = rng.choice(agenda.world.people)
    card = card_of(person.member_id, agenda.world.shops[person.shop])
    if card is None or friend.member_id == person.member_id:
        return
    try:
        gift = card_gift_offer(
            card_id=card.pk,
            member_id=person.member_id,
            greeting="送你喝茶",
            actor=Actor.member(person.member_id),
            now=now,
        )
    except DomainError:
        # Nothing is on it, or some of it waits for a payment.
        return
    agenda.tally["gifts"] += 1
    fate = weighted(rng, _GIFT_FATES)
    if fate == 0:
        agenda.at(agenda.soon(now, 2, 400), partial(_accept, agenda, friend, gift.token))
    elif fate == 1:
        agenda.at(agenda.soon(now, 2, 200), partial(_take_back, agenda, person, gift.no))


def _accept(agenda: Agenda, friend: Person, token: str, now: datetime) -> None:
    try:
        card_gift_accept(
            token=token, member_id=friend.member_id, actor=Actor.member(friend.member_id), now=now
        )
    except DomainError:
        # Without a bound phone nobody holds a named card.
        agenda.tally["gifts_refused"] += 1
        return
    agenda.tally["gifts_accepted"] += 1
    agenda.world.card_holders.add(friend.member_id)


def _take_back(agenda: Agenda, person: Person, gift_no: str, now: datetime) -> None:
    card_gift_take_back(
        gift_no=gift_no, member_id=person.member_id, actor=Actor.member(person.member_id), now=now
    )
    agenda.tally["gifts_taken_back"] += 1


def _hand_back(agenda: Agenda, now: datetime) -> None:
    """A card is closed at its shop; what is left of its principal goes back the way it came."""
    person = _holder(agenda)
    if person is None:
        return
    shop = agenda.world.shops[person.shop]
    card = card_of(person.member_id, shop)
    if card is None or not shop.managers:
        return
    try:
        payback = card_close_refund(
            card_id=card.pk,
            reason=agenda.rng.choice(_REASONS),
            actor=Actor.user(agenda.rng.choice(shop.managers)),
            now=now,
        )
    except DomainError:
        # An order waits for some of it.
        return
    agenda.tally["cards_closed"] += 1
    agenda.tally["paid_back_fen"] += payback.amount_fen


# -- points ---------------------------------------------------------------------------------------


def _exchange(agenda: Agenda, now: datetime) -> None:
    """Points buy a coupon, or something of the points shop."""
    rng, people = agenda.rng, agenda.world.people
    if not people:
        return
    person = rng.choice(people)
    shop = agenda.world.shops[person.shop]
    goods = rng.randrange(2) == 1
    offered = (agenda.world.points_offers if goods else agenda.world.exchanges).get(shop.operator)
    if not offered:
        return
    code, price = rng.choice(offered)
    if points_balance(person.member_id)[0] < price:
        return
    if goods:
        basket = Basket(person.member_id, shop.code, points_lines=((code, 1),))
        order_try(agenda, person, basket, "", now)
        return
    try:
        points_exchange(
            template_code=code,
            member_id=person.member_id,
            points=price,
            actor=Actor.member(person.member_id),
            now=now,
        )
    except DomainError:
        # They have as many as one may have.
        return
    agenda.tally["coupons_for_points"] += 1
    agenda.world.coupon_holders.add(person.member_id)
