from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GuidesConfig(AppConfig):
    name = "guides"
    verbose_name = _("guides")

    def ready(self) -> None:
        from config.kernel.events import subscribe
        from guides import audit, dashboard, handlers, policies  # noqa: F401  audit's lines
        from mall.events import OrderCancelled, OrderPaid, OrderRefunded

        policies.register()
        dashboard.register()
        subscribe(
            "guides.commission",
            [OrderPaid, OrderRefunded, OrderCancelled],
            handlers.order_changed,
        )
