"""Baskets that a guide prepares for a customer: put together, priced, sent, watched."""

from dataclasses import dataclass
from itertools import islice
from secrets import token_hex

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from guides import selectors, selectors_baskets
from guides.services.basket_send import MOST_LINES, MOST_PIECES, NOTE_LENGTH, basket_send
from guides.services.basket_withdraw import basket_withdraw
from guides.states import BasketState
from guides.web.access import GuideRequest, guide_only
from mall.web.qr import qr_svg
from stores.models import Store

PAGE = 20
# How long a basket may be kept, in days; the first is proposed.
DAYS = (3, 1, 7, 14)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _page(rows) -> dict:
    found = list(islice(rows[: PAGE + 1], PAGE + 1))
    return {"rows": found[:PAGE], "next": found[PAGE - 1].pk if len(found) > PAGE else None}


def _whole(request: GuideRequest) -> bool:
    htmx = request.htmx
    return bool(not htmx or htmx.boosted or htmx.history_restore_request)


@require_GET
@guide_only
def baskets(request: GuideRequest) -> HttpResponse:
    """What I prepared, and what became of it."""
    state = request.GET.get("state", "")
    if state not in BasketState.values:
        state = ""
    rows = selectors_baskets.baskets_of(
        guide_id=request.guide.pk,
        now=clock.now(),
        state=state,
        before=_number(request.GET.get("before", "")),
    )
    return render(
        request,
        "guides/baskets.html",
        {"tab": "baskets", "state": state, "states": BasketState.choices, **_page(rows)},
    )


@require_GET
@guide_only
def basket_whom(request: GuideRequest) -> HttpResponse:
    """Whom it is for: customers, searched like those of the customers' page, or anybody."""
    q = request.GET.get("q", "").strip()[:40]
    before = _number(request.GET.get("before", ""))
    rows = selectors.customers(guide=request.guide, q=q, before=before)
    return render(
        request,
        "guides/basket_whom.html" if _whole(request) else "guides/_basket_whom.html",
        {"tab": "baskets", "q": q, **_page(rows)},
    )


@dataclass
class Form:
    """A basket that is being put together, as its page sends it: nothing is kept meanwhile."""

    stores: list[Store]
    store: Store
    member_id: int | None
    lines: dict[str, int]
    note: str
    days: int
    key: str


def _form(request: GuideRequest, data: QueryDict) -> Form:
    stores = selectors.stores_of(guide=request.guide, now=clock.now())
    if not stores:
        raise Http404
    store = next((s for s in stores if s.code == data.get("store")), stores[0])
    lines: dict[str, int] = {}
    for sku, pieces in zip(data.getlist("sku"), data.getlist("n"), strict=False):
        lines[sku[:32]] = min(_number(pieces) or 0, MOST_PIECES)
    added = data.get("add", "")[:32]
    if added:
        lines[added] = min(lines.get(added, 0) + 1, MOST_PIECES)
    lines = dict(islice(((sku, n) for sku, n in lines.items() if n), MOST_LINES))
    days = _number(data.get("days", ""))
    key = data.get("key", "")
    return Form(
        stores=stores,
        store=store,
        member_id=_number(data.get("member", "")),
        lines=lines,
        note=data.get("note", "").strip()[:NOTE_LENGTH],
        days=days if days in DAYS else DAYS[0],
        # A second click on the same page is the same basket.
        key=key if key.isalnum() and 8 <= len(key) <= 32 else token_hex(8),
    )


@require_http_methods(["GET", "POST"])
@guide_only
def basket_new(request: GuideRequest) -> HttpResponse:
    """Put a basket together: every change is priced anew, by the engine, for that customer."""
    data = request.POST if request.method == "POST" else request.GET
    form = _form(request, data)
    now = clock.now()
    customer = None
    if form.member_id is not None:
        found = selectors.customers(guide=request.guide)
        customer = found.filter(member_id=form.member_id).first()
        if customer is None:
            raise Http404
    refusal = ""
    if request.method == "POST" and "send" in data:
        try:
            sent = basket_send(
                guide_id=request.guide.pk,
                # As the page had it: one that is not theirs any more is refused, not replaced.
                store_code=data.get("store", form.store.code)[:32],
                member_id=form.member_id,
                lines=list(form.lines.items()),
                note=form.note,
                days=form.days,
                key=form.key,
                actor=Actor.user(request.user),
                now=now,
            )
        except DomainError as error:
            refusal = str(error)
        else:
            page = reverse("guides:basket", args=[sent.code.token])
            return redirect(page) if _whole(request) else HttpResponseClientRedirect(page)
    draft = selectors_baskets.draft_price(
        store_code=form.store.code,
        member_id=form.member_id,
        lines=list(form.lines.items()),
        now=now,
    )
    return render(
        request,
        "guides/basket_new.html" if _whole(request) else "guides/_basket_draft.html",
        {
            "tab": "baskets",
            "form": form,
            "customer": customer,
            "draft": draft,
            "refusal": refusal,
            "priced": draft.quote.document() if draft.quote else None,
            "days": DAYS,
        },
    )


@require_GET
@guide_only
def basket_articles(request: GuideRequest) -> HttpResponse:
    """The answer to typing into the search box of the page."""
    form = _form(request, request.GET)
    q = request.GET.get("q", "").strip()[:40]
    found = (
        selectors_baskets.skus_found(q=q, store_code=form.store.code, now=clock.now()) if q else []
    )
    return render(request, "guides/_basket_articles.html", {"q": q, "found": found})


@require_GET
@guide_only
def basket(request: GuideRequest, token: str) -> HttpResponse:
    """One basket: its link and codes to show, its lines, what became of it."""
    found = selectors_baskets.basket_of(
        guide_id=request.guide.pk, token=token.upper(), now=clock.now()
    )
    if found is None:
        raise Http404
    link = f"{settings.PUBLIC_URL}{reverse('home')}?basket={found.code.token}"
    return render(
        request,
        "guides/basket.html",
        {
            "tab": "baskets",
            "basket": found,
            "open": found.state in (BasketState.SENT, BasketState.OPENED),
            "link": link,
            "qr": qr_svg(link, label=_("Code that opens the basket")),
        },
    )


@require_POST
@guide_only
def basket_take_back(request: GuideRequest, token: str) -> HttpResponse:
    try:
        basket_withdraw(
            guide_id=request.guide.pk,
            token=token.upper(),
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except selectors_baskets.BasketUnknown as error:
        raise Http404 from error
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("guides:basket", token=token)
