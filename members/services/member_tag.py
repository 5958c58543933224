"""Staff put a tag on a member, or take it off."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from members.events import MemberTagged, MemberUntagged
from members.models import Member, MemberTag, Tag


class TagUnknown(NotFound):
    """There is no such tag, or it is not given any more."""

    code = "tag_unknown"
    message = _("There is no such tag, or it is not given any more.")


def member_tag(*, member_id: int, tag_code: str, reason: str, actor: Actor, now: datetime) -> bool:
    """Whether the member has the tag only since now; whoever has it keeps it as it is.

    Raises TagUnknown, and NotFound for a member that is archived.
    """
    with transaction.atomic():
        tag = Tag.objects.filter(code=tag_code, archived_at__isnull=True).first()
        if tag is None:
            raise TagUnknown()
        if not Member.objects.filter(pk=member_id, archived_at__isnull=True).exists():
            raise NotFound()
        # Of two at once the second finds the row of the first: one live row each is UNIQUE.
        _row, given = MemberTag.objects.get_or_create(
            member_id=member_id,
            tag=tag,
            ended_at=None,
            defaults={"since": now, "reason": reason},
        )
        if given:
            event = MemberTagged(subject_id=member_id, tag_id=tag.pk, reason=reason)
            record([event], actor=actor, now=now)
    return given


def member_untag(
    *, member_id: int, tag_code: str, reason: str, actor: Actor, now: datetime
) -> bool:
    """Whether the tag was taken off now; False for a member who does not have it.

    An archived tag is taken off as well. Raises TagUnknown for one that never was.
    """
    with transaction.atomic():
        tag = Tag.objects.filter(code=tag_code).first()
        if tag is None:
            raise TagUnknown()
        live = MemberTag.objects.filter(member_id=member_id, tag=tag, ended_at__isnull=True)
        taken = bool(live.update(ended_at=now))
        if taken:
            event = MemberUntagged(subject_id=member_id, tag_id=tag.pk, reason=reason)
            record([event], actor=actor, now=now)
    return taken
