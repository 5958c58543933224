"""The designer of coupons and promotions: three steps, a look at what it does, and publishing."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin import ReadOnlyAdmin, ReasonForm
from config.kernel.admin.actions import require_recent_sign_in
from config.kernel.admin.panels import figures
from config.kernel.errors import DomainError
from config.kernel.models import Approval
from coupons.states import Channel
from mall.admin.designer_fields import StepForm
from mall.admin.designer_when import IssueForm, PeriodForm
from mall.admin.designer_where import WhereForm
from mall.admin.designer_worth import WorthForm
from mall.admin.discount_calendar import CalendarPage
from mall.discount_draft_values import MODELS, PROMOTION, STEPS, TEMPLATE, problems, row_of
from mall.discount_terms_words import discount_words
from mall.models import DiscountDraft, Sku
from mall.selectors.discount_names import names_of
from mall.selectors.discount_preview import MOST_PIECES, Preview, discount_preview
from mall.services.discount_draft import draft_begin, draft_fill, draft_publish
from stores.admin.approvals import approvals_of, said
from stores.admin.scope import StaffScoped
from stores.models import Operator, Store
from stores.permissions import COST

PUBLISH = "publish"
STEP_FORMS: dict[str, dict[str, type[StepForm]]] = {
    TEMPLATE: {"worth": WorthForm, "where": WhereForm, "when": IssueForm},
    PROMOTION: {"worth": WorthForm, "where": WhereForm, "when": PeriodForm},
}
TITLES = {
    "worth": _("What it is worth"),
    "where": _("For what, where, for whom"),
    "when": _("When, how many, who bears it"),
    PUBLISH: _("Look and publish"),
}
_PICKED = re.compile(r"^\s*([0-9A-Za-z._-]{1,32})(?:[\s×x*]+(\d{1,3}))?\s*$")
MOST_PICKED = 20


@dataclass(frozen=True)
class People:
    """Whom the forms of a request offer."""

    operators: QuerySet[Operator]


class PublishForm(ReasonForm):
    """Why it is published; with a loss in sight, that somebody has seen it."""

    seen_loss = forms.BooleanField(
        label=_("I have seen that it may sell below cost."), required=False
    )

    def __init__(self, data: Any = None, *, loss: bool = False) -> None:
        self.loss = loss
        super().__init__(data)
        self.fields["reason"].widget = forms.TextInput()
        if not loss:
            del self.fields["seen_loss"]

    def clean_seen_loss(self) -> bool:
        if not self.cleaned_data["seen_loss"]:
            raise forms.ValidationError(_("Confirm this, or change the discount."))
        return True


class LookForm(forms.Form):
    """What the baskets of the preview are: where, when, and of what."""

    store = forms.ChoiceField(label=_("store"), required=False)
    at = forms.DateTimeField(
        label=_("as of"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    channel = forms.ChoiceField(label=_("channel"), required=False)
    skus = forms.CharField(
        label=_("a basket of your own"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "D1001-01 2"}),
        help_text=_("A line each: SKU and pieces. Empty: best sellers."),
    )

    def __init__(self, data: Any, stores: list[Store], channels: list[Channel]) -> None:
        super().__init__(data)
        offered: dict[str, list[tuple[Any, Any]]] = {
            "store": [(s.code, s.name) for s in stores],
            "channel": [(c.value, c.label) for c in channels],
        }
        for name, choices in offered.items():
            cast(forms.ChoiceField, self.fields[name]).choices = choices
        if len(channels) < 2:
            del self.fields["channel"]

    def clean_skus(self) -> list[tuple[str, int]]:
        found, wrong = [], []
        lines = [line for line in self.cleaned_data["skus"].splitlines() if line.strip()]
        for line in lines[:MOST_PICKED]:
            match = _PICKED.match(line)
            if match:
                found.append((match[1], min(int(match[2] or 1) or 1, MOST_PIECES)))
            else:
                wrong.append(line.strip()[:40])
        codes = {code for code, _n in found}
        known = set(Sku.objects.filter(code__in=codes).values_list("code", flat=True))
        wrong += sorted(codes - known)
        if wrong:
            raise forms.ValidationError([_("SKU {code} is unknown").format(code=x) for x in wrong])
        return found


@admin.register(DiscountDraft)
class DiscountDraftAdmin(CalendarPage, StaffScoped, ReadOnlyAdmin):
    operator_paths = ("operator",)
    list_display = ["title", "kind", "operator", "created_by", "updated_at", "published_at"]
    list_select_related = ["operator", "created_by"]
    list_filter = ["kind", ("published_at", admin.EmptyFieldListFilter)]
    search_fields = ["title"]
    ordering = ["-updated_at"]
    list_before_template = "admin/mall/draft_list_before.html"

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("begin/<slug:kind>/", wrap(self.begin_view), name="mall_discountdraft_begin"),
            path(
                "<int:pk>/design/<slug:step>/",
                wrap(self.design_view),
                name="mall_discountdraft_design",
            ),
            path("calendar/", wrap(self.calendar_view), name="mall_discountdraft_calendar"),
            *super().get_urls(),
        ]

    def timeline_subjects(self, row):
        return approvals_of(row)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _may_design(self, request: HttpRequest, draft: DiscountDraft | None = None) -> bool:
        return request.user.has_perm("mall.change_discountdraft", draft)

    def _operators(self, request: HttpRequest) -> QuerySet[Operator]:
        return Operator.objects.filter(self.reach(request, "add", "change").operators())

    def changelist_view(self, request, extra_context=None):
        may = {"may_design": self._may_design(request)}
        return super().changelist_view(request, {**(extra_context or {}), **may})

    def change_view(self, request, object_id, form_url="", extra_context=None):
        if not object_id.isdecimal() or self.get_object(request, object_id) is None:
            return super().change_view(request, object_id, form_url, extra_context)
        return self.design_view(request, int(object_id), STEPS[0])

    def begin_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """POST begins a draft: an empty one, or of ``source`` (with ``copy`` a new one like it).
        GET asks which of these."""
        if kind not in MODELS:
            raise Http404
        if not self._may_design(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        source = self._source(request, kind, asked.get("source", ""))
        if request.method != "POST":
            return self._begin_page(request, kind, source)
        operators = self._operators(request)
        if source is not None and operators.filter(pk=source.operator_id).exists():
            operator_id = source.operator_id
        else:
            first = operators.order_by("code").first()
            if first is None or (source is not None and not asked.get("copy")):
                raise PermissionDenied
            operator_id = first.pk
        draft = draft_begin(
            kind=kind,
            operator_id=operator_id,
            source=source,
            copy=bool(asked.get("copy")),
            actor=Actor.user(request.user),
            now=clock.now(),
        )
        return redirect(self._url(draft, STEPS[0]))

    def _source(self, request: HttpRequest, kind: str, pk: str) -> Any:
        """What is changed or copied, as far as the caller may see it. Raises Http404."""
        if not pk:
            return None
        row = self.admin_site._registry[MODELS[kind]].get_object(request, pk)
        if row is None:
            raise Http404
        return row

    def _begin_page(self, request: HttpRequest, kind: str, source: Any) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": source.name if source else MODELS[kind]._meta.verbose_name,
            "opts": self.opts,
            "source": source,
            "words": discount_words(source, names_of(source)) if source else [],
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/mall/draft_begin.html", context)

    def design_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
        """A step of the draft. GET shows it; POST keeps it and goes on, shows the fields of
        another kind ("refresh"), or publishes."""
        draft = self.get_object(request, str(pk))
        if draft is None or step not in (*STEPS, PUBLISH):
            raise Http404
        may = draft.published_at is None and self._may_design(request, draft)
        if request.method == "POST" and not may:
            raise PermissionDenied
        if step == PUBLISH:
            return self._publish_view(request, draft, may)
        people = People(self._operators(request))
        form_of = STEP_FORMS[draft.kind][step]
        if request.method != "POST":
            form = form_of(kind=draft.kind, values=draft.values, scope=people)
            return self._page(request, draft, step, may, form=form)
        if request.POST.get("action") == "refresh":
            form = form_of(kind=draft.kind, values=draft.values, scope=people)
            form = _asked_for(form, form_of, request.POST, draft, people)
            return self._page(request, draft, step, may, form=form)
        form = form_of(request.POST, kind=draft.kind, values=draft.values, scope=people)
        if form.is_valid():
            try:
                draft_fill(
                    draft_id=draft.pk,
                    values=form.said(),
                    actor=Actor.user(request.user),
                    now=clock.now(),
                )
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                following = (*STEPS, PUBLISH)[STEPS.index(step) + 1]
                return redirect(self._url(draft, following))
        return self._page(request, draft, step, may, form=form)

    def _publish_view(
        self, request: HttpRequest, draft: DiscountDraft, may: bool
    ) -> HttpResponseBase:
        now = clock.now()
        row = row_of(draft.kind, draft.values)
        if draft.source_id is not None:
            # As what it changes: its own code is not taken by another.
            row.pk, row._state.adding = draft.source_id, False
        wrong = problems(draft.kind, row)
        preview: Preview | None = None
        look: LookForm | None = None
        if not wrong:
            preview, look = self._preview(request, draft, row, now)
        loss = preview is not None and preview.below_cost
        if look is not None and look.is_bound and not loss:
            # Looking elsewhere does not make the loss of the usual baskets unseen.
            usual, _look = self._preview(request, draft, row, now, asked=False)
            loss = usual is not None and usual.below_cost
        form = PublishForm(loss=loss)
        if request.method == "POST":
            form = PublishForm(request.POST, loss=loss)
            if not wrong and form.is_valid():
                require_recent_sign_in(request)
                try:
                    done = draft_publish(
                        draft_id=draft.pk,
                        reason=form.cleaned_data["reason"],
                        user=request.user,
                        now=now,
                    )
                except DomainError as error:
                    form.add_error(None, str(error))
                else:
                    return self._published(request, draft, done)
        return self._page(
            request,
            draft,
            PUBLISH,
            may,
            form=form,
            wrong=[(TITLES[s], self._url(draft, s), texts) for s, texts in wrong.items()],
            words=[] if wrong else discount_words(row, names_of(row)),
            preview=preview,
            look=look,
            sees_cost=request.user.has_perm(COST),
        )

    def _published(self, request: HttpRequest, draft: DiscountDraft, done: Any) -> HttpResponseBase:
        if isinstance(done, Approval):
            messages.info(request, said(done) or "")
            return redirect(self._url(draft, PUBLISH))
        messages.success(request, gettext("Published: {name}.").format(name=done))
        name = f"{done._meta.app_label}_{done._meta.model_name}_change"
        return redirect(reverse(f"{self.admin_site.name}:{name}", args=[done.pk]))

    def _preview(
        self,
        request: HttpRequest,
        draft: DiscountDraft,
        row: Any,
        now: datetime,
        *,
        asked: bool = True,
    ) -> tuple[Preview | None, LookForm]:
        """What it does to the baskets that are asked for, or else to the usual ones."""
        stores = list(
            Store.objects.filter(operator_id=draft.operator_id, archived_at=None).order_by("code")
        )
        channels = [c for c in Channel if c in row.channels] or [Channel.MALL]
        look = LookForm(request.GET if asked and request.GET else None, stores, channels)
        said = look.cleaned_data if look.is_bound and look.is_valid() else {}
        store = next((s for s in stores if s.code == said.get("store")), None)
        store = store or next((s for s in stores if s.kind == "shop"), next(iter(stores), None))
        if store is None:
            return None, look
        begins = row.claim_from if draft.kind == TEMPLATE else row.starts_at
        at = said.get("at") or max(now, begins)
        wanted = [c for c in channels if c == said.get("channel")] or channels
        found = [
            discount_preview(
                kind=draft.kind,
                row=row,
                store=store,
                at=at,
                now=now,
                picked=said.get("skus") or (),
                channel=channel,
            )
            for channel in wanted
        ]
        # Where it loses money is looked at first.
        shown = next((x for x in found if x.below_cost), found[0])
        look.initial = {"store": store.code, "at": at, "channel": shown.channel.value}
        return shown, look

    def _url(self, draft: DiscountDraft, step: str) -> str:
        name = f"{self.admin_site.name}:mall_discountdraft_design"
        return reverse(name, args=[draft.pk, step])

    def _page(
        self, request: HttpRequest, draft: DiscountDraft, step: str, may: bool, **more: Any
    ) -> TemplateResponse:
        site = self.admin_site
        steps = (*STEPS, PUBLISH)
        context = {
            **site.each_context(request),
            "title": draft.title or gettext("New: {kind}").format(kind=draft.get_kind_display()),
            "opts": self.opts,
            "draft": draft,
            "step": step,
            "steps": [
                {"number": n, "title": TITLES[s], "url": self._url(draft, s), "current": s == step}
                for n, s in enumerate(steps, start=1)
            ],
            "may": may,
            **more,
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/mall/designer.html", context)


def _in_words(row: Any) -> list[tuple[Any, str]]:
    return [(_("In words"), " ".join(discount_words(row)))]


for _model in MODELS.values():
    figures(_model, _in_words)


def _asked_for(
    form: StepForm, form_of: type[StepForm], data: Any, draft: DiscountDraft, people: People
) -> StepForm:
    """The step for another kind, with what was typed and nothing said about it yet."""
    shown = form_of(
        kind=draft.kind,
        values={**draft.values, "kind": data.get("kind_of")},
        scope=people,
    )
    typed = {name: data.get(name) for name in shown.fields if name in data}
    # A number of the kind before is no number of this one.
    for name in ("off_fen", "percent", "price_fen"):
        if name in shown.fields and name not in form.fields:
            shown.initial[name] = None
    shown.initial.update(typed)
    return shown
