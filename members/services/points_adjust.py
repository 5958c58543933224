"""Correct a member's points: goodwill, or a mistake. One person asks, another decides."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.approvals import register_kind as register_approval
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.models import Approval
from config.kernel.money import BASIS_POINTS
from config.kernel.policies import policy_at
from members.events import PointsAdjusted
from members.guards_points import PointsShort, points_lock
from members.models import Member
from members.points_rules import NEVER, PointsRules
from members.services.points_wallet import Made, points_accounts, wallets_read, wallets_write
from stores.ledger import post
from stores.states import Role

ADJUST = "members.points_adjust"
CODE = "points.adjust"
MOST_POINTS = 10_000_000


class PointsAmountRefused(Conflict):
    code = "points_amount_refused"
    message = gettext_lazy("Between 1 and {most} points can be given or taken at once.")


def points_adjust(
    *, member_id: int, points: int, reason: str, user: Any, now: datetime
) -> Approval:
    """Ask for ``points`` to be given to the member, or (below zero) taken.

    Nobody does this alone: the request waits for another person, and counts as what the points
    would pay (a fen each where points pay nothing). Raises NotFound, PointsAmountRefused,
    ApprovalPending.
    """
    if not Member.objects.filter(pk=member_id, archived_at__isnull=True).exists():
        raise NotFound()
    if not 0 < abs(points) <= MOST_POINTS:
        raise PointsAmountRefused(most=MOST_POINTS)
    rules = _rules(now)
    fen = rules.tender.fen_per_point if rules and rules.tender else 1
    return approval_request(
        kind=ADJUST,
        subject_type=Member._meta.label_lower,
        subject_id=member_id,
        reason=reason,
        actor=Actor.user(user),
        now=now,
        params={"points": points},
        amount_fen=abs(points) * fen,
    )


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    points = approval.params["points"]
    member = Member.objects.get(pk=approval.subject_id)
    points_lock(member_id=member.pk)
    accounts = points_accounts({member.pk: member.no})
    wallets = wallets_read(accounts)
    wallet = wallets[member.pk]
    made = []
    if points > 0:
        rules = _rules(now)
        moves = wallet.earn(
            points,
            reference=approval.no,
            rate_bp=BASIS_POINTS,
            expires_at=rules.first_expiry(now) if rules else NEVER,
        )
        made.append(Made(member.pk, f"points.adjust:{approval.no}", wallet.made[-1]))
    else:
        if wallet.free(now) < -points:
            raise PointsShort()
        moves = wallet.claw_back(-points, reference=approval.no, now=now)
    drafts = [
        accounts[member.pk].draft(
            move, approval.no, f"{CODE}:{approval.no}:{move.kind}", _code(move)
        )
        for move in moves
    ]
    wallets_write(wallets, made, now=now)
    event = PointsAdjusted(
        subject_id=member.pk, reason=approval.reason, approval_id=approval.pk, points=points
    )
    record([event], actor=actor, now=now)
    post(drafts, now=now)


def _code(move: Any) -> str:
    """What repays a debt is booked as that; it is the adjustment's by its reference."""
    return "" if move.kind == "repay" else CODE


def _rules(now: datetime) -> PointsRules | None:
    policy = policy_at(kind="points", moment=now)
    return PointsRules.read(policy.body) if policy else None


def _describe(approval: Approval) -> str:
    member = Member.objects.get(pk=approval.subject_id)
    points = approval.params["points"]
    words = (
        _("{points} points are given to member {member}.")
        if points > 0
        else _("{points} points are taken from member {member}.")
    )
    return words.format(points=abs(points), member=member.no)


ADJUST_KIND = ApprovalKind(
    code=ADJUST,
    label=gettext_lazy("correction of a member's points"),
    permission="members.change_pointlot",
    run=_run,
    describe=_describe,
    limits={"alone": {}, "check": {Role.FINANCE: 50_000, Role.HEADQUARTERS: None}},
)


def register() -> None:
    register_approval(ADJUST_KIND)
