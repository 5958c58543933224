"""What members do with coupons besides orders of the mall: redeem them at tills, bring a part of
the sale back, give them to friends."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from coupons.models import CodePool, Coupon
from coupons.redeem_codes import redeem_code
from coupons.services.code_redeem import code_redeem
from coupons.services.coupon_gift import (
    coupon_gift_accept,
    coupon_gift_offer,
    coupon_gift_take_back,
)
from coupons.states import CouponState, PoolKind
from guides.simulation.agenda import Agenda
from guides.simulation.shopping import shop_for
from guides.simulation.traffic import visit_moment, weighted
from guides.simulation.wallet import cashier_of, share_of, till_at
from guides.simulation.world import DISTRICTS, Article, Person, Shop
from mall.scopes import wanted_values
from mall.services.pos_quote import TillLine, store_coupons
from mall.services.redemption_confirm import redemption_confirm, redemption_preview
from mall.services.redemption_reverse import redemption_return, redemption_reverse
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue

# In thousandths of a day's visits; what becomes of a sale, and of a gift: percent, added up.
_REDEEM, _CODE, _GIFT = 90, 30, 20
_SALE_FATES = [84, 88, 100]
_GIFT_FATES = [70, 85, 100]


def plan(agenda: Agenda, visits: int) -> None:
    """Put on the agenda what members will do today."""
    for _time in range(share_of(agenda, visits, _REDEEM)):
        agenda.at(agenda.in_shop_hours(), partial(_redeem, agenda))
    for share, act in ((_CODE, _type_code), (_GIFT, _give)):
        for _time in range(share_of(agenda, visits, share)):
            agenda.at(visit_moment(agenda.day, agenda.rng), partial(act, agenda))


def _type_code(agenda: Agenda, now: datetime) -> None:
    """Somebody types a code: one that everybody may, or one of those that are good once."""
    ready = Q(kind=PoolKind.SHARED) | Q(made__gte=DISTRICTS)
    pools = list(CodePool.objects.filter(ready, stopped_at=None, imported=False).order_by("pk"))
    if not pools or not agenda.world.people:
        return
    pool = agenda.rng.choice(pools)
    typed = pool.shared_code or ""
    if pool.kind == PoolKind.UNIQUE:
        # Each district has codes of its own: who is first must not depend on the process.
        serial = DISTRICTS * agenda.rng.randrange(pool.made // DISTRICTS) + agenda.world.district
        typed = redeem_code(pool.no, serial + 1)
    member_id = agenda.rng.choice(agenda.world.people).member_id
    try:
        code_redeem(typed=typed, member_id=member_id, actor=Actor.member(member_id), now=now)
    except DomainError:
        # They have theirs, or the code was used.
        agenda.tally["coupon_codes_refused"] += 1
        return
    agenda.world.coupon_holders.add(member_id)
    agenda.tally["coupon_codes"] += 1


def _holder(agenda: Agenda) -> Person | None:
    holders = [p for p in agenda.world.people if p.member_id in agenda.world.coupon_holders]
    return agenda.rng.choice(holders) if holders else None


def _redeem(agenda: Agenda, now: datetime) -> None:
    """Somebody shows their code at a till that sells what the mall knows nothing of."""
    rng, person = agenda.rng, _holder(agenda)
    shop = None if person is None else shop_for(agenda, person)
    till = None if shop is None else till_at(shop)
    if person is None or shop is None or till is None:
        return
    found = store_coupons(till=till, member_id=person.member_id, now=now)
    if not found:
        agenda.tally["tills_without_coupon"] += 1
        return
    agenda.tally["coupon_tickets"] += 1
    number = f"C{agenda.day:%y%m%d}{agenda.world.district}{agenda.tally['coupon_tickets']:04d}"
    rule = rng.choice(found)
    lines = _sold(agenda, rule.scope)
    amount = None if lines else rng.randrange(5_000, 40_000)
    shown = member_code_issue(member_id=person.member_id, now=now - timedelta(seconds=15))
    visit = member_code_use(scanned=shown.token, by=till.name, now=now).visit
    nos = [rule.no]
    seen = redemption_preview(
        till=till, visit=visit, coupon_nos=nos, lines=lines, amount_fen=amount, now=now
    )
    try:
        ticket = redemption_confirm(
            till=till,
            ticket_no=number,
            visit=visit,
            coupon_nos=nos,
            lines=lines,
            amount_fen=amount,
            discount_fen=seen["discount_fen"],
            actor=cashier_of(shop),
            now=now,
        )
    except DomainError:
        # Its threshold is not reached, or its budget is used up.
        agenda.tally["coupon_tickets_refused"] += 1
        return
    agenda.tally["coupon_tickets_redeemed"] += 1
    agenda.tally["coupon_tickets_fen"] += ticket.discount_fen
    fate = weighted(rng, _SALE_FATES)
    if fate == 1:
        agenda.at(agenda.soon(now, 2, 20), partial(_reverse, agenda, shop, number))
    elif fate == 2:
        units = [(n, 1 + rng.randrange(line.quantity)) for n, line in enumerate(lines)]
        part = None if units else 1 + rng.randrange(ticket.gross_fen)
        agenda.at(agenda.soon(now, 5, 120), partial(_return, agenda, shop, number, units, part))


def _sold(agenda: Agenda, scope: Mapping[str, Any]) -> list[TillLine]:
    """What the till sells beside a coupon: what that is for, where it is for something; else goods
    that the mall knows nothing of, or an amount alone."""
    rng = agenda.rng
    wanted = wanted_values(scope)
    fitting = [a for a in agenda.world.articles if _fits(a, wanted)] if wanted else []
    if fitting:
        article = rng.choice(fitting)
        return [TillLine(article.code, "", 1 + rng.randrange(3), article.price_fen)]
    pieces = [(rng.randrange(900, 19_900), 1 + rng.randrange(3)) for _n in range(rng.randrange(3))]
    return [TillLine("", f"散货{n}", q, unit) for n, (unit, q) in enumerate(pieces)]


def _fits(article: Article, wanted: Mapping[str, set[str]]) -> bool:
    shelves = {article.shelf, article.shelf.partition("-")[0]}
    product = article.code.rpartition("-")[0]
    return bool(wanted.get("category", shelves) & shelves) and product in wanted.get(
        "product", {product}
    )


def _reverse(agenda: Agenda, shop: Shop, number: str, now: datetime) -> None:
    till = till_at(shop)
    assert till is not None  # it redeemed the coupon
    redemption_reverse(till=till, number=number, actor=cashier_of(shop), now=now)
    agenda.tally["coupon_tickets_reversed"] += 1


def _return(
    agenda: Agenda,
    shop: Shop,
    number: str,
    units: list[tuple[int, int]],
    amount_fen: int | None,
    now: datetime,
) -> None:
    till = till_at(shop)
    assert till is not None  # it redeemed the coupon
    redemption_return(
        till=till,
        number=number,
        return_no="R1",
        units=units,
        amount_fen=amount_fen,
        actor=cashier_of(shop),
        now=now,
    )
    agenda.tally["coupon_tickets_returned"] += 1


def _give(agenda: Agenda, now: datetime) -> None:
    """Somebody offers a coupon to a friend of the same district, who mostly takes it."""
    rng, person = agenda.rng, _holder(agenda)
    if person is None:
        return
    mine = Coupon.objects.filter(
        member_id=person.member_id,
        state=CouponState.CLAIMED,
        given_by=None,
        valid_until__gt=now,
        template__gift_days__gt=0,
        template__use_stopped_at=None,
    )
    no = mine.order_by("pk").values_list("no", flat=True).first()
    if no is None:
        return
    giver = Actor.member(person.member_id)
    gift = coupon_gift_offer(coupon_no=no, member_id=person.member_id, actor=giver, now=now)
    agenda.tally["coupon_gifts"] += 1
    fate = weighted(rng, _GIFT_FATES)
    friend = rng.choice(agenda.world.people)
    if fate == 0 and friend.member_id != person.member_id:
        agenda.at(agenda.soon(now, 1, 90), partial(_accept, agenda, gift.token, friend))
    elif fate == 1:
        agenda.at(agenda.soon(now, 1, 90), partial(_take_back, agenda, gift.no, person))


def _accept(agenda: Agenda, token: str, friend: Person, now: datetime) -> None:
    taker = friend.member_id
    try:
        coupon_gift_accept(token=token, member_id=taker, actor=Actor.member(taker), now=now)
    except DomainError:
        # They have as many as one may have.
        return
    agenda.world.coupon_holders.add(taker)
    agenda.tally["coupon_gifts_accepted"] += 1


def _take_back(agenda: Agenda, no: str, giver: Person, now: datetime) -> None:
    member_id = giver.member_id
    try:
        coupon_gift_take_back(
            gift_no=no, member_id=member_id, actor=Actor.member(member_id), now=now
        )
    except DomainError:
        return
    agenda.tally["coupon_gifts_taken_back"] += 1
