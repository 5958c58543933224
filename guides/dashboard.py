"""The guides' part of the dashboard."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from config.kernel.dashboard import Item, Ranking, Scope, panel
from config.kernel.money import yuan
from guides.selectors import guide_ranking

GUIDES = "guides.view_guide"


def ranking(scope: Scope) -> Iterator[Item]:
    yield Ranking(
        code="guides",
        label=_("Guides' ranking"),
        permission=GUIDES,
        link=reverse("admin:guides_guide_changelist"),
        heads=[_("guide"), _("Sales today"), _("Orders today"), _("Sales, 30 days")],
        rows=[
            (row.name, yuan(row.today_fen), str(row.today_orders), yuan(row.month_fen))
            for row in guide_ranking(scope=scope)
        ],
    )


def register() -> None:
    panel("guides.ranking", GUIDES, position=40, read=ranking)
