from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KernelConfig(AppConfig):
    name = "config.kernel"
    label = "kernel"
    verbose_name = _("system")

    def ready(self) -> None:
        from config.kernel import audit_lines, clock  # noqa: F401  registers the kernel's lines

        clock.install()
