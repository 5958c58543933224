"""What a desk shows where it sells stored value: a member's cards, what is on sale, the day."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Prefetch, Q, Sum

from config.kernel import clock
from config.kernel.money import yuan
from mall.models import Refund, StoreSale
from mall.states import RefundCause, SaleWay
from members.models import Card, CardLot, CardProduct, Member, TopUpOffer
from members.states import CardState
from stores.models import Store

MOST = 50


@dataclass(frozen=True)
class CardChoice:
    """A card to be topped up: what is on it, and the steps of the offers that are open to it."""

    card: Card
    value_fen: int
    offers: list[str]


@dataclass(frozen=True)
class ProductChoice:
    """A card on sale; ``free``: the buyer chooses the amount."""

    product: CardProduct
    free: bool
    offers: list[str]


@dataclass(frozen=True)
class CardChoices:
    cards: list[CardChoice]
    products: list[ProductChoice]


def card_choices(*, member: Member, store: Store, now: datetime) -> CardChoices:
    """What ``member`` can buy at ``store`` (with its operator): usable cards of theirs, and the
    cards on sale that pay there. Five statements."""
    lots = CardLot.objects.select_related("principal", "bonus")
    cards = list(
        Card.objects.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            member=member,
            state=CardState.ACTIVE,
        )
        .select_related("product")
        .prefetch_related(Prefetch("lots", lots))
        .order_by("issued_at", "pk")[:MOST]
    )
    products = list(
        CardProduct.objects.filter(
            Q(accepted_operators=[]) | Q(accepted_operators__contains=[store.operator.code]),
            Q(accepted_stores=[]) | Q(accepted_stores__contains=[store.code]),
            on_sale=True,
            archived_at__isnull=True,
        ).order_by("price_fen", "pk")[:MOST]
    )
    offers = _offers(member, store, now)
    return CardChoices(
        cards=[
            CardChoice(
                card,
                sum(lot.principal.balance + lot.bonus.balance for lot in card.lots.all()),
                _steps(offers, card.product),
            )
            for card in cards
        ],
        products=[
            ProductChoice(product, product.min_fen is not None, _steps(offers, product))
            for product in products
        ],
    )


def _offers(member: Member, store: Store, now: datetime) -> list[TopUpOffer]:
    """As ``members.selectors_cards.topup_offers`` has them, for every product at once."""
    used = TopUpOffer.objects.filter(
        once_per_member=True, uses__member=member, uses__returned_at__isnull=True
    )
    found = TopUpOffer.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now),
        Q(tiers__isnull=True) | Q(tiers=member.tier_id),
        Q(stores__isnull=True) | Q(stores=store),
        archived_at__isnull=True,
        starts_at__lte=now,
    ).exclude(pk__in=used.values("pk"))
    return list(found.prefetch_related("products").order_by("pk").distinct())


def _steps(offers: list[TopUpOffer], product: CardProduct) -> list[str]:
    return [
        f"{yuan(step['from_fen'])} + {yuan(step['bonus_fen'])}"
        for offer in offers
        if offer.operator_id == product.operator_id
        and (not offer.products.all() or product in offer.products.all())
        for step in offer.steps
    ]


@dataclass(frozen=True)
class Takings:
    """What a way of paying brought in on a day, in fen. ``undone_fen`` went out again."""

    way: str
    label: str
    sales: int
    sold_fen: int
    undone: int
    undone_fen: int

    @property
    def net_fen(self) -> int:
        return self.sold_fen - self.undone_fen


@dataclass(frozen=True)
class SaleDay:
    """A day's sales of a store that were paid, the newest first, and what they brought in."""

    day: date
    takings: list[Takings]
    sales: list[StoreSale]


def sale_day(*, store: Store, day: date) -> SaleDay:
    """Sales by the Shanghai day on which they were paid; a sale is undone on its day. Three
    statements."""
    since = datetime.combine(day, time(tzinfo=clock.SHANGHAI))
    paid = StoreSale.objects.filter(
        store=store, order__paid_at__gte=since, order__paid_at__lt=since + timedelta(days=1)
    )
    sold = {
        way: (count, fen)
        for way, count, fen in paid.values_list("way").annotate(
            count=Count("pk"), fen=Sum("order__total_fen")
        )
    }
    undone = {
        way: (count, fen)
        for way, count, fen in Refund.objects.filter(
            cause=RefundCause.VOID, order__store_sale__in=paid
        )
        .values_list("order__store_sale__way")
        .annotate(count=Count("pk"), fen=Sum("amount_fen"))
    }
    sales = paid.select_related("order__member", "terminal").prefetch_related("order__lines")
    return SaleDay(
        day=day,
        takings=[
            Takings(way.value, str(way.label), *sold[way], *undone.get(way, (0, 0)))
            for way in SaleWay
            if way in sold
        ],
        sales=list(sales.order_by("-pk")),
    )
