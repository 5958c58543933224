"""How the goods of an order reach the member: collected at a store, or sent to an address."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from mall.models.order import Order
from mall.states import FulfilmentKind, FulfilmentState
from stores.models import Store


class Fulfilment(CalledByKind):
    """How the goods of an order reach the member. A pickup knows its number at the store; what is
    sent has a carrier and a number there once it is on its way, and counts as delivered when the
    member says so, or at ``deliver_by``."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="fulfilments")
    kind = models.CharField(_("kind"), max_length=10, choices=FulfilmentKind.choices)
    store = models.ForeignKey(Store, models.PROTECT, verbose_name=_("store"))
    state = models.CharField(_("state"), max_length=10, choices=FulfilmentState.choices)
    pickup_no = models.CharField(_("pickup number"), max_length=32, blank=True)
    carrier = models.CharField(_("carrier"), max_length=32, blank=True, db_default="")
    tracking_no = models.CharField(_("tracking number"), max_length=40, blank=True, db_default="")
    shipped_at = models.DateTimeField(_("shipped at"), null=True, blank=True)
    deliver_by = models.DateTimeField(_("counts as delivered at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("fulfilment")
        verbose_name_plural = _("fulfilments")
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="pickup") & ~Q(state__in=["shipped", "delivered", "returned"]))
                | (Q(kind="delivery", pickup_no="") & ~Q(state__in=["ready", "collected"])),
                name="mall_fulfilment_kind",
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        state__in=["shipped", "delivered", "returned"],
                        shipped_at__isnull=False,
                        deliver_by__isnull=False,
                    )
                    & ~Q(carrier="")
                    & ~Q(tracking_no="")
                )
                | (
                    ~Q(state__in=["shipped", "delivered", "returned"])
                    & Q(
                        shipped_at__isnull=True,
                        deliver_by__isnull=True,
                        carrier="",
                        tracking_no="",
                    )
                ),
                name="mall_fulfilment_shipped_stamped",
            ),
            models.CheckConstraint(
                condition=Q(state="delivered", delivered_at__isnull=False)
                | (~Q(state="delivered") & Q(delivered_at__isnull=True)),
                name="mall_fulfilment_delivered_stamped",
            ),
        ]
        indexes = [
            models.Index(
                fields=["deliver_by"], condition=Q(state="shipped"), name="mall_fulfilment_due"
            ),
            models.Index(
                fields=["store", "id"],
                condition=Q(kind="delivery", state__in=["pending", "preparing"]),
                name="mall_fulfilment_to_send",
            ),
        ]


class DeliveryAddress(models.Model):
    """Where an order is sent, as the member said when it was placed: personal, so on a row of its
    own that is blanked when it is not needed any more. Only ``adcode`` stays, and is known to the
    order's snapshot."""

    order = models.OneToOneField(
        Order, models.PROTECT, related_name="address", verbose_name=_("order")
    )
    recipient = models.CharField(_("recipient"), max_length=40, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    adcode = models.CharField(_("adcode"), max_length=6)
    region = models.CharField(
        _("region"), max_length=100, blank=True, help_text=_("province, city and county in words")
    )
    detail = models.CharField(_("address"), max_length=200, blank=True)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    class Meta:
        verbose_name = _("delivery address")
        verbose_name_plural = _("delivery addresses")
        constraints = [
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True)
                & ~Q(recipient="")
                & ~Q(phone="")
                & ~Q(detail="")
                | Q(erased_at__isnull=False, recipient="", phone="", region="", detail=""),
                name="mall_deliveryaddress_erased_blank",
            ),
            models.CheckConstraint(
                condition=Q(adcode__regex=r"^[0-9]{6}$"), name="mall_deliveryaddress_adcode"
            ),
        ]

    def __str__(self) -> str:
        return self.adcode
