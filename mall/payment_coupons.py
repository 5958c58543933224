"""Coupons after a payment: which, by a "payment_coupons" policy of the selling operator."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from config.kernel.locks import advisory
from config.kernel.models import Event
from config.kernel.policies import PolicyInvalid, policies_at, register_kind
from coupons.member_facts import register_member_fact
from coupons.members_meant import register_member_column
from coupons.services.coupon_give import coupon_give
from coupons.services.coupon_revoke import coupons_revoke
from coupons.states import Source
from mall.models import Order, OrderLine
from mall.services.order_value import VALUE_KINDS
from mall.states import LineKind, OrderState

KIND = "payment_coupons"
logger = logging.getLogger(__name__)


def validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless it is {"v": 1, "rules": [{"template": code, "min_fen": fen}]},
    where each template stands once. A rule with "take_back": true takes its coupon back, unless
    it was used or given away, when the whole order is refunded."""
    rules = body.get("rules") if isinstance(body, dict) and body.get("v") == 1 else None
    if not isinstance(rules, list) or set(body) != {"v", "rules"}:
        raise PolicyInvalid(problem='it has "v": 1 and "rules"')
    for rule in rules:
        if not isinstance(rule, dict) or set(rule) - {"take_back"} != {"template", "min_fen"}:
            raise PolicyInvalid(problem='a rule has "template" and "min_fen", maybe "take_back"')
        if type(rule.get("take_back", False)) is not bool:
            raise PolicyInvalid(problem="take_back is true or false")
        if not isinstance(rule["template"], str) or not 0 < len(rule["template"]) <= 32:
            raise PolicyInvalid(problem="template is the code of a coupon template")
        if type(rule["min_fen"]) is not int or rule["min_fen"] < 0:
            raise PolicyInvalid(problem="min_fen is a whole number of fen")
    if len({rule["template"] for rule in rules}) != len(rules):
        raise PolicyInvalid(problem="each template stands once")


def payment_coupons(events: Sequence[Event], now: datetime) -> None:
    """Whoever paid an order of at least so much is given the coupons that the policy in force at
    the payment names; once per order. One that cannot be had is not given; it stops nobody."""
    for sale, rules in _sales(events):
        for rule in rules:
            if not (sale.returned and rule.get("take_back")):
                _give(rule["template"], sale.member_id, sale.no, now)


def payment_coupons_back(events: Sequence[Event], now: datetime) -> None:
    """When nothing is left of an order, what its payment gave goes back, where the rule says so."""
    for sale, rules in _sales(events):
        codes = [rule["template"] for rule in rules if rule.get("take_back")]
        if sale.returned and codes:
            coupons_revoke(
                template_codes=codes,
                member_id=sale.member_id,
                key=_key(sale.no),
                reason=sale.no,
                actor=SYSTEM,
                now=now,
            )


@dataclass(frozen=True, slots=True)
class _Sale:
    no: str
    member_id: int
    returned: bool


def _sales(events: Sequence[Event]) -> Iterator[tuple[_Sale, list[dict[str, Any]]]]:
    """Paid orders with the rules that they reached. Their events may come in any order, and are
    taken one at a time."""
    ids = {e.subject_id for e in events}
    advisory("mall.payment_coupons", ids)
    left = OrderLine.objects.filter(
        order=OuterRef("pk"), refunded_quantity__lt=F("quantity")
    ).exclude(kind=LineKind.FREIGHT)
    # What goes on a card reaches no threshold: what is bought with it does. Freight buys nothing.
    besides = [*VALUE_KINDS, LineKind.FREIGHT]
    value = Sum("lines__net_fen", filter=Q(lines__kind__in=besides), default=0)
    orders = (
        Order.objects.filter(pk__in=ids, paid_at__isnull=False)
        .annotate(kept=Exists(left), spent_fen=F("total_fen") - value)
        .select_related("operator")
        .order_by("pk")
    )
    for order in orders:
        operator = order.operator.code
        assert order.paid_at is not None  # as filtered
        policy = policies_at(kind=KIND, scopes={operator}, moment=order.paid_at).get(operator)
        rules = policy.body["rules"] if policy else []
        reached = [rule for rule in rules if order.spent_fen >= rule["min_fen"]]
        gone = not order.kept or order.state == OrderState.CANCELLED
        yield _Sale(order.no, order.member_id, gone), reached


def _key(order_no: str) -> str:
    return f"order:{order_no}"


def _give(template_code: str, member_id: int, order_no: str, now: datetime) -> None:
    try:
        coupon_give(
            template_code=template_code,
            member_id=member_id,
            source=Source.PAYMENT,
            source_token=order_no,
            key=_key(order_no),
            actor=SYSTEM,
            now=now,
        )
    except DomainError as error:
        logger.warning("coupon %s was not given after a payment: %s", template_code, error.code)


def _orders(member_id: int, now: datetime) -> int:
    return Order.objects.filter(member_id=member_id, paid_at__isnull=False).count()


def _orders_counted(now: datetime) -> Any:
    paid = Order.objects.filter(member=OuterRef("pk"), paid_at__isnull=False).order_by()
    counted = paid.annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def register() -> None:
    register_kind(KIND, validate)
    register_member_fact("orders", "int", _("orders paid"), _orders)
    register_member_column("orders", _orders_counted)
