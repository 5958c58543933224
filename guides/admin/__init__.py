"""Pages of guides."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.timeline import timeline_words
from guides.admin import baskets, handouts, people  # noqa: F401  they register themselves

timeline_words(
    kinds={
        "guides.binding_opened": _("bound to a guide"),
        "guides.code_created": _("code created"),
        "guides.coupon_handed_out": _("coupon handed out"),
        "guides.basket_sent": _("basket sent"),
        "guides.basket_ordered": _("basket ordered"),
        "guides.basket_withdrawn": _("basket withdrawn"),
    }
)
