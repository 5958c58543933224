from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("members")

    def ready(self) -> None:
        from config.kernel.auth import principal_field

        principal_field("member_id", "user__member__id")
        principal_field("member_no", "user__member__no")
