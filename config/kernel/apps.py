from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class KernelConfig(AppConfig):
    name = "config.kernel"
    label = "kernel"
    verbose_name = _("system")

    def ready(self) -> None:
        # They register themselves.
        from config.kernel import audit_lines, clock, logs, schema  # noqa: F401
        from config.kernel.permissions import export_permissions_ensure

        clock.install()
        post_migrate.connect(
            export_permissions_ensure, dispatch_uid="kernel.export_permissions_ensure"
        )
