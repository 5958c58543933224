"""Tags, and the commands that put them on members and take them off."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from config.kernel.admin import (
    AuditedAdmin,
    Command,
    ReadOnlyAdmin,
    ReasonForm,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    related,
)
from members.models import Member, MemberTag, Tag
from members.services.member_tag import TagUnknown, member_tag, member_untag
from stores.admin.scope import StaffScoped
from stores.models import Operator
from stores.reach import staff_reach

GIVE = "members.change_membertag"


def tags_of(user: Any) -> QuerySet[Tag]:
    """Those that ``user`` may give and take: the group's, and those of their operators."""
    operators = staff_reach(user, GIVE).operators()
    own = Q(operator__in=Operator.objects.filter(operators))
    return Tag.objects.filter(Q(operator__isnull=True) | own).order_by("code")


class _TagForm(ReasonForm):
    of_user = True
    tag = forms.ChoiceField(label=_("tag"), widget=UnfoldAdminSelectWidget())
    field_order = ["tag", "reason"]

    def __init__(self, data: Any = None, *, user: Any) -> None:
        super().__init__(data)
        field = self.fields["tag"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(tag.code, str(tag)) for tag in self.offered(tags_of(user))]

    def offered(self, tags: QuerySet[Tag]) -> QuerySet[Tag]:
        return tags


class GiveTagForm(_TagForm):
    def offered(self, tags: QuerySet[Tag]) -> QuerySet[Tag]:
        return tags.filter(archived_at__isnull=True)


def _given(command: Command) -> dict[str, Any]:
    # Of a batch the data was typed a while ago: what its person may do is asked again.
    code = command.data["tag"]
    if not tags_of(command.user).filter(code=code).exists():
        raise TagUnknown()
    return {
        "member_id": command.row.pk,
        "tag_code": code,
        "reason": command.reason,
        "actor": command.actor,
        "now": command.now,
    }


def _tag(command: Command) -> str | None:
    return None if member_tag(**_given(command)) else _now("Had it already.")


def _untag(command: Command) -> str | None:
    return None if member_untag(**_given(command)) else _now("Did not have it.")


def _there(row: Member) -> bool:
    return row.archived_at is None


TAG_COMMAND = ServiceAction("tag", _("Tag with…"), _tag, form=GiveTagForm, allowed=_there)
UNTAG_COMMAND = ServiceAction("untag", _("Take a tag off…"), _untag, form=_TagForm, allowed=_there)


@admin.register(Tag)
class TagAdmin(StaffScoped, AuditedAdmin):
    operator_paths = ("operator",)
    list_display = ["code", "name", "operator", "archived_at"]
    list_select_related = ["operator"]
    list_filter = [("operator", ScopedRelatedFilter), ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]
    autocomplete_fields = ["operator"]
    ordering = ["code"]

    def get_readonly_fields(self, request, obj=None):
        # Rules know a tag by its code.
        fixed = ["code"] if obj is not None else []
        return [*super().get_readonly_fields(request, obj), *fixed]


@admin.register(MemberTag)
class MemberTagAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("member__home_store",)
    list_display = ["member", "tag", "reason", "since", "ended_at"]
    list_select_related = ["member", "tag"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["member__no__exact", "member__phone", "tag__code", "tag__name"]
    date_hierarchy = "since"
    ordering = ["-id"]


related(Member, Related(MemberTag, "member", ("tag", "reason", "since", "ended_at")))
