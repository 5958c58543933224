"""Points follow what was paid: the difference to a target is posted, so repeats do nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from config.kernel import locks
from config.kernel.models import PolicyVersion
from config.kernel.money import BASIS_POINTS
from members.birthdays import Birthday, birthday_fact
from members.membership import rate_at
from members.models import Member
from members.points import Lot, Wallet
from members.points_rules import PointsLine, PointsRules
from members.selectors import points_settled
from members.selectors_tiers import membership_rates
from members.services.points_wallet import (
    LOCK,
    Made,
    points_accounts,
    wallets_read,
    wallets_write,
)
from stores.ledger import Draft, post


@dataclass(frozen=True, slots=True)
class PointsTarget:
    """``member_id`` is owed points for what is left of ``reference`` (an order's number) after
    refunds, by the rules of ``moment`` (when it was paid): for ``lines``, or for ``base_fen``
    where rules over lines have nothing to look at."""

    member_id: int
    member_no: str
    reference: str
    base_fen: int
    moment: datetime
    lines: Sequence[PointsLine] = ()

    def parts(self) -> Sequence[PointsLine]:
        return self.lines or (PointsLine("", self.base_fen),)


@dataclass(frozen=True, slots=True)
class _Tier:
    """And what rules may ask of who is in it."""

    code: str
    rate_bp: int
    birthday: Birthday | None = None

    def at_least(self, rate_bp: int) -> "_Tier":
        """What was paid for does not add to the tier: the better of the two counts."""
        return _Tier(self.code, max(self.rate_bp, rate_bp), self.birthday)


def points_settle(targets: Sequence[PointsTarget], *, now: datetime) -> dict[str, int]:
    """Bring the points of every reference to its target. Returns the difference by reference.

    More is earned: it repays a debt first, the rest becomes a lot. Less is due: it is taken out
    of what that reference earned, then first in first out, then it is owed. The rates of the tier
    and of the lines are those of the first settlement. Statements do not depend on the number of
    targets. Without a published "points" policy in force at a target's moment it earns nothing.
    """
    if not targets:
        return {}
    with transaction.atomic():
        member_nos = {t.member_id: t.member_no for t in targets}
        locks.advisory(LOCK, member_nos)
        accounts = points_accounts(member_nos)
        issued_id = next(iter(accounts.values())).issued
        references = {t.reference for t in targets}
        settled = points_settled(issued_id=issued_id, references=references)
        wallets = wallets_read(accounts, references)
        tiers, paid_rates = _tiers(member_nos), membership_rates(member_ids=member_nos)
        policies = _policies()
        drafts: list[Draft] = []
        made: list[Made] = []
        differences: dict[str, int] = {}
        for target in targets:
            rules = _rules(policies, target.moment)
            wallet = wallets[target.member_id]
            posted, count = settled.get(target.reference, (0, 0))
            tier = tiers[target.member_id].at_least(
                rate_at(paid_rates.get(target.member_id, ()), target.moment)
            )
            rate, line_rates = _rates(wallet, target, tier, rules)
            due = rules.target(target.parts(), rate, line_rates) if rules else 0
            difference = due - posted
            if rules and difference > 0:
                first = rules.first_expiry(target.moment)
                moves = wallet.earn(
                    difference,
                    reference=target.reference,
                    rate_bp=rate,
                    line_rates=line_rates,
                    expires_at=rules.returned_expiry(first, now) if count else first,
                )
                key = f"points:{target.reference}:{count}"
                made.append(Made(target.member_id, key, wallet.made[-1]))
            else:
                moves = wallet.claw_back(-difference, reference=target.reference, now=now)
            drafts += [
                accounts[target.member_id].draft(
                    move, target.reference, f"points:{target.reference}:{count}:{move.kind}"
                )
                for move in moves
            ]
            settled[target.reference] = (due, count + len(moves))
            differences[target.reference] = differences.get(target.reference, 0) + difference
        wallets_write(wallets, made, now=now)
        post(drafts, now=now)
    return differences


def points_estimate(target: PointsTarget) -> int:
    """What ``target`` would earn at its moment, for people to look at. Three statements; one
    without a policy. Raises KeyError for an unknown member."""
    rules = _rules(_policies(), target.moment)
    if rules is None:
        return 0
    rates = membership_rates(member_ids=[target.member_id]).get(target.member_id, ())
    tier = _tiers([target.member_id])[target.member_id].at_least(rate_at(rates, target.moment))
    birthday = birthday_fact(tier.birthday, target.moment)
    line_rates = rules.line_rates(target.parts(), tier.code, birthday)
    return rules.target(target.parts(), tier.rate_bp, line_rates)


def _tiers(member_ids: Sequence[int] | dict[int, str]) -> dict[int, _Tier]:
    rows = Member.objects.filter(pk__in=member_ids)
    return {
        member.pk: _Tier(
            member.tier.code if member.tier else "",
            member.tier.points_rate_bp if member.tier else BASIS_POINTS,
            member.birthday,
        )
        for member in rows.select_related("tier")
    }


def _policies() -> list[PolicyVersion]:
    return list(PolicyVersion.objects.filter(kind="points", scope="", published_at__isnull=False))


def _rules(policies: Sequence[PolicyVersion], moment: datetime) -> PointsRules | None:
    for version in policies:
        assert version.effective_from is not None  # published: constraint of the table
        ends = version.effective_to
        if version.effective_from <= moment and (ends is None or moment < ends):
            return PointsRules.read(version.body)
    return None


def _rates(
    wallet: Wallet, target: PointsTarget, tier: _Tier, rules: PointsRules | None
) -> tuple[int, dict[str, int]]:
    """A refund takes back at the rates at which was given, whatever tier they are in by now and
    wherever the goods are filed."""
    lot = _first(wallet.lots, target.reference)
    if lot is not None:
        return lot.rate_bp, lot.line_rates
    if rules is None:
        return tier.rate_bp, {}
    birthday = birthday_fact(tier.birthday, target.moment)
    return tier.rate_bp, rules.line_rates(target.parts(), tier.code, birthday)


def _first(lots: Sequence[Lot], reference: str) -> Lot | None:
    return next((lot for lot in lots if lot.reference == reference), None)
