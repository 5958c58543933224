from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class StoresConfig(AppConfig):
    name = "stores"
    verbose_name = _("stores")

    def ready(self) -> None:
        from config.kernel.dashboard import visibility
        from stores import approvals, audit  # noqa: F401  audit registers its lines
        from stores.dashboard import visible
        from stores.ledger.accounts import accounts_forget

        approvals.register()
        visibility(visible)
        # A flush of the tables, too, ends with this signal.
        post_migrate.connect(accounts_forget, sender=self, dispatch_uid="stores.accounts_forget")
