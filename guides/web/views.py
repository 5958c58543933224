"""The workbench of a guide, on a phone: read, or call one service, and render."""

from itertools import islice

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from guides import selectors
from guides.services.code_create import code_create
from guides.services.code_image import code_image
from guides.web.access import GuideRequest, guide_only

PAGE = 20


def _page(request: GuideRequest, rows: QuerySet) -> dict:
    """One page of ``rows`` and the cursor of the next, or None."""
    found = list(islice(rows[: PAGE + 1], PAGE + 1))
    more = len(found) > PAGE
    return {"rows": found[:PAGE], "next": found[PAGE - 1].pk if more else None}


def _before(request: GuideRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


@require_GET
@guide_only
def today(request: GuideRequest) -> HttpResponse:
    now = clock.now()
    this_day, last_day = selectors.day_figures(guide_id=request.guide.pk, now=now)
    return render(
        request,
        "guides/today.html",
        {
            "tab": "today",
            "today": this_day,
            "yesterday": last_day,
            "commission": selectors.commission_sums(guide_id=request.guide.pk, now=now),
            "entries": selectors.commission_entries(guide_id=request.guide.pk, now=now)[:5],
        },
    )


@require_GET
@guide_only
def customers(request: GuideRequest) -> HttpResponse:
    q = request.GET.get("q", "").strip()[:40]
    rows = selectors.customers(guide=request.guide, q=q, before=_before(request))
    whole = not request.htmx or request.htmx.boosted or request.htmx.history_restore_request
    return render(
        request,
        "guides/customers.html" if whole else "guides/_customers.html",
        {"tab": "customers", "q": q, **_page(request, rows)},
    )


@require_GET
@guide_only
def commission(request: GuideRequest) -> HttpResponse:
    now = clock.now()
    rows = selectors.commission_entries(guide_id=request.guide.pk, now=now, before=_before(request))
    return render(
        request,
        "guides/commission.html",
        {
            "tab": "commission",
            "commission": selectors.commission_sums(guide_id=request.guide.pk, now=now),
            **_page(request, rows),
        },
    )


@require_GET
@guide_only
def codes(request: GuideRequest) -> HttpResponse:
    rows = selectors.codes(guide_id=request.guide.pk, now=clock.now(), before=_before(request))
    return render(request, "guides/codes.html", {"tab": "codes", **_page(request, rows)})


@require_GET
@guide_only
def products(request: GuideRequest) -> HttpResponse:
    """The answer to typing into the search box of the codes page, or that page with it."""
    q = request.GET.get("q", "").strip()[:40]
    found = selectors.products_found(q=q, guide_id=request.guide.pk, now=clock.now()) if q else []
    if request.headers.get("HX-Request"):
        return render(request, "guides/_products.html", {"q": q, "products": found})
    rows = selectors.codes(guide_id=request.guide.pk, now=clock.now())
    found_too = {"q": q, "products": found}
    return render(
        request, "guides/codes.html", {"tab": "codes", **_page(request, rows), **found_too}
    )


@require_POST
@guide_only
def code_new(request: GuideRequest) -> HttpResponse:
    """Make (or find) a code and show it."""
    fragment = bool(request.htmx) and not request.htmx.boosted
    now = clock.now()
    try:
        made = code_create(
            guide_id=request.guide.pk,
            product_code=request.POST.get("product", "").strip()[:32],
            store_code=request.POST.get("store", "").strip()[:32],
            actor=Actor.user(request.user),
            now=now,
        )
    except DomainError as error:
        messages.error(request, str(error))
        if fragment:
            answer = render(request, "messages.html", status=error.status)
            answer["HX-Refusal"] = error.code
            answer["HX-Retarget"] = "#messages"
            answer["HX-Reswap"] = "innerHTML"
            return answer
        return redirect("guides:codes")
    if not fragment:
        return redirect("guides:code", token=made.token)
    shown = selectors.code_of(guide_id=request.guide.pk, token=made.token, now=now)
    return render(request, "guides/_code.html", {"code": shown})


@require_GET
@guide_only
def code(request: GuideRequest, token: str) -> HttpResponse:
    found = selectors.code_of(guide_id=request.guide.pk, token=token, now=clock.now())
    if found is None:
        raise Http404
    return render(request, "guides/code.html", {"tab": "codes", "code": found})


@require_GET
@guide_only
def code_picture(request: GuideRequest, token: str) -> HttpResponse:
    """The 小程序码 as an image. WeChat being away is said in the picture's place."""
    found = selectors.code_of(guide_id=request.guide.pk, token=token, now=clock.now())
    if found is None:
        raise Http404
    try:
        image = code_image(code=found, mchid=request.guide.operator.mchid)
    except DomainError as error:
        return HttpResponse(
            _("No picture now: {reason}").format(reason=error),
            status=error.status,
            content_type="text/plain; charset=utf-8",
        )
    kind = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
    answer = HttpResponse(image, content_type=kind)
    answer["Cache-Control"] = "private, max-age=86400"
    return answer
