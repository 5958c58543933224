"""Reactions of coupons to what happens to members, and to tickets of stores."""

import logging
from collections.abc import Sequence
from datetime import datetime

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from config.kernel.models import Event, PolicyVersion
from coupons.models import CouponTicket
from coupons.services.coupon_give import coupon_give
from coupons.services.redemption_bear import Sold, redemptions_bear
from coupons.states import Source
from members.growth import TierRules
from members.models import Member, Tier
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
            period = event.payload["period_id"]
            _give(code, event.subject_id, Source.TIER, f"tier:{period}", now)


def birthday_gifts(events: Sequence[Event], now: datetime) -> None:
    """Whoever has a birthday is given the coupons of their tier, by the version of the rules that
    the day was noticed under: once a year. Without a tier, those of the one that growth of zero
    reaches. A coupon that cannot be had (any more) is not given; it stops nobody else."""
    named = [e for e in events if e.payload["policy_id"] is not None]
    policies = PolicyVersion.objects.in_bulk({e.payload["policy_id"] for e in named})
    members = Member.objects.select_related("tier").in_bulk({e.subject_id for e in named})
    for event in named:
        rules = TierRules.read(policies[event.payload["policy_id"]].body)
        tier = members[event.subject_id].tier
        rank = rules.rank(tier.code) if tier else -1
        own = rules.tiers[rank] if rank >= 0 else rules.reached(0)
        for code in own.birthday_coupons if own else ():
            year = event.payload["year"]
            _give(code, event.subject_id, Source.BIRTHDAY, f"birthday:{year}", now)


def tickets_borne(events: Sequence[Event], now: datetime) -> None:
    """What coupons took off sales of stores is booked as borne, as far as it did not come back."""
    tickets = CouponTicket.objects.filter(pk__in={e.subject_id for e in events})
    sales = tickets.values_list("no", "operator_id", "operator__code")
    redemptions_bear([Sold(*sale) for sale in sales], now=now)


def _give(template_code: str, member_id: int, source: Source, key: str, now: datetime) -> None:
    try:
        coupon_give(
            template_code=template_code,
            member_id=member_id,
            source=source,
            source_token=key,
            key=key,
            actor=SYSTEM,
            now=now,
        )
    except DomainError as error:
        logger.warning("coupon %s was not given to a member: %s", template_code, error.code)
