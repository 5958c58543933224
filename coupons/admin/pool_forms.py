"""What is filled in for a pool of codes, and for sending coupons to members."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from config.kernel.admin import Command, ReasonForm
from config.kernel.clock import day_start
from coupons.models import Template
from coupons.services.code_pool import (
    MOST,
    TemplateUnknown,
    code_pool_ask,
    code_pool_create,
    code_pool_stop,
)
from coupons.services.code_pool_upload import code_pool_upload
from stores.reach import staff_reach

MADE, IMPORTED, SHARED = "made", "imported", "shared"


class PoolForm(ReasonForm):
    """A template by its code. ``valid_until`` is the last day, of Shanghai."""

    template = forms.CharField(
        label=_("coupon template"),
        max_length=32,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Its code."),
    )
    name = forms.CharField(label=_("name"), max_length=80, widget=UnfoldAdminTextInputWidget())
    kind = forms.ChoiceField(
        label=_("kind"),
        choices=[
            (MADE, _("codes that we make")),
            (IMPORTED, _("codes of somebody else, from a file")),
            (SHARED, _("one code for everybody")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    count = forms.IntegerField(
        label=_("how many codes"),
        min_value=1,
        max_value=MOST,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("Of an import: at most. Empty for one shared code."),
    )
    shared_code = forms.CharField(
        label=_("shared code"),
        max_length=40,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
    )
    until = forms.DateField(
        label=_("last day"), required=False, widget=UnfoldAdminSingleDateWidget()
    )
    field_order = ["template", "name", "kind", "count", "shared_code", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        shared = data.get("kind") == SHARED
        if not self.errors and shared != bool(data["shared_code"]):
            self.add_error("shared_code", _("It goes with one code for everybody."))
        if not self.errors and shared == bool(data["count"]):
            self.add_error("count", _("Say how many, unless it is one code for everybody."))
        return data


class CodesForm(ReasonForm):
    """A file of codes; checked by the service, kept in pieces."""

    with_files = True
    file = forms.FileField(
        label=_("file of codes"),
        widget=UnfoldAdminFileFieldWidget(),
        help_text=_("Text in UTF-8 or CSV, a code per line, at most a million."),
    )
    field_order = ["file", "reason"]


def make_pool(command: Command) -> str:
    data: Any = command.data
    reach = staff_reach(command.user, "coupons.add_codepool")
    template = Template.objects.filter(code=data["template"].strip()).first()
    if template is None or not (reach.everything or template.operator_id in reach.operator_ids):
        raise TemplateUnknown()
    pool = code_pool_create(
        template_id=template.pk,
        name=data["name"],
        count=data["count"] or 0,
        imported=data["kind"] == IMPORTED,
        shared_code=data["shared_code"],
        # The day after the last one begins.
        valid_until=_end_of(data["until"]),
        now=command.now,
    )
    return str(_("Made: {no}")).format(no=pool.no)


def _end_of(day: Any) -> Any:
    if day is None:
        return None
    # Some moment of the next day in Shanghai, and then its beginning.
    return day_start(datetime.combine(day + timedelta(days=1), time(4), UTC))


def make_codes(command: Command) -> str:
    code_pool_ask(pool_id=command.row.pk, user=command.user, now=command.now)
    return str(_("The codes are being made; see your background work."))


def import_codes(command: Command) -> str:
    file = command.data["file"]
    code_pool_upload(
        pool_id=command.row.pk,
        name=file.name,
        pieces=file.chunks(),
        user=command.user,
        now=command.now,
    )
    return str(_("The codes are being imported; see your background work."))


def stop_pool(command: Command) -> None:
    code_pool_stop(
        pool_id=command.row.pk, reason=command.reason, actor=command.actor, now=command.now
    )
