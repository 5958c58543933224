from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("members")

    def ready(self) -> None:
        from config.kernel.auth import principal_field
        from config.kernel.policies import register_kind
        from members import audit, audit_messages  # noqa: F401  registers the audit's lines
        from members.points import rules_validate

        principal_field("member_id", "user__member__id")
        principal_field("member_no", "user__member__no")
        register_kind("points", rules_validate)
