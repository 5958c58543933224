"""Reads over coupons and their templates."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from coupons.models import ClaimSlot, Coupon, CouponGift, Template
from coupons.states import USABLE, CouponState
from coupons.terms import TERMS_SQL, DiscountTerms, terms_read
from members.states import GiftState

# What members see as states: a coupon past its validity has run out, whoever noted it or not.
# "had" are those that are used, have run out or were revoked.
SHOWN_STATES = ("usable", "had", *map(str, CouponState))


@dataclass(frozen=True, slots=True)
class CouponRule:
    """What pricing needs to know of a usable coupon.

    ``value`` is fen for amount off, basis points off for percent; ``scope`` is a condition over
    the facts of a line; ``operator_id`` is whose stores take it, and with ``other_operators``
    those of others as well. ``budget_left_fen`` is what all coupons of the template may still
    take off; None: as much as they like.
    """

    pk: int
    no: str
    state: str
    member_id: int
    template_id: int
    name: str
    kind: str
    value: int
    max_discount_fen: int | None
    threshold_fen: int
    scope: dict[str, Any]
    stacking_group: str
    operator_id: int
    other_operators: bool
    channels: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    terms: DiscountTerms
    budget_left_fen: int | None = None


def usable(now: datetime) -> Q:
    """Condition over Coupon: claimed or given back, within its validity, of a template whose use
    has not been stopped."""
    return Q(
        state__in=USABLE,
        valid_from__lte=now,
        valid_until__gt=now,
        template__use_stopped_at__isnull=True,
    )


_COLUMNS = [field.name for field in fields(CouponRule)]

# A hot path of checkout: the same condition as ``usable``, as a statement that is not compiled
# anew for every order. Columns in the order of CouponRule.
_RULES = f"""
SELECT c.id, c.no, c.state, c.member_id, t.id, t.name, t.kind, t.value, t.max_discount_fen,
  t.threshold_fen, t.scope, t.stacking_group, t.operator_id, t.other_operators,
  t.channels, c.valid_from, c.valid_until, {TERMS_SQL.format(t="t")},
  t.budget_fen - t.spent_fen
FROM coupons_coupon c JOIN coupons_template t ON t.id = c.template_id
WHERE c.member_id = %(member)s::bigint AND c.state = ANY(%(states)s::text[])
  AND t.use_stopped_at IS NULL
  AND c.valid_from <= %(now)s::timestamptz AND c.valid_until > %(now)s::timestamptz
  AND (%(nos)s::text[] IS NULL OR c.no = ANY(%(nos)s::text[]))
ORDER BY c.valid_until, c.id
"""


def coupon_rules(
    *, member_id: int, nos: Sequence[str] | None = None, now: datetime
) -> list[CouponRule]:
    """The member's coupons that may be used at ``now`` (those of ``nos``, when given), the one
    that ends first first. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RULES,
            {
                "member": member_id,
                "states": [str(state) for state in USABLE],
                "now": now,
                "nos": None if nos is None else list(nos),
            },
        )
        rows = cursor.fetchall()
    return [_rule(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _rule(row: dict[str, Any]) -> CouponRule:
    scope, channels = json.loads(row.pop("scope")), json.loads(row.pop("channels"))
    terms = terms_read(json.loads(row.pop("terms")))
    return CouponRule(scope=scope, channels=tuple(channels), terms=terms, **row)


@dataclass(frozen=True, slots=True)
class Centre:
    """What somebody looks for among coupons: a kind, words of a name, where it may be used, and
    only those that end within so many days."""

    kind: str = ""
    q: str = ""
    channel: str = ""
    days: int | None = None

    def templates(self, path: str = "") -> Q:
        """Condition over Template, or over what ``path`` ("template__") leads from to it."""
        wanted = Q()
        if self.kind:
            wanted &= Q(**{f"{path}kind": self.kind})
        if self.q:
            wanted &= Q(**{f"{path}name__icontains": self.q})
        if self.channel:
            wanted &= Q(**{f"{path}channels__contains": [self.channel]})
        return wanted


def templates_claimable(
    *, member_id: int | None, now: datetime, centre: Centre = Centre()
) -> QuerySet[Template]:
    """Templates that anyone may claim at ``now``, for nothing or for points, with what is left
    and how many of them the member has (``mine``, 0 for strangers)."""
    soon = Q() if centre.days is None else Q(claim_until__lte=now + timedelta(days=centre.days))
    mine = (
        Coupon.objects.for_member(member_id or 0)
        .filter(template=OuterRef("pk"))
        .order_by()
        .values("template")
        .annotate(n=Count("pk"))
        .values("n")
    )
    ready = (
        ClaimSlot.objects.filter(template=OuterRef("pk"))
        .order_by()
        .values("template")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return (
        Template.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=now),
            centre.templates(),
            soon,
            public=True,
            archived_at__isnull=True,
            stopped_at__isnull=True,
            claim_from__lte=now,
            claim_until__gt=now,
        )
        .select_related("operator")
        .annotate(
            left=F("quota") - F("issued") + Coalesce(Subquery(ready), 0),
            mine=Coalesce(Subquery(mine), 0),
        )
        .filter(left__gt=0)
    )


def member_coupons(
    *, member_id: int, state: str = "", now: datetime, centre: Centre = Centre()
) -> QuerySet[Coupon]:
    """The member's coupons in one of SHOWN_STATES, or all."""
    query = Coupon.objects.for_member(member_id).select_related("template__operator")
    query = query.filter(centre.templates("template__"))
    over = Q(state__in=USABLE, valid_until__lte=now)
    if centre.days is not None:
        ends = now + timedelta(days=centre.days)
        query = query.filter(usable(now), valid_until__lte=ends)
    if state == "had":
        gone = [CouponState.USED, CouponState.EXPIRED, CouponState.REVOKED]
        return query.filter(Q(state__in=gone) | over)
    if state == "usable":
        return query.filter(usable(now))
    if state == CouponState.EXPIRED:
        return query.filter(Q(state=CouponState.EXPIRED) | over)
    if state in USABLE:
        return query.filter(usable(now), state=state)
    return query.filter(state=state) if state else query


def gifts_of(*, member_id: int) -> QuerySet[CouponGift]:
    """What the member has offered or given."""
    return CouponGift.objects.filter(giver_id=member_id).select_related("coupon")


def gift_offered(*, token: str, now: datetime) -> CouponGift | None:
    """The open gift behind a link, with what it is and who gives it."""
    return (
        CouponGift.objects.select_related("giver", "coupon__template__operator")
        .filter(token=token.upper(), state=GiftState.OFFERED, expires_at__gt=now)
        .first()
    )
