"""The console's command for the statement of a card."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget

from config.kernel.admin import Command, ReasonForm, ServiceAction
from config.kernel.tasks import nudge_batches
from members.services.card_statement import Period, card_statement_for_staff


class StatementForm(ReasonForm):
    since = forms.DateField(
        label=_("first day"),
        required=False,
        widget=UnfoldAdminDateWidget(),
        help_text=_("Never before the card became its holder's."),
    )
    until = forms.DateField(label=_("last day"), required=False, widget=UnfoldAdminDateWidget())
    field_order = ["since", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        since, until = data.get("since"), data.get("until")
        if since and until and until < since:
            self.add_error("until", _("The last day is before the first."))
        return data


def _ask(command: Command) -> str:
    card_statement_for_staff(
        card_id=command.row.pk,
        period=Period(command.data["since"], command.data["until"]),
        reason=command.reason,
        user=command.user,
        actor=command.actor,
        now=command.now,
    )
    nudge_batches()
    return str(_("The statement is being made; see your background work."))


STATEMENT = ServiceAction(
    "statement",
    _("Statement (PDF)"),
    _ask,
    form=StatementForm,
    permission="export",
    explanation=_("Made in the background; for a week it is among your background work."),
)
