"""Points that paid for something given back return to the lots they came from."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.policies import policy_at
from members.events import PointsReturned
from members.guards_points import SPENT, points_lock_holder
from members.models import PointHold, PointHoldLine, PointLot
from members.points_rules import LEAST_DAYS_AFTER_RETURN, PointsRules
from members.selectors import points_debts
from members.services.points_wallet import points_accounts
from members.states import HoldState
from stores.ledger import AccountSpec, Draft, DuplicateTransfer, accounts_ensure, post
from stores.models import Transfer
from stores.states import Unit


class PointsRefundTooLarge(Conflict):
    code = "points_refund_too_large"
    message = _("More points would be given back than were spent.")


def points_refund(*, reference: str, points: int, key: str, actor: Actor, now: datetime) -> int:
    """Give ``points`` (> 0) of those spent for ``reference`` back; ``key`` names the refund.

    They repay a debt first. The rest goes into the lots they came from, those taken last first,
    with the expiry they had; where that is nearer than the policy's days (at least 30), into a
    lot of its own that lives so long. Returns the points that can be spent again.

    Raises NotFound when nothing was spent, PointsRefundTooLarge, DuplicateTransfer for a key
    that was given back before.
    """
    if points <= 0:
        raise ValueError("what is given back is above zero")
    with transaction.atomic():
        points_lock_holder(reference=reference)
        spent = PointHold.objects.filter(reference=reference, state=HoldState.CAPTURED)
        hold = spent.select_related("member").first()
        if hold is None:
            raise NotFound()
        if Transfer.objects.filter(key__in=[_key(key, "return"), _key(key, "repay")]).exists():
            raise DuplicateTransfer()
        if hold.refunded_points + points > hold.points:
            raise PointsRefundTooLarge()
        accounts = points_accounts({hold.member_id: hold.member.no})[hold.member_id]
        repaid = min(points, points_debts([accounts.debt])[accounts.debt])
        _into_lots(hold, points, repaid, key, now)
        spent.update(refunded_points=F("refunded_points") + points)
        event = PointsReturned(subject_id=hold.pk, member_id=hold.member_id, points=points)
        record([event], actor=actor, now=now)
        spent_id = accounts_ensure([AccountSpec(SPENT, Unit.POINTS)])[SPENT]
        drafts = []
        if repaid:
            drafts.append(
                Draft(
                    spent_id, accounts.debt, repaid, "points.repay", _key(key, "repay"), reference
                )
            )
        if points > repaid:
            drafts.append(
                Draft(
                    debit_id=spent_id,
                    credit_id=accounts.points,
                    amount=points - repaid,
                    code="points.return",
                    key=_key(key, "return"),
                    reference=reference,
                    reverses_id=Transfer.objects.get(key=f"points.spend:{reference}").pk,
                )
            )
        post(drafts, now=now)
    return points - repaid


def _key(key: str, word: str) -> str:
    return f"points.{word}:{key}"


def _into_lots(hold: PointHold, points: int, repaid: int, key: str, now: datetime) -> None:
    """Count ``points`` on the lines of the hold; all but ``repaid`` of them live again."""
    rules = _rules(now)
    lines = hold.lines.select_related("lot").order_by("-lot__expires_at", "-lot_id")
    for line in lines:
        part = min(points, line.points - line.refunded_points)
        if not part:
            continue
        points -= part
        PointHoldLine.objects.filter(pk=line.pk).update(refunded_points=F("refunded_points") + part)
        owed = min(part, repaid)
        repaid -= owed
        if part > owed:
            _alive(line.lot, part - owed, rules, key, now)


def _alive(lot: PointLot, points: int, rules: PointsRules, key: str, now: datetime) -> None:
    expires_at = rules.returned_expiry(lot.expires_at, now)
    if expires_at == lot.expires_at:
        PointLot.objects.filter(pk=lot.pk).update(remaining_points=F("remaining_points") + points)
        return
    PointLot.objects.create(
        member_id=lot.member_id,
        # Still of the purchase that earned them: its refund takes them first.
        reference=lot.reference,
        key=f"points.return:{key}:{lot.pk}",
        rate_bp=lot.rate_bp,
        line_rates=lot.line_rates,
        earned_points=points,
        remaining_points=points,
        earned_at=now,
        expires_at=expires_at,
    )


def _rules(now: datetime) -> PointsRules:
    policy = policy_at(kind="points", moment=now)
    if policy is None:
        return PointsRules(1, LEAST_DAYS_AFTER_RETURN, "never", 0)
    return PointsRules.read(policy.body)
