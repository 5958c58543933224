"""What the mall knows of a member that discounts and claims may ask for."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, When
from django.utils.translation import gettext_lazy as _

from config.kernel.locks import advisory
from coupons.member_facts import named, register_member_fact
from coupons.members_meant import register_member_column
from mall.models import Order, Payment
from mall.states import OrderState, PaymentState
from members.selectors_tiers import price_levels

_BOUGHT = Q(paid_at__isnull=False) | Q(state=OrderState.PLACED)


def register_all() -> None:
    register_member_fact(
        "first_order",
        "int",
        _("nothing bought yet (1)"),
        _first_order,
        yes=_("nothing has been bought yet"),
    )
    register_member_column("first_order", _nothing_bought)
    register_member_fact("price_level", "set", _("price level"), _price_levels)
    register_member_fact(
        "payments_failed", "int", _("payments failed or given up in 30 days"), _payments_failed
    )


def asks_first_order(scope: Mapping[str, Any]) -> bool:
    """Whether ``scope`` asks if somebody has bought before."""
    return "first_order" in named(scope)


def first_order_lock(*, member_id: int, scopes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of ``scopes`` asks for a first order; then no other such order of the member is
    placed until the end of the transaction, and who looks again sees those before it."""
    if not any(map(asks_first_order, scopes)):
        return False
    advisory("mall.first_order", [member_id])
    return True


def _first_order(member_id: int, now: datetime) -> int:
    """1 for whoever has no paid order and none that waits to be paid, of which each could else be
    the first; one that was given back counts as bought."""
    return int(not Order.objects.filter(_BOUGHT, member_id=member_id).exists())


def _nothing_bought(now: datetime) -> Case:
    bought = Order.objects.filter(_BOUGHT, member=OuterRef("pk"))
    return Case(When(Exists(bought), then=0), default=1)


def _price_levels(member_id: int, now: datetime) -> list[str]:
    return price_levels(member_id=member_id, now=now)


def _payments_failed(member_id: int, now: datetime) -> int:
    return Payment.objects.filter(
        order__member_id=member_id,
        order__placed_at__gt=now - timedelta(days=30),
        state__in=[PaymentState.FAILED, PaymentState.CLOSED],
    ).count()
