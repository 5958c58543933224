"""A guide gives one of their own customers a coupon, of the allowance that they have."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from coupons.guards import ClaimedCoupon
from coupons.services.coupon_give import coupon_give
from coupons.states import Source
from guides.events import CouponHandedOut
from guides.guards import handout_take
from guides.handouts import period_start
from guides.models import Binding, CouponAllowance, CouponHandout, Guide
from guides.services.code_create import GuideInactive


class AllowanceUnknown(NotFound):
    code = "handout_allowance_unknown"
    message = _("You have no such coupons to give.")


class NotYourCustomer(Conflict):
    code = "handout_not_your_customer"
    message = _("You give coupons to your own customers only.")


class _GivenBefore(Exception):
    pass


def coupon_hand_out(
    *, guide_id: int, allowance_id: int, member_id: int, key: str, actor: Actor, now: datetime
) -> CouponHandout:
    """One coupon of the allowance's template for the member; the same ``key`` (at most 32
    characters) gives it once. Whose coupon it is from stays on record, and who used it.

    Raises GuideInactive (403), AllowanceUnknown (404), NotYourCustomer, AllowanceUsedUp, and what
    ``coupon_give`` raises; a refusal takes nothing of the allowance.
    """
    given_key = f"guide:{guide_id}:{key}"
    before = CouponHandout.objects.filter(
        guide_id=guide_id,
        allowance_id=allowance_id,
        member_id=member_id,
        coupon__given_key=given_key,
    )
    guide = Guide.objects.filter(
        Q(active_until__isnull=True) | Q(active_until__gt=now), pk=guide_id, active_from__lte=now
    ).first()
    if guide is None:
        raise GuideInactive()
    allowance = (
        CouponAllowance.objects.select_related("template")
        .filter(pk=allowance_id, operator_id=guide.operator_id, archived_at__isnull=True)
        .first()
    )
    if allowance is None:
        raise AllowanceUnknown()
    bound = Binding.objects.filter(guide=guide, member_id=member_id, until__isnull=True)
    if not bound.exists() or guide.member_id == member_id:
        raise NotYourCustomer()
    since = period_start(allowance.period, now)
    made: list[CouponHandout] = []

    def keep(claimed: ClaimedCoupon) -> None:
        handout = CouponHandout.objects.create(
            allowance=allowance,
            guide=guide,
            member_id=member_id,
            coupon_id=claimed.pk,
            since=since,
            given_at=now,
        )
        event = CouponHandedOut(
            subject_id=handout.pk, guide_id=guide.pk, member_id=member_id, coupon_id=claimed.pk
        )
        record([event], actor=actor, now=now)
        made.append(handout)

    try:
        with transaction.atomic():
            handout_take(allowance_id=allowance.pk, guide_id=guide.pk, since=since)
            given = coupon_give(
                template_code=allowance.template.code,
                member_id=member_id,
                source=Source.GUIDE,
                source_token=guide.no,
                key=given_key,
                before_quota=keep,
                actor=actor,
                now=now,
            )
            if given is None:
                # A second click: what it took of the allowance is given back with it.
                raise _GivenBefore
    except _GivenBefore:
        return before.get()
    return made[0]
