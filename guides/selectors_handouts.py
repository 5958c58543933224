"""Reads of what a guide may hand out and gave, a statement each."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Case, Value, When
from django.db.models.fields import DateField
from django.db.models.functions import Coalesce, Greatest

from guides.handouts import period_start
from guides.models import CouponAllowance, CouponHandout, Guide, HandoutCount
from guides.states import AllowancePeriod


def allowances_of(*, guide: Guide, now: datetime) -> Sequence[CouponAllowance]:
    """What the guide's employer lets them give of coupons that can be had now, with ``left`` of
    the current period."""
    since = Case(
        *[When(period=p, then=Value(period_start(p, now))) for p in AllowancePeriod.values],
        output_field=DateField(),
    )
    used = HandoutCount.objects.filter(
        allowance_id=OuterRef("pk"), guide=guide, since=OuterRef("began")
    ).values("used")
    found = (
        CouponAllowance.objects.annotate(began=since)
        .filter(
            Q(template__valid_until__isnull=True) | Q(template__valid_until__gt=now),
            operator_id=guide.operator_id,
            archived_at__isnull=True,
            per_guide__gt=0,
            template__archived_at__isnull=True,
            template__stopped_at__isnull=True,
            template__claim_from__lte=now,
            template__claim_until__gt=now,
        )
        .select_related("template")
        .annotate(
            left=Greatest(
                F("per_guide") - Coalesce(Subquery(used), 0), 0, output_field=IntegerField()
            )
        )
        .order_by("template__claim_until", "pk")
    )
    return list(found)


def handouts_of(*, guide_id: int, before: int | None = None) -> QuerySet[CouponHandout]:
    """What the guide gave, latest first, with the coupon as it is now."""
    found = CouponHandout.objects.filter(guide_id=guide_id)
    if before is not None:
        found = found.filter(pk__lt=before)
    return found.select_related("member", "coupon__template").order_by("-pk")
