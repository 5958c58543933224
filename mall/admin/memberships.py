"""Periods of paid membership: the orders sold them, and after-sale gives them back."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    ReasonForm,
    ScopedRelatedFilter,
    ServiceAction,
)
from config.kernel.errors import DomainError
from config.kernel.money import yuan
from mall.services.membership_return import membership_return
from members.models import Membership
from members.services.membership_refund import membership_due
from stores.admin.approvals import said
from stores.admin.scope import StaffScoped
from stores.permissions import DECIDE


class GiveBackForm(ReasonForm):
    """Shows what the days that are left are worth now."""

    of_row = True

    def __init__(self, data: Any = None, *, row: Membership) -> None:
        super().__init__(data)
        try:
            due = membership_due(membership=row, moment=clock.now())
        except DomainError as error:
            self.preview = [str(error)]
        else:
            self.preview = [
                _now("{amount} of {price} back").format(amount=yuan(due), price=yuan(row.price_fen))
            ]


def _give_back(command: Command) -> str | None:
    return said(
        membership_return(
            membership_id=command.row.pk,
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


@admin.register(Membership)
class MembershipAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("plan__operator",)
    list_display = [
        "member",
        "plan",
        "reference",
        "price_fen",
        "since",
        "until",
        "refunded_fen",
        "ended_at",
    ]
    list_select_related = ["member", "plan"]
    list_filter = [("plan", ScopedRelatedFilter), ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["reference", "member__no__exact", "member__phone"]
    date_hierarchy = "since"
    ordering = ["-id"]
    service_actions = [
        ServiceAction(
            "give-back",
            _("Give it back"),
            _give_back,
            form=GiveBackForm,
            allowed=lambda row: row.ended_at is None,
            explanation=_(
                "It ends now, and what its whole days that are left are worth goes back the way it"
                " was paid."
            ),
            danger=True,
            sensitive=True,
        ),
    ]

    def _may(self, request, action, row=None) -> bool:
        """Whoever decides on after-sales decides on this one."""
        return request.user.has_perm(DECIDE, row)

    def timeline_subjects(self, row):
        return [("membership", row.pk)]
