from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MallConfig(AppConfig):
    name = "mall"
    verbose_name = _("mall")

    def ready(self) -> None:
        from mall import (  # audit* register their lines
            approvals,
            audit,  # noqa: F401  registers its lines
            audit_borne,  # noqa: F401  registers its lines
            audit_delivery,  # noqa: F401  registers its lines
            audit_discounts,  # noqa: F401  registers its lines
            audit_payback,  # noqa: F401  registers its lines
            audit_points,  # noqa: F401  registers its lines
            audit_pos,  # noqa: F401  registers its lines
            audit_sales,  # noqa: F401  registers its lines
            audit_value,  # noqa: F401  registers its lines
            dashboard,
            freight,
            handlers,
            payment_coupons,
            shoppers,
        )
        from mall.selectors import discount_names

        approvals.register()
        handlers.subscribe_all()
        shoppers.register_all()
        payment_coupons.register()
        freight.register()
        dashboard.register()
        discount_names.register()
