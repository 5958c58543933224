from datetime import datetime

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.utils.translation import gettext_lazy as _

from config.kernel.models import Code
from config.kernel.models.named import CalledByKind
from guides.models.guide import Guide, Touch
from guides.states import BasketState
from mall.models import Order, Sku
from mall.states import OrderState
from members.models import Member
from stores.models import Store

# An order that ended without a sale makes its basket free again.
ENDED = (OrderState.CANCELLED, OrderState.EXPIRED)


class PreparedBasketQuerySet(models.QuerySet["PreparedBasket"]):
    def with_state(self, now: datetime) -> "PreparedBasketQuerySet":
        """Adds ``state``, a :class:`BasketState` as of ``now``."""
        opened = Touch.objects.filter(code_id=OuterRef("code_id"))
        return self.annotate(
            state=Case(
                When(order__state=OrderState.PLACED, then=Value(BasketState.ORDERED.value)),
                When(
                    Q(order__isnull=False) & ~Q(order__state__in=ENDED),
                    then=Value(BasketState.PAID.value),
                ),
                When(
                    Q(withdrawn_at__isnull=False) | Q(guide__active_until__lte=now),
                    then=Value(BasketState.WITHDRAWN.value),
                ),
                When(expires_at__lte=now, then=Value(BasketState.EXPIRED.value)),
                When(Exists(opened), then=Value(BasketState.OPENED.value)),
                default=Value(BasketState.SENT.value),
                output_field=models.CharField(choices=BasketState.choices),
            )
        )


class PreparedBasket(CalledByKind):
    """What a guide put together for a customer, or, without ``member``, for whoever opens it.

    It is ordered once: ``order`` is the one it became last, and another takes its place only when
    that one was cancelled or expired (``guards.basket_take``). Prices are those of the moment
    of ordering. Its state is derived.
    """

    code = models.OneToOneField(
        Code, models.PROTECT, related_name="prepared_basket", verbose_name=_("code")
    )
    guide = models.ForeignKey(
        Guide, models.PROTECT, related_name="prepared_baskets", verbose_name=_("guide")
    )
    store = models.ForeignKey(Store, models.PROTECT, verbose_name=_("store"))
    member = models.ForeignKey(
        Member,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="prepared_baskets",
        verbose_name=_("member"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    key = models.CharField(_("key"), max_length=32)
    sent_at = models.DateTimeField(_("sent at"))
    expires_at = models.DateTimeField(_("expires at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    order = models.OneToOneField(
        Order,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="prepared_basket",
        verbose_name=_("order"),
    )
    ordered_at = models.DateTimeField(_("ordered at"), null=True, blank=True)

    # Of with_state.
    state: str

    objects = PreparedBasketQuerySet.as_manager()

    class Meta:
        verbose_name = _("prepared basket")
        verbose_name_plural = _("prepared baskets")
        constraints = [
            # A form that is sent twice makes one basket.
            models.UniqueConstraint(fields=["guide", "key"], name="guides_preparedbasket_once"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("sent_at")), name="guides_preparedbasket_period"
            ),
            models.CheckConstraint(
                condition=Q(order__isnull=True, ordered_at__isnull=True)
                | Q(order__isnull=False, ordered_at__isnull=False),
                name="guides_preparedbasket_ordered",
            ),
        ]
        indexes = [models.Index(fields=["guide", "-id"], name="guides_preparedbasket_guide")]

    def get_state_display(self) -> str:
        return str(BasketState(self.state).label)


class PreparedLine(CalledByKind):
    """So many pieces of a SKU in a prepared basket; promises neither price nor stock."""

    basket = models.ForeignKey(PreparedBasket, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField(_("position"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="+", verbose_name=_("SKU"))
    quantity = models.PositiveIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("line of a prepared basket")
        verbose_name_plural = _("lines of prepared baskets")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["basket", "sku"], name="guides_preparedline_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0), name="guides_preparedline_positive"
            ),
        ]
