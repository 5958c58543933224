"""Sending coupons of a template to the members that are meant, and codes for places."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from config.kernel import clock, conditions
from config.kernel.admin import Command, ReasonForm, ServiceAction
from coupons.models import Template
from coupons.services.coupon_push import coupon_push_ask, push_preview
from coupons.services.coupon_scan import place_code_issue
from members.models import Tag, Tier
from stores.models import Store

_MOST = 100_000


def _number(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=_MOST,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
    )


class PushForm(ReasonForm):
    """Who is meant. Sent once it shows how many those are; what is not filled in asks nothing."""

    of_row = True
    seen = forms.CharField(required=False, widget=forms.HiddenInput())
    tiers = forms.MultipleChoiceField(
        label=_("tiers"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    tags = forms.MultipleChoiceField(
        label=_("with one of these tags"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    store = forms.ChoiceField(
        label=_("member's home store"), required=False, widget=UnfoldAdminSelectWidget()
    )
    days = _number(_("days as a member, at least"))
    orders_from = _number(_("orders paid, at least"))
    orders_to = _number(_("orders paid, at most"))
    phone = forms.BooleanField(
        label=_("only those whose phone is known"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
    )
    field_order = ["tiers", "tags", "store", "days", "orders_from", "orders_to", "phone", "reason"]

    def __init__(self, data: Any = None, *, row: Template) -> None:
        super().__init__(data)
        self.row = row
        field = self.fields["tiers"]
        assert isinstance(field, forms.MultipleChoiceField)
        tiers = Tier.objects.order_by("pk").values_list("code", "name")
        field.choices = [("none", _("no tier")), *tiers]
        field = self.fields["tags"]
        assert isinstance(field, forms.MultipleChoiceField)
        own = Q(operator=None) | Q(operator_id=row.operator_id)
        tags = Tag.objects.filter(own, archived_at=None).order_by("code")
        field.choices = [(tag.code, tag.name) for tag in tags]
        if not field.choices:
            del self.fields["tags"]
        field = self.fields["store"]
        assert isinstance(field, forms.ChoiceField)
        stores = Store.objects.filter(archived_at=None).order_by("operator__code", "code")
        named = stores.values_list("code", "name")
        field.choices = [("", "–"), *((code, f"{name} ({code})") for code, name in named)]

    def condition(self) -> dict[str, Any]:
        said = self.cleaned_data
        asked = [
            ("tier", "in", said["tiers"] or None),
            ("tags", "in", said.get("tags") or None),
            ("home_store", "eq", said["store"] or None),
            ("member_days", "gte", said["days"]),
            ("orders", "gte", said["orders_from"]),
            ("orders", "lte", said["orders_to"]),
            ("member_phone", "eq", 1 if said["phone"] else None),
        ]
        clauses = [
            {"fact": fact, "op": op, "value": value}
            for fact, op, value in asked
            if value is not None
        ]
        return {"v": 1, "all": clauses} if clauses else {}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        condition = data["condition"] = self.condition()
        found = push_preview(template=self.row, condition=condition, now=clock.now())
        meant = _now("{n} members are meant") if found.exact else _now("at most {n} are meant")
        self.preview = [
            _now("For whom: {rule}").format(rule=conditions.explain(condition)),
            meant.format(n=found.meant),
            _now("{n} of them may have one more").format(n=found.may),
            _now("{n} coupons are left").format(n=found.left),
        ]
        seen = f"{found.meant}.{found.may}.{min(found.left, found.may)}"
        if data["seen"] != seen:
            sent: Any = self.data
            again = self.data = sent.copy()
            again["seen"] = seen
            raise forms.ValidationError(_("Look at how many are meant, and send it again."))
        return data


class PlaceForm(ReasonForm):
    place = forms.CharField(label=_("place"), max_length=80, widget=UnfoldAdminTextInputWidget())
    field_order = ["place", "reason"]


def _open(row: Template) -> bool:
    return row.archived_at is None and row.stopped_at is None and row.claim_until > clock.now()


def _push(command: Command) -> str:
    coupon_push_ask(
        template_id=command.row.pk,
        condition=command.data["condition"],
        user=command.user,
        now=command.now,
    )
    return _now("They are being sent; see your background work.")


def _place(command: Command) -> str:
    code = place_code_issue(
        template_id=command.row.pk, place=command.data["place"], now=command.now
    )
    return _now("The code of {place}: {token}").format(
        place=command.data["place"], token=code.token
    )


PUSH = ServiceAction(
    "push",
    _("Send to members"),
    _push,
    form=PushForm,
    sensitive=True,
    allowed=_open,
    explanation=_("Each of those who are meant is given one, in the background."),
)
PLACE = ServiceAction(
    "place",
    _("Code of a place"),
    _place,
    form=PlaceForm,
    allowed=_open,
    explanation=_("Whoever scans it there has a coupon, within the limits of the template."),
)
