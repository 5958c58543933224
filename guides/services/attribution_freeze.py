"""Freeze who is credited with the lines of paid orders."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from config.kernel.locks import advisory
from config.kernel.models import Event
from guides.attribution import Claim, Claimant, Sale, shares
from guides.models import Attribution, Binding, Touch
from guides.policies import (
    ATTRIBUTION,
    PLAN,
    PolicyBook,
    attribution_rules,
    plan_asks_for,
    plan_rate,
)
from mall.models import OrderLine
from mall.selectors.shelves import category_shelves
from mall.states import LineKind, OrderChannel

LOCK = "guides.commission"

_GUIDE = (
    "guide_id",
    "guide__operator_id",
    "guide__member_id",
    "guide__user_id",
    "guide__active_from",
    "guide__active_until",
)


def attribution_freeze(*, events: Sequence[Event], now: datetime) -> int:
    """Freeze the shares of every line of the events' orders that is paid and has none yet.

    Judged as of ``paid_at``, so a late or repeated event gives the same answer. A constant
    number of statements for any number of orders. Returns how many attributions were written;
    an order paid while no attribution policy or commission plan was in force gets none.
    """
    order_ids = sorted({event.subject_id for event in events})
    with transaction.atomic(savepoint=False):
        advisory(LOCK, order_ids)
        sales = _sales_unattributed(order_ids)
        if not sales:
            return 0
        earliest = min(sale.paid_at for sale in sales)
        latest = max(sale.paid_at for sale in sales)
        book = PolicyBook(
            scopes={sale.operator_code for sale in sales}, earliest=earliest, latest=latest
        )
        policies = [row for row in book.rows if row.kind == ATTRIBUTION]
        plans = [row for row in book.rows if row.kind == PLAN]
        if not policies or not plans:
            return 0
        window = max(attribution_rules(row.body).window for row in policies)
        member_ids = {sale.member_id for sale in sales}
        touches = _touches(member_ids, earliest - window, latest)
        bindings = _bindings(member_ids, earliest, latest)
        shelves = (
            category_shelves() if any(plan_asks_for(row.body, "category") for row in plans) else {}
        )
        rows = []
        for sale in sales:
            rows += _attributions(sale, book, touches, bindings, shelves)
        Attribution.objects.bulk_create(rows)
        return len(rows)


def _sales_unattributed(order_ids: Sequence[int]) -> list[Sale]:
    rows = (
        OrderLine.objects.filter(
            order_id__in=order_ids, order__paid_at__isnull=False, attributions__isnull=True
        )
        # Sending goods is nobody's sale.
        .exclude(kind=LineKind.FREIGHT)
        .order_by("pk")
        .values_list(
            "pk",
            "kind",
            "order_id",
            "order__paid_at",
            "order__member_id",
            "order__member__user_id",
            "order__operator_id",
            "order__operator__code",
            "order__store__code",
            "sku__code",
            "sku__product__code",
            "sku__product__category_id",
            "sku__product__brand__code",
            # What the server alone says: of the guide's channel is an order made of a basket.
            Case(
                When(order__channel=OrderChannel.GUIDE, then=F("order__source_token")),
                default=Value(""),
            ),
        )
    )
    return [Sale._make(row) for row in rows]


def _touches(member_ids: set[int], earliest: datetime, latest: datetime) -> dict[int, list[Claim]]:
    rows = (
        Touch.objects.filter(
            member_id__in=member_ids, occurred_at__gte=earliest, occurred_at__lte=latest
        )
        .order_by("-occurred_at", "-pk")
        .values_list("member_id", "pk", "occurred_at", "product_code", "code__token", *_GUIDE)
    )
    found = defaultdict(list)
    for member_id, pk, occurred_at, product_code, token, *guide in rows:
        evidence = {
            "touch": pk,
            "touched_at": occurred_at.isoformat(),
            "token": token,
            "product": product_code,
            "operator_id": guide[1],
        }
        found[member_id].append(
            Claim(
                Claimant(*guide),
                occurred_at,
                product_code=product_code,
                token=token,
                evidence=evidence,
            )
        )
    return found


def _bindings(member_ids: set[int], earliest: datetime, latest: datetime) -> dict[int, list[Claim]]:
    rows = (
        Binding.objects.filter(
            Q(until__isnull=True) | Q(until__gt=earliest),
            member_id__in=member_ids,
            since__lte=latest,
        )
        .order_by("-since", "-pk")
        .values_list("member_id", "pk", "since", "until", "source", *_GUIDE)
    )
    found = defaultdict(list)
    for member_id, pk, since, until, source, *guide in rows:
        evidence = {
            "binding": pk,
            "bound_since": since.isoformat(),
            "source": source,
            "operator_id": guide[1],
        }
        found[member_id].append(Claim(Claimant(*guide), since, until, evidence=evidence))
    return found


def _attributions(
    sale: Sale,
    book: PolicyBook,
    touches: dict[int, list[Claim]],
    bindings: dict[int, list[Claim]],
    shelves: dict[int, set[str]],
) -> list[Attribution]:
    policy = book.at(kind=ATTRIBUTION, scope=sale.operator_code, moment=sale.paid_at)
    plan = book.at(kind=PLAN, scope=sale.operator_code, moment=sale.paid_at)
    if policy is None or plan is None:
        return []
    rules = attribution_rules(policy.body)
    found = shares(sale, touches.get(sale.member_id, []), bindings.get(sale.member_id, []), rules)
    if not found:
        return []
    facts: dict[str, Any] = {
        "line_kind": sale.line_kind,
        "sku": sale.sku_code,
        "product": sale.product_code,
        "store": sale.store_code,
        "brand": sale.brand_code,
        "operator": sale.operator_code,
        "category": shelves.get(sale.category_id) if sale.category_id else None,
    }
    rate_bp, rule = plan_rate(plan.body, facts)
    return [
        Attribution(
            line_id=sale.line_id,
            role=share.role,
            guide_id=share.guide_id,
            basis_points=share.basis_points,
            evidence=share.evidence | {"rule": rule},
            policy=policy,
            plan=plan,
            rate_bp=rate_bp,
            frozen_at=sale.paid_at,
        )
        for share in found
    ]
