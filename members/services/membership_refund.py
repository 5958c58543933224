"""A membership is given back before its time, for the days that are left."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import locks
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from members.events import MembershipRefunded
from members.membership import refund_fen
from members.models import Membership
from members.services.membership_grant import LOCK


class MembershipEnded(Conflict):
    code = "membership_ended"
    message = _("This membership is over.")


class MembershipRenewed(Conflict):
    code = "membership_renewed"
    message = _("This membership was renewed: the renewal is given back first.")


def membership_refund(*, membership_id: int, reason: str, actor: Actor, now: datetime) -> int:
    """End the period at ``now``. Returns the fen to be sent back, the way they came: the share of
    whole days that are left, rounded down; all of it before the period begins.

    Raises NotFound, MembershipEnded, MembershipRenewed.
    """
    found = Membership.objects.filter(pk=membership_id)
    member_id = found.values_list("member_id", flat=True).first()
    if member_id is None:
        raise NotFound()
    with transaction.atomic():
        locks.advisory(LOCK, [member_id])
        membership = found.get()
        if membership.ended_at is not None or membership.until <= now:
            raise MembershipEnded()
        later = Membership.objects.filter(
            member_id=member_id,
            plan_id=membership.plan_id,
            ended_at__isnull=True,
            since__gte=membership.until,
        )
        if later.exists():
            raise MembershipRenewed()
        due = refund_fen(
            price_fen=membership.price_fen,
            since=membership.since,
            until=membership.until,
            now=now,
        )
        ended = found.filter(ended_at__isnull=True).update(ended_at=now, refunded_fen=due)
        if not ended:
            raise MembershipEnded()
        event = MembershipRefunded(
            subject_id=membership.pk,
            reason=reason,
            member_id=member_id,
            plan_id=membership.plan_id,
            refunded_fen=due,
        )
        record([event], actor=actor, now=now)
    return due
