"""A member has paid for a membership, or for another period of it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Max, Q
from django.utils.translation import gettext_lazy as _

from config.kernel import locks
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from members.events import MembershipGranted
from members.models import Membership, MembershipPlan
from stores.ledger import DuplicateTransfer

# Periods of a member come one after the other.
LOCK = "members.membership"
# What is paid for further ahead than this is a mistake.
MOST_AHEAD = timedelta(days=3_660)


class MembershipPlanUnknown(NotFound):
    """There is no such plan, or it is not sold any more."""

    code = "membership_plan_unknown"


class MembershipTooFar(Conflict):
    code = "membership_too_far"
    message = _("This membership is paid for years ahead already.")


class MembershipLimit(Conflict):
    code = "membership_limit"
    message = _("This membership is sold {most} times per member at most.")


def membership_plan_on_sale(*, code: str) -> MembershipPlan:
    """With its operator. One statement. Raises MembershipPlanUnknown."""
    plan = MembershipPlan.objects.filter(code=code, archived_at__isnull=True)
    found = plan.select_related("operator").first()
    if found is None:
        raise MembershipPlanUnknown()
    return found


def membership_check(*, plan: MembershipPlan, member_id: int, now: datetime) -> datetime:
    """When a period would begin that is paid for at ``now``: at once, or where the member's last
    one ends. One statement. Raises MembershipLimit, MembershipTooFar."""
    bought = Membership.objects.filter(member_id=member_id, plan=plan).aggregate(
        until=Max("until", filter=Q(ended_at__isnull=True)),
        count=Count("pk", filter=Q(refunded_fen__lt=F("price_fen"))),
    )
    if plan.per_member is not None and bought["count"] >= plan.per_member:
        raise MembershipLimit(most=plan.per_member)
    since = max(now, bought["until"]) if bought["until"] else now
    if since - now > MOST_AHEAD:
        raise MembershipTooFar()
    return since


def membership_grant(
    *,
    member_id: int,
    plan_id: int,
    price_fen: int,
    reference: str,
    key: str,
    actor: Actor,
    now: datetime,
    days: int | None = None,
) -> Membership:
    """Begin a period of the plan at ``now``, or where the member's last one ends.

    ``price_fen`` is what was paid, after discounts; ``reference`` the order, ``key`` its line;
    ``days`` what was promised, the plan's when left out. Raises MembershipPlanUnknown for one
    that is not sold (any more), DuplicateTransfer for a key that was granted before,
    MembershipLimit, MembershipTooFar.
    """
    with transaction.atomic():
        locks.advisory(LOCK, [member_id])
        plan = MembershipPlan.objects.filter(pk=plan_id, archived_at__isnull=True).first()
        if plan is None:
            raise MembershipPlanUnknown()
        if Membership.objects.filter(key=key).exists():
            raise DuplicateTransfer()
        since = membership_check(plan=plan, member_id=member_id, now=now)
        membership = Membership.objects.create(
            member_id=member_id,
            plan=plan,
            reference=reference,
            key=key,
            price_fen=price_fen,
            since=since,
            until=since + timedelta(days=plan.days if days is None else days),
            created_at=now,
        )
        event = MembershipGranted(subject_id=membership.pk, member_id=member_id, plan_id=plan.pk)
        record([event], actor=actor, now=now)
    return membership
