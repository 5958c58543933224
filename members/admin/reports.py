"""Reports for finance: what is owed on cards and points, and what operators owe each other."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.admin.codes import sayer
from config.kernel.dashboard import Chart, Series
from config.kernel.exports import Fen, Head
from members.admin.report_pages import SEE, Asked, Report, Sheet, add_report
from members.selectors_reports import (
    AGES,
    card_clearing,
    card_issuers,
    card_liability,
    points_debt,
    points_flows,
    points_liability,
)
from stores.models import Transfer

AGE_NAMES = {
    "90d": gettext_lazy("up to 90 days"),
    "1y": gettext_lazy("up to a year"),
    "3y": gettext_lazy("up to three years"),
    "older": gettext_lazy("older"),
}


def liability(asked: Asked) -> Report:
    owed = card_liability(now=asked.now, operator_ids=asked.operator_ids)
    issuers = card_issuers(
        owed=owed,
        since=asked.since,
        until=asked.until,
        now=asked.now,
        operator_ids=asked.operator_ids,
    )
    totals = Sheet(
        "issuers",
        _("By issuer"),
        [
            Head(_("issuer")),
            Head(_("principal"), fen=True),
            Head(_("bonus"), fen=True),
            Head(_("principal when the quarter began"), fen=True),
            Head(_("kept in custody (bp)")),
            Head(_("kept in custody"), fen=True),
            Head(_("sold in the period"), fen=True),
            Head(_("paid back in the period"), fen=True),
            Head(_("invoiceable"), fen=True),
        ],
        [
            [
                each.operator,
                Fen(each.principal_fen),
                Fen(each.bonus_fen),
                Fen(each.quarter_fen),
                each.custody_bp,
                Fen(each.custody_fen),
                Fen(each.sold_fen),
                Fen(each.paid_back_fen),
                Fen(each.invoiceable_fen),
            ]
            for each in issuers
        ],
    )
    parts = Sheet(
        "lots",
        _("By issuer, product and age"),
        [
            Head(_("issuer")),
            Head(_("product")),
            Head(_("age")),
            Head(_("lots")),
            Head(_("principal"), fen=True),
            Head(_("bonus"), fen=True),
        ],
        [
            [
                each.operator,
                each.product,
                AGE_NAMES[each.age],
                each.lots,
                Fen(each.principal_fen),
                Fen(each.bonus_fen),
            ]
            for each in owed
        ],
    )
    by_age = {age: [x for x in owed if x.age == age] for age in AGES}
    chart = Chart(
        code="ages",
        label=_("Owed on cards by age"),
        permission=SEE,
        labels=[str(AGE_NAMES[age]) for age in AGES] if owed else [],
        series=[
            Series(
                _("principal"),
                [sum(x.principal_fen for x in by_age[age]) for age in AGES],
                unit="fen",
            ),
            Series(_("bonus"), [sum(x.bonus_fen for x in by_age[age]) for age in AGES], unit="fen"),
        ],
    )
    note = _("What is owed is that of now; what was sold and paid back is that of the period.")
    return Report(_("Liability of cards"), note, [totals, parts], [chart])


def clearing(asked: Asked) -> Report:
    pairs = card_clearing(since=asked.since, until=asked.until, operator_ids=asked.operator_ids)
    rows = [
        [
            pair.first,
            pair.second,
            Fen(pair.first_fen),
            Fen(pair.second_fen),
            pair.first if pair.net_fen >= 0 else pair.second,
            pair.second if pair.net_fen >= 0 else pair.first,
            Fen(abs(pair.net_fen)),
        ]
        for pair in pairs
    ]
    sheet = Sheet(
        "pairs",
        _("By pair of operators"),
        [
            Head(_("operator A")),
            Head(_("operator B")),
            Head(_("on A's cards, at B"), fen=True),
            Head(_("on B's cards, at A"), fen=True),
            Head(_("pays")),
            Head(_("is paid")),
            Head(_("net"), fen=True),
        ],
        rows,
    )
    chart = Chart(
        code="net",
        label=_("Net to be paid"),
        permission=SEE,
        horizontal=True,
        labels=[f"{row[4]} → {row[5]}" for row in rows],
        series=[Series(_("net"), [abs(pair.net_fen) for pair in pairs], unit="fen")],
    )
    note = _("Spent less given back in the period; an issuer pays the operator that took its card.")
    return Report(_("Clearing of cards"), note, [sheet], [chart])


def points(asked: Asked) -> Report:
    months = points_liability(now=asked.now)
    debt = points_debt()
    flows = points_flows(since=asked.since, until=asked.until)
    outstanding = sum(each.points for each in months)
    totals = Sheet(
        "totals",
        _("Together"),
        [
            Head(_("outstanding points")),
            Head(_("set aside")),
            Head(_("worth as a tender"), fen=True),
            Head(_("members who owe points")),
            Head(_("points owed by members")),
            Head(_("outstanding less owed")),
        ],
        [
            [
                outstanding,
                sum(each.held for each in months),
                Fen(sum(each.value_fen for each in months)),
                debt.members,
                debt.points,
                outstanding - debt.points,
            ]
        ],
    )
    sheet = Sheet(
        "months",
        _("By month of expiry"),
        [
            Head(_("expire in")),
            Head(_("members")),
            Head(_("points")),
            Head(_("set aside")),
            Head(_("worth as a tender"), fen=True),
        ],
        [
            [each.month, each.members, each.points, each.held, Fen(each.value_fen)]
            for each in months
        ],
    )
    say = sayer(Transfer._meta.get_field("code")) or str
    names = [str(say(flow.code)) for flow in flows]
    moved = Sheet(
        "flows",
        _("Moved in the period"),
        [Head(_("what")), Head(_("to members")), Head(_("from members"))],
        [[name, flow.on_points, flow.off_points] for name, flow in zip(names, flows, strict=True)],
    )
    charts = [
        Chart(
            code="points",
            label=_("Points by month of expiry"),
            permission=SEE,
            labels=[each.month for each in months],
            series=[Series(_("points"), [each.points for each in months])],
        ),
        Chart(
            code="flows",
            label=_("Points moved in the period"),
            permission=SEE,
            horizontal=True,
            labels=names,
            series=[
                Series(_("to members"), [flow.on_points for flow in flows]),
                Series(_("from members"), [flow.off_points for flow in flows]),
            ],
        ),
    ]
    note = _(
        "Points and debts of now; what moved is that of the period. A debt comes of a refund after"
        " the points were spent, and is repaid by the next ones earned."
    )
    return Report(_("Liability of points"), note, [totals, sheet, moved], charts)


add_report("liability", liability)
add_report("clearing", clearing)
# Points are the whole group's.
add_report("points", points, of_whole_group=True)
