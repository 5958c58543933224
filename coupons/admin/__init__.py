"""Pages of coupons."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.timeline import timeline_words
from coupons.admin import pools, risk, sponsors, tickets, wallet  # noqa: F401  they register themselves
from coupons.states import CouponState, TicketState
from members.states import GiftState

timeline_words(
    kinds={
        "coupons.challenge_passed": _("challenge passed"),
        "coupons.changed": _("coupon"),
        "coupons.gift_changed": _("gift of a coupon"),
        "coupons.pool_stopped": _("pool of codes stopped"),
        "coupons.quota_alert_settled": _("alert settled"),
        "coupons.template_resumed": _("coupons go on"),
        "coupons.template_stopped": _("coupons stopped"),
        "coupons.ticket_changed": _("coupon ticket"),
    },
    states={"coupon": CouponState, "coupon_gift": GiftState, "coupon_ticket": TicketState},
)
