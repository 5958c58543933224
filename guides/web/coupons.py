"""Coupons that a guide gives to customers: what is left of the allowance, to whom, who used it."""

from itertools import islice
from secrets import token_hex

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from guides import selectors, selectors_handouts
from guides.services.coupon_hand_out import coupon_hand_out
from guides.web.access import GuideRequest, guide_only

PAGE = 20


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _page(rows) -> dict:
    found = list(islice(rows[: PAGE + 1], PAGE + 1))
    return {"rows": found[:PAGE], "next": found[PAGE - 1].pk if len(found) > PAGE else None}


@require_GET
@guide_only
def coupons(request: GuideRequest) -> HttpResponse:
    """What I may give, and what became of what I gave."""
    now = clock.now()
    before = _number(request.GET.get("before", ""))
    given = selectors_handouts.handouts_of(guide_id=request.guide.pk, before=before)
    return render(
        request,
        "guides/coupons.html",
        {
            "tab": "coupons",
            "now": now,
            "allowances": selectors_handouts.allowances_of(guide=request.guide, now=now),
            **_page(given),
        },
    )


@require_GET
@guide_only
def coupon_for(request: GuideRequest, allowance_id: int) -> HttpResponse:
    """Whom to give one: customers, searched like those of the customers' page."""
    found = selectors_handouts.allowances_of(guide=request.guide, now=clock.now())
    allowance = next((a for a in found if a.pk == allowance_id), None)
    if allowance is None:
        raise Http404
    q = request.GET.get("q", "").strip()[:40]
    before = _number(request.GET.get("before", ""))
    rows = selectors.customers(guide=request.guide, q=q, before=before)
    whole = not request.htmx or request.htmx.boosted or request.htmx.history_restore_request
    return render(
        request,
        "guides/coupon_for.html" if whole else "guides/_coupon_for.html",
        # A second click on the same page is the same coupon.
        {"tab": "coupons", "q": q, "allowance": allowance, "key": token_hex(8), **_page(rows)},
    )


@require_POST
@guide_only
def coupon_give_to(request: GuideRequest, allowance_id: int) -> HttpResponse:
    member_id = _number(request.POST.get("member", ""))
    key = request.POST.get("key", "")
    if member_id is None or not key.isalnum() or not 8 <= len(key) <= 32:
        raise Http404
    try:
        handout = coupon_hand_out(
            guide_id=request.guide.pk,
            allowance_id=allowance_id,
            member_id=member_id,
            key=key,
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        member = handout.member
        messages.success(request, _("Given to {name}.").format(name=member.nickname or member.no))
    return redirect("guides:coupons")
