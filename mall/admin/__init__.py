"""Pages of the mall."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.codes import code_words
from config.kernel.admin.timeline import timeline_words
from mall import states
from mall.admin import (  # noqa: F401  they register themselves
    catalogue,
    coupon_sales,
    designer,
    freight_form,
    memberships,
    money,
    order,
    payment_coupons_form,
    points_offer,
    pos,
    product_editor,
    stock,
    store_sale,
)
from members.models import Message
from stores.models import Transfer

timeline_words(
    kinds={
        "mall.order_placed": _("order placed"),
        "mall.order_paid": _("order paid"),
        "mall.order_completed": _("order completed"),
        "mall.order_closed": _("order closed"),
        "mall.order_cancelled": _("order cancelled"),
        "mall.order_expired": _("order expired"),
        "mall.order_refunded": _("units given back"),
        "mall.payment_changed": _("payment"),
        "mall.refund_changed": _("refund"),
        "mall.refund_done": _("refund done"),
        "mall.after_sale_changed": _("after-sale"),
        "mall.fulfilment_changed": _("fulfilment"),
        "mall.catalogue_changed": _("catalogue changed"),
        "mall.pos_ticket_paid": _("till ticket paid"),
        "mall.pos_ticket_refunded": _("till ticket given back"),
        "mall.pos_ticket_voided": _("till ticket voided"),
        "mall.store_sale_made": _("stored value sold"),
        "mall.store_sale_voided": _("sale of stored value undone"),
    },
    states={
        "order": states.OrderState,
        "payment": states.PaymentState,
        "refund": states.RefundState,
        "after_sale": states.AfterSaleState,
        "fulfilment": states.FulfilmentState,
        "pos_ticket": states.PosTicketState,
    },
)

code_words(
    Transfer,
    "code",
    {
        "late_payment": _("late payment"),
        "payment": _("payment"),
        "points.sale": _("paid by points"),
        "points.sale_back": _("paid by points, given back"),
        "refund": _("refund"),
    },
)
code_words(
    Message,
    "template",
    {
        "order_paid": _("order paid"),
        "order_shipped": _("order shipped"),
        "pickup_ready": _("ready for pickup"),
        "refund_done": _("refund done"),
    },
)
