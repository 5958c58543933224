"""A membership as a line of an order: granted when it is paid for, given back by its days."""

from datetime import datetime

from config.kernel.actors import SYSTEM, Actor
from mall.models import Order, OrderLine
from mall.services.order_value import value_key
from members.models import Membership, MembershipPlan
from members.services.membership_grant import (
    MembershipLimit,
    MembershipPlanUnknown,
    MembershipTooFar,
    membership_check,
    membership_grant,
    membership_plan_on_sale,
)
from members.services.membership_refund import membership_due, membership_refund

# What a paid order was promised and can no longer have.
MEMBERSHIP_BROKEN = (MembershipPlanUnknown, MembershipLimit, MembershipTooFar)


def membership_offered(*, plan_code: str, member_id: int, now: datetime) -> MembershipPlan:
    """A plan that this member may buy now, with its operator. Two statements. Raises
    MembershipPlanUnknown, MembershipLimit, MembershipTooFar."""
    plan = membership_plan_on_sale(code=plan_code)
    membership_check(plan=plan, member_id=member_id, now=now)
    return plan


def membership_put(*, order: Order, line: OrderLine, now: datetime) -> Membership:
    """The period that a paid line is. Raises what MEMBERSHIP_BROKEN names."""
    assert line.membership_plan_id is not None  # constraint mall_orderline_membership
    return membership_grant(
        member_id=order.member_id,
        plan_id=line.membership_plan_id,
        price_fen=line.net_fen,
        days=line.membership_days,
        reference=order.no,
        key=value_key(order.no, line.position),
        actor=SYSTEM,
        now=now,
    )


def membership_worth(*, order: Order, line: OrderLine, moment: datetime) -> int:
    """The fen that a paid line is worth to who asks for it back at ``moment``. Raises
    MembershipEnded, MembershipRenewed, MembershipUsedUp."""
    return membership_due(membership=_of(order, line), moment=moment)


def membership_back(
    *,
    order: Order,
    line: OrderLine,
    reason: str,
    asked_at: datetime,
    actor: Actor,
    now: datetime,
) -> int:
    """End the period of a paid line; returns its worth at ``asked_at``, which is to be sent back.
    Raises as :func:`membership_worth`."""
    return membership_refund(
        membership_id=_of(order, line).pk,
        reason=reason,
        asked_at=asked_at,
        actor=actor,
        now=now,
    )


def _of(order: Order, line: OrderLine) -> Membership:
    return Membership.objects.get(key=value_key(order.no, line.position))
