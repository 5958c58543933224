"""Who stands at a desk, by the visit that the scan of their code opened."""

from datetime import datetime

from members.guards_code import VisitOver
from members.models import MemberCode


def visit_find(*, visit: str, by: str, now: datetime) -> int:
    """The member's id, for a visit of ``by`` that has neither ended nor paid. Raises VisitOver."""
    member_id = (
        MemberCode.objects.filter(
            visit=visit,
            used_by=by,
            visit_until__gt=now,
            spent_at__isnull=True,
            member__archived_at__isnull=True,
        )
        .values_list("member_id", flat=True)
        .first()
    )
    if member_id is None:
        raise VisitOver()
    return member_id
