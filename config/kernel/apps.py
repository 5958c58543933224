from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KernelConfig(AppConfig):
    name = "config.kernel"
    label = "kernel"
    verbose_name = _("system")

    def ready(self) -> None:
        from config.kernel import audit_lines, clock, schema  # noqa: F401  they register themselves

        clock.install()
