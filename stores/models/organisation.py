from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from stores.states import OperatorKind, Role, StoreKind


class Region(models.Model):
    """An administrative region of China, by its six-digit adcode."""

    adcode = models.CharField(_("adcode"), max_length=12, unique=True)
    name = models.CharField(_("name"), max_length=40)
    level = models.PositiveSmallIntegerField(_("level"))
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")

    def __str__(self) -> str:
        return self.name


class Operator(models.Model):
    """A legal entity that sells: it has its own merchant account, cards, books and franchise."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=OperatorKind.choices)
    mchid = models.CharField(_("WeChat merchant id"), max_length=32, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")

    def __str__(self) -> str:
        return self.name


class StoreQuerySet(models.QuerySet["Store"]):
    def for_staff(self, user, permission: str = "stores.view_store") -> "StoreQuerySet":
        """Stores where ``user`` holds ``permission``; nothing without an assignment."""
        from stores.reach import staff_reach

        return self.filter(staff_reach(user, permission).stores())


class Store(models.Model):
    """A shop, a warehouse or the online shop of one operator. Coordinates are GCJ-02."""

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="stores", verbose_name=_("operator")
    )
    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=StoreKind.choices)
    region = models.ForeignKey(
        Region, models.PROTECT, null=True, blank=True, verbose_name=_("region")
    )
    address = models.CharField(_("address"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    latitude = models.DecimalField(
        _("latitude"), max_digits=9, decimal_places=6, null=True, blank=True
    )
    longitude = models.DecimalField(
        _("longitude"), max_digits=9, decimal_places=6, null=True, blank=True
    )
    hours = models.JSONField(
        _("opening hours"),
        default=dict,
        blank=True,
        help_text=_('{"mon": ["10:00", "22:00"], …}; a missing day is closed'),
    )
    pickup_enabled = models.BooleanField(_("offers pickup"), default=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        constraints = [
            models.CheckConstraint(
                # Half a coordinate would place a shop in the sea.
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="stores_store_coordinates",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Assignment(models.Model):
    """A user's role at a store, or at all stores of an operator, or (neither) at headquarters."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    operator = models.ForeignKey(
        Operator, models.PROTECT, null=True, blank=True, verbose_name=_("operator")
    )
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, verbose_name=_("store"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")),
                name="stores_assignment_period",
            ),
            models.CheckConstraint(
                # A store's assignment already says the operator.
                condition=Q(store__isnull=True) | Q(operator__isnull=True),
                name="stores_assignment_one_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_role_display()}"
