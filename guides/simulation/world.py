"""What a simulated day finds: shops with their people, goods with their popularity, members.

The mall is cut into districts that share nothing but the goods' names: shops, guides, members and
scarce coupons belong to one of them. Each has its own dice, so that several processes can live
through one day side by side and still come to the same amounts as one.
"""

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import accumulate

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.models import Code, PolicyVersion, User
from coupons.models import Coupon, Template
from coupons.states import USABLE
from guides.models import Guide, GuideAssignment
from guides.services.code_create import OWNER
from guides.simulation.traffic import shelf_percent
from mall.models import PointsOffer, Sku
from members.models import Card, CardProduct, ExternalId, Tier
from members.states import ExternalKind
from stores.models import Assignment, Store, Terminal
from stores.states import Role

DISTRICTS = 3
# A template with fewer coupons than this, or with a budget, is claimed in one district alone:
# who gets the last one must not depend on which process is faster.
_PLENTY = 5_000
# In thousandths: how often a guide gets a visitor of the shop to scan a code.
SKILLS = (560, 430, 340, 270, 190, 120)
_SHARES = (26, 21, 18, 14, 12, 9)


class WorldIncomplete(DomainError):
    code = "simulation_world_incomplete"
    message = _("The mall cannot be simulated: {problem}.")


@dataclass(frozen=True, slots=True)
class GuideAtWork:
    pk: int
    user_id: int
    skill: int
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shop:
    pk: int
    code: str
    operator: str
    operator_id: int
    clerks: tuple[User, ...]
    managers: tuple[User, ...]
    guides: tuple[GuideAtWork, ...]
    # (primary key, number) of its till.
    terminal: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Article:
    sku_id: int
    code: str
    shelf: str
    price_fen: int
    weight: int


@dataclass(slots=True)
class Person:
    """A member who lives in the simulation; ``shop`` is the index of the one they go to."""

    member_id: int
    shop: int


@dataclass
class World:
    """One district. ``openid`` begins the openids of its members, and of nobody else."""

    district: int
    appid: str
    share: int
    shops: list[Shop]
    shop_sums: list[int]
    articles: list[Article]
    card_products: dict[str, list[str]]
    templates: dict[str, list[str]]
    # (code, price in points) of the coupons that points buy, and of the goods.
    exchanges: dict[str, list[tuple[str, int]]]
    points_offers: dict[str, list[tuple[str, int]]]
    tier_id: int | None
    opened_at: datetime
    people: list[Person] = field(default_factory=list)
    card_holders: set[int] = field(default_factory=set)
    coupon_holders: set[int] = field(default_factory=set)
    sums: list[int] = field(default_factory=list)
    prices: dict[str, int] = field(default_factory=dict)

    @property
    def openid(self) -> str:
        return f"sim-{self.district}-"

    @property
    def member_ids(self) -> set[int]:
        return {person.member_id for person in self.people}

    def refresh(self, day: date) -> None:
        """What changed overnight: who has a card or a coupon, and what the season wants."""
        ids = self.member_ids
        holders = Card.objects.filter(state="active").values_list("member_id", flat=True)
        self.card_holders = ids.intersection(holders)
        wallets = Coupon.objects.filter(state__in=USABLE).values_list("member_id", flat=True)
        self.coupon_holders = ids.intersection(wallets.distinct())
        self.sums = list(accumulate(a.weight * shelf_percent(day, a.shelf) for a in self.articles))

    def article(self, rng: random.Random) -> Article:
        return self.articles[bisect_right(self.sums, rng.randrange(self.sums[-1]))]


def worlds_load() -> list[World]:
    """The districts of the mall as it stands. Raises WorldIncomplete when nobody could sell or
    buy in it."""
    shops = _shops()
    if not shops:
        raise WorldIncomplete(problem="no shop with staff of its own; load the demo mall first")
    articles = _articles()
    if not articles:
        raise WorldIncomplete(problem="nothing is on sale")
    shares = {shop.pk: _SHARES[min(n, len(_SHARES) - 1)] for n, shop in enumerate(shops)}
    tier = Tier.objects.order_by("growth_from").first()
    cards = _card_products()
    found = []
    districts = _districts(shops, shares)
    for district, mine in enumerate(districts):
        sums = list(accumulate(shares[shop.pk] for shop in mine))
        world = World(
            district=district,
            appid=next(iter(settings.WECHAT["miniprograms"]), "wx-simulated"),
            share=100 * sums[-1] // sum(shares.values()),
            shops=mine,
            shop_sums=sums,
            articles=articles,
            card_products=cards,
            templates=_templates(district, districts),
            exchanges=_exchanges(),
            points_offers=_points_offers(),
            tier_id=tier.pk if tier else None,
            opened_at=_opened_at(mine),
        )
        world.prices = {a.code: a.price_fen for a in articles}
        world.people = _people(world)
        found.append(world)
    return found


def _districts(shops: list[Shop], shares: dict[int, int]) -> list[list[Shop]]:
    """The shops dealt out so that every district sees about the same number of visitors."""
    districts: list[list[Shop]] = [[] for _district in range(min(DISTRICTS, len(shops)))]
    for shop in shops:
        min(districts, key=lambda d: sum(shares[s.pk] for s in d)).append(shop)
    return districts


def _card_products() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = CardProduct.objects.filter(archived_at=None, on_sale=True).order_by("pk")
    for operator, code in rows.values_list("operator__code", "code"):
        found.setdefault(operator, []).append(code)
    return found


def _templates(district: int, districts: list[list[Shop]]) -> dict[str, list[str]]:
    """What the members of a district may claim; a scarce one goes to a district that takes it."""
    found: dict[str, list[str]] = {}
    rows = Template.objects.filter(archived_at=None, public=True, points_price=None).order_by("pk")
    scarce = 0
    for operator, code, quota, budget in rows.values_list(
        "operator__code", "code", "quota", "budget_fen"
    ):
        takers = [
            n for n, shops in enumerate(districts) if any(s.operator == operator for s in shops)
        ]
        if takers and (budget is not None or quota < _PLENTY):
            scarce += 1
            if takers[scarce % len(takers)] != district:
                continue
        found.setdefault(operator, []).append(code)
    return found


def _exchanges() -> dict[str, list[tuple[str, int]]]:
    """What points buy; only what there is plenty of, so that nobody comes too late."""
    found: dict[str, list[tuple[str, int]]] = {}
    rows = Template.objects.filter(
        archived_at=None, public=True, points_price__gt=0, budget_fen=None, quota__gte=_PLENTY
    ).order_by("pk")
    for operator, code, price in rows.values_list("operator__code", "code", "points_price"):
        found.setdefault(operator, []).append((code, price or 0))
    return found


def _points_offers() -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    rows = PointsOffer.objects.filter(archived_at=None, listed=True).order_by("pk")
    for operator, code, price in rows.values_list("operator__code", "code", "points_price"):
        found.setdefault(operator, []).append((code, price))
    return found


def _shops() -> list[Shop]:
    staff: dict[int, list[User]] = {}
    managers: dict[int, list[User]] = {}
    rows = Assignment.objects.filter(
        store__isnull=False, until=None, role__in=[Role.CLERK, Role.MANAGER], user__is_active=True
    )
    for row in rows.select_related("user").order_by("pk"):
        staff.setdefault(row.store_id or 0, []).append(row.user)
        if row.role == Role.MANAGER:
            managers.setdefault(row.store_id or 0, []).append(row.user)
    guides = _guides()
    tills = Terminal.objects.filter(disabled_at=None).order_by("-pk")
    terminals = {store: (pk, no) for store, pk, no in tills.values_list("store", "pk", "no")}
    stores = Store.objects.filter(archived_at=None, pickup_enabled=True, kind="shop")
    return [
        Shop(
            pk,
            code,
            operator,
            operator_id,
            tuple(staff[pk]),
            tuple(managers.get(pk, ())),
            tuple(guides.get(pk, ())),
            terminals.get(pk),
        )
        for pk, code, operator, operator_id in stores.order_by("pk").values_list(
            "pk", "code", "operator__code", "operator_id"
        )
        if pk in staff
    ]


def _guides() -> dict[int, list[GuideAtWork]]:
    """By shop. Skills are dealt in the order of the guides, so that some are far better."""
    tokens: dict[int, list[str]] = {}
    codes = Code.objects.filter(owner_type=OWNER, valid_until=None, revoked_at=None)
    for owner, token in codes.order_by("pk").values_list("owner_id", "token"):
        tokens.setdefault(owner, []).append(token)
    working = dict(
        GuideAssignment.objects.filter(until=None).order_by("pk").values_list("guide", "store")
    )
    found: dict[int, list[GuideAtWork]] = {}
    active = Guide.objects.filter(active_until=None).order_by("pk").values_list("pk", "user_id")
    for n, (pk, user_id) in enumerate(active):
        if pk in working and pk in tokens:
            guide = GuideAtWork(pk, user_id, SKILLS[n % len(SKILLS)], tuple(tokens[pk]))
            found.setdefault(working[pk], []).append(guide)
    return found


def _articles() -> list[Article]:
    """Live SKUs; few sell often, many seldom, dear ones less. The order is drawn once for all."""
    rows = list(
        Sku.objects.filter(archived_at=None, product__on_sale=True, product__archived_at=None)
        # The days to come lie on both sides of a schedule; what has one is left out.
        .filter(product__listed_from=None, product__listed_until=None)
        .order_by("code")
        .values_list("pk", "code", "product__category__code", "price_fen")
    )
    random.Random("popularity").shuffle(rows)
    return [
        Article(pk, code, shelf, price, _weight(rank, price))
        for rank, (pk, code, shelf, price) in enumerate(rows)
    ]


def _weight(rank: int, price_fen: int) -> int:
    dearness = 20 + price_fen // 1_000  # not money: how much a price deters
    return 1 + 40_000_000 // ((rank + 12) * dearness * dearness)


def _opened_at(shops: list[Shop]) -> datetime:
    """Before this, somebody or some rule was missing that every sale needs."""
    ids = [clerk.pk for shop in shops for clerk in shop.clerks]
    moments = list(Assignment.objects.filter(user__in=ids).values_list("since", flat=True))
    for kind in ("points", "attribution", "commission_plan"):
        first = (
            PolicyVersion.objects.filter(kind=kind, scope="", published_at__isnull=False)
            .order_by("effective_from")
            .values_list("effective_from", flat=True)
            .first()
        )
        if first is not None:
            moments.append(first)
    return max(moments)


def _people(world: World) -> list[Person]:
    index = {shop.pk: n for n, shop in enumerate(world.shops)}
    rows = ExternalId.objects.filter(
        kind=ExternalKind.OPENID, app_id=world.appid, value__startswith=world.openid
    )
    return [
        Person(member_id, index.get(store_id or 0, member_id % len(world.shops)))
        for member_id, store_id in rows.order_by("pk").values_list(
            "member_id", "member__home_store_id"
        )
    ]
