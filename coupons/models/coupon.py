from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from coupons.models.template import Template
from coupons.states import Channel, CouponState, Source
from members.models import Member
from members.states import GiftState


class CouponQuerySet(models.QuerySet["Coupon"]):
    def for_member(self, member_id: int) -> "CouponQuerySet":
        return self.filter(member_id=member_id)


class Coupon(models.Model):
    """One coupon of one member. ``nth`` counts that member's coupons of the template."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    template = models.ForeignKey(Template, models.PROTECT, related_name="coupons")
    member = models.ForeignKey(Member, models.PROTECT, related_name="coupons")
    nth = models.PositiveSmallIntegerField(_("of this member"))
    state = models.CharField(_("state"), max_length=10, choices=CouponState.choices)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"))
    claimed_at = models.DateTimeField(_("claimed at"))
    source = models.CharField(
        _("came by"), max_length=10, choices=Source.choices, db_default=Source.CLAIM
    )
    source_token = models.CharField(_("came by code"), max_length=32, blank=True)
    given_key = models.CharField(
        _("given for"), max_length=64, blank=True, db_default="", help_text=_("what gave it, once")
    )
    given_by = models.ForeignKey(
        Member,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="coupons_given",
        verbose_name=_("given by"),
        help_text=_("the member who had it first and whose limit it counts for as well"),
    )
    locked_by = models.CharField(_("order number"), max_length=32, blank=True)
    locked_fen = models.PositiveIntegerField(
        _("discount set aside (fen)"), default=0, help_text=_("while an order locks the coupon")
    )
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    objects = CouponQuerySet.as_manager()

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        constraints = [
            # Two claims at once cannot both be the member's n-th.
            models.UniqueConstraint(
                fields=["template", "member", "nth"], name="coupons_coupon_nth_once"
            ),
            # What is told twice is given once, to whoever had it first: who gave it away was given
            # theirs, and who took it was not.
            models.UniqueConstraint(
                Coalesce("given_by", "member"),
                "template",
                "given_key",
                condition=~Q(given_key=""),
                name="coupons_coupon_given_once",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")), name="coupons_coupon_period"
            ),
            models.CheckConstraint(
                condition=(Q(state="locked") & ~Q(locked_by=""))
                | (Q(state="used") & Q(used_at__isnull=False))
                | (~Q(state__in=["locked", "used"]) & Q(locked_by="", used_at__isnull=True)),
                name="coupons_coupon_state_stamped",
            ),
            models.CheckConstraint(
                # What a budget gives to a lock ends with the lock.
                condition=Q(state="locked") | Q(locked_fen=0),
                name="coupons_coupon_lock_amount",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "state"], name="coupons_coupon_wallet"),
            models.Index(
                fields=["locked_by"], condition=Q(state="locked"), name="coupons_coupon_lock"
            ),
            models.Index(
                fields=["valid_until"],
                condition=Q(state__in=["claimed", "returned"]),
                name="coupons_coupon_ending",
            ),
            # Claims of the last hour: rows lie in the order of their claims, and this one costs a
            # claim nothing.
            BrinIndex(fields=["claimed_at"], autosummarize=True, name="coupons_coupon_claimed"),
        ]

    def __str__(self) -> str:
        return self.no


class Redemption(CalledByKind):
    """A coupon was used for ``amount_fen``, in the mall or in a store."""

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="redemptions")
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    reference = models.CharField(_("reference"), max_length=40, db_index=True)
    amount_fen = models.PositiveIntegerField(_("discount (fen)"))
    returned_fen = models.PositiveIntegerField(
        _("taken back (fen)"), db_default=0, help_text=_("when a part of the sale was returned")
    )
    key = models.CharField(_("key"), max_length=120, unique=True)
    redeemed_at = models.DateTimeField(_("redeemed at"))
    reversed_at = models.DateTimeField(_("reversed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        constraints = [
            # Over both channels a coupon is used once at a time.
            models.UniqueConstraint(
                fields=["coupon"],
                condition=Q(reversed_at__isnull=True),
                name="coupons_redemption_one_live",
            ),
            models.CheckConstraint(
                condition=Q(returned_fen__lte=F("amount_fen")),
                name="coupons_redemption_returned_within",
            ),
        ]


class CouponGift(models.Model):
    """A coupon offered to whoever opens the link first; its token is a code of the kernel."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="gifts")
    giver = models.ForeignKey(
        Member, models.PROTECT, related_name="coupon_gifts_given", verbose_name=_("given by")
    )
    taker = models.ForeignKey(
        Member,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="coupon_gifts_taken",
        verbose_name=_("accepted by"),
    )
    token = models.CharField(_("token"), max_length=32, unique=True)
    greeting = models.CharField(_("greeting"), max_length=80, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=GiftState.choices)
    offered_at = models.DateTimeField(_("offered at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("gift of a coupon")
        verbose_name_plural = _("gifts of coupons")
        constraints = [
            models.UniqueConstraint(
                fields=["coupon"], condition=Q(state="offered"), name="coupons_coupongift_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state="offered", ended_at__isnull=True)
                | (~Q(state="offered") & Q(ended_at__isnull=False)),
                name="coupons_coupongift_ended_stamped",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", taker__isnull=False)
                | (~Q(state="accepted") & Q(taker__isnull=True)),
                name="coupons_coupongift_taken",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state="offered"),
                name="coupons_coupongift_ending",
            )
        ]

    def __str__(self) -> str:
        return self.no
