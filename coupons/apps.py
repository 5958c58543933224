from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CouponsConfig(AppConfig):
    name = "coupons"
    verbose_name = _("coupons")

    def ready(self) -> None:
        from config.kernel.conditions import register_fact
        from config.kernel.events import subscribe
        from config.kernel.policies import register_kind
        from coupons import (  # audit* register their lines
            audit,  # noqa: F401  registers its lines
            audit_risk,  # noqa: F401  registers its lines
            audit_ways,  # noqa: F401  registers its lines
            claim_risk,
            redemption_rules,
            who,
        )
        from coupons.events import CouponTicketChanged
        from coupons.handlers import birthday_gifts, tickets_borne, tier_gifts
        from coupons.selectors_risk import claim_risk_simulate
        from coupons.services import code_pool, code_pool_upload, coupon_push
        from members.events import MemberBirthdayCame, MemberTierChanged

        # What a coupon's scope may ask about a line; the mall supplies the values.
        register_fact("category", "set", _("category"))
        register_fact("brand", "str", _("brand"))
        register_fact("product", "str", _("product"))
        register_fact("sku", "str", _("SKU"))
        register_fact("store", "str", _("store"))
        register_fact("operator", "str", _("operator"))
        who.register_all()
        redemption_rules.register()
        for name, label in claim_risk.FACTS.items():
            register_fact(name, "int", label)
        register_kind(claim_risk.KIND, claim_risk.validate, claim_risk_simulate)
        code_pool.register()
        code_pool_upload.register()
        coupon_push.register()
        subscribe("coupons.tier_gifts", [MemberTierChanged], tier_gifts)
        subscribe("coupons.birthday_gifts", [MemberBirthdayCame], birthday_gifts)
        subscribe("coupons.borne", [CouponTicketChanged], tickets_borne)
