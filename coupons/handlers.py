"""Reactions of coupons to what happens to members."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from config.kernel.models import Event, PolicyVersion
from coupons.guards import coupon_claim
from coupons.models import Coupon
from members.growth import TierRules
from members.models import Tier
from members.states import TierCause

logger = logging.getLogger(__name__)


def tier_gifts(events: Sequence[Event], now: datetime) -> None:
    """Whoever reaches a tier is given its coupons, by the version of the rules that lifted them:
    once per period. A coupon that cannot be had (any more) is not given; it stops nobody else."""
    raised = [e for e in events if e.payload["cause"] == TierCause.UPGRADE]
    policies = PolicyVersion.objects.in_bulk({e.payload["policy_id"] for e in raised})
    tiers = Tier.objects.in_bulk({e.payload["tier_id"] for e in raised})
    for event in raised:
        rules = TierRules.read(policies[event.payload["policy_id"]].body)
        rank = rules.rank(tiers[event.payload["tier_id"]].code)
        for code in rules.tiers[rank].upgrade_coupons:
            _give(code, event.subject_id, f"tier:{event.payload['period_id']}", now)


def _give(template_code: str, member_id: int, source: str, now: datetime) -> None:
    given = Coupon.objects.filter(
        member_id=member_id, template__code=template_code, source_token=source
    )
    if given.exists():
        return
    try:
        with transaction.atomic():
            coupon_claim(
                template_code=template_code,
                member_id=member_id,
                source_token=source,
                actor=SYSTEM,
                now=now,
            )
    except DomainError as error:
        logger.warning("coupon %s was not given to a member: %s", template_code, error.code)
