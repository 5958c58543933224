from datetime import datetime, timedelta
from typing import Any

from coupons.models import Coupon, Template
from members.models import Member
from stores.models import Operator
from tests.factories.fresh import moment, sequence
from tests.factories.stores import make_operator


def make_template(
    *,
    operator: Operator | None = None,
    code: str = "",
    kind: str = "amount",
    value: int = 2_000,
    max_discount_fen: int | None = None,
    threshold_fen: int = 0,
    scope: dict | None = None,
    channels: list[str] | None = None,
    stacking_group: str = "coupon",
    claim_from: datetime | None = None,
    claim_until: datetime | None = None,
    valid_until: datetime | None = None,
    valid_days: int | None = 30,
    quota: int = 100,
    per_member: int = 1,
    budget_fen: int | None = None,
    on_refund: str = "return",
    public: bool = True,
    points_price: int | None = None,
    claim_for: dict | None = None,
    per_day: int | None = None,
    slots_ready: int = 0,
    gift_days: int = 0,
    **terms: Any,
) -> Template:
    """¥20 off anything, claimable since yesterday for a month, valid 30 days."""
    n = sequence()
    return Template.objects.create(
        code=code or f"tpl{n}",
        name=f"优惠券{n}",
        operator=operator or make_operator(),
        kind=kind,
        value=value,
        max_discount_fen=max_discount_fen,
        threshold_fen=threshold_fen,
        scope=scope or {},
        channels=channels or ["mall", "store"],
        stacking_group=stacking_group,
        claim_from=claim_from or moment() - timedelta(days=1),
        claim_until=claim_until or moment() + timedelta(days=30),
        valid_until=valid_until,
        valid_days=valid_days,
        quota=quota,
        per_member=per_member,
        budget_fen=budget_fen,
        on_refund=on_refund,
        public=public,
        points_price=points_price,
        claim_for=claim_for or {},
        per_day=per_day,
        slots_ready=slots_ready,
        gift_days=gift_days,
        **terms,
    )


def make_coupon(member: Member, *, template: Template | None = None, now=None) -> Coupon:
    """A coupon that ``member`` claimed."""
    from coupons.guards import coupon_claim

    template = template or make_template()
    coupon_claim(
        template_code=template.code, member_id=member.pk, source_token="", now=now or moment()
    )
    return Coupon.objects.filter(template=template, member=member).latest("nth")
