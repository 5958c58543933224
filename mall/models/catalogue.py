from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.models import Member


class Brand(models.Model):
    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    description = models.TextField(_("description"), blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """A shelf of the mall. Two levels are usual, any depth is possible."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    name = models.CharField(_("name"), max_length=40)
    slogan = models.CharField(_("slogan"), max_length=120, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """An SPU: what a shopper looks at. What is bought is one of its SKUs.

    ``price_fen`` is the lowest price of its SKUs, kept for lists and sorting; ``search_text``
    is what searches match, lower case.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=120)
    category = models.ForeignKey(
        Category, models.PROTECT, related_name="products", verbose_name=_("category")
    )
    brand = models.ForeignKey(
        Brand,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="products",
        verbose_name=_("brand"),
    )
    brief = models.CharField(_("brief"), max_length=255, blank=True)
    keywords = models.CharField(_("keywords"), max_length=255, blank=True)
    unit = models.CharField(_("unit"), max_length=16, blank=True)
    attributes = models.JSONField(
        _("attributes"), default=list, blank=True, help_text=_('[{"name": …, "value": …}]')
    )
    images = models.JSONField(_("images"), default=list, blank=True)
    # [{"name": …, "values": […]}] in the order of the merchandiser: a SKU's own options, a JSON
    # object, have none.
    options = models.JSONField(
        _("options"),
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        editable=False,
    )
    price_fen = models.PositiveIntegerField(_("price from (fen)"))
    list_price_fen = models.PositiveIntegerField(_("list price (fen)"), null=True, blank=True)
    on_sale = models.BooleanField(_("on sale"), default=True)
    search_text = models.TextField(editable=False)
    # Both bounds of the schedule are optional; see ``mall.listing``.
    listed_from = models.DateTimeField(_("listed from"), null=True, blank=True)
    listed_until = models.DateTimeField(_("listed until"), null=True, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.CheckConstraint(
                # A product that would never be listed is taken off sale instead.
                condition=Q(listed_until__gt=F("listed_from"))
                | Q(listed_from=None)
                | Q(listed_until=None),
                name="mall_product_schedule_in_order",
                violation_error_message=_("The end of the listing must be after its start."),
            ),
        ]
        indexes = [
            GinIndex(OpClass("search_text", name="gin_trgm_ops"), name="mall_product_search"),
            models.Index(fields=["category", "id"], name="mall_product_shelf"),
            models.Index(fields=["price_fen", "id"], name="mall_product_price"),
            # Few products are scheduled; the calendar of coming changes reads them alone.
            models.Index(
                fields=["listed_from"],
                condition=Q(listed_from__isnull=False),
                name="mall_product_listed_from",
            ),
            models.Index(
                fields=["listed_until"],
                condition=Q(listed_until__isnull=False),
                name="mall_product_listed_until",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Sku(models.Model):
    """One buyable variant of a product, e.g. colour × size."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    product = models.ForeignKey(
        Product, models.PROTECT, related_name="skus", verbose_name=_("product")
    )
    options = models.JSONField(_("options"), default=dict, blank=True)
    price_fen = models.PositiveIntegerField(_("price (fen)"))
    # Only for whoever may see costs: "mall.view_cost".
    cost_fen = models.PositiveIntegerField(_("cost (fen)"), null=True, blank=True)
    barcode = models.CharField(_("barcode"), max_length=32, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")
        permissions = [("view_cost", "Can see what articles cost")]
        constraints = [
            models.UniqueConstraint(
                # A scanned barcode means one article; an archived one may hand its barcode on.
                fields=["barcode"],
                condition=Q(archived_at=None) & ~Q(barcode=""),
                name="mall_sku_barcode_once",
                violation_error_message=_("Another SKU in use has this barcode."),
            ),
        ]
        indexes = [models.Index(fields=["barcode"], name="mall_sku_barcode")]

    def __str__(self) -> str:
        return self.code


class Review(CalledByKind):
    product = models.ForeignKey(
        Product, models.PROTECT, related_name="reviews", verbose_name=_("product")
    )
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, verbose_name=_("member")
    )
    stars = models.PositiveSmallIntegerField(_("stars"))
    text = models.TextField(_("text"), blank=True)
    created_at = models.DateTimeField(_("created at"))
    source_key = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        constraints = [
            models.CheckConstraint(condition=Q(stars__range=(1, 5)), name="mall_review_stars"),
        ]
        indexes = [models.Index(fields=["product", "-id"], name="mall_review_product")]
