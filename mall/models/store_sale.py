from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mall.models.order import Order
from mall.states import SaleWay
from members.states import PayerKind
from stores.models import Operator, Store, Terminal


class StoreSale(models.Model):
    """Stored value sold, or topped up, where the member stands: at a desk, a till, the console.

    What was sold and how it was paid is its ``order``; this is the paper it was sold on.
    ``ticket_no`` is the seller's number, unique per terminal, and per store where there is none:
    sent twice it is one sale. A number that was voided before anything came of it has no order.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    terminal = models.ForeignKey(
        Terminal, models.PROTECT, null=True, blank=True, verbose_name=_("terminal")
    )
    ticket_no = models.CharField(_("ticket number"), max_length=32)
    store = models.ForeignKey(Store, models.PROTECT, verbose_name=_("store"))
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    order = models.OneToOneField(
        Order,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="store_sale",
        verbose_name=_("order"),
    )
    way = models.CharField(_("paid by"), max_length=10, choices=SaleWay.choices, blank=True)
    payer = models.CharField(
        _("payer"), max_length=8, choices=PayerKind.choices, default=PayerKind.PERSON
    )
    reference = models.CharField(_("slip or transfer number"), max_length=64, blank=True)
    sold_by = models.CharField(_("sold by"), max_length=64)
    # Tells the seller's own repetition from another sale under the same number.
    request_hash = models.CharField(_("hash of the request"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"))
    voided_at = models.DateTimeField(_("voided at"), null=True, blank=True)

    class Meta:
        verbose_name = _("sale of stored value")
        verbose_name_plural = _("sales of stored value")
        constraints = [
            models.UniqueConstraint(
                fields=["terminal", "ticket_no"], name="mall_storesale_once_per_terminal"
            ),
            models.UniqueConstraint(
                fields=["store", "ticket_no"],
                condition=Q(terminal__isnull=True),
                name="mall_storesale_once_per_desk",
            ),
            models.CheckConstraint(
                # Without an order it can only be what a void closed the number of.
                condition=Q(order__isnull=False) & ~Q(way="")
                | Q(order__isnull=True, voided_at__isnull=False, way=""),
                name="mall_storesale_of_order",
            ),
            models.CheckConstraint(
                # What the till or the bank has printed is how the money is found again.
                condition=~Q(way__in=["bank_card", "transfer"]) | ~Q(reference=""),
                name="mall_storesale_reference",
            ),
        ]
        indexes = [models.Index(fields=["store", "-created_at"], name="mall_storesale_store")]

    def __str__(self) -> str:
        return self.no
