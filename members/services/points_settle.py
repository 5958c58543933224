"""Points follow what was paid: the difference to a target is posted, so repeats do nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from config.kernel import locks
from config.kernel.models import PolicyVersion
from config.kernel.money import BASIS_POINTS
from members.models import Member, PointLot
from members.points import Lot, Move, PointsRules, Wallet, first_expiry, returned_expiry
from members.selectors import points_debts, points_settled
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.states import Unit

ISSUED = "points.issued"
LOCK = "members.points"


@dataclass(frozen=True, slots=True)
class PointsTarget:
    """``member_id`` is owed points for ``base_fen``, what is left of ``reference`` (an order's
    number) after refunds, by the rules of ``moment`` (when it was paid)."""

    member_id: int
    member_no: str
    reference: str
    base_fen: int
    moment: datetime


@dataclass(frozen=True, slots=True)
class _Accounts:
    points: int
    debt: int
    issued: int

    def draft(self, move: Move, reference: str, key: str) -> Draft:
        debit, credit = {
            "earn": (self.issued, self.points),
            "repay": (self.issued, self.debt),
            "clawback": (self.points, self.issued),
            "debt": (self.debt, self.issued),
        }[move.kind]
        return Draft(debit, credit, move.points, f"points.{move.kind}", key, reference)


def points_settle(targets: Sequence[PointsTarget], *, now: datetime) -> dict[str, int]:
    """Bring the points of every reference to its target. Returns the difference by reference.

    More is earned: it repays a debt first, the rest becomes a lot. Less is due: it is taken out
    of what that reference earned, then first in first out, then it is owed. The tier's rate is
    that of the first settlement. Statements do not depend on the number of targets. Without a
    published "points" policy in force at a target's moment it earns nothing.
    """
    if not targets:
        return {}
    with transaction.atomic():
        member_nos = {t.member_id: t.member_no for t in targets}
        locks.advisory(LOCK, member_nos)
        accounts = _accounts(member_nos)
        issued_id = next(iter(accounts.values())).issued
        references = {t.reference for t in targets}
        settled = points_settled(issued_id=issued_id, references=references)
        wallets = _wallets(accounts, references)
        rates = dict(
            Member.objects.filter(pk__in=member_nos).values_list("pk", "tier__points_rate_bp")
        )
        policies = _policies()
        drafts: list[Draft] = []
        made: list[tuple[str, PointsTarget, Lot]] = []
        differences: dict[str, int] = {}
        for target in targets:
            rules = _rules(policies, target.moment)
            wallet = wallets[target.member_id]
            posted, count = settled.get(target.reference, (0, 0))
            rate = _rate(wallet, target.reference, rates[target.member_id])
            due = rules.target(target.base_fen, rate) if rules else 0
            difference = due - posted
            if rules and difference > 0:
                first = first_expiry(rules, target.moment)
                moves = wallet.earn(
                    difference,
                    reference=target.reference,
                    rate_bp=rate,
                    expires_at=returned_expiry(rules, target.moment, now) if count else first,
                )
                made.append((f"points:{target.reference}:{count}", target, wallet.made[-1]))
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
        post(drafts, now=now)
        _write(wallets, made, now)
    return differences


def _accounts(member_nos: dict[int, str]) -> dict[int, _Accounts]:
    specs = [AccountSpec(ISSUED, Unit.POINTS)]
    for no in member_nos.values():
        specs.append(AccountSpec(f"points:{no}", Unit.POINTS, guarded=True))
        specs.append(AccountSpec(f"points.debt:{no}", Unit.POINTS))
    ids = accounts_ensure(specs)
    return {
        pk: _Accounts(ids[f"points:{no}"], ids[f"points.debt:{no}"], ids[ISSUED])
        for pk, no in member_nos.items()
    }


def _wallets(accounts: dict[int, _Accounts], references: set[str]) -> dict[int, Wallet]:
    debts = points_debts([a.debt for a in accounts.values()])
    wallets = {pk: Wallet([], debts[a.debt]) for pk, a in accounts.items()}
    rows = PointLot.objects.filter(
        Q(remaining_points__gt=0) | Q(reference__in=references), member__in=accounts
    ).order_by("expires_at", "pk")
    for row in rows:
        wallets[row.member_id].lots.append(
            Lot(
                row.pk,
                row.reference,
                row.remaining_points,
                row.expires_at,
                row.rate_bp,
                row.earned_points,
            )
        )
    return wallets


def _policies() -> list[PolicyVersion]:
    return list(PolicyVersion.objects.filter(kind="points", scope="", published_at__isnull=False))


def _rules(policies: Sequence[PolicyVersion], moment: datetime) -> PointsRules | None:
    for version in policies:
        assert version.effective_from is not None  # published: constraint of the table
        ends = version.effective_to
        if version.effective_from <= moment and (ends is None or moment < ends):
            return PointsRules.read(version.body)
    return None


def _rate(wallet: Wallet, reference: str, tier_bp: int | None) -> int:
    """A refund takes back at the rate at which was given, whatever tier they are in by now."""
    for lot in wallet.lots:
        if lot.reference == reference:
            return lot.rate_bp
    return BASIS_POINTS if tier_bp is None else tier_bp


def _write(
    wallets: dict[int, Wallet], made: list[tuple[str, PointsTarget, Lot]], now: datetime
) -> None:
    PointLot.objects.bulk_create(
        PointLot(
            member_id=target.member_id,
            reference=target.reference,
            key=key,
            rate_bp=lot.rate_bp,
            earned_points=lot.earned,
            remaining_points=lot.remaining,
            earned_at=now,
            expires_at=lot.expires_at,
        )
        for key, target, lot in made
    )
    changed = [
        PointLot(pk=lot.pk, remaining_points=lot.remaining)
        for wallet in wallets.values()
        for lot in wallet.lots
        if lot.changed and lot.pk is not None
    ]
    PointLot.objects.bulk_update(changed, ["remaining_points"])
