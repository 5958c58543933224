from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CouponsConfig(AppConfig):
    name = "coupons"
    verbose_name = _("coupons")

    def ready(self) -> None:
        from config.kernel.conditions import register_fact
        from config.kernel.events import subscribe
        from coupons import audit, redemption_rules, who  # noqa: F401  audit registers its lines
        from coupons.handlers import birthday_gifts, tier_gifts
        from coupons.services import code_pool, coupon_push
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
        code_pool.register()
        coupon_push.register()
        subscribe("coupons.tier_gifts", [MemberTierChanged], tier_gifts)
        subscribe("coupons.birthday_gifts", [MemberBirthdayCame], birthday_gifts)
