"""What coupons know of members when they ask who may have one."""

from datetime import datetime
from typing import Any

from django.db.models import Case, F, Func, IntegerField, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from config.kernel.clock import local_date
from coupons.member_facts import register_member_fact
from coupons.members_meant import register_member_column, register_member_set
from members.models import Member
from members.selectors_tags import member_tags, tagged_with_any


def _tier(member_id: int, now: datetime) -> str:
    code = Member.objects.filter(pk=member_id).values_list("tier__code", flat=True).first()
    return code or "none"


def _days(member_id: int, now: datetime) -> int | None:
    since = Member.objects.filter(pk=member_id).values_list("created_at", flat=True).first()
    return None if since is None else (local_date(now) - local_date(since)).days


def _home(member_id: int, now: datetime) -> Any:
    return Member.objects.filter(pk=member_id).values_list("home_store__code", flat=True).first()


def _phone(member_id: int, now: datetime) -> int:
    return int(Member.objects.filter(pk=member_id, phone__isnull=False).exists())


def _tags(member_id: int, now: datetime) -> list[str]:
    return member_tags(member_id=member_id)


class _DaysSince(Func):
    """Days of Shanghai between registering and ``now``."""

    output_field = IntegerField()

    def __init__(self, now: datetime) -> None:
        super().__init__(F("created_at"))
        self.template = (
            f"(DATE '{local_date(now).isoformat()}'"
            " - (%(expressions)s AT TIME ZONE 'Asia/Shanghai')::date)"
        )


def register_all() -> None:
    """Called once by ``apps.ready()``."""
    register_member_fact("tier", "str", _("tier"), _tier)
    register_member_fact("member_days", "int", _("days as a member"), _days)
    register_member_fact("home_store", "str", _("member's home store"), _home)
    register_member_fact(
        "member_phone",
        "int",
        _("member's phone is known (1)"),
        _phone,
        yes=_("the member's phone is known"),
    )
    register_member_fact("tags", "set", _("tags of the member"), _tags)
    register_member_column("tier", lambda now: Coalesce("tier__code", Value("none")))
    register_member_column("member_days", _DaysSince)
    register_member_column("home_store", lambda now: F("home_store__code"))
    register_member_column(
        "member_phone", lambda now: Case(When(phone__isnull=False, then=1), default=0)
    )
    register_member_set("tags", tagged_with_any)
