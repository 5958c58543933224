"""What a coupon brought, on its template's page."""

from typing import Any

from django.utils.translation import gettext as _

from config.kernel.admin import figures
from config.kernel.money import yuan
from coupons.models import Template
from mall.selectors.coupon_sales import template_sales


def _sales(row: Template) -> list[tuple[Any, str]]:
    sales = template_sales(template_id=row.pk)
    return [
        (_("orders with it"), f"{sales.orders:,}"),
        (_("their goods, net"), yuan(sales.orders_fen)),
        (_("sales in stores with it"), f"{sales.tickets:,}"),
        (_("their net"), yuan(sales.tickets_fen)),
    ]


figures(Template, _sales)
