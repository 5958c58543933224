"""Coupons after a payment: which, by a "payment_coupons" policy of the selling operator."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from config.kernel.models import Event
from config.kernel.policies import PolicyInvalid, policies_at, register_kind
from coupons.member_facts import register_member_fact
from coupons.services.coupon_give import coupon_give
from coupons.states import Source
from mall.models import Order

KIND = "payment_coupons"
logger = logging.getLogger(__name__)


def validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless it is {"v": 1, "rules": [{"template": code, "min_fen": fen}]},
    where each template stands once."""
    rules = body.get("rules") if isinstance(body, dict) and body.get("v") == 1 else None
    if not isinstance(rules, list) or set(body) != {"v", "rules"}:
        raise PolicyInvalid(problem='it has "v": 1 and "rules"')
    for rule in rules:
        if not isinstance(rule, dict) or set(rule) != {"template", "min_fen"}:
            raise PolicyInvalid(problem='a rule has "template" and "min_fen"')
        if not isinstance(rule["template"], str) or not 0 < len(rule["template"]) <= 32:
            raise PolicyInvalid(problem="template is the code of a coupon template")
        if type(rule["min_fen"]) is not int or rule["min_fen"] < 0:
            raise PolicyInvalid(problem="min_fen is a whole number of fen")
    if len({rule["template"] for rule in rules}) != len(rules):
        raise PolicyInvalid(problem="each template stands once")


def payment_coupons(events: Sequence[Event], now: datetime) -> None:
    """Whoever paid an order of at least so much is given the coupons that the policy in force at
    the payment names; once per order. One that cannot be had is not given; it stops nobody."""
    orders = Order.objects.filter(pk__in={e.subject_id for e in events}, paid_at__isnull=False)
    for no, member_id, total_fen, paid_at, operator in orders.order_by("pk").values_list(
        "no", "member_id", "total_fen", "paid_at", "operator__code"
    ):
        assert paid_at is not None  # as filtered
        policy = policies_at(kind=KIND, scopes={operator}, moment=paid_at).get(operator)
        for rule in policy.body["rules"] if policy else ():
            if total_fen >= rule["min_fen"]:
                _give(rule["template"], member_id, no, now)


def _give(template_code: str, member_id: int, order_no: str, now: datetime) -> None:
    try:
        coupon_give(
            template_code=template_code,
            member_id=member_id,
            source=Source.PAYMENT,
            source_token=order_no,
            key=f"order:{order_no}",
            actor=SYSTEM,
            now=now,
        )
    except DomainError as error:
        logger.warning("coupon %s was not given after a payment: %s", template_code, error.code)


def _orders(member_id: int, now: datetime) -> int:
    return Order.objects.filter(member_id=member_id, paid_at__isnull=False).count()


def register() -> None:
    register_kind(KIND, validate)
    register_member_fact("orders", "int", _("orders paid"), _orders)
