from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stores.models.organisation import Store
from stores.states import PickupState


class PickupQuerySet(models.QuerySet["Pickup"]):
    def for_staff(self, user, permission: str = "stores.view_pickup") -> "PickupQuerySet":
        """Pickups of the stores where ``user`` holds ``permission``."""
        return self.filter(store__in=Store.objects.for_staff(user, permission))


class Pickup(models.Model):
    """Goods waiting at a store for the holder of a code. Knows an order's number, not the order.

    The QR token is derived from the number and a secret, never stored; ``code_hash`` finds it.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    order_no = models.CharField(_("order number"), max_length=32, unique=True)
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="pickups", verbose_name=_("store")
    )
    state = models.CharField(_("state"), max_length=10, choices=PickupState.choices)
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    digits = models.CharField(_("digits"), max_length=8)
    phone_tail = models.CharField(_("last four of the phone"), max_length=4, blank=True)
    created_at = models.DateTimeField(_("created at"))
    ready_at = models.DateTimeField(_("ready at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    collected_at = models.DateTimeField(_("collected at"), null=True, blank=True)
    collected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("handed over by"),
    )

    objects = PickupQuerySet.as_manager()

    class Meta:
        verbose_name = _("pickup")
        verbose_name_plural = _("pickups")
        permissions = [("handover_pickup", "Can work at the desk")]
        constraints = [
            models.UniqueConstraint(
                # Typed digits must name one parcel of the store.
                fields=["store", "digits"],
                condition=Q(state__in=["awaiting", "ready", "held"]),
                name="stores_pickup_digits_live",
            ),
            models.CheckConstraint(
                condition=Q(
                    state="collected", collected_at__isnull=False, collected_by__isnull=False
                )
                | (~Q(state="collected") & Q(collected_at__isnull=True)),
                name="stores_pickup_collected_stamped",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ready", "collected"]) | Q(ready_at__isnull=False),
                name="stores_pickup_ready_stamped",
            ),
        ]
        indexes = [
            models.Index(fields=["store", "state"], name="stores_pickup_desk"),
            # Typed digits of another store's parcel, to say where it is handed over.
            models.Index(fields=["digits"], name="stores_pickup_digits"),
        ]

    def __str__(self) -> str:
        return self.no
