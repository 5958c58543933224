"""What the console does to a card, and to a member's points; a service each."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from config.kernel import clock
from config.kernel.admin import Command, ReasonForm, ServiceAction, YuanField
from config.kernel.money import yuan
from members.models import Card, Member
from members.services.card_adjust import card_adjust
from members.services.card_close import card_close_preview
from members.services.card_close_approval import card_close_approval
from members.services.card_freeze import card_freeze, card_unfreeze
from members.services.card_holder import card_transfer_holder
from members.services.card_lost import card_report_lost
from members.services.card_reactivate import card_reactivate
from members.services.card_replace import card_replace
from members.services.points_adjust import MOST_POINTS, points_adjust
from members.states import CardState
from stores.admin.approvals import said


class HolderForm(ReasonForm):
    """``member_id`` of what it cleans to is the new holder's."""

    member_no = forms.CharField(
        label=_("number of the new holder"), max_length=32, widget=UnfoldAdminTextInputWidget()
    )
    field_order = ["member_no", "reason"]

    def clean_member_no(self) -> str:
        no = self.cleaned_data["member_no"].strip().upper()
        found = Member.objects.filter(no=no, archived_at__isnull=True).values_list("pk", flat=True)
        if not found:
            raise forms.ValidationError(_("There is no member with this number."))
        self.cleaned_data["member_id"] = found[0]
        return no


class CloseForm(ReasonForm):
    """Shows, lot by lot, what closing would pay back now."""

    of_row = True
    cash = forms.BooleanField(
        label=_("pay back in cash"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("Only where it cannot go back the way it came, and only little."),
    )
    field_order = ["cash", "reason"]

    def __init__(self, data: Any = None, *, row: Card) -> None:
        super().__init__(data)
        lots = card_close_preview(card_id=row.pk, now=clock.now())
        self.preview = [
            _now(
                "{reference}: {amount} back, {charged} charged, {withdrawn} of bonus withdrawn"
            ).format(
                reference=lot.reference,
                amount=yuan(lot.amount_fen),
                charged=yuan(lot.charged_fen),
                withdrawn=yuan(lot.withdrawn_fen),
            )
            for lot in lots
        ]
        total = sum(lot.amount_fen for lot in lots)
        self.preview.append(_now("Together {amount} back").format(amount=yuan(total)))


class BonusForm(ReasonForm):
    bonus_fen = YuanField(
        label=_("bonus"),
        allow_negative=True,
        help_text=_("yuan to put on the card; below zero to take off it"),
    )
    field_order = ["bonus_fen", "reason"]


class PointsForm(ReasonForm):
    points = forms.IntegerField(
        label=_("points"),
        min_value=-MOST_POINTS,
        max_value=MOST_POINTS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("to give; below zero to take"),
    )
    field_order = ["points", "reason"]


def _given(command: Command) -> dict[str, Any]:
    return {
        "card_id": command.row.pk,
        "reason": command.reason,
        "actor": command.actor,
        "now": command.now,
    }


def _freeze(command: Command) -> None:
    card_freeze(**_given(command))


def _thaw(command: Command) -> None:
    card_unfreeze(**_given(command))


def _lost(command: Command) -> None:
    card_report_lost(**_given(command))


def _replace(command: Command) -> str:
    card = card_replace(**_given(command))
    return _now("Its number is {no} now.").format(no=card.no)


def _reactivate(command: Command) -> None:
    card_reactivate(**_given(command))


def _holder(command: Command) -> None:
    card_transfer_holder(to_member_id=command.data["member_id"], **_given(command))


def _close(command: Command) -> str | None:
    return said(
        card_close_approval(
            card_id=command.row.pk,
            reason=command.reason,
            user=command.user,
            now=command.now,
            cash=command.data["cash"],
        )
    )


def _adjust(command: Command) -> str | None:
    return said(
        card_adjust(
            card_id=command.row.pk,
            bonus_fen=command.data["bonus_fen"],
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


def _points(command: Command) -> str | None:
    return said(
        points_adjust(
            member_id=command.row.pk,
            points=command.data["points"],
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


def _state(*states: str) -> Any:
    return lambda row: row.state in states


def _expired(row: Card) -> bool:
    over = row.expires_at is not None and row.expires_at <= clock.now()
    return over and row.state == CardState.ACTIVE


CARD_COMMANDS = [
    ServiceAction(
        "freeze",
        _("Freeze"),
        _freeze,
        allowed=_state(CardState.ACTIVE),
        explanation=_("Nothing can be spent from it until it is released again."),
        danger=True,
    ),
    ServiceAction(
        "thaw",
        _("Release"),
        _thaw,
        sensitive=True,
        allowed=_state(CardState.FROZEN, CardState.LOST),
    ),
    ServiceAction(
        "lost",
        _("Report lost"),
        _lost,
        allowed=_state(CardState.ACTIVE, CardState.FROZEN, CardState.OFFERED),
        explanation=_("Nothing can be spent from it until it is found or replaced."),
        danger=True,
    ),
    ServiceAction(
        "replace",
        _("Replace"),
        _replace,
        sensitive=True,
        allowed=_state(CardState.ACTIVE, CardState.LOST),
        explanation=_("It gets another number; the old one is worthless. All value stays on it."),
    ),
    ServiceAction(
        "holder",
        _("Change the holder"),
        _holder,
        form=HolderForm,
        sensitive=True,
        allowed=_state(CardState.ACTIVE),
        explanation=_("It belongs to the other member with all that is on it."),
        danger=True,
    ),
    ServiceAction(
        "reactivate",
        _("Reactivate"),
        _reactivate,
        sensitive=True,
        allowed=_expired,
        explanation=_("It is valid again from now on, for the days of the policy."),
    ),
    ServiceAction(
        "adjust",
        _("Correct the bonus"),
        _adjust,
        form=BonusForm,
        sensitive=True,
        allowed=_state(CardState.ACTIVE),
        explanation=_("Another person decides on it."),
    ),
    ServiceAction(
        "close",
        _("Close and pay back"),
        _close,
        form=CloseForm,
        sensitive=True,
        allowed=lambda row: row.state != CardState.OFFERED,
        explanation=_("The card is closed for good."),
        danger=True,
    ),
]
POINTS_COMMAND = ServiceAction(
    "points",
    _("Correct the points"),
    _points,
    form=PointsForm,
    sensitive=True,
    allowed=lambda row: row.archived_at is None,
    explanation=_("Another person decides on it."),
)
