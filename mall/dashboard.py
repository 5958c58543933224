"""The mall's part of the dashboard."""

from collections.abc import Iterator
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.clock import local_date
from config.kernel.dashboard import (
    DAYS,
    Alert,
    Chart,
    Figure,
    Item,
    Scope,
    Series,
    channels,
    panel,
)
from mall.selectors.dashboard import (
    LOW_STOCK,
    SalesFigures,
    alert_counts,
    people_figures,
    sales_figures,
    value_figures,
)
from mall.states import OrderChannel

ORDERS = "mall.view_order"
SALES_NOTE = gettext_lazy("goods paid, less what has been refunded since")


def _list(model: str, query: str = "") -> str:
    app, _dot, name = model.partition(".")
    return reverse(f"admin:{app}_{name}_changelist") + query


def sales(scope: Scope) -> Iterator[Item]:
    found = sales_figures(scope=scope)
    today, yesterday, week = (found.windows[w] for w in ("today", "yesterday", "week"))
    yield Figure(
        code="sales",
        label=_("Sales"),
        permission=ORDERS,
        unit="fen",
        note=SALES_NOTE,
        today=today.net_fen,
        yesterday=yesterday.net_fen,
        week=week.net_fen,
        link=_list("mall.order", "?state__exact=paid"),
    )
    yield Figure(
        code="orders",
        label=_("Paid orders"),
        permission=ORDERS,
        today=today.orders,
        yesterday=yesterday.orders,
        week=week.orders,
        link=_list("mall.order"),
    )
    yield Figure(
        code="members",
        label=_("Paying members"),
        permission=ORDERS,
        today=today.members,
        yesterday=yesterday.members,
        week=week.members,
    )
    yield from _sales_charts(scope, found)


def _sales_charts(scope: Scope, found: SalesFigures) -> Iterator[Item]:
    hours = range(24)
    # The hours to come are no zeros: nothing has been sold in them yet.
    until = scope.now.astimezone(scope.today[0].tzinfo).hour
    yield Chart(
        code="hours",
        label=_("Sales by hour"),
        permission=ORDERS,
        labels=[f"{hour:02d}" for hour in hours],
        series=[
            Series(
                _("today"),
                [found.hours["today"].get(hour, 0) for hour in hours if hour <= until],
                unit="fen",
            ),
            Series(
                _("same day last week"),
                [found.hours["week"].get(hour, 0) for hour in hours],
                kind="line",
                unit="fen",
            ),
        ],
    )
    last = local_date(scope.now)
    dates = [last - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    by_day = [found.days[day.isoformat()] for day in dates]
    yield Chart(
        code="days",
        label=_("Sales of 30 days"),
        permission=ORDERS,
        labels=[f"{day:%m-%d}" for day in dates],
        series=[
            Series(_("Sales"), [day.net_fen for day in by_day], kind="line", unit="fen"),
            Series(_("Paid orders"), [day.orders for day in by_day], second_axis=True),
        ],
    )
    for code, label, rows in (
        ("products", _("Best products of 30 days"), found.products),
        ("stores", _("Sales by store, 30 days"), found.stores),
    ):
        yield Chart(
            code=code,
            label=label,
            permission=ORDERS,
            horizontal=True,
            labels=[name for name, _sales in rows],
            series=[Series(_("Sales"), [s.net_fen for _name, s in rows], unit="fen")],
        )


def value(scope: Scope) -> Iterator[Item]:
    found = value_figures(scope=scope)
    coupon, top_up, spend = found["coupon"], found["top_up"], found["spend"]
    yield Figure(
        code="coupons",
        label=_("Coupons used"),
        permission="coupons.view_redemption",
        today=coupon["today"].count,
        yesterday=coupon["yesterday"].count,
        week=coupon["week"].count,
        link=_list("coupons.redemption"),
    )
    yield Figure(
        code="discount",
        label=_("Discount by coupons"),
        permission="coupons.view_redemption",
        unit="fen",
        today=coupon["today"].fen,
        yesterday=coupon["yesterday"].fen,
        week=coupon["week"].fen,
    )
    yield Figure(
        code="top_up",
        label=_("Cards topped up"),
        permission="members.view_card",
        unit="fen",
        note=_("principal of stored-value cards sold"),
        today=top_up["today"].fen,
        yesterday=top_up["yesterday"].fen,
        week=top_up["week"].fen,
        link=_list("members.card"),
    )
    yield Figure(
        code="spend",
        label=_("Paid by card"),
        permission="members.view_card",
        unit="fen",
        note=_("stored value spent, less what went back"),
        today=spend["today"].fen,
        yesterday=spend["yesterday"].fen,
        week=spend["week"].fen,
    )


def people(scope: Scope) -> Iterator[Item]:
    found = people_figures(scope=scope)
    yield Figure(
        code="joined",
        label=_("New members"),
        permission="members.view_member",
        note=_("of all channels") if scope.channel else "",
        today=found.joined.get("today", 0),
        yesterday=found.joined.get("yesterday", 0),
        week=found.joined.get("week", 0),
        link=_list("members.member"),
    )
    awaiting, ready = found.pickups.get("awaiting", 0), found.pickups.get("ready", 0)
    yield Figure(
        code="pickups",
        label=_("Pickups waiting"),
        permission="stores.view_pickup",
        note=_("{awaiting} being prepared, {ready} ready").format(awaiting=awaiting, ready=ready),
        today=awaiting + ready,
        link=_list("stores.pickup", "?state__exact=ready"),
    )
    yield Alert(
        code="pickups_expired",
        label=_("Pickups not collected in time"),
        permission="stores.view_pickup",
        count=found.pickups.get("expired", 0),
        link=_list("stores.pickup", "?state__exact=expired"),
    )


def alerts(scope: Scope) -> Iterator[Item]:
    found = alert_counts(scope=scope)
    yield Alert(
        code="refunds_failed",
        label=_("Refunds that failed"),
        permission="mall.view_refund",
        count=found["refund"],
        danger=True,
        link=_list("mall.refund", "?state__exact=failed"),
    )
    yield Alert(
        code="notifications_mismatched",
        label=_("Payments that do not match"),
        permission="mall.view_notification",
        count=found["notification"],
        danger=True,
        link=_list("mall.notification", "?applied_at__isempty=1"),
    )
    yield Alert(
        code="payments_open",
        label=_("Payments open for over an hour"),
        permission="mall.view_payment",
        count=found["payment"],
        link=_list("mall.payment", "?state__exact=pending"),
    )
    yield Alert(
        code="after_sales",
        label=_("After-sales to decide"),
        permission="mall.view_aftersale",
        count=found["after_sale"],
        link=_list("mall.aftersale", "?state__exact=requested"),
    )
    yield Alert(
        code="paybacks",
        label=_("Closed cards to pay out"),
        permission="members.view_cardpaybackline",
        count=found["payback"],
        link=_list("members.cardpaybackline", "?way__in=transfer,cash&state__exact=waiting"),
    )
    yield Alert(
        code="quotas",
        label=_("Coupons claimed faster than planned"),
        permission="coupons.view_quotaalert",
        count=found["quota"],
        danger=True,
        link=_list("coupons.quotaalert", "?settled_at__isempty=1"),
    )
    yield Alert(
        code="approvals",
        label=_("Approvals waiting"),
        permission="kernel.view_approval",
        count=found["approval"],
        link=_list("kernel.approval", "?whose=all&state__exact=pending"),
    )
    yield Alert(
        code="stock_low",
        label=_("SKUs at stores with at most {n} left").format(n=LOW_STOCK),
        permission="mall.view_stock",
        count=found["stock"],
        link=_list("mall.stock", "?left=low"),
    )


def register() -> None:
    channels(OrderChannel.choices)
    panel("mall.sales", ORDERS, position=10, read=sales)
    panel("mall.value", "coupons.view_redemption", "members.view_card", position=20, read=value)
    panel("mall.people", "members.view_member", "stores.view_pickup", position=15, read=people)
    panel(
        "mall.alerts",
        "mall.view_refund",
        "mall.view_notification",
        "mall.view_payment",
        "mall.view_aftersale",
        "mall.view_stock",
        "members.view_cardpaybackline",
        "coupons.view_quotaalert",
        "kernel.view_approval",
        position=50,
        read=alerts,
    )
