"""A birthday as staff see it, and put it right."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from config.kernel import clock
from config.kernel.admin import Command, ReasonForm, ServiceAction
from members.birthdays import FIRST_YEAR, Birthday, BirthdayInvalid
from members.services.birthday_set import birthday_correct


def birthday_masked(birthday: Birthday) -> str:
    """06-**: enough to know whose month it is."""
    return f"{birthday.month:02d}-**"


class BirthdayForm(ReasonForm):
    month = forms.IntegerField(
        label=_("month"), min_value=1, max_value=12, widget=UnfoldAdminIntegerFieldWidget()
    )
    day = forms.IntegerField(
        label=_("day"), min_value=1, max_value=31, widget=UnfoldAdminIntegerFieldWidget()
    )
    year = forms.IntegerField(
        label=_("year"),
        min_value=FIRST_YEAR,
        max_value=9999,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    field_order = ["month", "day", "year", "reason"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                Birthday.read(
                    data["month"],
                    data["day"],
                    data["year"],
                    today=clock.local_date(clock.now()),
                )
            except BirthdayInvalid as error:
                raise forms.ValidationError(str(error)) from None
        return data


def _correct(command: Command) -> None:
    birthday_correct(
        member_id=command.row.pk,
        month=command.data["month"],
        day=command.data["day"],
        year=command.data["year"],
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )


BIRTHDAY_COMMAND = ServiceAction(
    "birthday",
    _("Correct the birthday"),
    _correct,
    form=BirthdayForm,
    allowed=lambda row: row.archived_at is None,
    explanation=_("Members change theirs themselves, once a year."),
)
