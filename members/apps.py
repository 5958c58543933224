from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("members")

    def ready(self) -> None:
        from config.kernel.auth import principal_field
        from config.kernel.conditions import register_fact
        from config.kernel.policies import register_kind
        from members import (  # noqa: F401  they register the lines
            audit,
            audit_card_life,
            audit_card_record,
            audit_cards,
            audit_messages,
            audit_tiers,
        )
        from members.card_rules import rules_validate as card_rules_validate
        from members.points_rules import rules_validate
        from members.selectors_tiers import KIND, tiers_simulate, tiers_validate
        from members.services import (
            card_adjust,
            card_batch_approval,
            card_batch_payout,
            card_close_approval,
            card_codes,
            card_payout_approval,
            card_statement,
            points_adjust,
        )

        principal_field("member_id", "user__member__id")
        principal_field("member_no", "user__member__no")
        principal_field("member_archived_at", "user__member__archived_at")
        # What earning rules may ask about a line, beside what coupons ask.
        register_fact("tier", "str", _("tier"))
        register_fact("campaign", "set", _("campaign"))
        register_fact("channel", "str", _("channel"))
        # "day" on the birthday itself, "month" throughout its month.
        register_fact("birthday", "set", _("birthday"))
        register_kind("points", rules_validate)
        register_kind("cards", card_rules_validate)
        register_kind(KIND, tiers_validate, tiers_simulate)
        card_adjust.register()
        card_batch_approval.register()
        card_batch_payout.register()
        card_close_approval.register()
        card_codes.register()
        card_payout_approval.register()
        card_statement.register()
        points_adjust.register()
