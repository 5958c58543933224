"""The tags of members, for the rules that ask for them."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef

from members.models import MemberTag


def member_tags(*, member_id: int) -> list[str]:
    """Codes of the tags that the member has, in order. One statement."""
    live = MemberTag.objects.filter(member_id=member_id, ended_at__isnull=True)
    return list(live.order_by("tag__code").values_list("tag__code", flat=True))


def tagged_with_any(codes: Collection[str]) -> Exists:
    """Over Member: has one of these tags."""
    live = MemberTag.objects.filter(member=OuterRef("pk"), ended_at__isnull=True)
    return Exists(live.filter(tag__code__in=codes))
