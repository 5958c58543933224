"""Prices, listings and stock of SKUs at stores, side by side: of one product, or of one store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext

from config.kernel import clock
from config.kernel.admin import ReasonForm, YuanField
from config.kernel.admin.actions import require_recent_sign_in
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.errors import DomainError
from config.kernel.money import yuan
from mall.admin.product_forms import typed_fen
from mall.models import Product, Sku, StoreOffer
from mall.selectors.catalogue import search_words
from mall.selectors.store_grid import GridCell, grid_cells
from mall.services.product_grid import (
    COUNT,
    MAX_FEN,
    PRICE,
    CellEdit,
    GridWritten,
    product_grid,
)
from stores.models import Store

STORES_PER_PAGE = 5
ROWS_PER_PAGE = 25
SKUS_PER_PAGE = 40

Key = tuple[int, int]


@dataclass
class ShownCell:
    """A cell of the page: what is there, what is typed over it, and what is wrong with that."""

    key: Key
    cell: GridCell
    may_price: bool
    may_count: bool
    price: str = ""
    listed: bool = True
    count: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.key[0]}-{self.key[1]}"

    @property
    def was(self) -> str:
        fen = "" if self.cell.price_fen is None else self.cell.price_fen
        return f"{fen}|{int(self.cell.listed)}|{self.cell.on_hand}"


class StoreGrid(MixedIntoAdmin):
    """The page of the grid; mixed into the ModelAdmin of store offers."""

    def get_urls(self):
        wrap = self.admin_site.admin_view
        grid = path("grid/", wrap(self.grid_view), name="mall_storeoffer_grid")
        return [grid, *super().get_urls()]

    def grid_view(self, request: HttpRequest) -> HttpResponseBase:
        """GET shows a page of cells, POST writes those that were changed on it."""
        if not self.has_view_permission(request):
            raise Http404
        page = _Page.of(request)
        form = ReasonForm()
        status = 200
        if request.method == "POST":
            form = ReasonForm(request.POST)
            edits, typed, wrong = _edits(request.POST)
            problem = ""
            if form.is_valid() and not wrong:
                if any(e.price_fen != e.was_fen for e in edits):
                    require_recent_sign_in(request)
                try:
                    written = product_grid(
                        user=request.user,
                        edits=edits,
                        reason=form.cleaned_data["reason"],
                        now=clock.now(),
                    )
                except DomainError as error:
                    status, problem = error.status, str(error)
                else:
                    if not written.refused:
                        messages.success(request, _outcome(written))
                        return redirect(request.get_full_path())
                    status = 409
                    wrong = {(s, k): [str(why)] for s, k, why in written.refused}
                    # What was written is shown as it is now; what was refused as it was typed.
                    typed = {key: cell for key, cell in typed.items() if key in wrong}
                    if written.offers or written.counts or written.waiting:
                        messages.success(request, _outcome(written))
            elif wrong:
                status = 400
            cells = page.cells(typed, wrong)
            return self._grid_page(request, page, cells, form, status, problem, bool(wrong))
        return self._grid_page(request, page, page.cells({}, {}), form, status)

    def _grid_page(
        self, request, page: "_Page", cells, form, status: int, problem: str = "", marked=False
    ) -> TemplateResponse:
        site = self.admin_site
        rows = [
            {
                "sku": sku,
                "words": _option_words(sku),
                "cells": [cells[store.pk, sku.pk] for store in page.stores],
            }
            for sku in page.skus
        ]
        context = {
            **site.each_context(request),
            "title": page.title,
            "subtitle": page.subtitle,
            "opts": Product._meta if page.product else StoreOffer._meta,
            "original": page.product,
            "tabs": page.tabs(site, request),
            "page": page,
            "rows": rows,
            "form": form,
            "problem": problem,
            "marked": marked,
            "may": any(c.may_price or c.may_count for c in cells.values()),
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/mall/store_grid.html", context, status=status)


@dataclass
class _Page:
    """Which stores and SKUs a request is shown, and how it gets to the next ones."""

    request: HttpRequest
    product: Product | None
    store: Store | None
    choices: Sequence[Store]
    stores: Sequence[Store]
    skus: Sequence[Sku]
    earlier_stores: str = ""
    later_stores: str = ""
    earlier_skus: str = ""
    later_skus: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "_Page":
        """Raises Http404 for a product or store that is not there for this person."""
        mine = Store.objects.for_staff(request.user, "mall.view_storeoffer")
        mine = mine.filter(archived_at=None).order_by("code")
        code = request.GET.get("product", "")
        if code:
            product = Product.objects.filter(code=code).first()
            if product is None:
                raise Http404
            q = request.GET.get("q", "").strip()
            if q:
                mine = mine.filter(Q(name__icontains=q) | Q(code__icontains=q))
            stores, before, after = _paged(request, "stores", mine, STORES_PER_PAGE)
            live = product.skus.filter(archived_at=None).select_related("product").order_by("pk")
            skus, up, down = _paged(request, "skus", live, ROWS_PER_PAGE)
            return cls(request, product, None, (), stores, skus, before, after, up, down)
        choices = list(mine[:500])
        wanted = request.GET.get("store", "")
        store = next((s for s in choices if s.code == wanted), None) if wanted else None
        if wanted and store is None:
            raise Http404
        store = store or next(iter(choices), None)
        live = _searched(request.GET.get("q", ""))
        skus, up, down = _paged(request, "skus", live, SKUS_PER_PAGE) if store else ([], "", "")
        return cls(request, None, store, choices, [store] if store else [], skus, "", "", up, down)

    @property
    def title(self) -> str:
        return self.product.name if self.product else gettext("Prices and stock of a store")

    @property
    def subtitle(self) -> str:
        return self.product.code if self.product else (self.store.name if self.store else "")

    def tabs(self, site: Any, request: HttpRequest) -> list[dict[str, Any]]:
        if self.product is None or not request.user.has_perm("mall.view_product"):
            return []
        return site._registry[Product].tabs(request, self.product, "stores")

    def cells(
        self, typed: Mapping[Key, Mapping[str, Any]], wrong: Mapping[Key, list[str]]
    ) -> dict[Key, ShownCell]:
        """At most three statements."""
        store_ids = [store.pk for store in self.stores]
        found = grid_cells(store_ids=store_ids, sku_ids=[sku.pk for sku in self.skus])
        priced, counted = (self._where(permission, store_ids) for permission in (PRICE, COUNT))
        shown = {}
        for key, cell in found.items():
            own = "" if cell.price_fen is None else YuanField().prepare_value(cell.price_fen)
            one = ShownCell(key, cell, key[0] in priced, key[0] in counted, own, cell.listed)
            if key in typed:
                one.price, one.listed = typed[key]["price"], typed[key]["listed"]
                one.count = typed[key]["count"]
            one.errors = list(wrong.get(key, ()))
            if one.errors:
                price = gettext("the SKU's own") if cell.price_fen is None else yuan(cell.price_fen)
                one.errors.append(
                    gettext("Now: {price}, {pieces} pieces.").format(
                        price=price, pieces=cell.on_hand
                    )
                )
            shown[key] = one
        return shown

    def _where(self, permission: str, store_ids: Sequence[int]) -> set[int]:
        mine = Store.objects.for_staff(self.request.user, permission)
        return set(mine.filter(pk__in=store_ids).values_list("pk", flat=True))


def _option_words(sku: Sku) -> str:
    """Its values in the order of the product's options."""
    names = [option["name"] for option in sku.product.options if option["name"] in sku.options]
    return " / ".join(sku.options[n] for n in dict.fromkeys([*names, *sku.options]))


def _searched(q: str) -> QuerySet[Sku]:
    """Live SKUs of live products whose words, code or barcode are searched for."""
    live = Sku.objects.filter(archived_at=None, product__archived_at=None)
    live = live.select_related("product").order_by("-product_id", "pk")
    term = q.strip()[:60]
    if not term:
        return live
    words = Q()
    for word in search_words(term):
        words &= Q(product__search_text__contains=word)
    return live.filter(words | Q(code=term) | Q(barcode=term) | Q(product__code=term))


def _paged(
    request: HttpRequest, name: str, rows: QuerySet[Any], size: int
) -> tuple[list[Any], str, str]:
    """The asked page, and the queries of the one before and the one after ("" without one)."""
    asked = request.GET.get(name, "")
    page = max(int(asked), 1) if asked.isdecimal() and len(asked) < 5 else 1
    found = list(rows[(page - 1) * size : page * size + 1])
    before = _query(request, name, page - 1) if page > 1 else ""
    after = _query(request, name, page + 1) if len(found) > size else ""
    return found[:size], before, after


def _query(request: HttpRequest, name: str, page: int) -> str:
    query = request.GET.copy()
    query[name] = str(page)
    return f"?{query.urlencode()}"


def _edits(
    data: QueryDict,
) -> tuple[list[CellEdit], dict[Key, dict[str, Any]], dict[Key, list[str]]]:
    """The edits of a sent page, what was typed by cell, and what could not be understood."""
    edits: list[CellEdit] = []
    typed: dict[Key, dict[str, Any]] = {}
    wrong: dict[Key, list[str]] = {}
    for name, sent in data.dict().items():
        if not name.startswith("was-"):
            continue
        place = name.removeprefix("was-")
        try:
            store_id, sku_id = (int(part) for part in place.split("-"))
            fen, listed, on_hand = str(sent).split("|")
            was_fen, was_on_hand = int(fen) if fen else None, int(on_hand)
            numbers = (store_id, sku_id, was_fen or 0, was_on_hand)
            if min(numbers) < 0 or max(numbers) > MAX_FEN:
                raise ValueError
        except ValueError:
            continue
        key = (store_id, sku_id)
        # A part that was not on the page for this person stays as it was.
        own = "" if was_fen is None else YuanField().prepare_value(was_fen)
        price = data.get(f"price-{place}", own).strip()
        count = data.get(f"count-{place}", "").strip()
        priced = f"price-{place}" in data
        is_listed = data.get(f"listed-{place}") == "1" if priced else listed == "1"
        typed[key] = {"price": price, "count": count, "listed": is_listed}
        try:
            price_fen = typed_fen(price) if price else None
        except ValueError:
            message = gettext("Enter an amount of yuan above zero with at most two decimals.")
            wrong.setdefault(key, []).append(message)
            continue
        if count and not (count.isdecimal() and len(count) <= 9):
            wrong.setdefault(key, []).append(gettext("A count is a whole number."))
            continue
        counted = int(count) if count else None
        edits.append(
            CellEdit(
                store_id,
                sku_id,
                was_fen=was_fen,
                was_listed=listed == "1",
                was_on_hand=was_on_hand,
                price_fen=price_fen,
                listed=is_listed,
                counted=counted,
            )
        )
    return edits, typed, wrong


def _outcome(written: GridWritten) -> str:
    parts = [
        (written.offers, gettext("{n} prices or listings written")),
        (written.counts, gettext("{n} counts written")),
        (written.waiting, gettext("{n} prices wait for approval")),
    ]
    told = [text.format(n=n) for n, text in parts if n]
    return ", ".join(told) if told else gettext("No change.")
