"""What the mall knows of a member that discounts and claims may ask for."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from coupons.member_facts import register_member_fact
from mall.models import Order, Payment
from mall.states import PaymentState
from members.selectors_tiers import price_levels


def register_all() -> None:
    register_member_fact("first_order", "int", _("nothing bought yet (1)"), _first_order)
    register_member_fact("price_level", "set", _("price level"), _price_levels)


def _first_order(member_id: int, now: datetime) -> int:
    """1 for whoever has no paid order; one that was given back counts as bought."""
    return int(not Order.objects.filter(member_id=member_id, paid_at__isnull=False).exists())


def _price_levels(member_id: int, now: datetime) -> list[str]:
    return price_levels(member_id=member_id, now=now)


def _payments_failed(member_id: int, now: datetime) -> int:
    return Payment.objects.filter(
        order__member_id=member_id,
        order__placed_at__gt=now - timedelta(days=30),
        state__in=[PaymentState.FAILED, PaymentState.CLOSED],
    ).count()
