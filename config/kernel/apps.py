from django.apps import AppConfig, apps
from django.db import models
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class KernelConfig(AppConfig):
    name = "config.kernel"
    label = "kernel"
    verbose_name = _("system")

    def ready(self) -> None:
        # They register themselves.
        from config.kernel import audit_lines, clock, logs, prepared, schema  # noqa: F401  register
        from config.kernel.permissions import export_permissions_ensure

        clock.install()
        prepared.install()
        _name_links()
        post_migrate.connect(
            export_permissions_ensure, dispatch_uid="kernel.export_permissions_ensure"
        )


def _name_links() -> None:
    """A link without a name of its own is called what it leads to, in the reader's language.

    Django would show the name of the attribute. The name a model was given, which migrations
    know, stays none.
    """
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if not isinstance(field, models.ForeignKey):
                continue
            target = field.remote_field.model._meta.verbose_name
            if target and getattr(field, "_verbose_name", None) is None:
                field.verbose_name = target
