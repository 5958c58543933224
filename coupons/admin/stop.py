"""The switch that stops a template, on its own page and on that of an alert."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldBooleanSwitchWidget

from config.kernel import clock
from config.kernel.admin import Command, ReasonForm, ServiceAction, figures
from config.kernel.money import yuan
from coupons.models import QuotaAlert, Template
from coupons.selectors_risk import StopReport, stop_report
from coupons.services.template_stop import template_resume, template_stop


def _template(row: Template | QuotaAlert) -> Template:
    return row.template if isinstance(row, QuotaAlert) else row


def _amount(fen: int | None) -> str:
    return _now("not known") if fen is None else yuan(fen)


def report_lines(report: StopReport) -> list[tuple[str, str]]:
    """What a stop saves, as label and text."""
    return [
        (_now("Claimed in the hour before"), f"{report.claims_hour:,}"),
        (_now("Discount of a coupon on average"), _amount(report.average_fen)),
        (
            _now("Saved at that pace until the window ends"),
            _now("{count} coupons, {amount}").format(
                count=f"{report.going_on:,}", amount=_amount(report.going_on_fen)
            ),
        ),
        (
            _now("Saved at most: all that is left"),
            _now("{count} coupons, {amount}").format(
                count=f"{report.left:,}", amount=_amount(report.left_fen)
            ),
        ),
        (
            _now("May still cost: what members have"),
            _now("{count} coupons, {amount}").format(
                count=f"{report.out:,}", amount=_amount(report.out_fen)
            ),
        ),
    ]


class StopForm(ReasonForm):
    """Shows what going on would cost."""

    of_row = True
    use = forms.BooleanField(
        label=_("stop its use as well"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("Members keep their coupons and cannot use them until it goes on."),
    )
    field_order = ["use", "reason"]

    def __init__(self, data: Any = None, *, row: Template | QuotaAlert) -> None:
        super().__init__(data)
        report = stop_report(template=_template(row), now=clock.now())
        self.preview = [f"{label}: {text}" for label, text in report_lines(report)]


def _stop(command: Command) -> str:
    template = template_stop(
        template_id=_template(command.row).pk,
        use=command.data["use"],
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )
    lines = report_lines(stop_report(template=template, now=command.now))
    return "; ".join(f"{label}: {text}" for label, text in lines)


def _resume(command: Command) -> None:
    template_resume(
        template_id=command.row.pk,
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )


def _goes_on(row: Template | QuotaAlert) -> bool:
    return _template(row).use_stopped_at is None


STOP = ServiceAction(
    "stop",
    _("Stop at once"),
    _stop,
    form=StopForm,
    danger=True,
    allowed=_goes_on,
    explanation=_(
        "From now on nobody gets one of these coupons, whatever way. Orders that have locked one"
        " keep it."
    ),
)
RESUME = ServiceAction(
    "resume",
    _("Let it go on"),
    _resume,
    allowed=lambda row: row.stopped_at is not None,
    explanation=_("Claiming and use go on from now."),
)


def _saved(row: Template) -> list[tuple[Any, str]]:
    """Of a template that was stopped; the others cost no statement."""
    if row.stopped_at is None:
        return []
    return list(report_lines(stop_report(template=row, now=clock.now())))


figures(Template, _saved)
