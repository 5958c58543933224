"""What the mall knows of a member that discounts and claims may ask for."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from coupons.member_facts import register_member_fact
from mall.models import Order
from members.selectors_tiers import price_level


def register_all() -> None:
    register_member_fact("first_order", "int", _("nothing bought yet (1)"), _first_order)
    register_member_fact("price_level", "str", _("price level of the tier"), _price_level)


def _first_order(member_id: int, now: datetime) -> int:
    """1 for whoever has no paid order; one that was given back counts as bought."""
    return int(not Order.objects.filter(member_id=member_id, paid_at__isnull=False).exists())


def _price_level(member_id: int, now: datetime) -> str:
    return price_level(member_id=member_id, now=now)
