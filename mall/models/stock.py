from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from mall.models.catalogue import Sku
from mall.models.order import OrderLine
from mall.states import MovementKind, ReservationState
from stores.models import Store


class StoreOffer(models.Model):
    """A store's own price for a SKU, or its decision not to sell it. No row: the SKU's price."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="offers", verbose_name=_("store"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="offers", verbose_name=_("SKU"))
    price_fen = models.PositiveIntegerField(_("price (fen)"), null=True, blank=True)
    listed = models.BooleanField(_("listed"), default=True)

    class Meta:
        verbose_name = _("store offer")
        verbose_name_plural = _("store offers")
        constraints = [
            models.UniqueConstraint(fields=["store", "sku"], name="mall_storeoffer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.store} · {self.sku}"


class Stock(models.Model):
    """Pieces of a SKU at a store; changed by ``mall.guards`` alone."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="stocks", verbose_name=_("store"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="stocks", verbose_name=_("SKU"))
    on_hand = models.PositiveIntegerField(_("on hand"), default=0)
    reserved = models.PositiveIntegerField(_("reserved"), default=0)

    class Meta:
        verbose_name = _("stock")
        verbose_name_plural = _("stock")
        constraints = [
            models.UniqueConstraint(fields=["sku", "store"], name="mall_stock_once"),
            models.CheckConstraint(
                # Nothing is promised that is not there.
                condition=Q(on_hand__gte=F("reserved")),
                name="mall_stock_covers_reserved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store} · {self.sku}"


class StockMovement(CalledByKind):
    """Why ``on_hand`` changed; insert-only (trigger)."""

    stock = models.ForeignKey(Stock, models.PROTECT, related_name="movements")
    kind = models.CharField(_("kind"), max_length=10, choices=MovementKind.choices)
    delta = models.IntegerField(_("change"))
    reference = models.CharField(_("reference"), max_length=40, blank=True)
    key = models.CharField(_("key"), max_length=120, unique=True)
    occurred_at = models.DateTimeField(_("occurred at"))

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        constraints = [
            models.CheckConstraint(condition=~Q(delta=0), name="mall_stockmovement_moves"),
        ]


class Reservation(CalledByKind):
    """Pieces promised to one order line until sold, released or expired."""

    stock = models.ForeignKey(Stock, models.PROTECT, related_name="reservations")
    line = models.OneToOneField(OrderLine, models.PROTECT, related_name="reservation")
    quantity = models.PositiveIntegerField(_("quantity"))
    state = models.CharField(_("state"), max_length=10, choices=ReservationState.choices)
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="mall_reservation_positive"),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | (~Q(state="open") & Q(ended_at__isnull=False)),
                name="mall_reservation_ended_stamped",
            ),
        ]
        indexes = [
            models.Index(fields=["stock"], condition=Q(state="open"), name="mall_reservation_open")
        ]
