from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from mall.models.catalogue import Sku
from mall.models.points_offer import PointsOffer
from mall.states import (
    DiscountKind,
    LineKind,
    OrderChannel,
    OrderState,
    TenderKind,
)
from members.models import Card, CardProduct, Member, MembershipPlan
from stores.models import Account, Operator, Store


class CartLine(models.Model):
    """What a member means to buy at a store; promises neither price nor stock."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="cart_lines")
    store = models.ForeignKey(Store, models.PROTECT)
    sku = models.ForeignKey(Sku, models.PROTECT)
    quantity = models.PositiveIntegerField(_("quantity"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("cart line")
        verbose_name_plural = _("cart lines")
        constraints = [
            models.UniqueConstraint(fields=["member", "store", "sku"], name="mall_cartline_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="mall_cartline_positive"),
        ]


class OrderQuerySet(models.QuerySet["Order"]):
    def for_member(self, member_id: int) -> "OrderQuerySet":
        return self.filter(member_id=member_id)

    def for_staff(self, user, permission: str = "mall.view_order") -> "OrderQuerySet":
        """Orders of the stores where ``user`` holds ``permission``."""
        return self.filter(store__in=Store.objects.for_staff(user, permission))


class Order(models.Model):
    """Everything that is paid for: goods and stored-value cards alike.

    ``total_fen = gross_fen − discount_fen + freight_fen``; the tenders add up to it once paid.
    Freight is a line of its own, which ``gross_fen`` leaves out; ``discount_fen`` has what a
    coupon took off it.
    ``points`` are all that it takes, as money (worth ``points_fen`` of the total) or as a price.
    ``snapshot`` keeps the prices, rules and quote it was made of. An order never points at a
    guide: attribution points down at the order.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="orders", verbose_name=_("member")
    )
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    store = models.ForeignKey(Store, models.PROTECT, related_name="orders", verbose_name=_("store"))
    channel = models.CharField(_("channel"), max_length=16, choices=OrderChannel.choices)
    source_token = models.CharField(_("touchpoint"), max_length=32, blank=True)
    device = models.CharField(
        _("device"), max_length=64, blank=True, db_default="", help_text=_("hashed; if known")
    )
    state = models.CharField(_("state"), max_length=10, choices=OrderState.choices)
    gross_fen = models.PositiveIntegerField(_("gross (fen)"))
    discount_fen = models.PositiveIntegerField(_("discount (fen)"), default=0)
    freight_fen = models.PositiveIntegerField(_("freight (fen)"), default=0)
    total_fen = models.PositiveIntegerField(_("total (fen)"))
    points = models.PositiveIntegerField(_("points"), default=0, db_default=0)
    points_fen = models.PositiveIntegerField(_("paid by points (fen)"), default=0, db_default=0)
    snapshot = models.JSONField(_("snapshot"), default=dict)
    placed_at = models.DateTimeField(_("placed at"))
    expires_at = models.DateTimeField(_("pay until"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    ended_at = models.DateTimeField(
        _("ended at"), null=True, blank=True, help_text=_("cancelled, expired or closed")
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.CheckConstraint(
                condition=Q(total_fen=F("gross_fen") - F("discount_fen") + F("freight_fen")),
                name="mall_order_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(points_fen__lte=F("total_fen")) & (Q(points_fen=0) | Q(points__gt=0)),
                name="mall_order_points_within",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["paid", "completed", "closed"]) | Q(paid_at__isnull=False),
                name="mall_order_paid_stamped",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["completed", "closed"]) | Q(completed_at__isnull=False),
                name="mall_order_completed_stamped",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["cancelled", "expired", "closed"], ended_at__isnull=False)
                | Q(state__in=["placed", "paid", "completed"], ended_at__isnull=True),
                name="mall_order_ended_stamped",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-id"], name="mall_order_member"),
            models.Index(fields=["store", "-paid_at"], name="mall_order_store"),
            models.Index(
                fields=["expires_at"], condition=Q(state="placed"), name="mall_order_unpaid"
            ),
            models.Index(
                fields=["completed_at"], condition=Q(state="completed"), name="mall_order_maturing"
            ),
        ]

    def __str__(self) -> str:
        return self.no


class OrderLine(models.Model):
    """``net_fen = gross_fen − discount_fen``; refunds count units and money up to these.

    A line that puts value on a card costs its principal; ``bonus_fen`` is what was promised on top
    when it was placed. A top-up names the ``card`` it goes to. A membership is for
    ``membership_days``, as its plan said when it was placed. Goods of the points shop cost
    ``points_price`` points a piece beside their price in money, which may be nothing.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=10, choices=LineKind.choices)
    sku = models.ForeignKey(Sku, models.PROTECT, null=True, blank=True, verbose_name=_("SKU"))
    card_product = models.ForeignKey(
        CardProduct, models.PROTECT, null=True, blank=True, verbose_name=_("card product")
    )
    card = models.ForeignKey(
        Card,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("card topped up"),
    )
    bonus_fen = models.PositiveIntegerField(_("bonus (fen)"), default=0)
    membership_plan = models.ForeignKey(
        MembershipPlan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("membership plan"),
    )
    membership_days = models.PositiveIntegerField(_("days of membership"), default=0, db_default=0)
    points_offer = models.ForeignKey(
        PointsOffer,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("offer for points"),
    )
    points_price = models.PositiveIntegerField(
        _("price in points"), default=0, db_default=0, help_text=_("per piece, beside the money")
    )
    title = models.CharField(_("title"), max_length=160)
    options = models.JSONField(_("options"), default=dict, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price_fen = models.PositiveIntegerField(_("unit price (fen)"))
    gross_fen = models.PositiveIntegerField(_("gross (fen)"))
    discount_fen = models.PositiveIntegerField(_("discount (fen)"), default=0)
    net_fen = models.PositiveIntegerField(_("net (fen)"))
    refunded_quantity = models.PositiveIntegerField(_("refunded quantity"), default=0)
    refunded_fen = models.PositiveIntegerField(_("refunded (fen)"), default=0)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="mall_orderline_position"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, gross_fen=F("unit_price_fen") * F("quantity")),
                name="mall_orderline_gross",
            ),
            models.CheckConstraint(
                condition=Q(net_fen=F("gross_fen") - F("discount_fen")),
                name="mall_orderline_net",
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity__lte=F("quantity"), refunded_fen__lte=F("net_fen")),
                name="mall_orderline_refund_within",
            ),
            models.CheckConstraint(
                condition=Q(points_offer__isnull=True, points_price=0)
                | Q(kind="goods", points_offer__isnull=False, points_price__gt=0),
                name="mall_orderline_points",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="goods",
                    sku__isnull=False,
                    card_product__isnull=True,
                    card__isnull=True,
                    bonus_fen=0,
                )
                | Q(
                    kind="card",
                    sku__isnull=True,
                    card_product__isnull=False,
                    card__isnull=True,
                )
                | Q(
                    kind="topup",
                    sku__isnull=True,
                    card_product__isnull=False,
                    card__isnull=False,
                )
                | Q(
                    kind__in=["membership", "freight"],
                    sku__isnull=True,
                    card_product__isnull=True,
                    card__isnull=True,
                    bonus_fen=0,
                ),
                name="mall_orderline_kind",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="membership",
                    membership_plan__isnull=False,
                    membership_days__gt=0,
                    quantity=1,
                )
                | (~Q(kind="membership") & Q(membership_plan__isnull=True, membership_days=0)),
                name="mall_orderline_membership",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Adjustment(models.Model):
    """The part of one discount that fell on one line."""

    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="adjustments")
    kind = models.CharField(_("kind"), max_length=10, choices=DiscountKind.choices)
    reference = models.CharField(_("promotion or coupon"), max_length=32)
    title = models.CharField(_("title"), max_length=80)
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))

    class Meta:
        verbose_name = _("adjustment")
        verbose_name_plural = _("adjustments")
        constraints = [
            models.UniqueConstraint(
                fields=["line", "kind", "reference"], name="mall_adjustment_once"
            ),
        ]


class Tender(models.Model):
    """One way an order is paid: points, a card lot's principal or bonus, WeChat Pay, or money
    at a desk.

    ``points`` pay ``amount_fen`` of the order; as the price of lines of the points shop they pay
    none of its fen.

    ``from_topup``: out of the lot that the same order buys; its account is known once that is
    paid for.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="tenders")
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=16, choices=TenderKind.choices)
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))
    points = models.PositiveIntegerField(_("points"), default=0, db_default=0)
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, verbose_name=_("card lot account")
    )
    card_no = models.CharField(_("card number"), max_length=32, blank=True)
    from_topup = models.BooleanField(_("out of the top-up"), default=False)

    class Meta:
        verbose_name = _("tender")
        verbose_name_plural = _("tenders")
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="mall_tender_position"),
            models.CheckConstraint(
                condition=Q(kind="points_price", amount_fen=0)
                | (~Q(kind="points_price") & Q(amount_fen__gt=0)),
                name="mall_tender_positive",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["points", "points_price"], points__gt=0)
                | (~Q(kind__in=["points", "points_price"]) & Q(points=0)),
                name="mall_tender_points",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "wechat",
                        "cash",
                        "bank_card",
                        "transfer",
                        "points",
                        "points_price",
                    ],
                    account__isnull=True,
                    from_topup=False,
                )
                | (
                    Q(kind__in=["card_principal", "card_bonus"])
                    & (Q(account__isnull=False) | Q(from_topup=True))
                ),
                name="mall_tender_account",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class TenderAllocation(models.Model):
    """How much of a line's net a tender paid; frozen when placed, so refunds go back exactly."""

    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="allocations")
    tender = models.ForeignKey(Tender, models.PROTECT, related_name="allocations")
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))
    refunded_fen = models.PositiveIntegerField(_("refunded (fen)"), default=0)

    class Meta:
        verbose_name = _("tender allocation")
        verbose_name_plural = _("tender allocations")
        constraints = [
            models.UniqueConstraint(fields=["line", "tender"], name="mall_tenderallocation_once"),
            models.CheckConstraint(
                condition=Q(refunded_fen__lte=F("amount_fen")),
                name="mall_tenderallocation_refund_within",
            ),
        ]
