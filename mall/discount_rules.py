"""Rows of promotions and coupons as the rules that pricing works with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from coupons.selectors import CouponRule
from coupons.states import CouponKind
from coupons.terms import DiscountTerms, terms_read
from mall.pricing import Rule

# Why a coupon cannot be used, whatever the basket.
HOURS, STORE, BUDGET = "hours", "store", "budget"


def promotion_rule(row: Sequence[Any], now: datetime) -> Rule:
    """From the array that the statement of ``offers`` builds of a promotion."""
    code, name, method, value, threshold_fen, most, scope, group, skus, columns = row
    terms = terms_read(columns)
    return Rule(
        kind="promotion",
        reference=code,
        title=name,
        method=method,
        value=value,
        threshold_fen=threshold_fen,
        max_discount_fen=most,
        scope=scope,
        group=group,
        skus=skus,
        closed="" if terms.open_at(now) else HOURS,
        **_of(terms),
    )


def coupon_rule(coupon: CouponRule, *, operator_id: int, channel: str, now: datetime) -> Rule:
    """A member's coupon at a store of an operator, in the mall or at a till."""
    terms = _of(coupon.terms)
    method = coupon.kind
    if coupon.kind == CouponKind.EXCHANGE:
        # One piece for its price, unless the template says more.
        method = "price"
        terms["times"] = coupon.terms.times or 1
    closed = ""
    if not taken_at(coupon, operator_id=operator_id, channel=channel):
        closed = STORE
    elif not coupon.terms.open_at(now):
        closed = HOURS
    return Rule(
        kind="coupon",
        reference=coupon.no,
        title=coupon.name,
        method=method,
        value=coupon.value,
        threshold_fen=coupon.threshold_fen,
        max_discount_fen=coupon.max_discount_fen,
        scope=coupon.scope,
        group=coupon.stacking_group,
        ends=coupon.valid_until.isoformat(),
        closed=closed,
        **terms,
    )


def taken_at(coupon: CouponRule, *, operator_id: int, channel: str) -> bool:
    """Whether stores of the operator take the coupon in this channel."""
    ours = coupon.operator_id == operator_id or coupon.other_operators
    return ours and channel in coupon.channels


def _of(terms: DiscountTerms) -> dict[str, Any]:
    return {
        "priority": terms.priority,
        "threshold_pieces": terms.threshold_pieces,
        "steps": terms.steps,
        "span": terms.span,
        "pieces": terms.pieces,
        "times": terms.times,
        "excludes": terms.excludes,
    }
