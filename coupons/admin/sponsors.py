"""Who bears coupons: the report of finance, and what a template came to on its page."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from config.kernel.admin import charts, code_words, figures
from config.kernel.dashboard import Chart, Series
from config.kernel.exports import Fen, Head
from config.kernel.money import yuan
from coupons.bearers import BEAR, PLATFORM, UNBEAR, bearer_operator
from coupons.models import Template
from coupons.selectors_borne import (
    Borne,
    coupons_borne,
    operator_names,
    template_days,
    template_life,
)
from members.admin.report_pages import SEE, Asked, Report, Sheet, add_report
from stores.models import Transfer

DAYS = 30

code_words(
    Transfer,
    "code",
    {
        BEAR: gettext_lazy("coupon borne"),
        UNBEAR: gettext_lazy("coupon no longer borne"),
    },
)


def bearer_name(bearer: str, operators: Mapping[str, str]) -> str:
    """As people call it. A brand is the mall's to know: its code stands for it."""
    if bearer == PLATFORM:
        return _("the platform")
    code = bearer_operator(bearer)
    if code:
        return operators.get(code, code)
    return _("brand %(code)s") % {"code": bearer.partition(":")[2]}


def sponsors(asked: Asked) -> Report:
    """Two statements."""
    rows = coupons_borne(since=asked.since, until=asked.until, operator_ids=asked.operator_ids)
    names = operator_names() if rows else {}
    owed = _owed(rows)
    totals = _totals(rows)
    settlement = Sheet(
        "settlement",
        _("To be settled"),
        [
            Head(_("pays")),
            Head(_("code")),
            Head(_("is paid")),
            Head(_("borne"), fen=True),
            Head(_("taken back"), fen=True),
            Head(_("net"), fen=True),
        ],
        [
            [bearer_name(bearer, names), bearer, seller, Fen(borne), Fen(back), Fen(borne - back)]
            for (bearer, seller), (borne, back) in owed.items()
        ],
    )
    bearers = Sheet(
        "bearers",
        _("By bearer"),
        [
            Head(_("bearer")),
            Head(_("code")),
            Head(_("borne"), fen=True),
            Head(_("taken back"), fen=True),
            Head(_("net"), fen=True),
            Head(_("of it in own sales"), fen=True),
        ],
        [
            [bearer_name(bearer, names), bearer, Fen(borne), Fen(back), Fen(borne - back), Fen(own)]
            for bearer, (borne, back, own) in totals.items()
        ],
    )
    parts = Sheet(
        "templates",
        _("By bearer, template and operator of sale"),
        [
            Head(_("bearer")),
            Head(_("code")),
            Head(_("template")),
            Head(_("name")),
            Head(_("operator of sale")),
            Head(_("coupons")),
            Head(_("borne"), fen=True),
            Head(_("taken back"), fen=True),
            Head(_("net"), fen=True),
        ],
        [
            [
                bearer_name(row.bearer, names),
                row.bearer,
                row.template,
                row.template_name,
                row.seller,
                row.uses,
                Fen(row.borne_fen),
                Fen(row.back_fen),
                Fen(row.net_fen),
            ]
            for row in rows
        ],
    )
    chart = Chart(
        code="borne",
        label=_("Borne, less what was taken back"),
        permission=SEE,
        horizontal=True,
        labels=[bearer_name(bearer, names) for bearer in totals],
        series=[
            Series(_("net"), [borne - back for borne, back, _own in totals.values()], unit="fen")
        ],
    )
    note = _(
        "What coupons took off sales, as booked in the period, by whom their templates name. A"
        " bearer pays the operator of the sale; what an operator bears of its own is not settled."
    )
    return Report(_("Who bears coupons"), note, [settlement, bearers, parts], [chart])


def _owed(rows: list[Borne]) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        if not row.at_home:
            borne, back = found[row.bearer, row.seller]
            found[row.bearer, row.seller] = (borne + row.borne_fen, back + row.back_fen)
    return found


def _totals(rows: list[Borne]) -> dict[str, tuple[int, int, int]]:
    found: dict[str, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for row in rows:
        borne, back, own = found[row.bearer]
        here = row.net_fen if row.at_home else 0
        found[row.bearer] = (borne + row.borne_fen, back + row.back_fen, own + here)
    return found


def _life(row: Template) -> list[tuple[Any, str]]:
    """What became of a template's coupons: four statements, however many there are."""
    life = template_life(template_id=row.pk)
    names = operator_names()
    found = [
        (_("claimed"), f"{life.claimed:,}"),
        (_("still to be used"), f"{life.waiting:,}"),
        (_("expired"), f"{life.expired:,}"),
        (_("used"), f"{life.uses:,}"),
        (_("of it given back"), f"{life.returned:,}"),
        (_("cost"), yuan(life.spent_fen)),
    ]
    found += [
        (_("borne by %(bearer)s") % {"bearer": bearer_name(bearer, names)}, yuan(fen))
        for bearer, fen in life.bearers.items()
        if fen
    ]
    return found


def _days(row: Template) -> list[Chart]:
    """One statement."""
    today = clock.local_date(clock.now())
    days = template_days(template_id=row.pk, first=today - timedelta(days=DAYS - 1), last=today)
    labels = [f"{each.day:%m-%d}" for each in days] if any(d.claimed_so_far for d in days) else []
    return [
        Chart(
            code="uses",
            label=_("Claimed and used by day"),
            permission="coupons.view_template",
            labels=labels,
            series=[
                Series(_("claimed"), [each.claimed for each in days]),
                Series(_("used"), [each.used for each in days]),
            ],
        ),
        Chart(
            code="rate",
            label=_("Used of what was claimed so far (%)"),
            permission="coupons.view_template",
            labels=labels,
            series=[Series(_("percent"), [each.percent for each in days], kind="line")],
        ),
    ]


add_report("sponsors", sponsors)
figures(Template, _life)
charts(Template, _days)
