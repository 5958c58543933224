from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MallConfig(AppConfig):
    name = "mall"
    verbose_name = _("mall")

    def ready(self) -> None:
        from mall import audit, dashboard, handlers  # noqa: F401  audit registers its lines

        handlers.subscribe_all()
        dashboard.register()
