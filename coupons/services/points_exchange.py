"""A member takes a coupon for points."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from coupons import guards
from coupons.models import Template
from coupons.states import Source
from members.guards_points import points_spend


class CouponPriceChanged(Conflict):
    code = "coupon_price_changed"
    message = _("This coupon now costs {points} points.")


def points_exchange(
    *,
    template_code: str,
    member_id: int,
    points: int,
    actor: Actor,
    now: datetime,
    before_quota: Callable[[guards.ClaimedCoupon], None] = lambda claimed: None,
) -> guards.ClaimedCoupon:
    """Claim one coupon of a public template that has a price, and spend it in points.

    ``points`` is the price that the member agreed to. The coupon's number is the reference of
    what was spent. Raises TemplateUnknown (also for a template without a price),
    CouponPriceChanged, ClaimClosed, PerMemberLimit, QuotaExhausted, PointsShort.
    """
    template = Template.objects.filter(code=template_code, public=True).first()
    if template is None or template.points_price is None:
        raise guards.TemplateUnknown()
    if template.points_price != points:
        raise CouponPriceChanged(points=template.points_price)
    with transaction.atomic():
        claimed = guards.coupon_claim(
            template_code=template_code,
            member_id=member_id,
            source=Source.POINTS,
            actor=actor,
            now=now,
            before_quota=before_quota,
        )
        # After the template's counter, as an order takes the two (config.kernel.locks).
        points_spend(member_id=member_id, points=points, reference=claimed.no, actor=actor, now=now)
    return claimed
