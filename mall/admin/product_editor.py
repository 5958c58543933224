"""The product editor: basics, SKUs and prices, pictures; each page calls one service."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin import ReasonForm, finder
from config.kernel.admin.actions import require_recent_sign_in
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.errors import DomainError
from config.kernel.money import yuan
from mall.admin.catalogue import SearchedAdmin
from mall.admin.product_forms import ProductForm
from mall.admin.product_sheet import Sheet, sheet_of, sheet_sent
from mall.images import MAX_BYTES
from mall.models import Product
from mall.selectors.schedule import coming_turns
from mall.services.product_edit import FIELDS, product_add, product_edit
from mall.services.product_images import (
    MAX_IMAGES,
    product_images_add,
    product_images_arrange,
)
from mall.services.product_skus import CellsInvalid, SkusWritten, product_skus, variants_of


class ScheduleFilter(admin.SimpleListFilter):
    """Where a product is in its schedule."""

    title = _("schedule")
    parameter_name = "schedule"

    def lookups(self, request, model_admin):
        return [
            ("scheduled", _("has a schedule")),
            ("coming", _("not listed yet")),
            ("running", _("listed until an end")),
            ("over", _("listing is over")),
        ]

    def queryset(self, request, queryset):
        now = clock.now()
        begun = Q(listed_from=None) | Q(listed_from__lte=now)
        wanted = {
            "scheduled": Q(listed_from__isnull=False) | Q(listed_until__isnull=False),
            "coming": Q(listed_from__gt=now),
            "running": begun & Q(listed_until__gt=now),
            "over": Q(listed_until__lte=now),
        }
        asked = self.value() or ""
        return queryset.filter(wanted[asked]) if asked in wanted else queryset


class EditorPages(MixedIntoAdmin):
    """The pages of the editor beside Django's own; mixed into the ModelAdmin of products."""

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/skus/", wrap(self.skus_view), name="mall_product_skus"),
            path("<int:pk>/images/", wrap(self.images_view), name="mall_product_images"),
            *super().get_urls(),
        ]

    def tabs(self, request: HttpRequest, product: Product, current: str) -> list[dict[str, Any]]:
        """The pages of one product, for whoever may see them."""
        site = self.admin_site.name
        pages = [
            ("basics", _("Basics"), reverse(f"{site}:mall_product_change", args=[product.pk])),
            ("skus", _("SKUs and prices"), reverse(f"{site}:mall_product_skus", args=[product.pk])),
            ("images", _("Pictures"), reverse(f"{site}:mall_product_images", args=[product.pk])),
        ]
        if request.user.has_perm("mall.view_storeoffer"):
            grid = reverse(f"{site}:mall_storeoffer_grid")
            pages.append(("stores", _("At the stores"), f"{grid}?product={product.code}"))
        return [
            {"label": label, "url": url, "current": name == current} for name, label, url in pages
        ]

    def _product(self, request: HttpRequest, pk: int) -> tuple[Product, bool]:
        """The product, and whether the caller may change it. Raises Http404, PermissionDenied."""
        product = self.get_object(request, str(pk))
        if product is None:
            raise Http404
        if not self.has_view_or_change_permission(request, product):
            raise PermissionDenied
        may = self.has_change_permission(request, product)
        if request.method == "POST" and not may:
            raise PermissionDenied
        return product, may

    def _page(self, request, product, current: str, template: str, status=200, **more):
        site = self.admin_site
        context = {
            **site.each_context(request),
            "title": product.name,
            "subtitle": product.code,
            "opts": Product._meta,
            "original": product,
            "tabs": self.tabs(request, product, current),
            **more,
        }
        request.current_app = site.name
        return TemplateResponse(request, template, context, status=status)

    def skus_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The matrix. GET shows it, POST previews other options, fills in a price, or saves."""
        product, may = self._product(request, pk)
        may = may and request.user.has_perm("mall.change_sku")
        variants = variants_of(pk)
        if request.method != "POST":
            form, sheet = ReasonForm(), sheet_of(product, variants)
            return self._skus_page(request, product, sheet, form, may)
        if not may:
            raise PermissionDenied
        sheet = sheet_sent(product, variants, request.POST)
        form = ReasonForm()
        status = 200
        if request.POST.get("action") == "save":
            form = ReasonForm(request.POST)
            valid = form.is_valid()
            if sheet.unseen and not sheet.errors:
                sheet.errors.append(gettext("The options have changed: look at the rows first."))
            elif not sheet.errors and valid:
                if sheet.reprices:
                    require_recent_sign_in(request)
                try:
                    written = product_skus(
                        product_id=pk,
                        options=sheet.options,
                        wishes=sheet.wishes(),
                        shown=sheet.version,
                        reason=form.cleaned_data["reason"],
                        user=request.user,
                        now=clock.now(),
                    )
                except CellsInvalid as error:
                    sheet.blame(error.problems)
                    sheet.errors.append(str(error))
                    status = error.status
                except DomainError as error:
                    sheet.errors.append(str(error))
                    status = error.status
                else:
                    messages.success(request, _outcome(written))
                    return redirect(request.path)
        return self._skus_page(request, product, sheet, form, may, status)

    def _skus_page(self, request, product, sheet: Sheet, form, may: bool, status=200):
        return self._page(
            request,
            product,
            "skus",
            "admin/mall/product_skus.html",
            status,
            sheet=sheet,
            form=form,
            may=may,
        )

    def images_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The pictures. POST uploads some, moves one, takes one away or orders them anew."""
        product, may = self._product(request, pk)
        status, problem = 200, ""
        if request.method == "POST":
            said: dict[str, Any] = {
                "product_id": pk,
                "actor": Actor.user(request.user),
                "now": clock.now(),
            }
            try:
                if request.POST.get("action") == "upload":
                    # One more than may be is enough to be refused: the rest is never read.
                    sent = request.FILES.getlist("images")[: MAX_IMAGES + 1]
                    files = [(f.name or "", _content(f)) for f in sent]
                    new = product_images_add(files=files, **said)
                    messages.success(request, gettext("{count} new pictures.").format(count=new))
                else:
                    shown = _strings(request.POST.get("shown", ""))
                    wanted = _arranged(shown, request.POST)
                    product_images_arrange(images=wanted, shown=shown, **said)
                return redirect(request.path)
            except DomainError as error:
                status, problem = error.status, str(error)
                product.refresh_from_db(fields=["images"])
        return self._page(
            request,
            product,
            "images",
            "admin/mall/product_images.html",
            status,
            images=product.images,
            shown=json.dumps(product.images),
            problem=problem,
            most=MAX_IMAGES,
            may=may,
        )


def _content(file: Any) -> bytes:
    """One byte more than may be is enough to know that it is too much."""
    return file.read(MAX_BYTES + 1)


def _strings(document: str) -> list[str]:
    try:
        found = json.loads(document)
    except ValueError:
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


def _arranged(shown: Sequence[str], data: Any) -> list[str]:
    """``shown`` as the pressed button wants it: "up:2", "down:0", "remove:1", or the ``order``
    that a script sends with "order": places like "2,0,1"."""
    verb, _sep, place = data.get("action", "").partition(":")
    images = list(shown)
    if verb == "order":
        places = [int(p) for p in data.get("order", "").split(",") if p.isdecimal()]
        if sorted(places) == list(range(len(images))):
            return [images[p] for p in places]
        return images
    if not place.isdecimal() or int(place) >= len(images):
        return images
    at = int(place)
    if verb == "remove":
        images.pop(at)
    other = at + {"up": -1, "down": 1}.get(verb, 0)
    if verb in ("up", "down") and 0 <= other < len(images):
        images[at], images[other] = images[other], images[at]
    return images


def _outcome(written: SkusWritten) -> str:
    parts = [
        (written.added, gettext("{n} added")),
        (written.priced, gettext("{n} priced anew")),
        (written.changed, gettext("{n} changed")),
        (written.restored, gettext("{n} in use again")),
        (written.archived, gettext("{n} taken out of use")),
        (written.waiting, gettext("{n} prices wait for approval")),
    ]
    told = [text.format(n=n) for n, text in parts if n]
    return gettext("SKUs: {what}.").format(what=", ".join(told)) if told else gettext("No change.")


@admin.register(Product)
class ProductAdmin(EditorPages, SearchedAdmin):
    form = ProductForm
    list_display = [
        "code",
        "name",
        "category",
        "brand",
        "price_fen",
        "list_price_fen",
        "on_sale",
        "schedule",
        "archived_at",
    ]
    list_select_related = ["category", "brand"]
    list_filter = ["on_sale", ScheduleFilter, ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name", "keywords", "skus__code", "skus__barcode__exact"]
    autocomplete_fields = ["category", "brand"]
    ordering = ["-id"]
    list_before_template = "admin/mall/product_list_before.html"
    change_form_outer_before_template = "admin/mall/product_before.html"

    def get_fieldsets(self, request, obj=None):
        # The lowest price of its SKUs and its pictures have pages of their own.
        follows = ["price_from", "pictures"] if obj is not None else []
        return [
            (None, {"fields": ["code", "name", ("category", "brand"), "brief", "keywords"]}),
            (_("Details"), {"fields": ["unit", "attributes", "list_price_fen", *follows]}),
            (
                _("On the shelf"),
                {
                    "fields": ["on_sale", "listed_from", "listed_until", "archived_at", "shown"],
                    "description": _("Times are those of Shanghai; either may be left empty."),
                },
            ),
        ]

    def get_readonly_fields(self, request, obj=None):
        # Others know a product by its code.
        fixed = ["code", "price_from", "pictures"] if obj is not None else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    @admin.display(description=_("price from"))
    def price_from(self, row: Product) -> str | None:
        return yuan(row.price_fen) if row.price_fen else None

    @admin.display(description=_("schedule"), ordering="listed_from")
    def schedule(self, row: Product) -> str | None:
        if row.listed_from is None and row.listed_until is None:
            return None
        ends = [_moment(row.listed_from), _moment(row.listed_until)]
        return f"{ends[0]} → {ends[1]}"

    @admin.display(description=_("pictures"))
    def pictures(self, row: Product) -> Any:
        if not row.images:
            return None
        return format_html(
            '<span class="mall-strip">{}</span>',
            format_html_join("", '<img src="{}" alt="" loading="lazy">', ([i] for i in row.images)),
        )

    def changelist_view(self, request, extra_context=None):
        turns = {"turns": coming_turns(now=clock.now())}
        return super().changelist_view(request, {**(extra_context or {}), **turns})

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None:
            context["tabs"] = self.tabs(request, obj, "basics")
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            # A code that somebody took between the form's look and the write.
            messages.error(request, str(error))
            return redirect(request.get_full_path())

    def save_model(self, request, obj, form, change) -> None:
        said: dict[str, Any] = {"actor": Actor.user(request.user), "now": clock.now()}
        values = {name: form.cleaned_data[name] for name in FIELDS if name in form.cleaned_data}
        if change:
            shown = form.cleaned_data["shown"]
            product_edit(product_id=obj.pk, values=values, shown=shown, **said)
        else:
            given = {name: value for name, value in values.items() if value not in (None, "", [])}
            added = product_add(code=form.cleaned_data["code"], values=given, **said)
            obj.pk, obj._state.adding = added.pk, False

    def response_add(self, request, obj, post_url_continue=None):
        messages.success(request, gettext("Added. Now its SKUs: without one it is not on sale."))
        return redirect(f"{self.admin_site.name}:mall_product_skus", obj.pk)


def _moment(at: Any) -> str:
    return date_format(localtime(at), "Y-m-d H:i") if at else "…"


finder(
    Product,
    lambda term: [Q(code=term), Q(search_text__contains=term.lower())],
    title="name",
    detail="code",
    icon="inventory_2",
)
