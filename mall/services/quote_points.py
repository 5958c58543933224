"""What points do in a quote: they pay for goods as money, and are the price of the points shop."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, NotFound
from config.kernel.policies import policy_at
from mall.models import OrderLine, PointsOffer
from mall.pricing import Item, Priced
from mall.services.quote_rules import with_line
from mall.states import OrderState
from members.guards_points import PointsShort
from members.models import Member
from members.points_rules import PointsRules, TenderRules
from members.selectors import points_free

if TYPE_CHECKING:
    from mall.services.quote import Basket


class PointsOfferUnknown(NotFound):
    """Not offered at this store now, or not at all."""

    code = "points_offer_unknown"


class PointsOfferTier(Conflict):
    code = "points_offer_tier"
    message = _("{offer} is for members of a higher tier.")


class PointsOfferLimit(Conflict):
    code = "points_offer_limit"
    message = _("No more of {offer} for one member than {most}.")


@dataclass(frozen=True, slots=True)
class OfferLine:
    """Pieces of an offer of the points shop."""

    offer: PointsOffer
    quantity: int

    @property
    def points(self) -> int:
        return self.offer.points_price * self.quantity

    @property
    def cash_fen(self) -> int:
        return self.offer.cash_fen * self.quantity


@dataclass(frozen=True, slots=True)
class PointsUse:
    """``price_points`` are the price of offers; of the points that are free beside them, the
    goods take ``most_points`` at most, and ``points``, worth ``amount_fen``, pay for them."""

    free_points: int
    most_points: int
    step_points: int
    fen_per_point: int
    points: int
    amount_fen: int
    price_points: int

    def options(self) -> dict[str, int]:
        """What is left to choose."""
        return {
            "free_points": self.free_points,
            "most_points": self.most_points,
            "step_points": self.step_points,
            "fen_per_point": self.fen_per_point,
        }


def with_offers(priced: Priced, offers: tuple[OfferLine, ...]) -> Priced:
    """No discount falls on what points pay for, and it reaches no threshold."""
    for x in offers:
        item = Item(x.offer.sku.code, x.quantity, x.offer.cash_fen, {})
        priced = with_line(priced, item, x.cash_fen)
    return priced


def offer_lines(basket: "Basket", now: datetime) -> tuple[OfferLine, ...]:
    """The offers that ``basket`` names. At most three statements; none without offers.

    Raises PointsOfferUnknown, PointsOfferTier, PointsOfferLimit.
    """
    wanted: dict[str, int] = {}
    for code, quantity in basket.points_lines:
        wanted[code] = wanted.get(code, 0) + quantity
    if not wanted:
        return ()
    rows = PointsOffer.objects.filter(
        code__in=wanted, listed=True, archived_at__isnull=True, starts_at__lte=now, ends_at__gt=now
    )
    offers = {x.code: x for x in rows.select_related("sku", "least_tier")}
    if offers.keys() != wanted.keys():
        raise PointsOfferUnknown(offers=sorted(wanted.keys() - offers.keys()))
    _tier_check(list(offers.values()), basket.member_id)
    limits_check([(offers[code], quantity) for code, quantity in wanted.items()], basket.member_id)
    return tuple(OfferLine(offers[code], quantity) for code, quantity in wanted.items())


def _tier_check(offers: list[PointsOffer], member_id: int) -> None:
    limited = [x for x in offers if x.least_tier is not None]
    if not limited:
        return
    members = Member.objects.filter(pk=member_id)
    growth = members.values_list("tier__growth_from", flat=True).get()
    for offer in limited:
        assert offer.least_tier is not None  # as filtered
        if growth is None or growth < offer.least_tier.growth_from:
            raise PointsOfferTier(offer=offer.code)


def limits_check(wanted: list[tuple[PointsOffer, int]], member_id: int) -> None:
    """Raise PointsOfferLimit where ``wanted`` pieces come on top of too many. One statement, none
    where nothing is limited."""
    limited = [offer for offer, _pieces in wanted if offer.per_member is not None]
    if not limited:
        return
    had = offers_bought(member_id=member_id, offer_ids=[offer.pk for offer in limited])
    for offer, pieces in wanted:
        if offer.per_member is not None and had.get(offer.pk, 0) + pieces > offer.per_member:
            raise PointsOfferLimit(offer=offer.code, most=offer.per_member)


def offers_bought(*, member_id: int, offer_ids: list[int]) -> dict[int, int]:
    """Pieces a member has, or is about to pay for, net of what was given back, by offer."""
    lines = OrderLine.objects.filter(points_offer__in=offer_ids, order__member=member_id).exclude(
        order__state__in=[OrderState.CANCELLED, OrderState.EXPIRED]
    )
    return dict(
        lines.order_by()
        .values_list("points_offer")
        .annotate(pieces=Sum(F("quantity") - F("refunded_quantity")))
    )


def points_use(
    basket: "Basket", *, goods_fen: int, offers: tuple[OfferLine, ...], now: datetime
) -> PointsUse | None:
    """What points do for a basket with goods of ``goods_fen``; None where they are not asked for.
    Two statements. Raises PointsShort where the offers cost more than there is."""
    if not (basket.use_points or basket.points is not None or offers):
        return None
    price = sum(line.points for line in offers)
    free = points_free(member_id=basket.member_id, now=now) - price
    if free < 0:
        raise PointsShort(missing_points=-free)
    rules = _tender_rules(now)
    if rules is None:
        return PointsUse(free, 0, 0, 0, 0, 0, price)
    most = rules.most_points(goods_fen, free)
    points = most if basket.use_points else 0
    if basket.points is not None:
        points = min(points, basket.points)
        points -= points % rules.step_points
    return PointsUse(
        free_points=free,
        most_points=most,
        step_points=rules.step_points,
        fen_per_point=rules.fen_per_point,
        points=points,
        amount_fen=rules.worth_fen(points),
        price_points=price,
    )


def _tender_rules(now: datetime) -> TenderRules | None:
    policy = policy_at(kind="points", moment=now)
    return PointsRules.read(policy.body).tender if policy else None
