"""Members and what they told us; written by themselves through the API, looked at here."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    AuditedAdmin,
    Bulk,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    code_words,
    figures,
    finder,
    number_like,
    phone_of,
    related,
)
from config.kernel.admin.timeline import actor_names
from config.kernel.money import yuan
from members.admin.birthday import BIRTHDAY_COMMAND, birthday_masked
from members.admin.card_commands import POINTS_COMMAND
from members.admin.tags import GIVE, TAG_COMMAND, UNTAG_COMMAND
from members.identity import phone_masked
from members.models import Consent, ExternalId, Member, Message, PointLot, Tier
from members.selectors import card_lots, points_balance
from members.states import ConsentKind
from stores.admin.approvals import approvals_of
from stores.admin.scope import StaffScoped

# What a command takes.
_PERMISSIONS = {
    POINTS_COMMAND.name: "members.change_pointlot",
    BIRTHDAY_COMMAND.name: "members.change_birthday",
    TAG_COMMAND.name: GIVE,
    UNTAG_COMMAND.name: GIVE,
}
PERSON = ("member__no__exact", "member__phone", "member__nickname")


class ConsentInline(ReadOnlyInline):
    model = Consent


class ExternalIdInline(ReadOnlyInline):
    model = ExternalId
    fields = ["kind", "app_id", "identifier", "created_at"]

    @admin.display(description=_("identifier"))
    def identifier(self, row: ExternalId) -> str:
        return row.value


class PointLotInline(ReadOnlyInline):
    model = PointLot
    fields = ["reference", "earned_points", "remaining_points", "earned_at", "expires_at"]
    ordering = ["-id"]


@admin.register(Member)
class MemberAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("home_store",)
    list_display = ["no", "nickname", "phone_masked", "tier", "growth", "home_store", "created_at"]
    list_select_related = ["tier", "home_store"]
    export_personal = {"phone_masked": "phone"}
    list_filter = ["tier", ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = [
        "no",
        "phone",
        "nickname",
        "user__username",
        "cards__no__exact",
        "external_ids__value__exact",
    ]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    # What is personal shows in part (the figures have the month).
    hidden = ("birth_year", "birth_month", "birth_day")
    inlines = [ExternalIdInline, ConsentInline, PointLotInline]
    service_actions = [POINTS_COMMAND, BIRTHDAY_COMMAND, TAG_COMMAND, UNTAG_COMMAND]
    bulk_actions = [Bulk("tag"), Bulk("untag")]

    def _may(self, request, action, row=None) -> bool:
        """Points, birthdays and tags have permissions of their own; a member's page is nobody's
        to change."""
        return request.user.has_perm(_PERMISSIONS[action.name], row)

    @admin.display(description=_("phone"), ordering="phone")
    def phone_masked(self, row: Member) -> str | None:
        return phone_masked(row.phone)

    def timeline_subjects(self, row):
        return [("member", row.pk), *approvals_of(row)]


def _person(term: str) -> list[Q]:
    return [
        *number_like(term, "no"),
        *phone_of(term, "phone"),
        Q(nickname__startswith=term),
    ]


finder(Member, _person, title="no", detail="nickname", icon="group")


def _wallet(row: Member) -> list[tuple[Any, str]]:
    """What a person owns, in a line, and the month of their birthday: three statements, whatever
    they own."""
    lots = card_lots(member_id=row.pk)
    points, debt = points_balance(row.pk)
    found = [
        (_("stored value to spend"), yuan(sum(lot.value_fen for lot in lots))),
        (_("of it bonus"), yuan(sum(lot.bonus_fen for lot in lots))),
        (_("points"), str(points)),
    ]
    if debt:
        found.append((_("points owed"), str(debt)))
    if row.birthday is not None:
        found.append((_("birthday"), birthday_masked(row.birthday)))
    return found


actor_names("member", lambda ids: dict(Member.objects.filter(pk__in=ids).values_list("pk", "no")))
figures(Member, _wallet)
related(
    Member,
    Related(Message, "member", ("created_at", "template", "reference", "state", "sent_at")),
)


@admin.register(Tier)
class TierAdmin(AuditedAdmin):
    list_display = ["code", "name", "growth_from", "points_rate_bp"]
    search_fields = ["code", "name"]
    ordering = ["growth_from"]


class _OfMember(StaffScoped, ReadOnlyAdmin):
    store_paths = ("member__home_store",)
    list_select_related = ["member"]
    ordering = ["-id"]


@admin.register(ExternalId)
class ExternalIdAdmin(_OfMember):
    list_display = ["member", "kind", "app_id", "value", "created_at"]
    list_filter = ["kind", "app_id"]
    search_fields = [*PERSON, "value"]


code_words(Consent, "kind", dict(ConsentKind.choices))


@admin.register(Consent)
class ConsentAdmin(_OfMember):
    list_display = ["member", "kind", "version", "given_at", "withdrawn_at"]
    list_filter = ["kind", "version", ("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields = [*PERSON]
    date_hierarchy = "given_at"


@admin.register(PointLot)
class PointLotAdmin(_OfMember):
    list_display = [
        "member",
        "reference",
        "earned_points",
        "remaining_points",
        "earned_at",
        "expires_at",
    ]
    search_fields = [*PERSON, "reference"]
    date_hierarchy = "earned_at"


# What happened in the shop, the apps above say.
code_words(Message, "template", {"birthday": _("birthday")})


@admin.register(Message)
class MessageAdmin(_OfMember):
    list_display = [
        "created_at",
        "member",
        "template",
        "reference",
        "state",
        "attempts",
        "sent_at",
        "last_error",
    ]
    list_filter = ["state", "template"]
    search_fields = [*PERSON, "reference", "key"]
    date_hierarchy = "created_at"

    def timeline_subjects(self, row):
        return [("message", row.pk)]
