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


class MembershipUsedUp(Conflict):
    code = "membership_used_up"
    message = _("No whole day of this membership is left.")


class MembershipRenewed(Conflict):
    code = "membership_renewed"
    message = _("This membership was renewed: the renewal is given back first.")


def membership_due(*, membership: Membership, moment: datetime) -> int:
    """The fen that giving it back is worth to who asks for it at ``moment``: the share of whole
    days that are left, rounded down; all of it before the period begins. One statement.

    Raises MembershipEnded, MembershipRenewed, MembershipUsedUp.
    """
    if membership.ended_at is not None or membership.until <= moment:
        raise MembershipEnded()
    later = Membership.objects.filter(
        member_id=membership.member_id,
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
        now=moment,
    )
    if not due:
        raise MembershipUsedUp()
    return due


def membership_refund(
    *,
    membership_id: int,
    reason: str,
    actor: Actor,
    now: datetime,
    asked_at: datetime | None = None,
) -> int:
    """End the period at ``now``. Returns the fen to be sent back, the way they came, by the days
    that were left at ``asked_at`` (``now`` when left out): nobody pays for our thinking it over.

    Raises NotFound and what :func:`membership_due` raises.
    """
    found = Membership.objects.filter(pk=membership_id)
    member_id = found.values_list("member_id", flat=True).first()
    if member_id is None:
        raise NotFound()
    with transaction.atomic():
        locks.advisory(LOCK, [member_id])
        membership = found.get()
        due = membership_due(membership=membership, moment=asked_at or now)
        if not _end(membership_id, due, now):
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


def _end(membership_id: int, due_fen: int, now: datetime) -> bool:
    """Whether it was this call that ended it."""
    live = Membership.objects.filter(pk=membership_id, ended_at__isnull=True)
    return bool(live.update(ended_at=now, refunded_fen=due_fen))
