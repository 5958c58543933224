"""Reads of the workbench: one guide's day, customers, commission and codes.

Each is one statement. Lists are paged by keyset: ask for one row more than is shown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.fields.json import KT, KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from config.kernel.clock import day_start
from config.kernel.dashboard import Scope
from config.kernel.models import Code
from guides.models import Attribution, Binding, CommissionEntry, Guide, GuideAssignment, Touch
from guides.services.code_create import BASKET, OWNER, PRODUCT
from mall.listing import on_shelf
from mall.models import Order, OrderLine, Product
from mall.states import OrderState
from stores.models import Store

_ENDED = [OrderState.CLOSED, OrderState.CANCELLED, OrderState.EXPIRED]
_NET = F("line__net_fen") - F("line__refunded_fen")
_RANKED = 10


@dataclass(frozen=True, slots=True)
class Day:
    """``sales_fen`` is the net, after refunds, of lines the guide has a share in."""

    sales_fen: int
    orders: int
    customers: int


def guide_of(*, user_id: int, now: datetime) -> Guide | None:
    """The active guide that ``user_id`` is, with employer."""
    return (
        Guide.objects.select_related("operator")
        .filter(
            Q(active_until__isnull=True) | Q(active_until__gt=now),
            user_id=user_id,
            active_from__lte=now,
        )
        .first()
    )


def day_figures(*, guide_id: int, now: datetime) -> tuple[Day, Day]:
    """(today, yesterday), as days of Shanghai; two statements for both."""
    today = day_start(now)
    yesterday = day_start(today - timedelta(hours=1))
    days = {"today": Q(frozen_at__gte=today), "yesterday": Q(frozen_at__lt=today)}
    wanted: dict[str, Any] = {}
    for name, when in days.items():
        wanted[f"{name}_sales"] = Coalesce(Sum(_NET, filter=when), 0)
        wanted[f"{name}_orders"] = Count("line__order", filter=when, distinct=True)
    found = Attribution.objects.filter(
        guide_id=guide_id, frozen_at__gte=yesterday, frozen_at__lte=now
    ).aggregate(**wanted)
    people = Binding.objects.filter(
        guide_id=guide_id, since__gte=yesterday, since__lte=now
    ).aggregate(
        today=Count("pk", filter=Q(since__gte=today)),
        yesterday=Count("pk", filter=Q(since__lt=today)),
    )
    first, second = (
        Day(found[f"{name}_sales"], found[f"{name}_orders"], people[name]) for name in days
    )
    return first, second


@dataclass(frozen=True, slots=True)
class Rank:
    """Net sales after refunds of lines that ``name`` has a share in, as in :class:`Day`."""

    name: str
    today_fen: int
    today_orders: int
    month_fen: int


def guide_ranking(*, scope: Scope) -> list[Rank]:
    """The best guides at the scope's stores: by today's sales, then by those of thirty days."""
    today = Q(frozen_at__gte=scope.today[0])
    shares = Attribution.objects.filter(
        frozen_at__gte=scope.month_start,
        frozen_at__lte=scope.now,
        line__order__store_id__in=list(scope.store_ids),
    )
    if scope.channel:
        shares = shares.filter(line__order__channel=scope.channel)
    rows = (
        shares.values("guide_id", "guide__name")
        .annotate(
            today_fen=Coalesce(Sum(_NET, filter=today), 0),
            today_orders=Count("line__order", filter=today, distinct=True),
            month_fen=Coalesce(Sum(_NET), 0),
        )
        .order_by("-today_fen", "-month_fen", "guide_id")[:_RANKED]
    )
    return [
        Rank(row["guide__name"], row["today_fen"], row["today_orders"], row["month_fen"])
        for row in rows
    ]


def with_maturity(
    entries: "QuerySet[CommissionEntry]", *, now: datetime
) -> "QuerySet[CommissionEntry]":
    """``entries`` with ``matures_at`` (None while the order is open) and ``mature``.

    An entry is pending until its order has ended and the plan's days have passed. The entries
    of a cancelled order cancel each other out.
    """
    maturity = KeyTextTransform("maturity_days", "attribution__plan__body")
    days = Cast(maturity, IntegerField())
    pause = Func(
        days, template="make_interval(days => %(expressions)s)", output_field=DurationField()
    )
    ended = F("attribution__line__order__ended_at")
    return entries.annotate(
        matures_at=Case(
            When(
                attribution__line__order__state__in=_ENDED,
                then=ExpressionWrapper(ended + pause, output_field=DateTimeField()),
            ),
            default=None,
            output_field=DateTimeField(),
        ),
        mature=Case(
            When(matures_at__lte=now, then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        ),
    )


@dataclass(frozen=True, slots=True)
class Commission:
    pending_fen: int
    mature_fen: int


def commission_sums(*, guide_id: int, now: datetime) -> Commission:
    """What the guide has earned in all, by whether it can still be clawed back."""
    sums = with_maturity(CommissionEntry.objects.filter(guide_id=guide_id), now=now).aggregate(
        pending=Coalesce(Sum("amount_fen", filter=Q(mature=False)), 0),
        ripe=Coalesce(Sum("amount_fen", filter=Q(mature=True)), 0),
    )
    return Commission(sums["pending"], sums["ripe"])


def commission_entries(
    *, guide_id: int, now: datetime, before: int | None = None
) -> "QuerySet[CommissionEntry]":
    """The guide's entries, latest first, with all that ``explain_entry`` reads."""
    found = CommissionEntry.objects.filter(guide_id=guide_id)
    if before is not None:
        found = found.filter(pk__lt=before)
    return (
        with_maturity(found, now=now)
        .select_related(
            "attribution__line__order__store", "attribution__policy", "attribution__plan"
        )
        .order_by("-pk")
    )


def customers(*, guide: Guide, q: str = "", before: int | None = None) -> "QuerySet[Binding]":
    """Members bound to ``guide``, latest first, with what they bought at the guide's employer.

    Adds ``last_paid_at`` and ``spent_fen`` (net after refunds). ``q`` finds a part of the
    nickname, the member number, or the last digits of the phone.
    """
    paid = Order.objects.filter(
        member_id=OuterRef("member_id"),
        operator_id=guide.operator_id,
        paid_at__isnull=False,
    ).exclude(state=OrderState.CANCELLED)
    lines = (
        OrderLine.objects.filter(
            order__member_id=OuterRef("member_id"),
            order__operator_id=guide.operator_id,
            order__paid_at__isnull=False,
        )
        .exclude(order__state=OrderState.CANCELLED)
        .order_by()
        .annotate(one=Value(1))
        .values("one")
        .annotate(spent=Sum(F("net_fen") - F("refunded_fen")))
        .values("spent")
    )
    found = Binding.objects.filter(guide=guide, until__isnull=True)
    if q:
        found = found.filter(
            Q(member__nickname__icontains=q)
            | Q(member__no__iexact=q)
            | (Q(member__phone__endswith=q) if len(q) >= 4 and q.isdigit() else Q(pk__in=[]))
        )
    if before is not None:
        found = found.filter(pk__lt=before)
    return (
        found.select_related("member")
        .annotate(
            last_paid_at=Subquery(paid.order_by("-paid_at").values("paid_at")[:1]),
            spent_fen=Coalesce(Subquery(lines), 0, output_field=IntegerField()),
        )
        .order_by("-pk")
    )


def stores_of(*, guide: Guide, now: datetime) -> list[Store]:
    """Where the guide works now, the latest first. One statement."""
    assigned = (
        GuideAssignment.objects.filter(
            Q(until__isnull=True) | Q(until__gt=now),
            guide=guide,
            since__lte=now,
            store__archived_at=None,
        )
        .select_related("store")
        .order_by("-since", "-pk")
    )
    return list({row.store_id: row.store for row in assigned}.values())


def codes(*, guide_id: int, now: datetime, before: int | None = None) -> "QuerySet[Code]":
    """The guide's live codes but those of baskets, latest first, with ``product_name`` and
    ``scans``."""
    return _codes(guide_id=guide_id, now=now, before=before).exclude(purpose=BASKET)


def _codes(*, guide_id: int, now: datetime, before: int | None = None) -> "QuerySet[Code]":
    name = Product.objects.filter(code=OuterRef("wanted")).values("name")[:1]
    scans = (
        Touch.objects.filter(code_id=OuterRef("pk"))
        .order_by()
        .values("code_id")
        .annotate(n=Count("pk"))
        .values("n")
    )
    found = Code.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        owner_type=OWNER,
        owner_id=guide_id,
        revoked_at__isnull=True,
    )
    if before is not None:
        found = found.filter(pk__lt=before)
    return found.annotate(
        wanted=KT("payload__product"),
        product_name=Subquery(name),
        scans=Coalesce(Subquery(scans), 0, output_field=IntegerField()),
    ).order_by("-pk")


def code_of(*, guide_id: int, token: str, now: datetime) -> Code | None:
    """The guide's own live code with ``token``, also of a basket."""
    return _codes(guide_id=guide_id, now=now).filter(token=token).first()


def products_found(*, q: str, guide_id: int, now: datetime, limit: int = 10) -> "QuerySet[Product]":
    """Products on the shelf whose texts hold ``q``; ``has_code`` says that the guide has one."""
    mine = (
        Code.objects.annotate(wanted=KT("payload__product"))
        .filter(
            owner_type=OWNER,
            owner_id=guide_id,
            purpose=PRODUCT,
            revoked_at__isnull=True,
            wanted=OuterRef("code"),
        )
        .order_by()
    )
    return (
        Product.objects.filter(
            Q(search_text__contains=q.lower()) | Q(code__iexact=q), on_shelf(now)
        )
        .annotate(has_code=Exists(mine))
        .order_by("pk")[:limit]
    )
