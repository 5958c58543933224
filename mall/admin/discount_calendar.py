"""The calendar of promotions and coupons, by group: months or four weeks, of one operator."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from config.kernel import clock
from config.kernel.admin.mixed import MixedIntoAdmin
from mall.discount_draft_values import TEMPLATE
from mall.selectors.discount_calendar import discount_calendar
from stores.models import Operator, Store
from stores.permissions import COST
from stores.reach import staff_reach
from stores.states import OperatorKind

MONTH, WEEKS = "month", "weeks"
WEEKS_SHOWN = 4


class CalendarPage(MixedIntoAdmin):
    """The page of the calendar; mixed into the ModelAdmin of drafts."""

    def calendar_view(self, request: HttpRequest) -> HttpResponseBase:
        """For whoever may see promotions. Asks for ``operator``, ``store``, ``view``, ``day``."""
        reach = staff_reach(request.user, "mall.view_promotion", "mall.change_promotion")
        operators = list(Operator.objects.filter(reach.operators()).order_by("code"))
        # It opens on one of the group's own.
        operators.sort(key=lambda operator: operator.kind == OperatorKind.FRANCHISE)
        if not operators:
            raise PermissionDenied
        asked = request.GET
        operator = next((o for o in operators if o.code == asked.get("operator")), operators[0])
        stores = list(Store.objects.filter(operator=operator, archived_at=None).order_by("code"))
        store = next((s for s in stores if s.code == asked.get("store")), None)
        view = WEEKS if asked.get("view") == WEEKS else MONTH
        today = clock.local_date(clock.now())
        first, last = _period(view, _day(asked.get("day", ""), today))
        shops = [s for s in stores if s.kind == "shop"] or stores
        calendar = discount_calendar(
            operator_id=operator.pk,
            store=store or next(iter(shops), None),
            only_store=store is not None,
            since=_midnight(first),
            until=_midnight(last),
            costs=True,
        )
        site = self.admin_site
        for bar in calendar.bars:
            model = "coupons_template" if bar.kind == TEMPLATE else "mall_promotion"
            bar.url = reverse(f"{site.name}:{model}_change", args=[bar.row.pk])
        context: dict[str, Any] = {
            **site.each_context(request),
            "title": _("Promotion calendar"),
            "opts": self.opts,
            "calendar": calendar,
            "operators": operators,
            "operator": operator,
            "stores": stores,
            "store": store,
            "view": view,
            "first": first,
            "last": last - timedelta(days=1),
            "today": today,
            "today_column": (today - first).days + 1 if first <= today < last else 0,
            "before": first - timedelta(days=1),
            "after": last,
            "troubles": sum(bool(bar.conflicts or bar.below) for bar in calendar.bars),
            "sees_cost": request.user.has_perm(COST),
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/mall/discount_calendar.html", context)


def _day(text: str, today: date) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today
    return found if 2000 <= found.year <= 2100 else today


def _period(view: str, day: date) -> tuple[date, date]:
    """The first day, and the day after the last."""
    if view == WEEKS:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(weeks=WEEKS_SHOWN)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=clock.SHANGHAI)
