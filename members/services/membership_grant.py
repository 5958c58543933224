"""A member has paid for a membership, or for another period of it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
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


class MembershipTooFar(Conflict):
    code = "membership_too_far"
    message = _("This membership is paid for years ahead already.")


def membership_grant(
    *,
    member_id: int,
    plan_id: int,
    price_fen: int,
    reference: str,
    key: str,
    actor: Actor,
    now: datetime,
) -> Membership:
    """Begin a period of the plan at ``now``, or where the member's last one ends.

    ``price_fen`` is what was paid, after discounts; ``reference`` the order, ``key`` its line.
    Raises NotFound for a plan that is not sold, DuplicateTransfer for a key that was granted
    before, MembershipTooFar.
    """
    with transaction.atomic():
        locks.advisory(LOCK, [member_id])
        plan = MembershipPlan.objects.filter(pk=plan_id, archived_at__isnull=True).first()
        if plan is None:
            raise NotFound()
        if Membership.objects.filter(key=key).exists():
            raise DuplicateTransfer()
        paid = Membership.objects.filter(member_id=member_id, plan=plan, ended_at__isnull=True)
        last = paid.aggregate(until=Max("until"))["until"]
        since = max(now, last) if last else now
        if since - now > MOST_AHEAD:
            raise MembershipTooFar()
        membership = Membership.objects.create(
            member_id=member_id,
            plan=plan,
            reference=reference,
            key=key,
            price_fen=price_fen,
            since=since,
            until=since + timedelta(days=plan.days),
            created_at=now,
        )
        event = MembershipGranted(subject_id=membership.pk, member_id=member_id, plan_id=plan.pk)
        record([event], actor=actor, now=now)
    return membership
