"""One command for many rows: a dialog with count, amount and reason; then row by row.

A ModelAdmin names in ``bulk_actions`` which of its ``service_actions`` may be given to many rows.
Each row is a transaction of its own, together with the record that it was done; a row that its
service refuses costs only itself and is listed with its reason. Few rows are done while the
browser waits; many become work in the background. Both are the same batch.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin.actions import Command, ServiceAction, require_recent_sign_in
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.admin.people import staff_of
from config.kernel.admin.unattended import request_of
from config.kernel.batches import (
    BatchWorkUnknown,
    Clock,
    LeaseLost,
    Outcome,
    batch_ask,
    batch_claim,
    batch_progress,
    batch_work,
    register_kind,
)
from config.kernel.errors import DomainError, Forbidden, NotFound
from config.kernel.models import Batch
from config.kernel.money import yuan
from config.kernel.tasks import nudge_batches

logger = logging.getLogger(__name__)
KIND = "bulk"
# Up to so many rows the browser waits.
AT_ONCE = 200
BULK_MOST = 5_000
SHOWN = 10
# After so many rows the worker looks again at what its person may do.
LOOK_AGAIN = 100


@dataclass(frozen=True)
class Bulk:
    """``name`` of a service action; ``amount`` is the path of what a row is worth in fen, or a
    function that says what the rows of a queryset are worth together.

    The action's form must clean to what JSON can hold: every row is given the same.
    """

    name: str
    amount: str | Callable[[Any], int] = ""


@dataclass(frozen=True)
class Chosen:
    """The rows of a dialog. ``seen`` stands for exactly these rows at this worth."""

    pks: list[Any]
    amount_fen: int | None

    @property
    def seen(self) -> str:
        text = f"{self.amount_fen}:{','.join(map(str, self.pks))}"
        return sha256(text.encode()).hexdigest()[:32]


class BulkMixin(MixedIntoAdmin):
    """Adds the choice of commands under a list, the dialog and the work to a ModelAdmin."""

    bulk_actions: Sequence[Bulk] = ()

    def bulk_action(self, name: str) -> tuple[Bulk, ServiceAction] | None:
        bulk = next((b for b in self.bulk_actions if b.name == name), None)
        known: Sequence[ServiceAction] = self.service_actions
        action = next((a for a in known if a.name == name), None)
        return None if bulk is None or action is None else (bulk, action)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        for bulk in self.bulk_actions:
            found = self.bulk_action(bulk.name)
            if found is None or not self._may(request, found[1]):
                continue
            name = f"bulk-{bulk.name}"
            actions[name] = (_opens(bulk.name), name, str(found[1].label))
        return actions

    def get_urls(self) -> list[URLPattern]:
        opts = self.model._meta
        wrap = self.admin_site.admin_view
        name = f"{opts.app_label}_{opts.model_name}_bulk"
        return [
            path("bulk/<slug:name>/", wrap(self.bulk_view), name=name),
            *super().get_urls(),
        ]

    def _bulk_or_refuse(self, request: HttpRequest, name: str) -> tuple[Bulk, ServiceAction]:
        found = self.bulk_action(name)
        if found is None:
            raise Http404
        if not self._may(request, found[1]):
            raise PermissionDenied
        if found[1].sensitive:
            require_recent_sign_in(request)
        return found

    def bulk_dialog(self, request: HttpRequest, name: str, queryset: Any) -> HttpResponseBase:
        """The dialog over the rows that the list's form has chosen."""
        bulk, action = self._bulk_or_refuse(request, name)
        chosen = self._chosen(request, bulk, queryset)
        if chosen is None:
            return self._too_many(request)
        return self._dialog(request, bulk, action, chosen, _form(action, request), 200)

    def bulk_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """POST of the dialog: the very rows that it showed, or it is shown again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        bulk, action = self._bulk_or_refuse(request, name)
        chosen = self._chosen(request, bulk, self._rows_of_form(request))
        if chosen is None:
            return self._too_many(request)
        form = _form(action, request, request.POST)
        if not form.is_valid():
            return self._dialog(request, bulk, action, chosen, form, 200)
        if not chosen.pks or chosen.seen != request.POST.get("seen"):
            form.add_error(None, _("The list has changed meanwhile: look at it once more."))
            return self._dialog(request, bulk, action, chosen, form, 409)
        opts = self.model._meta
        batch = batch_ask(
            kind=KIND,
            source=f"{action.label} · {opts.verbose_name_plural}",
            subject=opts.label_lower,
            request={
                "action": name,
                "data": form.cleaned_data,
                "pks": chosen.pks,
                "amount_fen": chosen.amount_fen,
            },
            total=len(chosen.pks),
            user=staff_of(request),
            now=clock.now(),
        )
        if len(chosen.pks) > AT_ONCE:
            nudge_batches()
        else:
            mine = batch_claim(now=clock.now(), batch_id=batch.pk)
            if mine is not None:
                batch_work(mine, clock=clock.now)
        site = self.admin_site.name
        return redirect(reverse(f"{site}:kernel_batch_progress", args=[batch.pk]))

    def _rows_of_form(self, request: HttpRequest) -> Any:
        if request.POST.get("select_across") == "1":
            try:
                return self.get_changelist_instance(request).get_queryset(request)
            except (IncorrectLookupParameters, SuspiciousOperation):
                raise Http404 from None
        pk = self.model._meta.pk
        try:
            chosen = [pk.to_python(v) for v in request.POST.getlist(ACTION_CHECKBOX_NAME)]
        except ValidationError:
            raise Http404 from None
        return self.get_queryset(request).filter(pk__in=chosen)

    def _chosen(self, request: HttpRequest, bulk: Bulk, rows: Any) -> Chosen | None:
        """None where there are more than may be done in one go; two statements."""
        pks = sorted(set(rows.order_by().values_list("pk", flat=True)[: BULK_MOST + 1]))
        if len(pks) > BULK_MOST:
            return None
        amount = None
        if bulk.amount:
            seen = self.get_queryset(request).filter(pk__in=pks).order_by()
            if callable(bulk.amount):
                amount = bulk.amount(seen)
            else:
                amount = seen.aggregate(fen=Sum(bulk.amount))["fen"] or 0
        return Chosen(pks, amount)

    def _too_many(self, request: HttpRequest) -> HttpResponseBase:
        text = _("More than {most} rows: narrow the list.")
        messages.error(request, text.format(most=BULK_MOST))
        return redirect(self._back(request))

    def _back(self, request: HttpRequest) -> str:
        opts = self.model._meta
        site = self.admin_site.name
        back = reverse(f"{site}:{opts.app_label}_{opts.model_name}_changelist")
        query = request.GET.urlencode()
        return f"{back}?{query}" if query else back

    def _dialog(self, request, bulk, action, chosen, form, status) -> TemplateResponse:
        opts = self.model._meta
        site = self.admin_site
        found = self.get_queryset(request).filter(pk__in=chosen.pks)
        refused = None
        if len(chosen.pks) <= AT_ONCE:
            rows = list(found.order_by("pk"))
            may = self._may
            refused = sum(not (action.allowed(r) and may(request, action, r)) for r in rows)
        else:
            rows = list(found.order_by("pk")[:SHOWN])
        confirm = reverse(
            f"{site.name}:{opts.app_label}_{opts.model_name}_bulk", args=[action.name]
        )
        context = {
            **site.each_context(request),
            "title": action.label,
            "subtitle": opts.verbose_name_plural,
            "opts": opts,
            "media": self.media + form.media,
            "form": form,
            "action": action,
            "count": len(chosen.pks),
            "amount": None if chosen.amount_fen is None else yuan(chosen.amount_fen),
            "refused": refused,
            "rows": rows[:SHOWN],
            "more": max(0, len(chosen.pks) - SHOWN),
            "seen": chosen.seen,
            "across": request.POST.get("select_across") == "1",
            "pks": chosen.pks,
            "checkbox": ACTION_CHECKBOX_NAME,
            "background": len(chosen.pks) > AT_ONCE,
            "confirm": f"{confirm}?{request.GET.urlencode()}",
            "back": self._back(request),
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/mall/bulk_action.html", context, status=status)


def _form(action: ServiceAction, request: HttpRequest, data: Any = None) -> Any:
    about: dict[str, Any] = {"user": request.user} if action.form.of_user else {}
    return action.form(data, **about)


def _opens(name: str) -> Any:
    def action(page: Any, request: HttpRequest, queryset: Any) -> HttpResponseBase:
        return page.bulk_dialog(request, name, queryset)

    return action


def bulk_work(batch: Batch, clock: Clock) -> Outcome:
    """Give the command to each row that is left; raises BatchWorkUnknown, Forbidden, LeaseLost."""
    page: Any = admin.site._registry.get(apps.get_model(batch.subject))
    found = page.bulk_action(batch.request["action"]) if page else None
    if found is None:
        raise BatchWorkUnknown()
    _bulk, action = found
    pks = batch.request["pks"]
    request = request_of(batch)
    for number in range(batch.done + len(batch.rejects), len(pks)):
        if number % LOOK_AGAIN == 0:
            request = request_of(batch)
        _one(batch, page, action, request, pks[number], clock)
    return Outcome(summary={"done": batch.done, "refused": len(batch.rejects)})


def _one(batch: Batch, page: Any, action: ServiceAction, request: Any, pk: Any, clock: Clock):
    now, name, done = clock(), str(pk), batch.done
    try:
        # The row and the record that it is done: both or neither, so that whoever goes on after
        # a worker that died does no row twice and leaves none out.
        with transaction.atomic():
            row = page.get_queryset(request).filter(pk=pk).first()
            if row is None:
                raise NotFound()
            name = str(row)
            if not page._may(request, action, row):
                raise Forbidden()
            said = action.run(
                Command(
                    row=row,
                    data=batch.request["data"],
                    user=request.user,
                    actor=Actor.user(request.user),
                    now=now,
                )
            )
            notes = [{"row": name, "said": said}] if isinstance(said, str) else []
            batch_progress(batch, done=done + 1, notes=notes, now=now)
        return
    except DomainError as error:
        reject = {"row": name, "code": error.code, "reason": str(error)}
    except (LeaseLost, OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("batch %s stumbled over %s %s", batch.pk, batch.subject, pk)
        reject = {"row": name, "code": "error", "reason": _("An error of ours; it is logged.")}
    batch_progress(batch, done=done, rejects=[reject], now=now)


register_kind(KIND, gettext_lazy("command for many rows"), bulk_work)
