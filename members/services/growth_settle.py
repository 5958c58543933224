"""Growth follows what was paid: the difference to a target is entered, so repeats do nothing."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from config.kernel import locks
from config.kernel.models import PolicyVersion
from members.growth import TierRules
from members.models import GrowthEntry, Member
from members.selectors_tiers import KIND, growth_settled
from members.services.points_settle import PointsTarget
from members.services.tier_review import LOCK, tiers_raise


def growth_settle(targets: Sequence[PointsTarget], *, now: datetime) -> dict[str, int]:
    """Bring the growth of every reference to its target, and lift whoever reaches a higher tier.
    Returns the difference by reference.

    By the "tiers" policy of the target's moment; without one there is no growth. Statements do
    not depend on the number of targets, but for those who are lifted.
    """
    if not targets:
        return {}
    with transaction.atomic():
        members = {t.member_id for t in targets}
        locks.advisory(LOCK, members)
        settled = growth_settled(references={t.reference for t in targets})
        policies = list(
            PolicyVersion.objects.filter(kind=KIND, scope="", published_at__isnull=False)
        )
        entries: list[GrowthEntry] = []
        differences: dict[str, int] = {}
        grown: dict[int, int] = {}
        for target in targets:
            rules = _rules(policies, target.moment)
            booked, count = settled.get(target.reference, (0, 0))
            difference = rules.target(tuple(target.parts())) - booked if rules else 0
            differences[target.reference] = differences.get(target.reference, 0) + difference
            if not difference:
                continue
            entries.append(
                GrowthEntry(
                    member_id=target.member_id,
                    reference=target.reference,
                    key=f"growth:{target.reference}:{count}",
                    growth=difference,
                    occurred_at=target.moment,
                    created_at=now,
                )
            )
            settled[target.reference] = (booked + difference, count + 1)
            grown[target.member_id] = grown.get(target.member_id, 0) + difference
        GrowthEntry.objects.bulk_create(entries)
        Member.objects.bulk_update(
            [Member(pk=pk, growth=F("growth") + growth) for pk, growth in sorted(grown.items())],
            ["growth"],
        )
        tiers_raise(member_ids=[pk for pk, growth in grown.items() if growth > 0], now=now)
    return differences


def _rules(policies: Sequence[PolicyVersion], moment: datetime) -> TierRules | None:
    for version in policies:
        assert version.effective_from is not None  # published: constraint of the table
        ends = version.effective_to
        if version.effective_from <= moment and (ends is None or moment < ends):
            return TierRules.read(version.body)
    return None
